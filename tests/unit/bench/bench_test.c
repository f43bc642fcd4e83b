/* Goal: the bench's arithmetic is right, and its workload is what it says it is. Method: figures by hand; the
 * tapes applied to a small core, where every event must follow and hardly one be refused. No time is
 * measured. */
#include "host/app/bench.h"
#include "host/app/bench_workload.h"
#include "host/engine/core.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct cb_config config;
    struct cb_core core;
    struct cb_bench_world bench;
    struct cb_bench_tape tape;
    void *memory;
};

#define TAPE 20000u

static struct world *world_open(void)
{
    struct world *world = calloc(1, sizeof *world);
    cr_assert_not_null(world);
    cb_bench_config(&world->config, &cb_bench_sizes[0]);
    size_t bytes = cb_core_footprint(&world->config);
    world->memory = aligned_alloc(CB_ARENA_ALIGN, cb_arena_room(bytes));
    cr_assert_not_null(world->memory);
    memset(world->memory, 0, cb_arena_room(bytes));
    struct cb_arena arena = cb_arena_over(world->memory, cb_arena_room(bytes));
    cb_core_init(&world->core, &arena, &world->config, NULL);
    cr_assert(cb_bench_world_open(&world->bench, &cb_bench_sizes[0], &world->config, 7));
    cr_assert(cb_bench_tape_open(&world->tape, TAPE));
    return world;
}

static void world_close(struct world *world)
{
    cb_bench_tape_close(&world->tape);
    cb_bench_world_close(&world->bench);
    free(world->memory);
    free(world);
}

static void apply(struct world *world)
{
    for (uint32_t i = 0; i < world->tape.count; i++) {
        cr_assert(cb_core_apply(&world->core, &world->tape.events[i]), "event %u of the tape", i);
    }
}

static uint64_t refused(const struct world *world)
{
    uint64_t count = 0;
    for (uint32_t reason = CB_REJECT_NONE + 1; reason < CB_REJECT_COUNT; reason++) {
        count += world->core.stats.refused[reason];
    }
    return count;
}

static void fill(struct world *world)
{
    const struct cb_bench_size *size = world->bench.size;
    cb_bench_tape_genesis(&world->tape, &world->bench);
    apply(world);
    cb_bench_tape_accounts(&world->tape, &world->bench, 0, size->accounts);
    cr_assert_eq(world->tape.count, size->accounts * CB_BENCH_ACCOUNT_EVENTS);
    apply(world);
    for (uint32_t position = 0; position < size->positions; position++) {
        cb_bench_tape_positions(&world->tape, &world->bench, position, 0, size->accounts);
        apply(world);
    }
}

Test(bench, the_median_is_the_middle_round_or_the_mean_of_two)
{
    struct cb_bench_rounds rounds = {0};
    cb_bench_rounds_add(&rounds, 5.0);
    cr_assert_eq(cb_bench_median(&rounds), 5.0);
    cb_bench_rounds_add(&rounds, 1.0);
    cr_assert_eq(cb_bench_median(&rounds), 3.0);
    cb_bench_rounds_add(&rounds, 100.0);
    cr_assert_eq(cb_bench_median(&rounds), 5.0);
    cr_assert_eq(cb_bench_least(&rounds), 1.0);
    cr_assert_eq(cb_bench_greatest(&rounds), 100.0);
    cr_assert_eq(rounds.value[0], 5.0, "asking sorts a copy");
}

Test(bench, a_ratio_is_median_over_median)
{
    char *text = NULL;
    size_t bytes = 0;
    struct cb_bench_rounds ours = {.count = 3, .value = {9.0, 6.0, 1.0}},
                           reference = {.count = 1, .value = {4.0}};
    struct cb_bench_report report = {.out = open_memstream(&text, &bytes), .json = true};
    cb_bench_report_against(&report, "a", "x/s", &ours, "b", &reference);
    cb_bench_report_number(&report, "c", "B", 2.5);
    fclose(report.out);
    cr_assert_str_eq(
        text, "\"a\": {\"unit\": \"x/s\", \"median\": 6.0000, \"least\": 1.0000, \"greatest\": 9.0000, "
              "\"rounds\": 3, \"reference\": \"b\", \"reference_median\": 4.0000, \"ratio\": 1.5000}, "
              "\"c\": {\"unit\": \"B\", \"value\": 2.5000}");
    free(text);
}

Test(bench, every_size_is_a_configuration_with_distinct_positions)
{
    struct cb_config *config = calloc(1, sizeof *config);
    cr_assert_not_null(config);
    for (const struct cb_bench_size *size = cb_bench_sizes; size->name != NULL; size++) {
        uint32_t index;
        cb_bench_config(config, size);
        const char *fault = cb_core_config_fault(config, &index);
        cr_assert_null(fault, "%s: %s (row %u)", size->name, fault, index);
        for (uint32_t account = 0; account < size->accounts; account += 17) {
            for (uint32_t p = 0; p < size->positions; p++) {
                uint16_t instrument = cb_bench_instrument(size, account, p);
                cr_assert_lt(instrument, size->instruments);
                for (uint32_t q = 0; q < p; q++) {
                    cr_assert_neq(instrument, cb_bench_instrument(size, account, q));
                }
            }
        }
    }
    free(config);
}

Test(bench, the_shares_of_the_mix_sum_to_a_thousand)
{
    uint32_t sum = 0;
    for (uint32_t kind = 0; kind < CB_BENCH_KINDS; kind++) {
        sum += cb_bench_mix[kind];
    }
    cr_assert_eq(sum, 1000);
}

Test(bench, a_filled_world_has_every_position_and_refuses_nothing)
{
    struct world *world = world_open();
    fill(world);
    struct cb_ledger_usage usage = cb_ledger_usage(&world->core.ledger);
    cr_assert_eq(usage.accounts, world->bench.size->accounts);
    cr_assert_eq(usage.positions, world->bench.size->accounts * world->bench.size->positions);
    cr_assert_eq(refused(world), 0);
    world_close(world);
}

Test(bench, the_mix_is_approved_and_rolls_no_epoch)
{
    struct world *world = world_open();
    fill(world);
    uint64_t rolls = world->core.stats.rolls, before[CB_BENCH_KINDS] = {0};
    for (uint32_t round = 0; round < 5; round++) {
        cb_bench_tape_mixed(&world->tape, &world->bench, TAPE, cb_bench_mix);
        cr_assert_eq(world->tape.count, TAPE);
        for (uint32_t i = 0; i < TAPE; i++) {
            before[world->tape.kinds[i]]++;
        }
        apply(world);
    }
    cr_assert_eq(world->core.stats.rolls, rolls);
    cr_assert_lt(refused(world), 5 * TAPE / 1000, "one in a thousand at the most");
    cr_assert_gt(world->core.stats.approved, 0);
    for (uint32_t kind = 0; kind < CB_BENCH_KINDS; kind++) { /* each within a tenth, and 50, of its share */
        double want = 5.0 * TAPE * cb_bench_mix[kind] / 1000.0;
        cr_assert_float_eq((double)before[kind], want, want / 10.0 + 50.0, "%s", cb_bench_kind_names[kind]);
    }
    cr_assert_null(cb_ledger_audit(&world->core.ledger));
    world_close(world);
}

Test(bench, a_roll_is_one_roll_of_its_factor)
{
    struct world *world = world_open();
    fill(world);
    uint64_t rolls = world->core.stats.rolls;
    cb_bench_tape_single(&world->tape, &world->bench, 60, CB_BENCH_ROLL);
    cr_assert_eq(world->tape.count, 60);
    apply(world);
    cr_assert_eq(world->core.stats.rolls - rolls, 20, "three prices make one");
    cr_assert_eq(refused(world), 0);
    world_close(world);
}

Test(bench, the_same_seed_makes_the_same_tape)
{
    struct world *one = world_open(), *two = world_open();
    fill(one);
    fill(two);
    cb_bench_tape_mixed(&one->tape, &one->bench, TAPE, cb_bench_mix);
    cb_bench_tape_mixed(&two->tape, &two->bench, TAPE, cb_bench_mix);
    cr_assert_eq(one->tape.bodies_bytes, two->tape.bodies_bytes);
    cr_assert_eq(memcmp(one->tape.bodies, two->tape.bodies, one->tape.bodies_bytes), 0);
    world_close(one);
    world_close(two);
}
