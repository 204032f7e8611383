/* conv_math.c - arithmetic, bit operations and tests on integers. Results saturate instead of
 * wrapping. */
#include "sample/conv.h"

#include <arpa/inet.h>

typedef int64_t (*binary_fn)(int64_t a, int64_t b);

struct binary {
    binary_fn fn;
};

static int64_t
math_add(int64_t a, int64_t b)
{
    int64_t r;

    if (__builtin_add_overflow(a, b, &r))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return r;
}

static int64_t
math_sub(int64_t a, int64_t b)
{
    int64_t r;

    if (__builtin_sub_overflow(a, b, &r))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return r;
}

static int64_t
math_mul(int64_t a, int64_t b)
{
    int64_t r;

    if (__builtin_mul_overflow(a, b, &r))
        return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
    return r;
}

static int64_t
math_div(int64_t a, int64_t b)
{
    if (b == 0 || (a == INT64_MIN && b == -1))
        return INT64_MAX;
    return a / b;
}

static int64_t
math_mod(int64_t a, int64_t b)
{
    if (b == 0 || b == -1)
        return 0;
    return a % b;
}

static int64_t
math_and(int64_t a, int64_t b)
{
    return a & b;
}

static int64_t
math_or(int64_t a, int64_t b)
{
    return a | b;
}

static int64_t
math_xor(int64_t a, int64_t b)
{
    return a ^ b;
}

static const struct binary op_add = { math_add }, op_sub = { math_sub }, op_mul = { math_mul },
                           op_div = { math_div }, op_mod = { math_mod }, op_and = { math_and },
                           op_or = { math_or }, op_xor = { math_xor };

static bool
check_operand(struct expr_arg *arg, struct cfg *c, char **err)
{
    return conv_check_int_or_var(&arg[0], err);
}

static bool
conv_binary(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    const struct binary *op = private;
    int64_t b;

    if (!conv_arg_int(&arg[0], x, &b))
        return false;
    s->u.i = op->fn(s->u.i, b);
    return true;
}

static bool
conv_cpl(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    s->u.i = ~s->u.i;
    return true;
}

static bool
conv_neg(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    s->u.i = math_sub(0, s->u.i);
    return true;
}

static bool
conv_bool(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    sample_set_bool(s, s->u.i != 0);
    return true;
}

static bool
conv_not(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    sample_set_bool(s, s->u.i == 0);
    return true;
}

static bool
conv_odd(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    sample_set_bool(s, s->u.i & 1);
    return true;
}

static bool
conv_even(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    sample_set_bool(s, !(s->u.i & 1));
    return true;
}

/** The low 32 bits, most significant byte first. */
static bool
conv_htonl(const struct expr_arg *arg, struct sample_ctx *x, struct sample *s, void *private)
{
    uint32_t v = htonl((uint32_t)s->u.i);
    struct out o;

    if (!conv_out(&o, sizeof(v), x))
        return false;
    out_mem(&o, &v, sizeof(v));
    conv_out_end(s, SMP_BIN, &o);
    return true;
}

/* HAProxy takes a missing operand for 0. */
#define BINARY(name_, op_, help_)                                                                  \
    {                                                                                              \
        name_, { ARG_STR }, SMP_SINT, SMP_SINT, conv_binary,                                       \
            .check = check_operand, .private = (void *)&(op_), .usage = "<value>", .help = help_   \
    }
#define UNARY(name_, out_, fn_, help_)                                                             \
    {                                                                                              \
        name_, { 0 }, SMP_SINT, out_, fn_, .help = help_                                           \
    }

const struct conv conv_math[] = {
    BINARY("add", op_add, "adds an integer or a variable"),
    BINARY("and", op_and, "bitwise AND with an integer or a variable"),
    UNARY("bool", SMP_BOOL, conv_bool, "true unless zero"),
    UNARY("cpl", SMP_SINT, conv_cpl, "flips all bits"),
    BINARY("div", op_div, "divides by an integer or a variable; by zero: the largest integer"),
    UNARY("even", SMP_BOOL, conv_even, "true when even"),
    UNARY("htonl", SMP_BIN, conv_htonl, "the low 32 bits in network byte order"),
    BINARY("mod", op_mod, "remainder of a division; by zero: zero"),
    BINARY("mul", op_mul, "multiplies by an integer or a variable"),
    UNARY("neg", SMP_SINT, conv_neg, "opposite value"),
    UNARY("not", SMP_BOOL, conv_not, "true when zero"),
    UNARY("odd", SMP_BOOL, conv_odd, "true when odd"),
    BINARY("or", op_or, "bitwise OR with an integer or a variable"),
    BINARY("sub", op_sub, "subtracts an integer or a variable"),
    BINARY("xor", op_xor, "bitwise exclusive OR with an integer or a variable"),
    { 0 },
};

const struct module conv_math_module = { .name = "conv_math", .convs = conv_math };
