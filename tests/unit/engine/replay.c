/* Goal: a replay applies exactly what the journal holds, stops where it is told to, and says by name why it
 * can not go on. Method: the journal of a live box that has settled, replayed into cores that are right or
 * wrong in one thing. */
#include "tests/unit/engine/box.h"

#include <criterion/criterion.h>

static struct box box;
static struct cb_core core;
static struct cb_genesis genesis;
static struct cb_journal_reader reader;
static struct cb_replay replay;
static void *core_memory, *reader_memory;

/* A core that has applied the configuration, and a reader behind it. */
static void open_replay(void)
{
    struct cb_journal_reader_config config = {.disk = box.journal_config.disk, .cluster = BOX_CLUSTER};
    struct cb_event event;
    enum cb_genesis_result result = CB_GENESIS_MORE;
    size_t bytes = cb_arena_room(cb_journal_reader_footprint(&config));
    reader_memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(reader_memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(reader_memory, bytes);
    cb_journal_reader_init(&reader, &arena, &config);
    cr_assert(cb_journal_reader_seek(&reader, 0));
    memset(&genesis, 0, sizeof genesis);
    while (result == CB_GENESIS_MORE) {
        cr_assert_eq(cb_journal_reader_next(&reader, &event), CB_JOURNAL_READ_EVENT);
        result = cb_genesis_take(&genesis, &event);
    }
    cr_assert_eq(result, CB_GENESIS_COMPLETE);
    core_memory = world_core(&box.config, &core);
    cb_genesis_apply(&genesis, &core);
    replay = (struct cb_replay){.core = &core, .reader = &reader, .to = UINT64_MAX};
}

static void open_box(void)
{
    box_prepare(&box);
    box_open_funded(&box);
    for (uint64_t id = 50; id < 80; id++) {
        box_check(&box, WORLD_TRADER, id, 3, CB_E8 / 10);
        box_say(&box, WORLD_TRADER);
        box_poll(&box, 300 * CB_NS_PER_US);
    }
    box_settle(&box);
    cb_journal_close(&box.journal); /* a reader waits for its answers alone */
    open_replay();
}

static void close_box(void)
{
    cb_journal_reader_close(&reader);
    free(reader_memory);
    free(core_memory);
    box_close(&box);
}

TestSuite(engine_replay, .init = open_box, .fini = close_box);

static void check_same_state(void)
{
    struct state_bytes here = world_state(&box.core), there = world_state(&core);
    cr_assert(state_equal(&here, &there));
    state_free(&here);
    state_free(&there);
}

Test(engine_replay, a_whole_replay_is_the_live_state_and_compares_the_effects_of_frames)
{
    cr_assert_eq(cb_replay_run(&replay, UINT64_MAX), CB_REPLAY_END);
    check_same_state();
    cr_assert_gt(replay.frames_checked, 20u);
    cr_assert_eq(replay.applied, box.core.sequence.seq - genesis.parts);
}

Test(engine_replay, a_budget_interrupts_it_and_the_same_state_follows)
{
    uint32_t calls = 0;
    enum cb_replay_result result;
    while ((result = cb_replay_run(&replay, 3)) == CB_REPLAY_BUDGET) {
        cr_assert_eq(replay.applied, 3u * ++calls);
    }
    cr_assert_eq(result, CB_REPLAY_END);
    cr_assert_gt(calls, 10u);
    check_same_state();
    cr_assert_eq(cb_replay_run(&replay, 0), CB_REPLAY_BUDGET, "nothing was asked for");
}

Test(engine_replay, it_stops_after_the_record_it_is_told)
{
    replay.to = 20;
    cr_assert_eq(cb_replay_run(&replay, UINT64_MAX), CB_REPLAY_END);
    cr_assert_eq(core.sequence.seq, 20u);
    replay.to = UINT64_MAX;
    cr_assert_eq(cb_replay_run(&replay, UINT64_MAX), CB_REPLAY_END);
    check_same_state();
}

static void note_event(void *context, const struct cb_event *event)
{
    uint64_t *next = context;
    cr_assert_eq(event->seq, *next);
    cr_assert_eq(core.sequence.seq + 1, event->seq, "it is not applied yet");
    (*next)++;
}

Test(engine_replay, each_event_is_seen_once_before_it_is_applied)
{
    uint64_t next = genesis.parts + 1u;
    replay.before = note_event;
    replay.context = &next;
    cr_assert_eq(cb_replay_run(&replay, UINT64_MAX), CB_REPLAY_END);
    cr_assert_eq(next, box.core.sequence.seq + 1);
}

Test(engine_replay, other_effects_than_the_journal_recorded_are_found_at_the_next_frame)
{
    replay.to = 20;
    cr_assert_eq(cb_replay_run(&replay, UINT64_MAX), CB_REPLAY_END);
    core.effects ^= 1;
    replay.to = UINT64_MAX;
    cr_assert_eq(cb_replay_run(&replay, UINT64_MAX), CB_REPLAY_DIFFERS);
    cr_assert_gt(replay.seq, 20u);
    cr_assert_leq(replay.seq, 23u);
    cr_assert_eq(core.sequence.seq, replay.seq - 1, "what differs is not gone past");
    cr_assert_eq(replay.effects_here, core.effects);
    cr_assert_neq(replay.effects_recorded, core.effects);
}

Test(engine_replay, an_event_that_does_not_follow_is_foreign)
{
    core.sequence.epoch = 5; /* as if a later life had written before */
    cr_assert_eq(cb_replay_run(&replay, UINT64_MAX), CB_REPLAY_FOREIGN);
    cr_assert_eq(replay.seq, genesis.parts + 1u);
    cr_assert_eq(core.sequence.seq, genesis.parts);
}

Test(engine_replay, a_damaged_journal_is_bad_and_says_where)
{
    uint8_t byte = 0xFF;
    cb_journal_reader_close(&reader);
    free(reader_memory);
    free(core_memory);
    cb_sim_disk_damage(box.disk, 0, 5 * CB_JOURNAL_BLOCK_BYTES + 200, &byte, 1);
    open_replay();
    cr_assert_eq(cb_replay_run(&replay, UINT64_MAX), CB_REPLAY_BAD);
    cr_assert_eq(reader.problem.flaw, CB_JOURNAL_BAD_CRC);
    cr_assert_lt(core.sequence.seq, box.core.sequence.seq);
}
