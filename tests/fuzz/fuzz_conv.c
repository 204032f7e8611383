/* fuzz_conv.c - every converter on untrusted input: the first byte chooses the expression, the rest
 * is its input. Invariants: no result is longer than a buffer (or than its input, for those that
 * only cut), bytes given as constant are not changed, what is decoded from an encoding is what was
 * encoded. */
#include "fuzz_conv.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const texts[] = {
    "fuzz_str,lower,upper,length",
    "fuzz_str,field(2,'/.'),field(-2,'/.',2)",
    "fuzz_str,word(2,'/.',0)",
    "fuzz_str,word(-2,'/.',3),reverse",
    "fuzz_str,ltrim(' x'),rtrim(' x'),cut_crlf",
    "fuzz_str,concat('<',txn.self,'>'),add_item(',',txn.self,'x')",
    "fuzz_str,strcmp(txn.self)",
    "fuzz_bin,secure_memcmp(txn.self)",
    "fuzz_bin,bytes(3,9)",
    "fuzz_str,reverse_dom,reverse_dom",
    "fuzz_bin,has_ctl(any)",
    "fuzz_str,param(a),url_dec(1)",
    "fuzz_str,url_dec",
    "fuzz_str,url_enc",
    "fuzz_bin,hex,hex2i",
    "fuzz_bin,base2",
    "fuzz_bin,be2dec(:,3)",
    "fuzz_bin,le2dec(:,8,1)",
    "fuzz_bin,be2hex(--,5)",
    "fuzz_str,b64dec",
    "fuzz_str,ub64dec",
    "fuzz_str,json",
    "fuzz_str,json(utf8)",
    "fuzz_str,json(utf8ps)",
    "fuzz_str,json_query('$.a[1].b')",
    "fuzz_str,json_query('$.a.b','int')",
    "fuzz_str,json_query('$')",
    "fuzz_int,utime('%Y-%m-%dT%H:%M:%S %s')",
    "fuzz_int,us_utime('%s.%6N',-5)",
    "fuzz_int,http_date(-1,ms)",
    "fuzz_str,date",
    "fuzz_bin,sha1,hex",
    "fuzz_bin,digest(md5),hex",
    "fuzz_bin,hmac(sha256,a2V5),hex",
    "fuzz_bin,aes_cbc_dec(128,AAECAwQFBgcICQoLDA0ODw==,K34VFiiu0qar9xWICc9PPA==)",
    "fuzz_bin,aes_gcm_dec(128,AAECAwQFBgcICQoL,K34VFiiu0qar9xWICc9PPA==,AAECAwQFBgcICQoLDA0ODw==)",
    "fuzz_bin,crc32c(1),xxh3,wt6",
    "fuzz_bin,mqtt_is_valid",
    "fuzz_bin,mqtt_field_value(connect,will_payload)",
    "fuzz_bin,mqtt_field_value(connack,31)",
    "fuzz_bin,fix_is_valid",
    "fuzz_bin,fix_tag_value(MsgType)",
    "fuzz_bin,protobuf(1.2.3)",
    "fuzz_bin,protobuf(2,double)",
    "fuzz_bin,ungrpc(1.1,sint32)",
    "fuzz_str,language('en;fr;de-at',xx)",
    "fuzz_str,host_only",
    "fuzz_str,port_only",
    "fuzz_str,rfc7239_is_valid",
    "fuzz_str,rfc7239_field(for),rfc7239_n2nn,rfc7239_nn",
    "fuzz_str,rfc7239_n2np,rfc7239_np",
    "fuzz_bin,eth.hdr",
    "fuzz_bin,eth.data,ip.data,tcp.options_list",
    "fuzz_bin,ip.fp",
    "fuzz_bin,ip.data,tcp.options.tsval",
    "fuzz_bin,ip.src,ipmask(24,64)",
    "fuzz_str,ipmask(24,64)",
    "fuzz_int,mul(3),div(7),mod(-1),neg,add(9223372036854775807)",
    "fuzz_int,htonl",
    "fuzz_str,regsub('a*','<\\0>',g)",
    "fuzz_str,regsub('(b+)|c','\\1\\1',gi)",
    "fuzz_str,jwt_decrypt_secret(GawgguFyGrWKav7AX4VKUg==)",
    "fuzz_str,jwt_decrypt_jwk('{\"kty\":\"EC\",\"crv\":\"P-256\","
    "\"x\":\"2lfnBNhAMQu6XixyY6aRDYV3HQUEXbD_BjfN-J1vA0M\","
    "\"y\":\"RVY2kU5BEivxN30RG1Aidjw4SLrZTmRNVq7pgvcBGNU\","
    "\"d\":\"KEnoYpRv4hR2FkkL3lFVU1Aj0br_vLQ-xRcDIo8Vnjs\"}')",
    "fuzz_str,jwt_decrypt_jwk(txn.self)",
};

static struct expr *exprs[COUNT_OF(texts)];
static struct arena arena;
static struct cfg cfg;

static void
start(void)
{
    fuzz_conv_start();
    arena_init_config(&arena);
    cfg_init(&cfg, NULL, &arena);
    for (unsigned i = 0; i < COUNT_OF(texts); i++) {
        char *err = NULL;

        exprs[i] = expr_parse_text_err(&cfg, texts[i], NULL, NULL, PT_ANY, &err);
        if (!exprs[i])
            fprintf(stderr, "%s: %s\n", texts[i], err);
        ASSERT(exprs[i]);
    }
    args_resolve(&cfg);
    ASSERT(cfg.diags.errors == 0);
}

/** Encodes and decodes the input again. */
static void
check_round_trips(struct sample_ctx *x)
{
    static const char *const pairs[] = { "fuzz_bin,base64,b64dec", "fuzz_bin,ub64enc,ub64dec" };
    static struct expr *round[COUNT_OF(pairs)];

    for (unsigned i = 0; i < COUNT_OF(pairs); i++) {
        struct sample s = { 0 };
        char *err = NULL;

        if (!round[i])
            round[i] = expr_parse_text_err(&cfg, pairs[i], NULL, NULL, PT_ANY, &err);
        if (expr_eval(round[i], x, &s))
            ASSERT(slice_eq(s.u.s, fuzz_input));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct var_name *self;
    static bool started;
    struct sample_ctx x = { .tmp = sample_tmp(), .opt = SMPO_FINAL };
    struct sample s = { 0 };
    char *err = NULL;

    if (!started) {
        started = true;
        start();
        self = var_parse(SL("txn.self"), &err);
    }
    if (size < 1 || size > 4096)
        return 0;
    /* Its own memory, so that a byte read behind the end is found, and a copy to see that nothing
     * was changed. */
    char *input = malloc(size), *copy = malloc(size);
    if (input && copy) {
        memcpy(input, data + 1, size - 1);
        memcpy(copy, data + 1, size - 1);
        fuzz_input = slice(input, size - 1);
        struct sample v = { .type = SMP_BIN,
                            .flags = SMPF_CONST,
                            .u.s = slice(copy, MIN(size - 1, 64)) };
        (void)var_set(self, &x, &v, 0);
        if (expr_eval(exprs[data[0] % COUNT_OF(exprs)], &x, &s) && sample_cast(&s, SMP_BIN, &x)) {
            volatile unsigned sum = 0;

            ASSERT(s.u.s.len <= conv_size_max);
            for (size_t i = 0; i < s.u.s.len; i++)
                sum += (unsigned char)s.u.s.p[i];
        }
        check_round_trips(&x);
        ASSERT(memcmp(input, copy, size - 1) == 0);
    }
    vars_fini(&fuzz_vars);
    sample_tmp_reset();
    free(input);
    free(copy);
    return 0;
}
