/* json.h - finds one value in a JSON text without building a tree. Tolerant behind the value it
 * looks for: nothing that follows is read. Untrusted input: bounded depth, no recursion, no
 * allocation. */
#ifndef SAMPLE_JSON_H
#define SAMPLE_JSON_H

#include "base/slice.h"

enum json_type {
    JSON_NONE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
    JSON_ARRAY,
    JSON_OBJECT
};

/** Nested arrays and objects beyond this depth make a text unreadable. */
#define JSON_DEPTH_MAX 20

/** The value at `path`: "$" is the document, ".name" a member (backslash before a dot of the name),
 * "[n]" an element.
 *
 * text  receives the value: a number's digits, a string without its quotes (still escaped), an
 * array with its brackets Returns JSON_NONE when there is no such value or the text is broken
 * before it. Of equal names the first counts. */
MUST_CHECK enum json_type json_find(struct slice doc, struct slice path, struct slice *text);

/** Resolves the escapes of a string into `dst` (s.len bytes are enough). Returns the length, or -1
 * when malformed. */
ptrdiff_t json_unescape(char *dst, struct slice s);

#endif
