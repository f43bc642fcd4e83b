#include "host/app/config_table.h"

#include <string.h>

#define CONFIGURATION             ((struct cb_configuration *)0)
#define ROOT(member)              offsetof(struct cb_configuration, member), sizeof(CONFIGURATION->member)
#define STRIDE(list)              sizeof(CONFIGURATION->list[0])
#define COUNT(member)             offsetof(struct cb_configuration, member)
#define LIST_MEMBER(list, member) ROOT(list[0].member), STRIDE(list)

/* One row per macro call; the unit of a key is in its name. */
#define INTEGER(section, key, place, multiplier, min, max, fallback, summary)                                \
    {                                                                                                        \
        CB_SECTION_##section, CB_TYPE_INTEGER, 0, 0, key, place, 0, multiplier, min, max, fallback, NULL,    \
            summary                                                                                          \
    }
#define DECIMAL(section, key, place, scale, min, max, fallback, summary)                                     \
    {                                                                                                        \
        CB_SECTION_##section, CB_TYPE_DECIMAL, scale, 0, key, place, 0, 1, min, max, fallback, NULL, summary \
    }
#define CHOICE(section, key, place, choices, fallback, summary)                                              \
    {                                                                                                        \
        CB_SECTION_##section, CB_TYPE_CHOICE, 0, 0, key, place, 0, 1, 0, 0, fallback, choices, summary       \
    }
#define REFERENCE(section, key, place, target, fallback, summary)                                            \
    {                                                                                                        \
        CB_SECTION_##section, CB_TYPE_REFERENCE, 0, CB_SECTION_##target, key, place, 0, 1, 0, 0, fallback,   \
            NULL, summary                                                                                    \
    }
#define PLAIN(type, section, key, place, fallback, summary)                                                  \
    {                                                                                                        \
        CB_SECTION_##section, CB_TYPE_##type, 0, 0, key, place, 0, 1, 0, 0, fallback, NULL, summary          \
    }
#define ONE(member) ROOT(member), 0

#define DAYS_30_MS (30L * 86400L * 1000L)

static const struct cb_config_choice clocks[] = {{"wall", CB_CLOCK_WALL}, {"feed", CB_CLOCK_FEED}, {NULL, 0}};
static const struct cb_config_choice yes_or_no[] = {{"no", 0}, {"yes", 1}, {NULL, 0}};
static const struct cb_config_choice idles[] = {{"spin", CB_IDLE_SPIN}, {"yield", CB_IDLE_YIELD}, {NULL, 0}};
static const struct cb_config_choice journal_drivers[] = {
    {"auto", CB_JOURNAL_AUTO}, {"uring", CB_JOURNAL_URING}, {"file", CB_JOURNAL_FILE}, {NULL, 0}};
static const struct cb_config_choice retains[] = {
    {"delete", CB_RETAIN_DELETE}, {"archive", CB_RETAIN_ARCHIVE}, {NULL, 0}};
static const struct cb_config_choice nic_drivers[] = {
    {"memif", CB_NIC_MEMIF}, {"pcap", CB_NIC_PCAP}, {"udp", CB_NIC_UDP}, {"eal", CB_NIC_EAL}, {NULL, 0}};
static const struct cb_config_choice classes[] = {
    {"latest", CB_SESSION_LATEST}, {"ordered", CB_SESSION_ORDERED}, {NULL, 0}};
static const struct cb_config_choice roles[] = {
    {"oracle", CB_ROLE_ORACLE}, {"operator", CB_ROLE_OPERATOR},   {"trader", CB_ROLE_TRADER},
    {"venue", CB_ROLE_VENUE},   {"custodian", CB_ROLE_CUSTODIAN}, {NULL, 0}};
static const struct cb_config_choice kinds[] = {{"spot", CB_SPOT},     {"perpetual", CB_PERPETUAL},
                                                {"future", CB_FUTURE}, {"call", CB_CALL},
                                                {"put", CB_PUT},       {NULL, 0}};

const struct cb_config_section cb_config_sections[CB_SECTION_COUNT] = {
    [CB_SECTION_TOP] = {"", false, 0, 0, 0, "the box"},
    [CB_SECTION_JOURNAL] = {"journal", false, 0, 0, 0,
                            "where every message is made durable before its answer leaves"},
    [CB_SECTION_CAPACITY] = {"capacity", false, 0, 0, 0,
                             "how many of each the box has room for; memory is taken once, at start"},
    [CB_SECTION_RISK] = {"risk", false, 0, 0, 0,
                         "the margin model's parameters; or the path of a file with these keys"},
    [CB_SECTION_DPDK] = {"dpdk", false, 0, 0, 0, "for experts"},
    [CB_SECTION_NICS] = {"nics", true, 1, CB_LINES_MAX, COUNT(app.nics_count),
                         "the ports: line A, and line B for a feed that comes twice"},
    [CB_SECTION_SESSIONS] = {"sessions", true, 1, CB_SESSIONS_MAX, COUNT(state.sessions_count),
                             "who may send, and what"},
    [CB_SECTION_FACTORS] = {"factors", true, 1, CB_FACTORS_MAX, COUNT(state.factors_count),
                            "the prices that risk depends on"},
    [CB_SECTION_ASSETS] = {"assets", true, 1, CB_ASSETS_MAX, COUNT(state.assets_count),
                           "what can be held; the first is USD"},
    [CB_SECTION_CHAINS] = {"chains", true, 1, CB_CHAINS_MAX, COUNT(state.chains_count),
                           "where collateral lies"},
    [CB_SECTION_VENUES] = {"venues", true, 0, CB_VENUES_MAX, COUNT(state.venues_count),
                           "where trades happen"},
    [CB_SECTION_HOLDINGS] = {"holdings", true, 1, CB_HOLDINGS_MAX, COUNT(state.holdings_count),
                             "which asset on which chain counts as collateral, and for how much"},
    [CB_SECTION_INSTRUMENTS] = {"instruments", true, 0, CB_INSTRUMENTS_MAX, COUNT(state.instruments_count),
                                "contract terms; the same contract on two venues is one instrument"},
};

const struct cb_config_row cb_config_rows[] = {
    INTEGER(TOP, "cluster", ONE(state.cluster), 1, 1, INT64_MAX, NULL,
            "names the journal; a journal of another cluster is refused"),
    CHOICE(
        TOP, "clock", ONE(state.clock), clocks, "wall",
        "wall: the machine's time. feed: time advances only by the oracle's heartbeats, for recorded prices"),
    INTEGER(TOP, "future_ms", ONE(state.future_ns), CB_NS_PER_MS, 0, DAYS_30_MS, "1000",
            "a source time later than now plus this is refused"),
    INTEGER(
        TOP, "resend_ms", ONE(state.resend_ns), CB_NS_PER_MS, 1, DAYS_30_MS, "200",
        "an action that nobody acknowledged is sent again after this, then after twice as long, and so on"),
    INTEGER(TOP, "resend_max_ms", ONE(state.resend_max_ns), CB_NS_PER_MS, 1, DAYS_30_MS, "10000",
            "the longest time between two of these"),
    PLAIN(ADDRESS, TOP, "listen", ONE(app.listen), NULL,
          "the box's own IPv4 address and UDP port, on every line"),
    CHOICE(TOP, "idle", ONE(app.idle), idles, "yield",
           "spin: for a core of its own. yield: for a shared one; gives the core away when nothing comes"),

    PLAIN(TEXT, JOURNAL, "path", ONE(app.journal.path), "", "a directory; absent: `journal` below -C DIR"),
    CHOICE(JOURNAL, "driver", ONE(app.journal.driver), journal_drivers, "auto",
           "uring: io_uring with O_DIRECT. file: plain synchronous writes. auto: uring, or file where it is "
           "refused"),
    CHOICE(JOURNAL, "retain", ONE(app.journal.retain), retains, "archive",
           "what becomes of segments older than two verified snapshots"),
    INTEGER(JOURNAL, "segments", ONE(app.journal.segments), 1, 4, CB_JOURNAL_SEGMENTS_MAX, "16",
            "files of fixed size, written once at start and then used in turn"),
    INTEGER(JOURNAL, "segment_mib", ONE(app.journal.segment_bytes), 1L << 20, 1, 16384, "64",
            "size of each, in MiB"),
    INTEGER(JOURNAL, "snapshot_records", ONE(app.journal.snapshot_records), 1, 1, INT64_MAX, "1000000",
            "a snapshot is written at least every so many records"),

    INTEGER(CAPACITY, "accounts", ONE(state.capacity.accounts), 1, 1, CB_ACCOUNTS_MAX, "1024",
            "account ids are 0 to this less one"),
    INTEGER(CAPACITY, "positions", ONE(state.capacity.positions), 1, 1, CB_POSITIONS_MAX, "16384",
            "of all accounts together"),
    INTEGER(CAPACITY, "positions_per_account", ONE(state.capacity.positions_per_account), 1, 1,
            CB_POSITIONS_PER_ACCOUNT_MAX, "256", "of one account"),
    INTEGER(
        CAPACITY, "balances", ONE(state.capacity.balances), 1, 1, CB_BALANCES_MAX, "4096",
        "coins on chains, one for each (account, asset, chain) that is not empty, of all accounts together"),
    INTEGER(CAPACITY, "orders", ONE(state.capacity.orders), 1, 1, CB_ORDERS_MAX, "16384", "open orders"),
    INTEGER(CAPACITY, "holds", ONE(state.capacity.holds), 1, 1, CB_HOLDS_MAX, "1024", "pending withdrawals"),
    INTEGER(CAPACITY, "answers", ONE(state.capacity.answers), 1, 1, CB_ANSWERS_MAX, "16384",
            "request ids whose answer is remembered, so that asking again gives the same one"),

    DECIMAL(RISK, "maintenance", ONE(state.risk.maintenance), 9, 1, CB_E9, "0.8",
            "maintenance margin as a part of the netted requirement"),
    DECIMAL(RISK, "unrealised", ONE(state.risk.unrealised), 9, 0, CB_E9, "0.9",
            "how much of an unrealised profit counts for initial margin"),
    DECIMAL(RISK, "warning_enter", ONE(state.risk.warning_enter), 9, CB_E9, 10 * CB_E9, "1.10",
            "warning when equity is below this many initial margins"),
    DECIMAL(RISK, "warning_leave", ONE(state.risk.warning_leave), 9, CB_E9, 10 * CB_E9, "1.12",
            "the warning ends at this many; more than warning_enter, so that it does not flicker"),
    DECIMAL(RISK, "call_leave", ONE(state.risk.call_leave), 9, CB_E9, 10 * CB_E9, "1.02",
            "a margin call ends at this many initial margins"),
    DECIMAL(RISK, "epoch_band", ONE(state.risk.epoch_band), 9, 1, CB_E9 / 2, "0.005",
            "risk arrays are made anew when the price has moved by this fraction"),
    INTEGER(RISK, "epoch_s", ONE(state.risk.epoch_ns), CB_NS_PER_S, 1, 86400L * 30L, "60",
            "or when they are this old, in seconds"),
    DECIMAL(RISK, "price_band", ONE(state.risk.price_band), 9, 1, CB_E9 - 1, "0.05",
            "an order that only reduces risk must be limited within this fraction of the mark"),
    DECIMAL(RISK, "vol_up", ONE(state.risk.vol_up), 9, 0, 5 * CB_E9, "0.50",
            "relative rise of volatility in a scenario"),
    DECIMAL(RISK, "vol_down", ONE(state.risk.vol_down), 9, 0, CB_E9 - 1, "0.35", "relative fall"),
    DECIMAL(RISK, "skew", ONE(state.risk.skew), 9, 0, CB_E9, "0.1",
            "tilt of volatility over strikes in the skew scenarios"),

    CHOICE(DPDK, "hugepages", ONE(app.hugepages), yes_or_no, "no",
           "yes: faster, and they must be reserved before"),
    INTEGER(DPDK, "memory_mib", ONE(app.dpdk_memory_mib), 1, 16, 65536, "64",
            "memory that DPDK takes at start"),
    {CB_SECTION_DPDK, CB_TYPE_TEXT_LIST, 0, 0, "eal_extra", ROOT(app.eal_extra[0]), STRIDE(app.eal_extra),
     COUNT(app.eal_extra_count), 1, 0, CB_EAL_EXTRA_MAX, "", NULL,
     "arguments added to those that DPDK is started with"},

    CHOICE(NICS, "driver", LIST_MEMBER(app.nics, driver), nic_drivers, NULL,
           "memif: shared memory with another process. pcap: capture files. udp: a kernel socket. eal: any "
           "DPDK port"),
    INTEGER(NICS, "id", LIST_MEMBER(app.nics, id), 1, 0, INT32_MAX, "0",
            "memif: the same number on both ends"),
    PLAIN(TEXT, NICS, "socket", LIST_MEMBER(app.nics, socket), "",
          "memif: the control socket; the box makes it"),
    PLAIN(TEXT, NICS, "read", LIST_MEMBER(app.nics, read), "", "pcap: the frames that come in"),
    PLAIN(TEXT, NICS, "write", LIST_MEMBER(app.nics, write), "",
          "pcap: the frames that go out; absent: dropped"),
    PLAIN(ADDRESS, NICS, "address", LIST_MEMBER(app.nics, address), "", "udp: where the socket is bound"),
    PLAIN(TEXT, NICS, "device", LIST_MEMBER(app.nics, device), "",
          "eal: a PCI address like 0000:03:00.0, or a virtual device like net_tap0,iface=cb0"),

    PLAIN(SESSION, SESSIONS, "name", LIST_MEMBER(state.sessions, name), NULL,
          "unique; stands in every datagram, so at most 10 characters"),
    CHOICE(SESSIONS, "class", LIST_MEMBER(state.sessions, class), classes, NULL,
           "latest: newer replaces older (oracles). ordered: nothing may be missing (everyone else)"),
    CHOICE(SESSIONS, "role", LIST_MEMBER(state.sessions, role), roles, NULL, "what it may send"),
    PLAIN(SECRET, SESSIONS, "secret", LIST_MEMBER(app.sessions, secret), "",
          "16 bytes as 32 hexadecimal digits, known to the sender and the box"),
    PLAIN(SECRET_FILE, SESSIONS, "secret_file", LIST_MEMBER(app.sessions, secret), "",
          "instead of `secret`: a file with the 32 digits"),

    PLAIN(NAME, FACTORS, "name", LIST_MEMBER(state.factors, name), NULL, "unique"),
    DECIMAL(FACTORS, "scan_range", LIST_MEMBER(state.factors, scan_range), 9, 1, CB_E9 - 1, NULL,
            "the price move that margin must cover, as a fraction of the price"),
    DECIMAL(FACTORS, "vol", LIST_MEMBER(state.factors, vol), 9, 1, 20 * CB_E9, NULL,
            "annual volatility until the oracle sends one; 0.7 is 70 %"),
    DECIMAL(FACTORS, "vol_floor", LIST_MEMBER(state.factors, vol_floor), 9, 1, 20 * CB_E9, NULL,
            "volatility is never taken lower than this"),
    INTEGER(FACTORS, "heartbeat_ms", LIST_MEMBER(state.factors, heartbeat_ns), CB_NS_PER_MS, 1, DAYS_30_MS,
            NULL, "a price older than this is stale: no new credit, no withdrawal, no liquidation on it"),
    INTEGER(FACTORS, "sources", LIST_MEMBER(state.factors, sources), 1, 1, CB_SOURCES_MAX, "1",
            "how many price sources report it; their ids are 0 to this less one"),
    INTEGER(FACTORS, "quorum", LIST_MEMBER(state.factors, quorum), 1, 1, CB_SOURCES_MAX, "1",
            "how many of them must be fresh"),
    DECIMAL(FACTORS, "price_tick", LIST_MEMBER(state.factors, price_tick), 8, 1, CB_E8 * 1000, "0.00000001",
            "a shocked price is never lower than this, in USD"),

    PLAIN(NAME, ASSETS, "name", LIST_MEMBER(state.assets, name), NULL, "unique"),
    REFERENCE(ASSETS, "factor", LIST_MEMBER(state.assets, factor), FACTORS, "",
              "what its price is; absent for USD alone"),

    PLAIN(NAME, CHAINS, "name", LIST_MEMBER(state.chains, name), NULL, "unique"),
    REFERENCE(CHAINS, "session", LIST_MEMBER(state.chains, session), SESSIONS, NULL,
              "the custodian who reports deposits there and releases withdrawals"),
    DECIMAL(CHAINS, "event_loss", LIST_MEMBER(state.chains, event_loss), 9, 0, CB_E9, "0.01",
            "part of what lies on the chain that the chain-event scenario loses"),

    PLAIN(NAME, VENUES, "name", LIST_MEMBER(state.venues, name), NULL, "unique"),
    REFERENCE(VENUES, "session", LIST_MEMBER(state.venues, session), SESSIONS, NULL,
              "who reports its trades"),

    REFERENCE(HOLDINGS, "asset", LIST_MEMBER(state.holdings, asset), ASSETS, NULL, "what"),
    REFERENCE(HOLDINGS, "chain", LIST_MEMBER(state.holdings, chain), CHAINS, NULL, "where"),
    DECIMAL(
        HOLDINGS, "haircut", LIST_MEMBER(state.holdings, haircut), 9, 0, CB_E9, NULL,
        "part of the value that does not count: liquidity, legal and basis risk of the asset on that chain"),
    DECIMAL(HOLDINGS, "debt_haircut", LIST_MEMBER(state.holdings, debt_haircut), 9, 0, 10 * CB_E9, "0",
            "a negative balance counts for so much more"),

    PLAIN(NAME, INSTRUMENTS, "name", LIST_MEMBER(state.instruments, name), NULL, "unique"),
    CHOICE(INSTRUMENTS, "kind", LIST_MEMBER(state.instruments, kind), kinds, NULL, "what kind of contract"),
    REFERENCE(INSTRUMENTS, "factor", LIST_MEMBER(state.instruments, factor), FACTORS, NULL, "what it is on"),
    DECIMAL(INSTRUMENTS, "strike", LIST_MEMBER(state.instruments, strike), 8, 1, INT64_MAX, "",
            "calls and puts, in USD"),
    PLAIN(TIME, INSTRUMENTS, "expiry", LIST_MEMBER(state.instruments, expiry_ns), "",
          "futures, calls and puts: 2021-06-25T08:00:00Z"),
};
const size_t cb_config_rows_count = sizeof cb_config_rows / sizeof cb_config_rows[0];

const struct cb_config_row *cb_config_row_find(unsigned section, const char *key)
{
    for (size_t i = 0; i < cb_config_rows_count; i++) {
        if (cb_config_rows[i].section == section && strcmp(cb_config_rows[i].key, key) == 0) {
            return &cb_config_rows[i];
        }
    }
    return NULL;
}

uint32_t cb_config_count(const struct cb_configuration *configuration, unsigned section)
{
    if (!cb_config_sections[section].list) {
        return 1;
    }
    uint32_t count;
    memcpy(&count, (const char *)configuration + cb_config_sections[section].count_offset, sizeof count);
    return count;
}
