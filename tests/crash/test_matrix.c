/* Goal: power may be cut before or after any disk operation, with any part of what was not synced surviving,
 * and nothing acknowledged is ever lost.
 *
 * Method: one seeded workload of more than 500 disk operations (commits of all sizes with completions out of
 * order, segment changes, retention, recycling) is run once for each (operation, before or after); the image
 * left is restarted with several seeded subsets of unsynced sectors. Each recovery must give a prefix not
 * shorter than what was durable, byte for byte; a second recovery must change nothing; the journal must then
 * take more events, and recover once more. */
#include "tests/unit/journal/world.h"

#include "host/journal/space.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct profile {
    const char *name;
    uint32_t slots, slot_bytes, frame_bytes_max; /* 0: as large as a slot */
    uint32_t body;                               /* bytes, at most */
    uint32_t burst, burst_rare;                  /* events in one step, less than; and in each 97th */
    uint32_t retain_every, keep;                 /* steps; and at most that many events are kept */
    uint32_t steps;
};

/* `calm`: mostly one frame in flight, all but a segment retained. `storm`: frames are full, four in flight
 * over segment boundaries, and retention follows the watermark closely. */
static const struct profile CALM = {"calm", 4, 64 * 1024, 0, 900, 4, 60, 20, 30, 1500};
static const struct profile STORM = {"storm", 5, 128 * 1024, 36 * 1024, 9000, 24, 24, 1, 20, 400};
static const struct profile *profile = &CALM;

struct outcome {
    uint64_t durable, appended, retained, ops, segments, recycled;
    uint64_t most_in_flight;
};

static void open_world(struct world *w, uint64_t seed)
{
    world_open(w, profile->slots, profile->slot_bytes, seed, true);
    w->config.frame_bytes_max = profile->frame_bytes_max;
}

/* The workload: the same for the same seed until a fault ends it. */
static struct outcome run(struct world *w, uint64_t seed, uint32_t steps)
{
    struct cb_journal *j = &w->journal;
    uint64_t random = seed;
    struct outcome out = {0};
    for (uint32_t step = 0; step < steps && j->state == CB_JOURNAL_RUNNING; step++) {
        uint64_t burst = world_random(&random) % (step % 97 == 0 ? profile->burst_rare : profile->burst);
        while (burst-- > 0 && cb_journal_room(j, profile->body) > 0) {
            world_append(w, profile->body);
        }
        cb_journal_poll(j, cb_journal_last_seq(j) * 7);
        for (uint32_t i = 0; i < profile->slots; i++) {
            bool dirty = j->spaces[i].state == CB_JOURNAL_SPACE_DIRTY;
            cr_assert(!dirty || j->spaces[i].generation < j->oldest_durable,
                      "recycled before it was declared");
        }
        uint64_t in_flight = j->submit - j->tail;
        out.most_in_flight = in_flight > out.most_in_flight ? in_flight : out.most_in_flight;
        /* Right up to the watermark as often as not: nothing may be given up a moment too early. */
        uint64_t kept = world_random(&random) % (2u * profile->keep + 2u);
        kept = kept > profile->keep ? 0 : kept;
        if (step % profile->retain_every == 0 && cb_journal_durable(j) > kept + out.retained) {
            out.retained = cb_journal_durable(j) - kept;
            cb_journal_retain_through(j, out.retained);
        }
    }
    out.durable = cb_journal_durable(j);
    out.appended = cb_journal_last_seq(j);
    out.ops = cb_sim_disk_ops(w->sim);
    out.segments = j->stats.segments;
    out.recycled = j->stats.zeroed_bytes / profile->slot_bytes;
    return out;
}

static uint64_t image_hash(const struct world *w)
{
    uint64_t hash = 0;
    for (uint32_t slot = 0; slot < profile->slots; slot++) {
        const uint8_t *bytes = cb_sim_disk_bytes(w->sim, slot);
        for (uint32_t i = 0; i < profile->slot_bytes; i += 8) {
            uint64_t word;
            memcpy(&word, bytes + i, 8);
            hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
            hash ^= hash >> 29;
        }
    }
    return hash;
}

struct totals {
    uint64_t recoveries, cut, clean, empty;
};

/* The image in w->sim was just restarted. */
static void check_recovery(struct world *w, const struct outcome *out, struct totals *totals, uint64_t op,
                           const char *name)
{
    struct cb_journal_recovery report;
    bool runs = world_recover(w, &report, 2);
    totals->recoveries++;
    cr_assert(runs, "op %lu %s: row %u, %s, slot %u offset %lu frame %lu", op, name, report.row,
              cb_journal_flaw_name(report.problem.flaw), report.problem.slot, report.problem.offset,
              report.problem.frame_no);
    totals->cut += report.decision == CB_JOURNAL_CUT ? 1 : 0;
    totals->clean += report.decision == CB_JOURNAL_CLEAN ? 1 : 0;
    totals->empty += report.decision == CB_JOURNAL_EMPTY ? 1 : 0;
    cr_assert_geq(report.last_seq, out->durable, "op %lu %s lost what was acknowledged", op, name);
    cr_assert_leq(report.last_seq, out->appended);
    cr_assert_leq(report.first_seq, out->retained + 1, "op %lu %s: recycled what was retained", op, name);
    cr_assert_eq(world_read_back(w, profile->body), report.last_seq, "op %lu %s", op, name);

    uint64_t hash = image_hash(w);
    struct cb_journal_recovery again;
    cr_assert(world_recover(w, &again, 2));
    totals->recoveries++;
    cr_assert_neq(again.decision, CB_JOURNAL_CUT, "op %lu %s: nothing is left to cut", op, name);
    cr_assert_eq(again.last_seq, report.last_seq);
    cr_assert_eq(image_hash(w), hash, "op %lu %s: the second recovery changed something", op, name);
}

static void check_goes_on(struct world *w, const struct outcome *out, struct totals *totals)
{
    struct cb_journal_problem problem;
    struct cb_journal_recovery report;
    /* Power goes again, just after the start: what was given up in frames that were cut is still needed. */
    if (cb_journal_room(&w->journal, profile->body) > 0) {
        world_append(w, profile->body);
    }
    for (uint32_t i = 0; i < 4; i++) {
        cb_journal_poll(&w->journal, 0);
    }
    uint64_t durable = cb_journal_durable(&w->journal);
    cb_sim_disk_restart(w->sim, 0);
    cr_assert(world_recover(w, &report, 2), "row %u", report.row);
    totals->recoveries++;
    cr_assert_geq(report.last_seq, durable);
    cb_journal_retain_through(&w->journal, out->retained);
    for (uint32_t i = 0; i < 15; i++) {
        for (uint32_t k = 0; k < 3 && cb_journal_room(&w->journal, profile->body) > 0; k++) {
            world_append(w, profile->body);
        }
        cr_assert(world_settle(w));
    }
    uint64_t last = cb_journal_last_seq(&w->journal);
    world_quiet(w);
    cb_sim_disk_restart(w->sim, 0);
    cr_assert(world_recover(w, &report, 3));
    totals->recoveries++;
    cr_assert_eq(report.last_seq, last);
    cr_assert_eq(report.decision, last == 0 ? CB_JOURNAL_EMPTY : CB_JOURNAL_CLEAN);
    cr_assert(world_verify(w, &problem), "%s", cb_journal_flaw_name(problem.flaw));
    cr_assert_eq(world_read_back(w, profile->body), last);
}

static void matrix(const struct profile *which, uint32_t part, uint32_t parts, uint32_t recoveries_least)
{
    profile = which;
    uint64_t seed = world_seed();
    struct world w, image;
    struct cb_journal_recovery report;
    open_world(&w, seed);
    cr_assert(world_recover(&w, &report, 1));
    uint64_t first_op = cb_sim_disk_ops(w.sim);
    struct outcome whole = run(&w, seed, profile->steps);
    cr_assert_geq(whole.ops - first_op, profile == &CALM ? 500u : 200u, "%lu", whole.ops - first_op);
    cr_assert_geq(whole.recycled, 3u, "the workload recycles");
    cr_assert_geq(whole.segments, 6u);
    cr_assert(profile != &STORM || whole.most_in_flight == CB_JOURNAL_FRAMES_IN_FLIGHT);
    world_close(&w);

    open_world(&image, seed);
    struct totals totals = {0};
    uint64_t subsets = 2 + 2 * world_effort();
    for (uint64_t op = first_op + 1 + part; op <= whole.ops; op += parts) {
        for (uint32_t after = 0; after < 2; after++) {
            open_world(&w, seed);
            cr_assert(world_recover(&w, &report, 1));
            uint32_t kind = after == 0 ? CB_SIM_FAULT_CRASH_BEFORE : CB_SIM_FAULT_CRASH_AFTER;
            cb_sim_disk_fault(w.sim, &(struct cb_sim_fault){.kind = kind, .at_op = op});
            struct outcome out = run(&w, seed, profile->steps);
            cr_assert(cb_sim_disk_crashed(w.sim));
            for (uint64_t subset = 0; subset < subsets; subset++) {
                uint64_t survivors = subset == 0   ? 0
                                     : subset == 1 ? UINT64_MAX
                                                   : op * 1000 + subset * 2 + after;
                cb_sim_disk_copy(image.sim, w.sim);
                cb_sim_disk_restart(image.sim, survivors);
                check_recovery(&image, &out, &totals, op, after == 0 ? "before" : "after");
                if (subset % 4 == 2) {
                    check_goes_on(&image, &out, &totals);
                }
            }
            world_close(&w);
        }
    }
    world_close(&image);
    fprintf(
        stderr,
        "crash matrix %s %u/%u: seed %lu, %lu operations, %lu recoveries (%lu cut, %lu clean, %lu empty)\n",
        profile->name, part + 1, parts, seed, whole.ops - first_op, totals.recoveries, totals.cut,
        totals.clean, totals.empty);
    cr_assert_geq(totals.recoveries, recoveries_least);
    cr_assert_gt(totals.cut, 50u, "torn tails were met");
    cr_assert_gt(totals.clean, 50u);
}

Test(crash_matrix, nothing_acknowledged_is_lost_at_any_even_operation)
{
    matrix(&CALM, 0, 2, 2500);
}

Test(crash_matrix, nothing_acknowledged_is_lost_at_any_odd_operation)
{
    matrix(&CALM, 1, 2, 2500);
}

Test(crash_matrix, nothing_acknowledged_is_lost_in_a_storm)
{
    matrix(&STORM, 0, 1, 2000);
}

/* A 4 KiB frame of which any subset of its eight sectors reached the medium: all 256 subsets. */
Test(crash_matrix, every_subset_of_the_sectors_of_one_frame_is_whole_or_cut)
{
    for (uint32_t subset = 0; subset < 256; subset++) {
        struct world w;
        struct cb_journal_recovery report;
        world_open(&w, 2, 64 * 1024, 1, false);
        cr_assert(world_recover(&w, &report, 1));
        world_append(&w, profile->body);
        cr_assert(world_settle(&w));
        uint8_t before[4096], after[4096];
        memcpy(before, cb_sim_disk_bytes(w.sim, 0) + 4096, 4096);
        while (cb_journal_last_seq(&w.journal) < 5) {
            world_append(&w, profile->body);
        }
        cr_assert(world_settle(&w));
        memcpy(after, cb_sim_disk_bytes(w.sim, 0) + 4096, 4096);
        uint32_t same = 0; /* sectors that are equal anyway */
        for (uint32_t sector = 0; sector < 8; sector++) {
            bool equal = memcmp(before + sector * 512, after + sector * 512, 512) == 0;
            same |= equal ? 1u << sector : 0;
            if ((subset >> sector & 1u) == 0) {
                memcpy(after + sector * 512, before + sector * 512, 512);
            }
        }
        cb_sim_disk_damage(w.sim, 0, 4096, after, 4096);
        cr_assert(world_recover(&w, &report, 1));
        bool all = (subset | same) == 255;
        bool none = (subset & ~same) == 0;
        cr_assert_eq(report.last_seq, all ? 5u : 1u, "subset %u", subset);
        cr_assert_eq(report.decision, all || none ? CB_JOURNAL_CLEAN : CB_JOURNAL_CUT, "subset %u", subset);
        cr_assert_eq(world_read_back(&w, profile->body), all ? 5u : 1u);
        world_close(&w);
    }
}

/* Power may be cut while recovery itself zeroes and rewrites. */
Test(crash_matrix, recovery_that_is_interrupted_anywhere_can_be_repeated)
{
    uint64_t seed = world_seed() + 17;
    uint64_t interrupted = 0;
    struct world image;
    open_world(&image, seed);
    for (uint64_t op = 40; op < 440; op += 20) {
        struct world w;
        struct cb_journal_recovery report;
        open_world(&w, seed);
        cr_assert(world_recover(&w, &report, 1));
        uint64_t at = cb_sim_disk_ops(w.sim) + op;
        cb_sim_disk_fault(w.sim, &(struct cb_sim_fault){.kind = CB_SIM_FAULT_CRASH_BEFORE, .at_op = at});
        struct outcome out = run(&w, seed, profile->steps);
        for (uint64_t k = 1; k < 40; k++) {
            cb_sim_disk_copy(image.sim, w.sim);
            cb_sim_disk_restart(image.sim, seed + op);
            cb_sim_disk_fault(image.sim,
                              &(struct cb_sim_fault){.kind = CB_SIM_FAULT_CRASH_BEFORE, .at_op = k});
            bool runs = world_recover(&image, &report, 2);
            cr_assert_eq(runs, !cb_sim_disk_crashed(image.sim));
            if (runs) {
                break;
            }
            cr_assert_eq(report.decision, CB_JOURNAL_IO_FAILED);
            interrupted++;
            struct totals totals = {0};
            cb_sim_disk_restart(image.sim, seed + k);
            check_recovery(&image, &out, &totals, op, "in recovery");
        }
        world_close(&w);
    }
    world_close(&image);
    cr_assert_gt(interrupted, 100u);
}
