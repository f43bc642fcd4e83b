/* The whole of ingress. The input is a script: frames as they are, and datagrams that the harness tags
 * rightly, so that the fuzzer gets past the tag; sequences mostly near the expected one; time; polls; no
 * room; resets.
 *
 * Whatever happens: an ordered session delivers sequence after sequence, `latest` strictly rises, nothing is
 * delivered before its tag verified (an untagged world delivers nothing), and the counters add up. */
#include "host/ingress/ingress.h"
#include "tests/fuzz/harness.h"

#include <stdlib.h>
#include <string.h>

enum { LATEST = 0, ORDERED = 1, OTHER = 2, SESSIONS = 3, OPS_MAX = 256, ROOM_FOREVER = 255 };

struct script {
    const uint8_t *p;
    size_t left;
};

struct fuzz_world {
    struct cb_ingress in;
    struct cb_ingress_sink sink;
    struct cb_mac_keys keys[SESSIONS];
    struct script script;
    uint64_t last[SESSIONS]; /* delivered last, or skipped to */
    uint64_t delivered[SESSIONS];
    uint32_t room;
    int64_t now;
    bool reset[SESSIONS];
    bool gave_up; /* a frame was not offered again */
};

static struct fuzz_world *world;
static void *memory;
static const char *const names[SESSIONS] = {"LATEST    ", "ORDERED   ", "OTHER     "};

static uint64_t take(struct script *s, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes && s->left > 0; i++, s->p++, s->left--) {
        v |= (uint64_t)*s->p << (8 * i);
    }
    return v;
}

static bool deliver(void *self, uint32_t session, uint64_t seq, const uint8_t *body, uint32_t bytes)
{
    struct fuzz_world *w = self;
    static uint8_t copy[CB_MESSAGE_BYTES_MAX];
    FUZZ_CHECK(session < SESSIONS && bytes <= CB_MESSAGE_BYTES_MAX && seq >= 1 && seq < UINT64_MAX);
    memcpy(copy, body, bytes); /* every byte is readable */
    FUZZ_CHECK(session == LATEST ? seq > w->last[session] : seq == w->last[session] + 1);
    if (w->room == 0) {
        return false;
    }
    w->room -= w->room != ROOM_FOREVER;
    w->last[session] = seq;
    w->delivered[session]++;
    return true;
}

static bool emit(void *self, uint32_t line, const uint8_t *frame, uint32_t bytes)
{
    struct fuzz_world *w = self;
    struct cb_frame f;
    struct cb_mold_header h;
    FUZZ_CHECK(line < 2 && cb_frame_parse(&f, frame, bytes) == CB_FRAME_OK);
    FUZZ_CHECK(f.payload_bytes == 36);
    cb_mold_header_decode(&h, f.payload);
    FUZZ_CHECK(h.count >= 1 && h.count <= CB_WINDOW_SLOTS && h.sequence >= 1);
    FUZZ_CHECK(h.sequence <= UINT64_MAX - h.count);
    return w->room != 1;
}

static void start(void)
{
    static struct cb_session_config sessions[SESSIONS];
    if (world == NULL) {
        world = calloc(1, sizeof *world);
        FUZZ_CHECK(world != NULL);
    }
    for (uint32_t i = 0; i < SESSIONS; i++) {
        uint8_t secret[CB_SESSION_KEY_BYTES] = {(uint8_t)(i + 1)};
        cb_mac_derive(&world->keys[i], secret);
        memcpy(sessions[i].name, names[i], CB_SESSION_NAME_BYTES);
        sessions[i].class = i == LATEST ? CB_SESSION_LATEST : CB_SESSION_ORDERED;
        world->last[i] = world->delivered[i] = 0;
        world->reset[i] = false;
    }
    struct cb_ingress_config config = {
        .sessions = sessions,
        .keys = world->keys,
        .sessions_count = SESSIONS,
        .lines_count = 2,
        .lines = {{.own = {{2}, 4000, 0x0A000001u}}, {.own = {{2}, 4001, 0x0A000002u}}}};
    size_t bytes = cb_ingress_footprint(&config);
    if (memory == NULL) {
        memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
        FUZZ_CHECK(memory != NULL);
        memset(memory, 0, bytes);
    }
    struct cb_arena arena = cb_arena_over(memory, bytes);
    cb_ingress_init(&world->in, &arena, &config);
    world->sink = (struct cb_ingress_sink){.self = world, .deliver = deliver, .emit = emit};
    world->room = ROOM_FOREVER;
    world->gave_up = false;
    world->now = 1;
}

static void offer_frame(uint32_t line, const uint8_t *frame, uint32_t bytes)
{
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    FUZZ_CHECK(exact != NULL);
    memcpy(exact, frame, bytes);
    if (!cb_ingress_frame(&world->in, line, exact, bytes, world->now, &world->sink)) {
        world->gave_up |= bytes % 2 == 1;
        if (bytes % 2 == 0) {
            world->room = ROOM_FOREVER;
            FUZZ_CHECK(cb_ingress_frame(&world->in, line, exact, bytes, world->now, &world->sink));
        }
    }
    free(exact);
}

/* Wraps a payload whose messages are in place into tag and frame. */
static void offer_tagged(uint32_t session, uint32_t line, uint64_t sequence, uint16_t count, uint8_t *payload,
                         uint32_t messages_bytes, uint8_t spoil)
{
    struct cb_mold_header h = {.sequence = sequence, .count = count};
    memcpy(h.session, names[session], CB_MOLD_SESSION_BYTES);
    cb_mold_header_encode(payload, &h);
    uint32_t covered = CB_MOLD_HEADER_BYTES + messages_bytes;
    cb_mac_tag(payload + covered, &world->keys[session].in, payload, covered);
    payload[covered] ^= spoil;
    uint8_t frame[CB_FRAME_BYTES_MAX];
    struct cb_frame_end peer = {.mac = {2, (uint8_t)session}, .port = 9000, .ip = 0x0A000064u + session};
    uint32_t bytes = cb_frame_build(frame, &peer, &world->in.lines[line].own, CB_FRAME_VLAN_NONE, payload,
                                    covered + CB_MOLD_TAG_BYTES);
    offer_frame(line, frame, bytes);
}

static uint32_t well_formed(uint8_t *messages, uint32_t count)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bytes = (uint32_t)take(&world->script, 1) % 40;
        messages[used] = 0;
        messages[used + 1] = (uint8_t)bytes;
        memset(messages + used + 2, (int)i, bytes);
        used += 2 + bytes;
    }
    return used;
}

static uint32_t as_written(uint8_t *out, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)take(&world->script, 1);
    }
    return bytes;
}

static uint64_t near_next(uint32_t session)
{
    return cb_ingress_next(&world->in, session) + (uint64_t)(int64_t)(int16_t)take(&world->script, 2);
}

static void step(uint32_t op)
{
    struct script *s = &world->script;
    uint32_t session = (op >> 3 & 3) % 3, line = op >> 5 & 1;
    uint8_t payload[CB_DATAGRAM_BYTES_MAX], *messages = payload + CB_MOLD_HEADER_BYTES;
    uint64_t sequence;
    uint32_t n;
    switch (op & 7) {
    case 0: /* the next ones */
        n = (uint32_t)take(s, 1) % 24;
        offer_tagged(session, line, cb_ingress_next(&world->in, session), (uint16_t)n, payload,
                     well_formed(messages, n), 0);
        break;
    case 1: /* near the next, with a gap or again */
        sequence = near_next(session);
        n = (uint32_t)take(s, 1) % 24;
        offer_tagged(session, line, sequence, (uint16_t)n, payload, well_formed(messages, n), 0);
        break;
    case 2: /* anything where messages should be */
        sequence = near_next(session);
        n = (uint32_t)take(s, 2);
        offer_tagged(session, line, sequence, (uint16_t)n, payload,
                     as_written(messages, (uint32_t)take(s, 1)), 0);
        break;
    case 3: /* anywhere in the range */
        sequence = take(s, 8);
        n = (uint32_t)take(s, 1) % 24;
        offer_tagged(session, line, sequence, (uint16_t)n, payload, well_formed(messages, n), 0);
        break;
    case 4: /* a frame as it stands */
        offer_frame(line, payload, as_written(payload, (uint32_t)take(s, 1)));
        break;
    case 5: /* heartbeat, end, or a wrong tag */
        sequence = near_next(session);
        n = (uint32_t)take(s, 1);
        offer_tagged(session, line, sequence, n & 1 ? CB_MOLD_COUNT_END : CB_MOLD_COUNT_HEARTBEAT, payload, 0,
                     (uint8_t)(n >> 4));
        break;
    case 6:
        world->now += (int64_t)take(s, 2) * 50000;
        cb_ingress_poll(&world->in, world->now, &world->sink);
        break;
    default:
        n = (uint32_t)take(s, 1);
        sequence = cb_ingress_next(&world->in, session) + n;
        if (op >> 6 == 0) {
            world->room = n;
        } else if (op >> 6 == 1 && cb_ingress_reset(&world->in, session, sequence)) {
            world->last[session] = sequence - 1;
            world->reset[session] = true;
        }
        break;
    }
}

static void check(void)
{
    for (uint32_t i = 0; i < SESSIONS; i++) {
        struct cb_ingress_session_stats s;
        cb_ingress_session_stats(&world->in, i, &s);
        FUZZ_CHECK(s.next_seq == world->last[i] + 1);
        FUZZ_CHECK(s.delivered == world->delivered[i]);
        FUZZ_CHECK(s.held_now <= CB_WINDOW_SLOTS && s.held_now <= s.held);
        FUZZ_CHECK(i == LATEST ? s.held == 0 && s.gaps == 0 && s.duplicates == 0
                               : s.old == 0 && s.skipped == 0);
        /* A frame that is given up half way leaves more delivered than received. */
        FUZZ_CHECK(world->gave_up || world->reset[i] ||
                   s.received == s.delivered + s.held_now + s.duplicates + s.old + s.ahead);
        FUZZ_CHECK(cb_ingress_stale(&world->in, i) ? i != LATEST : true);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    start();
    world->script = (struct script){.p = data, .left = bytes};
    for (uint32_t i = 0; i < OPS_MAX && world->script.left > 0; i++) {
        step((uint32_t)take(&world->script, 1));
        check();
    }
    world->room = ROOM_FOREVER;
    world->now += 2 * CB_WINDOW_STALE_NS;
    cb_ingress_poll(&world->in, world->now, &world->sink);
    check();
    return 0;
}
