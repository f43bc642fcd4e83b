/* A byte buffer behind the stream interfaces, for serialise-and-restore tests. Grows by malloc: tests only. */
#ifndef CB_TESTS_SUPPORT_BUFFER_H
#define CB_TESTS_SUPPORT_BUFFER_H

#include "host/base/stream.h"

#include <stdlib.h>
#include <string.h>

struct cb_test_buffer {
    uint8_t *data;
    size_t bytes, room, read;
};

static inline void cb_test_buffer_put(void *self, const void *data, size_t bytes)
{
    struct cb_test_buffer *b = self;
    if (b->bytes + bytes > b->room) {
        b->room = (b->bytes + bytes) * 2;
        b->data = realloc(b->data, b->room);
    }
    memcpy(b->data + b->bytes, data, bytes);
    b->bytes += bytes;
}

static inline bool cb_test_buffer_get(void *self, void *data, size_t bytes)
{
    struct cb_test_buffer *b = self;
    if (b->bytes - b->read < bytes) {
        return false;
    }
    if (bytes > 0) {
        memcpy(data, b->data + b->read, bytes);
    }
    b->read += bytes;
    return true;
}

static inline struct cb_writer cb_test_writer(struct cb_test_buffer *b)
{
    return (struct cb_writer){.self = b, .put = cb_test_buffer_put};
}

static inline struct cb_reader cb_test_reader(struct cb_test_buffer *b)
{
    b->read = 0;
    return (struct cb_reader){.self = b, .get = cb_test_buffer_get};
}

#endif
