/* What one evaluation of an account says. Money in 1e-6 USD. Formulas: docs/risk-model.md; rounding:
 * docs/numbers.md. */
#ifndef CB_HOST_TYPES_MARGIN_H
#define CB_HOST_TYPES_MARGIN_H

#include <stdbool.h>
#include <stdint.h>

enum cb_margin_state { /* on the wire and on disk */
                       CB_MARGIN_HEALTHY = 0,
                       CB_MARGIN_WARNING = 1,
                       CB_MARGIN_CALL = 2,
                       CB_MARGIN_LIQUIDATE = 3,
                       CB_MARGIN_BANKRUPT = 4,
                       CB_MARGIN_UNKNOWN = 5 /* arithmetic left its range: no new risk, no withdrawal */
};

struct cb_margin {
    int64_t e_raw_e6, e_mm_e6, e_im_e6;
    int64_t m_e6;   /* netted requirement of positions and collateral */
    int64_t m_o_e6; /* the same with open orders */
    int64_t mm_e6, im_e6;
    int64_t holds_e6;      /* pending withdrawals, each rounded up */
    int64_t free_e6;       /* e_im - im - holds */
    uint64_t oracle_seq;   /* seq of the newest price used */
    int64_t oracle_age_ns; /* of the oldest source time used, at the time of the evaluation */
    uint16_t worst_factor; /* with the greatest W; CB_NONE_U16 when there is none */
    uint8_t worst_scenario;
    bool stale;    /* a factor it uses is past its heartbeat */
    bool overflow; /* some step left its range: the figures are not to be used */
};

#endif
