#include "support.h"

#include "host/app/commands.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

const char valid_text[] =
    "cluster: 7\n"
    "clock: feed\n"
    "listen: 10.0.0.1:4000\n"
    "journal: { segments: 8 }\n"
    "nics:\n"
    "  - { driver: memif, socket: /tmp/m.sock }\n"
    "capacity: { accounts: 10 }\n"
    "risk: { maintenance: \"0.75\" }\n"
    "sessions:\n"
    "  - { name: ORACLE0, class: latest, role: oracle, secret: 000102030405060708090a0b0c0d0e0f }\n"
    "  - { name: OPERATOR, class: ordered, role: operator, secret: 100102030405060708090a0b0c0d0e0f }\n"
    "  - { name: VENUE0, class: ordered, role: venue, secret: 200102030405060708090a0b0c0d0e0f }\n"
    "  - { name: CUST0, class: ordered, role: custodian, secret: 300102030405060708090a0b0c0d0e0f }\n"
    "factors:\n"
    "  - name: BTC\n"
    "    scan_range: \"0.15\"\n"
    "    vol: \"0.6\"\n"
    "    vol_floor: \"0.2\"\n"
    "    heartbeat_ms: 1500\n"
    "    sources: 3\n"
    "    quorum: 2\n"
    "  - { name: ETH, scan_range: \"0.18\", vol: \"0.75\", vol_floor: \"0.25\", heartbeat_ms: 9 }\n"
    "assets:\n"
    "  - { name: USD }\n"
    "  - { name: WETH, factor: ETH }\n"
    "chains:\n"
    "  - { name: ethereum, session: CUST0 }\n"
    "venues:\n"
    "  - { name: okx, session: VENUE0 }\n"
    "holdings:\n"
    "  - { asset: USD, chain: ethereum, haircut: \"0\" }\n"
    "  - { asset: WETH, chain: ethereum, haircut: \"0.05\", debt_haircut: \"0.10\" }\n"
    "instruments:\n"
    "  - { name: BTC-PERP, kind: perpetual, factor: BTC }\n"
    "  - { name: BTC-C, kind: call, factor: BTC, strike: \"50000.5\", expiry: 2022-03-25T08:00:01Z }\n";

void load_text(struct loaded *loaded, const char *text, bool development)
{
    FILE *errors = fmemopen(loaded->output, sizeof loaded->output, "w");
    cr_assert_not_null(errors);
    loaded->configuration = &loaded->storage;
    loaded->output[0] = 0;
    loaded->status =
        cb_config_load_text(loaded->configuration, text, strlen(text), "box.yaml", development, errors);
    fclose(errors);
}

void load_changed(struct loaded *loaded, const char *from, const char *to)
{
    static char text[262144];
    const char *place = strstr(valid_text, from);
    cr_assert_not_null(place, "\"%s\" is not in the valid text", from);
    cr_assert_null(strstr(place + 1, from), "\"%s\" is in the valid text twice", from);
    int length = snprintf(text, sizeof text, "%.*s%s%s", (int)(place - valid_text), valid_text, to,
                          place + strlen(from));
    cr_assert(length > 0 && (size_t)length < sizeof text);
    load_text(loaded, text, false);
}

void refused(const char *from, const char *to, const char *code, const char *words)
{
    static struct loaded loaded;
    load_changed(&loaded, from, to);
    cr_assert_eq(loaded.status, CB_EXIT_CONFIG, "\"%s\" was taken", to);
    cr_assert_eq(strncmp(loaded.output, code, strlen(code)), 0, "\"%s\" gave: %s", to, loaded.output);
    cr_assert_not_null(strstr(loaded.output, words), "\"%s\" gave: %s", to, loaded.output);
    cr_assert_null(strstr(loaded.output + 1, "\nCB"), "one fault, several messages: %s", loaded.output);
}

void taken(struct loaded *loaded, const char *from, const char *to)
{
    load_changed(loaded, from, to);
    cr_assert_eq(loaded->status, CB_EXIT_OK, "\"%s\" was refused: %s", to, loaded->output);
    cr_assert_str_empty(loaded->output);
}

void run_program(struct program_run *run, const char *arguments)
{
    static char words[1024];
    char *argv[32] = {(char *)(uintptr_t) "clearbox"};
    int argc = 1;
    snprintf(words, sizeof words, "%s", arguments);
    for (char *word = strtok(words, " "); word != NULL && argc < 31; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    memset(run->out, 0, sizeof run->out);
    memset(run->errors, 0, sizeof run->errors);
    FILE *out = fmemopen(run->out, sizeof run->out, "w"),
         *errors = fmemopen(run->errors, sizeof run->errors, "w");
    cr_assert(out != NULL && errors != NULL);
    run->status = cb_program(argc, argv, out, errors);
    fclose(out);
    fclose(errors);
}
