/* columns.h - the columns of `show stat` in their order (management manual 9.1 and 9.2), and the
 * fields of `show info`.
 *
 * X(name, type, tag, lasting, help): `tag` is origin, nature and scope; lasting: the value survives
 * reloads when counters are handed over. Tools look up columns by name or by position: new ones go
 * in front of the '-' column only. */
#ifndef STATS_COLUMNS_H
#define STATS_COLUMNS_H

#define STATS_COLUMNS_BASE(X)                                                                      \
    X(pxname, STR, "KNS", 0, "name of the proxy")                                                  \
    X(svname, STR, "KNS", 0, "name of the server or listener; FRONTEND or BACKEND")                \
    X(qcur, U32, "MGP", 0, "requests waiting in the queue")                                        \
    X(qmax, U32, "MMP", 0, "most requests that waited at once")                                    \
    X(scur, U32, "MGP", 0, "sessions now")                                                         \
    X(smax, U32, "MMP", 0, "most sessions at once")                                                \
    X(slim, U32, "CLP", 0, "most sessions allowed at once")                                        \
    X(stot, U64, "MCP", 1, "sessions so far")                                                      \
    X(bin, U64, "MCP", 1, "bytes of requests")                                                     \
    X(bout, U64, "MCP", 1, "bytes of responses")                                                   \
    X(dreq, U64, "MCP", 1, "requests denied by rules")                                             \
    X(dresp, U64, "MCP", 1, "responses denied by rules")                                           \
    X(ereq, U64, "MCP", 1, "invalid requests")                                                     \
    X(econ, U64, "MCP", 1, "failed connections to servers")                                        \
    X(eresp, U64, "MCP", 1, "invalid responses")                                                   \
    X(wretr, U64, "MCP", 1, "connections to servers that were tried again")                        \
    X(wredis, U64, "MCP", 1, "requests sent to another server after a failure")                    \
    X(status, STR, "SGP", 0, "state: OPEN, UP, DOWN, MAINT, DRAIN...")                             \
    X(weight, U32, "MaP", 0, "effective weight; of a backend, the sum of its servers'")            \
    X(act, U32, "SGP", 0, "active servers; of a server, whether it is one")                        \
    X(bck, U32, "SGP", 0, "backup servers; of a server, whether it is one")                        \
    X(chkfail, U64, "MCP", 1, "failed checks of a server that was up")                             \
    X(chkdown, U64, "MCP", 1, "changes from up to down")                                           \
    X(lastchg, U32, "MAP", 1, "seconds since the last change of state")                            \
    X(downtime, U32, "MCP", 0, "seconds spent down")                                               \
    X(qlimit, U32, "CGS", 0, "most requests that may wait for the server")                         \
    X(pid, U32, "KGP", 0, "number of the process, always 1")                                       \
    X(iid, U32, "KGS", 0, "number of the proxy")                                                   \
    X(sid, U32, "KGS", 0, "number of the server or listener in the proxy")                         \
    X(throttle, U32, "MaP", 0, "percentage of the weight that slow start grants")                  \
    X(lbtot, U64, "MCP", 1, "requests sent by load balancing or persistence")                      \
    X(tracked, STR, "CNS", 0, "server whose state is followed, as backend/server")                 \
    X(type, U32, "CGS", 0, "0 frontend, 1 backend, 2 server, 3 listener")                          \
    X(rate, U32, "MRP", 1, "sessions in the last second")                                          \
    X(rate_lim, U32, "CLP", 0, "most sessions accepted per second")                                \
    X(rate_max, U32, "MMP", 0, "most sessions seen in a second")                                   \
    X(check_status, STR, "MOP", 0, "result of the last health check")                              \
    X(check_code, U32, "MOP", 0, "code that the last health check received")                       \
    X(check_duration, U64, "MDP", 0, "milliseconds that the last health check took")               \
    X(hrsp_1xx, U64, "MCP", 1, "responses with a status of 100 to 199")                            \
    X(hrsp_2xx, U64, "MCP", 1, "responses with a status of 200 to 299")                            \
    X(hrsp_3xx, U64, "MCP", 1, "responses with a status of 300 to 399")                            \
    X(hrsp_4xx, U64, "MCP", 1, "responses with a status of 400 to 499")                            \
    X(hrsp_5xx, U64, "MCP", 1, "responses with a status of 500 to 599")                            \
    X(hrsp_other, U64, "MCP", 1, "responses with another status, or none")                         \
    X(hanafail, U64, "MCP", 1, "failures noticed by observing the traffic")                        \
    X(req_rate, U32, "MRP", 1, "requests in the last second")                                      \
    X(req_rate_max, U32, "MMP", 0, "most requests seen in a second")                               \
    X(req_tot, U64, "MCP", 1, "HTTP requests so far")                                              \
    X(cli_abrt, U64, "MCP", 1, "transfers that the client ended early")                            \
    X(srv_abrt, U64, "MCP", 1, "transfers that the server ended early")                            \
    X(comp_in, U64, "MCP", 1, "bytes given to compression")                                        \
    X(comp_out, U64, "MCP", 1, "bytes that compression made of them")                              \
    X(comp_byp, U64, "MCP", 1, "bytes that passed compression untouched for lack of resources")    \
    X(comp_rsp, U64, "MCP", 1, "responses that were compressed")                                   \
    X(lastsess, S32, "MAP", 1, "seconds since the last session; -1: none yet")                     \
    X(last_chk, STR, "MOP", 0, "what the last health check received, or the error")                \
    X(last_agt, STR, "MOP", 0, "what the last agent check received, or the error")                 \
    X(qtime, U32, "MaP", 0, "milliseconds in the queue, average of the last 1024 requests")        \
    X(ctime, U32, "MaP", 0, "milliseconds of connecting, average of the last 1024 requests")       \
    X(rtime, U32, "MaP", 0, "milliseconds to the response, average of the last 1024 requests")     \
    X(ttime, U32, "MaP", 0, "milliseconds in total, average of the last 1024 requests")            \
    X(agent_status, STR, "MOP", 0, "result of the last agent check")                               \
    X(agent_code, U32, "MOP", 0, "code that the last agent check received")                        \
    X(agent_duration, U64, "MDP", 0, "milliseconds that the last agent check took")                \
    X(check_desc, STR, "MOP", 0, "check_status in words")                                          \
    X(agent_desc, STR, "MOP", 0, "agent_status in words")                                          \
    X(check_rise, U32, "CGS", 0, "successful checks that make the server up")                      \
    X(check_fall, U32, "CGS", 0, "failed checks that make the server down")                        \
    X(check_health, U32, "CGS", 0, "health, 0 to rise + fall - 1")                                 \
    X(agent_rise, U32, "CGS", 0, "successful agent checks that make the server up")                \
    X(agent_fall, U32, "CGS", 0, "failed agent checks that make the server down")                  \
    X(agent_health, U32, "CGS", 0, "the agent's health, 0 to rise + fall - 1")                     \
    X(addr, STR, "CGS", 0, "address and port")                                                     \
    X(cookie, STR, "CNS", 0, "the server's cookie value, or the backend's cookie name")            \
    X(mode, STR, "CGS", 0, "tcp, http, ...")                                                       \
    X(algo, STR, "CGS", 0, "load balancing algorithm")                                             \
    X(conn_rate, U32, "MRP", 1, "connections in the last second")                                  \
    X(conn_rate_max, U32, "MMP", 0, "most connections seen in a second")                           \
    X(conn_tot, U64, "MCP", 1, "connections so far")                                               \
    X(intercepted, U64, "MCP", 1, "requests answered here: redirects, monitoring, this page")      \
    X(dcon, U64, "MCP", 1, "connections denied by tcp-request connection rules")                   \
    X(dses, U64, "MCP", 1, "sessions denied by tcp-request session rules")                         \
    X(wrew, U64, "MCP", 1, "failed rewrites of headers")                                           \
    X(connect, U64, "MCP", 1, "connections tried to servers")                                      \
    X(reuse, U64, "MCP", 1, "idle server connections used again")                                  \
    X(cache_lookups, U64, "MCP", 1, "requests looked up in the cache")                             \
    X(cache_hits, U64, "MCP", 1, "requests answered from the cache")                               \
    X(srv_icur, U32, "MGP", 0, "idle connections kept for reuse")                                  \
    X(src_ilim, U32, "CLP", 0, "most idle connections kept for reuse")                             \
    X(qtime_max, U32, "MMP", 0, "longest time in the queue, in milliseconds")                      \
    X(ctime_max, U32, "MMP", 0, "longest time of connecting, in milliseconds")                     \
    X(rtime_max, U32, "MMP", 0, "longest time to the response, in milliseconds")                   \
    X(ttime_max, U32, "MMP", 0, "longest total time, in milliseconds")                             \
    X(eint, U64, "MCP", 1, "errors of the proxy itself, such as lack of memory")                   \
    X(idle_conn_cur, U32, "MGP", 0, "idle connections that served one request only")               \
    X(safe_conn_cur, U32, "MGP", 0, "idle connections that were reused before")                    \
    X(used_conn_cur, U32, "MGP", 0, "connections in use")                                          \
    X(need_conn_est, U32, "MGP", 0, "estimate of the connections needed")                          \
    X(uweight, U32, "MaP", 0, "weight without slow start; of a backend, the sum of its servers'")  \
    X(agg_server_status, U32, "MGP", 0, "servers by state")                                        \
    X(agg_server_check_status, U32, "MGP", 0, "servers by state, old name")                        \
    X(agg_check_status, U32, "MGP", 0, "servers by result of the last check")                      \
    X(srid, U32, "KGS", 0, "revision of the server's number")                                      \
    X(sess_other, U64, "MCP", 0, "sessions of other protocols than HTTP")                          \
    X(h1sess, U64, "MCP", 1, "HTTP/1 sessions")                                                    \
    X(h2sess, U64, "MCP", 1, "HTTP/2 sessions")                                                    \
    X(h3sess, U64, "MCP", 1, "HTTP/3 sessions")                                                    \
    X(req_other, U64, "MCP", 1, "requests of other protocols than HTTP/1, 2 and 3")                \
    X(h1req, U64, "MCP", 1, "HTTP/1 requests")                                                     \
    X(h2req, U64, "MCP", 1, "HTTP/2 requests")                                                     \
    X(h3req, U64, "MCP", 1, "HTTP/3 requests")                                                     \
    X(proto, STR, "CNS", 0, "protocol of the listener")                                            \
    X(priv_idle_cur, U32, "MGP", 0, "idle connections that belong to one client each")             \
    X(reqbin, U64, "MCP", 1, "bytes of requests received from clients")                            \
    X(reqbout, U64, "MCP", 1, "bytes of requests sent to servers")                                 \
    X(resbin, U64, "MCP", 1, "bytes of responses received from servers")                           \
    X(resbout, U64, "MCP", 1, "bytes of responses sent to clients")                                \
    X(cache_hint_hits, U64, "MCP", 1, "early hints answered from the cache")

/* Behind the '-' column. */
#define STATS_COLUMNS_MODULES(X)                                                                   \
    X(h2_headers_rcvd, U64, "MCP", 0, "HTTP/2 HEADERS frames received")                            \
    X(h2_data_rcvd, U64, "MCP", 0, "HTTP/2 DATA frames received")                                  \
    X(h2_settings_rcvd, U64, "MCP", 0, "HTTP/2 SETTINGS frames received")                          \
    X(h2_rst_stream_rcvd, U64, "MCP", 0, "HTTP/2 RST_STREAM frames received")                      \
    X(h2_goaway_rcvd, U64, "MCP", 0, "HTTP/2 GOAWAY frames received")                              \
    X(h2_detected_conn_protocol_errors, U64, "MCP", 0, "violations that ended HTTP/2 connections") \
    X(h2_detected_strm_protocol_errors, U64, "MCP", 0, "violations that ended HTTP/2 streams")     \
    X(h2_rst_stream_resp, U64, "MCP", 0, "HTTP/2 RST_STREAM frames sent because of errors")        \
    X(h2_goaway_resp, U64, "MCP", 0, "HTTP/2 GOAWAY frames sent because of errors")                \
    X(h2_open_connections, U64, "MGP", 0, "HTTP/2 connections open")                               \
    X(h2_backend_open_streams, U64, "MGP", 0, "HTTP/2 streams open")                               \
    X(h2_total_connections, U64, "MCP", 0, "HTTP/2 connections so far")                            \
    X(h2_backend_total_streams, U64, "MCP", 0, "HTTP/2 streams so far")                            \
    X(ssl_sess, U64, "MCP", 0, "TLS sessions so far")                                              \
    X(ssl_reused_sess, U64, "MCP", 0, "TLS sessions that were resumed")                            \
    X(ssl_failed_handshake, U64, "MCP", 0, "TLS handshakes that failed")                           \
    X(ssl_ocsp_staple, U64, "MCP", 0, "OCSP responses stapled")                                    \
    X(ssl_failed_ocsp_staple, U64, "MCP", 0, "OCSP responses that could not be stapled")           \
    X(h1_open_connections, U64, "MGP", 0, "HTTP/1 connections open")                               \
    X(h1_open_streams, U64, "MGP", 0, "HTTP/1 streams open")                                       \
    X(h1_total_connections, U64, "MCP", 0, "HTTP/1 connections so far")                            \
    X(h1_total_streams, U64, "MCP", 0, "HTTP/1 streams so far")                                    \
    X(h1_bytes_in, U64, "MCP", 0, "bytes received over HTTP/1")                                    \
    X(h1_bytes_out, U64, "MCP", 0, "bytes sent over HTTP/1")                                       \
    X(h1_spliced_bytes_in, U64, "MCP", 0, "bytes received over HTTP/1 by splicing")                \
    X(h1_spliced_bytes_out, U64, "MCP", 0, "bytes sent over HTTP/1 by splicing")

enum stats_column {
#define X(n, type, tag, lasting, help) ST_##n,
    STATS_COLUMNS_BASE(X) ST_BASE_COUNT,
    ST_MODULES = ST_BASE_COUNT - 1,
    STATS_COLUMNS_MODULES(X)
#undef X
        ST_COUNT
};

/* X(id, name, type, tag, help) in the order of `show info`. FLT: a number with decimals when asked
 * for (`float`), else rounded down to an U32. */
#define STATS_INFO(X)                                                                              \
    X(NAME, "Name", STR, "POS", "name of the product")                                             \
    X(VERSION, "Version", STR, "POS", "version of the product")                                    \
    X(RELEASE_DATE, "Release_date", STR, "POS", "date of the release")                             \
    X(NBTHREAD, "Nbthread", U32, "CGS", "worker threads")                                          \
    X(NBPROC, "Nbproc", U32, "CGS", "worker processes, always 1")                                  \
    X(PROCESS_NUM, "Process_num", U32, "KGP", "number of the worker process, always 1")            \
    X(PID, "Pid", U32, "SGP", "process id")                                                        \
    X(UPTIME, "Uptime", STR, "MDP", "time since the start, for people")                            \
    X(UPTIME_SEC, "Uptime_sec", FLT, "MDP", "seconds since the start")                             \
    X(MEMMAX_MB, "Memmax_MB", U32, "CLP", "limit of the memory in MiB, 0: none")                   \
    X(POOL_ALLOC_MB, "PoolAlloc_MB", U32, "MGP", "memory taken from the system in MiB")            \
    X(POOL_USED_MB, "PoolUsed_MB", U32, "MGP", "memory in use in MiB")                             \
    X(POOL_FAILED, "PoolFailed", U32, "MCP", "allocations that failed")                            \
    X(ULIMIT_N, "Ulimit-n", U32, "CLP", "limit of file descriptors")                               \
    X(MAXSOCK, "Maxsock", U32, "CLP", "sockets counted on")                                        \
    X(MAXCONN, "Maxconn", U32, "CLP", "most connections accepted at once")                         \
    X(HARD_MAXCONN, "Hard_maxconn", U32, "CLP", "highest value that Maxconn can be set to")        \
    X(CURR_CONN, "CurrConns", U32, "MGP", "connections now")                                       \
    X(CUM_CONN, "CumConns", U32, "MCP", "connections so far")                                      \
    X(CUM_REQ, "CumReq", U32, "MCP", "requests so far")                                            \
    X(MAX_SSL_CONNS, "MaxSslConns", U32, "MMP", "most TLS connections accepted at once")           \
    X(CURR_SSL_CONNS, "CurrSslConns", U32, "MGP", "TLS connections now")                           \
    X(CUM_SSL_CONNS, "CumSslConns", U32, "MCP", "TLS connections so far")                          \
    X(MAXPIPES, "Maxpipes", U32, "CLP", "most pipes used for splicing")                            \
    X(PIPES_USED, "PipesUsed", U32, "MGP", "pipes in use")                                         \
    X(PIPES_FREE, "PipesFree", U32, "MGP", "pipes kept for later")                                 \
    X(CONN_RATE, "ConnRate", FLT, "MRP", "connections in the last second")                         \
    X(CONN_RATE_LIMIT, "ConnRateLimit", U32, "CLP", "most connections accepted per second")        \
    X(MAX_CONN_RATE, "MaxConnRate", U32, "MMP", "most connections seen in a second")               \
    X(SESS_RATE, "SessRate", FLT, "MRP", "sessions in the last second")                            \
    X(SESS_RATE_LIMIT, "SessRateLimit", U32, "CLP", "most sessions accepted per second")           \
    X(MAX_SESS_RATE, "MaxSessRate", U32, "MRP", "most sessions seen in a second")                  \
    X(SSL_RATE, "SslRate", FLT, "MRP", "TLS sessions in the last second")                          \
    X(SSL_RATE_LIMIT, "SslRateLimit", U32, "CLP", "most TLS sessions accepted per second")         \
    X(MAX_SSL_RATE, "MaxSslRate", U32, "MMP", "most TLS sessions seen in a second")                \
    X(SSL_FE_KEY_RATE, "SslFrontendKeyRate", FLT, "MRP",                                           \
      "TLS keys computed for clients in the last second")                                          \
    X(SSL_FE_MAX_KEY_RATE, "SslFrontendMaxKeyRate", U32, "MMP",                                    \
      "most TLS keys computed for clients in a second")                                            \
    X(SSL_FE_REUSE, "SslFrontendSessionReuse_pct", FLT, "MGP",                                     \
      "percentage of clients' TLS sessions that were resumed")                                     \
    X(SSL_BE_KEY_RATE, "SslBackendKeyRate", FLT, "MRP",                                            \
      "TLS keys computed for servers in the last second")                                          \
    X(SSL_BE_MAX_KEY_RATE, "SslBackendMaxKeyRate", U32, "MMP",                                     \
      "most TLS keys computed for servers in a second")                                            \
    X(SSL_CACHE_LOOKUPS, "SslCacheLookups", U32, "MCP", "TLS sessions looked up in the cache")     \
    X(SSL_CACHE_MISSES, "SslCacheMisses", U32, "MCP", "TLS sessions not found in the cache")       \
    X(COMPRESS_IN, "CompressBpsIn", FLT, "MRP", "bytes per second given to compression")           \
    X(COMPRESS_OUT, "CompressBpsOut", FLT, "MRP", "bytes per second that compression made")        \
    X(COMPRESS_LIM, "CompressBpsRateLim", U32, "CLP",                                              \
      "most bytes per second given to compression")                                                \
    X(ZLIB, "ZlibMemUsage", U32, "MGP", "memory used by zlib")                                     \
    X(MAX_ZLIB, "MaxZlibMemUsage", U32, "CLP", "limit of the memory used by zlib")                 \
    X(TASKS, "Tasks", U32, "MGP", "connections, requests, checks and timers at work")              \
    X(RUN_QUEUE, "Run_queue", U32, "MGP", "tasks waiting to run")                                  \
    X(IDLE_PCT, "Idle_pct", U32, "MaP", "percentage of the time spent waiting")                    \
    X(NODE, "node", STR, "COS", "name of the node")                                                \
    X(DESCRIPTION, "description", STR, "COS", "description of the node")                           \
    X(STOPPING, "Stopping", U32, "MGP", "1 while the process finishes")                            \
    X(JOBS, "Jobs", U32, "MGP", "listeners and connections that keep the process alive")           \
    X(UNSTOPPABLE, "Unstoppable Jobs", U32, "MGP", "those that a stop does not end")               \
    X(LISTENERS, "Listeners", U32, "MGP", "active listeners")                                      \
    X(ACTIVE_PEERS, "ActivePeers", U32, "MGP", "peers being spoken to")                            \
    X(CONNECTED_PEERS, "ConnectedPeers", U32, "MGP", "peers connected")                            \
    X(DROPPED_LOGS, "DroppedLogs", U32, "MGP", "log lines that were lost")                         \
    X(BUSY_POLLING, "BusyPolling", U32, "MGP", "1 when busy polling is on")                        \
    X(FAILED_RESOLUTIONS, "FailedResolutions", U32, "MGP", "names that could not be resolved")     \
    X(TOTAL_BYTES_OUT, "TotalBytesOut", U64, "MGP", "bytes sent so far")                           \
    X(TOTAL_SPLICED, "TotalSplicedBytesOut", U64, "MGP", "bytes sent by splicing so far")          \
    X(BYTES_OUT_RATE, "BytesOutRate", U64, "MRP", "bytes sent per second")                         \
    X(DEBUG_COMMANDS, "DebugCommandsIssued", U32, "MGP", "debug commands that were run")           \
    X(CUM_LOGS, "CumRecvLogs", U32, "MCP", "log messages received")                                \
    X(BUILD_INFO, "Build info", STR, "POS", "what was built")                                      \
    X(MEMMAX, "Memmax_bytes", U32, "CLP", "limit of the memory in bytes, 0: none")                 \
    X(POOL_ALLOC, "PoolAlloc_bytes", U64, "MGP", "memory taken from the system in bytes")          \
    X(POOL_USED, "PoolUsed_bytes", U64, "MGP", "memory in use in bytes")                           \
    X(START_TIME, "Start_time_sec", FLT, "MDP", "when the process started, seconds since 1970")    \
    X(TAINTED, "Tainted", STR, "SGP", "bits that tell what makes reports hard to interpret")       \
    X(WARNINGS, "TotalWarnings", U32, "MCP", "warnings given so far")                              \
    X(MAXCONN_REACHED, "MaxconnReached", U32, "MCP", "times that Maxconn stopped accepting")       \
    X(BOOT_TIME, "BootTime_ms", U32, "MDP", "milliseconds from the start to being ready")          \
    X(NICED_TASKS, "Niced_tasks", U32, "MGP", "tasks with a priority of their own")                \
    X(CURR_STRM, "CurrStreams", U64, "MGP", "requests being processed")                            \
    X(CUM_STRM, "CumStreams", U64, "MCP", "requests that began so far")                            \
    X(WARN_BLOCKED, "BlockedTrafficWarnings", U32, "MCP", "times that a thread was stuck")         \
    X(PATTERNS_ADDED, "PatternsAdded", U64, "MCP", "patterns added so far")                        \
    X(PATTERNS_FREED, "PatternsFreed", U64, "MCP", "patterns freed so far")                        \
    X(NB_THREAD_GROUPS, "NbThreadGroups", U32, "CGS", "thread groups")

enum stats_info_field {
#define X(id, name, type, tag, help) INF_##id,
    STATS_INFO(X)
#undef X
        INF_COUNT
};

#endif
