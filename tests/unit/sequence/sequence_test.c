/* Goal: one order, one time, and no record accepted that does not follow. Method: each rule from both sides,
 * then random logs: stamped live, replayed, and replayed with one number damaged. */
#include "host/sequence/sequence.h"

#include "tests/support/random.h"
#include "tests/support/state_stream.h"

#include <criterion/criterion.h>

enum { ORACLE = 0, TRADER = 1, VENUE = 2, SESSIONS = 3 };

static struct cb_config config;
static struct cb_sequence sequence;

static void set_up(void)
{
    memset(&config, 0, sizeof config);
    config.clock = CB_CLOCK_WALL;
    config.sessions_count = SESSIONS;
    config.sessions[ORACLE].class = CB_SESSION_LATEST;
    config.sessions[TRADER].class = CB_SESSION_ORDERED;
    config.sessions[VENUE].class = CB_SESSION_ORDERED;
    cb_sequence_init(&sequence, &config);
}

TestSuite(sequence, .init = set_up);

static struct cb_event stamped(uint8_t kind, uint8_t session, uint64_t session_seq, int64_t wall_ns)
{
    struct cb_event event = {.kind = kind, .session = session, .session_seq = session_seq};
    cb_sequence_stamp(&sequence, wall_ns, &event);
    return event;
}

static bool message(uint8_t session, uint64_t session_seq)
{
    struct cb_event event = stamped(CB_EVENT_MESSAGE, session, session_seq, 100);
    return cb_sequence_apply(&sequence, &event);
}

static bool epoch(uint64_t number)
{
    struct cb_event event = stamped(CB_EVENT_EPOCH, CB_SESSION_NONE, number, 100);
    return cb_sequence_apply(&sequence, &event);
}

Test(sequence, stamp_gives_the_next_number_and_changes_nothing)
{
    struct cb_event event = stamped(CB_EVENT_TIME, CB_SESSION_NONE, 0, 500);
    cr_assert_eq(event.seq, 1);
    cr_assert_eq(event.ingest_ns, 500);
    struct cb_event again = stamped(CB_EVENT_TIME, CB_SESSION_NONE, 0, 400);
    cr_assert_eq(again.seq, 1);
    cr_assert_eq(again.ingest_ns, 400);
    cr_assert(cb_sequence_apply(&sequence, &event));
    again = stamped(CB_EVENT_TIME, CB_SESSION_NONE, 0, 400);
    cr_assert_eq(again.seq, 2);
    cr_assert_eq(again.ingest_ns, 500, "a clock that steps back does not take the order along");
    again = stamped(CB_EVENT_TIME, CB_SESSION_NONE, 0, INT64_MIN);
    cr_assert_eq(again.ingest_ns, 500);
}

Test(sequence, record_that_is_not_the_next_is_refused)
{
    struct cb_event event = stamped(CB_EVENT_TIME, CB_SESSION_NONE, 0, 500);
    event.seq = 0;
    cr_assert(!cb_sequence_apply(&sequence, &event));
    event.seq = 2;
    cr_assert(!cb_sequence_apply(&sequence, &event));
    event.seq = 1;
    cr_assert(cb_sequence_apply(&sequence, &event));
    cr_assert(!cb_sequence_apply(&sequence, &event), "a record applies once");
}

Test(sequence, time_may_stand_still_but_not_go_back)
{
    struct cb_event event = stamped(CB_EVENT_TIME, CB_SESSION_NONE, 0, 500);
    cr_assert(cb_sequence_apply(&sequence, &event));
    event.seq = 2;
    event.ingest_ns = 499;
    cr_assert(!cb_sequence_apply(&sequence, &event));
    event.ingest_ns = 500;
    cr_assert(cb_sequence_apply(&sequence, &event));
    set_up();
    event.seq = 1;
    event.ingest_ns = -1;
    cr_assert(!cb_sequence_apply(&sequence, &event), "no time before 1970");
}

Test(sequence, ordered_session_takes_exactly_the_next_number)
{
    cr_assert(!message(TRADER, 0));
    cr_assert(!message(TRADER, 2));
    cr_assert(message(TRADER, 1));
    cr_assert(!message(TRADER, 1));
    cr_assert(message(TRADER, 2));
    cr_assert(message(VENUE, 1), "another session counts for itself");
    cr_assert_eq(cb_sequence_session_next(&sequence, TRADER), 3);
}

Test(sequence, latest_session_takes_any_greater_number)
{
    cr_assert(!message(ORACLE, 0));
    cr_assert(message(ORACLE, 7));
    cr_assert(!message(ORACLE, 7));
    cr_assert(!message(ORACLE, 6));
    cr_assert(message(ORACLE, 8));
    cr_assert(message(ORACLE, UINT64_MAX - 1));
    cr_assert(!message(ORACLE, UINT64_MAX));
}

Test(sequence, unknown_session_or_kind_is_refused)
{
    cr_assert(!message(SESSIONS, 1));
    cr_assert(!message(CB_SESSION_NONE, 1));
    for (unsigned kind = 0; kind < 256; kind++) {
        bool message_kind = kind == CB_EVENT_MESSAGE;
        bool known = kind >= CB_EVENT_CONFIG && kind <= CB_EVENT_TIME;
        set_up();
        struct cb_event event = stamped((uint8_t)kind, CB_SESSION_NONE, 1, 100);
        cr_assert_eq(cb_sequence_apply(&sequence, &event), known && !message_kind);
        set_up();
        event = stamped((uint8_t)kind, TRADER, 1, 100);
        cr_assert_eq(cb_sequence_apply(&sequence, &event), message_kind);
    }
}

Test(sequence, epoch_only_grows)
{
    cr_assert(!epoch(0));
    cr_assert(epoch(1));
    cr_assert(!epoch(1));
    cr_assert(epoch(9));
    cr_assert(!epoch(8));
    cr_assert_eq(sequence.epoch, 9);
}

Test(sequence, refused_record_changes_nothing)
{
    cr_assert(message(TRADER, 1));
    cr_assert(epoch(3));
    struct cb_sequence before = sequence;
    cr_assert(!message(TRADER, 3));
    cr_assert(!epoch(3));
    struct cb_event event = stamped(CB_EVENT_TIME, CB_SESSION_NONE, 0, 1000);
    event.seq += 1;
    cr_assert(!cb_sequence_apply(&sequence, &event));
    cr_assert_eq(memcmp(&before, &sequence, sizeof before), 0);
}

Test(sequence, reset_goes_forward_only)
{
    cr_assert(message(TRADER, 1));
    cr_assert(message(TRADER, 2));
    cr_assert_eq(cb_sequence_reset(&sequence, SESSIONS, 9), CB_REJECT_UNKNOWN_SESSION);
    cr_assert_eq(cb_sequence_reset(&sequence, UINT16_MAX, 9), CB_REJECT_UNKNOWN_SESSION);
    cr_assert_eq(cb_sequence_reset(&sequence, TRADER, 2), CB_REJECT_SEQUENCE);
    cr_assert_eq(cb_sequence_reset(&sequence, TRADER, 0), CB_REJECT_SEQUENCE);
    cr_assert_eq(cb_sequence_reset(&sequence, TRADER, UINT64_MAX), CB_REJECT_SEQUENCE);
    cr_assert_eq(cb_sequence_reset(&sequence, TRADER, 3), CB_REJECT_NONE, "no change");
    cr_assert_eq(cb_sequence_reset(&sequence, TRADER, 50), CB_REJECT_NONE);
    cr_assert(!message(TRADER, 3));
    cr_assert(message(TRADER, 50));
    cr_assert_eq(cb_sequence_session_next(&sequence, VENUE), 1);
}

Test(sequence, feed_time_moves_by_heartbeats_alone)
{
    config.clock = CB_CLOCK_FEED;
    cb_sequence_init(&sequence, &config);
    cr_assert_eq(cb_sequence_now(&sequence, 999999), 0);
    cr_assert(cb_sequence_feed(&sequence, 700));
    cr_assert_eq(cb_sequence_now(&sequence, 999999), 700);
    cr_assert(cb_sequence_feed(&sequence, 600), "late, not wrong");
    cr_assert_eq(cb_sequence_now(&sequence, 0), 700);
    cr_assert(!cb_sequence_feed(&sequence, -1));
    cr_assert(!cb_sequence_feed(&sequence, CB_SEQUENCE_TIME_MAX_NS + 1));
    cr_assert_eq(cb_sequence_now(&sequence, 0), 700);
    cr_assert(message(ORACLE, 1));
    cr_assert_eq(sequence.ingest_ns, 700);
    cr_assert(cb_sequence_feed(&sequence, CB_SEQUENCE_TIME_MAX_NS));
    cr_assert_eq(cb_sequence_now(&sequence, 0), CB_SEQUENCE_TIME_MAX_NS);
}

Test(sequence, wall_clock_takes_no_feed)
{
    cr_assert(!cb_sequence_feed(&sequence, 700));
    cr_assert_eq(cb_sequence_now(&sequence, 5), 5);
}

Test(sequence, feed_goes_on_after_a_replay_where_the_last_record_was)
{
    config.clock = CB_CLOCK_FEED;
    cb_sequence_init(&sequence, &config);
    struct cb_event event = {
        .seq = 1, .ingest_ns = 4000, .kind = CB_EVENT_MESSAGE, .session = ORACLE, .session_seq = 1};
    cr_assert(cb_sequence_apply(&sequence, &event));
    cr_assert_eq(cb_sequence_now(&sequence, 0), 4000);
    cr_assert(cb_sequence_feed(&sequence, 4500));
    cr_assert_eq(cb_sequence_now(&sequence, 0), 4500);
}

#define LOG 400

static struct cb_event journal[LOG];

/* A live run: random messages, resets excluded, a wall clock that steps to and fro. */
static void live_run(struct random *random)
{
    cb_sequence_init(&sequence, &config);
    for (uint32_t i = 0; i < LOG; i++) {
        uint8_t kind = (uint8_t)(random_below(random, 8) == 0 ? CB_EVENT_TIME : CB_EVENT_MESSAGE);
        uint8_t session = kind == CB_EVENT_TIME ? CB_SESSION_NONE : (uint8_t)random_below(random, SESSIONS);
        uint64_t number = kind == CB_EVENT_TIME ? 0 : cb_sequence_session_next(&sequence, session);
        number += session == ORACLE ? random_below(random, 3) : 0;
        journal[i] =
            stamped(kind, session, number, random_between(random, (int64_t)i * 10, (int64_t)i * 10 + 500));
        cr_assert(cb_sequence_apply(&sequence, &journal[i]));
    }
}

Test(sequence, journal_replays_to_the_same_state_and_a_damaged_one_is_found)
{
    struct random random = random_start("sequence");
    uint32_t rounds = random_effort(200);
    for (uint32_t round = 0; round < rounds; round++) {
        live_run(&random);
        struct cb_sequence replayed;
        cb_sequence_init(&replayed, &config);
        struct state_bytes live = {0}, replay = {0};
        for (uint32_t i = 0; i < LOG; i++) {
            cr_assert(cb_sequence_apply(&replayed, &journal[i]));
        }
        struct cb_writer writer = state_writer(&live);
        cb_sequence_serialize(&sequence, &writer);
        writer = state_writer(&replay);
        cb_sequence_serialize(&replayed, &writer);
        cr_assert(state_equal(&live, &replay));

        struct cb_reader reader = state_reader(&live);
        cb_sequence_init(&replayed, &config);
        cr_assert(cb_sequence_restore(&replayed, &reader));
        cr_assert_eq(live.at, live.bytes);
        cr_assert_eq(memcmp(&replayed, &sequence, sizeof replayed), 0);

        uint32_t victim = 1 + (uint32_t)random_below(&random, LOG - 1); /* a lost record */
        cb_sequence_init(&replayed, &config);
        for (uint32_t i = 0; i < victim - 1; i++) {
            cr_assert(cb_sequence_apply(&replayed, &journal[i]));
        }
        cr_assert(!cb_sequence_apply(&replayed, &journal[victim]));
        state_free(&live);
        state_free(&replay);
    }
}

Test(sequence, restore_refuses_what_can_not_be)
{
    cr_assert(message(TRADER, 1));
    struct state_bytes good = {0};
    struct cb_writer writer = state_writer(&good);
    cb_sequence_serialize(&sequence, &writer);
    size_t whole = good.bytes;
    cr_assert_eq(whole, 8 * (3 + SESSIONS));
    for (good.bytes = 0; good.bytes < whole; good.bytes++) {
        struct cb_reader reader = state_reader(&good);
        cr_assert(!cb_sequence_restore(&sequence, &reader));
    }
    memset(good.data + 16, 0xFF, 8); /* ingest_ns -1 */
    struct cb_reader reader = state_reader(&good);
    cr_assert(!cb_sequence_restore(&sequence, &reader));
    memset(good.data + 16, 0, 8);
    reader = state_reader(&good);
    cr_assert(cb_sequence_restore(&sequence, &reader));
    memset(good.data, 0, 8); /* nothing applied, yet a session has moved */
    reader = state_reader(&good);
    cr_assert(!cb_sequence_restore(&sequence, &reader));
    memset(good.data, 1, 8);
    memset(good.data + 24, 0, 8); /* a session's next number 0 */
    reader = state_reader(&good);
    cr_assert(!cb_sequence_restore(&sequence, &reader));
    state_free(&good);
}
