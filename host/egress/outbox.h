/* The outbox: the actions the outside has not acknowledged yet. It is state: serialised, in the digest,
 * rebuilt by replay.
 *
 * Bounded by construction: one place per hold (its release) and one per account (its newest margin state), so
 * that it can never be full. An action is put in the record that decides it, sent when that record is
 * durable, sent again whenever its timer fires, and taken out when an acknowledgement is journaled. A newer
 * margin state of the same account takes the place of an unacknowledged older one; the older id is then
 * unknown. Threads: core. */
#ifndef CB_HOST_EGRESS_OUTBOX_H
#define CB_HOST_EGRESS_OUTBOX_H

#include "clearbox/wire.h"
#include "host/base/arena.h"
#include "host/base/stream.h"
#include "host/types/action.h"
#include "host/types/config.h"

#include <stdbool.h>
#include <stdint.h>

#define CB_OUTBOX_MESSAGE_BYTES 128u
_Static_assert(CB_WIRE_RELEASE_BYTES <= CB_OUTBOX_MESSAGE_BYTES, "a release fits its place");
_Static_assert(CB_WIRE_MARGIN_STATE_BYTES <= CB_OUTBOX_MESSAGE_BYTES, "a margin state fits its place");

struct cb_outbox_action {
    struct cb_action_id id; /* both words 0: the place is empty */
    uint16_t session;       /* whom it is for */
    uint16_t bytes;
    uint32_t attempts;                        /* times its timer has fired */
    uint8_t message[CB_OUTBOX_MESSAGE_BYTES]; /* the SBE message, epoch field zero until it is sent */
};

struct cb_outbox {
    uint32_t holds, accounts; /* places: holds first, then accounts */
    uint32_t live;
    struct cb_outbox_action *places;
};

/* Bytes init will take from an arena. */
size_t cb_outbox_footprint(const struct cb_config *config);
void cb_outbox_init(struct cb_outbox *outbox, struct cb_arena *arena, const struct cb_config *config);

/* How many places there are: place numbers, which are also timer numbers, are 0 .. this - 1. */
static inline uint32_t cb_outbox_places(const struct cb_outbox *outbox)
{
    return outbox->holds + outbox->accounts;
}

/* Which place an id belongs to. Returns cb_outbox_places() for an id that no action can have. */
uint32_t cb_outbox_place_of(const struct cb_outbox *outbox, struct cb_action_id id);

/* Puts an action into its id's place (replacing what is there) and returns the place.
 * Requires: the id's place exists; bytes <= CB_OUTBOX_MESSAGE_BYTES. */
uint32_t cb_outbox_put(struct cb_outbox *outbox, struct cb_action_id id, uint16_t session,
                       const uint8_t *message, uint16_t bytes);

/* Takes out the action with exactly this id. Returns whether it was there. */
bool cb_outbox_remove(struct cb_outbox *outbox, struct cb_action_id id);

/* The action in a place, or NULL when it is empty. */
struct cb_outbox_action *cb_outbox_at(struct cb_outbox *outbox, uint32_t place);

void cb_outbox_serialize(const struct cb_outbox *outbox, struct cb_writer *writer);
/* False: the bytes are not a possible outbox of this configuration. */
bool cb_outbox_restore(struct cb_outbox *outbox, struct cb_reader *reader, const struct cb_config *config);

#endif
