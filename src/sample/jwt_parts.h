/* jwt_parts.h - what the converters for signed and for encrypted tokens share. */
#ifndef SAMPLE_JWT_PARTS_H
#define SAMPLE_JWT_PARTS_H

#include "sample/conv.h"

/** The parts of a token in compact form: three signed, five encrypted. */
struct jwt_parts {
    struct slice part[5];
    unsigned n; /* 0: there are more */
};

/** Cuts at the dots; decodes nothing. */
void jwt_split(struct slice token, struct jwt_parts *p);
/** The text of an ARG_FMT_STR; false: a variable without value. */
MUST_CHECK bool jwt_arg_text(const struct expr_arg *arg, struct sample_ctx *x, struct slice *to);
/** Configuration time: a literal certificate that is not in the store is loaded now. False with
 * `err`. */
MUST_CHECK bool jwt_need_cert(const struct expr_arg *arg, char **err);

#endif
