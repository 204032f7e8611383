/* userlist.h - users, groups and passwords for HTTP authentication (manual 3.4). */
#ifndef PROXY_USERLIST_H
#define PROXY_USERLIST_H

#include "config/module.h"
#include "proxy/config.h"

struct user_group;

struct user {
    struct list link;
    const char *name;
    struct cfg_loc loc;
    const char *password; /* as written; NULL: none, nobody gets in */
    bool clear;           /* insecure-password: not a crypt(3) hash */
    const char *groups_text;
    struct user_group **groups; /* [ngroups] */
    unsigned ngroups;
};

struct user_group {
    struct list link;
    const char *name;
    const char *users_text;
};

struct userlist {
    struct list link;
    const char *name;
    struct cfg_loc loc;
    struct list users, groups;
    struct user **sorted; /* [nusers] by name, once the configuration was read */
    unsigned nusers;
};

/** A section by name, NULL when there is none. */
struct userlist *userlist_find(struct config *cf, const char *name);
/** The user, if the password is right; NULL. Costs a crypt(3) for hashed passwords that this thread
 * has not seen lately. */
const struct user *userlist_verify(const struct userlist *l, struct slice name,
                                   struct slice password);

extern const struct module userlist_module;

#endif
