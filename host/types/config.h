/* The state-affecting configuration: what the journal's first record holds, and all that a replay needs
 * beside it.
 *
 * No keys, paths, cores or addresses are here. Every id is a dense index into one of these tables. The struct
 * is zeroed before it is filled. Canonical bytes: host/engine/config_record.h. Owner: written once before the
 * core starts, then read only. */
#ifndef CB_HOST_TYPES_CONFIG_H
#define CB_HOST_TYPES_CONFIG_H

#include "clearbox/limits.h"
#include "clearbox/units.h"

#include <stdint.h>

#define CB_NONE_U16 0xFFFFu

enum cb_session_class { CB_SESSION_LATEST = 1, CB_SESSION_ORDERED = 2 };

/* What a session may send (host/clearing/permit.h has the table). */
enum cb_session_role {
    CB_ROLE_ORACLE = 1,   /* prices, volatilities, heartbeats */
    CB_ROLE_OPERATOR = 2, /* accounts, settlements, session resets; may do what a custodian may */
    CB_ROLE_TRADER = 3,   /* margin checks and withdrawals of the accounts it owns */
    CB_ROLE_VENUE = 4,    /* trades, and orders that are gone */
    CB_ROLE_CUSTODIAN = 5 /* a chain: deposits, release results */
};

enum cb_clock_mode { CB_CLOCK_WALL = 1, CB_CLOCK_FEED = 2 };

enum cb_instrument_kind { CB_SPOT = 1, CB_PERPETUAL = 2, CB_FUTURE = 3, CB_CALL = 4, CB_PUT = 5 };

struct cb_session_config {
    char name[CB_SESSION_NAME_BYTES]; /* space padded, unique */
    uint8_t class;                    /* enum cb_session_class */
    uint8_t role;                     /* enum cb_session_role */
};

struct cb_factor_config {
    char name[CB_NAME_BYTES];
    cb_rate_e9 scan_range;  /* PSR, fraction of the price, 1e-9, > 0 and < 1e9 */
    cb_rate_e9 vol;         /* annual volatility until a Volatility message arrives */
    cb_rate_e9 vol_floor;   /* > 0 */
    int64_t heartbeat_ns;   /* older than this is stale */
    uint16_t sources;       /* how many price sources may report it: ids 0 .. sources-1 */
    uint16_t quorum;        /* fresh sources needed, 1 .. sources */
    cb_price_e8 price_tick; /* the least shocked price, >= 1 */
};

struct cb_asset_config { /* asset 0 is USD: cash, no factor */
    char name[CB_NAME_BYTES];
    uint16_t factor; /* CB_NONE_U16 for USD alone */
};

struct cb_chain_config {
    char name[CB_NAME_BYTES];
    uint16_t session;      /* the custodian that releases and confirms */
    cb_rate_e9 event_loss; /* lambda of the chain-event scenario */
};

struct cb_holding_config { /* one asset on one chain; USD has one too, with haircut 0 */
    uint16_t asset, chain;
    cb_rate_e9 haircut;      /* h, 0 .. 1e9 */
    cb_rate_e9 debt_haircut; /* h_debt, >= 0 */
};

struct cb_venue_config {
    char name[CB_NAME_BYTES];
    uint16_t session; /* the session whose trades name this venue */
};

struct cb_instrument_config {
    char name[2 * CB_NAME_BYTES];
    uint8_t kind; /* enum cb_instrument_kind */
    uint16_t factor;
    cb_price_e8 strike; /* calls and puts */
    int64_t expiry_ns;  /* futures, calls and puts; 0 otherwise */
};

struct cb_risk_config {       /* names as in docs/risk-model.md */
    cb_rate_e9 maintenance;   /* MM = ceil(maintenance * M): 0.8 */
    cb_rate_e9 unrealised;    /* u = 0.9 */
    cb_rate_e9 warning_enter; /* 1.10: warning below this * IM */
    cb_rate_e9 warning_leave; /* 1.12 */
    cb_rate_e9 call_leave;    /* 1.02 */
    cb_rate_e9 epoch_band;    /* 0.005: a param epoch rolls when its price leaves +- this */
    int64_t epoch_ns;         /* ... or after this: 60 s */
    cb_rate_e9 price_band;    /* an order that only reduces risk must be limited inside +- this of the mark */
    cb_rate_e9 vol_up, vol_down; /* 0.50, 0.35 */
    cb_rate_e9 skew;             /* 0.1 */
};

struct cb_capacity_config {
    uint32_t accounts, positions, positions_per_account, balances, orders, holds, answers;
};

struct cb_config {
    uint64_t cluster;  /* names the journal; a journal of another cluster is refused */
    uint8_t clock;     /* enum cb_clock_mode */
    int64_t future_ns; /* a source time later than now + this is refused */
    int64_t resend_ns; /* an unacknowledged action is sent again after this, doubling up to resend_max_ns */
    int64_t resend_max_ns;
    struct cb_capacity_config capacity;
    struct cb_risk_config risk;
    uint32_t sessions_count, factors_count, assets_count, chains_count, holdings_count, venues_count,
        instruments_count;
    struct cb_session_config sessions[CB_SESSIONS_MAX];
    struct cb_factor_config factors[CB_FACTORS_MAX];
    struct cb_asset_config assets[CB_ASSETS_MAX];
    struct cb_chain_config chains[CB_CHAINS_MAX];
    struct cb_holding_config holdings[CB_HOLDINGS_MAX];
    struct cb_venue_config venues[CB_VENUES_MAX];
    struct cb_instrument_config instruments[CB_INSTRUMENTS_MAX];
};

#endif
