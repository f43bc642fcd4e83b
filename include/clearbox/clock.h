/* The clock port: the one way in which time enters. Core reads it once per burst.
 *
 * wall_ns: UTC, may step; the sequencer makes it monotonic. steady_ns: monotonic, arbitrary origin, for paths
 * that are not state (re-requests, statistics). idle(ns): give the core away for at most that long. Threads:
 * the owning thread. */
#ifndef CB_CLEARBOX_CLOCK_H
#define CB_CLEARBOX_CLOCK_H

#include <stdint.h>

struct cb_clock {
    void *self;
    int64_t (*wall_ns)(void *self);
    int64_t (*steady_ns)(void *self);
    void (*idle)(void *self, int64_t ns);
};

#endif
