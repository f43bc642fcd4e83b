/* One Ethernet frame: Ethernet II, at most one 802.1Q tag, IPv4, UDP. A total parser and a builder.
 *
 * The parser trusts nothing: every length is checked before the bytes behind it are read, and every refusal
 * has a reason. What it insists on: IPv4 header checksum; no fragment (a fragment has no ports, and a
 * reassembly table can be attacked); a source that can be answered. The IP total length must lie inside the
 * frame, and the UDP length inside the IP packet; what comes after is padding or a switch's trailer and is
 * ignored. IP options are skipped.
 *
 * The UDP checksum is verified in software, because the nic port carries no offload result and the ports are
 * covered by nothing else (the link tag covers the payload alone, and the path of a session is learned from
 * the ports). It costs one addition per eight bytes. Zero means that the sender made none, and is accepted.
 *
 * Pure, allocation-free, no state. Addresses and ports are in host byte order. */
#ifndef CB_HOST_INGRESS_FRAME_H
#define CB_HOST_INGRESS_FRAME_H

#include "clearbox/limits.h"

#include <stdint.h>

#define CB_FRAME_MAC_BYTES    6u
#define CB_FRAME_BYTES_MIN    60u /* the least Ethernet sends, without its frame check sequence */
#define CB_FRAME_HEADER_BYTES 42u /* Ethernet 14, IPv4 20, UDP 8: what the builder puts before a payload */
#define CB_FRAME_VLAN_BYTES   4u
#define CB_FRAME_VLAN_NONE    0xFFFFu /* no 802.1Q tag */

enum cb_frame_drop {
    CB_FRAME_OK = 0,
    CB_FRAME_SHORT = 1,        /* ends inside the Ethernet or the fixed IPv4 header */
    CB_FRAME_ETHERTYPE = 2,    /* not IPv4, or more than one tag */
    CB_FRAME_IP_HEADER = 3,    /* not version 4, or a header of less than 20 bytes */
    CB_FRAME_IP_LENGTH = 4,    /* total length: less than its header, or past the end of the frame */
    CB_FRAME_IP_CHECKSUM = 5,  /* header checksum */
    CB_FRAME_FRAGMENT = 6,     /* any fragment, the first one too */
    CB_FRAME_PROTOCOL = 7,     /* not UDP */
    CB_FRAME_UDP_LENGTH = 8,   /* less than its header, or past the end of the IP packet */
    CB_FRAME_UDP_CHECKSUM = 9, /* not zero and wrong */
    CB_FRAME_SOURCE = 10,      /* a source that can not be answered: group address, 0.0.0.0, port 0 */
    CB_FRAME_OVERSIZE = 11,    /* a payload above CB_DATAGRAM_BYTES_MAX */
    CB_FRAME_DROP_COUNT = 12
};

struct cb_frame_end { /* one end of a UDP path */
    uint8_t mac[CB_FRAME_MAC_BYTES];
    uint16_t port;
    uint32_t ip;
};

struct cb_frame {
    struct cb_frame_end source, destination;
    const uint8_t *payload; /* into the frame that was parsed */
    uint32_t payload_bytes; /* 0 .. CB_DATAGRAM_BYTES_MAX */
    uint16_t vlan;          /* VLAN id 0 .. 4095, or CB_FRAME_VLAN_NONE */
};

/* Parses `bytes` bytes. Any input is allowed.
 * Returns CB_FRAME_OK with *out filled, or the first reason to refuse; then *out has no meaning.
 * Ownership: out->payload points into `data`. */
enum cb_frame_drop cb_frame_parse(struct cb_frame *out, const uint8_t *data, uint32_t bytes);

/* Builds a whole frame round a payload: DF set, TTL 64, identification 0, both checksums present, padded with
 * zeros to CB_FRAME_BYTES_MIN. The payload may already lie where it goes (out + CB_FRAME_HEADER_BYTES, plus
 * CB_FRAME_VLAN_BYTES with a tag).
 * Requires: payload_bytes <= CB_DATAGRAM_BYTES_MAX; room for CB_FRAME_BYTES_MAX in `out`; vlan <= 4095 or
 * CB_FRAME_VLAN_NONE. Returns: the bytes of the frame. */
uint32_t cb_frame_build(uint8_t *out, const struct cb_frame_end *source,
                        const struct cb_frame_end *destination, uint16_t vlan, const uint8_t *payload,
                        uint32_t payload_bytes);

/* A word for a reason, for counters and logs; "?" for a value that is none. */
const char *cb_frame_drop_name(unsigned reason);

#endif
