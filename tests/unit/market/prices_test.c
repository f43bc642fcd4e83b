/* The reader of recorded prices: exact, total, and its errors say file, line, what and what to do. */
#include "sim/market/prices.h"
#include "tests/unit/market/scenario.h"
#include "sim/market/seeded.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cb_config config;
static struct cb_prices prices;
static struct cb_price_step step;
static char path[64];

static void write_file(const char *text, size_t bytes)
{
    snprintf(path, sizeof path, "/tmp/clearbox-prices-XXXXXX");
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, bytes), (ssize_t)bytes);
    close(file);
    cb_scenario_config(&config, CB_SCENARIO_DAILY);
}

/* Reads the whole file; returns how many steps, or -1. */
static int read_all(const char *text, size_t bytes)
{
    int steps = 0, got = -1;
    write_file(text, bytes);
    if (cb_prices_open(&prices, path, &config)) {
        while ((got = cb_prices_next(&prices, &step)) == 1) {
            steps++;
        }
    }
    int again = cb_prices_next(&prices, &step);
    cr_assert_eq(again, got); /* the end and an error both stay */
    cb_prices_close(&prices);
    unlink(path);
    return got == 0 ? steps : -1;
}

static void expect_error(const char *text, unsigned line, const char *what)
{
    char place[128];
    cr_assert_eq(read_all(text, strlen(text)), -1, "accepted: %s", text);
    snprintf(place, sizeof place, "%s:%u: ", path, line);
    cr_assert_eq(strncmp(prices.error, place, strlen(place)), 0, "'%s' is not at line %u", prices.error,
                 line);
    cr_assert_not_null(strstr(prices.error, what), "'%s' does not say '%s'", prices.error, what);
}

#define HEADER "time,factor,price\n"
#define ROW    "2018-01-01T00:00:00Z,BTC,1\n"

Test(prices_file, errors_name_the_line_and_what_to_do)
{
    expect_error("", 1, "empty");
    expect_error("time,factor\n", 1, "header");
    expect_error(ROW, 1, "header");
    expect_error(HEADER "2018-01-01T00:00:00Z,BTC\n", 2, "three fields");
    expect_error(HEADER "2018-01-01T00:00:00Z,BTC,1,2\n", 2, "three fields");
    expect_error(HEADER ROW "2018-01-01 00:00:00,BTC,1\n", 3, "RFC 3339");
    expect_error(HEADER ROW "2018-01-02T00:00:00+01:00,BTC,1\n", 3, "RFC 3339");
    expect_error(HEADER ROW "2018-01-02T00:00:00Z,XRP,1\n", 3, "'XRP'");
    expect_error(HEADER ROW "2018-01-02T00:00:00Z,XRP,1\n", 3, "BTC, ETH, SOL, ADA, DOGE, LTC");
    expect_error(HEADER ROW "2018-01-02T00:00:00Z,,1\n", 3, "''");
    expect_error(HEADER ROW "2018-01-02T00:00:00Z,BT,1\n", 3, "'BT'");
    expect_error(HEADER ROW "2018-01-02T00:00:00Z,BTC,\n", 3, "decimal");
    expect_error(HEADER ROW "2018-01-02T00:00:00Z,BTC,0.00000000\n", 3, "is 0");
    expect_error(HEADER ROW "2018-01-02T00:00:00Z,BTC,-1\n", 3, "negative");
    expect_error(HEADER ROW "2018-01-02T00:00:00Z,BTC,1.000000001\n", 3, "8 decimals");
    expect_error(HEADER ROW "2018-01-02T00:00:00Z,BTC,92233720368.54775808\n", 3, "above");
    expect_error(HEADER ROW ROW, 3, "already");
    expect_error(HEADER "2018-01-02T00:00:00Z,BTC,1\n" ROW, 3, "before");
    cr_assert_eq(read_all(HEADER "2018-01-01T00:00:00Z,\0,1\n", sizeof HEADER + 24), -1);
    cr_assert_not_null(strstr(prices.error, ":2: a zero byte"));
    char longer[600];
    memset(longer, 'x', sizeof longer);
    memcpy(longer, HEADER, strlen(HEADER));
    longer[sizeof longer - 1] = '\0';
    expect_error(longer, 2, "longer than 255");
    cb_scenario_config(&config, CB_SCENARIO_DAILY);
    cr_assert_not(cb_prices_open(&prices, "/no/such/file.csv", &config));
    cr_assert_not_null(strstr(prices.error, "/no/such/file.csv: cannot be opened"));
    cr_assert_eq(cb_prices_next(&prices, &step), -1);
}

Test(prices_file, rows_of_equal_time_are_one_step)
{
    const char *text = HEADER "2018-01-01T00:00:00Z,BTC,13657.20019531\r\n"
                              "2018-01-01T00:00:00Z,DOGE,0.00890900\n\n"
                              "2018-01-02T00:00:00.5Z,SOL,1"; /* the last line has no end */
    write_file(text, strlen(text));
    cr_assert(cb_prices_open(&prices, path, &config));
    cr_assert_eq(cb_prices_next(&prices, &step), 1);
    cr_assert_eq(step.time_ns, 1514764800L * CB_NS_PER_S);
    cr_assert_eq(step.count, 2);
    cr_assert_eq(step.row[0].factor, 0);
    cr_assert_eq(step.row[0].price_e8, 1365720019531);
    cr_assert_eq(step.row[1].factor, 4);
    cr_assert_eq(step.row[1].price_e8, 890900);
    cr_assert_eq(cb_prices_next(&prices, &step), 1);
    cr_assert_eq(step.time_ns, 1514851200L * CB_NS_PER_S + 500000000);
    cr_assert_eq(step.count, 1);
    cr_assert_eq(step.row[0].price_e8, CB_E8);
    cr_assert_eq(cb_prices_next(&prices, &step), 0);
    cb_prices_close(&prices);
    unlink(path);
    cr_assert_eq(read_all(HEADER, strlen(HEADER)), 0);
}

Test(prices_file, any_bytes_end_in_steps_or_an_error)
{
    struct cb_market_random random = {.state = 42};
    static const char alphabet[] = "0123456789-:TZ.,\nBCETHSOL\r +e";
    const char *effort = getenv("CB_EFFORT");
    unsigned rounds = 300 * (effort != NULL ? (unsigned)strtoul(effort, NULL, 0) : 1);
    for (unsigned round = 0; round < rounds; round++) {
        char text[512] = HEADER ROW;
        size_t bytes = strlen(text) + cb_market_random_below(&random, 200);
        for (size_t i = strlen(HEADER ROW); i < bytes; i++) {
            text[i] = alphabet[cb_market_random_below(&random, sizeof alphabet - 1)];
        }
        if (round % 2 == 0) { /* one byte of good text changed */
            bytes = strlen(HEADER ROW);
            text[cb_market_random_below(&random, bytes)] = (char)cb_market_random_below(&random, 256);
        }
        int steps = read_all(text, bytes);
        cr_assert(steps >= 0 || strlen(prices.error) > strlen(path));
    }
}

static void expect_file(const char *name, enum cb_scenario scenario, unsigned steps, unsigned rows,
                        int64_t last_ns)
{
    char full[512];
    const char *data = getenv("CLEARBOX_DATA");
    snprintf(full, sizeof full, "%s/prices/%s", data != NULL ? data : "../shared/data", name);
    if (access(full, R_OK) != 0) {
        printf("skipped, because %s is not there (set CLEARBOX_DATA)\n", full);
        return;
    }
    cb_scenario_config(&config, scenario);
    cr_assert(cb_prices_open(&prices, full, &config), "%s", prices.error);
    unsigned step_count = 0, row_count = 0;
    int got;
    while ((got = cb_prices_next(&prices, &step)) == 1) {
        cr_assert(step_count > 0 || step.time_ns == cb_scenario_start_ns(scenario));
        step_count++;
        row_count += step.count;
    }
    cr_assert_eq(got, 0, "%s", prices.error);
    cr_assert_eq(step_count, steps);
    cr_assert_eq(row_count, rows);
    cr_assert_eq(step.time_ns, last_ns);
    cb_prices_close(&prices);
}

Test(prices_file, both_recorded_files_parse_completely)
{
    expect_file("daily_2018_2021.csv", CB_SCENARIO_DAILY, 1461, 7936, 1640908800L * CB_NS_PER_S);
    expect_file("minute_2023_03_usdc_depeg.csv", CB_SCENARIO_DEPEG, 12960, 38880, 1679011140L * CB_NS_PER_S);
}

Test(prices_text, decimals_are_exact)
{
    static const struct {
        const char *text;
        int64_t e8;
    } good[] = {{"1", CB_E8},
                {"0.00000001", 1},
                {"22196.56", 2219656000000},
                {"1.50000000000", 150000000},
                {"007", 7 * CB_E8},
                {"92233720368.54775807", INT64_MAX}};
    static const char *const bad[] = {"",  ".5",  "5.", "1e3",  " 1",          "+1",          "1 ", "1.2.3",
                                      "-", "0.0", "0",  "-0.1", "0.000000001", "92233720369", "1,0"};
    int64_t e8;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_null(cb_prices_decimal(good[i].text, strlen(good[i].text), &e8), "%s", good[i].text);
        cr_assert_eq(e8, good[i].e8, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not_null(cb_prices_decimal(bad[i], strlen(bad[i]), &e8), "accepted %s", bad[i]);
    }
}

Test(prices_text, times_go_there_and_back_over_every_day)
{
    char text[24];
    int64_t back;
    for (int64_t day = 0; day < 106000; day += 1) { /* 1970 to 2260 */
        int64_t time_ns = (day * 86400 + day % 86400) * CB_NS_PER_S;
        cb_prices_time_text(text, time_ns);
        cr_assert(cb_prices_time(text, strlen(text), &back), "%s", text);
        cr_assert_eq(back, time_ns, "%s", text);
    }
    static const char *const bad[] = {"2018-02-29T00:00:00Z",  "2100-02-29T00:00:00Z",
                                      "2018-13-01T00:00:00Z",  "2018-00-01T00:00:00Z",
                                      "2018-01-32T00:00:00Z",  "2018-01-01T24:00:00Z",
                                      "2018-01-01T00:60:00Z",  "2018-01-01T00:00:60Z",
                                      "2018-01-01T00:00:00",   "2018-01-01T00:00:00z",
                                      "1969-12-31T23:59:59Z",  "2262-01-01T00:00:00Z",
                                      "2018-01-01T00:00:00.Z", "2018-01-01T00:00:00.1234567890Z",
                                      "2018-01-01T00:00:00ZZ", "2018-1-01T00:00:000Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(cb_prices_time(bad[i], strlen(bad[i]), &back), "accepted %s", bad[i]);
    }
    cr_assert(cb_prices_time("2020-02-29T23:59:59.123456789Z", 30, &back));
    cr_assert_eq(back % CB_NS_PER_S, 123456789);
}

Test(seeded_market, prices_are_pinned_to_the_seed)
{
    struct cb_seeded seeded;
    uint64_t digest = 0;
    cb_scenario_config(&config, CB_SCENARIO_SEEDED);
    cb_seeded_init(&seeded, &config, 1, 0, CB_NS_PER_S, 10000);
    unsigned steps = 0;
    while (cb_seeded_next(&seeded, &step)) {
        cr_assert_eq(step.time_ns, (int64_t)steps * CB_NS_PER_S);
        for (uint32_t i = 0; i < step.count; i++) {
            cr_assert_gt(step.row[i].price_e8, 0);
            digest = cb_market_mix(digest ^ (uint64_t)step.row[i].price_e8);
        }
        steps++;
    }
    cr_assert_eq(steps, 10000);
    printf("digest %016llx\n", (unsigned long long)digest);
    /* The same with every compiler and at every level of optimisation. */
    cr_assert_eq(digest, 0x35092d8fba22f20du, "%016llx", (unsigned long long)digest);
}

Test(seeded_market, factors_move_together_and_stablecoins_stay_near_one)
{
    struct cb_seeded seeded;
    cb_scenario_config(&config, CB_SCENARIO_SEEDED);
    cb_seeded_init(&seeded, &config, 7, 0, 3600 * CB_NS_PER_S, 20000);
    double last[CB_FACTORS_MAX] = {0}, xx = 0, yy = 0, xy = 0;
    while (cb_seeded_next(&seeded, &step)) {
        double move[CB_FACTORS_MAX];
        for (uint32_t i = 0; i < step.count; i++) {
            double price = (double)step.row[i].price_e8;
            move[i] = last[i] == 0 ? 0 : price / last[i] - 1.0;
            last[i] = price;
        }
        xx += move[0] * move[0];
        yy += move[1] * move[1];
        xy += move[0] * move[1];
        cr_assert_gt(step.row[3].price_e8, 80000000);
        cr_assert_lt(step.row[3].price_e8, 105000000);
    }
    double correlation = xy / cb_seeded_sqrt(xx * yy);
    cr_assert_gt(correlation, 0.5);
    cr_assert_lt(correlation, 0.75); /* c * c = 0.64 without jumps */
    double annual = cb_seeded_sqrt(xx / 20000.0 * 8766.0);
    cr_assert(annual > 0.6 && annual < 1.1, "volatility %f, configured 0.7 and jumps", annual);
}

Test(seeded_market, the_square_root_is_right_to_the_last_digits)
{
    for (double x = 1e-18; x < 1e18; x *= 1.7) {
        double root = cb_seeded_sqrt(x), error = root * root / x - 1.0;
        cr_assert(error < 1e-15 && error > -1e-15, "%g", x);
    }
    cr_assert_eq(cb_seeded_sqrt(0.0), 0.0);
}
