/* test_anon.c - names and addresses behind hashes. */
#include "base/anon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define KEY 12345

static const char *
id(uint32_t key, const char *name)
{
    static char text[64];
    struct out o = { text, 0, sizeof(text) - 1, false };

    anon_put_id(&o, key, slice_str(name));
    text[o.len] = '\0';
    return text;
}

static const char *
addr(const char *what)
{
    static char text[64];
    struct out o = { text, 0, sizeof(text) - 1, false };
    bool is_one = anon_put_addr(&o, KEY, slice_str(what));

    text[o.len] = '\0';
    assert_int_equal(is_one, o.len != 0);
    return text;
}

static void
names_depend_on_the_key(void **state)
{
    char first[64];

    (void)state;
    assert_string_equal(id(0, "www"), "www");
    memcpy(first, id(KEY, "www"), sizeof(first));
    assert_memory_equal(first, "ID(", 3);
    assert_int_equal(strlen(first), 10);
    assert_string_equal(id(KEY, "www"), first);
    assert_string_not_equal(id(KEY + 1, "www"), first);
    assert_string_not_equal(id(KEY, "ww"), first);
}

static void
addresses_keep_ports(void **state)
{
    (void)state;
    assert_string_equal(addr("10.1.2.3"), "IPV4(c47107)");
    assert_string_equal(addr("10.1.2.3:8080"), "IPV4(c47107):8080");
    assert_string_equal(addr("10.1.2.3:80-90"), "IPV4(c47107):80-90");
    assert_string_equal(addr("10.1.2.3/8"), "IPV4(c47107)/8");
    assert_memory_equal(addr("[2001:db8::1]:80"), "IPV6(", 5);
    assert_string_equal(addr("[2001:db8::1]:80") + 12, ":80");
    assert_memory_equal(addr("::1"), "IPV6(", 5);
    assert_memory_equal(addr("/var/run/x.sock"), "PATH(", 5);
}

static void
what_is_no_address(void **state)
{
    static const char *const others[] = { "",          "www",  "10.1.2", "10.1.2.300",
                                          "10.1.2.3x", "[::1", "80",     "10.1.2.3:http" };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        assert_string_equal(addr(others[i]), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_depend_on_the_key),
        cmocka_unit_test(addresses_keep_ports),
        cmocka_unit_test(what_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
