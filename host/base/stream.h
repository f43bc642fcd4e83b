/* A byte stream out and in: the canonical serialisation of state runs through these. A writer may hash, write
 * a snapshot, or both; a reader takes a snapshot back. Integers are little-endian and fixed width; no struct
 * is ever put as a whole, so that padding and layout never reach the digest. */
#ifndef CB_HOST_BASE_STREAM_H
#define CB_HOST_BASE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_writer {
    void *self;
    void (*put)(void *self, const void *data, size_t bytes);
};

struct cb_reader {
    void *self;
    bool (*get)(void *self, void *data, size_t bytes); /* false: the stream ended or failed */
    bool failed;                                       /* sticky: any get that failed */
};

static inline void cb_put_bytes(struct cb_writer *w, const void *data, size_t bytes)
{
    w->put(w->self, data, bytes);
}
static inline void cb_put_u8(struct cb_writer *w, uint8_t v)
{
    w->put(w->self, &v, sizeof v);
}
static inline void cb_put_u16(struct cb_writer *w, uint16_t v)
{
    w->put(w->self, &v, sizeof v);
}
static inline void cb_put_u32(struct cb_writer *w, uint32_t v)
{
    w->put(w->self, &v, sizeof v);
}
static inline void cb_put_u64(struct cb_writer *w, uint64_t v)
{
    w->put(w->self, &v, sizeof v);
}
static inline void cb_put_s64(struct cb_writer *w, int64_t v)
{
    w->put(w->self, &v, sizeof v);
}

static inline void cb_get_bytes(struct cb_reader *r, void *data, size_t bytes)
{
    if (r->failed || !r->get(r->self, data, bytes)) {
        r->failed = true;
        uint8_t *zero = data;
        for (size_t i = 0; i < bytes; i++) {
            zero[i] = 0;
        }
    }
}
static inline uint8_t cb_get_u8(struct cb_reader *r)
{
    uint8_t v;
    cb_get_bytes(r, &v, sizeof v);
    return v;
}
static inline uint16_t cb_get_u16(struct cb_reader *r)
{
    uint16_t v;
    cb_get_bytes(r, &v, sizeof v);
    return v;
}
static inline uint32_t cb_get_u32(struct cb_reader *r)
{
    uint32_t v;
    cb_get_bytes(r, &v, sizeof v);
    return v;
}
static inline uint64_t cb_get_u64(struct cb_reader *r)
{
    uint64_t v;
    cb_get_bytes(r, &v, sizeof v);
    return v;
}
static inline int64_t cb_get_s64(struct cb_reader *r)
{
    int64_t v;
    cb_get_bytes(r, &v, sizeof v);
    return v;
}

#endif
