#include "host/clearing/state.h"

#include "host/base/assert.h"
#include "clearbox/units.h"

__extension__ typedef __int128 s128;

/* equity < factor * requirement, exact: both sides are below 2^127. */
static bool below(int64_t equity_e6, cb_rate_e9 factor, int64_t requirement_e6)
{
    return (s128)equity_e6 * CB_E9 < (s128)factor.e9 * requirement_e6;
}

/* The worst switch that is on, when the prices are fresh. `held`: the switches up to it were on. */
static enum cb_margin_state by_figures(enum cb_margin_state held, const struct cb_margin *margin,
                                       const struct cb_risk_config *risk)
{
    bool call_stays = below(margin->e_im_e6, risk->call_leave, margin->im_e6);
    bool warning_stays = below(margin->e_im_e6, risk->warning_leave, margin->im_e6);
    if (margin->e_raw_e6 < 0 || (held >= CB_MARGIN_BANKRUPT && call_stays)) {
        return CB_MARGIN_BANKRUPT;
    }
    if (margin->e_mm_e6 < margin->mm_e6 || (held >= CB_MARGIN_LIQUIDATE && call_stays)) {
        return CB_MARGIN_LIQUIDATE;
    }
    if (margin->e_im_e6 < margin->im_e6 || (held >= CB_MARGIN_CALL && call_stays)) {
        return CB_MARGIN_CALL;
    }
    if (below(margin->e_im_e6, risk->warning_enter, margin->im_e6) ||
        (held >= CB_MARGIN_WARNING && warning_stays)) {
        return CB_MARGIN_WARNING;
    }
    return CB_MARGIN_HEALTHY;
}

enum cb_margin_state cb_margin_state_next(enum cb_margin_state previous, const struct cb_margin *margin,
                                          const struct cb_risk_config *risk)
{
    CB_ASSERT(previous <= CB_MARGIN_UNKNOWN);
    CB_ASSERT(risk->warning_enter.e9 <= risk->warning_leave.e9);
    CB_ASSERT(risk->call_leave.e9 >= CB_E9 && risk->call_leave.e9 <= risk->warning_leave.e9);
    if (margin->overflow || (margin->stale && previous == CB_MARGIN_UNKNOWN)) {
        return CB_MARGIN_UNKNOWN;
    }
    enum cb_margin_state held = previous == CB_MARGIN_UNKNOWN ? CB_MARGIN_CALL : previous;
    enum cb_margin_state now = by_figures(held, margin, risk);
    if (!margin->stale) {
        return now;
    }
    if (now <= previous) {
        return previous;
    }
    if (now <= CB_MARGIN_CALL) {
        return now;
    }
    return previous > CB_MARGIN_CALL ? previous : CB_MARGIN_CALL;
}
