/* An action: something the box tells the outside to do, or to know, until it is acknowledged.
 *
 * Its id is an injective function of (kind, slot, account, cause seq), so that two actions never share one
 * and a reader can take it apart: hi = kind << 56 | slot << 32 | account, lo = cause seq. slot is the hold of
 * a release, 0 otherwise. It holds no epoch: a restart sends the same id with the same content. Receivers
 * deduplicate by id. */
#ifndef CB_HOST_TYPES_ACTION_H
#define CB_HOST_TYPES_ACTION_H

#include "clearbox/limits.h"

#include <stdint.h>

enum cb_action_kind {                            /* on the wire and on disk */
                      CB_ACTION_RELEASE = 1,     /* release a withdrawal on its chain */
                      CB_ACTION_MARGIN_STATE = 2 /* an account's margin state changed */
};

struct cb_action_id {
    uint64_t hi, lo;
};

_Static_assert(CB_HOLDS_MAX <= 1u << 24, "a hold's slot has 24 bits of the id");

static inline struct cb_action_id cb_action_id_make(uint8_t kind, uint32_t slot, uint32_t account,
                                                    uint64_t cause_seq)
{
    return (struct cb_action_id){.hi = (uint64_t)kind << 56 | (uint64_t)slot << 32 | account,
                                 .lo = cause_seq};
}

static inline uint8_t cb_action_id_kind(struct cb_action_id id)
{
    return (uint8_t)(id.hi >> 56);
}

static inline uint32_t cb_action_id_slot(struct cb_action_id id)
{
    return (uint32_t)(id.hi >> 32) & 0xFFFFFFu;
}

static inline uint32_t cb_action_id_account(struct cb_action_id id)
{
    return (uint32_t)id.hi;
}

#endif
