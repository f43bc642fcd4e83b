/* The live market as the core sees it, and the param epochs of its factors. */
#include "host/engine/core_internal.h"

static void view_factor(struct cb_core *core, uint16_t factor, int64_t now_ns)
{
    struct cb_oracle_view view;
    cb_oracle_view(&core->oracle, factor, now_ns, &view);
    core->market.factor[factor] = (struct cb_market_factor){
        .price_e8 = view.price_e8,
        .vol_e9 = view.vol_e9,
        .source_time_ns = view.source_time_ns,
        .seq = view.seq,
        .known = view.known,
        .stale = view.stale,
    };
    core->market_changes_ns[factor] = view.changes_ns;
}

static void find_next_change(struct cb_core *core)
{
    core->market_next_ns = INT64_MAX;
    for (uint32_t f = 0; f < core->config->factors_count; f++) {
        if (core->market_changes_ns[f] < core->market_next_ns) {
            core->market_next_ns = core->market_changes_ns[f];
        }
    }
}

void cb_core_market_refresh(struct cb_core *core, int64_t now_ns)
{
    core->market.now_ns = now_ns;
    if (now_ns < core->market_next_ns) {
        return;
    }
    for (uint32_t f = 0; f < core->config->factors_count; f++) {
        if (now_ns >= core->market_changes_ns[f]) {
            view_factor(core, (uint16_t)f, now_ns);
        }
    }
    find_next_change(core);
}

void cb_core_market_changed(struct cb_core *core, uint16_t factor, int64_t now_ns)
{
    int64_t before = core->market_changes_ns[factor];
    view_factor(core, factor, now_ns);
    if (core->market_changes_ns[factor] < core->market_next_ns) {
        core->market_next_ns = core->market_changes_ns[factor];
    } else if (before == core->market_next_ns) {
        find_next_change(core);
    }
}

void cb_core_roll(struct cb_core *core, uint16_t factor, int64_t now_ns)
{
    const struct cb_market_factor *live = &core->market.factor[factor];
    if (!live->known) {
        return;
    }
    bool rolled = cb_risk_roll(&core->risk, factor, live->price_e8, live->vol_e9, now_ns);
    CB_ASSERT(rolled); /* the oracle's ranges lie inside risk's */
    core->stats.rolls++;
    int64_t deadline_ns = cb_risk_deadline_ns(&core->risk, factor);
    /* A deadline that has passed (an option expired this very moment) waits for the next record. */
    cb_timers_set(&core->timers, factor, deadline_ns > now_ns ? deadline_ns : now_ns + 1);
    core->watch.factors |= UINT64_C(1) << factor;
}

void cb_core_roll_if_due(struct cb_core *core, uint16_t factor, int64_t now_ns)
{
    const struct cb_market_factor *live = &core->market.factor[factor];
    if (live->known && cb_risk_due(&core->risk, factor, live->price_e8, live->vol_e9)) {
        cb_core_roll(core, factor, now_ns);
    }
}
