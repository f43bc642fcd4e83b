/* The outside of the box: oracles, venues, custodians, traders and an operator, each a session of its own,
 * over one cb_nic per line. This is `clearbox gen`.
 *
 * Phases: hello (learn where each session stands at the box), open (the operator opens accounts), run (per
 * step of the feed: the oracle's heartbeat, prices and volatilities; deposits by custodians as soon as their
 * asset has a price; margin checks and withdrawals by traders; settlements by the operator; venues fill what
 * was approved, custodians answer releases), drain (nothing new; until every message is durable, every
 * request answered, every action acknowledged).
 *
 * What is sent is a pure function of (configuration, options, prices, the box's answers): decisions at a step
 * come from the seed's stream, decisions on an answer from a hash of seed and request number, so that the
 * time at which an answer arrives changes no content. Under the feed clock the heartbeat of a time goes out
 * before the prices of that time, in the same datagram where it fits. With lockstep the next step waits until
 * every request of the last one is answered.
 *
 * What is checked: equal answers to equal requests, one content per action id, no epoch going back, nothing
 * called durable and then wanted again. A contradiction makes the result MISMATCH. */
#ifndef CB_SIM_MARKET_MARKET_H
#define CB_SIM_MARKET_MARKET_H

#include "host/base/arena.h"
#include "host/types/config.h"
#include "sim/market/link.h"
#include "sim/market/summary.h"

struct cb_market;

struct cb_market_options {
    uint64_t seed;
    const char *prices; /* a CSV file; NULL: the seeded market */
    uint64_t steps;     /* at most; 0: the whole file, or 1,000 seeded steps */
    int64_t start_ns;   /* the seeded market: first time and distance of steps */
    int64_t step_ns;
    uint32_t accounts;        /* 1 .. capacity.accounts */
    uint32_t checks_per_step; /* when traders act */
    uint32_t act_ppm;         /* probability that they act at a step, in millionths */
    uint32_t withdraw_ppm;    /* probability that a check is followed by a withdrawal */
    uint32_t oversize_ppm;    /* checks and withdrawals that ask for far too much */
    uint32_t fail_ppm;        /* releases that the chain fails */
    bool lockstep;
    bool lossless; /* oracle messages too are kept until durable (a box that restarts gets them again) */
    uint32_t ring, window; /* per session, messages: kept (power of two); in flight (0: ring) */
    uint32_t requests;     /* remembered requests, a power of two */
    uint32_t actions;      /* remembered action ids, a power of two */
    int64_t pace_ns;       /* steady time between steps; 0: as fast as the box takes them */
    int64_t hello_ns, heartbeat_ns, stall_ns, answer_ns, give_up_ns; /* steady */
};

/* Sensible values for everything but prices, start_ns and step_ns. */
void cb_market_defaults(struct cb_market_options *options, const struct cb_config *config);

/* Returns NULL, or one sentence that says what in configuration or options can not work and what to do. */
const char *cb_market_check(const struct cb_config *config, const struct cb_market_options *options);

/* Requires: cb_market_check returned NULL. */
size_t cb_market_footprint(const struct cb_config *config, const struct cb_market_options *options);

/* Opens the price file; an error in it is the result INPUT of the first poll. secrets: one per session of the
 * configuration. Lifetime: config, options->prices and the nics until close. Returns: never NULL. */
struct cb_market *cb_market_init(struct cb_arena *arena, const struct cb_config *config,
                                 const struct cb_market_options *options,
                                 const uint8_t (*secrets)[CB_SESSION_KEY_BYTES],
                                 const struct cb_market_line *line, uint32_t lines, cb_market_tap_fn *tap,
                                 void *tap_self);

/* A bounded piece of work: what arrived, what is due, at most a few steps. Times as the clock port gives
 * them; wall_ns is looked at under the wall clock only. Returns how much was done, 0: idle. */
uint32_t cb_market_poll(struct cb_market *market, int64_t wall_ns, int64_t steady_ns);

/* CB_MARKET_RUNNING until the run is over. */
enum cb_market_result cb_market_result(const struct cb_market *market);

/* No further step: drain and finish. */
void cb_market_stop(struct cb_market *market);

/* The figures so far; complete when the result is no longer RUNNING. */
void cb_market_summarise(const struct cb_market *market, struct cb_market_summary *out);

void cb_market_close(struct cb_market *market);

#endif
