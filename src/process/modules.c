/* modules.c - the one list of features. */
#include "config/module.h"

const struct module *const modules[] = {
    NULL,
};
