#include "sim/market/receiver.h"

#include "host/base/assert.h"

#include <string.h>

void cb_market_receiver_init(struct cb_market_receiver *receiver, const struct cb_config *config,
                             const struct cb_mac_keys *keys)
{
    CB_ASSERT(config->sessions_count <= CB_SESSIONS_MAX);
    memset(receiver, 0, sizeof *receiver);
    receiver->sessions = config->sessions_count;
    for (uint32_t i = 0; i < config->sessions_count; i++) {
        memcpy(receiver->session[i].name, config->sessions[i].name, CB_SESSION_NAME_BYTES);
        receiver->session[i].key = keys[i].out;
        receiver->session[i].next = 1;
    }
}

/* Lower-case hex digits, as the box prints them. */
static bool parse_hex(const char *text, unsigned digits, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < digits; i++) {
        char c = text[i];
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (uint32_t)(c - 'a') + 10u;
        } else {
            return false;
        }
        *value = *value << 4 | digit;
    }
    return true;
}

/* The epoch and sequence of an authentic datagram. Returns false when it is fenced. */
static bool follow(struct cb_market_receiver *receiver, const struct cb_market_down_view *view)
{
    if (view->epoch < receiver->epoch) {
        receiver->fenced++;
        return false;
    }
    receiver->epoch = view->epoch;
    uint64_t *next = &receiver->session[view->session].next;
    if (view->epoch != receiver->session[view->session].epoch) {
        receiver->session[view->session].epoch = view->epoch;
        *next = 1; /* each epoch numbers its messages anew */
    }
    if (view->sequence > *next) {
        receiver->gaps++;
        receiver->missing += view->sequence - *next;
        *next = view->sequence;
    } else if (view->sequence < *next) {
        receiver->late++;
    }
    uint64_t end = view->sequence + view->count;
    if (end > *next) {
        *next = end;
    }
    return true;
}

enum cb_market_down cb_market_receiver_open(struct cb_market_receiver *receiver, const uint8_t *data,
                                            size_t bytes, struct cb_market_down_view *out)
{
    struct cb_mold_header header;
    receiver->datagrams++;
    if (bytes < CB_MOLD_HEADER_BYTES + CB_MOLD_TAG_BYTES) {
        receiver->malformed++;
        return CB_MARKET_DOWN_IGNORED;
    }
    cb_mold_header_decode(&header, data);
    bool request = false;
    uint32_t session = receiver->sessions, epoch = 0;
    for (uint32_t i = 0; i < receiver->sessions && !request; i++) {
        if (memcmp(header.session, receiver->session[i].name, CB_SESSION_NAME_BYTES) == 0) {
            session = i;
            request = true;
        }
    }
    if (!request && (!parse_hex(header.session, 2, &session) || !parse_hex(header.session + 2, 8, &epoch))) {
        session = receiver->sessions;
    }
    if (session >= receiver->sessions) {
        receiver->unknown++;
        return CB_MARKET_DOWN_IGNORED;
    }
    size_t signed_bytes = bytes - CB_MOLD_TAG_BYTES;
    if (!cb_mac_verify(data + signed_bytes, &receiver->session[session].key, data, signed_bytes)) {
        receiver->forged++;
        return CB_MARKET_DOWN_IGNORED;
    }
    *out = (struct cb_market_down_view){.session = session,
                                        .sequence = header.sequence,
                                        .count = header.count,
                                        .epoch = epoch,
                                        .body = data + CB_MOLD_HEADER_BYTES,
                                        .body_bytes = signed_bytes - CB_MOLD_HEADER_BYTES};
    if (request) {
        if (out->body_bytes != 0 || header.sequence == 0) {
            receiver->malformed++;
            return CB_MARKET_DOWN_IGNORED;
        }
        return CB_MARKET_DOWN_REQUEST;
    }
    if (header.count == CB_MOLD_COUNT_END) {
        return CB_MARKET_DOWN_IGNORED; /* the box went down in order; a greater epoch will follow */
    }
    if (header.sequence == 0 || header.sequence > UINT64_MAX / 2) {
        receiver->malformed++;
        return CB_MARKET_DOWN_IGNORED;
    }
    return follow(receiver, out) ? CB_MARKET_DOWN_MESSAGES : CB_MARKET_DOWN_IGNORED;
}
