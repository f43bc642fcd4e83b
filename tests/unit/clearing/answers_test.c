/* Goal: a request id gets one answer for as long as it is remembered, and nobody else's. Method: edges, then
 * random traffic against plain lists. */
#include "host/clearing/answers.h"

#include "clearbox/wire.h"
#include "host/types/margin.h"
#include "tests/support/random.h"
#include "tests/support/state_stream.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { ORACLE = 0, ALICE = 1, VENUE = 2, BOB = 3, SESSIONS = 4, SHARE = 8 };

static struct cb_config config;
static struct cb_answers answers;
static void *memory[2];

static struct cb_answers make(void **block)
{
    struct cb_answers made;
    size_t bytes = cb_answers_footprint(&config);
    *block = aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(*block, 0, bytes);
    struct cb_arena arena = cb_arena_over(*block, bytes);
    cb_answers_init(&made, &arena, &config);
    cr_assert_eq(arena.used, bytes);
    return made;
}

static void set_up(void)
{
    memset(&config, 0, sizeof config);
    config.sessions_count = SESSIONS;
    config.sessions[ORACLE].role = CB_ROLE_ORACLE;
    config.sessions[ALICE].role = CB_ROLE_TRADER;
    config.sessions[VENUE].role = CB_ROLE_VENUE;
    config.sessions[BOB].role = CB_ROLE_TRADER;
    config.capacity.answers = 2 * SHARE + 1;
    answers = make(&memory[0]);
}

static void tear_down(void)
{
    free(memory[0]);
    free(memory[1]);
}

TestSuite(answers, .init = set_up, .fini = tear_down);

static struct cb_answer answer_of(uint8_t session, uint64_t request_id)
{
    struct cb_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.session = session;
    answer.request_id = request_id;
    answer.digest = (struct cb_answer_digest){.hi = request_id * 3, .lo = ~request_id};
    answer.seq = request_id + 1000;
    answer.e_im_e6 = -5;
    answer.im_e6 = 6;
    answer.free_e6 = -11;
    answer.as_of_ns = 7;
    answer.oracle_age_ns = 8;
    answer.account = 9;
    answer.reason = CB_REJECT_MARGIN;
    answer.state = CB_MARGIN_CALL;
    answer.kind = CB_ANSWER_MARGIN_CHECK;
    return answer;
}

static struct cb_answer held(uint8_t session, uint64_t request_id)
{
    struct cb_answer answer = answer_of(session, request_id);
    answer.kind = CB_ANSWER_WITHDRAWAL;
    answer.reason = CB_REJECT_NONE;
    answer.status = CB_WITHDRAWAL_STATUS_HELD;
    return answer;
}

static void put(uint8_t session, uint64_t request_id)
{
    struct cb_answer answer = answer_of(session, request_id);
    cb_answers_put(&answers, &answer);
}

static bool knows(const struct cb_answers *table, uint8_t session, uint64_t request_id)
{
    struct cb_answer expected = answer_of(session, request_id);
    const struct cb_answer *found = &expected;
    enum cb_answers_match match = cb_answers_find(table, session, request_id, expected.digest, &found);
    if (match == CB_ANSWERS_NEW) {
        cr_assert_null(found);
        return false;
    }
    cr_assert_eq(match, CB_ANSWERS_REPEAT);
    cr_assert_eq(found->request_id, request_id);
    cr_assert_eq(found->session, session);
    cr_assert_eq(found->seq, expected.seq);
    return true;
}

Test(answers, request_never_seen_is_new)
{
    cr_assert(!knows(&answers, ALICE, 1));
    cr_assert(!knows(&answers, ORACLE, 1), "asking for a session without rows is no error");
    cr_assert_eq(cb_answers_find(&answers, ALICE, UINT64_MAX, (struct cb_answer_digest){0}, NULL),
                 CB_ANSWERS_NEW);
}

Test(answers, repeat_gets_every_field_as_it_was)
{
    struct cb_answer answer = answer_of(ALICE, 5);
    cb_answers_put(&answers, &answer);
    const struct cb_answer *found;
    cr_assert_eq(cb_answers_find(&answers, ALICE, 5, answer.digest, &found), CB_ANSWERS_REPEAT);
    cr_assert_eq(memcmp(found, &answer, sizeof answer), 0);
}

Test(answers, verdict_becomes_an_answer_that_can_be_put)
{
    struct cb_verdict verdict;
    memset(&verdict, 0, sizeof verdict);
    verdict.seq = 1005;
    verdict.as_of_ns = 7;
    verdict.request_id = 5;
    verdict.account = 9;
    verdict.reason = CB_REJECT_MARGIN;
    verdict.state = CB_MARGIN_CALL;
    verdict.margin.e_im_e6 = -5;
    verdict.margin.im_e6 = 6;
    verdict.margin.free_e6 = -11;
    verdict.margin.oracle_age_ns = 8;
    struct cb_answer expected = answer_of(ALICE, 5);
    struct cb_answer made = cb_answers_of(CB_ANSWER_MARGIN_CHECK, ALICE, expected.digest, &verdict);
    cr_assert_eq(memcmp(&made, &expected, sizeof made), 0);
    made = cb_answers_of(CB_ANSWER_WITHDRAWAL, ALICE, expected.digest, &verdict);
    cr_assert_eq(made.status, CB_WITHDRAWAL_STATUS_REFUSED);
    cb_answers_put(&answers, &made);
    verdict.request_id = 6;
    verdict.reason = CB_REJECT_NONE;
    made = cb_answers_of(CB_ANSWER_WITHDRAWAL, ALICE, expected.digest, &verdict);
    cr_assert_eq(made.status, CB_WITHDRAWAL_STATUS_HELD);
    cr_assert_eq(made.e_im_e6, 0);
    cb_answers_put(&answers, &made);
    cr_assert(cb_answers_update(&answers, ALICE, 6, CB_WITHDRAWAL_STATUS_FAILED));
}

Test(answers, same_id_with_other_content_is_a_conflict)
{
    put(ALICE, 5);
    struct cb_answer_digest digest = answer_of(ALICE, 5).digest;
    digest.lo ^= 1;
    cr_assert_eq(cb_answers_find(&answers, ALICE, 5, digest, NULL), CB_ANSWERS_CONFLICT);
    digest.lo ^= 1;
    digest.hi ^= 1;
    const struct cb_answer *found;
    cr_assert_eq(cb_answers_find(&answers, ALICE, 5, digest, &found), CB_ANSWERS_CONFLICT);
    cr_assert_eq(found->request_id, 5);
}

Test(answers, digest_tells_apart_requests_that_differ_in_one_bit)
{
    uint8_t message[CB_WIRE_WITHDRAWAL_BYTES];
    struct cb_wire_withdrawal in = {.request_id = 1, .account = 2, .asset = 3, .chain = 4, .qty_e8 = 5};
    uint32_t bytes = cb_wire_withdrawal_encode(message, &in);
    struct cb_answer_digest base = cb_answers_digest(message, bytes);
    for (uint32_t bit = 0; bit < bytes * 8; bit++) {
        message[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct cb_answer_digest other = cb_answers_digest(message, bytes);
        cr_assert(other.hi != base.hi || other.lo != base.lo);
        message[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    struct cb_answer_digest again = cb_answers_digest(message, bytes);
    cr_assert(again.hi == base.hi && again.lo == base.lo);
}

Test(answers, full_session_forgets_its_own_oldest_and_nobody_elses)
{
    cr_assert_eq(answers.share, SHARE);
    put(BOB, 1);
    for (uint64_t id = 1; id <= SHARE; id++) {
        put(ALICE, id);
    }
    cr_assert(knows(&answers, ALICE, 1));
    for (uint64_t id = SHARE + 1; id < 100; id++) {
        put(ALICE, id);
        for (uint64_t old = 1; old <= id; old++) {
            cr_assert_eq(knows(&answers, ALICE, old), old + SHARE > id);
        }
    }
    cr_assert(knows(&answers, BOB, 1));
    cr_assert(!knows(&answers, BOB, 99), "an id is known to its own session");
}

Test(answers, withdrawal_goes_on_in_place)
{
    struct cb_answer answer = held(ALICE, 1);
    cb_answers_put(&answers, &answer);
    put(ALICE, 2);
    cr_assert(!cb_answers_update(&answers, ALICE, 2, CB_WITHDRAWAL_STATUS_DONE), "a margin check");
    cr_assert(!cb_answers_update(&answers, ALICE, 3, CB_WITHDRAWAL_STATUS_DONE), "unknown");
    cr_assert(!cb_answers_update(&answers, BOB, 1, CB_WITHDRAWAL_STATUS_DONE), "another's");
    cr_assert(cb_answers_update(&answers, ALICE, 1, CB_WITHDRAWAL_STATUS_DONE));
    cr_assert(!cb_answers_update(&answers, ALICE, 1, CB_WITHDRAWAL_STATUS_FAILED), "it has ended");
    const struct cb_answer *found;
    cr_assert_eq(cb_answers_find(&answers, ALICE, 1, answer.digest, &found), CB_ANSWERS_REPEAT);
    cr_assert_eq(found->status, CB_WITHDRAWAL_STATUS_DONE);
    cr_assert_eq(found->seq, answer.seq);
    for (uint64_t id = 10; id < 10 + SHARE - 2; id++) {
        put(ALICE, id);
    }
    cr_assert(knows(&answers, ALICE, 1));
    put(ALICE, 99);
    cr_assert(!knows(&answers, ALICE, 1), "it is forgotten in its turn");
}

Test(answers, each_trader_has_a_row_however_small_the_capacity)
{
    config.capacity.answers = 1;
    struct cb_answers small = make(&memory[1]);
    cr_assert_eq(small.share, 1);
    struct cb_answer a = answer_of(ALICE, 1), b = answer_of(BOB, 1), c = answer_of(ALICE, 2);
    cb_answers_put(&small, &a);
    cb_answers_put(&small, &b);
    cb_answers_put(&small, &c);
    cr_assert(!knows(&small, ALICE, 1));
    cr_assert(knows(&small, ALICE, 2));
    cr_assert(knows(&small, BOB, 1));
}

Test(answers, table_without_traders_serialises_to_nothing)
{
    config.sessions[ALICE].role = config.sessions[BOB].role = CB_ROLE_VENUE;
    struct cb_answers none = make(&memory[1]);
    struct state_bytes state = {0};
    struct cb_writer writer = state_writer(&state);
    cb_answers_serialize(&none, &writer);
    cr_assert_eq(state.bytes, 0);
    struct cb_reader reader = state_reader(&state);
    cr_assert(cb_answers_restore(&none, &reader));
}

static void restored_equals(struct cb_answers *copy)
{
    struct state_bytes first = {0}, second = {0};
    struct cb_writer writer = state_writer(&first);
    cb_answers_serialize(&answers, &writer);
    struct cb_reader reader = state_reader(&first);
    cr_assert(cb_answers_restore(copy, &reader));
    cr_assert_eq(first.at, first.bytes);
    writer = state_writer(&second);
    cb_answers_serialize(copy, &writer);
    cr_assert(state_equal(&first, &second));
    state_free(&first);
    state_free(&second);
}

Test(answers, random_traffic_agrees_with_plain_lists)
{
    config.capacity.answers = 2 * 64;
    free(memory[0]);
    answers = make(&memory[0]);
    struct cb_answers copy = make(&memory[1]);
    static uint64_t list[SESSIONS][64];
    static uint32_t length[SESSIONS];
    memset(length, 0, sizeof length);
    struct random random = random_start("answers");
    uint32_t rounds = random_effort(30000);
    for (uint32_t round = 0; round < rounds; round++) {
        uint8_t session = random_below(&random, 2) == 0 ? ALICE : BOB;
        uint64_t id = 1 + random_below(&random, 200); /* ids come back after they were forgotten */
        bool known = false;
        for (uint32_t i = 0; i < length[session]; i++) {
            known |= list[session][i] == id;
        }
        cr_assert_eq(knows(&answers, session, id), known);
        if (!known) {
            if (length[session] == 64) {
                memmove(list[session], list[session] + 1, 63 * sizeof(uint64_t));
                length[session]--;
            }
            list[session][length[session]++] = id;
            put(session, id);
        }
        if (round % 256 == 0) {
            restored_equals(&copy);
            for (uint64_t each = 1; each <= 200; each++) {
                cr_assert_eq(knows(&copy, session, each), knows(&answers, session, each));
            }
        }
    }
    restored_equals(&copy);
    for (uint64_t id = 1000; id < 1064; id++) { /* and both forget alike afterwards */
        struct cb_answer answer = answer_of(ALICE, id);
        cb_answers_put(&answers, &answer);
        cb_answers_put(&copy, &answer);
        for (uint64_t each = 1; each <= 200; each++) {
            cr_assert_eq(knows(&copy, ALICE, each), knows(&answers, ALICE, each));
        }
    }
}

Test(answers, restore_refuses_more_rows_than_a_session_may_have)
{
    config.capacity.answers = 2 * (SHARE + 1);
    struct cb_answers greater = make(&memory[1]);
    struct state_bytes state = {0};
    for (uint64_t id = 1; id <= SHARE + 1; id++) {
        struct cb_answer answer = answer_of(ALICE, id);
        cb_answers_put(&greater, &answer);
    }
    struct cb_writer writer = state_writer(&state);
    cb_answers_serialize(&greater, &writer);
    struct cb_reader reader = state_reader(&state);
    cr_assert(!cb_answers_restore(&answers, &reader));
    reader = state_reader(&state);
    cr_assert(cb_answers_restore(&greater, &reader));
    state_free(&state);
}

Test(answers, restore_refuses_what_can_not_be)
{
    struct cb_answer first = held(ALICE, 1);
    cb_answers_put(&answers, &first);
    put(ALICE, 2);
    put(BOB, 1);
    struct state_bytes good = {0};
    struct cb_writer writer = state_writer(&good);
    cb_answers_serialize(&answers, &writer);
    size_t whole = good.bytes;
    enum { ROW = 9 * 8 + 4 + 2 + 3, REASON = 76, KIND = 78, STATE = 79, STATUS = 80 };
    cr_assert_eq(whole, 2 * 4 + 3 * ROW);
    for (good.bytes = 0; good.bytes < whole; good.bytes++) {
        struct cb_reader reader = state_reader(&good);
        cr_assert(!cb_answers_restore(&answers, &reader));
    }
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{0, SHARE + 1},                 /* more than its share */
                 {4, 0},                         /* request id 0 */
                 {4, 2},                         /* the same id twice */
                 {4 + REASON, CB_REJECT_COUNT},  /* no such reason */
                 {4 + REASON, CB_REJECT_MARGIN}, /* refused, yet held */
                 {4 + KIND, 0},
                 {4 + KIND, 3},
                 {4 + KIND, CB_ANSWER_MARGIN_CHECK}, /* a margin check that is held */
                 {4 + STATE, 6},
                 {4 + STATUS, 4},
                 {4 + STATUS, CB_WITHDRAWAL_STATUS_REFUSED}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t saved = good.data[wrong[i].at];
        good.data[wrong[i].at] = wrong[i].value;
        struct cb_reader reader = state_reader(&good);
        cr_assert(!cb_answers_restore(&answers, &reader), "case %zu", i);
        good.data[wrong[i].at] = saved;
    }
    memset(good.data + 4 + 24, 0, 8); /* seq 0 */
    struct cb_reader reader = state_reader(&good);
    cr_assert(!cb_answers_restore(&answers, &reader));
    good.data[4 + 24] = 1;
    reader = state_reader(&good);
    cr_assert(cb_answers_restore(&answers, &reader), "usable again after a refusal");
    cr_assert(knows(&answers, ALICE, 2) && knows(&answers, BOB, 1));
    state_free(&good);
}
