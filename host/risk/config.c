/* The ranges of the configuration that the proofs of docs/numbers.md stand on. */
#include "host/risk/risk.h"

static bool inside(int64_t value, int64_t least, int64_t greatest)
{
    return value >= least && value <= greatest;
}

static const char *parameters_fault(const struct cb_risk_config *risk)
{
    if (!inside(risk->maintenance.e9, 1, CB_E9)) {
        return "risk.maintenance is not above 0 and at most 1";
    }
    if (!inside(risk->unrealised.e9, 0, CB_E9)) {
        return "risk.unrealised is not in 0 .. 1";
    }
    if (!inside(risk->call_leave.e9, CB_E9, 10 * CB_E9)) {
        return "risk.call_leave is not in 1 .. 10";
    }
    if (!inside(risk->warning_enter.e9, CB_E9, 10 * CB_E9)) {
        return "risk.warning_enter is not in 1 .. 10";
    }
    if (!inside(risk->warning_leave.e9, risk->warning_enter.e9, 10 * CB_E9)) {
        return "risk.warning_leave is not in warning_enter .. 10";
    }
    if (risk->call_leave.e9 > risk->warning_leave.e9) { /* a call would be left into no warning */
        return "risk.call_leave is above risk.warning_leave";
    }
    if (!inside(risk->epoch_band.e9, 0, CB_E9 - 1)) {
        return "risk.epoch_band is not at least 0 and below 1";
    }
    if (!inside(risk->epoch_ns, 1, INT64_MAX)) {
        return "risk.epoch_ns is not positive";
    }
    if (!inside(risk->price_band.e9, 0, CB_E9)) {
        return "risk.price_band is not in 0 .. 1";
    }
    if (!inside(risk->vol_up.e9, 0, 10 * CB_E9)) {
        return "risk.vol_up is not in 0 .. 10";
    }
    if (!inside(risk->vol_down.e9, 0, CB_E9)) {
        return "risk.vol_down is not in 0 .. 1";
    }
    if (!inside(risk->skew.e9, 0, 10 * CB_E9)) {
        return "risk.skew is not in 0 .. 10";
    }
    return NULL;
}

static const char *factor_fault(const struct cb_factor_config *factor)
{
    if (!inside(factor->scan_range.e9, 1, CB_E9 - 1)) {
        return "factor scan_range is not above 0 and below 1";
    }
    if (!inside(factor->vol_floor.e9, 1, CB_RISK_VOL_E9_MAX)) {
        return "factor vol_floor is not above 0 and at most 100";
    }
    if (!inside(factor->vol.e9, 0, CB_RISK_VOL_E9_MAX)) {
        return "factor vol is not in 0 .. 100";
    }
    if (!inside(factor->price_tick.e8, 1, CB_RISK_PRICE_E8_MAX)) {
        return "factor price_tick is not in 1e-8 USD .. 2^62";
    }
    return NULL;
}

static const char *instrument_fault(const struct cb_config *config,
                                    const struct cb_instrument_config *instrument)
{
    bool option = instrument->kind == CB_CALL || instrument->kind == CB_PUT;
    if (!inside(instrument->kind, CB_SPOT, CB_PUT)) {
        return "instrument kind is unknown";
    }
    if (instrument->factor >= config->factors_count) {
        return "instrument names no factor";
    }
    if (option && !inside(instrument->strike.e8, 1, CB_RISK_PRICE_E8_MAX)) {
        return "option strike is not in 1e-8 USD .. 2^62";
    }
    if ((option || instrument->kind == CB_FUTURE) && instrument->expiry_ns <= 0) {
        return "a future or option has no expiry";
    }
    if (!option && instrument->kind != CB_FUTURE && instrument->expiry_ns != 0) {
        return "an instrument that is never settled has an expiry";
    }
    return NULL;
}

static const char *holding_fault(const struct cb_config *config, const struct cb_holding_config *holding)
{
    if (holding->asset >= config->assets_count || holding->chain >= config->chains_count) {
        return "holding names no asset or no chain";
    }
    if (!inside(holding->haircut.e9, 0, CB_E9) || !inside(holding->debt_haircut.e9, 0, CB_E9)) {
        return "holding haircut or debt_haircut is not in 0 .. 1";
    }
    return NULL;
}

static const char *counts_fault(const struct cb_config *config)
{
    if (config->factors_count > CB_FACTORS_MAX || config->assets_count > CB_ASSETS_MAX ||
        config->chains_count > CB_CHAINS_MAX || config->holdings_count > CB_HOLDINGS_MAX ||
        config->instruments_count > CB_INSTRUMENTS_MAX) {
        return "a table has more rows than its limit";
    }
    if (config->capacity.positions_per_account > CB_POSITIONS_PER_ACCOUNT_MAX) {
        return "more positions an account than the netting sum has bits for";
    }
    return NULL;
}

static const char *asset_fault(const struct cb_config *config, uint32_t asset)
{
    uint16_t factor = config->assets[asset].factor;
    bool good = asset == 0 ? factor == CB_NONE_U16 : factor < config->factors_count;
    return good ? NULL : "asset 0 must have no factor, and every other asset one";
}

enum table { FACTORS, ASSETS, CHAINS, HOLDINGS, INSTRUMENTS, TABLES };

static const char *row_fault(const struct cb_config *config, enum table table, uint32_t row)
{
    switch (table) {
    case FACTORS:
        return factor_fault(&config->factors[row]);
    case ASSETS:
        return asset_fault(config, row);
    case CHAINS:
        return inside(config->chains[row].event_loss.e9, 0, CB_E9) ? NULL
                                                                   : "chain event_loss is not in 0 .. 1";
    case HOLDINGS:
        return holding_fault(config, &config->holdings[row]);
    case INSTRUMENTS:
        return instrument_fault(config, &config->instruments[row]);
    case TABLES:
        break;
    }
    return NULL;
}

const char *cb_risk_config_fault(const struct cb_config *config, uint32_t *index)
{
    *index = 0;
    const char *fault = counts_fault(config);
    if (fault == NULL) {
        fault = parameters_fault(&config->risk);
    }
    if (fault != NULL) {
        return fault;
    }
    const uint32_t rows[TABLES] = {config->factors_count, config->assets_count, config->chains_count,
                                   config->holdings_count, config->instruments_count};
    for (unsigned table = 0; table < TABLES; table++) {
        for (uint32_t row = 0; row < rows[table]; row++) {
            fault = row_fault(config, (enum table)table, row);
            if (fault != NULL) {
                *index = row;
                return fault;
            }
        }
    }
    return NULL;
}
