/* version.h - what we say we are. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

/** The HAProxy version whose behaviour we have; tools parse it. */
#define COMPAT_VERSION "3.5.0"
/** "3.5.0-steelyard-0.1.0": `-v`, show info. */
#define FULL_VERSION COMPAT_VERSION "-steelyard-" STEELYARD_VERSION
#define RELEASE_DATE "2026/11/22"

#endif
