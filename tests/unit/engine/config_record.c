/* Goal: the canonical bytes of a configuration are the configuration: nothing is lost, nothing else is in
 * them, and bytes that no configuration has are refused. Method: round trips, every truncation, every
 * single-byte change, one fault per table. */
#include "host/engine/config_record.h"
#include "tests/support/random.h"
#include "tests/unit/engine/world.h"

#include <criterion/criterion.h>

/* Too large for a stack. */
static struct cb_config config, restored;

static struct state_bytes bytes_of(const struct cb_config *from)
{
    struct state_bytes bytes = {0};
    struct cb_writer writer = state_writer(&bytes);
    cb_config_serialize(from, &writer);
    return bytes;
}

static void open_config(void)
{
    world_config(&config);
}

TestSuite(engine_config_record, .init = open_config);

/* All tables full, every number different from its neighbours. */
static void fill_config(void)
{
    config.sessions_count = CB_SESSIONS_MAX;
    for (uint32_t i = 0; i < CB_SESSIONS_MAX; i++) {
        char name[CB_SESSION_NAME_BYTES + 1];
        snprintf(name, sizeof name, "S%-9u", i);
        config.sessions[i] = config.sessions[i % 6];
        memcpy(config.sessions[i].name, name, CB_SESSION_NAME_BYTES);
    }
    config.factors_count = CB_FACTORS_MAX;
    for (uint32_t i = 0; i < CB_FACTORS_MAX; i++) {
        config.factors[i] = config.factors[0];
        config.factors[i].vol.e9 += i;
    }
    config.assets_count = CB_ASSETS_MAX;
    for (uint32_t i = 1; i < CB_ASSETS_MAX; i++) {
        config.assets[i] = config.assets[1];
        config.assets[i].factor = (uint16_t)(CB_FACTORS_MAX - i);
    }
    config.chains_count = CB_CHAINS_MAX;
    for (uint32_t i = 0; i < CB_CHAINS_MAX; i++) {
        config.chains[i] = config.chains[0];
        config.chains[i].event_loss.e9 = i;
    }
    config.holdings_count = CB_HOLDINGS_MAX;
    for (uint32_t i = 1; i < CB_HOLDINGS_MAX; i++) {
        config.holdings[i] = config.holdings[1];
        config.holdings[i].asset = (uint16_t)(i / CB_CHAINS_MAX + 1);
        config.holdings[i].chain = (uint16_t)(i % CB_CHAINS_MAX);
    }
    config.venues_count = CB_VENUES_MAX;
    for (uint32_t i = 1; i < CB_VENUES_MAX; i++) {
        config.venues[i] = config.venues[0];
    }
    config.instruments_count = CB_INSTRUMENTS_MAX;
    for (uint32_t i = 5; i < CB_INSTRUMENTS_MAX; i++) {
        config.instruments[i] = config.instruments[1];
        config.instruments[i].strike.e8 += i;
        config.instruments[i].expiry_ns += i;
    }
}

Test(engine_config_record, a_restored_configuration_is_the_same_one)
{
    struct state_bytes bytes = bytes_of(&config);
    struct cb_reader reader = state_reader(&bytes);
    memset(&restored, 0xA5, sizeof restored);
    cr_assert(cb_config_restore(&restored, &reader));
    cr_assert_eq(bytes.at, bytes.bytes, "all of it is read");
    cr_assert(world_same_config(&config, &restored));
    struct state_bytes again = bytes_of(&restored);
    cr_assert(state_equal(&bytes, &again));
    state_free(&bytes);
    state_free(&again);
}

Test(engine_config_record, all_tables_full_fit_the_bound_and_come_back)
{
    fill_config();
    cr_assert_null(cb_config_tables_fault(&config), "%s", cb_config_tables_fault(&config));
    struct state_bytes bytes = bytes_of(&config);
    cr_assert_leq(bytes.bytes, CB_CONFIG_RECORD_BYTES_MAX);
    struct cb_reader reader = state_reader(&bytes);
    cr_assert(cb_config_restore(&restored, &reader));
    struct state_bytes again = bytes_of(&restored);
    cr_assert(state_equal(&bytes, &again));
    state_free(&bytes);
    state_free(&again);
}

Test(engine_config_record, padding_and_unused_rows_never_reach_the_bytes)
{
    struct state_bytes clean = bytes_of(&config);
    for (unsigned dirt = 0; dirt < 256; dirt += 51) {
        world_copy_config(&restored, &config, (uint8_t)dirt);
        struct state_bytes bytes = bytes_of(&restored);
        cr_assert(state_equal(&clean, &bytes), "dirt %u", dirt);
        state_free(&bytes);
    }
    state_free(&clean);
}

Test(engine_config_record, every_truncation_is_refused)
{
    struct state_bytes bytes = bytes_of(&config);
    size_t whole = bytes.bytes;
    for (size_t cut = 0; cut < whole; cut++) {
        bytes.bytes = cut;
        struct cb_reader reader = state_reader(&bytes);
        cr_assert_not(cb_config_restore(&restored, &reader), "cut at %zu of %zu", cut, whole);
    }
    state_free(&bytes);
}

/* What was read, written again: the same bytes, or some other configuration was read than was written. */
static void check_changed(struct state_bytes *bytes, size_t at, uint32_t *taken)
{
    struct cb_reader reader = state_reader(bytes);
    if (!cb_config_restore(&restored, &reader)) {
        return;
    }
    size_t read = bytes->at;
    struct state_bytes again = bytes_of(&restored);
    cr_assert_eq(again.bytes, read, "byte %zu", at);
    cr_assert_eq(memcmp(again.data, bytes->data, read), 0, "byte %zu", at);
    uint32_t index;
    const char *fault = cb_core_config_fault(&restored, &index);
    (void)fault; /* whether or not risk refuses it, asking is safe */
    state_free(&again);
    (*taken)++;
}

Test(engine_config_record, every_changed_byte_is_refused_or_is_another_configuration_with_those_bytes)
{
    struct random random = random_start("config bytes");
    struct state_bytes bytes = bytes_of(&config);
    uint32_t taken = 0, tried = 0;
    for (size_t at = 0; at < bytes.bytes; at++) {
        uint8_t before = bytes.data[at];
        for (uint32_t round = 0; round < random_effort(4); round++) {
            uint8_t change =
                round < 2 ? (uint8_t)(round == 0 ? 1 : 0x80) : (uint8_t)random_below(&random, 256);
            bytes.data[at] = (uint8_t)(before ^ change);
            check_changed(&bytes, at, &taken);
            tried++;
        }
        bytes.data[at] = before;
    }
    cr_assert_gt(taken, 0u);
    cr_assert_lt(taken, tried);
    state_free(&bytes);
}

/* What was decided under other rules can not be replayed under these: core.h. */
Test(engine_config_record, a_record_of_another_core_version_is_refused)
{
    for (int step = -1; step <= 1; step++) {
        struct state_bytes bytes = bytes_of(&config);
        struct cb_reader reader = state_reader(&bytes);
        uint32_t version = (uint32_t)((int64_t)CB_CORE_VERSION + step);
        bytes.data[2] = (uint8_t)version;
        bytes.data[3] = (uint8_t)(version >> 8);
        cr_assert_eq(cb_config_restore(&restored, &reader), step == 0, "%d", step);
        state_free(&bytes);
    }
}

Test(engine_config_record, a_row_count_past_its_limit_is_refused)
{
    struct state_bytes bytes = bytes_of(&config);
    uint32_t count;
    size_t at =
        4 + 8 + 1 + 3 * 8 + 7 * 4 + 11 * 8; /* format, scalars, capacity, risk: then the sessions' count */
    memcpy(&count, bytes.data + at, sizeof count);
    cr_assert_eq(count, config.sessions_count);
    for (uint32_t wrong = CB_SESSIONS_MAX + 1; wrong != 0; wrong *= 2) {
        memcpy(bytes.data + at, &wrong, sizeof wrong);
        struct cb_reader reader = state_reader(&bytes);
        cr_assert_not(cb_config_restore(&restored, &reader));
        cr_assert_eq(restored.sessions_count, 0u, "the walk stays inside the table");
    }
    state_free(&bytes);
}

/* One member set to one value: a fault; and set back: none. */
#define FAULTY(member, wrong)                                                                                \
    do {                                                                                                     \
        __typeof__(config.member) right_ = config.member;                                                    \
        config.member = (__typeof__(config.member))(wrong);                                                  \
        cr_assert_not_null(cb_config_tables_fault(&config), #member " = " #wrong);                           \
        config.member = right_;                                                                              \
        cr_assert_null(cb_config_tables_fault(&config), #member);                                            \
    } while (0)
#define GOOD(member, other)                                                                                  \
    do {                                                                                                     \
        __typeof__(config.member) right_ = config.member;                                                    \
        config.member = (__typeof__(config.member))(other);                                                  \
        cr_assert_null(cb_config_tables_fault(&config), #member " = " #other ": %s",                         \
                       cb_config_tables_fault(&config));                                                     \
        config.member = right_;                                                                              \
    } while (0)

Test(engine_config_record, a_fault_of_a_scalar_or_a_capacity_is_named)
{
    FAULTY(clock, 0);
    FAULTY(clock, CB_CLOCK_FEED + 1);
    FAULTY(future_ns, -1);
    GOOD(future_ns, 0);
    FAULTY(resend_ns, 0);
    FAULTY(resend_ns, config.resend_max_ns + 1);
    GOOD(resend_ns, config.resend_max_ns);
    FAULTY(capacity.accounts, 0);
    FAULTY(capacity.accounts, CB_ACCOUNTS_MAX + 1);
    GOOD(capacity.accounts, CB_ACCOUNTS_MAX);
    FAULTY(capacity.positions, 0);
    FAULTY(capacity.positions, CB_POSITIONS_MAX + 1);
    FAULTY(capacity.positions_per_account, 0);
    FAULTY(capacity.positions_per_account, CB_POSITIONS_PER_ACCOUNT_MAX + 1);
    FAULTY(capacity.balances, 0);
    FAULTY(capacity.balances, CB_BALANCES_MAX + 1);
    FAULTY(capacity.orders, 0);
    FAULTY(capacity.orders, CB_ORDERS_MAX + 1);
    FAULTY(capacity.holds, 0);
    FAULTY(capacity.holds, CB_HOLDS_MAX + 1);
    FAULTY(capacity.answers, 0);
    FAULTY(capacity.answers, CB_ANSWERS_MAX + 1);
}

Test(engine_config_record, times_that_could_carry_a_deadline_past_the_end_of_time_are_faults)
{
    /* A record's time reaches 2^62 ns; a deadline is at most that and one wait later. */
    FAULTY(resend_max_ns, INT64_MAX);
    FAULTY(future_ns, INT64_MAX);
    GOOD(resend_max_ns, 30 * CB_NS_PER_DAY);
    GOOD(future_ns, 30 * CB_NS_PER_DAY);
}

Test(engine_config_record, a_fault_of_each_table_is_named)
{
    FAULTY(sessions_count, 0);
    FAULTY(sessions[1].class, 0);
    FAULTY(sessions[1].class, CB_SESSION_ORDERED + 1);
    FAULTY(sessions[1].role, 0);
    FAULTY(sessions[1].role, CB_ROLE_CUSTODIAN + 1);
    FAULTY(factors_count, 0);
    FAULTY(factors[1].sources, 0);
    FAULTY(factors[1].sources, CB_SOURCES_MAX + 1);
    FAULTY(factors[1].quorum, 0);
    FAULTY(factors[1].quorum, config.factors[1].sources + 1);
    FAULTY(factors[1].heartbeat_ns, 0);
    FAULTY(assets_count, 0);
    FAULTY(assets[0].factor, 0);
    FAULTY(assets[1].factor, CB_NONE_U16);
    FAULTY(assets[1].factor, config.factors_count);
    FAULTY(chains[1].session, config.sessions_count);
    GOOD(chains[1].session, config.sessions_count - 1);
    FAULTY(holdings[1].asset, config.assets_count);
    FAULTY(holdings[1].chain, config.chains_count);
    FAULTY(venues[0].session, config.sessions_count);
    FAULTY(instruments[1].kind, 0);
    FAULTY(instruments[1].kind, CB_PUT + 1);
    FAULTY(instruments[1].factor, config.factors_count);
}

Test(engine_config_record, two_sessions_of_one_name_are_a_fault)
{
    char name[CB_SESSION_NAME_BYTES];
    memcpy(name, config.sessions[4].name, sizeof name);
    memcpy(config.sessions[4].name, config.sessions[2].name, sizeof name);
    cr_assert_not_null(cb_config_tables_fault(&config));
    memcpy(config.sessions[4].name, name, sizeof name);
    cr_assert_null(cb_config_tables_fault(&config));
}

Test(engine_config_record, one_asset_on_one_chain_is_one_holding)
{
    struct cb_holding_config holding = config.holdings[2];
    config.holdings[2] = config.holdings[1];
    cr_assert_not_null(cb_config_tables_fault(&config));
    config.holdings[2] = holding;
    cr_assert_null(cb_config_tables_fault(&config));
}
