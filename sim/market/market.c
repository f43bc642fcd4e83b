#include "sim/market/engine.h"

#include "host/base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STEPS_PER_POLL 16u
#define SEEDED_STEPS   1000u
#define QUIET_NS       (50 * CB_NS_PER_MS)  /* a run is over when nothing new came for so long */
#define NUDGE_NS       (500 * CB_NS_PER_MS) /* without progress at the end: let a second of feed time pass */

_Static_assert(CB_MARKET_ERROR_BYTES == CB_PRICES_ERROR_BYTES, "the summary holds the whole error");

static uint64_t rest_distance(const struct cb_config *config, const struct cb_market_options *options)
{
    /* Resting orders take room in the remembered requests and in the box: a quarter of either, and about two
     * an account. */
    uint64_t distance = 2u * (uint64_t)options->accounts + 16u;
    distance = distance < options->requests / 4 ? distance : options->requests / 4;
    return distance < config->capacity.orders / 4 ? distance : config->capacity.orders / 4;
}

static void sender_options(struct cb_market_sender_options *out, const struct cb_config *config,
                           const struct cb_market_options *options, uint32_t session)
{
    bool ordered = config->sessions[session].class == CB_SESSION_ORDERED;
    memset(out, 0, sizeof *out);
    memcpy(out->name, config->sessions[session].name, sizeof out->name);
    out->ring = options->ring;
    out->window = options->window;
    out->lossless = ordered || options->lossless;
    out->heartbeat_ns = options->heartbeat_ns;
    out->stall_ns = options->stall_ns;
}

size_t cb_market_footprint(const struct cb_config *config, const struct cb_market_options *options)
{
    size_t bytes = cb_arena_room(sizeof(struct cb_market));
    for (uint32_t i = 0; i < config->sessions_count; i++) {
        struct cb_market_sender_options sender;
        sender_options(&sender, config, options, i);
        bytes += cb_market_sender_footprint(&sender);
    }
    bytes += cb_arena_room(options->accounts * sizeof(int64_t));
    bytes += cb_arena_room(options->requests * sizeof(struct cb_market_request));
    bytes += 3 * cb_arena_room(options->requests * sizeof(uint64_t));
    bytes += cb_arena_room(options->actions * sizeof(struct cb_market_action));
    bytes += cb_arena_room(2 * (size_t)options->actions * sizeof(uint32_t));
    return bytes;
}

static void init_sessions(struct cb_market *market, struct cb_arena *arena,
                          const uint8_t (*secrets)[CB_SESSION_KEY_BYTES])
{
    const struct cb_config *config = market->config;
    struct cb_mac_keys keys[CB_SESSIONS_MAX];
    for (uint32_t i = 0; i < config->sessions_count; i++) {
        struct cb_market_sender_options options;
        cb_mac_derive(&keys[i], secrets[i]);
        sender_options(&options, config, &market->options, i);
        options.key = keys[i].in;
        cb_market_sender_init(&market->sender[i], arena, &options);
        if (config->sessions[i].role == CB_ROLE_ORACLE) {
            market->oracle[market->oracles++] = (uint8_t)i;
        } else if (config->sessions[i].role == CB_ROLE_TRADER) {
            market->trader[market->traders++] = (uint8_t)i;
        } else if (config->sessions[i].role == CB_ROLE_OPERATOR) {
            market->operator_session = (uint8_t)i;
        }
    }
    cb_market_receiver_init(&market->receiver, config, keys);
}

static void init_feed(struct cb_market *market)
{
    struct cb_market_options *options = &market->options;
    market->recorded = options->prices != NULL;
    if (market->recorded) {
        market->feed_open = cb_prices_open(&market->prices, options->prices, market->config);
        return;
    }
    options->steps = options->steps == 0 ? SEEDED_STEPS : options->steps;
    cb_seeded_init(&market->seeded, market->config, options->seed, options->start_ns, options->step_ns,
                   options->steps);
}

struct cb_market *cb_market_init(struct cb_arena *arena, const struct cb_config *config,
                                 const struct cb_market_options *options,
                                 const uint8_t (*secrets)[CB_SESSION_KEY_BYTES],
                                 const struct cb_market_line *line, uint32_t lines, cb_market_tap_fn *tap,
                                 void *tap_self)
{
    CB_ASSERT(cb_market_check(config, options) == NULL);
    struct cb_market *market = cb_arena_take(arena, sizeof *market);
    memset(market, 0, sizeof *market);
    market->config = config;
    market->options = *options;
    cb_market_link_init(&market->link, line, lines, tap, tap_self);
    init_sessions(market, arena, secrets);
    market->equity_e6 = cb_arena_take(arena, options->accounts * sizeof(int64_t));
    market->request = cb_arena_take(arena, options->requests * sizeof(struct cb_market_request));
    market->fills.number = cb_arena_take(arena, options->requests * sizeof(uint64_t));
    market->cancels.number = cb_arena_take(arena, options->requests * sizeof(uint64_t));
    market->resting.number = cb_arena_take(arena, options->requests * sizeof(uint64_t));
    market->action = cb_arena_take(arena, options->actions * sizeof(struct cb_market_action));
    market->action_index = cb_arena_take(arena, 2 * (size_t)options->actions * sizeof(uint32_t));
    market->rest_distance = (uint32_t)rest_distance(config, options);
    market->random.state = cb_market_mix(options->seed ^ 0x7472616465u);
    market->first_id = 1;
    market->summary.seed = options->seed;
    memcpy(market->summary.factor, config->factors[0].name, sizeof market->summary.factor);
    init_feed(market);
    return market;
}

bool cb_market_put(struct cb_market *market, uint32_t session, const uint8_t *message, uint32_t bytes,
                   uint64_t *number)
{
    struct cb_market_sender *sender = &market->sender[session];
    uint16_t template_id;
    if (!cb_market_sender_room(sender, 1)) {
        return false;
    }
    enum cb_reject wrong = cb_wire_open(message, bytes, &template_id);
    CB_ASSERT(wrong == CB_REJECT_NONE);
    *number = cb_market_sender_put(sender, message, bytes);
    market->summary.sent[template_id]++;
    return true;
}

void cb_market_complain(struct cb_market *market, const char *format, ...)
{
    struct cb_market_summary *summary = &market->summary;
    if (summary->complaints < CB_MARKET_COMPLAINTS_MAX) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(summary->complaint[summary->complaints], CB_MARKET_COMPLAINT_BYTES, format, arguments);
        va_end(arguments);
    }
    summary->complaints++;
}

uint64_t cb_market_hash(const uint8_t *data, uint32_t bytes)
{
    uint64_t hash = bytes;
    CB_ASSERT(bytes % 8 == 0); /* every template is */
    for (uint32_t i = 0; i < bytes; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, sizeof word);
        hash = cb_market_mix(hash ^ word);
    }
    return hash == 0 ? 1 : hash;
}

static uint32_t flush_all(struct cb_market *market)
{
    uint32_t done = 0;
    uint64_t full = market->link.tx_full;
    /* In the order of the sessions, oracles first by custom; when the nic is full, the later ones wait too,
     * so that the order in which things were put stays the order on the wire. */
    for (uint32_t i = 0; i < market->config->sessions_count && market->link.tx_full == full; i++) {
        done += cb_market_sender_flush(&market->sender[i], &market->link, market->now_ns);
    }
    return done;
}

static bool any_line_up(const struct cb_market *market)
{
    bool up = false;
    for (uint32_t i = 0; i < market->link.lines; i++) {
        up |= cb_market_link_up(&market->link, i);
    }
    return up;
}

static void finish(struct cb_market *market, enum cb_market_result result)
{
    const struct cb_market_summary *summary = &market->summary;
    uint64_t broken = 0, ahead = 0;
    for (uint32_t i = 0; i < market->config->sessions_count; i++) {
        broken += market->sender[i].broken;
        ahead += market->sender[i].ahead;
    }
    if (broken != 0) {
        cb_market_complain(market, "the box wanted messages again that it had called durable");
    }
    if (ahead != 0) {
        cb_market_complain(market,
                           "the box is ahead of what was sent: another sender uses a session of ours");
    }
    market->summary.result =
        summary->complaints != 0 && result != CB_MARKET_INPUT ? CB_MARKET_MISMATCH : result;
    market->phase = CB_PHASE_OVER;
}

/* The hello is over when every session knows where it stands, or the box stayed silent for long enough to be
 * taken for new. */
static uint32_t poll_hello(struct cb_market *market)
{
    if (!any_line_up(market)) {
        return 0;
    }
    if (!market->hello_begun) {
        market->hello_begun = true;
        market->hello_since_ns = market->now_ns;
        for (uint32_t i = 0; i < market->config->sessions_count; i++) {
            market->sender[i].transmit_ns = market->now_ns - market->options.heartbeat_ns; /* due at once */
        }
    }
    bool all_heard = true;
    for (uint32_t i = 0; i < market->config->sessions_count; i++) {
        all_heard &= market->sender[i].heard;
    }
    if (!all_heard && market->now_ns - market->hello_since_ns < market->options.hello_ns) {
        return 0;
    }
    /* A request takes a message at least, so that ids above all earlier messages were never used. */
    for (uint32_t i = 0; i < market->traders; i++) {
        market->first_id += market->sender[market->trader[i]].next - 1;
    }
    market->phase = market->stopping ? CB_PHASE_DRAIN : CB_PHASE_OPEN;
    return 1;
}

static bool all_applied(const struct cb_market *market, enum cb_session_role role)
{
    bool applied = true;
    for (uint32_t i = 0; i < market->config->sessions_count; i++) {
        if (market->config->sessions[i].role == role) {
            applied &= market->sender[i].applied == market->sender[i].next;
        }
    }
    return applied;
}

static uint32_t poll_open(struct cb_market *market)
{
    if (market->stopping) {
        market->phase = CB_PHASE_DRAIN;
        return 1;
    }
    uint32_t done = cb_market_open_accounts(market);
    if (market->opened == market->options.accounts && all_applied(market, CB_ROLE_OPERATOR)) {
        market->phase = CB_PHASE_RUN;
        done++;
    }
    return done;
}

static bool may_step(const struct cb_market *market)
{
    if (market->depositing || market->deposits_out || !cb_market_trade_room(market) ||
        market->now_ns < market->step_due_ns) {
        return false;
    }
    if (market->options.lockstep && (market->waiting != 0 || market->fills.head != market->fills.tail)) {
        return false;
    }
    for (uint32_t i = 0; i < market->oracles; i++) {
        if (!cb_market_sender_room(&market->sender[market->oracle[i]], cb_market_feed_room(market))) {
            return false;
        }
    }
    for (uint32_t i = 0; i < market->config->sessions_count; i++) {
        if (!cb_market_sender_flushed(&market->sender[i])) {
            return false;
        }
    }
    return any_line_up(market);
}

static uint32_t step(struct cb_market *market)
{
    int got = cb_market_feed_next(market);
    if (got < 0) {
        memcpy(market->summary.error, market->prices.error, sizeof market->summary.error);
        finish(market, CB_MARKET_INPUT);
        return 1;
    }
    if (got == 0) {
        market->phase = CB_PHASE_DRAIN;
        return 1;
    }
    market->step_due_ns = market->now_ns + market->options.pace_ns;
    market->progress++;
    cb_market_publish(market);
    cb_market_deposits_due(market);
    cb_market_settle(market);
    if (!market->deposits_out) {
        cb_market_trade_step(market);
    }
    return 1 + flush_all(market);
}

static uint32_t poll_run(struct cb_market *market)
{
    uint32_t done = 0;
    if (market->recorded && !market->feed_open) {
        return step(market); /* says why */
    }
    if (market->depositing) {
        done += cb_market_deposit(market);
    } else if (market->deposits_out && all_applied(market, CB_ROLE_CUSTODIAN)) {
        market->deposits_out = false;
        cb_market_deposits_due(market); /* the next holding, if one is due */
        done++;
    }
    for (uint32_t i = 0; i < STEPS_PER_POLL && market->phase == CB_PHASE_RUN && !market->stopping; i++) {
        if (!may_step(market)) {
            break;
        }
        done += step(market);
    }
    if (market->phase == CB_PHASE_RUN && market->stopping) {
        market->phase = CB_PHASE_DRAIN;
    }
    return done;
}

static bool is_drained(const struct cb_market *market)
{
    for (uint32_t i = 0; i < market->config->sessions_count; i++) {
        const struct cb_market_sender *sender = &market->sender[i];
        if (sender->options.lossless && !cb_market_sender_drained(sender)) {
            return false;
        }
    }
    return market->oldest == market->asked && market->acted == market->actions;
}

static void poll_drain(struct cb_market *market)
{
    if (is_drained(market)) {
        if (market->now_ns - market->progress_ns >= QUIET_NS) {
            finish(market, CB_MARKET_OK);
        }
    } else if (market->config->clock == CB_CLOCK_FEED && market->oldest != market->asked &&
               market->now_ns - market->progress_ns >= NUDGE_NS &&
               market->now_ns - market->nudge_ns >= NUDGE_NS) {
        /* A lost action is sent again by a timer, and time only passes by heartbeats. */
        market->nudge_ns = market->now_ns;
        cb_market_nudge(market);
    }
}

/* Anything that brings the end nearer; a message that only repeats does not. */
static void watch_progress(struct cb_market *market)
{
    uint64_t sum = market->progress + market->opened + market->oldest + market->acted +
                   (uint64_t)market->phase + market->steps;
    for (uint32_t i = 0; i < market->config->sessions_count; i++) {
        sum += market->sender[i].base + market->sender[i].applied;
    }
    if (sum != market->progress_sum) {
        market->progress_sum = sum;
        market->progress_ns = market->now_ns;
    } else if (market->now_ns - market->progress_ns >= market->options.give_up_ns) {
        finish(market, CB_MARKET_INCOMPLETE);
    }
}

uint32_t cb_market_poll(struct cb_market *market, int64_t wall_ns, int64_t steady_ns)
{
    if (market->phase == CB_PHASE_OVER) {
        return 0;
    }
    market->wall_ns = wall_ns;
    market->now_ns = steady_ns;
    if (!market->timed) {
        market->timed = true;
        market->progress_ns = market->nudge_ns = steady_ns;
    }
    uint32_t done = cb_market_receive(market);
    if (market->phase != CB_PHASE_HELLO) {
        done += cb_market_action_answer(market) + cb_market_fill(market) + cb_market_cancel(market) +
                cb_market_ask_again(market);
    }
    switch (market->phase) {
    case CB_PHASE_HELLO:
        done += poll_hello(market);
        break;
    case CB_PHASE_OPEN:
        done += poll_open(market);
        break;
    case CB_PHASE_RUN:
        done += poll_run(market);
        break;
    case CB_PHASE_DRAIN:
        poll_drain(market);
        break;
    case CB_PHASE_OVER:
    default:
        break;
    }
    if (market->phase == CB_PHASE_OVER) {
        return done;
    }
    done += flush_all(market);
    for (uint32_t i = 0; i < market->config->sessions_count; i++) {
        cb_market_sender_tick(&market->sender[i], &market->link, steady_ns);
    }
    watch_progress(market);
    return done;
}

enum cb_market_result cb_market_result(const struct cb_market *market)
{
    return market->summary.result;
}

void cb_market_stop(struct cb_market *market)
{
    market->stopping = true;
}

void cb_market_summarise(const struct cb_market *market, struct cb_market_summary *out)
{
    *out = market->summary;
    out->accounts = market->opened;
    out->checks_unanswered = out->checks_asked - out->checks_answered;
    for (uint64_t n = market->oldest; n < market->asked; n++) {
        const struct cb_market_request *request = &market->request[n & (market->options.requests - 1)];
        out->withdrawals_unanswered +=
            request->kind == CB_REQUEST_WITHDRAWAL && request->state == CB_REQUEST_ASKED;
    }
    for (uint32_t i = 0; i < market->config->sessions_count; i++) {
        const struct cb_market_sender *sender = &market->sender[i];
        out->datagrams_sent += sender->datagrams;
        out->heartbeats += sender->heartbeats;
        out->retransmission_requests += sender->requests;
        out->retransmitted += sender->served;
        out->restarts = sender->restarts > out->restarts ? sender->restarts : out->restarts;
        out->stalls += sender->stalls;
        out->dropped += sender->dropped;
        out->promises_broken += sender->broken;
        out->sequence_taken += sender->ahead;
    }
    out->frames_sent = market->link.frames_sent;
    out->frames_received = market->link.frames_received;
    out->gaps = market->receiver.gaps;
    out->missing = market->receiver.missing;
    out->late = market->receiver.late;
    out->forged = market->receiver.forged;
    out->malformed = market->receiver.malformed;
    out->fenced = market->receiver.fenced;
}

void cb_market_close(struct cb_market *market)
{
    if (market->recorded) {
        cb_prices_close(&market->prices);
    }
}
