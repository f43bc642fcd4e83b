/* A verdict: a decision with what it was decided on. Emitted for each margin check, each withdrawal and each
 * change of an account's margin state; folded into the effects hash; encoded by egress. */
#ifndef CB_HOST_TYPES_VERDICT_H
#define CB_HOST_TYPES_VERDICT_H

#include "host/types/margin.h"

#include <stdint.h>

struct cb_verdict {
    uint64_t seq;
    int64_t as_of_ns;
    uint64_t request_id; /* 0 for a change of state */
    uint32_t account;
    uint16_t reason;         /* enum cb_reject; CB_REJECT_NONE: approved */
    uint8_t state, previous; /* enum cb_margin_state */
    struct cb_margin margin;
};

#endif
