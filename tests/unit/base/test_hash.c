/* test_hash.c - values of the hash functions, taken from the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

struct row {
    struct slice in;
    uint32_t djb2, sdbm, wt6, crc32, crc32c, xxh32;
    uint64_t xxh64, xxh3;
};

static void
test_values(void **state)
{
    static const struct row rows[] = {
        { SL(""), 5381, 0, 4187620192u, 0, 0, 46947589u, (uint64_t)-1205034819632174695,
          3244421341483603138u },
        { SL("abc"), 193485963u, 807794786u, 2483038440u, 891568578u, 910901175u, 852579327u,
          4952883123889572249u, 8696274497037089104u },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct row *r = &rows[i];

        assert_int_equal(hash_djb2(r->in), r->djb2);
        assert_int_equal(hash_sdbm(r->in), r->sdbm);
        assert_int_equal(hash_wt6(r->in), r->wt6);
        assert_int_equal(hash_crc32(r->in), r->crc32);
        assert_int_equal(hash_crc32c(r->in), r->crc32c);
        assert_int_equal(hash_xxh32(r->in, 0), r->xxh32);
        assert_int_equal(hash_xxh64(r->in, 0), r->xxh64);
        assert_int_equal(hash_xxh3(r->in, 0), r->xxh3);
    }
}

static void
test_bytes_above_127(void **state)
{
    struct slice in = SL("\xff\x80\xfe\x01");

    assert_int_equal(hash_djb2(in), 2095785315u);
    assert_int_equal(hash_sdbm(in), 2555374916u);
    assert_int_equal(hash_wt6(in), 1118421381u);
    assert_int_equal(hash_crc32(in), 3813424840u);
    assert_int_equal(hash_crc32c(in), 2842290993u);
}

static void
test_avalanche(void **state)
{
    assert_int_equal(hash_avalanche(193485963u), 2235766107u);
    assert_int_equal(hash_avalanche(hash_djb2(slice("\0", 1))), 876829347u);
    assert_int_equal(hash_avalanche(hash_wt6(SL("abcdefghijklmnopqrstuvwxyz"))), 271956344u);
}

static void
test_none(void **state)
{
    assert_int_equal(hash_none(SL("")), 0);
    assert_int_equal(hash_none(SL("42")), 42);
    assert_int_equal(hash_none(SL("42x7")), 42);
    assert_int_equal(hash_none(SL("4294967297")), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_bytes_above_127),
        cmocka_unit_test(test_avalanche),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
