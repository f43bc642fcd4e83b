/* Goal: each row of the recovery table is reached by the damage it names, and no other; a refusal changes
 * nothing. Method: a journal of three segments, damaged in one way at a time. */
#include "tests/unit/journal/world.h"

#include "host/base/crc32c.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define KIB     1024u
#define BODY    1400u
#define SLOTS   4u
#define SEGMENT (64u * KIB)

static struct world w;
static uint8_t before[SLOTS][SEGMENT];
static struct cb_journal_recovery report;

/* Segments 1 and 2 are sealed, 3 is half full; each frame is durable before the next is sealed. Slot 3 is
 * free. */
static void build(void)
{
    world_open(&w, SLOTS, SEGMENT, 1, false);
    cr_assert(world_recover(&w, &report, 5));
    while (w.journal.generation < 3 || w.journal.offset < 32 * KIB) {
        world_append(&w, BODY);
        cr_assert(world_settle(&w));
    }
}

TestSuite(journal_recovery, .init = build);

static void remember(void)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        memcpy(before[i], cb_sim_disk_bytes(w.sim, i), SEGMENT);
    }
}

/* Recovers and expects that row. A refusal must have changed nothing. Rows count from 1. */
static void expect(uint32_t row, enum cb_journal_decision decision, enum cb_journal_flaw flaw)
{
    remember();
    bool runs = world_recover(&w, &report, 5);
    cr_assert_eq(report.row, row, "row %u, not %u (%s)", report.row, row,
                 cb_journal_flaw_name(report.problem.flaw));
    cr_assert_eq(report.decision, decision);
    cr_assert_eq(report.problem.flaw, flaw, "%s", cb_journal_flaw_name(report.problem.flaw));
    bool may_run = decision == CB_JOURNAL_EMPTY || decision == CB_JOURNAL_CLEAN || decision == CB_JOURNAL_CUT;
    cr_assert_eq(runs, may_run);
    for (uint32_t i = 0; i < SLOTS && !runs; i++) {
        cr_assert_eq(memcmp(before[i], cb_sim_disk_bytes(w.sim, i), SEGMENT), 0, "slot %u was changed", i);
    }
    world_close(&w);
}

static void damage(uint32_t slot, uint64_t offset, uint8_t byte)
{
    cb_sim_disk_damage(w.sim, slot, offset, &byte, 1);
}

static void copy_block(uint32_t to_slot, uint64_t to, uint32_t from_slot, uint64_t from, uint64_t count)
{
    static uint8_t blocks[SEGMENT];
    memcpy(blocks, cb_sim_disk_bytes(w.sim, from_slot) + from, count);
    cb_sim_disk_damage(w.sim, to_slot, to, blocks, count);
}

static void zero(uint32_t slot, uint64_t offset, uint64_t count)
{
    static const uint8_t zeros[SEGMENT];
    cb_sim_disk_damage(w.sim, slot, offset, zeros, count);
}

Test(journal_recovery, row_1_a_disk_that_does_not_read_is_said_so)
{
    cb_sim_disk_fault(w.sim,
                      &(struct cb_sim_fault){.kind = CB_SIM_FAULT_EIO, .at_op = cb_sim_disk_ops(w.sim) + 2});
    expect(1, CB_JOURNAL_IO_FAILED, CB_JOURNAL_UNREADABLE);
}

Test(journal_recovery, row_1_a_short_read_is_one_too)
{
    cb_sim_disk_fault(
        w.sim, &(struct cb_sim_fault){.kind = CB_SIM_FAULT_SHORT, .at_op = cb_sim_disk_ops(w.sim) + 1});
    expect(1, CB_JOURNAL_IO_FAILED, CB_JOURNAL_UNREADABLE);
}

static void put_frame(uint32_t slot, uint64_t offset, uint64_t cluster, uint16_t version)
{
    static _Alignas(8) uint8_t block[4096];
    struct cb_journal_frame frame = {.blocks = 1,
                                     .cluster = cluster,
                                     .generation = 1,
                                     .offset = offset,
                                     .epoch = 1,
                                     .frame_no = 1,
                                     .first_seq = 1,
                                     .used_bytes = CB_JOURNAL_FRAME_HEADER_BYTES,
                                     .oldest = 1};
    cb_journal_frame_seal(block, &frame);
    if (version != CB_JOURNAL_VERSION) {
        /* Search the CRC that fits the other version, as its writer would compute it. */
        struct cb_journal_frame other = frame;
        other.version = version;
        other.crc = 0;
        memcpy(block, &other, sizeof other);
        other.crc = cb_crc32c(0, block, sizeof block);
        memcpy(block, &other, sizeof other);
    }
    cb_sim_disk_damage(w.sim, slot, offset, block, sizeof block);
}

Test(journal_recovery, row_2_a_frame_of_another_cluster_anywhere_stops_it)
{
    put_frame(3, 16 * KIB, WORLD_CLUSTER + 1, CB_JOURNAL_VERSION);
    expect(2, CB_JOURNAL_OTHER, CB_JOURNAL_FOREIGN);
    cr_assert_eq(report.problem.slot, 3u);
    cr_assert_eq(report.problem.offset, 16u * KIB);
}

Test(journal_recovery, row_3_a_frame_of_an_unknown_version_stops_it)
{
    put_frame(3, 0, WORLD_CLUSTER, CB_JOURNAL_VERSION + 1);
    expect(3, CB_JOURNAL_OTHER, CB_JOURNAL_BAD_VERSION);
}

Test(journal_recovery, row_4_a_segment_in_two_slots_is_corruption)
{
    copy_block(3, 0, 1, 0, SEGMENT);
    expect(4, CB_JOURNAL_CORRUPT, CB_JOURNAL_TWICE);
}

Test(journal_recovery, row_5_the_oldest_segment_declared_must_be_there)
{
    cb_journal_retain_through(&w.journal, w.journal.spaces[0].last_seq);
    world_quiet(&w);
    cr_assert_eq(w.journal.oldest_durable, 2u);
    zero(1, 0, SEGMENT);
    expect(5, CB_JOURNAL_CORRUPT, CB_JOURNAL_MISSING);
    cr_assert_eq(report.problem.generation, 2u);
}

Test(journal_recovery, row_6_bytes_behind_the_end_of_a_sealed_segment_are_corruption)
{
    /* Close segment 3 with an unused rest, by a record that does not fit. */
    while (w.journal.offset < 60 * KIB) {
        world_append(&w, 100);
        cr_assert(world_settle(&w));
    }
    uint64_t end = w.journal.offset;
    cr_assert_lt(end, SEGMENT);
    static const uint8_t body[8000];
    struct cb_event event = {.seq = cb_journal_last_seq(&w.journal) + 1,
                             .ingest_ns = w.journal.last_ns,
                             .kind = CB_EVENT_MESSAGE,
                             .body = body,
                             .body_bytes = sizeof body};
    cb_journal_append(&w.journal, &event);
    cr_assert(world_settle(&w));
    cr_assert_eq(w.journal.generation, 4u);
    damage(2, SEGMENT - 1, 1);
    expect(6, CB_JOURNAL_CORRUPT, CB_JOURNAL_STRAY);
    cr_assert_eq(report.problem.slot, 2u);
    cr_assert_eq(report.problem.offset, end);
}

Test(journal_recovery, row_7_damage_to_a_frame_that_a_later_one_calls_durable)
{
    damage(1, 20 * KIB + 700, 0xEE);
    expect(7, CB_JOURNAL_CORRUPT, CB_JOURNAL_BAD_CRC);
    cr_assert_eq(report.problem.slot, 1u);
    cr_assert_eq(report.problem.offset, 20u * KIB);
    cr_assert_eq(report.problem.generation, 2u);
    cr_assert_gt(report.problem.frame_no, 16u);
}

Test(journal_recovery, row_7_a_zeroed_frame_in_the_middle_is_no_end)
{
    zero(2, 8 * KIB, 4 * KIB);
    expect(7, CB_JOURNAL_CORRUPT, CB_JOURNAL_ZERO);
}

Test(journal_recovery, row_7_a_missing_segment_in_the_middle_is_no_end)
{
    zero(1, 0, SEGMENT);
    expect(7, CB_JOURNAL_CORRUPT, CB_JOURNAL_MISSING);
}

Test(journal_recovery, row_7_damage_to_the_very_first_frame_is_no_empty_journal)
{
    zero(0, 0, 4 * KIB);
    expect(7, CB_JOURNAL_CORRUPT, CB_JOURNAL_MISSING);
}

Test(journal_recovery, row_7_two_frames_changed_places)
{
    static uint8_t one[4096], two[4096];
    memcpy(one, cb_sim_disk_bytes(w.sim, 1) + 4 * KIB, 4096);
    memcpy(two, cb_sim_disk_bytes(w.sim, 1) + 8 * KIB, 4096);
    cb_sim_disk_damage(w.sim, 1, 4 * KIB, two, 4096);
    cb_sim_disk_damage(w.sim, 1, 8 * KIB, one, 4096);
    expect(7, CB_JOURNAL_CORRUPT, CB_JOURNAL_MISPLACED);
}

Test(journal_recovery, row_8_a_frame_written_to_the_wrong_place_behind_the_end)
{
    uint64_t last = w.journal.offset - 4 * KIB;
    copy_block(2, w.journal.offset + 4 * KIB, 2, last, 4 * KIB);
    zero(2, last, 4 * KIB); /* it was durable, and went elsewhere: not to be cut */
    expect(8, CB_JOURNAL_CORRUPT, CB_JOURNAL_MISPLACED);
}

Test(journal_recovery, row_8_a_stale_frame_of_another_generation_behind_the_end)
{
    copy_block(2, 48 * KIB, 0, 48 * KIB, 4 * KIB);
    expect(8, CB_JOURNAL_CORRUPT, CB_JOURNAL_STALE);
}

Test(journal_recovery, row_9_more_than_can_have_been_in_flight_is_not_cut)
{
    world_close(&w);
    world_open(&w, 2, 4096 * KIB, 1, false);
    cr_assert(world_recover(&w, &report, 5));
    world_append(&w, BODY);
    cr_assert(world_settle(&w));
    damage(0, 4 * KIB + CB_JOURNAL_TAIL_BYTES_MAX, 1); /* the block after the greatest tail */
    bool runs = world_recover(&w, &report, 5);
    cr_assert(!runs);
    cr_assert_eq(report.row, 9u);
    damage(0, 4 * KIB + CB_JOURNAL_TAIL_BYTES_MAX, 0);
    damage(0, 4 * KIB + CB_JOURNAL_TAIL_BYTES_MAX - 1, 1); /* and its last byte */
    cr_assert(world_recover(&w, &report, 5));
    cr_assert_eq(report.decision, CB_JOURNAL_CUT);
    world_close(&w);
}

Test(journal_recovery, row_10_a_journal_of_a_later_epoch_is_not_taken_over)
{
    remember();
    bool runs = world_recover(&w, &report, 4);
    cr_assert(!runs);
    cr_assert_eq(report.row, 10u);
    cr_assert_eq(report.decision, CB_JOURNAL_FENCED);
    cr_assert_eq(report.last_epoch, 5u);
    for (uint32_t i = 0; i < SLOTS; i++) {
        cr_assert_eq(memcmp(before[i], cb_sim_disk_bytes(w.sim, i), SEGMENT), 0);
    }
    cr_assert(world_recover(&w, &report, 5));
    world_close(&w);
}

Test(journal_recovery, row_11_a_torn_tail_is_cut_and_earlier_records_survive)
{
    uint64_t last = cb_journal_last_seq(&w.journal);
    uint64_t offset = w.journal.offset;
    damage(2, offset + 512, 0x11);
    damage(3, 0, 0x22); /* and the start of the next segment, which was in flight too */
    cr_assert(world_recover(&w, &report, 5));
    cr_assert_eq(report.row, 11u);
    cr_assert_eq(report.decision, CB_JOURNAL_CUT);
    cr_assert_eq(report.cut_blocks, 2u);
    cr_assert_eq(report.last_seq, last);
    cr_assert(cb_journal_zeros(cb_sim_disk_bytes(w.sim, 2) + offset, SEGMENT - offset));
    cr_assert(cb_journal_zeros(cb_sim_disk_bytes(w.sim, 3), SEGMENT));
    cr_assert_eq(world_read_back(&w, BODY), last);
    world_close(&w);
}

Test(journal_recovery, row_11_the_documented_limit_rot_in_the_last_frame_looks_like_a_torn_one)
{
    uint64_t last = cb_journal_last_seq(&w.journal);
    damage(2, w.journal.offset - 4 * KIB + 300, 0xEE);
    cr_assert(world_recover(&w, &report, 5));
    cr_assert_eq(report.decision, CB_JOURNAL_CUT);
    cr_assert_lt(report.last_seq, last);
    world_close(&w);
}

Test(journal_recovery, row_12_zeros_only_are_an_empty_journal)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        zero(i, 0, SEGMENT);
    }
    expect(12, CB_JOURNAL_EMPTY, CB_JOURNAL_SOUND);
}

Test(journal_recovery, row_13_a_whole_journal_is_clean_and_goes_on_in_a_later_epoch)
{
    uint64_t last = cb_journal_last_seq(&w.journal);
    cr_assert(world_recover(&w, &report, 9));
    cr_assert_eq(report.row, 13u);
    cr_assert_eq(report.decision, CB_JOURNAL_CLEAN);
    cr_assert_eq(report.last_epoch, 5u);
    cr_assert_eq(cb_journal_durable(&w.journal), last);
    world_append(&w, BODY);
    cr_assert(world_settle(&w));
    cr_assert(world_recover(&w, &report, 9));
    cr_assert_eq(report.last_epoch, 9u);
    cr_assert_eq(report.last_seq, last + 1);
    world_close(&w);
}

Test(journal_recovery, the_table_ends_with_a_row_that_asks_for_nothing_and_no_other_does)
{
    for (uint32_t i = 0; i < CB_JOURNAL_RECOVERY_ROWS; i++) {
        bool last = i == CB_JOURNAL_RECOVERY_ROWS - 1;
        cr_assert_eq(cb_journal_recovery_table[i].all == 0, last);
        cr_assert_not_null(cb_journal_recovery_table[i].meaning);
    }
    world_close(&w);
}
