/* tune.h - the tunables, which the lowest folders read, as those see them who read configurations.
 */
#ifndef CONFIG_TUNE_H
#define CONFIG_TUNE_H

#include "base/tune.h"
#include "config/keyword.h"

#endif
