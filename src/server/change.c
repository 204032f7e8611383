/* change.c - changing a server's address at run time (set server addr, port). */
#include "server/check.h"
#include "server/state_int.h"

#include <stdio.h>
#include <stdlib.h>

/** A port argument: "80", "+80", "-80". */
struct port_arg {
    bool given, relative;
    int value;
};

static const char *
parse_port(const char *text, struct port_arg *out)
{
    int64_t n;

    *out = (struct port_arg){ 0 };
    if (!text)
        return NULL;
    out->given = true;
    out->relative = text[0] == '+' || text[0] == '-';
    if (!slice_to_int(slice_str(text), &n))
        return "provided port is not an integer";
    if (n > 65535 || (out->relative ? n < -65535 : n < 0))
        return "provided port is not valid";
    out->value = (int)n;
    return NULL;
}

/** True when checks would follow a port that is not fixed. */
static bool
check_needs_port(const struct server *s)
{
    return check_is_on(s->check) && !s->check->port;
}

static bool
change_ip(struct server *s, const char *addr, struct text *msg)
{
    char from[ADDR_TEXT_MAX] = "", to[ADDR_TEXT_MAX] = "";
    struct out of = { from, 0, sizeof(from) - 1, false }, ot = { to, 0, sizeof(to) - 1, false };
    struct addr a;

    if (!addr_parse_ip(slice_str(addr), &a)) {
        text_printf(msg, "Invalid addr '%s'", addr);
        return false;
    }
    if (addr_eq(&a, &s->addr, false)) {
        text_str(msg, "no need to change the addr");
        return true;
    }
    addr_put_host(&of, &s->addr);
    addr_put_host(&ot, &a);
    text_printf(msg, "IP changed from '%s' to '%s'", from, to);
    a.flags = s->addr.flags;
    addr_set_port(&a, s->port);
    s->addr = a;
    s->flags &= ~(unsigned)SRVF_NO_ADDR;
    return true;
}

static void
put_port(struct text *msg, const struct server *s)
{
    if (s->flags & SRVF_PORT_MAPPED)
        text_printf(msg, "%+d", s->port_offset);
    else
        text_printf(msg, "%u", s->port);
}

static bool
change_port(struct server *s, const struct port_arg *p, struct text *msg)
{
    bool mapped = (s->flags & SRVF_PORT_MAPPED) != 0;

    text_str(msg, ", ");
    if (p->relative && check_needs_port(s)) {
        text_str(msg, "can't change <port> to port map because it is incompatible with current "
                      "health check port "
                      "configuration (use 'port' statement from the 'server' directive.");
        return false;
    }
    if (p->relative == mapped && p->value == (mapped ? s->port_offset : s->port)) {
        text_str(msg, "no need to change the port");
        return true;
    }
    text_str(msg, "port changed from '");
    put_port(msg, s);
    text_str(msg, "' to '");
    if (p->relative) {
        s->flags |= SRVF_PORT_MAPPED;
        s->port_offset = p->value;
    } else {
        s->flags &= ~(unsigned)SRVF_PORT_MAPPED;
        s->port = (uint16_t)p->value;
        addr_set_port(&s->addr, s->port);
    }
    put_port(msg, s);
    text_char(msg, '\'');
    return true;
}

const char *
server_set_addr(struct server *s, const char *addr, const char *port, const char *by,
                struct text *msg)
{
    struct port_arg p;
    const char *err = parse_port(port, &p);
    bool ok = !err;

    pthread_mutex_lock(&s->lock);
    if (err)
        text_str(msg, err);
    else if (addr)
        ok = change_ip(s, addr, msg);
    else
        text_str(msg, "no need to change the addr");
    if (ok && p.given)
        ok = change_port(s, &p, msg);
    pthread_mutex_unlock(&s->lock);
    if (by)
        text_printf(msg, " by '%s'", by);
    if (!ok)
        return msg->p;
    if (server_hooks.close_idle)
        server_hooks.close_idle(s);
    if (s->hash_key == SRVK_ADDR || s->hash_key == SRVK_ADDR_PORT)
        server_update_weight(s); /* it moves on the ring */
    /* an address was missing until now */
    if (addr && (atomic_load(&s->admin) & SRVA_RMAINT))
        server_clear_admin(s, SRVA_RMAINT);
    return NULL;
}
