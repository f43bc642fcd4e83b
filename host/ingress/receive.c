/* From a frame to its messages. The order of the checks is the order of their cost and of what may be
 * believed: before the tag has verified, nothing of the datagram is used but to find the key. */
#include "host/ingress/ingress.h"

#include "host/base/assert.h"
#include "host/ingress/session.h"

#include <string.h>

struct datagram {
    struct cb_mold_header header;
    const uint8_t *messages; /* between header and tag */
    size_t messages_bytes;
    uint64_t end;   /* one past its last sequence; its sequence when it carries none */
    uint32_t count; /* messages; 0 for a heartbeat and for an end of session */
};

static unsigned open_datagram(struct cb_ingress *in, uint32_t line, const struct cb_frame *frame,
                              struct datagram *d, struct cb_ingress_session **found)
{
    const struct cb_ingress_line *own = &in->lines[line];
    if (frame->destination.ip != own->own.ip &&
        (own->group_ip == 0 || frame->destination.ip != own->group_ip)) {
        return CB_INGRESS_ADDRESS;
    }
    if (frame->destination.port != own->own.port) {
        return CB_INGRESS_PORT;
    }
    if (frame->payload_bytes < CB_MOLD_HEADER_BYTES + CB_MOLD_TAG_BYTES) {
        return CB_INGRESS_SHORT;
    }
    struct cb_ingress_session *s = cb_ingress_find(in, frame->payload);
    if (s == NULL) {
        return CB_INGRESS_SESSION;
    }
    size_t tagged_bytes = frame->payload_bytes - CB_MOLD_TAG_BYTES;
    if (!cb_mac_verify(frame->payload + tagged_bytes, &s->keys.in, frame->payload, tagged_bytes)) {
        s->stats.bad_tag++;
        return CB_INGRESS_TAG;
    }
    cb_mold_header_decode(&d->header, frame->payload);
    d->messages = frame->payload + CB_MOLD_HEADER_BYTES;
    d->messages_bytes = tagged_bytes - CB_MOLD_HEADER_BYTES;
    d->count = d->header.count == CB_MOLD_COUNT_END ? CB_MOLD_COUNT_HEARTBEAT : d->header.count;
    *found = s;
    return CB_FRAME_OK;
}

/* Before any message is used: the sequences are possible, and the messages fill the datagram to the byte. */
static unsigned check_datagram(struct datagram *d)
{
    if (d->header.sequence == 0 || d->header.sequence > UINT64_MAX - d->count) {
        return CB_INGRESS_SEQUENCE;
    }
    d->end = d->header.sequence + d->count;
    const uint8_t *p = d->messages, *message;
    size_t bytes = d->messages_bytes;
    uint32_t message_bytes;
    for (uint32_t i = 0; i < d->count; i++) {
        if (!cb_mold_next(&p, &bytes, &message, &message_bytes)) {
            return CB_INGRESS_WALK;
        }
    }
    return bytes == 0 ? CB_FRAME_OK : CB_INGRESS_WALK;
}

static bool same_end(const struct cb_frame_end *a, const struct cb_frame_end *b)
{
    return a->ip == b->ip && a->port == b->port && memcmp(a->mac, b->mac, sizeof a->mac) == 0;
}

/* Where answers go. A datagram that brings what no line has brought yet can only come from the sender. A copy
 * of it on another line can come from anybody who saw it, and so moves the answers only when the line they go
 * to has been silent. */
static void learn_line(struct cb_ingress_session *s, uint32_t line, uint64_t end, bool believed,
                       int64_t now_ns)
{
    bool silent = now_ns - s->peers[s->answer_line].news_ns >= CB_INGRESS_QUIET_NS;
    if (end > s->seen_end || (believed && silent)) {
        s->answer_line = line;
    }
    s->seen_end = end > s->seen_end ? end : s->seen_end;
}

static void learn_path(struct cb_ingress_session *s, uint32_t line, const struct cb_frame *frame,
                       const struct datagram *d, int64_t now_ns)
{
    struct cb_ingress_peer *peer = &s->peers[line];
    bool news = !peer->known || (d->count > 0 ? d->end > peer->seen_end : d->end >= peer->seen_end);
    bool believed = news || now_ns - peer->news_ns >= CB_INGRESS_QUIET_NS;
    learn_line(s, line, d->end, believed, now_ns);
    bool moved = !peer->known || peer->vlan != frame->vlan || !same_end(&peer->end, &frame->source);
    if (believed && moved) {
        peer->end = frame->source;
        peer->vlan = frame->vlan;
        s->stats.paths++;
    }
    if (news) {
        peer->known = true;
        peer->seen_end = d->end;
        peer->news_ns = now_ns;
    }
}

/* One message to the window and, if it is its turn, to the sink. False: no room. */
static bool take_message(struct cb_ingress *in, uint32_t session, uint32_t line, uint64_t seq,
                         const uint8_t *body, uint32_t bytes, const struct cb_ingress_sink *sink)
{
    struct cb_ingress_session *s = &in->sessions[session];
    uint64_t next = s->window.next;
    switch (cb_window_offer(&s->window, seq, body, bytes)) {
    case CB_WINDOW_DELIVER:
        if (!sink->deliver(sink->self, session, seq, body, bytes)) {
            return false;
        }
        cb_window_delivered(&s->window, seq);
        s->stats.skipped += seq - next; /* always 0 for an ordered session */
        s->stats.delivered++;
        in->line_stats[line].first++;
        break;
    case CB_WINDOW_HELD:
        s->stats.held++;
        in->line_stats[line].first++;
        break;
    case CB_WINDOW_DUPLICATE:
        s->stats.duplicates++;
        break;
    case CB_WINDOW_OLD:
        s->stats.old++;
        break;
    case CB_WINDOW_AHEAD:
        s->stats.ahead++;
        break;
    }
    return true;
}

/* All messages of a datagram that was checked. False: no room; the peer remembers where to go on. */
static bool take_messages(struct cb_ingress *in, struct cb_ingress_session *s, uint32_t line,
                          const struct datagram *d, const struct cb_ingress_sink *sink)
{
    uint32_t session = (uint32_t)(s - in->sessions);
    struct cb_ingress_peer *peer = &s->peers[line];
    bool again = peer->stopped_sequence == d->header.sequence && peer->stopped_count == d->count;
    uint32_t from = again ? peer->stopped_index : 0;
    peer->stopped_sequence = 0;
    const uint8_t *p = d->messages, *message = NULL;
    size_t bytes = d->messages_bytes;
    uint32_t message_bytes = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        bool whole = cb_mold_next(&p, &bytes, &message, &message_bytes);
        CB_ASSERT(whole);
        if (i < from) {
            continue;
        }
        /* Held messages first: the one before this may just have closed the gap in front of them. */
        if (!cb_ingress_drain(in, session, sink) ||
            !take_message(in, session, line, d->header.sequence + i, message, message_bytes, sink)) {
            s->stats.stops++;
            peer->stopped_sequence = d->header.sequence;
            peer->stopped_count = d->count;
            peer->stopped_index = i;
            return false;
        }
    }
    /* No room for what follows from the slots is no reason to offer the datagram again: poll goes on. */
    if (!cb_ingress_drain(in, session, sink)) {
        s->stats.stops++;
    }
    return true;
}

static bool take_datagram(struct cb_ingress *in, struct cb_ingress_session *s, uint32_t line,
                          const struct cb_frame *frame, const struct datagram *d, int64_t now_ns,
                          const struct cb_ingress_sink *sink)
{
    learn_path(s, line, frame, d, now_ns);
    s->ended = d->header.count == CB_MOLD_COUNT_END;
    cb_window_seen(&s->window, d->end);
    bool taken = take_messages(in, s, line, d, sink);
    cb_ingress_settle(in, (uint32_t)(s - in->sessions), now_ns);
    if (taken) {
        s->stats.datagrams++;
        s->stats.heartbeats += d->header.count == CB_MOLD_COUNT_HEARTBEAT;
        s->stats.ends += s->ended;
        s->stats.received += d->count;
        in->line_stats[line].datagrams++;
    }
    return taken;
}

bool cb_ingress_frame(struct cb_ingress *in, uint32_t line, const uint8_t *data, uint32_t bytes,
                      int64_t steady_ns, const struct cb_ingress_sink *sink)
{
    CB_ASSERT(line < in->lines_count);
    CB_ASSERT(steady_ns >= 0);
    struct cb_ingress_line_stats *stats = &in->line_stats[line];
    struct cb_ingress_session *s = NULL;
    struct cb_frame frame;
    struct datagram d;
    unsigned drop = cb_frame_parse(&frame, data, bytes);
    if (drop == CB_FRAME_OK) {
        drop = open_datagram(in, line, &frame, &d, &s);
    }
    if (drop == CB_FRAME_OK) {
        drop = check_datagram(&d);
        s->stats.malformed += drop != CB_FRAME_OK;
    }
    if (drop == CB_FRAME_OK) {
        if (!take_datagram(in, s, line, &frame, &d, steady_ns, sink)) {
            return false;
        }
    } else {
        stats->drops[drop]++;
    }
    stats->frames++;
    stats->bytes += bytes;
    return true;
}

uint32_t cb_ingress_burst(struct cb_ingress *in, uint32_t line, const struct cb_nic_frame *frames,
                          uint32_t count, int64_t steady_ns, const struct cb_ingress_sink *sink)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i + 1 < count) {
            __builtin_prefetch(frames[i + 1].data);
            __builtin_prefetch(frames[i + 1].data + 64);
        }
        if (!cb_ingress_frame(in, line, frames[i].data, frames[i].bytes, steady_ns, sink)) {
            return i;
        }
    }
    return count;
}
