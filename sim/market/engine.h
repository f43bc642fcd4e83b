/* Inside the generator: its one state struct and what its parts call of one another. Only sim/market includes
 * this; the outside sees market.h. */
#ifndef CB_SIM_MARKET_ENGINE_H
#define CB_SIM_MARKET_ENGINE_H

#include "sim/market/market.h"
#include "sim/market/prices.h"
#include "sim/market/random.h"
#include "sim/market/receiver.h"
#include "sim/market/seeded.h"
#include "sim/market/sender.h"

enum cb_market_phase { CB_PHASE_HELLO, CB_PHASE_OPEN, CB_PHASE_RUN, CB_PHASE_DRAIN, CB_PHASE_OVER };

enum cb_request_state {
    CB_REQUEST_CLOSED = 0,
    CB_REQUEST_ASKED,    /* no answer yet */
    CB_REQUEST_FILL,     /* approved: the venue will trade */
    CB_REQUEST_CANCEL,   /* the rest is to be cancelled once the fill is applied */
    CB_REQUEST_RESTING,  /* stays in the book for a while */
    CB_REQUEST_RELEASING /* a withdrawal that is held */
};

enum cb_request_kind { CB_REQUEST_CHECK = 1, CB_REQUEST_WITHDRAWAL = 2 };

/* A margin check or a withdrawal, remembered from its asking until its slot is needed again. */
struct cb_market_request {
    uint64_t number;          /* 0, 1, 2 ...; the request id is the market's first id + number */
    uint64_t answer, final;   /* hash of the (first, final) answer; 0: none yet */
    int64_t due_ns;           /* asked again then */
    int64_t qty_e8, limit_e8; /* a withdrawal has no limit */
    uint32_t account;
    uint16_t what, where; /* instrument and venue, or asset and chain */
    uint8_t kind, state, asks;
    bool contradicted, released;
};

struct cb_market_action {
    uint64_t hi, lo, content; /* content: hash of all but the epoch */
    uint8_t session;
    bool release, contradicted;
};

struct cb_market_queue { /* request numbers; as long as the requests' ring, which bounds it */
    uint64_t *number;
    uint64_t head, tail; /* put at head, taken at tail */
};

struct cb_market_factor {
    int64_t price_e8, time_ns; /* 0: none yet */
    int64_t first_e8;          /* sizes deposits */
    double variance_per_ns;    /* EWMA of squared returns */
    uint32_t returns;
};

struct cb_market {
    const struct cb_config *config;
    struct cb_market_options options;
    struct cb_market_link link;
    struct cb_market_receiver receiver;
    struct cb_market_sender sender[CB_SESSIONS_MAX];
    enum cb_market_phase phase;
    int64_t now_ns, wall_ns; /* of this poll */

    /* Who is who: session indices by role. */
    uint32_t oracles, traders;
    uint8_t oracle[CB_SESSIONS_MAX], trader[CB_SESSIONS_MAX], operator_session;

    /* The feed. */
    bool recorded, feed_open;
    struct cb_prices prices;
    struct cb_seeded seeded;
    struct cb_price_step step;
    int64_t feed_ns, spacing_ns; /* time of the last step, and its distance from the one before */
    uint64_t steps;
    int64_t step_due_ns;
    struct cb_market_factor factor[CB_FACTORS_MAX];
    uint64_t settled_seq[CB_INSTRUMENTS_MAX]; /* session sequence of its settlement; 0: none */

    /* Accounts. */
    uint32_t opened;
    int64_t *equity_e6;          /* what was deposited, at first prices */
    uint32_t holding, depositor; /* the deposit that is due next: (holding, account) */
    bool deposited[CB_HOLDINGS_MAX], depositing, deposits_out;

    /* Requests, from the oldest that is not closed to the next. */
    struct cb_market_random random;
    struct cb_market_request *request;
    uint64_t first_id, oldest, asked, scan;
    uint64_t waiting; /* in state ASKED */
    struct cb_market_queue fills, cancels, resting;
    uint32_t rest_distance;

    /* Actions, a ring in order of arrival with an index by id. */
    struct cb_market_action *action;
    uint32_t *action_index; /* ring position + 1, 0: free; linear probing */
    uint64_t actions, acted, actions_oldest;
    uint64_t action_epoch;                     /* the greatest seen in an action */
    uint64_t refused_through[CB_SESSIONS_MAX]; /* greatest session sequence of a Refused */

    /* The end. */
    uint64_t progress;     /* of all that counts as progress, summed */
    uint64_t progress_sum; /* as of the last poll that made some */
    int64_t progress_ns, hello_since_ns, nudge_ns;
    int64_t period_end_ns;
    bool stopping, timed, hello_begun;
    struct cb_market_summary summary;
};

/* market.c */
bool cb_market_put(struct cb_market *market, uint32_t session, const uint8_t *message, uint32_t bytes,
                   uint64_t *number); /* false: no room */
__attribute__((format(printf, 2, 3))) void cb_market_complain(struct cb_market *market, const char *format,
                                                              ...);
uint64_t cb_market_hash(const uint8_t *data, uint32_t bytes); /* never 0 */

/* inbox.c: what arrived on the lines. Returns how many frames. */
uint32_t cb_market_receive(struct cb_market *market);

/* oracle.c: the next step of the feed. Returns 1, 0 at the end, -1 when the file is at fault. */
int cb_market_feed_next(struct cb_market *market);
uint32_t cb_market_feed_room(const struct cb_market *market); /* messages a step may need, at most */
void cb_market_publish(struct cb_market *market);             /* puts the step */
void cb_market_nudge(
    struct cb_market *market); /* under the feed clock: a second passes, so that timers fire */
bool cb_market_fresh(const struct cb_market *market, uint16_t factor);

/* accounts.c: set-up, deposits, settlements. Each returns how many messages it put. */
uint32_t cb_market_open_accounts(struct cb_market *market);
void cb_market_deposits_due(struct cb_market *market); /* looks for a holding whose asset got a price */
uint32_t cb_market_deposit(struct cb_market *market);
int64_t cb_market_deposit_qty(const struct cb_market *market, uint32_t account, uint32_t holding);
uint32_t cb_market_settle(struct cb_market *market);
void cb_market_settle_again(struct cb_market *market, uint64_t session_seq); /* it came too early */

/* traders.c: checks and withdrawals. */
void cb_market_trade_step(struct cb_market *market); /* Requires: room for what a step may ask */
bool cb_market_trade_room(const struct cb_market *market);
uint32_t cb_market_ask_again(struct cb_market *market);
uint8_t cb_market_owner(const struct cb_market *market, uint32_t account);
struct cb_market_request *cb_market_request_find(struct cb_market *market, uint64_t id);
void cb_market_request_close(struct cb_market *market, struct cb_market_request *request);

/* replies.c */
void cb_market_check_reply(struct cb_market *market, uint32_t session, const uint8_t *message);
void cb_market_withdrawal_reply(struct cb_market *market, uint32_t session, const uint8_t *message);
void cb_market_refused(struct cb_market *market, uint32_t session, const uint8_t *message);
void cb_market_period_begin(struct cb_market *market, int64_t time_ns);
struct cb_market_period *cb_market_period_at(struct cb_market *market, int64_t time_ns);
void cb_market_worst(struct cb_market *market, uint32_t account, int64_t free_e6, int64_t as_of_ns);

/* venues.c: fills and cancels of what was approved. */
void cb_market_approved(struct cb_market *market, struct cb_market_request *request);
uint32_t cb_market_fill(struct cb_market *market);
uint32_t cb_market_cancel(struct cb_market *market);
void cb_market_queue_put(struct cb_market *market, struct cb_market_queue *queue, uint64_t number);

/* custodians.c: actions. */
void cb_market_action_take(struct cb_market *market, uint32_t session, uint16_t template_id,
                           const uint8_t *message);
uint32_t cb_market_action_answer(struct cb_market *market);

#endif
