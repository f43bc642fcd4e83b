#include "host/oracle/oracle.h"

#include "host/base/assert.h"

#include <string.h>

_Static_assert(CB_ORACLE_PRICE_MAX_E8 <= INT64_MAX / 4, "the +300 % tail of the greatest price is a price");

/* What the reports of one factor come to at some time. */
struct aggregate {
    int64_t value, oldest_ns, changes_ns;
    uint64_t seq;
    uint32_t fresh, used;
};

static int64_t add_saturating(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return b > 0 ? INT64_MAX : INT64_MIN;
    }
    return sum;
}

static int64_t subtract_saturating(int64_t a, int64_t b)
{
    int64_t difference;
    if (__builtin_sub_overflow(a, b, &difference)) {
        return b < 0 ? INT64_MAX : INT64_MIN;
    }
    return difference;
}

/* Fills `sorted` with the sources that ever reported, newest first, ties by id; returns how many.
 */
static uint32_t newest_first(const struct cb_oracle_report *sorted[CB_SOURCES_MAX],
                             const struct cb_oracle_report *reports, uint32_t sources)
{
    uint32_t count = 0;
    for (uint32_t source = 0; source < sources; source++) {
        const struct cb_oracle_report *report = &reports[source];
        if (report->seq == 0) {
            continue;
        }
        uint32_t place = count++;
        while (place > 0 && sorted[place - 1]->aged_from_ns < report->aged_from_ns) {
            sorted[place] = sorted[place - 1];
            place--;
        }
        sorted[place] = report;
    }
    return count;
}

static int64_t lower_median(const struct cb_oracle_report *const *used, uint32_t count)
{
    CB_ASSERT(count >= 1 && count <= CB_SOURCES_MAX);
    int64_t ascending[CB_SOURCES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = i;
        while (place > 0 && ascending[place - 1] > used[i]->value) {
            ascending[place] = ascending[place - 1];
            place--;
        }
        ascending[place] = used[i]->value;
    }
    return ascending[(count - 1) / 2];
}

/* All zero but changes_ns when nobody reported. */
static struct aggregate aggregate_of(const struct cb_oracle_report *reports,
                                     const struct cb_factor_config *factor, int64_t now_ns)
{
    struct aggregate out = {.changes_ns = INT64_MAX};
    const struct cb_oracle_report *sorted[CB_SOURCES_MAX];
    uint32_t count = newest_first(sorted, reports, factor->sources);
    if (count == 0) {
        return out;
    }
    /* Age falls along the order, so the fresh ones come first. */
    while (out.fresh < count &&
           subtract_saturating(now_ns, sorted[out.fresh]->aged_from_ns) <= factor->heartbeat_ns) {
        out.fresh++;
    }
    out.used = out.fresh;
    if (out.used < factor->quorum) {
        out.used = count < factor->quorum ? count : factor->quorum;
    }
    for (uint32_t i = 0; i < out.used; i++) {
        out.seq = sorted[i]->seq > out.seq ? sorted[i]->seq : out.seq;
    }
    out.value = lower_median(sorted, out.used);
    out.oldest_ns = sorted[out.used - 1]->aged_from_ns;
    if (out.fresh > 0) { /* the first to pass its heartbeat is the oldest of the fresh */
        int64_t last_ns = add_saturating(sorted[out.fresh - 1]->aged_from_ns, factor->heartbeat_ns);
        out.changes_ns = add_saturating(last_ns, 1);
    }
    return out;
}

static enum cb_reject check_time(const struct cb_oracle *oracle, int64_t source_time_ns, int64_t previous_ns,
                                 int64_t now_ns)
{
    if (source_time_ns > add_saturating(now_ns, oracle->config->future_ns)) {
        return CB_REJECT_FUTURE_TIME;
    }
    /* previous_ns is 0 for a source that never spoke, so a time before 1970 is old from the start. */
    return source_time_ns <= previous_ns ? CB_REJECT_OLD_TIME : CB_REJECT_NONE;
}

static enum cb_reject take(const struct cb_oracle *oracle, struct cb_oracle_report *report, int64_t value,
                           int64_t source_time_ns, int64_t now_ns, uint64_t seq)
{
    CB_ASSERT(seq > report->seq);
    CB_ASSERT(now_ns >= 0);
    enum cb_reject reject = check_time(oracle, source_time_ns, report->source_time_ns, now_ns);
    if (reject == CB_REJECT_NONE) {
        report->value = value;
        report->source_time_ns = source_time_ns;
        report->aged_from_ns = source_time_ns < now_ns ? source_time_ns : now_ns;
        report->seq = seq;
    }
    return reject;
}

static enum cb_reject check_names(const struct cb_oracle *oracle, uint16_t factor, uint16_t source)
{
    if (factor >= oracle->config->factors_count) {
        return CB_REJECT_UNKNOWN_FACTOR;
    }
    return source < oracle->config->factors[factor].sources ? CB_REJECT_NONE : CB_REJECT_UNKNOWN_SOURCE;
}

/* How many source ids exist at all: the most that any factor has. */
static uint32_t sources_count(const struct cb_config *config)
{
    uint32_t most = 0;
    for (uint32_t factor = 0; factor < config->factors_count; factor++) {
        most = config->factors[factor].sources > most ? config->factors[factor].sources : most;
    }
    return most;
}

void cb_oracle_init(struct cb_oracle *oracle, const struct cb_config *config)
{
    CB_ASSERT(config->factors_count <= CB_FACTORS_MAX);
    CB_ASSERT(config->future_ns >= 0);
    for (uint32_t factor = 0; factor < config->factors_count; factor++) {
        const struct cb_factor_config *row = &config->factors[factor];
        CB_ASSERT(row->sources <= CB_SOURCES_MAX);
        CB_ASSERT(row->quorum >= 1 && row->quorum <= row->sources);
        CB_ASSERT(row->heartbeat_ns >= 0);
    }
    memset(oracle, 0, sizeof *oracle);
    oracle->config = config;
}

enum cb_reject cb_oracle_price(struct cb_oracle *oracle, uint16_t factor, uint16_t source, int64_t price_e8,
                               int64_t source_time_ns, int64_t now_ns, uint64_t seq)
{
    enum cb_reject reject = check_names(oracle, factor, source);
    if (reject != CB_REJECT_NONE) {
        return reject;
    }
    if (price_e8 <= 0 || price_e8 > CB_ORACLE_PRICE_MAX_E8) {
        return CB_REJECT_PRICE;
    }
    return take(oracle, &oracle->price[factor][source], price_e8, source_time_ns, now_ns, seq);
}

enum cb_reject cb_oracle_volatility(struct cb_oracle *oracle, uint16_t factor, uint16_t source,
                                    int64_t vol_e9, int64_t source_time_ns, int64_t now_ns, uint64_t seq)
{
    enum cb_reject reject = check_names(oracle, factor, source);
    if (reject != CB_REJECT_NONE) {
        return reject;
    }
    if (vol_e9 <= 0 || vol_e9 > CB_ORACLE_VOL_MAX_E9) {
        return CB_REJECT_VOLATILITY;
    }
    return take(oracle, &oracle->vol[factor][source], vol_e9, source_time_ns, now_ns, seq);
}

enum cb_reject cb_oracle_heartbeat(struct cb_oracle *oracle, uint16_t source, int64_t source_time_ns,
                                   int64_t now_ns)
{
    if (source >= sources_count(oracle->config)) {
        return CB_REJECT_UNKNOWN_SOURCE;
    }
    enum cb_reject reject = check_time(oracle, source_time_ns, oracle->heartbeat_ns[source], now_ns);
    if (reject == CB_REJECT_NONE) {
        oracle->heartbeat_ns[source] = source_time_ns;
    }
    return reject;
}

void cb_oracle_view(const struct cb_oracle *oracle, uint16_t factor, int64_t now_ns,
                    struct cb_oracle_view *out)
{
    CB_ASSERT(factor < oracle->config->factors_count);
    const struct cb_factor_config *row = &oracle->config->factors[factor];
    struct aggregate price = aggregate_of(oracle->price[factor], row, now_ns);
    struct aggregate vol = aggregate_of(oracle->vol[factor], row, now_ns);
    int64_t vol_e9 = vol.used > 0 ? vol.value : row->vol.e9;

    memset(out, 0, sizeof *out);
    out->price_e8 = price.value;
    out->vol_e9 = vol_e9 > row->vol_floor.e9 ? vol_e9 : row->vol_floor.e9;
    out->source_time_ns = price.oldest_ns;
    out->seq = price.seq;
    out->changes_ns = price.changes_ns < vol.changes_ns ? price.changes_ns : vol.changes_ns;
    out->fresh = (uint16_t)price.fresh;
    out->known = price.used > 0;
    out->stale = price.fresh < row->quorum;
}

void cb_oracle_market(const struct cb_oracle *oracle, int64_t now_ns, struct cb_risk_market *out)
{
    memset(out, 0, sizeof *out);
    out->now_ns = now_ns;
    for (uint32_t factor = 0; factor < oracle->config->factors_count; factor++) {
        struct cb_oracle_view view;
        cb_oracle_view(oracle, (uint16_t)factor, now_ns, &view);
        struct cb_market_factor *row = &out->factor[factor];
        row->price_e8 = view.price_e8;
        row->vol_e9 = view.vol_e9;
        row->source_time_ns = view.source_time_ns;
        row->seq = view.seq;
        row->known = view.known;
        row->stale = view.stale;
    }
}

static void put_reports(struct cb_writer *writer, const struct cb_oracle_report *reports, uint32_t sources)
{
    for (uint32_t source = 0; source < sources; source++) {
        cb_put_s64(writer, reports[source].value);
        cb_put_s64(writer, reports[source].source_time_ns);
        cb_put_s64(writer, reports[source].aged_from_ns);
        cb_put_u64(writer, reports[source].seq);
    }
}

static bool get_reports(struct cb_reader *reader, struct cb_oracle_report *reports, uint32_t sources,
                        int64_t value_max)
{
    for (uint32_t source = 0; source < sources; source++) {
        struct cb_oracle_report *report = &reports[source];
        report->value = cb_get_s64(reader);
        report->source_time_ns = cb_get_s64(reader);
        report->aged_from_ns = cb_get_s64(reader);
        report->seq = cb_get_u64(reader);
        bool none = report->value == 0 && report->source_time_ns == 0 && report->aged_from_ns == 0 &&
                    report->seq == 0;
        bool good = report->value > 0 && report->value <= value_max && report->source_time_ns > 0 &&
                    report->aged_from_ns >= 0 && report->aged_from_ns <= report->source_time_ns &&
                    report->seq > 0;
        if (!none && !good) {
            return false;
        }
    }
    return true;
}

void cb_oracle_serialize(const struct cb_oracle *oracle, struct cb_writer *writer)
{
    for (uint32_t factor = 0; factor < oracle->config->factors_count; factor++) {
        uint32_t sources = oracle->config->factors[factor].sources;
        put_reports(writer, oracle->price[factor], sources);
        put_reports(writer, oracle->vol[factor], sources);
    }
    uint32_t sources = sources_count(oracle->config);
    for (uint32_t source = 0; source < sources; source++) {
        cb_put_s64(writer, oracle->heartbeat_ns[source]);
    }
}

bool cb_oracle_restore(struct cb_oracle *oracle, struct cb_reader *reader)
{
    cb_oracle_init(oracle, oracle->config);
    for (uint32_t factor = 0; factor < oracle->config->factors_count; factor++) {
        uint32_t sources = oracle->config->factors[factor].sources;
        if (!get_reports(reader, oracle->price[factor], sources, CB_ORACLE_PRICE_MAX_E8) ||
            !get_reports(reader, oracle->vol[factor], sources, CB_ORACLE_VOL_MAX_E9)) {
            return false;
        }
    }
    uint32_t sources = sources_count(oracle->config);
    for (uint32_t source = 0; source < sources; source++) {
        oracle->heartbeat_ns[source] = cb_get_s64(reader);
        if (oracle->heartbeat_ns[source] < 0) {
            return false;
        }
    }
    return !reader->failed;
}
