/* Goal: the clock port tells real time and sleeps at least as long as asked. Method: compare with time(2),
 * with itself, and with a second clock across a sleep. */
#include "drivers/clock/clock.h"

#include <criterion/criterion.h>
#include <time.h>

static struct cb_clock make(void)
{
    struct cb_clock clock;
    cb_clock_system(&clock);
    return clock;
}

Test(clock, wall_time_is_utc_in_nanoseconds)
{
    struct cb_clock clock = make();
    int64_t before = (int64_t)time(NULL) - 1; /* time(2) reads a coarser clock that lags a tick */
    int64_t wall = clock.wall_ns(clock.self) / 1000000000;
    int64_t after = (int64_t)time(NULL) + 1;
    cr_assert(before <= wall && wall <= after, "wall %lld not in %lld..%lld", (long long)wall,
              (long long)before, (long long)after);
}

Test(clock, steady_time_never_goes_back_and_does_advance)
{
    struct cb_clock clock = make();
    int64_t first = clock.steady_ns(clock.self), last = first;
    for (int i = 0; i < 100000; i++) {
        int64_t now = clock.steady_ns(clock.self);
        cr_assert(now >= last);
        last = now;
    }
    cr_assert_gt(last, first);
}

Test(clock, idle_sleeps_at_least_the_time_asked_across_the_second)
{
    struct cb_clock clock = make();
    const int64_t asks[] = {1, 50000, 3000000, 1000000000, 1000000001};
    for (unsigned i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        int64_t start = clock.steady_ns(clock.self);
        clock.idle(clock.self, asks[i]);
        int64_t slept = clock.steady_ns(clock.self) - start;
        cr_assert_geq(slept, asks[i]);
        cr_assert_lt(slept, asks[i] + 1000000000, "slept %lld for %lld", (long long)slept,
                     (long long)asks[i]);
    }
}

Test(clock, idle_of_nothing_or_less_returns_at_once)
{
    struct cb_clock clock = make();
    int64_t start = clock.steady_ns(clock.self);
    clock.idle(clock.self, 0);
    clock.idle(clock.self, -1);
    clock.idle(clock.self, INT64_MIN);
    cr_assert_lt(clock.steady_ns(clock.self) - start, 1000000000);
}
