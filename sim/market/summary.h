/* What a run of the generator saw, and how it prints. */
#ifndef CB_SIM_MARKET_SUMMARY_H
#define CB_SIM_MARKET_SUMMARY_H

#include "clearbox/limits.h"
#include "clearbox/wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CB_MARKET_PERIODS_MAX     64u
#define CB_MARKET_TEMPLATES       128u
#define CB_MARKET_ERROR_BYTES     2048u
#define CB_MARKET_COMPLAINTS_MAX  8u
#define CB_MARKET_COMPLAINT_BYTES 160u

enum cb_market_result {
    CB_MARKET_RUNNING = 0,
    CB_MARKET_OK = 1,
    CB_MARKET_MISMATCH = 2, /* the box contradicted itself: see the complaints. Exit 1 */
    CB_MARKET_INCOMPLETE =
        3,              /* no progress for give_up_ns, or interrupted: something stayed unanswered. Exit 1 */
    CB_MARKET_INPUT = 4 /* the price file is at fault. Exit 2 */
};

struct cb_market_period { /* a year of a daily file, a day of anything finer */
    int64_t start_ns;
    int64_t low_e8, high_e8; /* of factor 0; 0: no price */
    uint64_t steps;
    uint64_t checks_approved, checks_refused;
    uint64_t entered_call, entered_liquidate, entered_bankrupt; /* MarginState actions */
};

struct cb_market_summary {
    enum cb_market_result result;
    uint64_t seed, steps, accounts;
    int64_t first_ns, last_ns;
    uint64_t sent[CB_MARKET_TEMPLATES];     /* messages by template, each counted once */
    uint64_t received[CB_MARKET_TEMPLATES]; /* messages by template, repeats included */
    uint64_t checks_asked, checks_approved, checks_refused[CB_REJECT_COUNT];
    uint64_t checks_unanswered, checks_answered, checks_contradicted; /* 0, 1, > 1 different answers */
    uint64_t withdrawals_asked, withdrawals_refused[CB_REJECT_COUNT];
    uint64_t withdrawals_held, withdrawals_done,
        withdrawals_failed; /* held: every one that was not refused */
    uint64_t withdrawals_unanswered, withdrawals_contradicted, withdrawals_not_final;
    uint64_t asked_again;                       /* requests sent once more because no answer came in time */
    uint64_t answers_repeated, answers_foreign; /* equal answer again; to a request of an earlier run */
    uint64_t releases, margin_states;           /* different action ids */
    uint64_t releases_done, releases_failed;    /* as the custodians answered */
    uint64_t actions_repeated, actions_contradicted, actions_fenced;
    uint64_t refused[CB_REJECT_COUNT]; /* Refused messages by reason */
    uint64_t fills, fills_partial, cancels, settlements;
    uint64_t datagrams_sent, heartbeats, frames_sent, frames_received;
    uint64_t retransmission_requests, retransmitted, restarts, stalls, dropped;
    uint64_t gaps, missing, late, forged, malformed, fenced;
    uint64_t promises_broken; /* the box wanted messages again that it had called durable */
    uint64_t sequence_taken;  /* statuses ahead of what was sent: another sender uses the session */
    uint32_t worst_account;
    bool worst_known;
    int64_t worst_free_e6, worst_ns;
    char factor[CB_NAME_BYTES]; /* name of factor 0 */
    bool periods_are_days;
    uint32_t periods;
    struct cb_market_period period[CB_MARKET_PERIODS_MAX];
    uint32_t complaints; /* kept: the first CB_MARKET_COMPLAINTS_MAX */
    char complaint[CB_MARKET_COMPLAINTS_MAX][CB_MARKET_COMPLAINT_BYTES];
    char error[CB_MARKET_ERROR_BYTES]; /* of the price file */
};

/* Returns "ok", "mismatch", ... */
const char *cb_market_result_name(enum cb_market_result result);

/* What an application exits with: 0 ok, 1 mismatch or incomplete, 2 bad input. */
int cb_market_result_exit(enum cb_market_result result);

void cb_market_summary_text(const struct cb_market_summary *summary, FILE *out);

/* One JSON object; money and prices as strings of decimal USD, counts as numbers. */
void cb_market_summary_json(const struct cb_market_summary *summary, FILE *out);

#endif
