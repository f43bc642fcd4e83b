#include "host/engine/engine.h"

#include "host/engine/config_record.h"

#include <string.h>

#define STATUS_EVERY_NS (200 * CB_NS_PER_US) /* at most this often while it changes */
#define STATUS_AGAIN_NS (100 * CB_NS_PER_MS) /* and this often while it does not: one may have been lost */
#define EGRESS_BUDGET   64u                  /* datagrams a poll */

/* Stamps, journals and applies one event. Requires: room in the journal. */
static void take(struct cb_engine *engine, struct cb_event *event)
{
    cb_sequence_stamp(&engine->core->sequence, engine->wall_ns, event);
    cb_journal_effects(engine->journal, engine->core->effects);
    cb_journal_append(engine->journal, event);
    bool follows = cb_core_apply(engine->core, event);
    CB_ASSERT(follows); /* it was stamped by the very sequence that checks it */
    engine->stats.records++;
}

/* Under the feed clock an oracle's heartbeat moves the time, its own record's first of all. */
static void feed_clock(struct cb_engine *engine, uint32_t session, const uint8_t *body, uint32_t bytes)
{
    const struct cb_config *config = engine->config.config;
    uint16_t template_id;
    struct cb_wire_oracle_heartbeat heartbeat;
    if (config->clock != CB_CLOCK_FEED || config->sessions[session].role != CB_ROLE_ORACLE ||
        cb_wire_open(body, bytes, &template_id) != CB_REJECT_NONE ||
        template_id != CB_WIRE_ORACLE_HEARTBEAT) {
        return;
    }
    if (cb_wire_oracle_heartbeat_decode(&heartbeat, body)) {
        cb_sequence_feed(&engine->core->sequence, heartbeat.source_time_ns);
    }
}

/* Room for what any one event must not lose: its answer, and a status for every session. */
static bool has_room(const struct cb_engine *engine, uint32_t body_bytes)
{
    return cb_journal_room(engine->journal, body_bytes) != 0 &&
           cb_egress_room(&engine->egress) > CB_SESSIONS_MAX;
}

static bool deliver(void *self, uint32_t session, uint64_t session_seq, const uint8_t *body, uint32_t bytes)
{
    struct cb_engine *engine = self;
    if (!has_room(engine, bytes)) {
        return false;
    }
    feed_clock(engine, session, body, bytes);
    struct cb_event event = {.kind = CB_EVENT_MESSAGE,
                             .session = (uint8_t)session,
                             .session_seq = session_seq,
                             .body = body,
                             .body_bytes = bytes};
    take(engine, &event);
    return true;
}

static bool emit(void *self, uint32_t line, const uint8_t *frame, uint32_t bytes)
{
    struct cb_engine *engine = self;
    return cb_egress_emit(&engine->egress, line, frame, bytes);
}

static void core_send(void *self, uint64_t cause_seq, uint16_t session, const uint8_t *message,
                      uint16_t bytes)
{
    struct cb_engine *engine = self;
    uint16_t template_id;
    memcpy(&template_id, message + 2, sizeof template_id);
    bool action = template_id == CB_WIRE_RELEASE || template_id == CB_WIRE_MARGIN_STATE;
    if (action && cb_egress_room(&engine->egress) <= CB_ENGINE_EGRESS_RESERVE) {
        engine->stats.actions_deferred++;
        return;
    }
    cb_egress_put(&engine->egress, cause_seq, (uint8_t)session, message, bytes);
}

static void core_reset(void *self, uint16_t session, uint64_t next_seq)
{
    struct cb_engine *engine = self;
    cb_ingress_reset(&engine->ingress, session, next_seq);
}

static bool find_path(void *context, uint8_t session, struct cb_egress_path *path)
{
    struct cb_engine *engine = context;
    struct cb_ingress_path learned;
    if (!cb_ingress_path(&engine->ingress, session, &learned)) {
        return false;
    }
    path->own = engine->config.addresses[learned.line].own;
    path->peer = learned.peer;
    path->vlan = learned.vlan;
    path->line = learned.line;
    return true;
}

static void ingress_config(const struct cb_engine_config *config, struct cb_ingress_config *out)
{
    memset(out, 0, sizeof *out);
    out->sessions = config->config->sessions;
    out->keys = config->keys;
    out->sessions_count = config->config->sessions_count;
    out->lines_count = config->lines_count;
    for (uint32_t i = 0; i < config->lines_count; i++) {
        out->lines[i] = config->addresses[i];
    }
}

size_t cb_engine_footprint(const struct cb_engine_config *config)
{
    struct cb_ingress_config ingress;
    ingress_config(config, &ingress);
    return cb_ingress_footprint(&ingress) + cb_egress_footprint();
}

/* The journal's first records: the canonical configuration, in parts. */
struct config_parts {
    struct cb_engine *engine;
    uint8_t part[CB_CONFIG_PART_BYTES];
    uint32_t bytes;
    uint64_t offset;
};

static void flush_part(struct config_parts *parts)
{
    struct cb_event event = {.kind = CB_EVENT_CONFIG,
                             .session = CB_SESSION_NONE,
                             .session_seq = parts->offset,
                             .body = parts->part,
                             .body_bytes = parts->bytes};
    while (cb_journal_room(parts->engine->journal, parts->bytes) == 0) {
        /* An empty journal has nothing to recycle: what has no room once all is durable never will. */
        struct cb_journal *journal = parts->engine->journal;
        parts->engine->too_small = cb_journal_durable(journal) == cb_journal_last_seq(journal);
        if (cb_engine_state(parts->engine) == CB_ENGINE_FAILED) {
            parts->bytes = 0;
            return;
        }
        cb_journal_poll(journal, parts->engine->core->effects);
    }
    take(parts->engine, &event);
    parts->offset += parts->bytes;
    parts->bytes = 0;
}

static void put_part(void *self, const void *data, size_t bytes)
{
    struct config_parts *parts = self;
    const uint8_t *from = data;
    while (bytes > 0) {
        size_t room = CB_CONFIG_PART_BYTES - parts->bytes, part = bytes < room ? bytes : room;
        memcpy(parts->part + parts->bytes, from, part);
        parts->bytes += (uint32_t)part;
        from += part;
        bytes -= part;
        if (parts->bytes == CB_CONFIG_PART_BYTES) {
            flush_part(parts);
        }
    }
}

static void append_config(struct cb_engine *engine)
{
    struct config_parts parts = {.engine = engine};
    struct cb_writer writer = {.self = &parts, .put = put_part};
    cb_config_serialize(engine->config.config, &writer);
    flush_part(&parts); /* the last one, shorter than a full part, maybe empty: it says that this is all */
}

/* This life's EPOCH record, as soon as there is room for it. Returns whether it is appended. */
static bool begin(struct cb_engine *engine)
{
    if (!engine->begun && cb_engine_state(engine) == CB_ENGINE_RUNNING && has_room(engine, 0)) {
        struct cb_event event = {
            .kind = CB_EVENT_EPOCH, .session = CB_SESSION_NONE, .session_seq = engine->config.epoch};
        take(engine, &event);
        engine->begun = true;
    }
    return engine->begun;
}

void cb_engine_init(struct cb_engine *engine, struct cb_arena *arena, const struct cb_engine_config *config,
                    struct cb_core *core, struct cb_journal *journal)
{
    CB_ASSERT(config->lines_count >= 1 && config->lines_count <= CB_LINES_MAX);
    memset(engine, 0, sizeof *engine);
    engine->config = *config;
    engine->core = core;
    engine->journal = journal;
    for (uint32_t i = 0; i < config->lines_count; i++) {
        memcpy(engine->config.addresses[i].own.mac, config->lines[i]->mac, sizeof config->lines[i]->mac);
    }
    struct cb_ingress_config ingress;
    ingress_config(&engine->config, &ingress);
    cb_ingress_init(&engine->ingress, arena, &ingress);
    cb_egress_init(&engine->egress, arena, config->keys, config->config->sessions_count, config->epoch,
                   engine->config.lines, config->lines_count, find_path, engine);
    engine->ingress_sink = (struct cb_ingress_sink){.self = engine, .deliver = deliver, .emit = emit};
    core->sink.self = engine;
    core->sink.send = core_send;
    core->sink.reset = core_reset;
    engine->wall_ns = config->clock.wall_ns(config->clock.self);
    engine->steady_ns = config->clock.steady_ns(config->clock.self);
    for (uint32_t s = 0; s < config->config->sessions_count; s++) {
        uint64_t next = cb_sequence_session_next(&core->sequence, (uint16_t)s);
        cb_ingress_resume(&engine->ingress, s, next);
    }
    /* The core has applied the whole journal. */
    CB_ASSERT(core->sequence.seq == cb_journal_last_seq(journal));
    if (core->sequence.seq == 0) {
        append_config(engine);
    }
    begin(engine);
}

/* Tells senders how far they are applied and durable. A status is queued behind everything applied so far, so
 * it leaves when all of that is durable: what is applied now may be called durable in it. */
static uint32_t tell_status(struct cb_engine *engine)
{
    uint32_t told = 0;
    for (uint32_t s = 0; s < engine->config.config->sessions_count; s++) {
        struct cb_engine_told *last = &engine->told[s];
        uint64_t next = cb_sequence_session_next(&engine->core->sequence, (uint16_t)s);
        int64_t since_ns = engine->steady_ns - last->at_ns;
        struct cb_ingress_path path;
        if (since_ns < (last->next_seq != next ? STATUS_EVERY_NS : STATUS_AGAIN_NS) ||
            !cb_ingress_path(&engine->ingress, s, &path)) {
            continue;
        }
        struct cb_wire_session_status out = {
            .next_seq = next, .durable_through = next - 1, .epoch = engine->config.epoch};
        uint8_t message[CB_WIRE_SESSION_STATUS_BYTES];
        uint32_t bytes = cb_wire_session_status_encode(message, &out);
        if (!cb_egress_put(&engine->egress, engine->core->sequence.seq, (uint8_t)s, message,
                           (uint16_t)bytes)) {
            break;
        }
        *last = (struct cb_engine_told){.next_seq = next, .at_ns = engine->steady_ns};
        told++;
    }
    engine->stats.statuses += told;
    return told;
}

/* Offers the frames of the current burst; those that found no room are offered again before the next one. */
static uint32_t offer_burst(struct cb_engine *engine)
{
    struct cb_nic *nic = engine->config.lines[engine->frames_line];
    uint32_t taken = cb_ingress_burst(
        &engine->ingress, engine->frames_line, engine->frames + engine->frames_done,
        engine->frames_count - engine->frames_done, engine->steady_ns, &engine->ingress_sink);
    engine->frames_done += taken;
    if (engine->frames_done == engine->frames_count && engine->frames_count != 0) {
        nic->release(nic->self, engine->frames, engine->frames_count);
        engine->frames_count = engine->frames_done = 0;
    }
    return taken;
}

static uint32_t receive(struct cb_engine *engine)
{
    uint32_t work = 0;
    if (engine->frames_count != 0) {
        work += offer_burst(engine);
        if (engine->frames_count != 0) {
            engine->stats.no_room++;
            return work;
        }
    }
    for (uint32_t i = 0; i < engine->config.lines_count && engine->frames_count == 0; i++) {
        struct cb_nic *nic = engine->config.lines[i];
        engine->frames_line = i;
        engine->frames_count = nic->rx(nic->self, engine->frames, CB_BURST);
        work += engine->frames_count;
        offer_burst(engine);
    }
    return work + cb_ingress_poll(&engine->ingress, engine->steady_ns, &engine->ingress_sink);
}

/* An idle box still lives in time: when a timer is due, a record that is nothing but the time lets it fire.
 */
static uint32_t append_time(struct cb_engine *engine)
{
    int64_t deadline_ns;
    if (!cb_core_deadline(engine->core, &deadline_ns) ||
        deadline_ns > cb_sequence_now(&engine->core->sequence, engine->wall_ns) || !has_room(engine, 0)) {
        return 0;
    }
    struct cb_event event = {.kind = CB_EVENT_TIME, .session = CB_SESSION_NONE};
    take(engine, &event);
    engine->stats.time_records++;
    return 1;
}

static uint32_t work_out(struct cb_engine *engine)
{
    uint32_t work = cb_journal_poll(engine->journal, engine->core->effects);
    tell_status(engine);
    return work + cb_egress_poll(&engine->egress, cb_journal_durable(engine->journal), EGRESS_BUDGET);
}

uint32_t cb_engine_poll(struct cb_engine *engine)
{
    engine->wall_ns = engine->config.clock.wall_ns(engine->config.clock.self);
    engine->steady_ns = engine->config.clock.steady_ns(engine->config.clock.self);
    engine->stats.polls++;
    if (cb_engine_state(engine) == CB_ENGINE_FAILED) {
        return 0;
    }
    uint32_t work = 0;
    if (begin(engine)) {
        uint64_t records = engine->stats.records;
        work += receive(engine);
        if (engine->stats.records == records) { /* frames that bring nothing new do not stop the time */
            work += append_time(engine);
        }
    }
    work += work_out(engine);
    engine->stats.idle_polls += work == 0;
    return work;
}

uint32_t cb_engine_drain(struct cb_engine *engine)
{
    engine->wall_ns = engine->config.clock.wall_ns(engine->config.clock.self);
    engine->steady_ns = engine->config.clock.steady_ns(engine->config.clock.self);
    return cb_engine_state(engine) == CB_ENGINE_FAILED ? 0 : work_out(engine);
}

bool cb_engine_drained(const struct cb_engine *engine)
{
    return cb_journal_durable(engine->journal) == engine->core->sequence.seq &&
           engine->egress.head == engine->egress.tail && engine->egress.frame_bytes == 0;
}

enum cb_engine_state cb_engine_state(const struct cb_engine *engine)
{
    bool failed = engine->too_small || cb_journal_state(engine->journal) == CB_JOURNAL_FAILED;
    return failed ? CB_ENGINE_FAILED : CB_ENGINE_RUNNING;
}
