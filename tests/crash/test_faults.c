/* Goal: every kind of disk error at every operation ends in a defined state, and the watermark never claims
 * what a later recovery does not have. Method: the k-th operation fails, for every k of a recycling workload
 * and every kind of fault; then power is cut with several seeded survivors, and the journal is recovered. */
#include "tests/unit/journal/world.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SLOTS      4u
#define SLOT_BYTES (64u * 1024u)
#define BODY       900u
#define KEEP       30u
#define STEPS      900u

struct outcome {
    uint64_t durable, appended, ops;
    bool ever_lower;
};

static struct outcome run(struct world *w, uint64_t seed)
{
    struct cb_journal *j = &w->journal;
    uint64_t random = seed;
    struct outcome out = {0};
    for (uint32_t step = 0; step < STEPS; step++) {
        for (uint64_t burst = world_random(&random) % 4; burst > 0 && cb_journal_room(j, BODY) > 0; burst--) {
            world_append(w, BODY);
        }
        cb_journal_poll(j, 0); /* goes on after a failure, as a careless caller would */
        out.ever_lower = out.ever_lower || cb_journal_durable(j) < out.durable;
        out.durable = cb_journal_durable(j);
        if (step % 20 == 19 && out.durable > KEEP) {
            cb_journal_retain_through(j, out.durable - KEEP);
        }
    }
    out.appended = cb_journal_last_seq(j);
    out.ops = cb_sim_disk_ops(w->sim);
    return out;
}

static const struct {
    uint32_t kind;
    const char *name;
} FAULTS[] = {{CB_SIM_FAULT_EIO, "EIO"},
              {CB_SIM_FAULT_ENOSPC, "ENOSPC"},
              {CB_SIM_FAULT_SHORT, "short write"},
              {CB_SIM_FAULT_STALL, "stall"},
              {CB_SIM_FAULT_SYNC_ONCE, "sync error once"},
              {CB_SIM_FAULT_SYNC_ALWAYS, "sync error for ever"}};

static void check(uint32_t fault, uint64_t op, uint64_t seed, uint64_t *recoveries)
{
    struct world w;
    struct cb_journal_recovery report;
    world_open(&w, SLOTS, SLOT_BYTES, seed, true);
    cr_assert(world_recover(&w, &report, 1));
    uint64_t at = cb_sim_disk_ops(w.sim) + op;
    cb_sim_disk_fault(w.sim, &(struct cb_sim_fault){.kind = FAULTS[fault].kind, .at_op = at, .reaps = 400});
    struct outcome out = run(&w, seed);
    const char *name = FAULTS[fault].name;
    cr_assert(!out.ever_lower, "%s at %lu", name, op);
    if (FAULTS[fault].kind == CB_SIM_FAULT_STALL) {
        cr_assert(world_settle(&w), "%s at %lu: goes on afterwards", name, op);
        out.durable = cb_journal_durable(&w.journal);
        out.appended = out.durable;
    } else {
        cr_assert_eq(cb_journal_state(&w.journal), CB_JOURNAL_FAILED, "%s at %lu", name, op);
        cr_assert_eq(cb_journal_room(&w.journal, 0), 0u);
        cr_assert_neq(w.journal.failure.kind, 0u);
    }
    /* The worst survivors and the best: nothing, everything, and some. */
    const uint64_t survivors[] = {0, UINT64_MAX, seed + op};
    struct world image;
    world_open(&image, SLOTS, SLOT_BYTES, seed, true);
    for (uint32_t i = 0; i < 3; i++) {
        cb_sim_disk_copy(image.sim, w.sim);
        cb_sim_disk_restart(image.sim, survivors[i]);
        cr_assert(world_recover(&image, &report, 2), "%s at %lu: row %u %s", name, op, report.row,
                  cb_journal_flaw_name(report.problem.flaw));
        cr_assert_geq(report.last_seq, out.durable, "%s at %lu: the watermark lied", name, op);
        cr_assert_leq(report.last_seq, out.appended);
        cr_assert_eq(world_read_back(&image, BODY), report.last_seq, "%s at %lu", name, op);
        (*recoveries)++;
    }
    world_close(&image);
    world_close(&w);
}

static void faults(uint32_t part, uint32_t parts)
{
    uint64_t seed = world_seed() + 5;
    struct world w;
    struct cb_journal_recovery report;
    world_open(&w, SLOTS, SLOT_BYTES, seed, true);
    cr_assert(world_recover(&w, &report, 1));
    uint64_t before = cb_sim_disk_ops(w.sim);
    uint64_t ops = run(&w, seed).ops - before - 4; /* the last few have no successor that would show it */
    world_close(&w);
    cr_assert_geq(ops, 400u);
    uint64_t recoveries = 0;
    for (uint64_t op = 1 + part; op <= ops; op += parts) {
        for (uint32_t fault = 0; fault < 6; fault++) {
            check(fault, op, seed, &recoveries);
        }
    }
    fprintf(stderr, "fault matrix %u/%u: seed %lu, %lu operations x 6 faults, %lu recoveries\n", part + 1,
            parts, seed, ops, recoveries);
    cr_assert_geq(recoveries, 400u * 18u / parts);
}

Test(crash_faults, every_error_at_an_even_operation_stops_the_journal_and_loses_nothing)
{
    faults(0, 2);
}

Test(crash_faults, every_error_at_an_odd_operation_stops_the_journal_and_loses_nothing)
{
    faults(1, 2);
}

/* The simulated disk drops pages and then reports success, as Linux does. A journal that tried again would
 * claim what is gone: this shows that the disk would catch it. */
Test(crash_faults, a_second_sync_after_a_failed_one_saves_nothing)
{
    struct world w;
    struct cb_journal_recovery report;
    static _Alignas(4096) uint8_t data[4096];
    world_open(&w, SLOTS, SLOT_BYTES, 3, false);
    cr_assert(world_recover(&w, &report, 1));
    struct cb_disk *disk = w.config.disk;
    struct cb_disk_done done;
    for (uint32_t i = 0; i < 4096; i++) {
        data[i] = 0xEE;
    }
    cb_sim_disk_fault(
        w.sim, &(struct cb_sim_fault){.kind = CB_SIM_FAULT_SYNC_ONCE, .at_op = cb_sim_disk_ops(w.sim) + 1});
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC, .data = data, .bytes = 4096};
    cr_assert(disk->submit(disk->self, &op));
    cr_assert_eq(disk->reap(disk->self, &done, 1), 1u);
    cr_assert_lt(done.result, 0);
    op.kind = CB_DISK_SYNC;
    cr_assert(disk->submit(disk->self, &op));
    cr_assert_eq(disk->reap(disk->self, &done, 1), 1u);
    cr_assert_eq(done.result, 0, "the second sync succeeds");
    cr_assert_eq(cb_sim_disk_bytes(w.sim, 0)[0], 0xEE, "and a read sees the data");
    cb_sim_disk_restart(w.sim, UINT64_MAX);
    uint32_t lost = 0;
    for (uint32_t sector = 0; sector < 8; sector++) {
        lost += cb_sim_disk_bytes(w.sim, 0)[sector * 512] != 0xEE ? 1u : 0u;
    }
    cr_assert_gt(lost, 0u, "but it is gone");
    world_close(&w);
}
