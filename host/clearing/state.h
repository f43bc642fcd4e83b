/* The margin state of an account, with hysteresis.
 *
 * Entered when (docs/risk-model.md 0; the latency buffer is part of the figures given):
 *   BANKRUPT   E_raw < 0
 *   LIQUIDATE  E_mm  < MM
 *   CALL       E_im  < IM
 *   WARNING    E_im  < warning_enter * IM
 * Left for a better one only when E_im >= call_leave * IM (from CALL, LIQUIDATE and BANKRUPT alike) and
 * E_im >= warning_leave * IM (from WARNING, and from anything worse that has just been left). In other words
 * each of the four is a switch with a threshold to go on and another to go off; a state implies the switches
 * of the lesser ones; the state is the worst that is on. Products are exact in 128 bits: nothing is rounded.
 *
 * Overflow: UNKNOWN, whatever was before. Out of UNKNOWN, on the first evaluation in range, LIQUIDATE and
 * BANKRUPT are by their entry tests alone, while CALL and WARNING are taken as having been on: an account
 * whose figures were lost is not declared healthy inside the hysteresis.
 *
 * Stale prices (some factor past its heartbeat) may warn and call, never more, and never give credit:
 *   - LIQUIDATE and BANKRUPT are not entered; where the figures say so the state becomes CALL, or stays;
 *   - no state improves, and UNKNOWN stays UNKNOWN. */
#ifndef CB_HOST_CLEARING_STATE_H
#define CB_HOST_CLEARING_STATE_H

#include "host/types/config.h"
#include "host/types/margin.h"

/* Requires: `previous` is an enum cb_margin_state; warning_enter <= warning_leave, 1e9 <= call_leave <=
 * warning_leave. Returns the state now. Pure. */
enum cb_margin_state cb_margin_state_next(enum cb_margin_state previous, const struct cb_margin *margin,
                                          const struct cb_risk_config *risk);

#endif
