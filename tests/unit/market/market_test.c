/* The generator against a small box that keeps the protocol: it must come to its end over good and bad links
 * and through restarts, and it must notice every contradiction. */
#include "tests/unit/market/box.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cb_config config;

static uint64_t seed_of_run(void)
{
    const char *text = getenv("CB_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20230308u;
    printf("CB_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static struct cb_market_options small_options(uint64_t seed)
{
    struct cb_market_options options;
    cb_scenario_config(&config, CB_SCENARIO_SEEDED);
    cb_market_defaults(&options, &config);
    options.seed = seed;
    options.start_ns = cb_scenario_start_ns(CB_SCENARIO_SEEDED);
    options.step_ns = cb_scenario_step_ns(CB_SCENARIO_SEEDED);
    options.steps = 300;
    options.accounts = 40;
    options.withdraw_ppm = 200000;
    options.fail_ppm = 200000;
    options.ring = 4096;
    options.requests = 4096;
    options.actions = 4096;
    options.answer_ns = 100 * CB_NS_PER_MS;
    options.stall_ns = 10 * CB_NS_PER_MS;
    return options;
}

static struct cb_market_summary summary_of(const struct box_market *made)
{
    struct cb_market_summary summary;
    cb_market_summarise(made->market, &summary);
    return summary;
}

static void expect_complete(const struct box *box, const struct cb_market_summary *s, uint32_t accounts)
{
    const struct box_state *live = box->live;
    cr_assert_eq(s->result, CB_MARKET_OK, "result %s: %s", cb_market_result_name(s->result), s->complaint[0]);
    cr_assert_eq(s->complaints, 0);
    cr_assert_eq(s->checks_unanswered, 0);
    cr_assert_eq(s->withdrawals_unanswered, 0);
    cr_assert_eq(s->withdrawals_not_final, 0);
    cr_assert_eq(live->messages[CB_WIRE_ACCOUNT_OPEN], accounts);
    cr_assert_eq(live->messages[CB_WIRE_TRADE], s->fills);
    cr_assert_eq(live->messages[CB_WIRE_ORDER_CANCEL], s->cancels);
    cr_assert_eq(live->messages[CB_WIRE_ACKNOWLEDGE], s->releases + s->margin_states);
    cr_assert_eq(live->messages[CB_WIRE_RELEASE_RESULT], s->releases);
    cr_assert_eq(live->results_doubled, 0);
    cr_assert_eq(live->trades_of_unknown, 0);
    cr_assert_eq(live->cancels_of_unknown, 0);
    cr_assert_eq(live->old_heartbeats, 0);
    cr_assert_eq(s->withdrawals_held, s->withdrawals_done + s->withdrawals_failed);
    cr_assert_eq(live->answers, s->checks_asked + s->withdrawals_asked);
    for (uint64_t i = 0; i < live->actions; i++) {
        cr_assert(live->action[i].acknowledged);
    }
}

Test(market_run, every_request_is_answered_once_on_a_good_link)
{
    struct cb_market_options options = small_options(seed_of_run());
    struct box *box = box_new(&config, 1, 0, 1);
    struct box_market made = box_market_new(box, &options);
    box_run(box, made.market, 200000);
    struct cb_market_summary s = summary_of(&made);
    expect_complete(box, &s, options.accounts);
    cr_assert_eq(s.steps, options.steps);
    cr_assert_gt(s.checks_asked, options.steps * options.checks_per_step / 2);
    cr_assert_eq(s.checks_answered, s.checks_asked);
    cr_assert_gt(s.checks_refused[CB_REJECT_MARGIN], 0);
    cr_assert_gt(s.withdrawals_done, 0);
    cr_assert_gt(s.withdrawals_failed, 0);
    cr_assert_gt(s.withdrawals_refused[CB_REJECT_BALANCE], 0);
    cr_assert_gt(s.fills_partial, 0);
    cr_assert_gt(s.cancels, s.fills_partial);
    cr_assert_gt(s.margin_states, 0);
    cr_assert_eq(s.asked_again, 0);
    cr_assert_eq(s.answers_repeated, 0);
    cr_assert_eq(s.actions_repeated, 0);
    cr_assert_eq(s.retransmitted, 0);
    cr_assert_eq(s.gaps, 0);
    cr_assert_eq(box->live->future_prices, 0);
    cr_assert_eq(s.first_ns, options.start_ns);
    cr_assert_eq(s.last_ns, options.start_ns + (int64_t)(options.steps - 1) * options.step_ns);
    cr_assert(s.worst_known);
    cr_assert_lt(s.worst_free_e6, 0);
    box_market_free(&made);
    box_free(box);
}

Test(market_run, two_lines_carry_the_same_and_nothing_is_done_twice)
{
    struct cb_market_options options = small_options(3);
    struct box *box = box_new(&config, 2, 0, 1);
    struct box_market made = box_market_new(box, &options);
    box_run(box, made.market, 200000);
    struct cb_market_summary s = summary_of(&made);
    expect_complete(box, &s, options.accounts);
    cr_assert_gt(s.frames_sent, s.datagrams_sent * 2 - 10);
    cr_assert_gt(s.answers_repeated, 0); /* the copies of line B */
    box_market_free(&made);
    box_free(box);
}

Test(market_run, a_line_that_goes_away_does_not_stop_the_other)
{
    struct cb_market_options options = small_options(4);
    struct box *box = box_new(&config, 2, 0, 1);
    struct box_market made = box_market_new(box, &options);
    box_run(box, made.market, 100);
    box->near[1].down = true;
    box_run(box, made.market, 200000);
    struct cb_market_summary s = summary_of(&made);
    expect_complete(box, &s, options.accounts);
    box_market_free(&made);
    box_free(box);
}

Test(market_run, a_lossy_link_loses_nothing_in_the_end)
{
    uint64_t seed = seed_of_run();
    const char *effort = getenv("CB_EFFORT");
    unsigned rounds = effort != NULL ? (unsigned)strtoul(effort, NULL, 0) : 1;
    uint64_t retransmitted = 0, gaps = 0; /* where the other line fills every gap, a round has none */
    for (unsigned round = 0; round < 2 * (rounds > 0 ? rounds : 1); round++) {
        struct cb_market_options options = small_options(seed + round);
        options.steps = 100;
        options.lockstep = round % 2 == 1;
        options.window = 1024;
        struct box *box = box_new(&config, 1 + round / 2 % 2, 50000, seed + round);
        struct box_market made = box_market_new(box, &options);
        box_run(box, made.market, 2000000);
        struct cb_market_summary s = summary_of(&made);
        expect_complete(box, &s, options.accounts);
        retransmitted += s.retransmitted;
        gaps += s.gaps;
        box_market_free(&made);
        box_free(box);
    }
    cr_assert_gt(retransmitted, 0);
    cr_assert_gt(gaps, 0);
}

Test(market_run, a_restart_of_the_box_is_survived_at_any_moment)
{
    uint64_t seed = seed_of_run();
    for (unsigned round = 0; round < 6; round++) {
        struct cb_market_options options = small_options(seed + round);
        options.steps = 400;
        options.lockstep = true;
        struct box *box = box_new(&config, 1, round % 2 == 0 ? 0 : 20000, seed);
        struct box_market made = box_market_new(box, &options);
        for (unsigned restart = 0; restart < 4; restart++) {
            box_run(box, made.market, 150 + cb_market_mix(seed + round * 10 + restart) % 400);
            box_restart(box);
        }
        box_run(box, made.market, 2000000);
        struct cb_market_summary s = summary_of(&made);
        expect_complete(box, &s, options.accounts);
        cr_assert_gt(s.restarts, 0);
        box_market_free(&made);
        box_free(box);
    }
}

Test(market_run, a_second_run_against_the_same_box_goes_on_where_the_first_ended)
{
    struct cb_market_options options = small_options(5);
    options.steps = 50;
    struct box *box = box_new(&config, 1, 0, 1);
    struct box_market first = box_market_new(box, &options);
    cr_assert_eq(box_run(box, first.market, 200000), CB_MARKET_OK);
    uint64_t answers = box->live->answers, next = box->live->next[2];
    options.start_ns += 1000 * options.step_ns;
    struct box_market second = box_market_new(box, &options);
    cr_assert_eq(box_run(box, second.market, 200000), CB_MARKET_OK);
    struct cb_market_summary s = summary_of(&second);
    cr_assert_eq(s.checks_unanswered, 0);
    cr_assert_eq(s.answers_repeated, 0);
    cr_assert_eq(box->live->answers, answers + s.checks_asked + s.withdrawals_asked);
    cr_assert_gt(box->live->next[2], next);
    box_market_free(&first);
    box_market_free(&second);
    box_free(box);
}

Test(market_run, under_the_wall_clock_every_step_is_newer_than_the_last)
{
    struct cb_market_options options = small_options(20);
    config.clock = CB_CLOCK_WALL;
    options.steps = 200; /* several in one poll, at one and the same wall time */
    struct box *box = box_new(&config, 1, 0, 1);
    struct box_market made = box_market_new(box, &options);
    box_run(box, made.market, 200000);
    struct cb_market_summary s = summary_of(&made);
    expect_complete(box, &s, options.accounts);
    cr_assert_eq(box->live->messages[CB_WIRE_ORACLE_HEARTBEAT], 200);
    cr_assert_leq(s.last_ns, box->now_ns);
    box_market_free(&made);
    box_free(box);
}

static uint64_t tapped[2];

static void count_frame(void *self, uint32_t line, bool to_box, const uint8_t *frame, uint32_t bytes)
{
    uint64_t *counts = self;
    cr_assert_eq(line, 0);
    cr_assert_geq(bytes, 60);
    cr_assert_eq(frame[12], 8);
    counts[to_box]++;
}

Test(market_run, the_tap_sees_every_frame_both_ways)
{
    struct cb_market_options options = small_options(21);
    options.steps = 20;
    struct box *box = box_new(&config, 1, 0, 1);
    box->tap = count_frame;
    box->tap_self = tapped;
    struct box_market made = box_market_new(box, &options);
    cr_assert_eq(box_run(box, made.market, 200000), CB_MARKET_OK);
    struct cb_market_summary s = summary_of(&made);
    cr_assert_gt(tapped[1], 20);
    cr_assert_eq(tapped[1], s.frames_sent);
    cr_assert_eq(tapped[0], s.frames_received);
    box_market_free(&made);
    box_free(box);
}

Test(market_check, equal_replies_that_come_twice_are_counted_and_accepted)
{
    struct cb_market_options options = small_options(6);
    struct box *box = box_new(&config, 1, 0, 1);
    box->double_replies = true;
    struct box_market made = box_market_new(box, &options);
    box_run(box, made.market, 200000);
    struct cb_market_summary s = summary_of(&made);
    expect_complete(box, &s, options.accounts);
    cr_assert_geq(s.answers_repeated, s.checks_asked);
    box_market_free(&made);
    box_free(box);
}

Test(market_check, a_second_answer_that_differs_is_a_mismatch)
{
    struct cb_market_options options = small_options(7);
    struct box *box = box_new(&config, 1, 0, 1);
    box->double_replies = box->change_answer = true;
    struct box_market made = box_market_new(box, &options);
    cr_assert_eq(box_run(box, made.market, 200000), CB_MARKET_MISMATCH);
    struct cb_market_summary s = summary_of(&made);
    cr_assert_eq(s.checks_contradicted, s.checks_asked);
    cr_assert_not_null(strstr(s.complaint[0], "two different answers"));
    cr_assert_eq(cb_market_result_exit(s.result), 1);
    box_market_free(&made);
    box_free(box);
}

Test(market_check, an_action_id_with_another_content_is_a_mismatch_and_done_once)
{
    struct cb_market_options options = small_options(8);
    struct box *box = box_new(&config, 1, 0, 1);
    box->change_action = true;
    struct box_market made = box_market_new(box, &options);
    cr_assert_eq(box_run(box, made.market, 200000), CB_MARKET_MISMATCH);
    struct cb_market_summary s = summary_of(&made);
    cr_assert_eq(s.actions_contradicted, s.releases + s.margin_states);
    cr_assert_eq(box->live->results_doubled, 0);
    cr_assert_eq(box->live->messages[CB_WIRE_ACKNOWLEDGE], s.releases + s.margin_states);
    box_market_free(&made);
    box_free(box);
}

Test(market_check, answers_that_left_before_they_were_durable_are_found_out_by_a_restart)
{
    struct cb_market_options options = small_options(16);
    options.lockstep = true;
    struct box *box = box_new(&config, 1, 0, 1);
    box->answer_early = true;
    struct box_market made = box_market_new(box, &options);
    for (unsigned i = 0; i < 40; i++) {
        box_run(box, made.market, 21 + i % BOX_COMMIT_POLLS);
        box_restart(box);
    }
    cr_assert_eq(box_run(box, made.market, 200000), CB_MARKET_MISMATCH);
    struct cb_market_summary s = summary_of(&made);
    cr_assert_gt(s.checks_contradicted + s.withdrawals_contradicted, 0);
    box_market_free(&made);
    box_free(box);
}

Test(market_check, a_small_memory_of_actions_forgets_only_what_was_answered)
{
    struct cb_market_options options = small_options(17);
    options.actions = 16;
    options.steps = 1000;
    struct box *box = box_new(&config, 1, 0, 1);
    struct box_market made = box_market_new(box, &options);
    box_run(box, made.market, 2000000);
    struct cb_market_summary s = summary_of(&made);
    expect_complete(box, &s, options.accounts);
    cr_assert_gt(s.releases + s.margin_states, 20 * options.actions);
    box_market_free(&made);
    box_free(box);
}

Test(market_check, a_box_that_forgets_what_it_called_durable_is_a_mismatch)
{
    struct cb_market_options options = small_options(9);
    options.give_up_ns = 200 * CB_NS_PER_MS;
    struct box *box = box_new(&config, 1, 0, 1);
    box->forget_durable = true;
    struct box_market made = box_market_new(box, &options);
    box_run(box, made.market, 60);
    box_restart(box);
    cr_assert_eq(box_run(box, made.market, 200000), CB_MARKET_MISMATCH);
    struct cb_market_summary s = summary_of(&made);
    cr_assert_gt(s.promises_broken, 0);
    box_market_free(&made);
    box_free(box);
}

Test(market_check, a_box_that_is_not_there_ends_the_run_incomplete)
{
    struct cb_market_options options = small_options(10);
    options.give_up_ns = 100 * CB_NS_PER_MS;
    struct box *box = box_new(&config, 1, 1000000, 1);
    struct box_market made = box_market_new(box, &options);
    cr_assert_eq(box_run(box, made.market, 200000), CB_MARKET_INCOMPLETE);
    cr_assert_eq(cb_market_result_exit(CB_MARKET_INCOMPLETE), 1);
    box_market_free(&made);
    box_free(box);
}

Test(market_check, stopping_drains_and_ends_well)
{
    struct cb_market_options options = small_options(11);
    options.steps = 0;
    options.pace_ns = CB_NS_PER_MS; /* ten polls */
    struct box *box = box_new(&config, 1, 0, 1);
    struct box_market made = box_market_new(box, &options);
    box_run(box, made.market, 500);
    cb_market_stop(made.market);
    cr_assert_eq(box_run(box, made.market, 20000), CB_MARKET_OK);
    struct cb_market_summary s = summary_of(&made);
    cr_assert_gt(s.steps, 10);
    cr_assert_leq(s.steps, 50);
    expect_complete(box, &s, options.accounts);
    box_market_free(&made);
    box_free(box);
}

/* A whole recorded file through gen: the feed's time, the deposits that wait for a factor's first price (SOL
 * begins in 2020), settlements, and the rows of the summary. */
static void run_file(const char *name, enum cb_scenario scenario, uint64_t steps, uint32_t act_ppm,
                     struct cb_market_summary *s)
{
    char path[512];
    const char *data = getenv("CLEARBOX_DATA");
    struct cb_market_options options = small_options(18);
    snprintf(path, sizeof path, "%s/prices/%s", data != NULL ? data : "../shared/data", name);
    if (access(path, R_OK) != 0) {
        printf("skipped, because %s is not there (set CLEARBOX_DATA)\n", path);
        return;
    }
    cb_scenario_config(&config, scenario);
    options.prices = path;
    options.steps = 0;
    options.act_ppm = act_ppm;
    options.lockstep = true;
    struct box *box = box_new(&config, 1, 0, 1);
    struct box_market made = box_market_new(box, &options);
    box_run(box, made.market, 2000000);
    *s = summary_of(&made);
    expect_complete(box, s, options.accounts);
    cr_assert_eq(s->steps, steps);
    cr_assert_eq(box->live->future_prices, 0);
    cr_assert_eq(box->live->messages[CB_WIRE_ORACLE_HEARTBEAT], steps);
    uint64_t in_periods = 0, checks = 0;
    for (uint32_t i = 0; i < s->periods; i++) {
        in_periods += s->period[i].steps;
        checks += s->period[i].checks_approved + s->period[i].checks_refused;
        cr_assert_leq(s->period[i].low_e8, s->period[i].high_e8);
    }
    cr_assert_eq(in_periods, steps);
    cr_assert_eq(checks, s->checks_asked);
    cb_market_summary_text(s, stdout);
    box_market_free(&made);
    box_free(box);
}

Test(market_file, the_daily_file_runs_to_its_end_with_a_row_a_year)
{
    static struct cb_market_summary s;
    run_file("daily_2018_2021.csv", CB_SCENARIO_DAILY, 1461, 1000000, &s);
    if (s.steps == 0) {
        return;
    }
    cr_assert_eq(s.periods, 4);
    cr_assert_eq(s.period[2].start_ns, 1577836800L * CB_NS_PER_S); /* 2020 */
    cr_assert_eq(s.period[2].steps, 366);
    cr_assert_eq(s.period[3].high_e8, 6756682812500); /* BTC's highest close in the file */
    cr_assert_eq(s.settlements, 66); /* three of four expiries, 11 instruments each on BTC and ETH */
    cr_assert_gt(s.sent[CB_WIRE_VOLATILITY], 0);
}

Test(market_file, the_depeg_file_runs_to_its_end_with_a_row_a_day)
{
    static struct cb_market_summary s;
    run_file("minute_2023_03_usdc_depeg.csv", CB_SCENARIO_DEPEG, 12960, 50000, &s);
    if (s.steps == 0) {
        return;
    }
    cr_assert_eq(s.periods, 9);
    cr_assert(s.periods_are_days);
    cr_assert_eq(s.period[8].start_ns, 1678924800L * CB_NS_PER_S); /* 16 March 2023 */
    cr_assert_eq(s.settlements, 11); /* those of 10 March; the 17th is past the end */
}

Test(market_file, a_bad_line_ends_the_run_with_its_place)
{
    static const char text[] = "time,factor,price\n2018-01-01T00:00:00Z,BTC,1\n2018-01-02T00:00:00Z,BTC,x\n";
    char path[] = "/tmp/clearbox-market-XXXXXX";
    struct cb_market_options options = small_options(19);
    int file = mkstemp(path);
    cr_assert_eq(write(file, text, sizeof text - 1), (ssize_t)(sizeof text - 1));
    close(file);
    options.prices = path;
    for (unsigned round = 0; round < 2; round++) { /* the second time the file is not there at all */
        struct box *box = box_new(&config, 1, 0, 1);
        struct box_market made = box_market_new(box, &options);
        cr_assert_eq(box_run(box, made.market, 200000), CB_MARKET_INPUT);
        struct cb_market_summary s = summary_of(&made);
        cr_assert_not_null(
            strstr(s.error, round == 0 ? ":3: the price is not a decimal" : "cannot be opened"));
        cr_assert_eq(cb_market_result_exit(s.result), 2);
        box_market_free(&made);
        box_free(box);
        unlink(path);
    }
}

Test(market_scenario, every_scenario_is_one_that_gen_can_drive)
{
    for (unsigned i = 0; i < 3; i++) {
        enum cb_scenario scenario;
        static const char *const names[] = {"seeded", "daily", "depeg"};
        static struct cb_config again;
        struct cb_market_options options;
        cr_assert(cb_scenario_parse(names[i], &scenario));
        cr_assert_eq((unsigned)scenario, i);
        memset(&config, 0xAA, sizeof config);
        cb_scenario_config(&config, scenario);
        cb_scenario_config(&again, scenario);
        cr_assert_arr_eq(&config, &again, sizeof config);
        cb_market_defaults(&options, &config);
        cr_assert_null(cb_market_check(&config, &options));
        cr_assert_str_eq(config.assets[0].name, "USD");
        cr_assert_eq(config.assets[0].factor, CB_NONE_U16);
        for (uint32_t f = 0; f < config.factors_count; f++) {
            cr_assert_gt(config.factors[f].heartbeat_ns, cb_scenario_step_ns(scenario));
            cr_assert(config.factors[f].scan_range.e9 > 0 && config.factors[f].scan_range.e9 < CB_E9);
            cr_assert(config.factors[f].quorum >= 1 && config.factors[f].quorum <= config.factors[f].sources);
        }
        for (uint32_t j = 0; j < config.instruments_count; j++) {
            const struct cb_instrument_config *instrument = &config.instruments[j];
            bool option = instrument->kind == CB_CALL || instrument->kind == CB_PUT;
            cr_assert_eq(option, instrument->strike.e8 > 0);
            cr_assert_eq(option || instrument->kind == CB_FUTURE, instrument->expiry_ns > 0);
            cr_assert_lt(instrument->factor, config.factors_count);
            for (uint32_t k = 0; k < j; k++) {
                cr_assert_str_neq(instrument->name, config.instruments[k].name);
            }
        }
    }
    cr_assert_not(cb_scenario_parse("nothing", &(enum cb_scenario){0}));
}

static void digests(uint64_t seed, uint64_t *out)
{
    struct cb_market_options options = small_options(seed);
    options.lockstep = true;
    options.steps = 60;
    struct box *box = box_new(&config, 1, 0, 1);
    struct box_market made = box_market_new(box, &options);
    cr_assert_eq(box_run(box, made.market, 200000), CB_MARKET_OK);
    memcpy(out, box->live->digest, sizeof box->live->digest);
    box_market_free(&made);
    box_free(box);
}

Test(market_seed, equal_seeds_send_equal_messages_and_others_do_not)
{
    uint64_t first[CB_SESSIONS_MAX], second[CB_SESSIONS_MAX], other[CB_SESSIONS_MAX];
    digests(12, first);
    digests(12, second);
    digests(13, other);
    cr_assert_arr_eq(first, second, sizeof first);
    cr_assert_neq(first[0], other[0]);
    cr_assert_neq(first[2], other[2]);
}

Test(market_options, what_can_not_work_is_said_before_anything_starts)
{
    struct cb_market_options options = small_options(14), wrong;
    cr_assert_null(cb_market_check(&config, &options));
#define WRONG(field, value, word)                                                                            \
    wrong = options;                                                                                         \
    wrong.field = value;                                                                                     \
    cr_assert_not_null(cb_market_check(&config, &wrong));                                                    \
    cr_assert_not_null(strstr(cb_market_check(&config, &wrong), word))
    WRONG(accounts, 0, "accounts");
    WRONG(accounts, config.capacity.accounts + 1, "accounts");
    WRONG(ring, 1000, "powers of two");
    WRONG(ring, 16, "ring");
    WRONG(requests, 0, "powers of two");
    WRONG(window, 8192, "window");
    WRONG(checks_per_step, 1025, "quarter");
    WRONG(answer_ns, 0, "times");
#undef WRONG
    config.sessions[1].role = CB_ROLE_TRADER;
    cr_assert_not_null(strstr(cb_market_check(&config, &options), "operator"));
}

Test(market_summary, text_and_json_tell_the_same_counts)
{
    static char text[65536], json[65536], expected[64];
    struct cb_market_options options = small_options(15);
    options.steps = 40;
    struct box *box = box_new(&config, 1, 0, 1);
    struct box_market made = box_market_new(box, &options);
    cr_assert_eq(box_run(box, made.market, 200000), CB_MARKET_OK);
    struct cb_market_summary s = summary_of(&made);
    FILE *out = fmemopen(text, sizeof text, "w");
    cb_market_summary_text(&s, out);
    fclose(out);
    out = fmemopen(json, sizeof json, "w");
    cb_market_summary_json(&s, out);
    fclose(out);
    snprintf(expected, sizeof expected, "asked %llu  approved %llu", (unsigned long long)s.checks_asked,
             (unsigned long long)s.checks_approved);
    cr_assert_not_null(strstr(text, expected));
    snprintf(expected, sizeof expected, "\"checks_asked\":%llu,\"checks_approved\":%llu",
             (unsigned long long)s.checks_asked, (unsigned long long)s.checks_approved);
    cr_assert_not_null(strstr(json, expected));
    cr_assert_not_null(strstr(json, "\"result\":\"ok\""));
    cr_assert_not_null(strstr(text, "2026-01-01 "));
    long depth = 0;
    for (const char *c = json; *c != '\0'; c++) {
        depth += (*c == '{' || *c == '[') - (*c == '}' || *c == ']');
        cr_assert_geq(depth, 0);
    }
    cr_assert_eq(depth, 0);
    box_market_free(&made);
    box_free(box);
}
