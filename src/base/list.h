/* list.h - intrusive doubly linked list with a head node. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/base.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(l)                                                                               \
    {                                                                                              \
        &(l), &(l)                                                                                 \
    }

static inline void
list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
    return l->next == l;
}

/** True when the node is in some list (nodes must be list_init()ed or zeroed). */
static inline bool
list_linked(const struct list *n)
{
    return n->next && n->next != n;
}

static inline void
list_insert_between(struct list *n, struct list *prev, struct list *next)
{
    n->prev = prev;
    n->next = next;
    prev->next = n;
    next->prev = n;
}

static inline void
list_push_back(struct list *l, struct list *n)
{
    list_insert_between(n, l->prev, l);
}

static inline void
list_push_front(struct list *l, struct list *n)
{
    list_insert_between(n, l, l->next);
}

/** Unlinks the node and leaves it initialised; harmless on an initialised, unlinked node. */
static inline void
list_del(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

/** The first node, unlinked, or NULL. */
static inline struct list *
list_pop_front(struct list *l)
{
    struct list *n = l->next;
    if (n == l)
        return NULL;
    list_del(n);
    return n;
}

/** Moves all nodes of `from` to the end of `to`. */
static inline void
list_splice_back(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define list_entry(n, type, member) container_of(n, type, member)
#define list_first(l, type, member) (list_empty(l) ? NULL : container_of((l)->next, type, member))
#define list_last(l, type, member)  (list_empty(l) ? NULL : container_of((l)->prev, type, member))
/** The node of an entry. Address arithmetic only: at the end of a loop `e` is no real entry. */
#define list_node(e, member)                                                                       \
    ((struct list *)(void *)((char *)(e) + offsetof(__typeof__(*(e)), member)))
/** Iterates over entries; the current one must not be unlinked. */
#define list_each(e, l, member)                                                                    \
    for (e = container_of((l)->next, __typeof__(*e), member); list_node(e, member) != (l);         \
         e = container_of(list_node(e, member)->next, __typeof__(*e), member))
/** The same, and the current entry may be unlinked or freed. */
#define list_each_safe(e, tmp, l, member)                                                          \
    for (e = container_of((l)->next, __typeof__(*e), member),                                      \
        tmp = container_of(list_node(e, member)->next, __typeof__(*e), member);                    \
         list_node(e, member) != (l);                                                              \
         e = tmp, tmp = container_of(list_node(e, member)->next, __typeof__(*e), member))

#endif
