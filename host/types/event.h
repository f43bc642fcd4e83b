/* An event: one sequenced record, as the core applies it. The same struct comes from ingress in a live run
 * and from the journal in a replay; nothing else may change state. */
#ifndef CB_HOST_TYPES_EVENT_H
#define CB_HOST_TYPES_EVENT_H

#include <stdint.h>

/* Values are on disk (journal record kind). */
enum cb_event_kind {
    CB_EVENT_CONFIG =
        1, /* a part of the canonical configuration; session_seq is the byte offset of the part */
    CB_EVENT_EPOCH = 2,   /* a process took the journal over; session_seq is the new epoch */
    CB_EVENT_MESSAGE = 3, /* one SBE message as received */
    CB_EVENT_TIME = 4     /* nothing but the time: a timer was due while idle */
};

#define CB_SESSION_NONE 0xFFu

struct cb_event {
    uint64_t seq;      /* 1, 2, 3 ... over all kinds, without a gap */
    int64_t ingest_ns; /* never decreases */
    uint8_t kind;      /* enum cb_event_kind */
    uint8_t session;   /* index into the configuration's sessions, or CB_SESSION_NONE */
    uint64_t session_seq;
    const uint8_t *body; /* valid during the call only */
    uint32_t body_bytes;
};

#endif
