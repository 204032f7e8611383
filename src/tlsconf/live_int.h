/* live_int.h - what the files about changes at run time share. */
#ifndef TLSCONF_LIVE_INT_H
#define TLSCONF_LIVE_INT_H

#include "tlsconf/live.h"
#include "tlsconf/tlsconf.h"

#include <pthread.h>

/** Held while something is changed or shown. Not a leaf: locks of src/tls/ are taken below it. */
extern pthread_mutex_t live_lock;

/** Says why not; returns false. */
bool live_refuse(struct text *out, const char *fmt, ...) PRINTF(2, 3);
void live_ca_release(void);
void live_list_release(void);
/** "Committing <name>", a dot per step, "Success!". */
void live_applied(const char *name, struct tls_changes *changes, struct text *out);

#endif
