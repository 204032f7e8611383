/* errors.c - default error pages, put together by the compiler. */
#include "http/errors.h"

#define LINE(code, phrase) "HTTP/1.1 " #code " " phrase "\r\n"
#define PAGE(code, phrase, text)                                                                   \
    "<html><body><h1>" #code " " phrase "</h1>\n" text "\n</body></html>\n"
#define HEAD(code, len, phrase)                                                                    \
    LINE(code, phrase)                                                                             \
    "content-length: " #len "\r\n"                                                                 \
    "cache-control: no-cache\r\n"                                                                  \
    "content-type: text/html\r\n\r\n"
#define RAW(code, len, conn, phrase, text)                                                         \
    LINE(code, phrase)                                                                             \
    "content-length: " #len "\r\n"                                                                 \
    "cache-control: no-cache\r\n" conn "content-type: text/html\r\n\r\n" PAGE(code, phrase, text)
#define S(lit)                                                                                     \
    {                                                                                              \
        (lit), sizeof(lit) - 1                                                                     \
    }

#define X(code, len, conn, phrase, text)                                                           \
    _Static_assert(sizeof(PAGE(code, phrase, text)) - 1 == (len), "content-length of " #code);
HTTP_ERRORS(X)
#undef X

static const struct http_error errors[] = {
#define X(code, len, conn, phrase, text)                                                           \
    { .status = (code),                                                                            \
      .reason = S(phrase),                                                                         \
      .closes = sizeof(conn) > 1,                                                                  \
      .full = S(HEAD(code, len, phrase) PAGE(code, phrase, text)),                                 \
      .head = S(HEAD(code, len, phrase)),                                                          \
      .body = S(PAGE(code, phrase, text)),                                                         \
      .raw = S(RAW(code, len, conn, phrase, text)) },
    HTTP_ERRORS(X)
#undef X
};

enum {
#define X(code, len, conn, phrase, text) ERROR_##code,
    HTTP_ERRORS(X)
#undef X
};

#define ERROR_FIRST 200u
#define ERROR_LAST  504u

/* 1 + index in errors[]. */
static const unsigned char index_of[ERROR_LAST - ERROR_FIRST + 1] = {
#define X(code, len, conn, phrase, text) [code - ERROR_FIRST] = ERROR_##code + 1,
    HTTP_ERRORS(X)
#undef X
};

bool
http_error_is_known(unsigned status)
{
    return status >= ERROR_FIRST && status <= ERROR_LAST && index_of[status - ERROR_FIRST];
}

const struct http_error *
http_error_message(unsigned status)
{
    return &errors[index_of[(http_error_is_known(status) ? status : 500u) - ERROR_FIRST] - 1];
}

const struct http_error *
http_error_at(unsigned i)
{
    return i < COUNT_OF(errors) ? &errors[i] : NULL;
}
