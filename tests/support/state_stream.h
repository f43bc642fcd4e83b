/* A writer into memory and a reader out of it, to compare canonical states byte for byte. */
#ifndef CB_TESTS_SUPPORT_STATE_STREAM_H
#define CB_TESTS_SUPPORT_STATE_STREAM_H

#include "host/base/stream.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct state_bytes {
    uint8_t *data;
    size_t bytes, room, at;
};

static inline void state_put(void *self, const void *data, size_t bytes)
{
    struct state_bytes *state = self;
    if (state->bytes + bytes > state->room) {
        state->room = 2 * (state->bytes + bytes);
        state->data = realloc(state->data, state->room);
        cr_assert_not_null(state->data);
    }
    memcpy(state->data + state->bytes, data, bytes);
    state->bytes += bytes;
}

static inline bool state_get(void *self, void *data, size_t bytes)
{
    struct state_bytes *state = self;
    if (state->bytes - state->at < bytes) {
        return false;
    }
    memcpy(data, state->data + state->at, bytes);
    state->at += bytes;
    return true;
}

static inline struct cb_writer state_writer(struct state_bytes *state)
{
    return (struct cb_writer){.self = state, .put = state_put};
}

/* Reads from the beginning. */
static inline struct cb_reader state_reader(struct state_bytes *state)
{
    state->at = 0;
    return (struct cb_reader){.self = state, .get = state_get, .failed = false};
}

static inline bool state_equal(const struct state_bytes *a, const struct state_bytes *b)
{
    return a->bytes == b->bytes && (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

static inline void state_free(struct state_bytes *state)
{
    free(state->data);
    *state = (struct state_bytes){0};
}

#endif
