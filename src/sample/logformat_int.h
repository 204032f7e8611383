/* logformat_int.h - the compiled form of a log-format: what logformat.c makes and
 * logformat_render.c runs. */
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
    LF_DASH = 1 << 6, /* LOGF_DASH */
    LF_HTTP = 1 << 7, /* LOGF_HTTP */
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

/** What must be done with a byte. */
enum byte_class {
    B_URL = 1 << 0,    /* breaks a line or quotes: #XX */
    B_HDR = 1 << 1,    /* breaks a list of headers: #XX */
    B_HTTP = 1 << 2,   /* forbidden in header values: %XX */
    B_ESCAPE = 1 << 3, /* backslash before it */
    B_JSON = 1 << 4,
};

/** Writes `s`; bytes of the classes in `mask` in their harmless form. */
HOT void lf_put_bytes(struct out *o, struct slice s, unsigned mask);

enum { CBOR_TEXT = 3 << 5, CBOR_MAP_OPEN = 0xbf, CBOR_NULL = 0xf6, CBOR_CLOSE = 0xff };

/** One byte, as it is (LF_BIN in `flags`) or as two hexadecimal digits. */
void lf_cbor_byte(struct out *o, unsigned flags, unsigned char c);
/** Bytes with their length in front. */
void lf_cbor_string(struct out *o, unsigned flags, unsigned char major, struct slice s);
/** A boolean, integer, string or binary value. */
void lf_cbor_value(struct out *o, unsigned flags, const struct sample *s);
/** A boolean, integer or string, the latter in quotes unless the item is of the type LF_RAW. */
void lf_json_value(struct out *o, const struct lf_node *n, const struct sample *s);

#endif
