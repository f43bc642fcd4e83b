/* MoldUDP64-compatible datagrams.
 *
 * Downstream datagram, big-endian:  session 10 ASCII | sequence u64 of the first message | count u16,
 * then count x { length u16 | message }, then a tag of 16 bytes over everything before it (docs/wire.md).
 * count 0 is a heartbeat whose sequence is the next one expected; count 0xFFFF ends the session. Request
 * datagram (box to sender, for a gap): the same 20 bytes and the tag, nothing else: session, first sequence
 * wanted, how many. The tag is not part of MoldUDP64; a receiver that does not check it sees trailing bytes.
 *
 * Pure, total, allocation-free. */
#ifndef CB_CLEARBOX_MOLD_H
#define CB_CLEARBOX_MOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CB_MOLD_SESSION_BYTES   10u
#define CB_MOLD_HEADER_BYTES    20u
#define CB_MOLD_LENGTH_BYTES    2u
#define CB_MOLD_TAG_BYTES       16u
#define CB_MOLD_COUNT_HEARTBEAT 0u
#define CB_MOLD_COUNT_END       0xFFFFu

struct cb_mold_header {
    char session[CB_MOLD_SESSION_BYTES];
    uint64_t sequence;
    uint16_t count;
};

static inline void cb_mold_header_encode(uint8_t *p, const struct cb_mold_header *h)
{
    for (unsigned i = 0; i < CB_MOLD_SESSION_BYTES; i++) {
        p[i] = (uint8_t)h->session[i];
    }
    for (unsigned i = 0; i < 8; i++) {
        p[10 + i] = (uint8_t)(h->sequence >> (56 - 8 * i));
    }
    p[18] = (uint8_t)(h->count >> 8);
    p[19] = (uint8_t)h->count;
}

/* Requires: CB_MOLD_HEADER_BYTES readable bytes. */
static inline void cb_mold_header_decode(struct cb_mold_header *h, const uint8_t *p)
{
    for (unsigned i = 0; i < CB_MOLD_SESSION_BYTES; i++) {
        h->session[i] = (char)p[i];
    }
    h->sequence = 0;
    for (unsigned i = 0; i < 8; i++) {
        h->sequence = h->sequence << 8 | p[10 + i];
    }
    h->count = (uint16_t)(p[18] << 8 | p[19]);
}

/* Steps through the messages of a datagram: `p` and `bytes` are what lies between header and tag. Returns
 * false when the next length field or message would pass the end (malformed); true with the message
 * otherwise. */
static inline bool cb_mold_next(const uint8_t **p, size_t *bytes, const uint8_t **message,
                                uint32_t *message_bytes)
{
    if (*bytes < CB_MOLD_LENGTH_BYTES) {
        return false;
    }
    uint32_t length = (uint32_t)(*p)[0] << 8 | (*p)[1];
    if (*bytes - CB_MOLD_LENGTH_BYTES < length) {
        return false;
    }
    *message = *p + CB_MOLD_LENGTH_BYTES;
    *message_bytes = length;
    *p += CB_MOLD_LENGTH_BYTES + length;
    *bytes -= CB_MOLD_LENGTH_BYTES + length;
    return true;
}

#endif
