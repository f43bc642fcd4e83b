/* Goal: the reader gives every event once, in order, from any seq, never past what is known durable when it
 * follows, and stops at damage by name. Method: journals on the simulated disk, read while they are written.
 */
#include "tests/unit/journal/world.h"

#include <criterion/criterion.h>
#include <string.h>

#define KIB  1024u
#define BODY 900u

static struct world w;

static void build(uint64_t generations, uint64_t offset)
{
    struct cb_journal_recovery report;
    world_open(&w, 6, 64 * KIB, 1, false);
    cr_assert(world_recover(&w, &report, 1));
    while (w.journal.generation < generations || w.journal.offset < offset) {
        world_append(&w, BODY);
        world_append(&w, BODY);
        world_append(&w, BODY);
        cr_assert(world_settle(&w));
    }
}

Test(journal_reader, starts_at_any_seq_and_one_behind_the_last_but_not_further)
{
    struct world_reader r;
    struct cb_event event;
    build(4, 20 * KIB);
    uint64_t last = cb_journal_last_seq(&w.journal);
    world_reader_open(&r, w.config.disk, false);
    for (uint64_t seq = 1; seq <= last; seq++) {
        cr_assert(cb_journal_reader_seek(&r.reader, seq), "seq %lu", seq);
        cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_EVENT);
        cr_assert_eq(event.seq, seq);
        if (seq < last) {
            cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_EVENT);
            cr_assert_eq(event.seq, seq + 1);
        } else {
            cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_END);
        }
    }
    cr_assert(cb_journal_reader_seek(&r.reader, last + 1));
    cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_END);
    cr_assert(!cb_journal_reader_seek(&r.reader, last + 2));
    world_reader_close(&r);
    world_close(&w);
}

Test(journal_reader, what_was_recycled_is_not_there_and_is_said_so)
{
    struct world_reader r;
    struct cb_event event;
    build(4, 20 * KIB);
    uint64_t gone = w.journal.spaces[1].last_seq;
    cb_journal_retain_through(&w.journal, gone);
    world_quiet(&w);
    world_reader_open(&r, w.config.disk, false);
    cr_assert(!cb_journal_reader_seek(&r.reader, gone));
    cr_assert_eq(r.reader.problem.flaw, CB_JOURNAL_MISSING);
    cr_assert(cb_journal_reader_seek(&r.reader, gone + 1));
    cr_assert(cb_journal_reader_seek(&r.reader, 0));
    cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_EVENT);
    cr_assert_eq(event.seq, gone + 1);
    world_reader_close(&r);
    world_close(&w);
}

Test(journal_reader, an_empty_journal_may_hold_seq_1_only)
{
    struct world_reader r;
    struct cb_event event;
    build(0, 0);
    world_reader_open(&r, w.config.disk, false);
    cr_assert(cb_journal_reader_seek(&r.reader, 0));
    cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_END);
    cr_assert(cb_journal_reader_seek(&r.reader, 1));
    cr_assert(!cb_journal_reader_seek(&r.reader, 2));
    world_reader_close(&r);
    world_close(&w);
}

Test(journal_reader, damage_in_the_middle_is_bad_and_a_torn_tail_is_the_end)
{
    struct world_reader r;
    struct cb_event event;
    build(3, 20 * KIB);
    uint8_t byte = 0x77;
    cb_sim_disk_damage(w.sim, 2, w.journal.offset + 100, &byte, 1);
    cr_assert_eq(world_read_back(&w, BODY), cb_journal_last_seq(&w.journal), "a torn tail is the end");
    byte = (uint8_t)(cb_sim_disk_bytes(w.sim, 1)[9000] ^ 4);
    cb_sim_disk_damage(w.sim, 1, 9000, &byte, 1);
    world_reader_open(&r, w.config.disk, false);
    cr_assert(cb_journal_reader_seek(&r.reader, 0));
    enum cb_journal_read read;
    uint64_t last = 0;
    while ((read = cb_journal_reader_next(&r.reader, &event)) == CB_JOURNAL_READ_EVENT) {
        last = event.seq;
    }
    cr_assert_eq(read, CB_JOURNAL_READ_BAD);
    cr_assert_eq(r.reader.problem.flaw, CB_JOURNAL_BAD_CRC);
    cr_assert_eq(r.reader.problem.slot, 1u);
    cr_assert_eq(r.reader.problem.offset, 8u * KIB);
    cr_assert_gt(last, w.journal.spaces[0].last_seq);
    cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_BAD, "sticky");
    world_reader_close(&r);
    world_close(&w);
}

Test(journal_reader, a_zeroed_frame_in_the_last_segment_is_bad_and_not_the_end)
{
    static const uint8_t zeros[4096];
    struct world_reader r;
    struct cb_event event;
    build(2, 40 * KIB);
    cb_sim_disk_damage(w.sim, 1, 16 * KIB, zeros, 4096);
    world_reader_open(&r, w.config.disk, false);
    cr_assert(cb_journal_reader_seek(&r.reader, 0));
    enum cb_journal_read read;
    while ((read = cb_journal_reader_next(&r.reader, &event)) == CB_JOURNAL_READ_EVENT) {
    }
    cr_assert_eq(read, CB_JOURNAL_READ_BAD);
    cr_assert_eq(r.reader.problem.flaw, CB_JOURNAL_ZERO);
    world_reader_close(&r);
    world_close(&w);
}

/* The last frame of a segment and the first of the next were in flight together, so that the latter does not
 * call the former durable; one further on does. */
Test(journal_reader, damage_at_the_end_of_a_segment_is_bad_when_only_a_later_frame_of_the_next_one_tells)
{
    struct world_reader r;
    struct cb_event event;
    struct cb_journal_recovery report;
    uint8_t body[CB_JOURNAL_BODY_BYTES_MAX];
    build(1, 60 * KIB);
    cr_assert_eq(w.journal.offset, 60 * KIB);
    struct cb_sim_fault stall = {
        .kind = CB_SIM_FAULT_STALL, .at_op = cb_sim_disk_ops(w.sim) + 1, .reaps = 10};
    cb_sim_disk_fault(w.sim, &stall);
    for (int64_t i = 0; i < 5; i++) { /* five seconds apart: a frame each */
        event = world_event(body, cb_journal_last_seq(&w.journal) + 1, BODY);
        event.ingest_ns += i * 5000000000;
        cb_journal_append(&w.journal, &event);
        cb_journal_poll(&w.journal, 0);
    }
    cr_assert(world_settle(&w));
    cr_assert_eq(w.journal.generation, 2u);
    struct cb_journal_frame first;
    memcpy(&first, cb_sim_disk_bytes(w.sim, 1), sizeof first);
    cr_assert_lt(first.acked_frame, first.frame_no - 1);
    uint8_t byte = (uint8_t)(cb_sim_disk_bytes(w.sim, 0)[60 * KIB + 200] ^ 1);
    cb_sim_disk_damage(w.sim, 0, 60 * KIB + 200, &byte, 1);

    world_reader_open(&r, w.config.disk, false);
    cr_assert(cb_journal_reader_seek(&r.reader, 0));
    enum cb_journal_read read;
    while ((read = cb_journal_reader_next(&r.reader, &event)) == CB_JOURNAL_READ_EVENT) {
    }
    cr_assert_eq(read, CB_JOURNAL_READ_BAD);
    cr_assert_eq(r.reader.problem.flaw, CB_JOURNAL_BAD_CRC);
    cr_assert_eq(r.reader.problem.slot, 0u);
    cr_assert_eq(r.reader.problem.offset, 60u * KIB);
    world_reader_close(&r);
    cr_assert(!world_recover(&w, &report, 1));
    cr_assert_eq(report.row, 7u, "recovery says the same");
    world_close(&w);
}

/* The snapshotter's view: a second process reads while the first writes, recycles what was read, and crashes.
 */
Test(journal_reader, a_follower_sees_each_event_once_and_none_that_is_not_durable)
{
    struct world_reader r;
    struct cb_event event;
    struct cb_journal_recovery report;
    uint64_t random = world_seed(), seen = 0;
    world_open(&w, 6, 64 * KIB, world_seed(), true);
    cr_assert(world_recover(&w, &report, 1));
    world_reader_open(&r, w.config.disk, true);
    cr_assert(cb_journal_reader_seek(&r.reader, 1));
    while (seen < 3000) {
        for (uint64_t burst = world_random(&random) % 20; burst > 0 && cb_journal_room(&w.journal, BODY) > 0;
             burst--) {
            world_append(&w, BODY);
        }
        cb_journal_poll(&w.journal, 0);
        if (world_random(&random) % 8 != 0 && cb_journal_state(&w.journal) != CB_JOURNAL_FULL) {
            continue;
        }
        world_quiet(
            &w); /* the simulated disk has one queue: the reader may use it when nothing is in flight */
        enum cb_journal_read read;
        while ((read = cb_journal_reader_next(&r.reader, &event)) == CB_JOURNAL_READ_EVENT) {
            uint8_t body[CB_JOURNAL_BODY_BYTES_MAX];
            struct cb_event expected = world_event(body, event.seq, BODY);
            cr_assert_eq(event.seq, seen + 1);
            cr_assert_leq(event.seq, cb_journal_durable(&w.journal));
            cr_assert_eq(event.body_bytes, expected.body_bytes);
            cr_assert_eq(memcmp(event.body, expected.body, expected.body_bytes), 0);
            seen++;
        }
        cr_assert_eq(read, CB_JOURNAL_READ_END, "%s", cb_journal_flaw_name(r.reader.problem.flaw));
        cb_journal_retain_through(&w.journal, seen);
    }
    cr_assert_gt(w.journal.stats.segments, 10u);
    world_reader_close(&r);
    world_close(&w);
}

Test(journal_reader, the_frame_hash_is_what_the_next_frame_calls_its_predecessor)
{
    struct world_reader r;
    struct cb_event event;
    build(2, 20 * KIB);
    world_reader_open(&r, w.config.disk, false);
    cr_assert(cb_journal_reader_seek(&r.reader, 0));
    uint8_t hash[CB_JOURNAL_HASH_BYTES] = {0};
    uint64_t frame_no = 0, frames = 0;
    while (cb_journal_reader_next(&r.reader, &event) == CB_JOURNAL_READ_EVENT) {
        const struct cb_journal_frame *frame = cb_journal_reader_frame(&r.reader);
        if (frame->frame_no != frame_no) {
            cr_assert_eq(memcmp(frame->prev, hash, sizeof hash), 0);
            frame_no = frame->frame_no;
            frames++;
        }
        memcpy(hash, cb_journal_reader_frame_hash(&r.reader), sizeof hash);
    }
    cr_assert_gt(frames, 16u);
    cr_assert_eq(memcmp(hash, w.journal.prev, sizeof hash), 0);
    world_reader_close(&r);
    world_close(&w);
}
