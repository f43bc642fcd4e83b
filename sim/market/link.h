/* The other end of the wire: Ethernet, IPv4 and UDP around a datagram, on one or two lines.
 *
 * Written from the RFCs and independently of the box's own parser, so that the two check one another. Lines A
 * and B carry the same datagrams under their own addresses. A line whose box_mac is zero sends to the
 * broadcast address until a first datagram from the box_ip taught it the box's own. ARP requests for own_ip
 * are answered. One datagram is under construction at a time, in place behind its headers. */
#ifndef CB_SIM_MARKET_LINK_H
#define CB_SIM_MARKET_LINK_H

#include "clearbox/limits.h"
#include "clearbox/nic.h"

#include <stdbool.h>
#include <stdint.h>

#define CB_MARKET_HEADERS_BYTES 42u /* Ethernet 14, IPv4 20, UDP 8 */

struct cb_market_line {
    struct cb_nic *nic;
    uint8_t box_mac[6];      /* all zero: unknown */
    uint32_t box_ip, own_ip; /* host order: 10.0.0.1 is 0x0A000001 */
    uint16_t box_port, own_port;
};

/* Sees every frame that was sent to the box (to_box) or received, whole. */
typedef void cb_market_tap_fn(void *self, uint32_t line, bool to_box, const uint8_t *frame, uint32_t bytes);

struct cb_market_link {
    struct cb_market_line line[CB_LINES_MAX];
    uint32_t lines;
    uint16_t ip_id;
    cb_market_tap_fn *tap;
    void *tap_self;
    uint64_t frames_sent, frames_received, frames_ignored, tx_full;
    _Alignas(8) uint8_t frame[CB_FRAME_BYTES_MAX];
};

/* What cb_market_link_open says of a received frame. */
struct cb_market_datagram {
    const uint8_t *data; /* UDP payload, inside the frame */
    uint32_t bytes;
    uint32_t source_ip;
    uint16_t source_port, target_port;
};

/* Requires: 1 <= lines <= CB_LINES_MAX, every nic set. tap may be NULL. */
void cb_market_link_init(struct cb_market_link *link, const struct cb_market_line *line, uint32_t lines,
                         cb_market_tap_fn *tap, void *tap_self);

/* Where the next datagram is to be written; CB_DATAGRAM_BYTES_MAX bytes. Valid until the next received frame
 * is opened. */
uint8_t *cb_market_link_payload(struct cb_market_link *link);

/* Sends what was written at the payload, on one line. Returns false when the nic did not take it: call again.
 * Requires: bytes <= CB_DATAGRAM_BYTES_MAX. The payload is unchanged, so that it may go out on another line.
 */
bool cb_market_link_send(struct cb_market_link *link, uint32_t line, uint32_t bytes);

/* Parses a received frame; total. Returns false when it is no UDP datagram for us (ARP is answered here). The
 * IP checksum is checked, the UDP checksum is not: the tag covers the payload. */
bool cb_market_link_open(struct cb_market_link *link, uint32_t line, const uint8_t *frame, uint32_t bytes,
                         struct cb_market_datagram *out);

/* Is the nic of this line able to pass frames? */
bool cb_market_link_up(const struct cb_market_link *link, uint32_t line);

#endif
