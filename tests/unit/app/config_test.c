/* The loader: values, defaults, places of faults. Method: a valid file, changed in one place. */
#include "host/app/config_table.h"
#include "host/app/config_value.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct loaded loaded;

Test(config_load, every_kind_of_value_reaches_its_place)
{
    load_text(&loaded, valid_text, false);
    cr_assert_eq(loaded.status, CB_EXIT_OK, "%s", loaded.output);
    const struct cb_config *c = &loaded.configuration->state;
    const struct cb_app_config *app = &loaded.configuration->app;
    cr_assert_eq(c->cluster, 7);
    cr_assert_eq(c->clock, CB_CLOCK_FEED);
    cr_assert_eq(app->listen.ip, 0x0a000001u);
    cr_assert_eq(app->listen.port, 4000);
    cr_assert_eq(app->journal.segments, 8);
    cr_assert_eq(app->nics_count, 1);
    cr_assert_eq(app->nics[0].driver, CB_NIC_MEMIF);
    cr_assert_str_eq(app->nics[0].socket, "/tmp/m.sock");
    cr_assert_eq(c->capacity.accounts, 10);
    cr_assert_eq(c->risk.maintenance.e9, 750000000);
    cr_assert_eq(c->sessions_count, 4);
    cr_assert_eq(memcmp(c->sessions[1].name, "OPERATOR  ", 10), 0);
    cr_assert_eq(c->sessions[0].class, CB_SESSION_LATEST);
    cr_assert_eq(c->sessions[3].role, CB_ROLE_CUSTODIAN);
    for (unsigned i = 0; i < 16; i++) {
        cr_assert_eq(app->sessions[2].secret[i], i == 0 ? 0x20 : i);
    }
    cr_assert_eq(c->factors_count, 2);
    cr_assert_eq(c->factors[0].scan_range.e9, 150000000);
    cr_assert_eq(c->factors[0].heartbeat_ns, 1500000000);
    cr_assert_eq(c->factors[0].sources, 3);
    cr_assert_eq(c->factors[0].quorum, 2);
    cr_assert_eq(c->factors[1].price_tick.e8, 1);
    cr_assert_eq(c->assets[0].factor, CB_NONE_U16);
    cr_assert_eq(c->assets[1].factor, 1);
    cr_assert_eq(c->chains[0].session, 3);
    cr_assert_eq(c->chains[0].event_loss.e9, 10000000);
    cr_assert_eq(c->venues[0].session, 2);
    cr_assert_eq(c->holdings[1].asset, 1);
    cr_assert_eq(c->holdings[1].chain, 0);
    cr_assert_eq(c->holdings[1].haircut.e9, 50000000);
    cr_assert_eq(c->holdings[1].debt_haircut.e9, 100000000);
    cr_assert_eq(c->instruments[1].kind, CB_CALL);
    cr_assert_eq(c->instruments[1].strike.e8, 5000050000000);
    cr_assert_eq(c->instruments[1].expiry_ns, 1648195201000000000);
    cr_assert_str_eq(c->instruments[1].name, "BTC-C");
}

Test(config_load, absent_keys_have_the_defaults_of_the_model)
{
    load_text(&loaded, valid_text, false);
    const struct cb_risk_config *risk = &loaded.configuration->state.risk;
    cr_assert_eq(risk->unrealised.e9, 900000000);
    cr_assert_eq(risk->warning_enter.e9, 1100000000);
    cr_assert_eq(risk->warning_leave.e9, 1120000000);
    cr_assert_eq(risk->call_leave.e9, 1020000000);
    cr_assert_eq(risk->epoch_band.e9, 5000000);
    cr_assert_eq(risk->epoch_ns, 60000000000);
    cr_assert_eq(risk->vol_up.e9, 500000000);
    cr_assert_eq(risk->vol_down.e9, 350000000);
    cr_assert_eq(risk->skew.e9, 100000000);
    cr_assert_eq(loaded.configuration->state.future_ns, 1000000000);
    cr_assert_eq(loaded.configuration->app.journal.segment_bytes, 64u << 20);
    cr_assert_eq(loaded.configuration->app.journal.retain, CB_RETAIN_ARCHIVE);
    cr_assert_eq(loaded.configuration->app.idle, CB_IDLE_YIELD);
}

Test(config_load, the_same_text_gives_the_same_bytes)
{
    static struct loaded again;
    load_text(&loaded, valid_text, false);
    load_text(&again, valid_text, false);
    cr_assert_eq(memcmp(loaded.configuration, again.configuration, sizeof *again.configuration), 0);
}

Test(config_load, a_fault_is_shown_with_file_line_column_source_and_caret)
{
    load_changed(&loaded, "scan_range: \"0.15\"", "scan_range: \"1.2\"");
    cr_assert_eq(loaded.status, CB_EXIT_CONFIG);
    cr_assert_str_eq(loaded.output, "CB3007 box.yaml:16:18: factors[0].scan_range: 1.2 is above 0.999999999\n"
                                    "        scan_range: \"1.2\"\n"
                                    "                     ^~~\n");
}

Test(config_load, all_faults_are_shown_at_once)
{
    load_changed(&loaded, "heartbeat_ms: 1500\n    sources: 3\n", "heartbeat_ms: 0\n    sources: x\n");
    cr_assert_not_null(strstr(loaded.output, "heartbeat_ms: 0 is below 1"), "%s", loaded.output);
    cr_assert_not_null(strstr(loaded.output, "sources: \"x\" is not a whole number"), "%s", loaded.output);
}

Test(config_load, a_flood_of_faults_ends)
{
    static char text[20000];
    for (int i = 0; i < 300; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "nonsense%d: 1\n", i);
    }
    load_text(&loaded, text, false);
    unsigned count = 0;
    for (const char *p = loaded.output; (p = strstr(p, "CB3003")) != NULL; p++) {
        count++;
    }
    cr_assert_eq(count, CB_CONFIG_ERRORS_MAX);
    cr_assert_not_null(strstr(loaded.output, "too many faults"));
}

Test(config_load, unknown_keys_are_refused_with_the_nearest_known_one)
{
    refused("clock: feed", "clokc: feed", "CB3003", "(did you mean \"clock\"?)");
    refused("sources: 3", "source: 3", "CB3003", "(did you mean \"sources\"?)");
    refused("venues:", "venue:", "CB3003", "(did you mean \"venues\"?)");
    refused("listen: 10.0.0.1:4000\n", "listen: 10.0.0.1:4000\nzzzz: 1\n", "CB3003", "unknown key \"zzzz\"");
    refused("{ segments: 8 }", "{ zzzz: 8 }", "CB3003", "unknown key \"zzzz\" in journal");
}

Test(config_load, missing_keys_and_lists_are_named)
{
    refused("cluster: 7\n", "", "CB3004", "cluster is missing");
    refused("    vol_floor: \"0.2\"\n", "", "CB3004", "factors[0].vol_floor is missing");
    refused("nics:\n  - { driver: memif, socket: /tmp/m.sock }\n", "", "CB3004", "nics: at least 1 entry");
    refused(", kind: perpetual", "", "CB3004", "instruments[0].kind is missing");
}

Test(config_load, both_sides_of_each_range_edge)
{
    refused("accounts: 10 ", "accounts: 0 ", "CB3007", "0 is below 1");
    taken(&loaded, "accounts: 10 ", "accounts: 1 ");
    taken(&loaded, "accounts: 10 ", "accounts: 1048576 ");
    refused("accounts: 10 ", "accounts: 1048577 ", "CB3007", "1048577 is above 1048576");
    refused("\"0.15\"", "\"0\"", "CB3007", "is below 0.000000001");
    taken(&loaded, "\"0.15\"", "\"0.000000001\"");
    taken(&loaded, "\"0.15\"", "\"0.999999999\"");
    refused("\"0.15\"", "\"1\"", "CB3007", "is above 0.999999999");
    taken(&loaded, "\"0.05\"", "\"1\"");
    refused("\"0.05\"", "\"1.000000001\"", "CB3007", "is above 1.000000000");
    refused("\"0.05\"", "\"-0.000000001\"", "CB3007", "is below 0.000000000");
    taken(&loaded, "cluster: 7", "cluster: 9223372036854775807");
    refused("cluster: 7", "cluster: 9223372036854775808", "CB3007", "is too large");
    taken(&loaded, "10.0.0.1:4000", "10.0.0.1:65535");
    refused("10.0.0.1:4000", "10.0.0.1:65536", "CB3007", "port 65536");
    refused("10.0.0.1:4000", "10.0.0.1:0", "CB3007", "port 0");
}

Test(config_load, numbers_are_never_rounded_and_other_forms_refused)
{
    refused("\"0.15\"", "\"0.1500000001\"", "CB3005", "has more than 9 decimals");
    refused("\"0.15\"", "15%", "CB3005", "is not a decimal number");
    refused("\"0.15\"", "1.5e-1", "CB3005", "is not a decimal number");
    refused("accounts: 10 ", "accounts: 10.5 ", "CB3005", "is not a whole number");
    refused("accounts: 10 ", "accounts: 0x10 ", "CB3005", "is not a whole number");
    refused("accounts: 10 ", "accounts: ~ ", "CB3005", "is not a whole number");
    refused("accounts: 10 ", "accounts: [10] ", "CB3005", "a value is expected here");
    refused("accounts: 10 ", "accounts: \"\" ", "CB3005", "a value is expected here");
    refused("clock: feed", "clock: Feed", "CB3005", "\"Feed\" is none of: wall, feed");
    refused("10.0.0.1:4000", "10.0.0.256:4000", "CB3005", "is not an IPv4 address");
    refused("10.0.0.1:4000", "10.0.0.1", "CB3005", "is not an IPv4 address");
    refused("10.0.0.1:4000", "\"10.0.0.1:4000.0\"", "CB3005", "is not an IPv4 address");
}

Test(config_load, times_are_real_dates_in_utc)
{
    taken(&loaded, "2022-03-25T08:00:01Z", "2024-02-29T00:00:00Z");
    cr_assert_eq(loaded.configuration->state.instruments[1].expiry_ns, 1709164800000000000);
    taken(&loaded, "2022-03-25T08:00:01Z", "1970-01-01T00:00:01Z");
    cr_assert_eq(loaded.configuration->state.instruments[1].expiry_ns, 1000000000);
    taken(&loaded, "2022-03-25T08:00:01Z", "2261-12-31T23:59:59Z");
    refused("2022-03-25T08:00:01Z", "2262-01-01T00:00:00Z", "CB3007", "1970 .. 2261");
    refused("2022-03-25T08:00:01Z", "1969-12-31T23:59:59Z", "CB3007", "1970 .. 2261");
    refused("2022-03-25T08:00:01Z", "2023-02-29T00:00:00Z", "CB3005", "is not a UTC time");
    refused("2022-03-25T08:00:01Z", "2100-02-29T00:00:00Z", "CB3005", "is not a UTC time");
    refused("2022-03-25T08:00:01Z", "2022-04-31T00:00:00Z", "CB3005", "is not a UTC time");
    refused("2022-03-25T08:00:01Z", "2022-13-01T00:00:00Z", "CB3005", "is not a UTC time");
    refused("2022-03-25T08:00:01Z", "2022-03-25T24:00:00Z", "CB3005", "is not a UTC time");
    refused("2022-03-25T08:00:01Z", "2022-03-25 08:00:01", "CB3005", "is not a UTC time");
}

Test(config_load, names_have_a_length_and_an_alphabet)
{
    taken(&loaded, "name: okx", "name: abcdefghijklmno");
    refused("name: okx", "name: abcdefghijklmnop", "CB3007", "has 16 characters; 1 to 15");
    refused("name: okx", "name: \"o k\"", "CB3005", "has a character that is no letter");
    taken(&loaded, "name: BTC-PERP", "name: abcdefghijklmnopqrstuvwxyz01234");
    refused("name: BTC-PERP", "name: abcdefghijklmnopqrstuvwxyz012345", "CB3007", "1 to 31");
    refused("name: ORACLE0", "name: ORACLE00000", "CB3007", "1 to 10");
}

Test(config_load, references_are_by_name_and_dangling_ones_suggest)
{
    refused("factor: ETH }", "factor: ETHH }", "CB3006",
            "there is no \"ETHH\" in factors (did you mean \"ETH\"?)");
    refused("chain: ethereum, haircut: \"0\"", "chain: mars, haircut: \"0\"", "CB3006",
            "no \"mars\" in chains");
    refused("session: VENUE0", "session: VENUE", "CB3006", "(did you mean \"VENUE0\"?)");
}

Test(config_load, secrets_are_checked_and_never_repeated)
{
    static const char good[] = "200102030405060708090a0b0c0d0e0f";
    refused(good, "200102030405060708090a0b0c0d0e", "CB3005", "32 hexadecimal digits");
    refused(good, "20010203040506070809 0a0b0c0d0e0f", "CB3005", "32 hexadecimal digits");
    refused(good, "00000000000000000000000000000000", "CB3005", "all zeros");
    refused(good, "000102030405060708090a0b0c0d0e0f", "CB3008", "the same secret as sessions[0]");
    /* Neither the message nor the line shown below it has the secret, whatever the fault in that line is. */
    load_changed(&loaded, good, "200102030405060708090a0b0c0d0e0g");
    cr_assert_not_null(strstr(loaded.output, "no hexadecimal digit"));
    cr_assert_null(strstr(loaded.output, "2001020304"), "%s", loaded.output);
    cr_assert_not_null(strstr(loaded.output, "role: venue, secret: ******************************** }"), "%s",
                       loaded.output);
    load_changed(&loaded, good, "\"my own secret words\"");
    cr_assert_null(strstr(loaded.output, "own"), "%s", loaded.output);
    load_changed(&loaded, "role: venue,", "role: venues,");
    cr_assert_not_null(strstr(loaded.output, "role: venues, secret: ****"), "%s", loaded.output);
    cr_assert_null(strstr(loaded.output, "0c0d0e0f"), "%s", loaded.output);
    load_changed(&loaded, "secret: 200102030405060708090a0b0c0d0e0f",
                 "zecret: 200102030405060708090a0b0c0d0e0f");
    cr_assert_not_null(strstr(loaded.output, "zecret: ********************************"), "%s",
                       loaded.output);
    load_changed(&loaded,
                 "name: VENUE0, class: ordered, role: venue, secret: 200102030405060708090a0b0c0d0e0f }",
                 "name: VENUE0, class: ordered, role: venuez, secret:");
    cr_assert_eq(loaded.status, CB_EXIT_CONFIG);
    load_text(&loaded, valid_text, false);
    FILE *shown = fmemopen(loaded.output, sizeof loaded.output, "w");
    cb_config_show(loaded.configuration, shown);
    fclose(shown);
    cr_assert_not_null(strstr(loaded.output, "secret: hidden"));
    cr_assert_null(strstr(loaded.output, "0a0b0c0d"));
}

Test(config_load, broken_yaml_is_reported_with_its_place)
{
    refused("clock: feed\n", "clock: [feed\n", "CB3002", "box.yaml:");
    refused("clock: feed\n", "clock: feed\nclock: wall\n", "CB3002", "duplicate");
    refused("clock: feed\n", "clock: *nothing\n", "CB3005", "a value is expected here");
    refused("cluster: 7\n", "- 7\n", "CB3002", "box.yaml:");
    refused("cluster: 7\n", "cluster: |0\n  7\n", "CB3002", "indentation indicator");
    load_text(&loaded, "", false);
    cr_assert_not_null(strstr(loaded.output, "CB3002"), "%s", loaded.output);
    load_text(&loaded, "just words", false);
    cr_assert_not_null(strstr(loaded.output, "not a map"), "%s", loaded.output);
    load_text(&loaded, "a: 1\n---\nb: 2\n", false);
    cr_assert_not_null(strstr(loaded.output, "CB3013"), "%s", loaded.output);
}

Test(config_load, the_file_cut_at_any_place_never_crashes_and_is_never_taken_before_it_is_whole)
{
    static char text[8192];
    size_t bytes = strlen(valid_text);
    const char *last_needed = strstr(valid_text, "instruments:");
    for (size_t cut = 0; cut < bytes; cut++) {
        memcpy(text, valid_text, cut);
        text[cut] = 0;
        load_text(&loaded, text, false);
        if (cut + 1 < (size_t)(last_needed - valid_text)) {
            bool cut_in_last_holding = strstr(text, "asset: WETH, chain: ethereum") != NULL ||
                                       strstr(text, "haircut: \"0\" }") != NULL;
            cr_assert(loaded.status == CB_EXIT_CONFIG || cut_in_last_holding, "taken when cut at %zu", cut);
        }
        cr_assert_eq(loaded.status == CB_EXIT_CONFIG, loaded.output[0] != 0);
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    fclose(file);
}

Test(config_load, missing_files_are_reported_and_named_files_are_read_beside_the_configuration)
{
    char folder[] = "/tmp/clearbox-test-XXXXXX", path[256], risk[256], secret[256];
    static char text[8192];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/box.yaml", folder);
    snprintf(risk, sizeof risk, "%s/risk.yaml", folder);
    snprintf(secret, sizeof secret, "%s/venue.secret", folder);
    static struct cb_configuration storage;
    struct cb_configuration *configuration = &storage;
    FILE *errors = fmemopen(loaded.output, sizeof loaded.output, "w");
    cr_assert_eq(cb_config_load(configuration, path, false, errors), CB_EXIT_CONFIG);
    cr_assert_eq(cb_config_load(configuration, folder, false, errors), CB_EXIT_CONFIG);
    snprintf(text, sizeof text, "%s", valid_text);
    char *place = strstr(text, "risk: { maintenance: \"0.75\" }\n");
    memcpy(place, "risk: risk.yaml #####################", strcspn(place, "\n"));
    place = strstr(text, "secret: 200102030405060708090a0b0c0d0e0f");
    memcpy(place, "secret_file: venue.secret               ",
           strlen("secret: 200102030405060708090a0b0c0d0e0f"));
    write_file(path, text);
    cr_assert_eq(cb_config_load(configuration, path, false, errors), CB_EXIT_CONFIG);
    write_file(risk, "maintenance: \"0.5\"\nskew: \"0.2\"\n");
    cr_assert_eq(cb_config_load(configuration, path, false, errors), CB_EXIT_CONFIG);
    write_file(secret, "FF0102030405060708090a0b0c0d0e0f\n");
    cr_assert_eq(cb_config_load(configuration, path, false, errors), CB_EXIT_OK);
    cr_assert_eq(configuration->state.risk.maintenance.e9, 500000000);
    cr_assert_eq(configuration->state.risk.skew.e9, 200000000);
    cr_assert_eq(configuration->state.risk.unrealised.e9, 900000000);
    cr_assert_eq(configuration->app.sessions[2].secret[0], 0xff);
    write_file(risk, "maintenanec: \"0.5\"\n");
    cr_assert_eq(cb_config_load(configuration, path, false, errors), CB_EXIT_CONFIG);
    fclose(errors);
    cr_assert_not_null(strstr(loaded.output, "CB3001"));
    cr_assert_not_null(strstr(loaded.output, "it is a directory"));
    cr_assert_not_null(strstr(loaded.output, "CB3011"));
    cr_assert_not_null(strstr(loaded.output, "risk.yaml:1:1: unknown key \"maintenanec\" (did you mean"),
                       "%s", loaded.output);
    unlink(path);
    unlink(risk);
    unlink(secret);
    rmdir(folder);
}

/* A default is text too; a row whose range does not fit its field would store something else than it says. */
Test(config_table, every_row_is_consistent)
{
    for (size_t i = 0; i < cb_config_rows_count; i++) {
        const struct cb_config_row *row = &cb_config_rows[i];
        cr_assert_eq(cb_config_row_find(row->section, row->key), row, "%s stands twice", row->key);
        cr_assert(row->summary[0] != 0);
        cr_assert_leq(row->offset + row->bytes, sizeof(struct cb_configuration));
        if (row->type == CB_TYPE_INTEGER || row->type == CB_TYPE_DECIMAL) {
            int64_t scaled;
            cr_assert(!__builtin_mul_overflow(row->max, row->multiplier, &scaled), "%s", row->key);
            cr_assert(row->bytes == 8 || (row->min >= 0 && scaled < (int64_t)1 << (8 * row->bytes)), "%s",
                      row->key);
            cr_assert_leq(row->min, row->max);
        }
        if (row->fallback != NULL && row->fallback[0] != 0) {
            struct cb_config_refusal refusal;
            struct cb_configuration *c = calloc(1, sizeof *c);
            cr_assert(cb_config_value_parse(c, row, 0, 0, row->fallback, strlen(row->fallback), &refusal),
                      "%s", row->key);
            free(c);
        }
    }
}

/* Shown text, with the secrets put back, loads to the same bytes. */
static void shows_itself(const struct cb_configuration *first, bool development)
{
    static char text[1 << 20], with_secrets[1 << 20];
    FILE *out = fmemopen(text, sizeof text, "w");
    cb_config_show(first, out);
    fclose(out);
    size_t used = 0;
    unsigned session = 0;
    for (const char *p = text; *p != 0;) {
        if (strncmp(p, "secret: hidden", 14) == 0) {
            used += (size_t)snprintf(with_secrets + used, sizeof with_secrets - used, "secret: ");
            for (unsigned i = 0; i < CB_SESSION_KEY_BYTES; i++) {
                used += (size_t)snprintf(with_secrets + used, sizeof with_secrets - used, "%02x",
                                         first->app.sessions[session].secret[i]);
            }
            session++;
            p += 14;
        } else {
            with_secrets[used++] = *p++;
        }
    }
    with_secrets[used] = 0;
    load_text(&loaded, with_secrets, development);
    cr_assert_eq(loaded.status, CB_EXIT_OK, "%s\n%s", loaded.output, with_secrets);
    cr_assert_eq(memcmp(loaded.configuration, first, sizeof *first), 0, "%s", with_secrets);
}

Test(config_show, what_is_shown_loads_again_to_the_same_bytes)
{
    taken(&loaded, "risk: {", "dpdk: { eal_extra: [\"--file-prefix=a b\", \"--x=\\\"q\\\\\"] }\nrisk: {");
    static struct cb_configuration first;
    first = loaded.storage;
    shows_itself(&first, false);
}

Test(config_examples, the_shipped_examples_are_valid_and_show_themselves)
{
    static const char *const paths[] = {"config/demo.yaml", "config/daily.yaml", "config/depeg.yaml"};
    for (unsigned i = 0; i < 3; i++) {
        struct cb_configuration *first = malloc(sizeof *first);
        cr_assert_eq(cb_config_load(first, paths[i], false, stderr), CB_EXIT_OK, "%s", paths[i]);
        cr_assert_eq(first->state.sessions_count, 9);
        cr_assert_geq(first->state.instruments_count, 8);
        shows_itself(first, false);
        free(first);
    }
}

static uint64_t environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 0);
}

static uint64_t next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Whatever the text, the loader ends, and it says something exactly when it refuses. */
Test(config_properties, changed_bytes_never_crash_and_every_refusal_says_why)
{
    static const char alphabet[] = "\n\n  ::--[]{}\"'#&*!|>%@,?~\t0159azAZ\\\x80\xff";
    uint64_t seed = environment("CB_SEED", 0x5eed), state = seed, effort = environment("CB_EFFORT", 1);
    static char text[8192];
    unsigned refusals = 0, rounds = (unsigned)(500 * effort);
    printf("seed=0x%llx\n", (unsigned long long)seed);
    for (unsigned i = 0; i < rounds; i++) {
        strcpy(text, valid_text);
        size_t bytes = strlen(text);
        for (uint64_t edits = 1 + next(&state) % 4; edits > 0; edits--) {
            text[next(&state) % bytes] = alphabet[next(&state) % (sizeof alphabet - 1)];
        }
        load_text(&loaded, text, false);
        cr_assert_eq(loaded.status == CB_EXIT_CONFIG, loaded.output[0] != 0, "%s\n%s", loaded.output, text);
        refusals += loaded.status == CB_EXIT_CONFIG;
    }
    cr_assert(refusals > rounds / 2 && refusals < rounds, "%u of %u refused", refusals, rounds);
}
