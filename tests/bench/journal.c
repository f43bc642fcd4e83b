#include "tests/bench/journal.h"

#include "host/journal/journal.h"

#include <stdlib.h>
#include <string.h>

static int64_t latencies_ns[CB_BENCH_COMMITS_MAX];

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct bench {
    struct cb_journal journal;
    const struct cb_bench_journal_config *config;
    uint8_t body[CB_JOURNAL_BODY_BYTES_MAX];
};

static int64_t now_ns(const struct bench *b)
{
    return b->config->clock->steady_ns(b->config->clock->self);
}

static bool poll_once(struct bench *b)
{
    cb_journal_poll(&b->journal, 0);
    if (b->config->retain) {
        cb_journal_retain_through(&b->journal, cb_journal_durable(&b->journal));
    }
    return b->journal.state == CB_JOURNAL_RUNNING;
}

/* Appends one commit. Returns: false if the journal failed. */
static bool append_commit(struct bench *b)
{
    for (uint32_t i = 0; i < b->config->records; i++) {
        while (cb_journal_room(&b->journal, b->config->body_bytes) == 0) {
            if (!poll_once(b)) {
                return false;
            }
        }
        uint64_t seq = cb_journal_last_seq(&b->journal) + 1;
        int64_t ingest_ns = b->journal.last_ns + 1;
        memcpy(b->body, &seq, sizeof seq);
        struct cb_event event = {.seq = seq,
                                 .ingest_ns = ingest_ns,
                                 .kind = CB_EVENT_MESSAGE,
                                 .body = b->body,
                                 .body_bytes = b->config->body_bytes};
        cb_journal_append(&b->journal, &event);
    }
    return true;
}

static bool wait_durable(struct bench *b, uint64_t seq)
{
    while (cb_journal_durable(&b->journal) < seq) {
        if (!poll_once(b)) {
            return false;
        }
    }
    return true;
}

/* One after the other: the latency of a commit. */
static bool run_single(struct bench *b)
{
    for (uint32_t i = 0; i < b->config->commits; i++) {
        int64_t start_ns = now_ns(b);
        if (!append_commit(b) || !wait_durable(b, cb_journal_last_seq(&b->journal))) {
            return false;
        }
        latencies_ns[i] = now_ns(b) - start_ns;
    }
    return true;
}

/* As fast as room allows: latency is from the append of the first record of a group to its durability. */
static bool run_pipelined(struct bench *b)
{
    static int64_t started_ns[CB_BENCH_COMMITS_MAX];
    uint64_t first_seq = cb_journal_last_seq(&b->journal);
    uint32_t done = 0;
    for (uint32_t i = 0; i < b->config->commits; i++) {
        started_ns[i] = now_ns(b);
        if (!append_commit(b) || !poll_once(b)) {
            return false;
        }
        uint64_t durable = cb_journal_durable(&b->journal) - first_seq;
        for (int64_t end_ns = now_ns(b); done < durable / b->config->records; done++) {
            latencies_ns[done] = end_ns - started_ns[done];
        }
    }
    bool good = wait_durable(b, cb_journal_last_seq(&b->journal));
    for (int64_t end_ns = now_ns(b); done < b->config->commits; done++) {
        latencies_ns[done] = end_ns - started_ns[done];
    }
    return good;
}

/* Nothing may be in flight when the memory goes. */
static void drain(struct bench *b)
{
    struct cb_journal *j = &b->journal;
    while (j->state == CB_JOURNAL_RUNNING && (j->tail != j->submit || j->recycle_in_flight)) {
        cb_journal_poll(j, 0);
    }
}

static bool run(struct cb_bench_journal_result *result, struct bench *b)
{
    const struct cb_bench_journal_config *config = b->config;
    struct cb_journal_recovery report;
    if (!cb_journal_recover(&b->journal, &report, config->epoch)) {
        return false;
    }
    int64_t start_ns = now_ns(b);
    bool good = config->pipelined ? run_pipelined(b) : run_single(b);
    result->elapsed_ns = now_ns(b) - start_ns;
    drain(b);
    result->commits = config->commits;
    result->records = b->journal.stats.records;
    result->bytes = b->journal.stats.bytes;
    result->frames = b->journal.stats.frames;
    qsort(latencies_ns, config->commits, sizeof latencies_ns[0], by_value);
    result->latency_ns_p50 = latencies_ns[config->commits / 2];
    result->latency_ns_p99 = latencies_ns[config->commits - 1 - config->commits / 100];
    result->latency_ns_max = latencies_ns[config->commits - 1];
    return good;
}

bool cb_bench_journal(struct cb_bench_journal_result *result, const struct cb_bench_journal_config *config)
{
    CB_ASSERT(config->commits != 0 && config->commits <= CB_BENCH_COMMITS_MAX && config->records != 0);
    *result = (struct cb_bench_journal_result){0};
    struct cb_journal_config journal_config = {.disk = config->disk, .cluster = 1};
    size_t bytes = cb_arena_room(cb_journal_footprint(&journal_config));
    void *memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    struct bench *b = calloc(1, sizeof *b);
    bool good = false;
    if (memory != NULL && b != NULL) {
        memset(memory, 0, bytes); /* and touch it */
        struct cb_arena arena = cb_arena_over(memory, bytes);
        b->config = config;
        cb_journal_init(&b->journal, &arena, &journal_config);
        good = run(result, b);
        cb_journal_close(&b->journal);
    }
    free(b);
    free(memory);
    return good;
}
