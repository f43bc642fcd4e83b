/* The receiver's end of what the box sends: opens a datagram, says which session it is for, checks its tag
 * under that session's `out` key, and follows sequence and epoch.
 *
 * Two kinds come: messages (Mold session "%02x%08x" of session index and epoch) and retransmission requests
 * (Mold session: the name under which we send). Nothing is held back and nothing is asked for again: replies
 * are not acknowledged and whoever misses one asks the same request again; so gaps are counted, and late or
 * doubled datagrams are handed on (their messages are idempotent by id). A datagram of an epoch below the
 * greatest seen is fenced: it comes from a box that lost its leadership. */
#ifndef CB_SIM_MARKET_RECEIVER_H
#define CB_SIM_MARKET_RECEIVER_H

#include "clearbox/limits.h"
#include "clearbox/mold.h"
#include "host/base/mac.h"
#include "host/types/config.h"

enum cb_market_down {
    CB_MARKET_DOWN_IGNORED = 0,  /* malformed, unknown session, wrong tag, fenced, or the end of a session */
    CB_MARKET_DOWN_MESSAGES = 1, /* count messages in body; 0 is a heartbeat */
    CB_MARKET_DOWN_REQUEST = 2   /* messages sequence .. sequence+count-1 are wanted again */
};

struct cb_market_down_view {
    uint32_t session;
    uint64_t sequence;
    uint16_t count;
    uint32_t epoch; /* the low 32 bits, as the session name has them */
    const uint8_t *body;
    size_t body_bytes;
};

struct cb_market_receiver {
    uint32_t sessions;
    uint32_t epoch; /* the greatest seen */
    struct {
        char name[CB_SESSION_NAME_BYTES];
        struct cb_mac_key key;
        uint32_t epoch;
        uint64_t next; /* downstream sequence expected in this epoch */
    } session[CB_SESSIONS_MAX];
    uint64_t datagrams, malformed, unknown, forged, fenced, gaps, missing, late;
};

/* keys: one per session of the configuration. */
void cb_market_receiver_init(struct cb_market_receiver *receiver, const struct cb_config *config,
                             const struct cb_mac_keys *keys);

/* Total. Lifetime: the view points into data. */
enum cb_market_down cb_market_receiver_open(struct cb_market_receiver *receiver, const uint8_t *data,
                                            size_t bytes, struct cb_market_down_view *out);

#endif
