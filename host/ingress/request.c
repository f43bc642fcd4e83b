/* Held messages, gap clocks and retransmission requests. */
#include "host/ingress/ingress.h"

#include "host/base/assert.h"
#include "host/ingress/session.h"

#include <string.h>

bool cb_ingress_drain(struct cb_ingress *in, uint32_t session, const struct cb_ingress_sink *sink)
{
    struct cb_ingress_session *s = &in->sessions[session];
    const uint8_t *body;
    uint32_t bytes;
    while ((body = cb_window_peek(&s->window, &bytes)) != NULL) {
        uint64_t seq = s->window.next;
        if (!sink->deliver(sink->self, session, seq, body, bytes)) {
            return false;
        }
        cb_window_delivered(&s->window, seq);
        s->stats.delivered++;
    }
    return true;
}

void cb_ingress_settle(struct cb_ingress *in, uint32_t session, int64_t steady_ns)
{
    struct cb_ingress_session *s = &in->sessions[session];
    bool gap_before = s->window.gap, stale_before = s->window.stale;
    uint32_t bytes;
    bool gap = cb_window_settle(&s->window, steady_ns);
    s->stats.gaps += gap && !gap_before;
    s->stats.stales += s->window.stale && !stale_before;
    uint64_t bit = UINT64_C(1) << session;
    if (gap || cb_window_peek(&s->window, &bytes) != NULL) {
        in->attention |= bit;
    } else {
        in->attention &= ~bit;
    }
}

/* The next line after the one that was asked last on which the session was heard. False: on none. */
static bool choose_line(const struct cb_ingress *in, const struct cb_ingress_session *s, uint32_t *line)
{
    *line = s->ask_line;
    for (uint32_t i = 0; i < in->lines_count; i++) {
        *line = *line + 1 < in->lines_count ? *line + 1 : 0;
        if (s->peers[*line].known) {
            return true;
        }
    }
    return false;
}

/* A MoldUDP64 request packet under the `out` key: header and tag, nothing else. */
static bool send_request(struct cb_ingress *in, struct cb_ingress_session *s,
                         const struct cb_window_request *request, const struct cb_ingress_sink *sink)
{
    uint32_t line;
    if (!choose_line(in, s, &line)) {
        return false;
    }
    uint8_t datagram[CB_MOLD_HEADER_BYTES + CB_MOLD_TAG_BYTES], frame[CB_FRAME_BYTES_MAX];
    struct cb_mold_header header = {.sequence = request->sequence, .count = request->count};
    memcpy(header.session, s->name, sizeof header.session);
    cb_mold_header_encode(datagram, &header);
    cb_mac_tag(datagram + CB_MOLD_HEADER_BYTES, &s->keys.out, datagram, CB_MOLD_HEADER_BYTES);
    const struct cb_ingress_peer *peer = &s->peers[line];
    uint32_t bytes =
        cb_frame_build(frame, &in->lines[line].own, &peer->end, peer->vlan, datagram, sizeof datagram);
    if (!sink->emit(sink->self, line, frame, bytes)) {
        return false;
    }
    s->ask_line = line;
    s->stats.requests++;
    return true;
}

static uint32_t poll_session(struct cb_ingress *in, uint32_t session, int64_t steady_ns,
                             const struct cb_ingress_sink *sink)
{
    struct cb_ingress_session *s = &in->sessions[session];
    uint64_t delivered_before = s->stats.delivered;
    if (!cb_ingress_drain(in, session, sink)) {
        s->stats.stops++;
    }
    cb_ingress_settle(in, session, steady_ns);
    uint32_t work = (uint32_t)(s->stats.delivered - delivered_before);
    struct cb_window_request request;
    if (cb_window_due(&s->window, steady_ns, &request) && send_request(in, s, &request, sink)) {
        cb_window_requested(&s->window, steady_ns, &request);
        work++;
    }
    return work;
}

uint32_t cb_ingress_poll(struct cb_ingress *in, int64_t steady_ns, const struct cb_ingress_sink *sink)
{
    CB_ASSERT(steady_ns >= 0);
    uint32_t work = 0;
    uint64_t left = in->attention;
    while (left != 0) {
        uint32_t session = (uint32_t)__builtin_ctzll(left);
        left &= left - 1;
        work += poll_session(in, session, steady_ns, sink);
    }
    return work;
}
