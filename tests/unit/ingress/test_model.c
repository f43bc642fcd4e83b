/* The whole against a model: a sender with two lossy, duplicating, reordering lines and a re-request server;
 * a sink without room now and then. Whatever happens, an ordered session delivers exactly 1 .. n, `latest`
 * strictly increases, and every message that came in is accounted for. */
#include "tests/unit/ingress/rig.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

enum { FLIGHT_MAX = 512 };

struct packet {
    uint32_t session, line, count;
    uint64_t first;
    int64_t at;
};

struct world {
    struct rig *rig;
    struct rig_random random;
    struct packet flight[FLIGHT_MAX];
    uint32_t flying;
    uint32_t loss, twice, late, stop; /* per thousand */
    uint64_t sent[RIG_SESSIONS];      /* one past the last sequence sent */
    uint32_t answered;                /* requests the server has read */
};

static bool chance(struct world *w, uint32_t per_thousand)
{
    return rig_draw(&w->random, 1000) < per_thousand;
}

static void fly(struct world *w, uint32_t session, uint32_t line, uint64_t first, uint32_t count)
{
    uint32_t copies = 1 + chance(w, w->twice);
    for (uint32_t i = 0; i < copies; i++) {
        if (w->flying == FLIGHT_MAX || chance(w, w->loss)) {
            continue;
        }
        int64_t delay = (int64_t)rig_draw(&w->random, chance(w, w->late) ? 3 * RIG_MS : 20000);
        w->flight[w->flying++] = (struct packet){session, line, count, first, w->rig->now + delay};
    }
}

/* The sender's re-request server: answers what the box asked, by unicast on the line it asked on. */
static void serve(struct world *w)
{
    for (; w->answered < w->rig->emitted; w->answered++) {
        const struct rig_emit *e = &w->rig->emits[w->answered];
        struct cb_frame frame;
        struct cb_mold_header header;
        cr_assert_eq(cb_frame_parse(&frame, e->frame, e->bytes), CB_FRAME_OK);
        cb_mold_header_decode(&header, frame.payload);
        uint32_t session = memcmp(header.session, "VENUE", 5) == 0 ? VENUE : TRADER;
        cr_assert(header.count >= 1 && header.count <= CB_WINDOW_SLOTS);
        cr_assert(header.sequence >= 1 && header.sequence <= cb_ingress_next(&w->rig->in, session),
                  "it asks for the first that was missing when it asked");
        cr_assert_leq(header.sequence + header.count, w->sent[session],
                      "and for nothing that was never sent");
        for (uint32_t i = 0; i < header.count; i += 20) {
            uint32_t count = header.count - i < 20 ? header.count - i : 20;
            fly(w, session, e->line, header.sequence + i, count);
        }
    }
    if (w->answered == RIG_EMITS_MAX) {
        w->answered = w->rig->emitted = 0;
    }
}

static void arrive(struct world *w)
{
    for (uint32_t i = 0; i < w->flying;) {
        struct packet p = w->flight[i];
        if (p.at > w->rig->now) {
            i++;
            continue;
        }
        w->rig->room = chance(w, w->stop) ? (uint32_t)rig_draw(&w->random, 8) : RIG_FOREVER;
        while (!rig_send(w->rig, p.session, p.line, p.first, p.count)) {
            w->rig->room = (uint32_t)rig_draw(&w->random, 30);
            rig_poll(w->rig, 0);
        }
        w->rig->room = RIG_FOREVER;
        w->flight[i] = w->flight[--w->flying];
    }
}

static void tick(struct world *w, int64_t ns)
{
    w->rig->now += ns;
    arrive(w);
    rig_poll(w->rig, 0);
    serve(w);
}

static void check(const struct world *w)
{
    const struct rig *rig = w->rig;
    uint64_t last[RIG_SESSIONS] = {0};
    for (uint32_t i = 0; i < rig->delivered; i++) {
        const struct rig_delivery *d = &rig->deliveries[i];
        if (d->session == ORACLE) {
            cr_assert_gt(d->seq, last[ORACLE]);
        } else {
            cr_assert_eq(d->seq, last[d->session] + 1, "session %u: %llu after %llu", d->session,
                         (unsigned long long)d->seq, (unsigned long long)last[d->session]);
        }
        last[d->session] = d->seq;
    }
    for (uint32_t s = VENUE; s <= TRADER; s++) {
        struct cb_ingress_session_stats stats = rig_stats(rig, s);
        cr_assert_eq(last[s] + 1, w->sent[s], "session %u ends at %llu of %llu", s,
                     (unsigned long long)last[s], (unsigned long long)w->sent[s] - 1);
        cr_assert_eq(stats.received, stats.delivered + stats.held_now + stats.duplicates + stats.ahead);
        cr_assert_eq(stats.held_now, 0);
        cr_assert(stats.skipped == 0 && stats.old == 0);
    }
    struct cb_ingress_session_stats stats = rig_stats(rig, ORACLE);
    cr_assert_eq(stats.received, stats.delivered + stats.old);
    cr_assert_eq(stats.delivered + stats.skipped + 1, stats.next_seq);
    cr_assert(stats.requests == 0 && stats.gaps == 0);
    cr_assert_eq(rig->in.attention, 0, "nothing is left to do");
}

static void run_world(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    w->rig = rig_new();
    w->random = (struct rig_random){.state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1};
    w->loss = (uint32_t)rig_draw(&w->random, 400);
    w->twice = (uint32_t)rig_draw(&w->random, 300);
    w->late = (uint32_t)rig_draw(&w->random, 300);
    w->stop = (uint32_t)rig_draw(&w->random, 200);
    uint32_t lines = 1 + (uint32_t)rig_draw(&w->random, 2), steps = 300;
    for (uint32_t s = 0; s < RIG_SESSIONS; s++) {
        w->sent[s] = 1;
    }
    for (uint32_t step = 0; step < steps; step++) {
        uint32_t session = (uint32_t)rig_draw(&w->random, RIG_SESSIONS);
        uint32_t count = (uint32_t)rig_draw(&w->random, 20); /* 0: a heartbeat */
        for (uint32_t line = 0; line < lines; line++) {
            fly(w, session, line, w->sent[session], count);
        }
        w->sent[session] += count;
        tick(w, (int64_t)rig_draw(&w->random, 100000));
    }
    /* A last heartbeat that arrives shows the last loss; then only what was asked for flies, and is lost as
     * before. */
    uint32_t loss = w->loss;
    w->loss = 0;
    for (uint32_t s = 0; s < RIG_SESSIONS; s++) {
        fly(w, s, 0, w->sent[s], 0);
    }
    w->loss = loss;
    for (uint32_t step = 0; w->rig->in.attention != 0 || w->flying > 0; step++) {
        cr_assert_lt(step, 100000u, "seed %llu never ends", (unsigned long long)seed);
        tick(w, RIG_MS / 5);
    }
    check(w);
    rig_free(w->rig);
    free(w);
}

Test(ingress_model, any_loss_duplication_and_reordering_still_delivers_one_to_n)
{
    struct rig_random seeds = rig_random(2026);
    for (uint32_t i = 0; i < 60 * rig_effort(); i++) {
        run_world(rig_draw(&seeds, UINT64_MAX >> 16));
    }
}
