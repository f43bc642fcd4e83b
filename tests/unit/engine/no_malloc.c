/* Goal: no allocation after start: neither the engine nor what it calls (libcrypto, libsodium) asks for
 * memory once it runs. Method: an allocator that aborts, armed while the live box does all it can do, over
 * the simulated disk. */
#include "tests/support/no_malloc.h"
#include "tests/unit/engine/box.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct box box;

static void say(uint8_t session)
{
    box_say(&box, session);
}

/* What a day brings, by turns. No assertion in here: Criterion allocates. */
static void turn(uint32_t i)
{
    uint64_t count;
    box_price(&box, (uint16_t)(i % 2),
              i % 2 == 0 ? 10000 + (int64_t)(i * 37 % 900) : 400 + (int64_t)(i % 30));
    say(WORLD_ORACLE);
    box_check(&box, WORLD_TRADER, 1000 + i, 3, (int64_t)(i % 5) * CB_E8 / 50 - CB_E8 / 25);
    say(WORLD_TRADER);
    switch (i % 8) {
    case 0:
        box_heartbeat(&box, box.core.sequence.ingest_ns + 400 * CB_NS_PER_MS); /* fires timers, ends epochs */
        say(WORLD_ORACLE);
        break;
    case 1:
        box_withdraw(&box, 100000 + i, 3, CB_E8 / 1000);
        say(WORLD_TRADER);
        break;
    case 2: /* a loss: a gap, a request, the rest */
        box_check(&box, WORLD_OTHER_TRADER, 1000 + i, 4, CB_E8 / 50);
        box_check(&box, WORLD_OTHER_TRADER, 1000 + i, 4, CB_E8 / 50);
        count = box.senders[WORLD_OTHER_TRADER].count;
        box_send(&box, 0, WORLD_OTHER_TRADER, count, 1);
        box_poll(&box, 10);
        box_poll(&box, 2 * CB_NS_PER_MS);
        box_send(&box, 1, WORLD_OTHER_TRADER, count - 1, 2);
        break;
    case 3:
        for (uint32_t k = box.got_count; k > 0; k--) { /* the newest release is done */
            uint64_t id[2];
            if (box.got[k - 1].template_id == CB_WIRE_RELEASE) {
                memcpy(id, box.got[k - 1].message + CB_WIRE_HEADER_BYTES, sizeof id);
                box_result(&box, id[0], id[1], (uint8_t)(1 + i % 2));
                say(WORLD_CUSTODIAN);
                break;
            }
        }
        break;
    case 4: /* noise, twice the same, a wrong tag */
        box_send(&box, 1, WORLD_TRADER, box.senders[WORLD_TRADER].count, 1);
        box_datagram(&box, 0, WORLD_VENUE, 1, 0, (const uint8_t *)"", 0, 1);
        break;
    case 5:
        box.nics[0].tx_room = 0;
        box_poll(&box, 100);
        box.nics[0].tx_room = UINT32_MAX;
        break;
    default: {
        uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
        struct cb_wire_trade trade = {.trade_id = i,
                                      .account = 3 + i % 2,
                                      .qty_e8 = (i % 3 == 0 ? -3 : 2) * CB_E8,
                                      .price_e8 = 10000 * CB_E8};
        box_put(&box, WORLD_VENUE, message, cb_wire_trade_encode(message, &trade));
        say(WORLD_VENUE);
    }
    }
    box_poll(&box, 250 * CB_NS_PER_US);
    if (i % 50 == 0) {
        cb_journal_retain_through(&box.journal, cb_journal_durable(&box.journal));
    }
    if (box.got_count > BOX_GOT_MAX / 2) {
        box.got_count = 0;
    }
}

Test(engine_no_malloc, a_running_engine_asks_for_no_memory)
{
    if (!no_malloc_works()) {
        fprintf(stderr, "no allocation after start: skipped, because a sanitizer has its own allocator\n");
        return;
    }
    box_prepare(&box);
    box_open_funded(&box);
    cr_assert_gt(no_malloc_served(), 10u, "the allocator is in use");
    uint64_t seq = box.core.sequence.seq, frames = box.journal.stats.frames;
    no_malloc_arm();
    for (uint32_t i = 0; i < 4000; i++) {
        turn(i);
    }
    no_malloc_disarm();
    box_settle(&box);
    cr_assert_gt(box.core.sequence.seq, seq + 8000);
    cr_assert_gt(box.journal.stats.frames, frames + 1000);
    cr_assert_gt(box.journal.stats.segments, 10u, "segments were recycled");
    cr_assert_gt(box.core.stats.approved, 100u);
    cr_assert_gt(box.core.stats.rolls, 100u);
    cr_assert_gt(box.core.stats.resends, 10u);
    cr_assert_gt(box.core.stats.messages[CB_WIRE_RELEASE_RESULT], 100u);
    cr_assert_eq(cb_engine_state(&box.engine), CB_ENGINE_RUNNING);
    box_close(&box);
}

static void ask_while_armed(void)
{
    no_malloc_arm();
    void *volatile memory = malloc(1);
    free(memory);
    no_malloc_disarm();
}

Test(engine_no_malloc, the_allocator_does_end_a_process_that_asks, .signal = 6)
{
    if (!no_malloc_works()) {
        abort();
    }
    ask_while_armed();
}
