#include "drivers/clock/clock.h"

#include "host/base/assert.h"

#include <stddef.h>
#include <time.h>

#define SECOND_NS 1000000000

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    int status = clock_gettime(id, &now);
    CB_ASSERT(status == 0);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

static int64_t wall_ns(void *self)
{
    (void)self;
    return read_ns(CLOCK_REALTIME);
}

static int64_t steady_ns(void *self)
{
    (void)self;
    return read_ns(CLOCK_MONOTONIC);
}

static void idle(void *self, int64_t ns)
{
    (void)self;
    if (ns <= 0) {
        return;
    }
    struct timespec rest = {.tv_sec = (time_t)(ns / SECOND_NS), .tv_nsec = (long)(ns % SECOND_NS)};
    /* A signal ends the sleep early on purpose: whoever sent it wants to be noticed. */
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
}

void cb_clock_system(struct cb_clock *clock)
{
    *clock = (struct cb_clock){.self = NULL, .wall_ns = wall_ns, .steady_ns = steady_ns, .idle = idle};
}
