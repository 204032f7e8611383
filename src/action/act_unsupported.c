/* act_unsupported.c - actions that HAProxy has and that are refused here until they are built:
 * never ignored. */
#include "action/action.h"

#define UNSUPPORTED(name_, sets_, args_, help_, flags_)                                            \
    {                                                                                              \
        name_, sets_, args_, NULL, NULL, help_, ACTF_UNSUPPORTED | (flags_), NULL                  \
    }

static const struct action actions[] = {
    UNSUPPORTED("cache-use", RS_HTTP_REQ, "<name> [no-early-hints]", "answers from a cache", 0),
    UNSUPPORTED("cache-store", RS_HTTP_RES, "<name>", "keeps the response in a cache", 0),
    UNSUPPORTED("send-spoe-group", RS_TCP_STREAM | RS_HTTP_REQ | RS_HTTP_RES, "<engine> <group>",
                "sends messages to an SPOE agent", 0),
    UNSUPPORTED("do-resolve", RS_TCP_REQ | RS_HTTP_REQ, "(<var>,<resolvers>[,ipv4|ipv6]) <expr>",
                "looks a host name up", ACTF_PAREN),
    UNSUPPORTED("attach-srv", RS_TCP_SESS, "<server> [name <expr>]",
                "makes the connection one to a server", 0),
    UNSUPPORTED("lua.", RS_TCP_STREAM | RS_HTTP, "<name> [<argument>]*", "runs a Lua function",
                ACTF_PREFIX),
    UNSUPPORTED("dgram-drop", RS_QUIC, NULL, "ignores a QUIC datagram", 0),
    UNSUPPORTED("send-retry", RS_QUIC, NULL, "asks a QUIC client to prove its address", 0),
    { 0 }
};

const struct module action_unsupported_module = { .name = "actions that are not built",
                                                  .actions = actions };
