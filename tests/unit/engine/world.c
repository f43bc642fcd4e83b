#include "tests/unit/engine/world.h"

#include <criterion/criterion.h>

static void name(char *to, size_t bytes, const char *from, char pad)
{
    memset(to, pad, bytes);
    memcpy(to, from, strlen(from));
}

static void risk_config(struct cb_risk_config *risk)
{
    *risk = (struct cb_risk_config){
        .maintenance.e9 = 800000000,
        .unrealised.e9 = 900000000,
        .warning_enter.e9 = 1100000000,
        .warning_leave.e9 = 1120000000,
        .call_leave.e9 = 1020000000,
        .epoch_band.e9 = 5000000,
        .epoch_ns = 60 * CB_NS_PER_S,
        .price_band.e9 = 50000000,
        .vol_up.e9 = 500000000,
        .vol_down.e9 = 350000000,
        .skew.e9 = 100000000,
    };
}

static void sessions_config(struct cb_config *c)
{
    static const struct {
        const char *name;
        uint8_t class, role;
    } rows[] = {
        {"ORACLE0", CB_SESSION_LATEST, CB_ROLE_ORACLE},  {"OPERATOR", CB_SESSION_ORDERED, CB_ROLE_OPERATOR},
        {"TRADER0", CB_SESSION_ORDERED, CB_ROLE_TRADER}, {"TRADER1", CB_SESSION_ORDERED, CB_ROLE_TRADER},
        {"VENUE0", CB_SESSION_ORDERED, CB_ROLE_VENUE},   {"CUST0", CB_SESSION_ORDERED, CB_ROLE_CUSTODIAN}};
    c->sessions_count = sizeof rows / sizeof rows[0];
    for (uint32_t i = 0; i < c->sessions_count; i++) {
        name(c->sessions[i].name, sizeof c->sessions[i].name, rows[i].name, ' ');
        c->sessions[i].class = rows[i].class;
        c->sessions[i].role = rows[i].role;
    }
}

static void instrument(struct cb_config *c, const char *text, uint8_t kind, uint16_t factor,
                       int64_t strike_e8, int64_t expiry_ns)
{
    struct cb_instrument_config *n = &c->instruments[c->instruments_count++];
    name(n->name, sizeof n->name, text, 0);
    n->kind = kind;
    n->factor = factor;
    n->strike.e8 = strike_e8;
    n->expiry_ns = expiry_ns;
}

void world_config(struct cb_config *c)
{
    memset(c, 0, sizeof *c);
    c->cluster = 7;
    c->clock = CB_CLOCK_FEED;
    c->future_ns = CB_NS_PER_S;
    c->resend_ns = CB_NS_PER_S;
    c->resend_max_ns = 8 * CB_NS_PER_S;
    c->capacity = (struct cb_capacity_config){.accounts = 16,
                                              .positions = 64,
                                              .positions_per_account = 8,
                                              .balances = 32,
                                              .orders = 32,
                                              .holds = 8,
                                              .answers = 64};
    risk_config(&c->risk);
    sessions_config(c);
    c->factors_count = 2;
    for (uint32_t f = 0; f < 2; f++) {
        name(c->factors[f].name, sizeof c->factors[f].name, f == 0 ? "BTC" : "ETH", 0);
        c->factors[f].scan_range.e9 = 200000000;
        c->factors[f].vol.e9 = 700000000;
        c->factors[f].vol_floor.e9 = 100000000;
        c->factors[f].heartbeat_ns = 120 * CB_NS_PER_S;
        c->factors[f].sources = 1;
        c->factors[f].quorum = 1;
        c->factors[f].price_tick.e8 = 1000000;
    }
    c->assets_count = 3;
    name(c->assets[0].name, sizeof c->assets[0].name, "USD", 0);
    c->assets[0].factor = CB_NONE_U16;
    name(c->assets[1].name, sizeof c->assets[1].name, "BTC", 0);
    name(c->assets[2].name, sizeof c->assets[2].name, "ETH", 0);
    c->assets[2].factor = WORLD_ETH;
    c->chains_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        name(c->chains[i].name, sizeof c->chains[i].name, i == 0 ? "ethereum" : "arbitrum", 0);
        c->chains[i].session = WORLD_CUSTODIAN;
        c->chains[i].event_loss.e9 = 10000000;
    }
    c->holdings_count = 3;
    c->holdings[1] =
        (struct cb_holding_config){.asset = 1, .haircut.e9 = 50000000, .debt_haircut.e9 = 50000000};
    c->holdings[2] = (struct cb_holding_config){
        .asset = 2, .chain = 1, .haircut.e9 = 50000000, .debt_haircut.e9 = 50000000};
    c->venues_count = 1;
    name(c->venues[0].name, sizeof c->venues[0].name, "deribit", 0);
    c->venues[0].session = WORLD_VENUE;
    instrument(c, "BTC-PERP", CB_PERPETUAL, WORLD_BTC, 0, 0);
    instrument(c, "BTC-C", CB_CALL, WORLD_BTC, 10000 * CB_E8, WORLD_EXPIRY_NS);
    instrument(c, "ETH-PERP", CB_PERPETUAL, WORLD_ETH, 0, 0);
    instrument(c, "BTC-F", CB_FUTURE, WORLD_BTC, 0, WORLD_EXPIRY_NS);
    instrument(c, "BTC-SPOT", CB_SPOT, WORLD_BTC, 0, 0);
}

void world_copy_config(struct cb_config *to, const struct cb_config *from, uint8_t dirt)
{
    memset(to, dirt, sizeof *to);
    to->cluster = from->cluster;
    to->clock = from->clock;
    to->future_ns = from->future_ns;
    to->resend_ns = from->resend_ns;
    to->resend_max_ns = from->resend_max_ns;
    to->capacity = from->capacity;
    to->risk = from->risk;
    to->sessions_count = from->sessions_count;
    to->factors_count = from->factors_count;
    to->assets_count = from->assets_count;
    to->chains_count = from->chains_count;
    to->holdings_count = from->holdings_count;
    to->venues_count = from->venues_count;
    to->instruments_count = from->instruments_count;
    for (uint32_t i = 0; i < from->sessions_count; i++) {
        to->sessions[i] = from->sessions[i];
    }
    for (uint32_t i = 0; i < from->factors_count; i++) {
        struct cb_factor_config *f = &to->factors[i];
        const struct cb_factor_config *g = &from->factors[i];
        memcpy(f->name, g->name, sizeof f->name);
        f->scan_range = g->scan_range;
        f->vol = g->vol;
        f->vol_floor = g->vol_floor;
        f->heartbeat_ns = g->heartbeat_ns;
        f->sources = g->sources;
        f->quorum = g->quorum;
        f->price_tick = g->price_tick;
    }
    for (uint32_t i = 0; i < from->assets_count; i++) {
        to->assets[i] = from->assets[i];
    }
    for (uint32_t i = 0; i < from->chains_count; i++) {
        memcpy(to->chains[i].name, from->chains[i].name, sizeof to->chains[i].name);
        to->chains[i].session = from->chains[i].session;
        to->chains[i].event_loss = from->chains[i].event_loss;
    }
    for (uint32_t i = 0; i < from->holdings_count; i++) {
        to->holdings[i].asset = from->holdings[i].asset;
        to->holdings[i].chain = from->holdings[i].chain;
        to->holdings[i].haircut = from->holdings[i].haircut;
        to->holdings[i].debt_haircut = from->holdings[i].debt_haircut;
    }
    for (uint32_t i = 0; i < from->venues_count; i++) {
        to->venues[i] = from->venues[i];
    }
    for (uint32_t i = 0; i < from->instruments_count; i++) {
        struct cb_instrument_config *n = &to->instruments[i];
        memcpy(n->name, from->instruments[i].name, sizeof n->name);
        n->kind = from->instruments[i].kind;
        n->factor = from->instruments[i].factor;
        n->strike = from->instruments[i].strike;
        n->expiry_ns = from->instruments[i].expiry_ns;
    }
}

bool world_same_config(const struct cb_config *a, const struct cb_config *b)
{
    static struct cb_config clean_a, clean_b;
    world_copy_config(&clean_a, a, 0);
    world_copy_config(&clean_b, b, 0);
    return memcmp(&clean_a, &clean_b, sizeof clean_a) == 0;
}

static void keep(void *self, uint64_t cause_seq, uint16_t session, const uint8_t *message, uint16_t bytes)
{
    struct world *world = self;
    cr_assert_lt(world->sent_count, WORLD_SENT_MAX);
    struct world_sent *sent = &world->sent[world->sent_count++];
    sent->cause_seq = cause_seq;
    sent->session = session;
    sent->bytes = bytes;
    memcpy(sent->message, message, bytes);
}

void *world_core(const struct cb_config *config, struct cb_core *core)
{
    uint32_t index;
    const char *fault = cb_core_config_fault(config, &index);
    cr_assert_null(fault, "%s (row %u)", fault, index);
    size_t bytes = (cb_core_footprint(config) + 63u) & ~(size_t)63u;
    void *memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    cb_core_init(core, &arena, config, NULL);
    return memory;
}

static uint64_t apply(struct world *world, struct cb_event *event)
{
    uint32_t bytes = event->body_bytes;
    event->seq = world->core.sequence.seq + 1;
    event->ingest_ns = world->now_ns;
    state_put(&world->journal, event, sizeof *event);
    state_put(&world->journal, event->body_bytes != 0 ? event->body : (const uint8_t *)"", bytes);
    world->events++;
    cr_assert(cb_core_apply(&world->core, event), "event %lu follows", (unsigned long)event->seq);
    const char *wrong = cb_ledger_audit(&world->core.ledger);
    cr_assert_null(wrong, "after event %lu: %s", (unsigned long)event->seq, wrong);
    return event->seq;
}

void world_open(struct world *world)
{
    memset(world, 0, sizeof *world);
    world_config(&world->config);
    world->memory = world_core(&world->config, &world->core);
    world->core.sink = (struct cb_core_sink){.self = world, .send = keep};
    for (uint32_t s = 0; s < CB_SESSIONS_MAX; s++) {
        world->session_next[s] = 1;
    }
    world->now_ns = WORLD_START_NS;
    struct cb_event epoch = {.kind = CB_EVENT_EPOCH, .session = CB_SESSION_NONE, .session_seq = 1};
    apply(world, &epoch);
}

void world_close(struct world *world)
{
    free(world->memory);
    free(world->journal.data);
}

void world_replay(const struct world *world, struct cb_core *core, uint64_t from)
{
    size_t at = 0;
    for (uint64_t i = 0; i < world->events; i++) {
        struct cb_event event;
        memcpy(&event, world->journal.data + at, sizeof event);
        at += sizeof event;
        event.body = world->journal.data + at;
        at += event.body_bytes;
        if (i >= from) {
            cr_assert(cb_core_apply(core, &event));
        }
    }
}

uint64_t world_message(struct world *world, uint8_t session, const uint8_t *message, uint32_t bytes)
{
    struct cb_event event = {.kind = CB_EVENT_MESSAGE,
                             .session = session,
                             .session_seq = world->session_next[session]++,
                             .body = message,
                             .body_bytes = bytes};
    return apply(world, &event);
}

uint64_t world_time(struct world *world)
{
    struct cb_event event = {.kind = CB_EVENT_TIME, .session = CB_SESSION_NONE};
    return apply(world, &event);
}

#define SEND(session, type, ...)                                                                             \
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];                                                              \
    struct cb_wire_##type out = {__VA_ARGS__};                                                               \
    return world_message(world, session, message, cb_wire_##type##_encode(message, &out))

uint64_t world_price(struct world *world, uint16_t factor, int64_t dollars)
{
    SEND(WORLD_ORACLE, price, .factor = factor, .price_e8 = dollars * CB_E8, .source_time_ns = world->now_ns);
}

uint64_t world_account(struct world *world, uint32_t account, uint16_t owner)
{
    SEND(WORLD_OPERATOR, account_open, .account = account, .owner = owner);
}

uint64_t world_deposit(struct world *world, uint32_t account, uint16_t asset, uint16_t chain, int64_t qty_e8)
{
    SEND(WORLD_CUSTODIAN, deposit, .deposit_id = 1, .account = account, .asset = asset, .chain = chain,
         .qty_e8 = qty_e8);
}

uint64_t world_trade(struct world *world, uint32_t account, uint16_t number, int64_t qty_e8, int64_t dollars,
                     uint64_t order_id)
{
    SEND(WORLD_VENUE, trade, .trade_id = 1, .order_id = order_id, .account = account, .instrument = number,
         .qty_e8 = qty_e8, .price_e8 = dollars * CB_E8);
}

uint64_t world_check(struct world *world, uint8_t session, uint64_t request_id, uint32_t account,
                     uint16_t number, int64_t qty_e8, int64_t dollars)
{
    SEND(session, margin_check, .request_id = request_id, .account = account, .instrument = number,
         .qty_e8 = qty_e8, .limit_e8 = dollars * CB_E8);
}

uint64_t world_withdraw(struct world *world, uint64_t request_id, uint32_t account, uint16_t asset,
                        uint16_t chain, int64_t qty_e8)
{
    SEND(WORLD_TRADER, withdrawal, .request_id = request_id, .account = account, .asset = asset,
         .chain = chain, .qty_e8 = qty_e8);
}

uint64_t world_result(struct world *world, uint64_t hi, uint64_t lo, uint8_t outcome)
{
    SEND(WORLD_CUSTODIAN, release_result, .action_hi = hi, .action_lo = lo, .outcome = outcome);
}

uint64_t world_acknowledge(struct world *world, uint8_t session, uint64_t hi, uint64_t lo)
{
    SEND(session, acknowledge, .action_hi = hi, .action_lo = lo);
}

static uint16_t template_of(const struct world_sent *sent)
{
    uint16_t template_id;
    cr_assert_eq(cb_wire_open(sent->message, sent->bytes, &template_id), CB_REJECT_NONE);
    return template_id;
}

const struct world_sent *world_last(const struct world *world, uint16_t template_id)
{
    for (uint32_t i = world->sent_count; i > 0; i--) {
        if (template_of(&world->sent[i - 1]) == template_id) {
            return &world->sent[i - 1];
        }
    }
    return NULL;
}

uint32_t world_count(const struct world *world, uint16_t template_id)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->sent_count; i++) {
        count += template_of(&world->sent[i]) == template_id;
    }
    return count;
}

struct state_bytes world_state(const struct cb_core *core)
{
    struct state_bytes bytes = {0};
    struct cb_writer writer = state_writer(&bytes);
    cb_core_serialize(core, &writer);
    return bytes;
}
