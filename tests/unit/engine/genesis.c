/* Goal: what the first records of a journal say is the configuration that the engine put there, in however
 * many parts, and a damaged one is refused with a reason. Method: events made of the canonical bytes in the
 * way engine.c makes them; each kind of damage once. */
#include "host/engine/genesis.h"
#include "tests/unit/engine/world.h"

#include <criterion/criterion.h>

/* Too large for a stack. */
static struct cb_config config;
static struct cb_genesis genesis;
static struct state_bytes bytes;
static const uint8_t nothing[1];

static void open_config(void)
{
    world_config(&config);
    memset(&genesis, 0, sizeof genesis);
}

TestSuite(engine_genesis, .init = open_config);

static void serialize(void)
{
    state_free(&bytes);
    struct cb_writer writer = state_writer(&bytes);
    cb_config_serialize(&config, &writer);
}

/* How many parts these bytes are: the last one is shorter than the rest, maybe empty. */
static uint32_t parts_of(void)
{
    return (uint32_t)(bytes.bytes / CB_CONFIG_PART_BYTES) + 1;
}

static struct cb_event part(uint32_t i)
{
    size_t offset = (size_t)i * CB_CONFIG_PART_BYTES, left = bytes.bytes - offset;
    return (struct cb_event){.seq = i + 1u,
                             .ingest_ns = WORLD_START_NS + i,
                             .kind = CB_EVENT_CONFIG,
                             .session = CB_SESSION_NONE,
                             .session_seq = offset,
                             .body = left == 0 ? nothing : bytes.data + offset,
                             .body_bytes =
                                 (uint32_t)(left < CB_CONFIG_PART_BYTES ? left : CB_CONFIG_PART_BYTES)};
}

static void take_all(void)
{
    for (uint32_t i = 0; i < parts_of(); i++) {
        struct cb_event event = part(i);
        enum cb_genesis_result result = cb_genesis_take(&genesis, &event);
        cr_assert_eq(result, i + 1 == parts_of() ? CB_GENESIS_COMPLETE : CB_GENESIS_MORE, "part %u: %s", i,
                     genesis.fault);
    }
    cr_assert(world_same_config(&genesis.config, &config));
}

/* A core made of it stands where one stands that applied the same events itself. */
static void check_applied(void)
{
    struct cb_core core, other;
    void *memory = world_core(&genesis.config, &core);
    cb_genesis_apply(&genesis, &core);
    cr_assert_eq(core.sequence.seq, parts_of());
    void *other_memory = world_core(&config, &other);
    for (uint32_t i = 0; i < parts_of(); i++) {
        struct cb_event event = part(i);
        cr_assert(cb_core_apply(&other, &event));
    }
    struct state_bytes a = world_state(&core), b = world_state(&other);
    cr_assert(state_equal(&a, &b));
    state_free(&a);
    state_free(&b);
    free(memory);
    free(other_memory);
}

static void add_instruments(uint32_t count)
{
    config.instruments_count = count;
    for (uint32_t i = 5; i < count; i++) {
        config.instruments[i] = config.instruments[1];
        config.instruments[i].strike.e8 += i;
    }
}

Test(engine_genesis, a_small_configuration_is_one_part)
{
    serialize();
    cr_assert_eq(parts_of(), 1u);
    take_all();
    check_applied();
}

Test(engine_genesis, a_configuration_of_4096_instruments_is_several_parts)
{
    add_instruments(CB_INSTRUMENTS_MAX);
    serialize();
    cr_assert_gt(parts_of(), 4u);
    take_all();
    check_applied();
}

/* Rows of several lengths, so that some combination ends exactly where a part does. */
static bool fill_whole_parts(void)
{
    const uint32_t instrument_bytes = sizeof config.instruments[0].name + 1 + 2 + 8 + 8;
    const uint32_t chain_bytes = sizeof config.chains[0].name + 2 + 8;
    const uint32_t venue_bytes = sizeof config.venues[0].name + 2;
    for (uint32_t chains = 2; chains <= CB_CHAINS_MAX; chains++) {
        for (uint32_t venues = 1; venues <= CB_VENUES_MAX; venues++) {
            config.chains_count = 2;
            config.venues_count = 1;
            config.instruments_count = 5;
            serialize();
            size_t base = bytes.bytes + (chains - 2) * chain_bytes + (venues - 1) * venue_bytes;
            if ((CB_CONFIG_PART_BYTES - base) % instrument_bytes == 0) {
                config.chains_count = chains;
                config.venues_count = venues;
                for (uint32_t i = 2; i < chains; i++) {
                    config.chains[i] = config.chains[1];
                }
                for (uint32_t i = 1; i < venues; i++) {
                    config.venues[i] = config.venues[0];
                }
                add_instruments((uint32_t)(5 + (CB_CONFIG_PART_BYTES - base) / instrument_bytes));
                return true;
            }
        }
    }
    return false;
}

Test(engine_genesis, an_exact_multiple_of_a_part_ends_with_an_empty_one)
{
    cr_assert(fill_whole_parts());
    serialize();
    cr_assert_eq(bytes.bytes, CB_CONFIG_PART_BYTES);
    cr_assert_eq(parts_of(), 2u);
    take_all();
    check_applied();
}

static void expect_bad(const struct cb_event *event)
{
    cr_assert_eq(cb_genesis_take(&genesis, event), CB_GENESIS_BAD);
    cr_assert_not_null(genesis.fault);
    memset(&genesis, 0, sizeof genesis);
}

Test(engine_genesis, a_first_record_that_is_not_the_first_part_is_refused)
{
    serialize();
    struct cb_event event = part(0);
    event.kind = CB_EVENT_EPOCH;
    expect_bad(&event);
    event = part(0);
    event.seq = 2;
    expect_bad(&event);
    event = part(0);
    event.session_seq = 1;
    expect_bad(&event);
    event = part(0);
    event.session = 0;
    expect_bad(&event);
}

Test(engine_genesis, a_short_a_long_and_a_damaged_part_are_refused)
{
    serialize();
    struct cb_event event = part(0);
    event.body_bytes--;
    expect_bad(&event);
    state_put(&bytes, "x", 1);
    event = part(0);
    expect_bad(&event);
    bytes.bytes--;
    event = part(0);
    bytes.data[0] ^= 2; /* the format */
    expect_bad(&event);
    bytes.data[0] ^= 2;
    bytes.data[12] = 9; /* the clock */
    expect_bad(&event);
    config.risk.maintenance.e9 = 0; /* of risk's own rules */
    serialize();
    event = part(0);
    expect_bad(&event);
}

Test(engine_genesis, a_part_twice_a_missing_part_and_a_longer_than_whole_part_are_refused)
{
    add_instruments(CB_INSTRUMENTS_MAX);
    serialize();
    struct cb_event first = part(0), again = part(0), third = part(2);
    cr_assert_eq(cb_genesis_take(&genesis, &first), CB_GENESIS_MORE);
    expect_bad(&again);
    cr_assert_eq(cb_genesis_take(&genesis, &first), CB_GENESIS_MORE);
    expect_bad(&third);
    first.body_bytes++;
    expect_bad(&first);
    first = part(0);
    first.body_bytes--; /* then it is the last one, and not whole */
    expect_bad(&first);
}

Test(engine_genesis, parts_without_end_are_refused_before_memory_ends)
{
    static uint8_t full[CB_CONFIG_PART_BYTES];
    struct cb_event event = {.kind = CB_EVENT_CONFIG,
                             .session = CB_SESSION_NONE,
                             .body = full,
                             .body_bytes = CB_CONFIG_PART_BYTES};
    for (uint32_t i = 0; i < CB_GENESIS_PARTS_MAX; i++) {
        event.seq = i + 1u;
        event.session_seq = (uint64_t)i * CB_CONFIG_PART_BYTES;
        cr_assert_eq(cb_genesis_take(&genesis, &event), CB_GENESIS_MORE);
    }
    event.seq++;
    event.session_seq += CB_CONFIG_PART_BYTES;
    expect_bad(&event);
}

Test(engine_genesis, the_configuration_of_another_version_is_told_from_a_damaged_one)
{
    serialize();
    struct cb_event event = part(0);
    bytes.data[0] ^= 1; /* its layout */
    cr_assert_eq(cb_genesis_take(&genesis, &event), CB_GENESIS_BAD);
    cr_assert(genesis.other_version);
    memset(&genesis, 0, sizeof genesis);
    bytes.data[0] ^= 1;
    bytes.data[2] ^= 1; /* the core's version */
    cr_assert_eq(cb_genesis_take(&genesis, &event), CB_GENESIS_BAD);
    cr_assert(genesis.other_version);
    memset(&genesis, 0, sizeof genesis);
    bytes.data[2] ^= 1;
    event.body_bytes--;
    cr_assert_eq(cb_genesis_take(&genesis, &event), CB_GENESIS_BAD);
    cr_assert_not(genesis.other_version);
}
