#include "drivers/udp/frame.h"

#include "drivers/udp/udp.h"
#include "host/base/bytes.h"

#define ETHERNET_BYTES  14u
#define IPV4_BYTES      20u
#define UDP_BYTES       8u
#define TYPE_IPV4       0x0800u
#define PROTOCOL_UDP    17u
#define DO_NOT_FRAGMENT 0x4000u
#define FRAGMENT_MASK   0x3fffu /* "more fragments" and the offset */

_Static_assert(ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES == CB_UDP_HEADERS_BYTES, "the three headers");

void cb_udp_mac(uint8_t mac[6], uint32_t address, uint16_t port)
{
    if (address >> 28 == 0xe) { /* 224.0.0.0/4 */
        mac[0] = 0x01;
        mac[1] = 0x00;
        mac[2] = 0x5e;
        mac[3] = (uint8_t)(address >> 16 & 0x7f);
        mac[4] = (uint8_t)(address >> 8);
        mac[5] = (uint8_t)address;
        return;
    }
    mac[0] = 0x02;
    cb_store_u32_be(mac + 1, address);
    mac[5] = (uint8_t)(port >> 8 ^ port);
}

static uint16_t ipv4_checksum(const uint8_t header[IPV4_BYTES])
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < IPV4_BYTES; i += 2) {
        sum += cb_load_u16_be(header + i);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

void udp_frame_encode(uint8_t *frame, const struct udp_ends *ends, uint32_t payload_bytes)
{
    CB_ASSERT(payload_bytes <= UINT16_MAX - IPV4_BYTES - UDP_BYTES);
    cb_udp_mac(frame, ends->destination_address, ends->destination_port);
    cb_udp_mac(frame + 6, ends->source_address, ends->source_port);
    cb_store_u16_be(frame + 12, TYPE_IPV4);

    uint8_t *ip = frame + ETHERNET_BYTES;
    ip[0] = 0x45;
    ip[1] = 0;
    cb_store_u16_be(ip + 2, (uint16_t)(IPV4_BYTES + UDP_BYTES + payload_bytes));
    cb_store_u16_be(ip + 4, 0);
    cb_store_u16_be(ip + 6, DO_NOT_FRAGMENT);
    ip[8] = 64;
    ip[9] = PROTOCOL_UDP;
    cb_store_u16_be(ip + 10, 0);
    cb_store_u32_be(ip + 12, ends->source_address);
    cb_store_u32_be(ip + 16, ends->destination_address);
    cb_store_u16_be(ip + 10, ipv4_checksum(ip));

    uint8_t *udp = ip + IPV4_BYTES;
    cb_store_u16_be(udp, ends->source_port);
    cb_store_u16_be(udp + 2, ends->destination_port);
    cb_store_u16_be(udp + 4, (uint16_t)(UDP_BYTES + payload_bytes));
    cb_store_u16_be(udp + 6, 0);
}

bool udp_frame_decode(const uint8_t *frame, uint32_t bytes, struct udp_ends *ends, const uint8_t **payload,
                      uint32_t *payload_bytes)
{
    if (bytes < CB_UDP_HEADERS_BYTES || cb_load_u16_be(frame + 12) != TYPE_IPV4) {
        return false;
    }
    const uint8_t *ip = frame + ETHERNET_BYTES;
    uint32_t room = bytes - ETHERNET_BYTES;
    uint32_t header = (ip[0] & 0xfu) * 4;
    uint32_t total = cb_load_u16_be(ip + 2);
    if (ip[0] >> 4 != 4 || header < IPV4_BYTES || total > room || total < header + UDP_BYTES) {
        return false;
    }
    if (ip[9] != PROTOCOL_UDP || (cb_load_u16_be(ip + 6) & FRAGMENT_MASK) != 0) {
        return false;
    }
    const uint8_t *udp = ip + header;
    if (cb_load_u16_be(udp + 4) != total - header || cb_load_u16_be(udp + 2) == 0) {
        return false;
    }
    *ends = (struct udp_ends){.source_address = cb_load_u32_be(ip + 12),
                              .destination_address = cb_load_u32_be(ip + 16),
                              .source_port = cb_load_u16_be(udp),
                              .destination_port = cb_load_u16_be(udp + 2)};
    *payload = udp + UDP_BYTES;
    *payload_bytes = total - header - UDP_BYTES;
    return true;
}
