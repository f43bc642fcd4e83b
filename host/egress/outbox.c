#include "host/egress/outbox.h"

#include <string.h>

size_t cb_outbox_footprint(const struct cb_config *config)
{
    size_t places = (size_t)config->capacity.holds + config->capacity.accounts;
    return cb_arena_room(places * sizeof(struct cb_outbox_action));
}

void cb_outbox_init(struct cb_outbox *outbox, struct cb_arena *arena, const struct cb_config *config)
{
    outbox->holds = config->capacity.holds;
    outbox->accounts = config->capacity.accounts;
    outbox->live = 0;
    outbox->places = cb_arena_take(arena, (size_t)cb_outbox_places(outbox) * sizeof(struct cb_outbox_action));
}

static bool empty(const struct cb_outbox_action *action)
{
    return (action->id.hi | action->id.lo) == 0;
}

uint32_t cb_outbox_place_of(const struct cb_outbox *outbox, struct cb_action_id id)
{
    uint32_t slot = cb_action_id_slot(id), account = cb_action_id_account(id);
    switch (cb_action_id_kind(id)) {
    case CB_ACTION_RELEASE:
        return slot < outbox->holds ? slot : cb_outbox_places(outbox);
    case CB_ACTION_MARGIN_STATE:
        return slot == 0 && account < outbox->accounts ? outbox->holds + account : cb_outbox_places(outbox);
    default:
        return cb_outbox_places(outbox);
    }
}

uint32_t cb_outbox_put(struct cb_outbox *outbox, struct cb_action_id id, uint16_t session,
                       const uint8_t *message, uint16_t bytes)
{
    uint32_t place = cb_outbox_place_of(outbox, id);
    CB_ASSERT(place < cb_outbox_places(outbox));
    CB_ASSERT(bytes <= CB_OUTBOX_MESSAGE_BYTES);
    struct cb_outbox_action *action = &outbox->places[place];
    if (empty(action)) {
        outbox->live++;
    }
    memset(action, 0, sizeof *action);
    action->id = id;
    action->session = session;
    action->bytes = bytes;
    memcpy(action->message, message, bytes);
    return place;
}

struct cb_outbox_action *cb_outbox_at(struct cb_outbox *outbox, uint32_t place)
{
    CB_ASSERT(place < cb_outbox_places(outbox));
    struct cb_outbox_action *action = &outbox->places[place];
    return empty(action) ? NULL : action;
}

bool cb_outbox_remove(struct cb_outbox *outbox, struct cb_action_id id)
{
    uint32_t place = cb_outbox_place_of(outbox, id);
    if (place == cb_outbox_places(outbox) || (id.hi | id.lo) == 0) {
        return false;
    }
    struct cb_outbox_action *action = &outbox->places[place];
    if (action->id.hi != id.hi || action->id.lo != id.lo) {
        return false;
    }
    memset(action, 0, sizeof *action);
    outbox->live--;
    return true;
}

void cb_outbox_serialize(const struct cb_outbox *outbox, struct cb_writer *writer)
{
    cb_put_u32(writer, outbox->live);
    for (uint32_t place = 0; place < cb_outbox_places(outbox); place++) {
        const struct cb_outbox_action *action = &outbox->places[place];
        if (empty(action)) {
            continue;
        }
        cb_put_u64(writer, action->id.hi);
        cb_put_u64(writer, action->id.lo);
        cb_put_u16(writer, action->session);
        cb_put_u16(writer, action->bytes);
        cb_put_u32(writer, action->attempts);
        cb_put_bytes(writer, action->message, action->bytes);
    }
}

bool cb_outbox_restore(struct cb_outbox *outbox, struct cb_reader *reader, const struct cb_config *config)
{
    uint32_t live = cb_get_u32(reader);
    uint32_t next_place = 0;
    if (live > cb_outbox_places(outbox)) {
        return false;
    }
    for (uint32_t i = 0; i < live; i++) {
        uint8_t message[CB_OUTBOX_MESSAGE_BYTES];
        struct cb_action_id id = {.hi = cb_get_u64(reader)};
        id.lo = cb_get_u64(reader);
        uint16_t session = cb_get_u16(reader), bytes = cb_get_u16(reader);
        uint32_t attempts = cb_get_u32(reader);
        uint32_t place = cb_outbox_place_of(outbox, id);
        if (reader->failed || place == cb_outbox_places(outbox) || place < next_place ||
            session >= config->sessions_count || bytes > CB_OUTBOX_MESSAGE_BYTES) {
            return false;
        }
        cb_get_bytes(reader, message, bytes);
        cb_outbox_put(outbox, id, session, message, bytes);
        outbox->places[place].attempts = attempts;
        next_place = place + 1;
    }
    return !reader->failed;
}
