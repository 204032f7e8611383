/* formats.c - the strings behind `option tcplog`, `option httplog`, and relatives (manual 8.2). */
#include "log/log.h"

const char log_fmt_tcp[] = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";

const char log_fmt_tcp_clf[] =
    "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U "
    "%ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ";

#define HTTP_FMT                                                                                   \
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq " \
    "%hr %hs %{+Q}r"

const char log_fmt_http[] = HTTP_FMT;

const char log_fmt_http_clf[] =
    "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta "
    "%tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";

/* Ours: the same facts as an object, one name each. Times are milliseconds, -1 when a step was not
 * reached. */
const char log_fmt_http_json[] =
    "%{+json}o%(time)[accept_date(ms),ms_utime(%Y-%m-%dT%H:%M:%S.%3NZ)] %(client)ci "
    "%(client_port:sint)cp %(frontend)f %(backend)b %(server)s %(method)HM %(uri)HU %(version)HV "
    "%(status:sint)ST %(bytes_read:sint)B %(bytes_uploaded:sint)U %(termination)tsc "
    "%(time_idle:sint)Ti %(time_request:sint)TR %(time_queue:sint)Tw %(time_connect:sint)Tc "
    "%(time_response:sint)Tr %(time_active:sint)Ta %(time_total:sint)Tt "
    "%(conn_process:sint)ac %(conn_frontend:sint)fc %(conn_backend:sint)bc %(conn_server:sint)sc "
    "%(retries)rc %(queue_server:sint)sq %(queue_backend:sint)bq "
    "%(request_cookie)CC %(response_cookie)CS %(request_headers)hr %(response_headers)hs "
    "%(tls_version)sslv %(tls_cipher)sslc %(unique_id)ID";

const char log_fmt_https[] =
    HTTP_FMT " %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] "
             "%[ssl_fc_sni]/%sslv/%sslc";

/* The NSS key log format: label, client random, secret. Manual: tune.ssl.keylog. */
// clang-format off
#define KEYLOG_LINE(side, label, secret)                                                           \
    label " %[ssl_" side "_client_random,hex] %[ssl_" side "_" secret "]"
#define KEYLOG_FMT(side)                                                                           \
    KEYLOG_LINE(side, "CLIENT_EARLY_TRAFFIC_SECRET", "client_early_traffic_secret") "\n"           \
    KEYLOG_LINE(side, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "client_handshake_traffic_secret") "\n"   \
    KEYLOG_LINE(side, "SERVER_HANDSHAKE_TRAFFIC_SECRET", "server_handshake_traffic_secret") "\n"   \
    KEYLOG_LINE(side, "CLIENT_TRAFFIC_SECRET_0", "client_traffic_secret_0") "\n"                   \
    KEYLOG_LINE(side, "SERVER_TRAFFIC_SECRET_0", "server_traffic_secret_0") "\n"                   \
    KEYLOG_LINE(side, "EXPORTER_SECRET", "exporter_secret") "\n"                                   \
    KEYLOG_LINE(side, "EARLY_EXPORTER_SECRET", "early_exporter_secret")
// clang-format on

const char log_fmt_keylog_fc[] = KEYLOG_FMT("fc");
const char log_fmt_keylog_bc[] = KEYLOG_FMT("bc");

const struct log_fmt_variable log_fmt_variables[] = {
    { "HAPROXY_HTTP_LOG_FMT", log_fmt_http },
    { "HAPROXY_HTTP_CLF_LOG_FMT", log_fmt_http_clf },
    { "HAPROXY_HTTPS_LOG_FMT", log_fmt_https },
    { "HAPROXY_TCP_LOG_FMT", log_fmt_tcp },
    { "HAPROXY_TCP_CLF_LOG_FMT", log_fmt_tcp_clf },
    { "HAPROXY_KEYLOG_FC_LOG_FMT", log_fmt_keylog_fc },
    { "HAPROXY_KEYLOG_BC_LOG_FMT", log_fmt_keylog_bc },
    { NULL, NULL },
};
