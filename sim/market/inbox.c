/* What arrives: frames to datagrams to messages, each to the part that knows it. */
#include "sim/market/engine.h"

#define BURSTS_PER_LINE 4u

static void take_message(struct cb_market *market, uint32_t session, const uint8_t *message, uint32_t bytes)
{
    uint16_t template_id;
    enum cb_reject wrong = cb_wire_open(message, bytes, &template_id);
    if (wrong != CB_REJECT_NONE) {
        cb_market_complain(market, "session %u: a message that is not of the wire schema (%s)", session,
                           cb_reject_name(wrong));
        return;
    }
    market->summary.received[template_id]++; /* a known template, hence below CB_MARKET_TEMPLATES */
    struct cb_wire_session_status status;
    switch (template_id) {
    case CB_WIRE_MARGIN_CHECK_REPLY:
        cb_market_check_reply(market, session, message);
        break;
    case CB_WIRE_WITHDRAWAL_REPLY:
        cb_market_withdrawal_reply(market, session, message);
        break;
    case CB_WIRE_RELEASE:
    case CB_WIRE_MARGIN_STATE:
        cb_market_action_take(market, session, template_id, message);
        break;
    case CB_WIRE_SESSION_STATUS:
        cb_wire_session_status_decode(&status, message); /* it has no reserved field */
        cb_market_sender_status(&market->sender[session], &status, market->now_ns);
        break;
    case CB_WIRE_REFUSED:
        cb_market_refused(market, session, message);
        break;
    default:
        cb_market_complain(market, "session %u: a %s, which only goes to the box", session,
                           cb_wire_name(template_id));
        break;
    }
}

static void take_datagram(struct cb_market *market, const struct cb_market_datagram *datagram)
{
    struct cb_market_down_view view;
    switch (cb_market_receiver_open(&market->receiver, datagram->data, datagram->bytes, &view)) {
    case CB_MARKET_DOWN_REQUEST:
        cb_market_sender_request(&market->sender[view.session], view.sequence, view.count);
        break;
    case CB_MARKET_DOWN_MESSAGES:
        for (uint32_t i = 0; i < view.count; i++) {
            const uint8_t *message;
            uint32_t bytes;
            if (!cb_mold_next(&view.body, &view.body_bytes, &message, &bytes)) {
                cb_market_complain(market,
                                   "session %u: an authentic datagram with fewer messages than it says",
                                   view.session);
                break;
            }
            take_message(market, view.session, message, bytes);
        }
        break;
    case CB_MARKET_DOWN_IGNORED:
    default:
        break;
    }
}

uint32_t cb_market_receive(struct cb_market *market)
{
    uint32_t done = 0;
    struct cb_nic_frame frames[CB_BURST];
    for (uint32_t line = 0; line < market->link.lines; line++) {
        struct cb_nic *nic = market->link.line[line].nic;
        for (uint32_t burst = 0; burst < BURSTS_PER_LINE; burst++) {
            uint32_t count = nic->rx(nic->self, frames, CB_BURST);
            for (uint32_t i = 0; i < count; i++) {
                struct cb_market_datagram datagram;
                if (cb_market_link_open(&market->link, line, frames[i].data, frames[i].bytes, &datagram)) {
                    take_datagram(market, &datagram);
                }
            }
            if (count > 0) {
                nic->release(nic->self, frames, count);
            }
            done += count;
            if (count < CB_BURST) {
                break;
            }
        }
    }
    return done;
}
