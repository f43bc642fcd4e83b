/* An action: something the box tells the outside to do, or to know, until it is acknowledged.
 *
 * Its id is a pure function of (kind, account, cause seq, index): SipHash-2-4-128 under a published constant
 * key. It holds no epoch, so that a restart sends the same id with the same content. Receivers deduplicate by
 * id. */
#ifndef CB_HOST_TYPES_ACTION_H
#define CB_HOST_TYPES_ACTION_H

#include <stdint.h>

enum cb_action_kind {                            /* on the wire and on disk */
                      CB_ACTION_RELEASE = 1,     /* release a withdrawal on its chain */
                      CB_ACTION_MARGIN_STATE = 2 /* an account's margin state changed */
};

struct cb_action_id {
    uint64_t hi, lo;
};

#endif
