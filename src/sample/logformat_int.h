/* logformat_int.h - the compiled form of a log-format: what logformat.c makes and logformat_render.c runs. */
#ifndef SAMPLE_LOGFORMAT_INT_H
#define SAMPLE_LOGFORMAT_INT_H

#include "sample/logformat.h"

/** Flags of an item, after those of %o were applied. */
enum lf_flag {
    LF_QUOTE = 1 << 0,
    LF_HEX = 1 << 1,
    LF_ESCAPE = 1 << 2, /* backslash before " \ ] */
    LF_BIN = 1 << 3,    /* raw bytes, NUL included; of the whole line only */
    LF_JSON = 1 << 4,
    LF_CBOR = 1 << 5,
    LF_DASH = 1 << 6,   /* LOGF_DASH */
    LF_HTTP = 1 << 7,   /* LOGF_HTTP */
};
#define LF_ENCODE (LF_JSON | LF_CBOR)

enum lf_kind { LF_TEXT, LF_ALIAS, LF_EXPR };

/** Type that an encoding gives to the value. */
enum lf_type { LF_ANY, LF_STR, LF_SINT, LF_BOOL, LF_RAW };

struct lf_node {
    enum lf_kind kind;
    enum lf_type type;
    unsigned flags;
    struct slice text; /* LF_TEXT; else the item's name, empty: none */
    const struct logfmt_alias *alias;
    const struct expr *expr;
};

struct logfmt {
    struct lf_node *node;
    unsigned n;
    unsigned needs;
    unsigned whole; /* LF_ENCODE bits: the line is one object; LF_BIN */
    bool merge;     /* LOGF_MERGE */
    bool is_const;
};

#endif
