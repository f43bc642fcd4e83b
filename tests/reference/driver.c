/* Goal: let tests/reference/compare.py drive risk. Method: one command a line on standard input; answers on
 * standard output; any line it does not understand ends it with a message. The commands are the rows of the
 * table below; all numbers are decimal integers in the project's units. */
#include "host/risk/black76.h"
#include "host/risk/risk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_MAX 8

static struct cb_config config;
static struct cb_risk risk;
static struct cb_risk_market market;
static struct cb_book book;

typedef void command_fn(const int64_t *n);

static void on_reset(const int64_t *n)
{
    (void)n;
    memset(&config, 0, sizeof config);
    memset(&market, 0, sizeof market);
    config.assets_count = 1;
    config.assets[0].factor = CB_NONE_U16;
    config.risk.call_leave.e9 = config.risk.warning_enter.e9 = config.risk.warning_leave.e9 = CB_E9;
}

static void on_parameters(const int64_t *n)
{
    config.risk.maintenance.e9 = n[0];
    config.risk.unrealised.e9 = n[1];
    config.risk.vol_up.e9 = n[2];
    config.risk.vol_down.e9 = n[3];
    config.risk.skew.e9 = n[4];
    config.risk.epoch_ns = CB_NS_PER_S;
}

static void on_factor(const int64_t *n)
{
    struct cb_factor_config *factor = &config.factors[config.factors_count++];
    factor->scan_range.e9 = n[0];
    factor->vol_floor.e9 = n[1];
    factor->price_tick.e8 = n[2];
    config.assets[config.assets_count].factor = (uint16_t)(config.factors_count - 1);
    config.assets_count++;
}

static void on_chain(const int64_t *n)
{
    config.chains[config.chains_count++].event_loss.e9 = n[0];
}

static void on_holding(const int64_t *n)
{
    struct cb_holding_config *holding = &config.holdings[config.holdings_count++];
    holding->asset = (uint16_t)n[0];
    holding->chain = (uint16_t)n[1];
    holding->haircut.e9 = n[2];
    holding->debt_haircut.e9 = n[3];
}

static void on_instrument(const int64_t *n)
{
    struct cb_instrument_config *instrument = &config.instruments[config.instruments_count++];
    instrument->kind = (uint8_t)n[0];
    instrument->factor = (uint16_t)n[1];
    instrument->strike.e8 = n[2];
    instrument->expiry_ns = n[3];
}

static void on_init(const int64_t *n)
{
    (void)n;
    static void *memory;
    static struct cb_book_position positions[4096];
    static struct cb_book_order orders[4096];
    static struct cb_book_balance balances[256];
    uint32_t index;
    const char *fault = cb_risk_config_fault(&config, &index);
    if (fault != NULL) {
        fprintf(stderr, "configuration: %s (row %u)\n", fault, index);
        exit(2);
    }
    free(memory);
    size_t bytes = cb_risk_footprint(&config);
    memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    cb_risk_init(&risk, &arena, &config);
    book.positions = positions;
    book.orders = orders;
    book.balances = balances;
}

static void print_row(const char *kind, uint32_t index, const struct cb_risk_row *row)
{
    printf("%s %u", kind, index);
    for (unsigned lane = 0; lane < CB_RISK_LANES; lane++) {
        printf(" %d", row->m[lane]);
    }
    printf("\n");
}

static void on_roll(const int64_t *n)
{
    uint16_t factor = (uint16_t)n[0];
    bool rolled = cb_risk_roll(&risk, factor, n[1], n[2], n[3]);
    printf("rolled %d", rolled ? 1 : 0);
    for (unsigned group = 0; group < CB_RISK_GROUPS; group++) {
        printf(" %u", risk.factors[factor].exponent[group]);
    }
    printf("\n");
    for (uint32_t i = 0; i < config.instruments_count; i++) {
        if (config.instruments[i].factor == factor) {
            print_row("instrument", i, &risk.instrument_rows[i]);
        }
    }
    for (uint32_t i = 0; i < config.holdings_count; i++) {
        if (config.assets[config.holdings[i].asset].factor == factor) {
            print_row("holding", i, &risk.holding_rows[i]);
        }
    }
    printf("end\n");
}

static void on_live(const int64_t *n)
{
    struct cb_market_factor *live = &market.factor[n[0]];
    live->price_e8 = n[1];
    live->vol_e9 = n[2];
    live->source_time_ns = n[3];
    live->seq = (uint64_t)n[4];
    live->known = n[5] != 0;
    live->stale = n[6] != 0;
}

static void on_now(const int64_t *n)
{
    market.now_ns = n[0];
}

static void on_mark(const int64_t *n)
{
    printf("mark %" PRId64 "\n", cb_risk_mark(&risk, (uint16_t)n[0], n[1], n[2], n[3]));
}

static double real_of(int64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int64_t bits_of(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void on_black76(const int64_t *n)
{
    struct cb_black76 v =
        cb_black76_value(n[0] != 0, real_of(n[1]), real_of(n[2]), real_of(n[3]), real_of(n[4]));
    printf("black76 %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", bits_of(v.price), bits_of(v.delta),
           bits_of(v.gamma), bits_of(v.vega));
}

static void on_book(const int64_t *n)
{
    book.cash_e6 = n[0];
    book.cash_held_e6 = n[1];
    book.positions_count = book.orders_count = book.balances_count = 0;
}

static void on_position(const int64_t *n)
{
    book.positions[book.positions_count++] = (struct cb_book_position){
        .instrument = (uint16_t)n[0], .venue = (uint16_t)n[1], .qty_e8 = n[2], .cost_e6 = n[3]};
}

static void on_order(const int64_t *n)
{
    book.orders[book.orders_count++] = (struct cb_book_order){
        .instrument = (uint16_t)n[0], .venue = (uint16_t)n[1], .qty_e8 = n[2], .limit_e8 = n[3]};
}

static void on_balance(const int64_t *n)
{
    book.balances[book.balances_count++] =
        (struct cb_book_balance){.holding = (uint16_t)n[0], .qty_e8 = n[1], .held_e8 = n[2]};
}

static void on_evaluate(const int64_t *n)
{
    (void)n;
    struct cb_margin m;
    cb_risk_evaluate(&risk, &book, &market, &m);
    printf("margin %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
           " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRId64 " %u %u %d %d\n",
           m.e_raw_e6, m.e_mm_e6, m.e_im_e6, m.m_e6, m.m_o_e6, m.mm_e6, m.im_e6, m.holds_e6, m.free_e6,
           m.oracle_seq, m.oracle_age_ns, m.worst_factor, m.worst_scenario, m.stale ? 1 : 0,
           m.overflow ? 1 : 0);
}

static const struct {
    const char *name;
    int numbers;
    command_fn *run;
} commands[] = {
    {"reset", 0, on_reset},           /* forget the configuration and the market */
    {"parameters", 5, on_parameters}, /* maintenance unrealised vol_up vol_down skew */
    {"factor", 3, on_factor},         /* scan_range vol_floor price_tick; also makes the next asset */
    {"chain", 1, on_chain},           /* event_loss */
    {"holding", 4, on_holding},       /* asset chain haircut debt_haircut */
    {"instrument", 4, on_instrument}, /* kind factor strike expiry */
    {"init", 0, on_init},
    {"roll", 4, on_roll}, /* factor price vol now */
    {"live", 7, on_live}, /* factor price vol source_time seq known stale */
    {"now", 1, on_now},
    {"mark", 4, on_mark},         /* instrument price vol now */
    {"black76", 5, on_black76},   /* call, then forward strike vol years as the bits of doubles */
    {"book", 2, on_book},         /* cash cash_held */
    {"position", 4, on_position}, /* instrument venue qty cost */
    {"order", 4, on_order},       /* instrument venue qty limit */
    {"balance", 3, on_balance},   /* holding qty held */
    {"evaluate", 0, on_evaluate},
};

static int run_line(char *line)
{
    int64_t numbers[NUMBERS_MAX] = {0};
    int count = 0;
    char *word = strtok(line, " \n");
    for (char *text = strtok(NULL, " \n"); text != NULL && count < NUMBERS_MAX; text = strtok(NULL, " \n")) {
        numbers[count++] = strtoll(text, NULL, 10);
    }
    for (size_t i = 0; word != NULL && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(word, commands[i].name) == 0 && count == commands[i].numbers) {
            commands[i].run(numbers);
            return 0;
        }
    }
    fprintf(stderr, "not understood: %s with %d numbers\n", word == NULL ? "(empty)" : word, count);
    return 2;
}

int main(void)
{
    char line[512];
    while (fgets(line, sizeof line, stdin) != NULL) {
        int status = run_line(line);
        if (status != 0) {
            return status;
        }
        fflush(stdout);
    }
    return 0;
}
