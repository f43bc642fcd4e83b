/* Goal: what is appended becomes durable in order, is read back byte for byte, and room and state tell the
 * truth at every edge. Method: the production writer over the simulated disk. */
#include "tests/unit/journal/world.h"

#include "clearbox/units.h"

#include <criterion/criterion.h>
#include <errno.h>

#define KIB 1024u
#define MTU CB_MESSAGE_BYTES_MAX

static void start(struct world *w, uint32_t slots, uint64_t slot_bytes, bool reorder)
{
    struct cb_journal_recovery report;
    world_open(w, slots, slot_bytes, world_seed(), reorder);
    cr_assert(world_recover(w, &report, 1));
    cr_assert_eq(report.decision, CB_JOURNAL_EMPTY);
}

Test(journal_writer, an_empty_journal_is_empty_and_whole)
{
    struct world w;
    struct cb_journal_problem problem;
    start(&w, 3, 64 * KIB, false);
    cr_assert_eq(cb_journal_last_seq(&w.journal), 0u);
    cr_assert_eq(cb_journal_durable(&w.journal), 0u);
    cr_assert(world_verify(&w, &problem));
    cr_assert_eq(world_read_back(&w, MTU), 0u);
    world_close(&w);
}

Test(journal_writer, one_event_is_one_block_and_comes_back)
{
    struct world w;
    struct cb_journal_problem problem;
    start(&w, 3, 64 * KIB, false);
    world_append(&w, MTU);
    cr_assert_eq(cb_journal_durable(&w.journal), 0u);
    cr_assert(world_settle(&w));
    cr_assert_eq(w.journal.stats.frames, 1u);
    cr_assert_eq(w.journal.stats.bytes, 4096u);
    cr_assert(world_verify(&w, &problem));
    cr_assert_eq(world_read_back(&w, MTU), 1u);
    world_close(&w);
}

Test(journal_writer, frames_chain_over_many_segments_with_completions_in_any_order)
{
    struct world w;
    struct cb_journal_problem problem;
    start(&w, 12, 64 * KIB, true);
    uint64_t random = world_seed();
    while (w.journal.generation < 11) {
        uint64_t burst = world_random(&random) % 40;
        for (uint64_t i = 0; i < burst && cb_journal_room(&w.journal, MTU) > 0; i++) {
            world_append(&w, MTU);
        }
        uint64_t before = cb_journal_durable(&w.journal);
        cb_journal_poll(&w.journal, 0);
        cr_assert_geq(cb_journal_durable(&w.journal), before);
        cr_assert_leq(cb_journal_durable(&w.journal), cb_journal_last_seq(&w.journal));
    }
    cr_assert(world_settle(&w));
    cr_assert_lt(w.journal.stats.frames, w.journal.stats.records, "groups form under load");
    cr_assert(world_verify(&w, &problem), "%s", cb_journal_flaw_name(problem.flaw));
    cr_assert_eq(world_read_back(&w, MTU), cb_journal_last_seq(&w.journal));
    world_close(&w);
}

Test(journal_writer, the_group_grows_while_a_frame_is_in_flight)
{
    struct world w;
    start(&w, 3, 1024 * KIB, false);
    cb_sim_disk_fault(
        w.sim,
        &(struct cb_sim_fault){.kind = CB_SIM_FAULT_STALL, .at_op = cb_sim_disk_ops(w.sim) + 1, .reaps = 50});
    world_append(&w, 100);
    cb_journal_poll(&w.journal, 0);
    for (int i = 0; i < 30; i++) {
        world_append(&w, 100);
        cb_journal_poll(&w.journal, 0);
    }
    cr_assert_eq(w.journal.stats.frames, 1u);
    cr_assert_eq(cb_journal_durable(&w.journal), 0u);
    cr_assert(world_settle(&w));
    cr_assert_eq(w.journal.stats.frames, 2u);
    world_close(&w);
}

Test(journal_writer, at_most_four_frames_are_in_flight_and_then_room_ends)
{
    struct world w;
    start(&w, 3, 8192 * KIB, false);
    cb_sim_disk_fault(w.sim, &(struct cb_sim_fault){.kind = CB_SIM_FAULT_STALL,
                                                    .at_op = cb_sim_disk_ops(w.sim) + 1,
                                                    .reaps = 1000});
    uint64_t polls = 0;
    while (cb_journal_room(&w.journal, MTU) > 0) {
        world_append(&w, MTU);
        if (++polls % 8 == 0) {
            cb_journal_poll(&w.journal, 0);
        }
        cr_assert_leq(w.journal.submit - w.journal.tail, CB_JOURNAL_FRAMES_IN_FLIGHT);
    }
    cr_assert_eq(w.journal.submit - w.journal.tail, CB_JOURNAL_FRAMES_IN_FLIGHT);
    cr_assert_eq(cb_journal_state(&w.journal), CB_JOURNAL_RUNNING, "waiting for the disk is not FULL");
    cr_assert_eq(cb_journal_durable(&w.journal), 0u);
    cr_assert(world_settle(&w));
    cr_assert_eq(world_read_back(&w, MTU), cb_journal_last_seq(&w.journal));
    world_close(&w);
}

/* Both sides of the edge: 2^32 - 1 ns still fits the frame, one more does not. */
Test(journal_writer, a_gap_in_time_that_does_not_fit_starts_a_new_frame)
{
    struct world w;
    start(&w, 3, 1024 * KIB, false);
    cb_journal_poll(&w.journal, 6);
    struct cb_event event = {.seq = 1, .ingest_ns = 5, .kind = CB_EVENT_TIME, .session = CB_SESSION_NONE};
    cb_journal_append(&w.journal, &event);
    event = (struct cb_event){.seq = 2, .ingest_ns = 5 + (int64_t)UINT32_MAX, .kind = CB_EVENT_TIME};
    cb_journal_append(&w.journal, &event);
    cr_assert_eq(w.journal.head, 0u);
    event.seq = 3;
    event.ingest_ns++;
    cb_journal_append(&w.journal, &event);
    cr_assert_eq(w.journal.head, 1u);
    cr_assert(world_settle(&w));
    struct world_reader r;
    world_reader_open(&r, w.config.disk, false);
    cr_assert(cb_journal_reader_seek(&r.reader, 0));
    const int64_t expected_ns[] = {5, 5 + (int64_t)UINT32_MAX, 6 + (int64_t)UINT32_MAX};
    /* The effects before the third event were never told, so its frame does not claim to know them. */
    const uint32_t flags[] = {CB_JOURNAL_FLAG_EFFECTS, CB_JOURNAL_FLAG_EFFECTS, 0};
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_EVENT);
        cr_assert_eq(event.ingest_ns, expected_ns[i]);
        cr_assert_eq(cb_journal_reader_frame(&r.reader)->flags, flags[i]);
    }
    cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_END);
    world_reader_close(&r);
    world_close(&w);
}

Test(journal_writer, a_frame_carries_the_effects_hash_of_the_poll_before_it)
{
    struct world w;
    start(&w, 3, 64 * KIB, false);
    cb_journal_poll(&w.journal, 41);
    world_append(&w, 10);
    cb_journal_poll(&w.journal, 42);
    while (cb_journal_durable(&w.journal) != 1) {
        cb_journal_poll(&w.journal, 43);
    }
    world_append(&w, 10);
    cr_assert(world_settle(&w));
    struct world_reader r;
    struct cb_event event;
    world_reader_open(&r, w.config.disk, false);
    cr_assert(cb_journal_reader_seek(&r.reader, 1));
    cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_EVENT);
    cr_assert_eq(cb_journal_reader_frame(&r.reader)->effects, 41u);
    cr_assert_eq(cb_journal_reader_frame(&r.reader)->flags, CB_JOURNAL_FLAG_EFFECTS);
    cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_EVENT);
    cr_assert_eq(cb_journal_reader_frame(&r.reader)->effects, 43u);
    world_reader_close(&r);
    world_close(&w);
}

Test(journal_writer, a_frame_opened_between_polls_carries_the_effects_hash_it_was_told)
{
    struct world w;
    start(&w, 3, 64 * KIB, false);
    static uint8_t body[CB_JOURNAL_BODY_BYTES_MAX];
    struct cb_event event = {.kind = CB_EVENT_CONFIG, .body = body, .body_bytes = sizeof body};
    cb_journal_poll(&w.journal, 1000);
    const int64_t far_ns = 5 * CB_NS_PER_S; /* too far for one frame: each event opens one of its own */
    for (uint64_t i = 1; i <= 3; i++) {
        event.seq = i;
        event.ingest_ns = (int64_t)i * far_ns;
        if (i != 2) { /* the second one's is not known: it has to say so */
            cb_journal_effects(&w.journal, 1000 + i);
        }
        cb_journal_append(&w.journal, &event);
    }
    cr_assert(world_settle(&w));
    struct world_reader r;
    world_reader_open(&r, w.config.disk, false);
    cr_assert(cb_journal_reader_seek(&r.reader, 1));
    for (uint64_t i = 1; i <= 3; i++) {
        cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_EVENT);
        const struct cb_journal_frame *frame = cb_journal_reader_frame(&r.reader);
        cr_assert_eq(frame->frame_no, i);
        cr_assert_eq(frame->flags, i != 2 ? CB_JOURNAL_FLAG_EFFECTS : 0u);
        cr_assert_eq(frame->effects, i != 2 ? 1000 + i : 0u);
    }
    world_reader_close(&r);
    world_close(&w);
}

Test(journal_writer, bodies_of_zero_and_of_the_greatest_size_come_back)
{
    struct world w;
    struct cb_journal_problem problem;
    start(&w, 4, 64 * KIB, false);
    static uint8_t body[CB_JOURNAL_BODY_BYTES_MAX];
    memset(body, 0xA5, sizeof body);
    const uint32_t sizes[] = {0, CB_JOURNAL_BODY_BYTES_MAX, 1, 7, 8, 9, CB_JOURNAL_BODY_BYTES_MAX};
    for (uint64_t i = 0; i < 7; i++) {
        struct cb_event event = {.seq = i + 1, .kind = CB_EVENT_CONFIG, .body = body, .body_bytes = sizes[i]};
        cr_assert_gt(cb_journal_room(&w.journal, sizes[i]), 0u);
        cb_journal_append(&w.journal, &event);
        cr_assert(world_settle(&w));
    }
    struct world_reader r;
    world_reader_open(&r, w.config.disk, false);
    cr_assert(cb_journal_reader_seek(&r.reader, 0));
    for (uint64_t i = 0; i < 7; i++) {
        struct cb_event event;
        cr_assert_eq(cb_journal_reader_next(&r.reader, &event), CB_JOURNAL_READ_EVENT);
        cr_assert_eq(event.body_bytes, sizes[i]);
        cr_assert_eq(memcmp(event.body, body, sizes[i]), 0);
    }
    world_reader_close(&r);
    cr_assert(world_verify(&w, &problem));
    world_close(&w);
}

Test(journal_writer, a_full_journal_loses_nothing_and_runs_on_when_retention_advances)
{
    struct world w;
    struct cb_journal_problem problem;
    start(&w, 3, 64 * KIB, true);
    for (uint32_t round = 0; round < 8; round++) {
        while (cb_journal_state(&w.journal) != CB_JOURNAL_FULL) {
            if (cb_journal_room(&w.journal, MTU) > 0) {
                world_append(&w, MTU);
            }
            cb_journal_poll(&w.journal, 0);
        }
        cr_assert(world_settle(&w));
        cr_assert_eq(cb_journal_room(&w.journal, MTU), 0u);
        cr_assert(world_verify(&w, &problem), "%s", cb_journal_flaw_name(problem.flaw));
        uint64_t full_at = cb_journal_last_seq(&w.journal);
        cb_journal_retain_through(&w.journal, full_at);
        for (uint32_t i = 0; i < 1000 && cb_journal_state(&w.journal) == CB_JOURNAL_FULL; i++) {
            cb_journal_poll(&w.journal, 0);
        }
        cr_assert_eq(cb_journal_state(&w.journal), CB_JOURNAL_RUNNING);
        world_quiet(&w);
        cr_assert_eq(world_read_back(&w, MTU), full_at);
    }
    cr_assert_geq(w.journal.stats.segments, 10u);
    cr_assert_eq(w.journal.stats.full, 8u);
    world_close(&w);
}

Test(journal_writer, retention_of_less_than_a_segment_recycles_nothing)
{
    struct world w;
    start(&w, 3, 64 * KIB, false);
    while (w.journal.generation < 2) {
        world_append(&w, MTU);
        cr_assert(world_settle(&w));
    }
    uint64_t last_of_first = w.journal.spaces[0].last_seq;
    cb_journal_retain_through(&w.journal, last_of_first - 1);
    for (int i = 0; i < 50; i++) {
        cb_journal_poll(&w.journal, 0);
    }
    cr_assert_eq(w.journal.stats.zeroed_bytes, 0u);
    cb_journal_retain_through(&w.journal, last_of_first);
    for (int i = 0; i < 50; i++) {
        cb_journal_poll(&w.journal, 0);
    }
    cr_assert_eq(w.journal.stats.zeroed_bytes, 64u * KIB);
    cr_assert(cb_journal_zeros(cb_sim_disk_bytes(w.sim, 0), 64 * KIB));
    world_close(&w);
}

/* Property: as many events as room promised, of any sizes up to the one asked for and with one late one, are
 * appended without a poll. */
Test(journal_writer, room_is_never_more_than_fits)
{
    uint64_t random = world_seed();
    cr_log_info("seed %lu", world_seed());
    for (uint64_t world_no = 0; world_no < 4 * world_effort(); world_no++) {
        struct world w;
        start(&w, 6, 64 * KIB + 4096u * (world_random(&random) % 30), true);
        int64_t now_ns = 0;
        for (uint32_t i = 0; i < 1500; i++) {
            uint32_t body_max = (uint32_t)(world_random(&random) % (i % 16 == 0 ? 32769u : 3000u));
            uint32_t room = cb_journal_room(&w.journal, body_max);
            uint32_t late = room == 0 ? 0 : (uint32_t)(world_random(&random) % room);
            uint32_t take = world_random(&random) % 3 != 0 && room > 5 ? 5 : room;
            for (uint32_t k = 0; k < take; k++) {
                uint8_t body[CB_JOURNAL_BODY_BYTES_MAX];
                struct cb_event event = world_event(body, cb_journal_last_seq(&w.journal) + 1, body_max);
                now_ns += k == late ? 5 * CB_NS_PER_S : 1;
                event.ingest_ns = now_ns;
                event.body_bytes = world_random(&random) % 4 != 0 ? body_max : event.body_bytes;
                cb_journal_append(&w.journal, &event);
            }
            for (uint64_t k = world_random(&random) % 4; k > 0; k--) {
                cb_journal_poll(&w.journal, 0);
            }
            uint64_t durable = cb_journal_durable(&w.journal);
            cb_journal_retain_through(&w.journal, durable);
        }
        struct cb_journal_problem problem;
        cr_assert(world_settle(&w));
        cr_assert_gt(w.journal.stats.segments, 6u);
        world_quiet(&w);
        cr_assert(world_verify(&w, &problem), "%s", cb_journal_flaw_name(problem.flaw));
        world_close(&w);
    }
}

Test(journal_writer, the_first_error_is_final_and_named)
{
    const uint32_t kinds[] = {CB_SIM_FAULT_EIO, CB_SIM_FAULT_ENOSPC, CB_SIM_FAULT_SHORT,
                              CB_SIM_FAULT_SYNC_ONCE};
    const int32_t errors[] = {EIO, ENOSPC, 0, EIO};
    for (uint32_t i = 0; i < 4; i++) {
        struct world w;
        start(&w, 3, 64 * KIB, false);
        world_append(&w, 10);
        cr_assert(world_settle(&w));
        cb_sim_disk_fault(w.sim,
                          &(struct cb_sim_fault){.kind = kinds[i], .at_op = cb_sim_disk_ops(w.sim) + 1});
        world_append(&w, 10);
        cr_assert(!world_settle(&w));
        cr_assert_eq(cb_journal_state(&w.journal), CB_JOURNAL_FAILED);
        cr_assert_eq(w.journal.failure.error, errors[i]);
        cr_assert_eq(w.journal.failure.kind, CB_DISK_WRITE_SYNC);
        cr_assert_eq(w.journal.failure.offset, 4096u);
        cr_assert_eq(w.journal.failure.transferred, kinds[i] == CB_SIM_FAULT_SHORT ? 2048 : 0);
        uint64_t ops = cb_sim_disk_ops(w.sim);
        for (int k = 0; k < 100; k++) {
            cb_journal_poll(&w.journal, 0);
        }
        cr_assert_eq(cb_sim_disk_ops(w.sim), ops, "nothing is retried");
        cr_assert_eq(cb_journal_durable(&w.journal), 1u);
        cr_assert_eq(cb_journal_room(&w.journal, 10), 0u);
        world_close(&w);
    }
}
