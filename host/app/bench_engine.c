/* clearbox bench engine: the core alone, without packets, journal or clock, at two sizes.
 *
 * Rates and times are of the thread's CPU time, so that a neighbour on the core does not count; what passed
 * on the wall is given beside the mix, and the latency histogram is of the wall. Messages are encoded before
 * the clock starts; cb_core_apply is called once an event, as the engine does. */
#include "host/app/bench.h"
#include "host/app/bench_workload.h"
#include "host/app/store.h"
#include "host/engine/core.h"
#include "host/engine/effects.h"

#include <stdlib.h>
#include <string.h>

#define TAPE_EVENTS   200000u
#define SINGLE_EVENTS 20000u
#define ROLL_EVENTS   96u /* 32 rolls a round */
#define HOT_BOOKS     64u
#define EVALUATIONS   20000u
#define LINES_READ    200000u

struct bench {
    const struct cb_bench_size *size;
    struct cb_config config;
    struct cb_memory memory;
    struct cb_core core;
    struct cb_bench_world world;
    struct cb_bench_tape tape;
    struct cb_bench_report *report;
    struct cb_histogram latency;
    uint64_t sent;
};

static void count_sent(void *self, uint64_t cause_seq, uint16_t session, const uint8_t *message,
                       uint16_t bytes)
{
    struct bench *bench = self;
    (void)cause_seq;
    (void)session;
    (void)message;
    bench->sent += bytes;
}

static char *figure_name(struct bench *bench, const char *what)
{
    static char name[96];
    snprintf(name, sizeof name, "%s_%s", bench->size->name, what);
    return name;
}

/* Applies the tape. Returns ns of CPU time; *wall_ns, where wanted, is what passed. */
static double apply_tape(struct bench *bench, double *wall_ns)
{
    int64_t start = cb_bench_cpu_ns(), wall = cb_bench_now_ns();
    for (uint32_t i = 0; i < bench->tape.count; i++) {
        bool follows = cb_core_apply(&bench->core, &bench->tape.events[i]);
        CB_ASSERT(follows);
    }
    if (wall_ns != NULL) {
        *wall_ns = (double)(cb_bench_now_ns() - wall);
    }
    return (double)(cb_bench_cpu_ns() - start);
}

static uint64_t refused(const struct bench *bench)
{
    uint64_t count = 0;
    for (uint32_t reason = CB_REJECT_NONE + 1; reason < CB_REJECT_COUNT; reason++) {
        count += bench->core.stats.refused[reason];
    }
    return count;
}

/* Opens and fills every account: position k of all accounts before position k + 1 of any, so that an
 * account's rows are made far apart in time. */
static void fill(struct bench *bench)
{
    const struct cb_bench_size *size = bench->size;
    uint64_t before = cb_bench_resident_bytes();
    cb_bench_tape_genesis(&bench->tape, &bench->world);
    double trades = 0;
    (void)apply_tape(bench, NULL);
    uint32_t step = TAPE_EVENTS / CB_BENCH_ACCOUNT_EVENTS;
    for (uint32_t from = 0; from < size->accounts; from += step) {
        uint32_t to = size->accounts - from < step ? size->accounts : from + step;
        cb_bench_tape_accounts(&bench->tape, &bench->world, from, to);
        (void)apply_tape(bench, NULL);
    }
    double trading_ns = 0;
    for (uint32_t position = 0; position < size->positions; position++) {
        for (uint32_t from = 0; from < size->accounts; from += TAPE_EVENTS) {
            uint32_t to = size->accounts - from < TAPE_EVENTS ? size->accounts : from + TAPE_EVENTS;
            cb_bench_tape_positions(&bench->tape, &bench->world, position, from, to);
            trading_ns += apply_tape(bench, NULL);
            trades += bench->tape.count;
        }
    }
    uint64_t resident = cb_bench_resident_bytes() - before;
    struct cb_ledger_usage usage = cb_ledger_usage(&bench->core.ledger);
    const char *wrong = cb_ledger_audit(&bench->core.ledger);
    CB_ASSERT(wrong == NULL);
    cb_bench_report_number(bench->report, figure_name(bench, "accounts"), "", usage.accounts);
    cb_bench_report_number(bench->report, figure_name(bench, "positions"), "", usage.positions);
    cb_bench_report_number(bench->report, figure_name(bench, "fill_trades"), "events/s",
                           trades / trading_ns * 1e9);
    cb_bench_report_number(bench->report, figure_name(bench, "resident_after_fill"), "MiB",
                           (double)resident / (1 << 20));
    cb_bench_report_number(bench->report, figure_name(bench, "resident_per_position"), "B",
                           (double)resident / usage.positions);
}

/* What one more account or position costs: the footprint of a configuration with twice as many, less this
 * one. */
static void report_memory(struct bench *bench)
{
    struct cb_config *config = &bench->config;
    struct cb_capacity_config saved = config->capacity;
    double base = (double)cb_core_footprint(config);
    uint32_t timers = CB_FACTORS_MAX + saved.holds + saved.accounts;
    const struct {
        const char *name;
        size_t bytes;
    } stages[] = {
        {"memory_timers", cb_timers_footprint(timers)}, {"memory_ledger", cb_ledger_footprint(config)},
        {"memory_risk", cb_risk_footprint(config)},     {"memory_answers", cb_answers_footprint(config)},
        {"memory_outbox", cb_outbox_footprint(config)}, {"memory_core", cb_core_footprint(config)},
    };
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        cb_bench_report_number(bench->report, figure_name(bench, stages[i].name), "MiB",
                               (double)stages[i].bytes / (1 << 20));
    }
    config->capacity.positions = 2 * saved.positions;
    double position = ((double)cb_core_footprint(config) - base) / saved.positions;
    config->capacity = saved;
    config->capacity.accounts = 2 * saved.accounts;
    double account = ((double)cb_core_footprint(config) - base) / saved.accounts;
    config->capacity = saved;
    cb_bench_report_number(bench->report, figure_name(bench, "memory_one_more_position"), "B", position);
    cb_bench_report_number(bench->report, figure_name(bench, "memory_one_more_account"), "B", account);
}

/* The reference of the mix: the same events with their bytes folded into the effects hash and nothing else,
 * which is what reading the input and accounting for it costs at the least. */
static double fold_tape(struct bench *bench)
{
    uint64_t hash = 0;
    int64_t start = cb_bench_cpu_ns();
    for (uint32_t i = 0; i < bench->tape.count; i++) {
        const struct cb_event *event = &bench->tape.events[i];
        hash = cb_effects_bytes(cb_effects_word(hash, event->seq), event->body, event->body_bytes);
    }
    cb_bench_keep(hash);
    return (double)(cb_bench_cpu_ns() - start);
}

static void bench_mix(struct bench *bench)
{
    struct cb_bench_rounds rate = {0}, wall = {0}, fold = {0};
    uint64_t refused_before = refused(bench), evaluations = bench->core.stats.evaluations;
    double events = 0;
    for (uint32_t round = 0; round < CB_BENCH_ROUNDS + 1; round++) {
        cb_bench_tape_mixed(&bench->tape, &bench->world, TAPE_EVENTS, cb_bench_mix);
        double wall_ns, fold_ns = fold_tape(bench), ns = apply_tape(bench, &wall_ns);
        events += bench->tape.count;
        if (round > 0) { /* the first one warms up */
            cb_bench_rounds_add(&rate, bench->tape.count / ns * 1e9);
            cb_bench_rounds_add(&wall, bench->tape.count / wall_ns * 1e9);
            cb_bench_rounds_add(&fold, bench->tape.count / fold_ns * 1e9);
        }
    }
    cb_bench_report_against(bench->report, figure_name(bench, "mix"), "events/s", &rate, "fold_of_the_bytes",
                            &fold);
    cb_bench_report_rounds(bench->report, figure_name(bench, "mix_by_the_wall_clock"), "events/s", &wall);
    cb_bench_report_number(bench->report, figure_name(bench, "mix_refused_share"), "",
                           (double)(refused(bench) - refused_before) / events);
    cb_bench_report_number(bench->report, figure_name(bench, "mix_evaluations_per_event"), "",
                           (double)(bench->core.stats.evaluations - evaluations) / events);
}

static void bench_latency(struct bench *bench)
{
    cb_bench_tape_mixed(&bench->tape, &bench->world, TAPE_EVENTS, cb_bench_mix);
    cb_histogram_init(&bench->latency);
    int64_t before = cb_bench_now_ns();
    for (uint32_t i = 0; i < bench->tape.count; i++) {
        bool follows = cb_core_apply(&bench->core, &bench->tape.events[i]);
        CB_ASSERT(follows);
        int64_t after = cb_bench_now_ns();
        cb_histogram_record(&bench->latency, after - before);
        before = after;
    }
    cb_bench_report_latency(bench->report, figure_name(bench, "mix_latency_with_clock"), &bench->latency);
}

/* Makes room in, or orders for, the queue of open orders, outside the clock. */
static void prepare_orders(struct bench *bench, enum cb_bench_kind kind)
{
    if (kind == CB_BENCH_CHECK) {
        cb_bench_tape_single(&bench->tape, &bench->world, bench->world.open_count, CB_BENCH_CANCEL);
        (void)apply_tape(bench, NULL);
    } else if (kind == CB_BENCH_TRADE || kind == CB_BENCH_CANCEL) {
        uint32_t free = bench->world.open_max - bench->world.open_count;
        cb_bench_tape_single(&bench->tape, &bench->world, free, CB_BENCH_CHECK);
        (void)apply_tape(bench, NULL);
    }
}

static void bench_kinds(struct bench *bench)
{
    char what[64];
    for (uint32_t kind = 0; kind < CB_BENCH_KINDS; kind++) {
        struct cb_bench_rounds ns = {0};
        for (uint32_t round = 0; round < CB_BENCH_ROUNDS; round++) {
            prepare_orders(bench, (enum cb_bench_kind)kind);
            cb_bench_tape_single(&bench->tape, &bench->world,
                                 kind == CB_BENCH_ROLL ? ROLL_EVENTS : SINGLE_EVENTS,
                                 (enum cb_bench_kind)kind);
            double events = kind == CB_BENCH_ROLL ? bench->tape.count / 3.0 : bench->tape.count;
            cb_bench_rounds_add(&ns, apply_tape(bench, NULL) / events);
        }
        snprintf(what, sizeof what, "%s", cb_bench_kind_names[kind]);
        cb_bench_report_rounds(bench->report, figure_name(bench, what), "ns", &ns);
    }
}

/* ns an evaluation (the book is gathered from the ledger, then valued) over `accounts` of them by turns, in a
 * scattered order. */
static double evaluate(struct bench *bench, uint32_t accounts)
{
    struct cb_margin margin;
    uint64_t sum = 0;
    int64_t start = cb_bench_cpu_ns();
    for (uint32_t i = 0; i < EVALUATIONS; i++) {
        uint32_t account = (uint32_t)((uint64_t)i * 7919u % accounts);
        cb_core_margin(&bench->core, account, &margin);
        sum += (uint64_t)margin.free_e6;
    }
    cb_bench_keep(sum);
    return (double)(cb_bench_cpu_ns() - start) / EVALUATIONS;
}

/* ns to add the rows of one 20-position book to the sums, with everything in cache: the multiply-accumulate
 * alone. */
static double net_alone(struct bench *bench)
{
    struct cb_risk *risk = &bench->core.risk;
    const struct cb_book *book = &bench->core.book;
    cb_ledger_book(&bench->core.ledger, 1, &bench->core.book);
    CB_ASSERT(book->positions_count / CB_BENCH_BLOCK <= bench->size->factors);
    for (uint32_t p = 0; p < book->positions_count; p += CB_BENCH_BLOCK) {
        cb_net_clear(&risk->sums[p / CB_BENCH_BLOCK].positions); /* scratch: an evaluation starts them too */
    }
    int64_t start = cb_bench_cpu_ns();
    for (uint32_t i = 0; i < EVALUATIONS; i++) {
        for (uint32_t p = 0; p < book->positions_count; p++) {
            risk->add(&risk->sums[p / CB_BENCH_BLOCK].positions,
                      &risk->instrument_rows[book->positions[p].instrument], book->positions[p].qty_e8);
        }
    }
    return (double)(cb_bench_cpu_ns() - start) / EVALUATIONS;
}

/* ns of one read of a random cache line that depends on the one before, over the rows of all positions. */
static double read_lines(struct bench *bench)
{
    const uint8_t *base = (const uint8_t *)bench->core.ledger.positions;
    size_t lines = bench->size->accounts * (size_t)bench->size->positions * 32 / 64;
    uint64_t at = 1;
    int64_t start = cb_bench_cpu_ns();
    for (uint32_t i = 0; i < LINES_READ; i++) {
        at = at * UINT64_C(6364136223846793005) + 1442695040888963407u + base[(at >> 20) % lines * 64];
    }
    cb_bench_keep(at);
    return (double)(cb_bench_cpu_ns() - start) / LINES_READ;
}

static void bench_evaluation(struct bench *bench)
{
    struct cb_bench_rounds hot = {0}, all = {0}, alone = {0}, lines = {0};
    (void)evaluate(bench, HOT_BOOKS);
    for (uint32_t round = 0; round < CB_BENCH_ROUNDS; round++) {
        cb_bench_rounds_add(&hot, evaluate(bench, HOT_BOOKS));
        cb_bench_rounds_add(&alone, net_alone(bench));
        cb_bench_rounds_add(&all, evaluate(bench, bench->size->accounts));
        cb_bench_rounds_add(&lines, read_lines(bench));
    }
    cb_bench_report_against(bench->report, figure_name(bench, "margin_of_a_hot_book"), "ns", &hot,
                            "netting_alone", &alone);
    cb_bench_report_against(bench->report, figure_name(bench, "margin_of_any_book"), "ns", &all,
                            "dependent_read_of_a_line", &lines);
}

static enum cb_exit bench_size(const struct cb_options *options, struct bench *bench,
                               const struct cb_bench_size *size, struct cb_bench_report *report)
{
    memset(bench, 0, sizeof *bench);
    bench->size = size;
    bench->report = report;
    cb_bench_config(&bench->config, size);
    uint32_t index;
    CB_ASSERT(cb_core_config_fault(&bench->config, &index) == NULL);
    bool memory = cb_memory_take(&bench->memory, cb_core_footprint(&bench->config), false, options->errors);
    if (!memory) {
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_arena arena = cb_arena_over(bench->memory.base, bench->memory.bytes);
    const struct cb_core_sink sink = {.self = bench, .send = count_sent};
    uint64_t seed = options->has_seed ? options->seed : 1;
    memory = cb_bench_world_open(&bench->world, size, &bench->config, seed) &&
             cb_bench_tape_open(&bench->tape, TAPE_EVENTS);
    if (memory) {
        memset(bench->tape.bodies, 0, bench->tape.bodies_max); /* its pages shall not count as the core's */
        memset(bench->tape.events, 0, TAPE_EVENTS * sizeof bench->tape.events[0]);
        uint64_t before = cb_bench_resident_bytes();
        cb_core_init(&bench->core, &arena, &bench->config, &sink);
        cb_bench_report_number(report, figure_name(bench, "resident_after_init"), "MiB",
                               (double)(cb_bench_resident_bytes() - before) / (1 << 20));
        report_memory(bench);
        fill(bench);
        bench_mix(bench);
        bench_latency(bench);
        bench_kinds(bench);
        bench_evaluation(bench);
        CB_ASSERT(cb_ledger_audit(&bench->core.ledger) == NULL);
    } else {
        cb_message_print(options->errors, CB_MESSAGE_4002, "no memory for the messages of the bench");
    }
    cb_bench_tape_close(&bench->tape);
    cb_bench_world_close(&bench->world);
    cb_memory_give(&bench->memory);
    return memory ? CB_EXIT_OK : CB_EXIT_ENVIRONMENT;
}

int cb_bench_engine(const struct cb_options *options)
{
    struct cb_bench_report report;
    struct bench *bench = malloc(sizeof *bench);
    if (bench == NULL) {
        cb_message_print(options->errors, CB_MESSAGE_4002, "no memory for the bench");
        return CB_EXIT_ENVIRONMENT;
    }
    cb_bench_report_begin(&report, options, "engine");
    cb_bench_report_number(&report, "clock_read", "ns", cb_bench_clock_ns());
    enum cb_exit result = CB_EXIT_OK;
    for (const struct cb_bench_size *size = cb_bench_sizes; size->name != NULL && result == CB_EXIT_OK;
         size++) {
        result = bench_size(options, bench, size, &report);
    }
    cb_bench_report_end(&report, -1.0);
    free(bench);
    return (int)result;
}
