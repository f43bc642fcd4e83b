#include "tests/unit/ingress/rig.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[RIG_SESSIONS] = {"ORACLE1   ", "VENUE-A   ", "TRADER-9  "};

static bool record(void *self, uint32_t session, uint64_t seq, const uint8_t *body, uint32_t bytes)
{
    struct rig *rig = self;
    if (rig->room == 0) {
        return false;
    }
    rig->room -= rig->room != RIG_FOREVER;
    if (!rig->any_body) {
        uint8_t expected[CB_MESSAGE_BYTES_MAX];
        uint32_t expected_bytes = rig_body(expected, session, seq);
        cr_assert_eq(bytes, expected_bytes, "session %u seq %llu: %u bytes", session, (unsigned long long)seq,
                     bytes);
        cr_assert(bytes == 0 || memcmp(body, expected, bytes) == 0, "session %u seq %llu: body", session,
                  (unsigned long long)seq);
    }
    if (rig->delivered == rig->deliveries_max) {
        rig->deliveries_max = rig->deliveries_max * 2 + 1024;
        rig->deliveries = realloc(rig->deliveries, rig->deliveries_max * sizeof *rig->deliveries);
        cr_assert_not_null(rig->deliveries);
    }
    rig->deliveries[rig->delivered++] = (struct rig_delivery){.session = session, .seq = seq};
    if (session == VENUE && rig->reset_at != 0 && seq == rig->reset_at) {
        cr_assert(cb_ingress_reset(&rig->in, VENUE, rig->reset_to));
    }
    return true;
}

static bool emit(void *self, uint32_t line, const uint8_t *frame, uint32_t bytes)
{
    struct rig *rig = self;
    if (rig->emit_full) {
        return false;
    }
    cr_assert_lt(rig->emitted, (uint32_t)RIG_EMITS_MAX);
    cr_assert_leq(bytes, CB_FRAME_BYTES_MAX);
    struct rig_emit *e = &rig->emits[rig->emitted++];
    e->line = line;
    e->bytes = bytes;
    memcpy(e->frame, frame, bytes);
    return true;
}

struct rig *rig_new(void)
{
    struct rig *rig = calloc(1, sizeof *rig);
    cr_assert_not_null(rig);
    rig->emits = calloc(RIG_EMITS_MAX, sizeof *rig->emits);
    rig->room = RIG_FOREVER;
    rig->now = 5 * CB_WINDOW_STALE_NS;
    rig->sink = (struct cb_ingress_sink){.self = rig, .deliver = record, .emit = emit};
    for (uint32_t i = 0; i < RIG_SESSIONS; i++) {
        uint8_t secret[CB_SESSION_KEY_BYTES];
        memset(secret, (int)(0x30 + i), sizeof secret);
        cb_mac_derive(&rig->keys[i], secret);
        memcpy(rig->sessions[i].name, names[i], CB_SESSION_NAME_BYTES);
        rig->sessions[i].class = i == ORACLE ? CB_SESSION_LATEST : CB_SESSION_ORDERED;
    }
    struct cb_ingress_config config = {
        .sessions = rig->sessions,
        .keys = rig->keys,
        .sessions_count = RIG_SESSIONS,
        .lines_count = 2,
        .lines = {{.own = {{2, 0, 0, 0, 0, 1}, 4000, 0x0A000001u}, .group_ip = RIG_GROUP},
                  {.own = {{2, 0, 0, 0, 0, 2}, 4001, 0x0A000101u}}}};
    size_t bytes = cb_ingress_footprint(&config);
    rig->memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    cr_assert_not_null(rig->memory);
    memset(rig->memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(rig->memory, bytes);
    cb_ingress_init(&rig->in, &arena, &config);
    cr_assert_eq(arena.used, bytes, "the footprint is exact");
    return rig;
}

void rig_free(struct rig *rig)
{
    free(rig->memory);
    free(rig->deliveries);
    free(rig->emits);
    free(rig);
}

uint32_t rig_body(uint8_t *out, uint32_t session, uint64_t seq)
{
    uint32_t bytes = (uint32_t)((seq * 7 + session * 13) % 48);
    for (uint32_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(seq * 31 + i * 7 + session + (seq >> 8));
    }
    return bytes;
}

uint32_t rig_raw(const struct rig *rig, uint8_t *out, uint32_t session, uint64_t sequence, uint16_t count,
                 const uint8_t *messages, uint32_t bytes)
{
    struct cb_mold_header header = {.sequence = sequence, .count = count};
    memcpy(header.session, names[session], CB_MOLD_SESSION_BYTES);
    cb_mold_header_encode(out, &header);
    if (bytes > 0) {
        memmove(out + CB_MOLD_HEADER_BYTES, messages, bytes);
    }
    cb_mac_tag(out + CB_MOLD_HEADER_BYTES + bytes, &rig->keys[session].in, out, CB_MOLD_HEADER_BYTES + bytes);
    return CB_MOLD_HEADER_BYTES + bytes + CB_MOLD_TAG_BYTES;
}

uint32_t rig_datagram(const struct rig *rig, uint8_t *out, uint32_t session, uint64_t first, uint32_t count)
{
    uint8_t messages[CB_DATAGRAM_BYTES_MAX];
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_leq(used + 2 + 48, (uint32_t)sizeof messages, "too many messages for a datagram");
        uint32_t bytes = rig_body(messages + used + 2, session, first + i);
        messages[used] = (uint8_t)(bytes >> 8);
        messages[used + 1] = (uint8_t)bytes;
        used += 2 + bytes;
    }
    return rig_raw(rig, out, session, first, (uint16_t)count, messages, used);
}

struct cb_frame_end rig_peer(uint32_t session, uint32_t line)
{
    return (struct cb_frame_end){.mac = {6, 0, 0, (uint8_t)line, 0, (uint8_t)session},
                                 .port = (uint16_t)(9000 + session),
                                 .ip = 0x0A000010u + 256 * line + session};
}

uint32_t rig_frame(const struct rig *rig, uint8_t *out, uint32_t session, uint32_t line,
                   const uint8_t *payload, uint32_t bytes)
{
    struct cb_frame_end peer = rig_peer(session, line);
    return cb_frame_build(out, &peer, &rig->in.lines[line].own, CB_FRAME_VLAN_NONE, payload, bytes);
}

bool rig_offer(struct rig *rig, uint32_t session, uint32_t line, const uint8_t *payload, uint32_t bytes)
{
    uint8_t frame[CB_FRAME_BYTES_MAX];
    uint32_t frame_bytes = rig_frame(rig, frame, session, line, payload, bytes);
    /* On the heap and no byte longer, so that the sanitizer sees any read past the end. */
    uint8_t *exact = malloc(frame_bytes);
    memcpy(exact, frame, frame_bytes);
    bool taken = cb_ingress_frame(&rig->in, line, exact, frame_bytes, rig->now, &rig->sink);
    free(exact);
    return taken;
}

bool rig_send(struct rig *rig, uint32_t session, uint32_t line, uint64_t first, uint32_t count)
{
    uint8_t payload[CB_DATAGRAM_BYTES_MAX];
    return rig_offer(rig, session, line, payload, rig_datagram(rig, payload, session, first, count));
}

bool rig_end(struct rig *rig, uint32_t session, uint32_t line, uint64_t next)
{
    uint8_t payload[CB_DATAGRAM_BYTES_MAX];
    return rig_offer(rig, session, line, payload,
                     rig_raw(rig, payload, session, next, CB_MOLD_COUNT_END, NULL, 0));
}

uint32_t rig_poll(struct rig *rig, int64_t advance_ns)
{
    rig->now += advance_ns;
    return cb_ingress_poll(&rig->in, rig->now, &rig->sink);
}

void rig_request(const struct rig *rig, uint32_t n, uint32_t session, uint32_t line,
                 struct cb_mold_header *header)
{
    cr_assert_lt(n, rig->emitted, "request %u was not sent", n);
    const struct rig_emit *e = &rig->emits[n];
    struct cb_frame frame;
    cr_assert_eq(cb_frame_parse(&frame, e->frame, e->bytes), CB_FRAME_OK);
    struct cb_frame_end peer = rig_peer(session, line), own = rig->in.lines[line].own;
    cr_assert_eq(e->line, line);
    cr_assert(memcmp(frame.destination.mac, peer.mac, 6) == 0 && frame.destination.ip == peer.ip &&
              frame.destination.port == peer.port);
    cr_assert(memcmp(frame.source.mac, own.mac, 6) == 0 && frame.source.ip == own.ip &&
              frame.source.port == own.port);
    cr_assert_eq(frame.payload_bytes, CB_MOLD_HEADER_BYTES + CB_MOLD_TAG_BYTES);
    cr_assert(cb_mac_verify(frame.payload + CB_MOLD_HEADER_BYTES, &rig->keys[session].out, frame.payload,
                            CB_MOLD_HEADER_BYTES));
    cb_mold_header_decode(header, frame.payload);
    cr_assert(memcmp(header->session, names[session], CB_MOLD_SESSION_BYTES) == 0);
}

void rig_expect(const struct rig *rig, uint32_t from, uint32_t session, uint64_t first, uint32_t count)
{
    cr_assert_eq(rig->delivered, from + count, "delivered %u, expected %u", rig->delivered, from + count);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(rig->deliveries[from + i].session, session);
        cr_assert_eq(rig->deliveries[from + i].seq, first + i, "at %u: %llu", i,
                     (unsigned long long)rig->deliveries[from + i].seq);
    }
}

struct cb_ingress_session_stats rig_stats(const struct rig *rig, uint32_t session)
{
    struct cb_ingress_session_stats stats;
    cb_ingress_session_stats(&rig->in, session, &stats);
    return stats;
}

uint64_t rig_drops(const struct rig *rig, uint32_t line, unsigned reason)
{
    struct cb_ingress_line_stats stats;
    cb_ingress_line_stats(&rig->in, line, &stats);
    return stats.drops[reason];
}

struct rig_random rig_random(uint64_t seed)
{
    const char *text = getenv("CB_SEED");
    if (text != NULL) {
        seed = strtoull(text, NULL, 0);
    }
    printf("CB_SEED=%llu\n", (unsigned long long)seed);
    return (struct rig_random){.state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1};
}

uint64_t rig_draw(struct rig_random *random, uint64_t below)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return (random->state * UINT64_C(0x2545F4914F6CDD1D) >> 16) % below;
}

uint32_t rig_effort(void)
{
    const char *text = getenv("CB_EFFORT");
    uint32_t effort = text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 1;
    return effort > 0 ? effort : 1;
}
