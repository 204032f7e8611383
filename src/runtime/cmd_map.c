/* cmd_map.c - show, get, add, del, set, clear, prepare, commit of maps and of lists of ACLs
 * (management manual 9.3). */
#include "runtime/cli_int.h"

#include "config/module.h"
#include "runtime/runtime.h"
#include "sample/pattern.h"

#include <stdlib.h>

#define ENTRIES_AT_ONCE 256u

/** What differs between the two families of commands. */
struct kind {
    const char *word;  /* in the command */
    const char *title; /* in messages */
    unsigned flag;     /* lists that the commands see */
};
static const struct kind map_kind = { "map", "map", PREF_MAP },
                         acl_kind = { "acl", "ACL", PREF_ACL };

static const struct kind *
kind_of(const struct command *cmd)
{
    return cmd->private;
}

/* ---- words ---- */

/* "@<version>" as word *at: skipped. False after an error was answered. */
static bool
take_version(struct cli *c, unsigned *at, uint64_t *version, bool *given)
{
    uint64_t v;

    *version = PAT_CURRENT;
    *given = c->arg[*at][0] == '@';
    if (!*given)
        return true;
    if (!slice_to_uint(slice_str(c->arg[*at] + 1), &v) || v > UINT32_MAX) {
        cli_err(c, "Invalid version number.");
        return false;
    }
    *version = v;
    ++*at;
    return true;
}

/* The list called word `i`, or NULL after an error was answered. */
static struct pat_ref *
find_list(struct cli *c, unsigned i, const struct kind *k)
{
    struct pat_ref *r = *c->arg[i] ? pat_ref_find(slice_str(c->arg[i])) : NULL;

    if (r && pat_ref_flags(r) & k->flag)
        return r;
    cli_err(c, "Unknown %s identifier. Please use #<id> or <name>.", k->title);
    return NULL;
}

static bool
version_known(struct cli *c, struct pat_ref *r, uint64_t version, const struct kind *k)
{
    unsigned curr, next;
    size_t n;

    if (version == PAT_CURRENT)
        return true;
    pat_ref_info(r, &curr, &next, &n);
    if ((int32_t)((uint32_t)version - next) <= 0)
        return true;
    cli_err(c, "Version number in the future, please use 'prepare %s' before.", k->word);
    return false;
}

/* ---- show ---- */

struct listing {
    struct pat_ref *ref;
    uint64_t version;
    struct pat_iter it;
};

static void
listing_free(struct cli *c)
{
    struct listing *l = c->state;

    pat_iter_fini(&l->it);
    free(l);
    c->state = NULL;
}

static enum cli_rc
listing_more(struct cli *c)
{
    struct listing *l = c->state;
    struct arena a;
    struct pat_entry e;
    bool more = true;

    arena_init(&a, NULL, 0, 0);
    for (unsigned i = 0; i < ENTRIES_AT_ONCE && more; i++) {
        more = pat_iter_next(&l->it, l->ref, l->version, &a, &e);
        if (!more)
            break;
        text_printf(&c->out, "0x%llx %.*s", (unsigned long long)e.id, SLF(e.key));
        if (e.value.p)
            text_printf(&c->out, " %.*s", SLF(e.value));
        text_char(&c->out, '\n');
    }
    arena_fini(&a);
    if (more)
        return CLI_WAIT;
    listing_free(c);
    return CLI_DONE;
}

static void
list_lists(struct cli *c, const struct kind *k)
{
    unsigned curr, next;
    size_t n;

    text_str(&c->out, "# id (file) description\n");
    for (struct pat_ref *r = pat_ref_next(NULL); r; r = pat_ref_next(r)) {
        if (!(pat_ref_flags(r) & k->flag))
            continue;
        pat_ref_info(r, &curr, &next, &n);
        text_printf(&c->out, "%d (%s) %s. curr_ver=%u next_ver=%u entry_cnt=%zu\n", pat_ref_id(r),
                    pat_ref_name(r), pat_ref_about(r), curr, next, n);
    }
}

static enum cli_rc
cmd_show(struct cli *c, const struct command *cmd)
{
    const struct kind *k = kind_of(cmd);
    unsigned at = 2;
    uint64_t version;
    bool given;

    if (c->nargs == 2) {
        list_lists(c, k);
        return CLI_DONE;
    }
    if (!take_version(c, &at, &version, &given))
        return CLI_DONE;
    struct pat_ref *r = find_list(c, at, k);
    if (!r)
        return CLI_DONE;
    struct listing *l = xcalloc(1, sizeof(*l));
    l->ref = r;
    l->version = version;
    c->state = l;
    c->cancel = listing_free;
    c->more = listing_more;
    return listing_more(c);
}

/* ---- get ---- */

static enum cli_rc
cmd_get(struct cli *c, const struct command *cmd)
{
    const struct kind *k = kind_of(cmd);

    if (!*c->arg[2] || !*c->arg[3])
        return cli_err(c, "Missing %s identifier and/or key.", k->title);
    struct pat_ref *r = find_list(c, 2, k);
    if (r)
        pat_ref_lookup(r, slice_str(c->arg[3]), &c->out);
    return CLI_DONE;
}

/* ---- add ---- */

static bool
add_one(struct cli *c, struct pat_ref *r, uint64_t version, struct slice key, struct slice value)
{
    char *err = NULL;

    if (pat_ref_add(r, version, key, value, &err)) {
        free(err);
        return true;
    }
    cli_err(c, "%s.", err ? err : "Out of memory while inserting");
    free(err);
    return false;
}

static struct slice
skip_blanks(struct slice s)
{
    while (s.len && (*s.p == ' ' || *s.p == '\t')) {
        s.p++;
        s.len--;
    }
    return s;
}

/* Lines of "key value", or of keys: blanks around are dropped, empty lines are skipped. */
static void
add_payload(struct cli *c, struct pat_ref *r, uint64_t version, const struct kind *k)
{
    struct slice rest = c->payload;

    while (rest.p && rest.len) {
        struct slice line = slice_trim(slice_cut(rest, '\n', &rest)), key = line,
                     value = SLICE_NONE;
        if (line.len && line.p[line.len - 1] == '\r')
            line = key = slice_trim(slice_sub(line, 0, line.len - 1));
        if (!line.len)
            continue;
        if (k->flag == PREF_MAP) {
            size_t n = 0;
            while (n < line.len && line.p[n] != ' ' && line.p[n] != '\t')
                n++;
            key = slice_sub(line, 0, n);
            value = skip_blanks(slice_sub(line, n, SIZE_MAX));
            if (!value.len) {
                cli_err(c, "Missing value for key '%.*s'.", SLF(key));
                return;
            }
        }
        if (!add_one(c, r, version, key, value))
            return;
    }
}

static enum cli_rc
usage_add(struct cli *c, const struct kind *k)
{
    if (k->flag == PREF_MAP)
        return cli_err(
            c,
            "'add map' expects three parameters (map identifier, key and value) or one parameter "
            "(map identifier) and a payload");
    return cli_err(c, "'add acl' expects two parameters: ACL identifier and pattern.");
}

static enum cli_rc
cmd_add(struct cli *c, const struct command *cmd)
{
    const struct kind *k = kind_of(cmd);
    bool map = k->flag == PREF_MAP, given;
    unsigned at = 2;
    uint64_t version;

    if (!take_version(c, &at, &version, &given))
        return CLI_DONE;
    bool words = *c->arg[at + 1] && (!map || *c->arg[at + 2]);
    if (!*c->arg[at] || (!words && !c->payload.p) || (c->payload.p && *c->arg[at + 1]))
        return usage_add(c, k);
    struct pat_ref *r = find_list(c, at, k);
    if (!r || !version_known(c, r, version, k))
        return CLI_DONE;
    if (c->payload.p)
        add_payload(c, r, version, k);
    else
        add_one(c, r, version, slice_str(c->arg[at + 1]),
                map ? slice_str(c->arg[at + 2]) : SLICE_NONE);
    return CLI_DONE;
}

/* ---- del, set ---- */

/* "#<ref>": the number that `show` prints. -1: it is a key; 0: malformed; 1: *id. */
static int
parse_ref(const char *word, uint64_t *id)
{
    char *end;

    if (*word != '#')
        return -1;
    *id = strtoull(word + 1, &end, 16);
    return *end || end == word + 1 ? 0 : 1;
}

static enum cli_rc
cmd_del(struct cli *c, const struct command *cmd)
{
    const struct kind *k = kind_of(cmd);
    uint64_t id;

    if (!*c->arg[2] || !*c->arg[3])
        return cli_err(c, "This command expects two parameters: %s identifier and key.", k->title);
    struct pat_ref *r = find_list(c, 2, k);
    if (!r)
        return CLI_DONE;
    int ref = parse_ref(c->arg[3], &id);
    if (ref == 0)
        return cli_err(c, "Malformed identifier. Please use #<id> or <name>.");
    bool found = ref > 0 ? pat_ref_del_id(r, id) : pat_ref_del(r, slice_str(c->arg[3])) > 0;
    return found ? CLI_DONE : cli_err(c, "Key not found.");
}

static enum cli_rc
cmd_set(struct cli *c, const struct command *cmd)
{
    uint64_t id;
    char *err = NULL;

    if (!*c->arg[2] || !*c->arg[3] || !*c->arg[4])
        return cli_err(c, "'set map' expects three parameters: map identifier, key and value.");
    struct pat_ref *r = find_list(c, 2, &map_kind);
    if (!r)
        return CLI_DONE;
    int ref = parse_ref(c->arg[3], &id);
    if (ref == 0)
        return cli_err(c, "Malformed identifier. Please use #<id> or <name>.");
    bool ok = ref > 0 ? pat_ref_set_id(r, id, slice_str(c->arg[4]), &err)
                      : pat_ref_set(r, slice_str(c->arg[3]), slice_str(c->arg[4]), &err);
    if (!ok)
        cli_err(c, "%s.", err ? err : "entry not found");
    free(err);
    return CLI_DONE;
}

/* ---- versions ---- */

static enum cli_rc
cmd_clear(struct cli *c, const struct command *cmd)
{
    const struct kind *k = kind_of(cmd);
    unsigned at = 2;
    uint64_t version;
    bool given;

    if (!take_version(c, &at, &version, &given))
        return CLI_DONE;
    if (!*c->arg[at])
        return cli_err(c, "Missing %s identifier.", k->title);
    struct pat_ref *r = find_list(c, at, k);
    if (r)
        pat_ref_clear(r, version);
    return CLI_DONE;
}

static enum cli_rc
cmd_prepare(struct cli *c, const struct command *cmd)
{
    struct pat_ref *r = find_list(c, 2, kind_of(cmd));

    return r ? cli_msg(c, CLI_INFO, "New version created: %u", pat_ref_prepare(r)) : CLI_DONE;
}

static enum cli_rc
cmd_commit(struct cli *c, const struct command *cmd)
{
    const struct kind *k = kind_of(cmd);
    unsigned at = 2;
    uint64_t version;
    bool given;

    if (!take_version(c, &at, &version, &given))
        return CLI_DONE;
    if (!given)
        return cli_err(c, "Missing version number.");
    struct pat_ref *r = find_list(c, at, k);
    if (r && !pat_ref_commit(r, (unsigned)version))
        return cli_err(c, "Version number out of range.");
    return CLI_DONE;
}

#define O   CLI_LEVEL_OPERATOR
#define MAP (void *)&map_kind
#define ACL (void *)&acl_kind
static const struct command commands[] = {
    { "show map", "show map [@ver] [map]", "the maps, or the entries of one", CLI_LEVEL_USER,
      cmd_show, 0, MAP },
    { "show acl", "show acl [@<ver>] <acl>]", "the lists of ACLs, or the patterns of one",
      CLI_LEVEL_USER, cmd_show, 0, ACL },
    { "get map", "get map <acl> <value>", "what a map gives for a sample", CLI_LEVEL_USER, cmd_get,
      0, MAP },
    { "get acl", "get acl <acl> <value>", "which pattern matches a sample", CLI_LEVEL_USER, cmd_get,
      0, ACL },
    { "add map", "add map [@<ver>] <map> <key> <val>", "add an entry (or lines of them as payload)",
      O, cmd_add, 0, MAP },
    { "add acl", "add acl [@<ver>] <acl> <pattern>", "add a pattern (or lines of them as payload)",
      O, cmd_add, 0, ACL },
    { "del map", "del map <map> [<key>|#<ref>]", "remove entries with a key", O, cmd_del, 0, MAP },
    { "del acl", "del acl <acl> [<key>|#<ref>]", "remove a pattern", O, cmd_del, 0, ACL },
    { "set map", "set map <map> [<key>|#<ref>] <value>", "change an entry's value", O, cmd_set, 0,
      MAP },
    { "clear map", "clear map [@<ver>] <map>", "remove all entries", O, cmd_clear, 0, MAP },
    { "clear acl", "clear acl [@<ver>] <acl>", "remove all patterns", O, cmd_clear, 0, ACL },
    { "prepare map", "prepare map <acl>", "begin a new version, to be filled and committed", O,
      cmd_prepare, 0, MAP },
    { "prepare acl", "prepare acl <acl>", "begin a new version, to be filled and committed", O,
      cmd_prepare, 0, ACL },
    { "commit map", "commit map @<ver> <map>", "make a version the current one", O, cmd_commit, 0,
      MAP },
    { "commit acl", "commit acl @<ver> <acl>", "make a version the current one", O, cmd_commit, 0,
      ACL },
    { 0 },
};
#undef O
#undef MAP
#undef ACL

const struct module runtime_map_module = { .name = "runtime API: maps and ACLs",
                                           .commands = commands };
