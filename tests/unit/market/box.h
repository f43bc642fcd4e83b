/* A small box for the generator's tests: the other end of a pair of nics that lose and double frames as told,
 * a session window, remembered answers, actions sent until acknowledged, commits, and restarts that lose what
 * was not committed. It decides nothing that matters; it keeps the protocol. */
#ifndef CB_TESTS_MARKET_BOX_H
#define CB_TESTS_MARKET_BOX_H

#include "host/base/mac.h"
#include "sim/market/market.h"
#include "sim/market/random.h"
#include "tests/unit/market/scenario.h"

#define BOX_REQUESTS     8192u
#define BOX_ACTIONS      8192u
#define BOX_WIRE_FRAMES  8192u
#define BOX_COMMIT_POLLS 4u
#define BOX_SAID         65536u

struct box_wire { /* one direction of one line */
    struct box_frame {
        uint32_t bytes;
        uint8_t data[CB_FRAME_BYTES_MAX];
    } * frame;
    uint64_t head, tail;
    uint32_t loss_ppm, double_ppm;
    struct cb_market_random random;
    uint64_t lost;
};

struct box_port { /* a nic at one end */
    struct box_wire *in, *out;
    struct cb_nic nic;
    bool down;
};

struct box_answer {
    uint64_t id;
    uint8_t session, bytes;
    uint8_t message[CB_WIRE_MARGIN_CHECK_REPLY_BYTES];
};

struct box_action {
    uint8_t session, bytes;
    bool acknowledged, resulted;
    uint64_t sent_at, hi, lo;
    uint64_t request; /* of a release: index of its answer */
    uint8_t message[CB_WIRE_MARGIN_STATE_BYTES];
};

struct box_said {
    uint8_t session, bytes;
    uint8_t message[CB_WIRE_MARGIN_CHECK_REPLY_BYTES];
};

struct box_state { /* what a restart brings back to the last commit */
    uint64_t seq;
    uint64_t next[CB_SESSIONS_MAX];
    uint64_t messages[CB_MARKET_TEMPLATES];
    uint64_t trades_of_unknown, cancels_of_unknown, results_doubled;
    uint64_t digest[CB_SESSIONS_MAX]; /* over all messages applied of a session, in order */
    uint64_t answers, actions;
    int64_t feed_ns;
    uint64_t future_prices, old_heartbeats;
    struct box_answer answer[BOX_REQUESTS];
    struct box_action action[BOX_ACTIONS];
};

struct box {
    const struct cb_config *config;
    struct cb_market_link link;
    struct cb_mac_keys keys[CB_SESSIONS_MAX];
    struct box_wire wire[2 * CB_LINES_MAX];
    struct box_port near[CB_LINES_MAX], far[CB_LINES_MAX]; /* near: the generator's */
    struct box_state *live, *committed;
    struct box_said *outbox; /* waits for the next commit */
    uint32_t said;
    uint64_t epoch, polls;
    uint64_t down_next[CB_SESSIONS_MAX];
    uint64_t resent, requested;
    /* Faults to show the generator. */
    bool double_replies, change_action, change_answer, forget_durable, answer_early;
    uint32_t lines;
    int64_t now_ns;
    cb_market_tap_fn *tap; /* for the generator */
    void *tap_self;
};

struct box *box_new(const struct cb_config *config, uint32_t lines, uint32_t loss_ppm, uint64_t seed);
void box_free(struct box *box);
void box_lines(struct box *box, struct cb_market_line *line);
void box_poll(struct box *box);
void box_restart(struct box *box);

/* Runs generator and box together until the result is there, at most `polls` times; each poll is 100 us. */
enum cb_market_result box_run(struct box *box, struct cb_market *market, uint64_t polls);

/* A generator in memory of its own. */
struct box_market {
    struct cb_market *market;
    void *memory;
};
struct box_market box_market_new(struct box *box, const struct cb_market_options *options);
void box_market_free(struct box_market *made);

#endif
