/* Rules that join several keys: each broken once, and kept at its edge. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct loaded loaded;

Test(config_rules, names_are_unique_in_their_list)
{
    refused("name: okx", "name: okx, session: VENUE0 }\n  - { name: okx", "CB3008",
            "\"okx\" is already the name of venues[0]");
    refused("name: OPERATOR", "name: ORACLE0", "CB3008", "already the name of sessions[0]");
    refused("name: BTC-C,", "name: BTC-PERP,", "CB3008", "already the name of instruments[0]");
}

Test(config_rules, quorum_is_at_most_the_number_of_sources)
{
    taken(&loaded, "quorum: 2", "quorum: 3");
    refused("quorum: 2", "quorum: 4", "CB3010", "4 fresh sources can not come from 3");
}

Test(config_rules, volatility_starts_at_or_above_its_floor)
{
    taken(&loaded, "vol: \"0.6\"", "vol: \"0.2\"");
    refused("vol: \"0.6\"", "vol: \"0.199999999\"", "CB3010", "less than vol_floor");
}

Test(config_rules, the_first_asset_and_no_other_is_usd_without_a_factor)
{
    load_changed(&loaded, "  - { name: USD }\n", "  - { name: EUR, factor: BTC }\n  - { name: USD }\n");
    cr_assert_not_null(strstr(loaded.output, "assets[0].name: the first asset is USD, and no other is"));
    cr_assert_not_null(strstr(loaded.output, "assets[1].name: the first asset is USD, and no other is"));
    refused("name: USD }", "name: USD, factor: BTC }", "CB3010", "it has no factor");
    refused("name: WETH, factor: ETH }", "name: WETH }", "CB3010", "needs a factor");
}

Test(config_rules, holdings_are_unique_and_usd_is_cash)
{
    refused("haircut: \"0\"", "haircut: \"0.1\"", "CB3010", "its haircuts are 0");
    refused("holdings:\n", "holdings:\n  - { asset: WETH, chain: ethereum, haircut: \"0.1\" }\n", "CB3008",
            "the same asset on the same chain");
    refused("  - { asset: USD, chain: ethereum, haircut: \"0\" }\n", "", "CB3010", "USD needs a holding too");
}

Test(config_rules, sessions_have_the_roles_that_refer_to_them_need)
{
    refused("session: CUST0", "session: VENUE0", "CB3010", "role custodian, or operator");
    taken(&loaded, "session: CUST0", "session: OPERATOR");
    refused("session: VENUE0", "session: CUST0", "CB3010", "role venue");
    refused("class: ordered, role: venue", "class: latest, role: venue", "CB3010",
            "only an oracle may be latest");
    taken(&loaded, "class: latest, role: oracle", "class: ordered, role: oracle");
    refused("class: latest, role: oracle", "class: ordered, role: trader", "CB3010",
            "no session has the role oracle");
    refused("role: operator", "role: trader", "CB3010", "no session has the role operator");
}

Test(config_rules, exactly_one_of_secret_and_secret_file_is_given)
{
    refused(", secret: 200102030405060708090a0b0c0d0e0f", "", "CB3004", "one of secret and secret_file");
    refused("secret: 200102030405060708090a0b0c0d0e0f", "secret_file: /nonexistent", "CB3011",
            "can not be read");
}

Test(config_rules, strike_and_expiry_belong_to_their_kinds)
{
    refused("strike: \"50000.5\", ", "", "CB3004", "instruments[1].strike: a call needs it");
    refused(", expiry: 2022-03-25T08:00:01Z", "", "CB3004", "instruments[1].expiry: a call needs it");
    refused("kind: perpetual, factor: BTC", "kind: perpetual, factor: BTC, strike: \"1\"", "CB3010",
            "a perpetual has none");
    refused("kind: perpetual, factor: BTC", "kind: spot, factor: BTC, expiry: 2022-03-25T08:00:00Z", "CB3010",
            "a spot has none");
    refused("kind: perpetual, factor: BTC", "kind: future, factor: BTC", "CB3004", "a future needs it");
    taken(&loaded, "kind: perpetual, factor: BTC", "kind: future, factor: BTC, expiry: 2022-03-25T08:00:00Z");
    taken(&loaded, "kind: call", "kind: put");
}

Test(config_rules, a_port_has_the_keys_of_its_driver)
{
    static const char memif[] = "driver: memif, socket: /tmp/m.sock";
    refused(memif, "driver: memif", "CB3004", "socket: a memif port needs it");
    refused(memif, "driver: memif, socket: a, read: b", "CB3010", "a memif port has none");
    taken(&loaded, memif, "driver: pcap, read: in.pcap");
    taken(&loaded, memif, "driver: pcap, read: in.pcap, write: out.pcap");
    refused(memif, "driver: pcap, write: out.pcap", "CB3004", "read: a pcap port needs it");
    refused(memif, "driver: pcap, read: in.pcap, id: 0", "CB3010", "id: a pcap port has none");
}

Test(config_rules, a_feed_clock_on_a_real_port_needs_development)
{
    static const char *const ports[] = {"driver: udp, address: 127.0.0.1:4000",
                                        "driver: eal, device: net_tap0"};
    for (unsigned i = 0; i < 2; i++) {
        refused("driver: memif, socket: /tmp/m.sock", ports[i], "CB3012", "--development");
        static char text[8192];
        snprintf(text, sizeof text, "%s", valid_text);
        char *place = strstr(text, "  - { driver: memif, socket: /tmp/m.sock }\n");
        const char *rest = strchr(strstr(valid_text, "driver: memif"), '\n');
        snprintf(place, sizeof text - (size_t)(place - text), "  - { %s }%s", ports[i], rest);
        load_text(&loaded, text, true);
        cr_assert_eq(loaded.status, CB_EXIT_OK, "%s", loaded.output);
        memcpy(strstr(text, "clock: feed"), "clock: wall", 11);
        load_text(&loaded, text, false);
        cr_assert_eq(loaded.status, CB_EXIT_OK, "%s", loaded.output);
    }
}

Test(config_rules, two_lines_are_two_ports)
{
    static const char one[] = "  - { driver: memif, socket: /tmp/m.sock }\n";
    refused(one, "  - { driver: memif, socket: a }\n  - { driver: memif, socket: a }\n", "CB3008",
            "same port");
    taken(&loaded, one, "  - { driver: memif, socket: a }\n  - { driver: memif, socket: a, id: 1 }\n");
    cr_assert_eq(loaded.configuration->app.nics_count, 2);
    cr_assert_eq(loaded.configuration->app.nics[1].id, 1);
    refused(one, "  - { driver: pcap, read: a }\n  - { driver: pcap, read: a }\n", "CB3008", "same port");
    refused(one,
            "  - { driver: pcap, read: a }\n  - { driver: pcap, read: b }\n  - { driver: pcap, read: c }\n",
            "CB3009", "at most 2");
}

Test(config_rules, thresholds_are_ordered)
{
    refused("{ maintenance: \"0.75\" }", "{ warning_leave: \"1.05\" }", "CB3010", "less than warning_enter");
    taken(&loaded, "{ maintenance: \"0.75\" }", "{ warning_leave: \"1.10\" }");
    refused("{ maintenance: \"0.75\" }", "{ call_leave: \"1.13\" }", "CB3010", "more than warning_leave");
    taken(&loaded, "{ maintenance: \"0.75\" }", "{ call_leave: \"1.12\" }");
    refused("clock: feed\n", "clock: feed\nresend_ms: 1000\nresend_max_ms: 999\n", "CB3010",
            "less than resend_ms");
    refused("{ accounts: 10 }", "{ positions: 255 }", "CB3010", "more than capacity.positions (255)");
    taken(&loaded, "{ accounts: 10 }", "{ positions: 256 }");
}

Test(config_rules, the_listening_address_is_one_host)
{
    refused("10.0.0.1:4000", "0.0.0.0:4000", "CB3007", "one address");
    refused("10.0.0.1:4000", "224.0.0.1:4000", "CB3007", "one address");
    refused("10.0.0.1:4000", "255.255.255.255:4000", "CB3007", "one address");
    taken(&loaded, "10.0.0.1:4000", "223.255.255.255:4000");
}
