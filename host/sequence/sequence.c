#include "host/sequence/sequence.h"

#include "host/base/assert.h"

#include <string.h>

void cb_sequence_init(struct cb_sequence *sequence, const struct cb_config *config)
{
    CB_ASSERT(config->sessions_count <= CB_SESSIONS_MAX);
    CB_ASSERT(config->clock == CB_CLOCK_WALL || config->clock == CB_CLOCK_FEED);
    memset(sequence, 0, sizeof *sequence);
    sequence->config = config;
    for (uint32_t session = 0; session < config->sessions_count; session++) {
        sequence->session_next[session] = 1;
    }
}

int64_t cb_sequence_now(const struct cb_sequence *sequence, int64_t wall_ns)
{
    int64_t now_ns = sequence->config->clock == CB_CLOCK_FEED ? sequence->feed_ns : wall_ns;
    return now_ns > sequence->ingest_ns ? now_ns : sequence->ingest_ns;
}

bool cb_sequence_feed(struct cb_sequence *sequence, int64_t source_time_ns)
{
    if (sequence->config->clock != CB_CLOCK_FEED || source_time_ns < 0 ||
        source_time_ns > CB_SEQUENCE_TIME_MAX_NS) {
        return false;
    }
    if (source_time_ns > sequence->feed_ns) {
        sequence->feed_ns = source_time_ns;
    }
    return true;
}

void cb_sequence_stamp(const struct cb_sequence *sequence, int64_t wall_ns, struct cb_event *event)
{
    event->seq = sequence->seq + 1;
    event->ingest_ns = cb_sequence_now(sequence, wall_ns);
}

static bool message_follows(const struct cb_sequence *sequence, const struct cb_event *event)
{
    if (event->session >= sequence->config->sessions_count || event->session_seq == UINT64_MAX) {
        return false;
    }
    uint64_t next = sequence->session_next[event->session];
    if (sequence->config->sessions[event->session].class == CB_SESSION_LATEST) {
        return event->session_seq >= next;
    }
    return event->session_seq == next;
}

static bool follows(const struct cb_sequence *sequence, const struct cb_event *event)
{
    if (event->seq != sequence->seq + 1 || event->ingest_ns < sequence->ingest_ns) {
        return false;
    }
    switch (event->kind) {
    case CB_EVENT_MESSAGE:
        return message_follows(sequence, event);
    case CB_EVENT_EPOCH:
        return event->session == CB_SESSION_NONE && event->session_seq > sequence->epoch;
    case CB_EVENT_CONFIG:
    case CB_EVENT_TIME:
        return event->session == CB_SESSION_NONE;
    default:
        return false;
    }
}

bool cb_sequence_apply(struct cb_sequence *sequence, const struct cb_event *event)
{
    if (!follows(sequence, event)) {
        return false;
    }
    sequence->seq = event->seq;
    sequence->ingest_ns = event->ingest_ns;
    if (event->ingest_ns > sequence->feed_ns) {
        sequence->feed_ns = event->ingest_ns;
    }
    if (event->kind == CB_EVENT_MESSAGE) {
        sequence->session_next[event->session] = event->session_seq + 1;
    } else if (event->kind == CB_EVENT_EPOCH) {
        sequence->epoch = event->session_seq;
    }
    return true;
}

enum cb_reject cb_sequence_reset(struct cb_sequence *sequence, uint16_t session, uint64_t next_seq)
{
    if (session >= sequence->config->sessions_count) {
        return CB_REJECT_UNKNOWN_SESSION;
    }
    if (next_seq < sequence->session_next[session] || next_seq == UINT64_MAX) {
        return CB_REJECT_SEQUENCE;
    }
    sequence->session_next[session] = next_seq;
    return CB_REJECT_NONE;
}

uint64_t cb_sequence_session_next(const struct cb_sequence *sequence, uint16_t session)
{
    CB_ASSERT(session < sequence->config->sessions_count);
    return sequence->session_next[session];
}

void cb_sequence_serialize(const struct cb_sequence *sequence, struct cb_writer *writer)
{
    cb_put_u64(writer, sequence->seq);
    cb_put_u64(writer, sequence->epoch);
    cb_put_s64(writer, sequence->ingest_ns);
    for (uint32_t session = 0; session < sequence->config->sessions_count; session++) {
        cb_put_u64(writer, sequence->session_next[session]);
    }
}

bool cb_sequence_restore(struct cb_sequence *sequence, struct cb_reader *reader)
{
    cb_sequence_init(sequence, sequence->config);
    sequence->seq = cb_get_u64(reader);
    sequence->epoch = cb_get_u64(reader);
    sequence->ingest_ns = cb_get_s64(reader);
    sequence->feed_ns = sequence->ingest_ns;
    bool started = sequence->seq > 0;
    for (uint32_t session = 0; session < sequence->config->sessions_count; session++) {
        sequence->session_next[session] = cb_get_u64(reader);
        if (sequence->session_next[session] == 0 || (!started && sequence->session_next[session] != 1)) {
            return false;
        }
    }
    bool at_zero = sequence->epoch == 0 && sequence->ingest_ns == 0;
    return !reader->failed && sequence->ingest_ns >= 0 && (started || at_zero);
}
