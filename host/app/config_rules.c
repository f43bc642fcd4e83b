/* Rules that join several values of the configuration. Ranges of single values are in the table. */
#include "host/app/config_loader.h"
#include "host/app/config_value.h"

#include <string.h>

static bool written(const struct cb_config_loader *loader, unsigned section, uint32_t index, const char *key)
{
    return cb_config_loader_node(loader, section, index, key) != NULL;
}

static void check_names(struct cb_config_loader *loader)
{
    static const uint8_t named[] = {CB_SECTION_SESSIONS, CB_SECTION_FACTORS, CB_SECTION_ASSETS,
                                    CB_SECTION_CHAINS,   CB_SECTION_VENUES,  CB_SECTION_INSTRUMENTS};
    char name[CB_CONFIG_VALUE_BYTES];
    for (size_t i = 0; i < sizeof named; i++) {
        uint32_t count = cb_config_count(loader->configuration, named[i]);
        for (uint32_t k = 1; k < count; k++) {
            cb_config_name_of(name, loader->configuration, named[i], k);
            uint32_t before = cb_config_name_find(loader->configuration, named[i], k, name, strlen(name));
            if (before != UINT32_MAX) {
                cb_config_rule_fault(loader, named[i], k, "name", CB_MESSAGE_3008,
                                     "\"%s\" is already the name of %s[%u]", name,
                                     cb_config_sections[named[i]].key, before);
            }
        }
    }
}

static void check_top(struct cb_config_loader *loader)
{
    const struct cb_config *c = &loader->configuration->state;
    uint32_t ip = loader->configuration->app.listen.ip;
    if (c->resend_max_ns < c->resend_ns) {
        cb_config_rule_fault(loader, CB_SECTION_TOP, 0, "resend_max_ms", CB_MESSAGE_3010,
                             "less than resend_ms");
    }
    if (ip >> 24 == 0 || ip >> 28 >= 14) {
        cb_config_rule_fault(loader, CB_SECTION_TOP, 0, "listen", CB_MESSAGE_3007,
                             "frames come to one address: 0.x, multicast and broadcast are none");
    }
    if (c->capacity.positions_per_account > c->capacity.positions) {
        cb_config_rule_fault(loader, CB_SECTION_CAPACITY, 0, "positions_per_account", CB_MESSAGE_3010,
                             "more than capacity.positions (%u)", c->capacity.positions);
    }
    if (c->risk.warning_leave.e9 < c->risk.warning_enter.e9) {
        cb_config_rule_fault(loader, CB_SECTION_RISK, 0, "warning_leave", CB_MESSAGE_3010,
                             "less than warning_enter: the warning would flicker");
    }
    if (c->risk.call_leave.e9 > c->risk.warning_leave.e9) {
        cb_config_rule_fault(loader, CB_SECTION_RISK, 0, "call_leave", CB_MESSAGE_3010,
                             "more than warning_leave: a call would outlive its warning");
    }
}

static void check_sessions(struct cb_config_loader *loader)
{
    const struct cb_configuration *c = loader->configuration;
    bool has_oracle = false, has_operator = false;
    for (uint32_t i = 0; i < c->state.sessions_count; i++) {
        const struct cb_session_config *session = &c->state.sessions[i];
        bool inline_secret = written(loader, CB_SECTION_SESSIONS, i, "secret");
        bool file_secret = written(loader, CB_SECTION_SESSIONS, i, "secret_file");
        has_oracle = has_oracle || session->role == CB_ROLE_ORACLE;
        has_operator = has_operator || session->role == CB_ROLE_OPERATOR;
        if (session->class == CB_SESSION_LATEST && session->role != CB_ROLE_ORACLE) {
            cb_config_rule_fault(loader, CB_SECTION_SESSIONS, i, "class", CB_MESSAGE_3010,
                                 "latest drops messages; only an oracle may be latest");
        }
        if (inline_secret == file_secret) {
            cb_config_rule_fault(loader, CB_SECTION_SESSIONS, i, inline_secret ? "secret_file" : "name",
                                 inline_secret ? CB_MESSAGE_3010 : CB_MESSAGE_3004,
                                 "one of secret and secret_file is needed");
            continue;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (memcmp(c->app.sessions[k].secret, c->app.sessions[i].secret, CB_SESSION_KEY_BYTES) == 0) {
                cb_config_rule_fault(loader, CB_SECTION_SESSIONS, i, inline_secret ? "secret" : "secret_file",
                                     CB_MESSAGE_3008,
                                     "the same secret as sessions[%u]: each could speak for the other", k);
                break;
            }
        }
    }
    if (!has_oracle) {
        cb_config_rule_fault(loader, CB_SECTION_SESSIONS, 0, NULL, CB_MESSAGE_3010,
                             "no session has the role oracle: no price could come");
    }
    if (!has_operator) {
        cb_config_rule_fault(loader, CB_SECTION_SESSIONS, 0, NULL, CB_MESSAGE_3010,
                             "no session has the role operator: no account could be opened");
    }
}

static void check_factors_and_assets(struct cb_config_loader *loader)
{
    const struct cb_config *c = &loader->configuration->state;
    for (uint32_t i = 0; i < c->factors_count; i++) {
        if (c->factors[i].quorum > c->factors[i].sources) {
            cb_config_rule_fault(loader, CB_SECTION_FACTORS, i, "quorum", CB_MESSAGE_3010,
                                 "%u fresh sources can not come from %u", c->factors[i].quorum,
                                 c->factors[i].sources);
        }
        if (c->factors[i].vol.e9 < c->factors[i].vol_floor.e9) {
            cb_config_rule_fault(loader, CB_SECTION_FACTORS, i, "vol", CB_MESSAGE_3010,
                                 "less than vol_floor");
        }
    }
    for (uint32_t i = 0; i < c->assets_count; i++) {
        bool usd = strcmp(c->assets[i].name, "USD") == 0;
        if (usd != (i == 0)) {
            cb_config_rule_fault(loader, CB_SECTION_ASSETS, i, "name", CB_MESSAGE_3010,
                                 "the first asset is USD, and no other is");
        } else if (usd != (c->assets[i].factor == CB_NONE_U16)) {
            cb_config_rule_fault(loader, CB_SECTION_ASSETS, i, "factor", CB_MESSAGE_3010,
                                 usd ? "USD is what prices are in: it has no factor"
                                     : "every asset but USD needs a factor");
        }
    }
}

static void check_places(struct cb_config_loader *loader)
{
    const struct cb_config *c = &loader->configuration->state;
    bool usd = false;
    for (uint32_t i = 0; i < c->chains_count; i++) {
        uint8_t role = c->sessions[c->chains[i].session].role;
        if (role != CB_ROLE_CUSTODIAN && role != CB_ROLE_OPERATOR) {
            cb_config_rule_fault(loader, CB_SECTION_CHAINS, i, "session", CB_MESSAGE_3010,
                                 "a chain's session has the role custodian, or operator");
        }
    }
    for (uint32_t i = 0; i < c->venues_count; i++) {
        if (c->sessions[c->venues[i].session].role != CB_ROLE_VENUE) {
            cb_config_rule_fault(loader, CB_SECTION_VENUES, i, "session", CB_MESSAGE_3010,
                                 "a venue's session has the role venue");
        }
    }
    for (uint32_t i = 0; i < c->holdings_count; i++) {
        const struct cb_holding_config *holding = &c->holdings[i];
        usd = usd || holding->asset == 0;
        if (holding->asset == 0 && (holding->haircut.e9 != 0 || holding->debt_haircut.e9 != 0)) {
            cb_config_rule_fault(loader, CB_SECTION_HOLDINGS, i, "haircut", CB_MESSAGE_3010,
                                 "USD is cash: its haircuts are 0");
        }
        for (uint32_t k = 0; k < i; k++) {
            if (c->holdings[k].asset == holding->asset && c->holdings[k].chain == holding->chain) {
                cb_config_rule_fault(loader, CB_SECTION_HOLDINGS, i, "asset", CB_MESSAGE_3008,
                                     "holdings[%u] is the same asset on the same chain", k);
                break;
            }
        }
    }
    if (!usd) {
        cb_config_rule_fault(loader, CB_SECTION_HOLDINGS, 0, NULL, CB_MESSAGE_3010,
                             "USD needs a holding too: no cash could come or go");
    }
}

/* A key that belongs to some kinds only: present exactly when it must be. */
static void check_key(struct cb_config_loader *loader, unsigned section, uint32_t index, const char *key,
                      bool needed, bool allowed, const char *kind)
{
    bool present = written(loader, section, index, key);
    if (needed && !present) {
        cb_config_rule_fault(loader, section, index, key, CB_MESSAGE_3004, "a %s needs it", kind);
    }
    if (present && !allowed) {
        cb_config_rule_fault(loader, section, index, key, CB_MESSAGE_3010, "a %s has none", kind);
    }
}

static void check_instruments(struct cb_config_loader *loader)
{
    static const char *const kinds[] = {"", "spot", "perpetual", "future", "call", "put"};
    const struct cb_config *c = &loader->configuration->state;
    for (uint32_t i = 0; i < c->instruments_count; i++) {
        uint8_t kind = c->instruments[i].kind;
        bool option = kind == CB_CALL || kind == CB_PUT, dated = option || kind == CB_FUTURE;
        check_key(loader, CB_SECTION_INSTRUMENTS, i, "strike", option, option, kinds[kind]);
        check_key(loader, CB_SECTION_INSTRUMENTS, i, "expiry", dated, dated, kinds[kind]);
    }
}

/* Two lines must not be one and the same port. */
static bool same_port(const struct cb_nic_config *a, const struct cb_nic_config *b)
{
    if (a->driver != b->driver) {
        return false;
    }
    switch ((enum cb_nic_driver)a->driver) {
    case CB_NIC_MEMIF:
        return a->id == b->id && strcmp(a->socket, b->socket) == 0;
    case CB_NIC_PCAP:
        return strcmp(a->read, b->read) == 0 || (a->write[0] != 0 && strcmp(a->write, b->write) == 0);
    case CB_NIC_UDP:
        return a->address.ip == b->address.ip && a->address.port == b->address.port;
    case CB_NIC_EAL:
        return strcmp(a->device, b->device) == 0;
    }
    return false;
}

static void check_nics(struct cb_config_loader *loader)
{
    static const char *const drivers[] = {"", "memif port", "pcap port", "udp port", "eal port"};
    const struct cb_configuration *c = loader->configuration;
    for (uint32_t i = 0; i < c->app.nics_count; i++) {
        const struct cb_nic_config *nic = &c->app.nics[i];
        const char *kind = drivers[nic->driver];
        bool memif = nic->driver == CB_NIC_MEMIF, pcap = nic->driver == CB_NIC_PCAP;
        bool udp = nic->driver == CB_NIC_UDP, eal = nic->driver == CB_NIC_EAL;
        check_key(loader, CB_SECTION_NICS, i, "socket", memif, memif, kind);
        check_key(loader, CB_SECTION_NICS, i, "id", false, memif, kind);
        check_key(loader, CB_SECTION_NICS, i, "read", pcap, pcap, kind);
        check_key(loader, CB_SECTION_NICS, i, "write", false, pcap, kind);
        check_key(loader, CB_SECTION_NICS, i, "address", udp, udp, kind);
        check_key(loader, CB_SECTION_NICS, i, "device", eal, eal, kind);
        if (i > 0 && same_port(nic, &c->app.nics[0])) {
            cb_config_rule_fault(loader, CB_SECTION_NICS, i, "driver", CB_MESSAGE_3008,
                                 "the same port as nics[0]");
        }
        if (c->state.clock == CB_CLOCK_FEED && (udp || eal) && !loader->development) {
            cb_config_rule_fault(loader, CB_SECTION_NICS, i, "driver", CB_MESSAGE_3012,
                                 "clock: feed lets the oracle set the time; on a %s that needs --development",
                                 kind);
        }
    }
}

void cb_config_rules_check(struct cb_config_loader *loader)
{
    check_names(loader);
    check_top(loader);
    check_sessions(loader);
    check_factors_and_assets(loader);
    check_places(loader);
    check_instruments(loader);
    check_nics(loader);
}
