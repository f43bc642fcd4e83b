/* Options of the generator: defaults, and which configurations it can drive. */
#include "sim/market/engine.h"

#include <string.h>

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

void cb_market_defaults(struct cb_market_options *options, const struct cb_config *config)
{
    uint32_t capacity = config->capacity.accounts;
    *options = (struct cb_market_options){
        .seed = 1,
        .step_ns = CB_NS_PER_S,
        .accounts = capacity < 100 ? capacity : 100,
        .checks_per_step = 4,
        .act_ppm = 1000000,
        .withdraw_ppm = 50000,
        .oversize_ppm = 50000,
        .fail_ppm = 50000,
        .lossless = true,
        .ring = 1u << 16,
        .requests = 1u << 14,
        .actions = 1u << 16,
        /* The box moves a session to a sender that lost its sequence after 1 s of quiet. */
        .hello_ns = 3 * CB_NS_PER_S,
        .heartbeat_ns = 5 * CB_NS_PER_MS,
        .stall_ns = 50 * CB_NS_PER_MS,
        .answer_ns = 500 * CB_NS_PER_MS,
        .give_up_ns = 30 * CB_NS_PER_S};
}

static bool has_role(const struct cb_config *config, uint32_t session, enum cb_session_role role)
{
    return session < config->sessions_count && config->sessions[session].role == role;
}

static const char *check_config(const struct cb_config *config)
{
    uint32_t roles[CB_ROLE_CUSTODIAN + 1] = {0};
    for (uint32_t i = 0; i < config->sessions_count; i++) {
        if (config->sessions[i].role <= CB_ROLE_CUSTODIAN) {
            roles[config->sessions[i].role]++;
        }
    }
    if (roles[CB_ROLE_ORACLE] == 0 || roles[CB_ROLE_OPERATOR] == 0 || roles[CB_ROLE_TRADER] == 0) {
        return "the configuration needs a session of each role oracle, operator and trader: add what is "
               "missing";
    }
    if (config->factors_count == 0 || config->holdings_count == 0 || config->venues_count == 0 ||
        config->instruments_count == 0) {
        return "the configuration needs a factor, a holding, a venue and an instrument: add what is missing";
    }
    for (uint32_t i = 0; i < config->chains_count; i++) {
        if (!has_role(config, config->chains[i].session, CB_ROLE_CUSTODIAN)) {
            return "a chain's session is not a custodian: give every chain a session of that role";
        }
    }
    for (uint32_t i = 0; i < config->venues_count; i++) {
        if (!has_role(config, config->venues[i].session, CB_ROLE_VENUE)) {
            return "a venue's session has another role: give every venue a session of role venue";
        }
    }
    return NULL;
}

const char *cb_market_check(const struct cb_config *config, const struct cb_market_options *options)
{
    if (options->accounts == 0 || options->accounts > config->capacity.accounts) {
        return "accounts must be between 1 and the configured capacity: choose fewer";
    }
    if (!is_power_of_two(options->ring) || !is_power_of_two(options->requests) ||
        !is_power_of_two(options->actions) || options->actions > 1u << 30) {
        return "ring, requests and actions must be powers of two: choose the next one";
    }
    if (options->window > options->ring) {
        return "the window is larger than the ring: choose at most the ring";
    }
    uint32_t step_messages = 1;
    for (uint32_t i = 0; i < config->factors_count; i++) {
        step_messages += 2u * config->factors[i].sources;
    }
    if (step_messages > options->ring) {
        return "the ring is too small for the prices of one step: choose a larger ring";
    }
    if (options->checks_per_step > options->ring / 4 || options->checks_per_step > options->requests / 4) {
        return "a step asks for more checks than a quarter of ring or requests: choose fewer, or larger ones";
    }
    if (options->step_ns <= 0 || options->hello_ns < 0 || options->heartbeat_ns <= 0 ||
        options->stall_ns <= 0 || options->answer_ns <= 0 || options->give_up_ns <= 0 ||
        options->answer_ns > 3600 * CB_NS_PER_S) {
        return "times must be above 0 (hello: at least 0; answer: at most an hour)";
    }
    return check_config(config);
}
