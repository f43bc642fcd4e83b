/* Goal: an action stays until exactly its id is acknowledged, and a restored outbox is the same outbox.
 * Method: every operation on a small outbox, ids one step outside each bound, every truncation of its bytes.
 */
#include "host/egress/outbox.h"
#include "tests/support/state_stream.h"

#include <criterion/criterion.h>

static struct cb_config config;
static struct cb_outbox outbox;
static void *memory;

static void open_outbox(void)
{
    config.capacity.holds = 3;
    config.capacity.accounts = 4;
    config.sessions_count = 2;
    size_t bytes = cb_outbox_footprint(&config);
    free(memory);
    memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    cb_outbox_init(&outbox, &arena, &config);
}

static void close_outbox(void)
{
    free(memory);
}

TestSuite(egress_outbox, .init = open_outbox, .fini = close_outbox);

static const uint8_t text[5] = {1, 2, 3, 4, 5};

Test(egress_outbox, an_action_stays_until_exactly_its_id_is_removed)
{
    struct cb_action_id id = cb_action_id_make(CB_ACTION_RELEASE, 2, 3, 77);
    uint32_t place = cb_outbox_put(&outbox, id, 1, text, sizeof text);
    cr_assert_eq(place, 2u);
    cr_assert_eq(outbox.live, 1u);
    struct cb_action_id other = id;
    other.lo++;
    cr_assert_not(cb_outbox_remove(&outbox, other), "another cause");
    other = id;
    other.hi++;
    cr_assert_not(cb_outbox_remove(&outbox, other), "another account");
    cr_assert(cb_outbox_remove(&outbox, id));
    cr_assert_not(cb_outbox_remove(&outbox, id), "a second acknowledgement finds nothing");
    cr_assert_null(cb_outbox_at(&outbox, place));
    cr_assert_eq(outbox.live, 0u);
}

Test(egress_outbox, a_newer_margin_state_replaces_the_older_one)
{
    struct cb_action_id old = cb_action_id_make(CB_ACTION_MARGIN_STATE, 0, 3, 10);
    struct cb_action_id new = cb_action_id_make(CB_ACTION_MARGIN_STATE, 0, 3, 11);
    cr_assert_eq(cb_outbox_put(&outbox, old, 0, text, sizeof text), 3u + 3u);
    cr_assert_eq(cb_outbox_put(&outbox, new, 0, text, sizeof text), 3u + 3u);
    cr_assert_eq(outbox.live, 1u);
    cr_assert_not(cb_outbox_remove(&outbox, old));
    cr_assert(cb_outbox_remove(&outbox, new));
}

Test(egress_outbox, ids_outside_the_tables_have_no_place)
{
    uint32_t none = cb_outbox_places(&outbox);
    cr_assert_lt(cb_outbox_place_of(&outbox, cb_action_id_make(CB_ACTION_RELEASE, 2, 9, 1)), none);
    cr_assert_eq(cb_outbox_place_of(&outbox, cb_action_id_make(CB_ACTION_RELEASE, 3, 0, 1)), none);
    cr_assert_lt(cb_outbox_place_of(&outbox, cb_action_id_make(CB_ACTION_MARGIN_STATE, 0, 3, 1)), none);
    cr_assert_eq(cb_outbox_place_of(&outbox, cb_action_id_make(CB_ACTION_MARGIN_STATE, 0, 4, 1)), none);
    cr_assert_eq(cb_outbox_place_of(&outbox, cb_action_id_make(CB_ACTION_MARGIN_STATE, 1, 0, 1)), none);
    cr_assert_eq(cb_outbox_place_of(&outbox, cb_action_id_make(0, 0, 0, 1)), none);
    cr_assert_eq(cb_outbox_place_of(&outbox, cb_action_id_make(3, 0, 0, 1)), none);
    cr_assert_not(cb_outbox_remove(&outbox, (struct cb_action_id){0, 0}));
}

Test(egress_outbox, a_restored_outbox_has_the_same_bytes_and_every_truncation_is_refused)
{
    cb_outbox_put(&outbox, cb_action_id_make(CB_ACTION_RELEASE, 1, 2, 5), 1, text, 5);
    cb_outbox_put(&outbox, cb_action_id_make(CB_ACTION_MARGIN_STATE, 0, 0, 6), 0, text, 3);
    cb_outbox_at(&outbox, 1)->attempts = 9;
    struct state_bytes bytes = {0}, again = {0};
    struct cb_writer writer = state_writer(&bytes);
    cb_outbox_serialize(&outbox, &writer);
    open_outbox();
    struct cb_reader reader = state_reader(&bytes);
    cr_assert(cb_outbox_restore(&outbox, &reader, &config));
    writer = state_writer(&again);
    cb_outbox_serialize(&outbox, &writer);
    cr_assert_eq(bytes.bytes, again.bytes);
    cr_assert_arr_eq(bytes.data, again.data, bytes.bytes);
    size_t whole = bytes.bytes;
    for (size_t cut = 0; cut < whole; cut++) {
        open_outbox();
        bytes.bytes = cut;
        reader = state_reader(&bytes);
        cr_assert_not(cb_outbox_restore(&outbox, &reader, &config), "cut at %zu of %zu", cut, whole);
    }
    state_free(&bytes);
    state_free(&again);
}

Test(egress_outbox, a_restored_action_for_a_session_that_does_not_exist_is_refused)
{
    cb_outbox_put(&outbox, cb_action_id_make(CB_ACTION_RELEASE, 1, 2, 5), 2, text, 5);
    struct state_bytes bytes = {0};
    struct cb_writer writer = state_writer(&bytes);
    cb_outbox_serialize(&outbox, &writer);
    open_outbox();
    struct cb_reader reader = state_reader(&bytes);
    cr_assert_not(cb_outbox_restore(&outbox, &reader, &config));
    state_free(&bytes);
}
