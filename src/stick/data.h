/* data.h - what table.c and table_parse.c need of data.c. */
#ifndef STICK_DATA_H
#define STICK_DATA_H

#include "stick/table.h"

/** Computes offsets and sizes from t->count[] and t->key_size. */
void stick_table_layout(struct stick_table *t);
/** Zeroes the data of a new entry; releases what a dying one holds. */
void stick_data_init(const struct stick_table *t, struct stick_entry *e);
void stick_data_fini(const struct stick_table *t, struct stick_entry *e);

#endif
