/* Messages of oracles: prices, volatilities, heartbeats. */
#include "host/engine/core_internal.h"

enum cb_reject cb_core_on_price(struct cb_core *core, const struct cb_core_request *request)
{
    const struct cb_event *event = request->event;
    struct cb_wire_price in;
    if (!cb_wire_price_decode(&in, event->body)) {
        return CB_REJECT_RESERVED;
    }
    enum cb_reject reason = cb_oracle_price(&core->oracle, in.factor, in.source, in.price_e8,
                                            in.source_time_ns, event->ingest_ns, event->seq);
    if (reason == CB_REJECT_NONE) {
        cb_core_market_changed(core, in.factor, event->ingest_ns);
        cb_core_roll_if_due(core, in.factor, event->ingest_ns);
    }
    return reason;
}

enum cb_reject cb_core_on_volatility(struct cb_core *core, const struct cb_core_request *request)
{
    const struct cb_event *event = request->event;
    struct cb_wire_volatility in;
    if (!cb_wire_volatility_decode(&in, event->body)) {
        return CB_REJECT_RESERVED;
    }
    enum cb_reject reason = cb_oracle_volatility(&core->oracle, in.factor, in.source, in.vol_e9,
                                                 in.source_time_ns, event->ingest_ns, event->seq);
    if (reason == CB_REJECT_NONE) {
        cb_core_market_changed(core, in.factor, event->ingest_ns);
        cb_core_roll_if_due(core, in.factor, event->ingest_ns);
    }
    return reason;
}

enum cb_reject cb_core_on_heartbeat(struct cb_core *core, const struct cb_core_request *request)
{
    struct cb_wire_oracle_heartbeat in;
    if (!cb_wire_oracle_heartbeat_decode(&in, request->event->body)) {
        return CB_REJECT_RESERVED;
    }
    return cb_oracle_heartbeat(&core->oracle, in.source, in.source_time_ns, request->event->ingest_ns);
}
