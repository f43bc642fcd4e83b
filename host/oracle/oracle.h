/* The oracle stage: what each factor is worth, from several sources, and how old that is.
 *
 * State is, per (factor, source), the last price and the last volatility that the source reported, with the
 * source's own time and the seq of the record; and per source its last heartbeat. Nothing else: every value
 * shown is computed from these and from `now_ns`, an argument, so that it is a pure function of the events.
 *
 * Value of a factor at `now`. A report ages from its source's time or from when it was received, whichever is
 * earlier: a source whose clock runs ahead gains nothing. It is fresh while now - aged_from <= heartbeat_ns
 * (saturating, signed). USED are the fresh sources; when they are fewer than the quorum, the quorum's worth
 * of newest sources by that time (ties: lowest id), or all that ever reported when those are fewer still. The
 * value is the lower median of the USED prices: element (n - 1) / 2 of the ascending order.
 *   - With a quorum the value comes from fresh prices alone.
 *   - Without one it is `stale`, and stays what it was at the last moment when there was a quorum, until
 *     somebody reports again: sources that fall silent never make it jump.
 *   - Where three or more are USED, a source alone can not set the value; while the others are silent it is
 *     outvoted by what they said last. So a quorum of 3 keeps this once three have spoken. Of two USED the
 * lower counts, which credits a long less and a short more: under a quorum of 2 a lone low price stands,
 * under one of 1 any. A factor is known from the first price that was accepted for it.
 *
 * Volatility follows the same rule with its own times, lifted to the factor's vol_floor; it is the configured
 * one until a source reports. An old volatility does not make a factor stale: only prices do.
 *
 * A source's heartbeat says that the source lives. It does not make its old prices fresh.
 *
 * Threads: the owning thread. No memory beyond the struct. */
#ifndef CB_HOST_ORACLE_ORACLE_H
#define CB_HOST_ORACLE_ORACLE_H

#include "clearbox/limits.h"
#include "clearbox/units.h"
#include "clearbox/wire.h"
#include "host/base/stream.h"
#include "host/types/config.h"
#include "host/types/market.h"

#include <stdbool.h>
#include <stdint.h>

/* The greatest price that is believed: 1e9 USD. Four times it (the widest tail scenario) is still a
 * cb_price_e8.
 */
#define CB_ORACLE_PRICE_MAX_E8 (1000000000L * CB_E8)

/* The greatest annual volatility that is believed: 1,000 %. */
#define CB_ORACLE_VOL_MAX_E9 (10L * CB_E9)

struct cb_oracle_report {   /* one source's newest word; all zero: it never reported */
    int64_t value;          /* price_e8 or vol_e9, > 0 */
    int64_t source_time_ns; /* > 0 */
    int64_t aged_from_ns;   /* the lesser of source_time_ns and the ingest_ns it came with, >= 0 */
    uint64_t seq;           /* of the record, > 0 */
};

struct cb_oracle {
    const struct cb_config *config;
    struct cb_oracle_report price[CB_FACTORS_MAX][CB_SOURCES_MAX];
    struct cb_oracle_report vol[CB_FACTORS_MAX][CB_SOURCES_MAX];
    int64_t heartbeat_ns[CB_SOURCES_MAX]; /* 0: none yet */
};

struct cb_oracle_view {
    int64_t price_e8;       /* 0 while not known */
    int64_t vol_e9;         /* always > 0: at least the factor's vol_floor */
    int64_t source_time_ns; /* of the OLDEST price used, by aged_from_ns; 0 while not known */
    uint64_t seq;           /* of the newest price used; 0 while not known */
    int64_t changes_ns;     /* the least `now` at which this view may differ with no further event;
                             * INT64_MAX: never */
    uint16_t fresh;         /* sources whose price is fresh */
    bool known;
    bool stale; /* fewer fresh sources than the quorum; true while not known */
};

/* Starts with nothing reported. Ownership: `config` must outlive the oracle. */
void cb_oracle_init(struct cb_oracle *oracle, const struct cb_config *config);

/* One source's price of a factor. Returns CB_REJECT_NONE when it was taken, else nothing changed:
 *   UNKNOWN_FACTOR, UNKNOWN_SOURCE (not below the factor's `sources`);
 *   PRICE        not in 1 .. CB_ORACLE_PRICE_MAX_E8;
 *   FUTURE_TIME  source time later than now + future_ns;
 *   OLD_TIME     source time <= 0, or not newer than this source's last price of this factor.
 * Requires: seq > 0, greater than any given before; now_ns >= 0, never less than before. */
enum cb_reject cb_oracle_price(struct cb_oracle *oracle, uint16_t factor, uint16_t source, int64_t price_e8,
                               int64_t source_time_ns, int64_t now_ns, uint64_t seq);

/* The same for a volatility; VOLATILITY when not in 1 .. CB_ORACLE_VOL_MAX_E9. One below the factor's floor
 * is taken and shown as the floor: refusing it would leave an older, greater one standing. */
enum cb_reject cb_oracle_volatility(struct cb_oracle *oracle, uint16_t factor, uint16_t source,
                                    int64_t vol_e9, int64_t source_time_ns, int64_t now_ns, uint64_t seq);

/* A source's heartbeat. UNKNOWN_SOURCE when no factor has such a source; FUTURE_TIME and OLD_TIME as above.
 * Under the feed clock `now_ns` is the record's ingest_ns, which the heartbeat itself has advanced. */
enum cb_reject cb_oracle_heartbeat(struct cb_oracle *oracle, uint16_t source, int64_t source_time_ns,
                                   int64_t now_ns);

/* What a factor is worth at `now_ns`. Requires: factor below the configured count. Pure. Bounds:
 * O(sources^2), at most 8 sources; constant between events until `changes_ns`, so that it may be cached. */
void cb_oracle_view(const struct cb_oracle *oracle, uint16_t factor, int64_t now_ns,
                    struct cb_oracle_view *out);

/* The views of all configured factors as risk takes them; the rest zero. Same contract. */
void cb_oracle_market(const struct cb_oracle *oracle, int64_t now_ns, struct cb_risk_market *out);

void cb_oracle_serialize(const struct cb_oracle *oracle, struct cb_writer *writer);

/* Requires: initialised under the same configuration. Returns false on anything that no sequence of events
 * can lead to; the oracle is then not to be used. */
bool cb_oracle_restore(struct cb_oracle *oracle, struct cb_reader *reader);

#endif
