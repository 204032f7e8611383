/* cli_level.h - levels of the runtime API (struct bind_conf.level): what a `stats socket` allows.
 */
#ifndef PROXY_CLI_LEVEL_H
#define PROXY_CLI_LEVEL_H

enum { CLI_LEVEL_USER, CLI_LEVEL_OPERATOR, CLI_LEVEL_ADMIN };

#endif
