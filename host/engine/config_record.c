#include "host/engine/config_record.h"

#include "host/base/assert.h"
#include "host/base/bytes.h"
#include "host/engine/core.h"

#include <string.h>

/* Low half: the layout below. High half: the rules under which the journal that begins with this was written.
 */
#define CB_CONFIG_LAYOUT 1u
#define CB_CONFIG_FORMAT (CB_CORE_VERSION << 16 | CB_CONFIG_LAYOUT)
_Static_assert(CB_CORE_VERSION <= UINT16_MAX, "a core version is half a word, as in a snapshot's header");

/* The longest wait, about 36 years: a record's time reaches 2^62 ns, and a deadline after it must be a time
 * too. */
#define WAIT_MAX_NS (INT64_C(1) << 60)

/* One walk serves both directions, so that they can not drift apart: exactly one of w and r is set. */
struct walk {
    struct cb_writer *w;
    struct cb_reader *r;
};

static void u8(struct walk *k, uint8_t *v)
{
    if (k->w) {
        cb_put_u8(k->w, *v);
    } else {
        *v = cb_get_u8(k->r);
    }
}

static void u16(struct walk *k, uint16_t *v)
{
    if (k->w) {
        cb_put_u16(k->w, *v);
    } else {
        *v = cb_get_u16(k->r);
    }
}

static void u32(struct walk *k, uint32_t *v)
{
    if (k->w) {
        cb_put_u32(k->w, *v);
    } else {
        *v = cb_get_u32(k->r);
    }
}

static void u64(struct walk *k, uint64_t *v)
{
    if (k->w) {
        cb_put_u64(k->w, *v);
    } else {
        *v = cb_get_u64(k->r);
    }
}

static void s64(struct walk *k, int64_t *v)
{
    if (k->w) {
        cb_put_s64(k->w, *v);
    } else {
        *v = cb_get_s64(k->r);
    }
}

static void text(struct walk *k, char *v, size_t bytes)
{
    if (k->w) {
        cb_put_bytes(k->w, v, bytes);
    } else {
        cb_get_bytes(k->r, v, bytes);
    }
}

/* A row count: clamped when read, so that the walk stays inside its table; the reader is then marked as
 * failed. */
static void count(struct walk *k, uint32_t *v, uint32_t max)
{
    u32(k, v);
    if (*v > max) {
        CB_ASSERT(k->r != NULL);
        k->r->failed = true;
        *v = 0;
    }
}

static void walk_scalars(struct walk *k, struct cb_config *c)
{
    u64(k, &c->cluster);
    u8(k, &c->clock);
    s64(k, &c->future_ns);
    s64(k, &c->resend_ns);
    s64(k, &c->resend_max_ns);
    u32(k, &c->capacity.accounts);
    u32(k, &c->capacity.positions);
    u32(k, &c->capacity.positions_per_account);
    u32(k, &c->capacity.balances);
    u32(k, &c->capacity.orders);
    u32(k, &c->capacity.holds);
    u32(k, &c->capacity.answers);
    s64(k, &c->risk.maintenance.e9);
    s64(k, &c->risk.unrealised.e9);
    s64(k, &c->risk.warning_enter.e9);
    s64(k, &c->risk.warning_leave.e9);
    s64(k, &c->risk.call_leave.e9);
    s64(k, &c->risk.epoch_band.e9);
    s64(k, &c->risk.epoch_ns);
    s64(k, &c->risk.price_band.e9);
    s64(k, &c->risk.vol_up.e9);
    s64(k, &c->risk.vol_down.e9);
    s64(k, &c->risk.skew.e9);
}

static void walk_tables(struct walk *k, struct cb_config *c)
{
    count(k, &c->sessions_count, CB_SESSIONS_MAX);
    for (uint32_t i = 0; i < c->sessions_count; i++) {
        text(k, c->sessions[i].name, sizeof c->sessions[i].name);
        u8(k, &c->sessions[i].class);
        u8(k, &c->sessions[i].role);
    }
    count(k, &c->factors_count, CB_FACTORS_MAX);
    for (uint32_t i = 0; i < c->factors_count; i++) {
        struct cb_factor_config *f = &c->factors[i];
        text(k, f->name, sizeof f->name);
        s64(k, &f->scan_range.e9);
        s64(k, &f->vol.e9);
        s64(k, &f->vol_floor.e9);
        s64(k, &f->heartbeat_ns);
        u16(k, &f->sources);
        u16(k, &f->quorum);
        s64(k, &f->price_tick.e8);
    }
    count(k, &c->assets_count, CB_ASSETS_MAX);
    for (uint32_t i = 0; i < c->assets_count; i++) {
        text(k, c->assets[i].name, sizeof c->assets[i].name);
        u16(k, &c->assets[i].factor);
    }
    count(k, &c->chains_count, CB_CHAINS_MAX);
    for (uint32_t i = 0; i < c->chains_count; i++) {
        text(k, c->chains[i].name, sizeof c->chains[i].name);
        u16(k, &c->chains[i].session);
        s64(k, &c->chains[i].event_loss.e9);
    }
    count(k, &c->holdings_count, CB_HOLDINGS_MAX);
    for (uint32_t i = 0; i < c->holdings_count; i++) {
        u16(k, &c->holdings[i].asset);
        u16(k, &c->holdings[i].chain);
        s64(k, &c->holdings[i].haircut.e9);
        s64(k, &c->holdings[i].debt_haircut.e9);
    }
    count(k, &c->venues_count, CB_VENUES_MAX);
    for (uint32_t i = 0; i < c->venues_count; i++) {
        text(k, c->venues[i].name, sizeof c->venues[i].name);
        u16(k, &c->venues[i].session);
    }
    count(k, &c->instruments_count, CB_INSTRUMENTS_MAX);
    for (uint32_t i = 0; i < c->instruments_count; i++) {
        struct cb_instrument_config *n = &c->instruments[i];
        text(k, n->name, sizeof n->name);
        u8(k, &n->kind);
        u16(k, &n->factor);
        s64(k, &n->strike.e8);
        s64(k, &n->expiry_ns);
    }
}

void cb_config_serialize(const struct cb_config *config, struct cb_writer *writer)
{
    struct walk k = {.w = writer};
    cb_put_u32(writer, CB_CONFIG_FORMAT);
    /* The walk only reads when it writes; the cast is undone by that promise. */
    walk_scalars(&k, (struct cb_config *)(uintptr_t)config);
    walk_tables(&k, (struct cb_config *)(uintptr_t)config);
}

bool cb_config_is_of_this_version(const uint8_t *record, size_t bytes)
{
    return bytes >= sizeof(uint32_t) && cb_load_u32_le(record) == CB_CONFIG_FORMAT;
}

bool cb_config_restore(struct cb_config *config, struct cb_reader *reader)
{
    struct walk k = {.r = reader};
    memset(config, 0, sizeof *config);
    if (cb_get_u32(reader) != CB_CONFIG_FORMAT) {
        reader->failed = true;
    }
    walk_scalars(&k, config);
    walk_tables(&k, config);
    return !reader->failed && cb_config_tables_fault(config) == NULL;
}

static const char *capacity_fault(const struct cb_capacity_config *c)
{
    if (c->accounts == 0 || c->accounts > CB_ACCOUNTS_MAX) {
        return "capacity.accounts is out of range";
    }
    if (c->positions == 0 || c->positions > CB_POSITIONS_MAX || c->positions_per_account == 0 ||
        c->positions_per_account > CB_POSITIONS_PER_ACCOUNT_MAX) {
        return "capacity.positions or positions_per_account is out of range";
    }
    if (c->balances == 0 || c->balances > CB_BALANCES_MAX || c->orders == 0 || c->orders > CB_ORDERS_MAX ||
        c->holds == 0 || c->holds > CB_HOLDS_MAX || c->answers == 0 || c->answers > CB_ANSWERS_MAX) {
        return "capacity.balances, orders, holds or answers is out of range";
    }
    return NULL;
}

static const char *table_fault(const struct cb_config *c)
{
    for (uint32_t i = 0; i < c->factors_count; i++) {
        const struct cb_factor_config *f = &c->factors[i];
        if (f->sources == 0 || f->sources > CB_SOURCES_MAX || f->quorum == 0 || f->quorum > f->sources ||
            f->heartbeat_ns <= 0) {
            return "a factor's sources, quorum or heartbeat is out of range";
        }
    }
    for (uint32_t i = 0; i < c->assets_count; i++) {
        if ((i == 0) != (c->assets[i].factor == CB_NONE_U16) ||
            (i != 0 && c->assets[i].factor >= c->factors_count)) {
            return "asset 0 is USD and has no factor; every other asset has one that exists";
        }
    }
    for (uint32_t i = 0; i < c->chains_count; i++) {
        if (c->chains[i].session >= c->sessions_count) {
            return "a chain's session does not exist";
        }
    }
    for (uint32_t i = 0; i < c->holdings_count; i++) {
        if (c->holdings[i].asset >= c->assets_count || c->holdings[i].chain >= c->chains_count) {
            return "a holding's asset or chain does not exist";
        }
        for (uint32_t k = 0; k < i; k++) {
            if (c->holdings[i].asset == c->holdings[k].asset &&
                c->holdings[i].chain == c->holdings[k].chain) {
                return "two holdings are one asset on one chain";
            }
        }
    }
    for (uint32_t i = 0; i < c->venues_count; i++) {
        if (c->venues[i].session >= c->sessions_count) {
            return "a venue's session does not exist";
        }
    }
    for (uint32_t i = 0; i < c->instruments_count; i++) {
        const struct cb_instrument_config *n = &c->instruments[i];
        if (n->kind < CB_SPOT || n->kind > CB_PUT || n->factor >= c->factors_count) {
            return "an instrument's kind or factor does not exist";
        }
    }
    return NULL;
}

const char *cb_config_tables_fault(const struct cb_config *c)
{
    if (c->clock != CB_CLOCK_WALL && c->clock != CB_CLOCK_FEED) {
        return "clock is neither wall nor feed";
    }
    if (c->future_ns < 0 || c->future_ns > WAIT_MAX_NS || c->resend_ns <= 0 ||
        c->resend_max_ns < c->resend_ns || c->resend_max_ns > WAIT_MAX_NS) {
        return "future_ns, resend_ns or resend_max_ns is out of range";
    }
    if (c->sessions_count == 0 || c->factors_count == 0 || c->assets_count == 0) {
        return "sessions, factors and assets must not be empty";
    }
    for (uint32_t i = 0; i < c->sessions_count; i++) {
        const struct cb_session_config *s = &c->sessions[i];
        for (uint32_t k = 0; k < i; k++) {
            if (memcmp(s->name, c->sessions[k].name, sizeof s->name) == 0) {
                return "two sessions have one name";
            }
        }
        if (s->class < CB_SESSION_LATEST || s->class > CB_SESSION_ORDERED || s->role < CB_ROLE_ORACLE ||
            s->role > CB_ROLE_CUSTODIAN) {
            return "a session's class or role is unknown";
        }
    }
    const char *fault = capacity_fault(&c->capacity);
    return fault ? fault : table_fault(c);
}
