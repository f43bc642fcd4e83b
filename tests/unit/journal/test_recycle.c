/* Goal: a slot is not touched before it is durable that nobody needs it, and a crash at any moment of
 * recycling is one that recovery understands. Method: one moment at a time, held by a stalled operation. */
#include "tests/unit/journal/world.h"

#include <criterion/criterion.h>
#include <string.h>

#define KIB     1024u
#define MIB     (1024u * KIB)
#define BODY    1400u
#define SEGMENT (64u * KIB)
#define FOREVER 100000u

static struct world w;
static struct cb_journal_recovery report;

/* Each frame is durable before the next is sealed. The last generation has one block and more. */
static void build(uint64_t generations)
{
    world_open(&w, 6, SEGMENT, 1, false);
    cr_assert(world_recover(&w, &report, 1));
    while (w.journal.generation < generations || w.journal.offset < 8 * KIB) {
        world_append(&w, BODY);
        cr_assert(world_settle(&w));
    }
}

static void fault(uint32_t kind, uint64_t ops_from_now, uint32_t reaps)
{
    struct cb_sim_fault at = {.kind = kind, .at_op = cb_sim_disk_ops(w.sim) + ops_from_now, .reaps = reaps};
    cb_sim_disk_fault(w.sim, &at);
}

static void poll(uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        cb_journal_poll(&w.journal, 0);
    }
}

/* Power is cut now, whatever was in flight is lost; the journal comes back with `first` as its oldest event.
 */
static void restart_from(uint64_t first, uint64_t last)
{
    cb_sim_disk_restart(w.sim, 0);
    cr_assert(world_recover(&w, &report, 1), "row %u: %s", report.row,
              cb_journal_flaw_name(report.problem.flaw));
    cr_assert_eq(report.first_seq, first);
    cr_assert_eq(report.last_seq, last);
    cr_assert_eq(world_read_back(&w, BODY), last);
}

Test(journal_recycle, a_segment_is_kept_until_its_own_declaration_is_durable_not_an_earlier_one)
{
    build(4);
    uint64_t first_of_second = w.journal.spaces[0].last_seq + 1;
    static uint8_t second[SEGMENT];
    memcpy(second, cb_sim_disk_bytes(w.sim, 1), SEGMENT);

    /* The frame that gives up segment 1 is in flight when segment 2 is let go too. */
    fault(CB_SIM_FAULT_STALL, 1, 5);
    fault(CB_SIM_FAULT_STALL, 3,
          FOREVER); /* 1: held back, 2: finished; 3: the frame that gives up segment 2 */
    cb_journal_retain_through(&w.journal, w.journal.spaces[0].last_seq);
    poll(1);
    cr_assert_eq(w.journal.oldest_declared, 2u);
    cb_journal_retain_through(&w.journal, w.journal.spaces[1].last_seq);
    poll(1);
    cr_assert_eq(w.journal.oldest, 3u);
    cr_assert_eq(w.journal.oldest_durable, 1u);
    poll(100);
    cr_assert_eq(w.journal.oldest_durable, 2u, "the first is durable, the second is not");
    cr_assert_eq(w.journal.oldest_declared, 3u);
    cr_assert(cb_journal_zeros(cb_sim_disk_bytes(w.sim, 0), SEGMENT), "segment 1 is recycled");
    cr_assert_eq(memcmp(second, cb_sim_disk_bytes(w.sim, 1), SEGMENT), 0, "segment 2 is not");
    restart_from(first_of_second, cb_journal_last_seq(&w.journal));
    world_close(&w);
}

/* Appends an event that is too late for the frame that is open: that one is closed. */
static void append_late(uint32_t times_5_s)
{
    uint8_t body[CB_JOURNAL_BODY_BYTES_MAX];
    struct cb_event event = world_event(body, cb_journal_last_seq(&w.journal) + 1, BODY);
    event.ingest_ns += (int64_t)times_5_s * 5000000000;
    cb_journal_append(&w.journal, &event);
}

Test(journal_recycle, what_a_lost_frame_gave_up_is_kept_until_it_is_declared_again)
{
    build(3);
    uint64_t last = cb_journal_last_seq(&w.journal);
    static uint8_t first[SEGMENT];
    memcpy(first, cb_sim_disk_bytes(w.sim, 0), SEGMENT);

    /* Two frames are in flight. The first never reaches the disk; the second, which gives up segment 1, does.
     */
    fault(CB_SIM_FAULT_STALL, 1, FOREVER);
    append_late(0);
    append_late(1);
    poll(1);
    cb_journal_retain_through(&w.journal, w.journal.spaces[0].last_seq);
    append_late(2);
    poll(10);
    cr_assert_eq(w.journal.submit - w.journal.tail, 2u);
    cr_assert_eq(w.journal.oldest_declared, 2u);
    cr_assert_eq(w.journal.oldest_durable, 1u);
    cb_sim_disk_restart(w.sim, 0);
    cr_assert(world_recover(&w, &report, 1));
    cr_assert_eq(report.decision, CB_JOURNAL_CUT, "both are gone");
    cr_assert_eq(report.last_seq, last);
    cr_assert_eq(memcmp(first, cb_sim_disk_bytes(w.sim, 0), SEGMENT), 0);

    /* The next frame declares it again. Until that is durable a crash brings the old declaration back. */
    fault(CB_SIM_FAULT_STALL, 1, FOREVER);
    world_append(&w, BODY);
    poll(100);
    cr_assert_eq(w.journal.oldest_declared, 2u);
    cr_assert_eq(memcmp(first, cb_sim_disk_bytes(w.sim, 0), SEGMENT), 0, "segment 1 is still there");
    restart_from(1, last);

    /* Once it is, the segment goes. */
    cb_journal_retain_through(&w.journal, w.journal.spaces[0].last_seq);
    world_append(&w, BODY);
    cr_assert(world_settle(&w));
    world_quiet(&w);
    cr_assert(cb_journal_zeros(cb_sim_disk_bytes(w.sim, 0), SEGMENT));
    world_close(&w);
}

/* A slot is zeroed in pieces, and a crash tears the last one as it likes: what is left may be the middle of
 * a frame, at the far end of a slot that is zero else. */
Test(journal_recycle, a_crash_while_the_last_piece_is_zeroed_is_no_corruption)
{
    const uint32_t slot_bytes = 5 * MIB, piece = CB_JOURNAL_FRAME_BYTES_MAX;
    world_open(&w, 4, slot_bytes, 1, false);
    cr_assert(world_recover(&w, &report, 1));
    while (w.journal.generation < 3) {
        while (w.journal.generation < 3 && cb_journal_room(&w.journal, BODY) > 100) {
            world_append(&w, BODY);
        }
        cr_assert(world_settle(&w));
    }
    uint64_t first_of_second = w.journal.spaces[0].last_seq + 1, last = cb_journal_last_seq(&w.journal);
    cb_journal_retain_through(&w.journal, first_of_second - 1);
    while (w.journal.recycle_offset != slot_bytes - piece || !w.journal.recycle_in_flight) {
        poll(1);
    }
    struct world torn;
    uint32_t headless = 0;
    world_open(&torn, 4, slot_bytes, 1, false);
    for (uint64_t seed = 1; seed <= 16; seed++) {
        cb_sim_disk_copy(torn.sim, w.sim);
        cb_sim_disk_restart(torn.sim, seed);
        bool runs = world_recover(&torn, &report, 1);
        cr_assert(runs, "seed %lu, row %u: %s", seed, report.row, cb_journal_flaw_name(report.problem.flaw));
        cr_assert_eq(report.first_seq, first_of_second);
        cr_assert_eq(report.last_seq, last);
        headless += report.decision == CB_JOURNAL_CUT ? 1u : 0u;
        world_quiet(&torn);
        cr_assert(cb_journal_zeros(cb_sim_disk_bytes(torn.sim, 0), slot_bytes));
    }
    cr_assert_gt(headless, 0u, "in some of them no frame was left to say what the bytes are");
    world_close(&torn);
    world_close(&w);
}

/* The number of frames of a process is not bounded by 2^32: at 20 us each that is one day. */
Test(journal_recycle, frames_are_counted_beyond_2_32)
{
    world_open(&w, 6, 4 * MIB, 1, true);
    cr_assert(world_recover(&w, &report, 1));
    w.journal.tail = w.journal.submit = w.journal.head = (uint64_t)UINT32_MAX - 2;
    fault(CB_SIM_FAULT_STALL, 1, 1000); /* so that every buffer is in use when 2^32 is passed */
    uint64_t random = world_seed();
    for (uint32_t i = 0; i < 200; i++) {
        while (cb_journal_room(&w.journal, BODY) == 0) {
            poll(1);
        }
        append_late(i); /* one frame each */
        poll((uint32_t)(world_random(&random) % 2));
    }
    cr_assert(world_settle(&w));
    cr_assert_eq(w.journal.stats.frames, 200u);
    cr_assert_eq(w.journal.tail, (uint64_t)UINT32_MAX + 198);
    cb_sim_disk_restart(w.sim, 0);
    cr_assert(world_recover(&w, &report, 1));
    cr_assert_eq(report.last_seq, 200u);
    world_close(&w);
}
