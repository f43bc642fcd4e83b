#include "tests/unit/journal/world.h"

#include "host/base/assert.h"

#include <stdlib.h>
#include <string.h>

static uint64_t environment(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 0) : 1;
}

uint64_t world_seed(void)
{
    return environment("CB_SEED");
}

uint64_t world_effort(void)
{
    uint64_t effort = environment("CB_EFFORT");
    return effort == 0 ? 1 : effort;
}

uint64_t world_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    uint64_t x = *state;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static void *take(size_t bytes)
{
    void *memory = aligned_alloc(CB_ARENA_ALIGN, cb_arena_room(bytes));
    CB_ASSERT(memory != NULL);
    memset(memory, 0, cb_arena_room(bytes));
    return memory;
}

void world_open(struct world *w, uint32_t slots, uint64_t slot_bytes, uint64_t seed, bool reorder)
{
    struct cb_sim_disk_config config = {
        .slots = slots, .slot_bytes = slot_bytes, .seed = seed, .reorder = reorder};
    size_t bytes = cb_sim_disk_footprint(&config);
    memset(w, 0, sizeof *w);
    w->disk_memory = take(bytes);
    struct cb_arena arena = cb_arena_over(w->disk_memory, bytes);
    w->sim = cb_sim_disk_init(&arena, &config);
    w->config = (struct cb_journal_config){.disk = cb_sim_disk_port(w->sim), .cluster = WORLD_CLUSTER};
    w->journal_bytes = cb_journal_footprint(&w->config);
    w->journal_memory = take(w->journal_bytes);
}

static void stop(struct world *w)
{
    if (w->journal_open) {
        cb_journal_close(&w->journal);
        w->journal_open = false;
    }
}

void world_close(struct world *w)
{
    stop(w);
    free(w->disk_memory);
    free(w->journal_memory);
}

bool world_recover(struct world *w, struct cb_journal_recovery *report, uint64_t epoch)
{
    stop(w);
    struct cb_arena arena = cb_arena_over(w->journal_memory, w->journal_bytes);
    cb_journal_init(&w->journal, &arena, &w->config);
    w->journal_open = true;
    return cb_journal_recover(&w->journal, report, epoch);
}

struct cb_event world_event(uint8_t *body, uint64_t seq, uint32_t body_max)
{
    uint64_t state = seq * 0xD1B54A32D192ED03u;
    struct cb_event event = {.seq = seq,
                             .ingest_ns = 1700000000000000000 + (int64_t)(seq * 1000),
                             .kind = CB_EVENT_MESSAGE,
                             .session = (uint8_t)(world_random(&state) % 64u),
                             .session_seq = world_random(&state),
                             .body = body,
                             .body_bytes = (uint32_t)(world_random(&state) % (body_max + 1u))};
    for (uint32_t i = 0; i < event.body_bytes; i += 8) {
        uint64_t word = world_random(&state);
        memcpy(body + i, &word, event.body_bytes - i < 8 ? event.body_bytes - i : 8);
    }
    return event;
}

void world_append(struct world *w, uint32_t body_max)
{
    uint8_t body[CB_JOURNAL_BODY_BYTES_MAX];
    struct cb_event event = world_event(body, cb_journal_last_seq(&w->journal) + 1, body_max);
    cb_journal_append(&w->journal, &event);
}

bool world_settle(struct world *w)
{
    struct cb_journal *j = &w->journal;
    for (uint32_t i = 0; i < 100000 && cb_journal_durable(j) != cb_journal_last_seq(j); i++) {
        if (j->state == CB_JOURNAL_FAILED) {
            return false;
        }
        cb_journal_poll(j, cb_journal_last_seq(j) * 7);
    }
    return cb_journal_durable(j) == cb_journal_last_seq(j);
}

void world_quiet(struct world *w)
{
    struct cb_journal *j = &w->journal;
    for (uint32_t i = 0; i < 10000; i++) {
        cb_journal_poll(j, cb_journal_last_seq(j) * 7);
        if (j->tail == j->head && !j->open && !j->recycle_in_flight && j->dirty == 0) {
            return;
        }
    }
    CB_ASSERT(false);
}

bool world_verify(struct world *w, struct cb_journal_problem *problem)
{
    size_t bytes = cb_journal_scan_footprint(w->config.disk);
    void *memory = take(bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    struct cb_journal_scan scan;
    cb_journal_scan_init(&scan, &arena, w->config.disk, WORLD_CLUSTER);
    bool whole = cb_journal_verify(&scan);
    *problem = scan.problem;
    cb_journal_scan_close(&scan);
    free(memory);
    return whole;
}

void world_reader_open(struct world_reader *r, struct cb_disk *disk, bool follow)
{
    struct cb_journal_reader_config config = {.disk = disk, .follow = follow};
    size_t bytes = cb_journal_reader_footprint(&config);
    r->memory = take(bytes);
    struct cb_arena arena = cb_arena_over(r->memory, bytes);
    cb_journal_reader_init(&r->reader, &arena, &config);
}

void world_reader_close(struct world_reader *r)
{
    cb_journal_reader_close(&r->reader);
    free(r->memory);
}

static bool same_event(const struct cb_event *a, const struct cb_event *b)
{
    return a->seq == b->seq && a->ingest_ns == b->ingest_ns && a->kind == b->kind &&
           a->session == b->session && a->session_seq == b->session_seq && a->body_bytes == b->body_bytes &&
           memcmp(a->body, b->body, a->body_bytes) == 0;
}

uint64_t world_read_back(struct world *w, uint32_t body_max)
{
    struct world_reader r;
    world_reader_open(&r, w->config.disk, false);
    uint64_t last = 0;
    bool good = cb_journal_reader_seek(&r.reader, 0);
    while (good) {
        struct cb_event event;
        uint8_t body[CB_JOURNAL_BODY_BYTES_MAX];
        enum cb_journal_read read = cb_journal_reader_next(&r.reader, &event);
        if (read != CB_JOURNAL_READ_EVENT) {
            good = read == CB_JOURNAL_READ_END;
            break;
        }
        struct cb_event expected = world_event(body, event.seq, body_max);
        good = (last == 0 || event.seq == last + 1) && same_event(&event, &expected);
        last = event.seq;
    }
    world_reader_close(&r);
    return good ? last : UINT64_MAX;
}
