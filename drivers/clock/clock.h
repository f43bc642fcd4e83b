/* The clock driver: the system's clocks behind the clock port.
 *
 * wall_ns is CLOCK_REALTIME (UTC, may step: the sequencer makes it monotonic), steady_ns is CLOCK_MONOTONIC;
 * both are read through the vdso, without a system call where the kernel's clock source allows it. idle
 * sleeps by clock_nanosleep; whether a caller spins, yields or sleeps is the engine's decision. */
#ifndef CB_DRIVERS_CLOCK_CLOCK_H
#define CB_DRIVERS_CLOCK_CLOCK_H

#include "clearbox/clock.h"

/* Fills the port. It owns nothing and needs no close. idle(ns): ns <= 0 returns at once, a signal may end it
 * early. Threads: any; the functions have no state. */
void cb_clock_system(struct cb_clock *clock);

#endif
