/* Whoever receives an action acknowledges it once, by its id; a custodian also does what it says and reports
 * the outcome, once. The box repeats an action until its acknowledgement is durable; a repeat must have the
 * same content. */
#include "sim/market/engine.h"

#include "host/base/assert.h"

#include <string.h>

#define MILLION          1000000u
#define ANSWERS_PER_POLL 1024u

/* Where action id, cause and epoch lie in both kinds of action. */
enum { HI_AT = 8, LO_AT = 16, EPOCH_AT = 32 };

static uint64_t load(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

static uint32_t index_mask(const struct cb_market *market)
{
    return 2 * market->options.actions - 1;
}

static uint32_t home_of(const struct cb_market *market, uint64_t hi, uint64_t lo)
{
    return (uint32_t)cb_market_mix(hi ^ cb_market_mix(lo)) & index_mask(market);
}

static struct cb_market_action *action_at(const struct cb_market *market, uint64_t position)
{
    return &market->action[position & (market->options.actions - 1)];
}

/* The index cell of this id, or the free cell where it belongs. The index is at most half full. */
static uint32_t cell_of(const struct cb_market *market, uint64_t hi, uint64_t lo)
{
    uint32_t cell = home_of(market, hi, lo);
    while (market->action_index[cell] != 0) {
        const struct cb_market_action *action = &market->action[market->action_index[cell] - 1];
        if (action->hi == hi && action->lo == lo) {
            break;
        }
        cell = (cell + 1) & index_mask(market);
    }
    return cell;
}

/* Frees a cell and moves back whatever probed past it, so that no tombstones are needed. */
static void free_cell(struct cb_market *market, uint32_t hole)
{
    uint32_t mask = index_mask(market);
    for (uint32_t cell = (hole + 1) & mask; market->action_index[cell] != 0; cell = (cell + 1) & mask) {
        const struct cb_market_action *action = &market->action[market->action_index[cell] - 1];
        uint32_t home = home_of(market, action->hi, action->lo);
        if (((cell - home) & mask) >= ((cell - hole) & mask)) {
            market->action_index[hole] = market->action_index[cell];
            hole = cell;
        }
    }
    market->action_index[hole] = 0;
}

/* Returns NULL when every remembered action still waits for its answer: the box will send this one again. */
static struct cb_market_action *add(struct cb_market *market, uint64_t hi, uint64_t lo)
{
    if (market->actions - market->actions_oldest == market->options.actions) {
        if (market->actions_oldest == market->acted) {
            return NULL;
        }
        const struct cb_market_action *oldest = action_at(market, market->actions_oldest);
        free_cell(market, cell_of(market, oldest->hi, oldest->lo));
        market->actions_oldest++;
    }
    uint32_t cell = cell_of(market, hi, lo);
    CB_ASSERT(market->action_index[cell] == 0);
    market->action_index[cell] = (uint32_t)(market->actions & (market->options.actions - 1)) + 1;
    struct cb_market_action *action = action_at(market, market->actions++);
    *action = (struct cb_market_action){.hi = hi, .lo = lo};
    return action;
}

static void see_release(struct cb_market *market, uint32_t session, const uint8_t *message)
{
    struct cb_wire_release release;
    cb_wire_release_decode(&release, message); /* it has no reserved field */
    market->summary.releases++;
    if (release.chain >= market->config->chains_count ||
        market->config->chains[release.chain].session != session) {
        cb_market_complain(market, "session %u: a release on chain %u, which is not its own", session,
                           release.chain);
        return;
    }
    if (release.request_id < market->first_id) {
        return; /* of an earlier run: the chain releases it all the same */
    }
    struct cb_market_request *request = cb_market_request_find(market, release.request_id);
    if (request == NULL || request->kind != CB_REQUEST_WITHDRAWAL || request->account != release.account ||
        request->what != release.asset || request->where != release.chain ||
        request->qty_e8 != release.qty_e8) {
        cb_market_complain(market, "session %u: a release for request %llu that was not asked like this",
                           session, (unsigned long long)release.request_id);
        return;
    }
    if (request->released) {
        cb_market_complain(market, "request %llu: released under two action ids",
                           (unsigned long long)release.request_id);
    }
    request->released = true;
}

static void see_margin_state(struct cb_market *market, uint32_t session, const uint8_t *message)
{
    struct cb_wire_margin_state state;
    if (!cb_wire_margin_state_decode(&state, message)) {
        cb_market_complain(market, "session %u: a margin state with reserved bits set", session);
        return;
    }
    market->summary.margin_states++;
    struct cb_market_period *period = cb_market_period_at(market, state.as_of_ns);
    period->entered_call += state.state == 2;
    period->entered_liquidate += state.state == 3;
    period->entered_bankrupt += state.state == 4;
    cb_market_worst(market, state.account, state.free_e6, state.as_of_ns);
}

void cb_market_action_take(struct cb_market *market, uint32_t session, uint16_t template_id,
                           const uint8_t *message)
{
    uint8_t content[CB_WIRE_MESSAGE_BYTES_MAX];
    uint64_t hi = load(message + HI_AT), lo = load(message + LO_AT), epoch = load(message + EPOCH_AT);
    if (epoch < market->action_epoch) {
        market->summary.actions_fenced++; /* of a box that lost its leadership */
        return;
    }
    market->action_epoch = epoch;
    uint32_t bytes = cb_wire_bytes(template_id);
    memcpy(content, message, bytes);
    memset(content + EPOCH_AT, 0, sizeof epoch); /* a restart repeats the action under its own epoch */
    uint64_t hash = cb_market_hash(content, bytes);
    uint32_t cell = cell_of(market, hi, lo);
    if (market->action_index[cell] != 0) {
        struct cb_market_action *known = &market->action[market->action_index[cell] - 1];
        market->summary.actions_repeated++;
        if (known->content != hash || known->session != session) {
            market->summary.actions_contradicted += !known->contradicted;
            known->contradicted = true;
            cb_market_complain(market, "session %u: action %016llx%016llx came twice with different content",
                               session, (unsigned long long)hi, (unsigned long long)lo);
        }
        return;
    }
    struct cb_market_action *action = add(market, hi, lo);
    if (action == NULL) {
        return;
    }
    action->content = hash;
    action->session = (uint8_t)session;
    action->release =
        template_id == CB_WIRE_RELEASE && market->config->sessions[session].role == CB_ROLE_CUSTODIAN;
    market->progress++;
    if (template_id == CB_WIRE_RELEASE) {
        see_release(market, session, message);
    } else {
        see_margin_state(market, session, message);
    }
}

static void put_result(struct cb_market *market, const struct cb_market_action *action)
{
    uint8_t message[CB_WIRE_RELEASE_RESULT_BYTES];
    uint64_t number, draw = cb_market_mix(market->options.seed ^ cb_market_mix(action->hi) ^ action->lo);
    bool fails = draw % MILLION < market->options.fail_ppm;
    struct cb_wire_release_result result = {.action_hi = action->hi,
                                            .action_lo = action->lo,
                                            .outcome = fails ? CB_OUTCOME_FAILED : CB_OUTCOME_DONE};
    uint32_t bytes = cb_wire_release_result_encode(message, &result);
    bool put = cb_market_put(market, action->session, message, bytes, &number);
    CB_ASSERT(put); /* room for both was checked */
    market->summary.releases_failed += fails;
    market->summary.releases_done += !fails;
}

uint32_t cb_market_action_answer(struct cb_market *market)
{
    uint32_t done = 0;
    while (market->acted < market->actions && done < ANSWERS_PER_POLL) {
        const struct cb_market_action *action = action_at(market, market->acted);
        if (!cb_market_sender_room(&market->sender[action->session], 2)) {
            break;
        }
        uint8_t message[CB_WIRE_ACKNOWLEDGE_BYTES];
        uint64_t number;
        struct cb_wire_acknowledge acknowledge = {.action_hi = action->hi, .action_lo = action->lo};
        uint32_t bytes = cb_wire_acknowledge_encode(message, &acknowledge);
        bool put = cb_market_put(market, action->session, message, bytes, &number);
        CB_ASSERT(put);
        if (action->release) {
            put_result(market, action);
        }
        market->acted++;
        done++;
    }
    return done;
}
