/* The 42 bytes before a datagram, made and read. Pure. Addresses and ports in host byte order. */
#ifndef CB_DRIVERS_UDP_FRAME_H
#define CB_DRIVERS_UDP_FRAME_H

#include <stdbool.h>
#include <stdint.h>

struct udp_ends {
    uint32_t source_address, destination_address;
    uint16_t source_port, destination_port;
};

/* Writes the headers before `payload_bytes` of payload. Requires: CB_UDP_HEADERS_BYTES writable bytes at
 * `frame`, and a datagram that fits an IPv4 packet. */
void udp_frame_encode(uint8_t *frame, const struct udp_ends *ends, uint32_t payload_bytes);

/* Finds the payload of a frame. Returns: false unless it is one whole unfragmented IPv4/UDP packet whose
 * lengths agree; bytes after the IP packet (Ethernet padding) are ignored. Checksums are not looked at: the
 * kernel makes new ones. */
bool udp_frame_decode(const uint8_t *frame, uint32_t bytes, struct udp_ends *ends, const uint8_t **payload,
                      uint32_t *payload_bytes);

#endif
