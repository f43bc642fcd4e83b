#include "host/base/frame.h"

#include "host/base/assert.h"
#include "host/base/bytes.h"

#include <stdbool.h>
#include <string.h>

enum {
    ETHERNET_BYTES = 14,
    IP_BYTES = 20,
    UDP_BYTES = 8,
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_VLAN = 0x8100,
    PROTOCOL_UDP = 17,
    VLAN_ID_MASK = 0x0FFF,
    FRAGMENT_DONT = 0x4000,
    FRAGMENT_MASK = 0x3FFF, /* more-fragments and offset */
    TTL = 64
};

_Static_assert(CB_FRAME_HEADER_BYTES == ETHERNET_BYTES + IP_BYTES + UDP_BYTES, "what the builder writes");
_Static_assert(CB_FRAME_HEADER_BYTES + CB_FRAME_VLAN_BYTES + CB_DATAGRAM_BYTES_MAX <= CB_FRAME_BYTES_MAX,
               "the greatest datagram fits the greatest frame");

/* The one's complement sum does not depend on byte order, so it runs over little-endian words; only its
 * result is swapped. 64 bits can not overflow: at most 2^32 per half word, and fewer than 2^8 words of eight
 * bytes. */
static uint64_t sum_bytes(uint64_t sum, const uint8_t *p, uint32_t bytes)
{
    while (bytes >= 8) {
        uint64_t v = cb_load_u64_le(p);
        sum += (v & 0xFFFFFFFFu) + (v >> 32);
        p += 8;
        bytes -= 8;
    }
    if (bytes > 0) {
        uint64_t v = 0;
        memcpy(&v, p, bytes);
        sum += (v & 0xFFFFFFFFu) + (v >> 32);
    }
    return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
    sum = (sum & 0xFFFFFFFFu) + (sum >> 32);
    sum = (sum & 0xFFFFFFFFu) + (sum >> 32);
    sum = (sum & 0xFFFFu) + (sum >> 16);
    sum = (sum & 0xFFFFu) + (sum >> 16);
    return (uint16_t)sum;
}

/* Addresses, protocol and length as the UDP checksum wants them; `ip` is the IPv4 header. */
static uint64_t sum_pseudo_header(const uint8_t *ip, uint32_t udp_bytes)
{
    uint64_t sum = sum_bytes(0, ip + 12, 8);
    return sum + ((uint64_t)PROTOCOL_UDP << 8) + __builtin_bswap16((uint16_t)udp_bytes);
}

static enum cb_frame_drop parse_udp(struct cb_frame *out, const uint8_t *ip, const uint8_t *udp,
                                    uint32_t bytes)
{
    if (bytes < UDP_BYTES) {
        return CB_FRAME_UDP_LENGTH;
    }
    uint32_t udp_bytes = cb_load_u16_be(udp + 4);
    if (udp_bytes < UDP_BYTES || udp_bytes > bytes) {
        return CB_FRAME_UDP_LENGTH;
    }
    if (udp_bytes - UDP_BYTES > CB_DATAGRAM_BYTES_MAX) {
        return CB_FRAME_OVERSIZE;
    }
    if (cb_load_u16_be(udp + 6) != 0 &&
        sum_fold(sum_bytes(sum_pseudo_header(ip, udp_bytes), udp, udp_bytes)) != 0xFFFFu) {
        return CB_FRAME_UDP_CHECKSUM;
    }
    out->source.port = cb_load_u16_be(udp);
    out->destination.port = cb_load_u16_be(udp + 2);
    out->payload = udp + UDP_BYTES;
    out->payload_bytes = udp_bytes - UDP_BYTES;
    return CB_FRAME_OK;
}

static enum cb_frame_drop parse_ip(struct cb_frame *out, const uint8_t *ip, uint32_t bytes)
{
    if (bytes < IP_BYTES) {
        return CB_FRAME_SHORT;
    }
    uint32_t header_bytes = (ip[0] & 0x0Fu) * 4u;
    if (ip[0] >> 4 != 4 || header_bytes < IP_BYTES) {
        return CB_FRAME_IP_HEADER;
    }
    uint32_t total_bytes = cb_load_u16_be(ip + 2);
    if (total_bytes < header_bytes || total_bytes > bytes) {
        return CB_FRAME_IP_LENGTH;
    }
    if (sum_fold(sum_bytes(0, ip, header_bytes)) != 0xFFFFu) {
        return CB_FRAME_IP_CHECKSUM;
    }
    if ((cb_load_u16_be(ip + 6) & FRAGMENT_MASK) != 0) {
        return CB_FRAME_FRAGMENT;
    }
    if (ip[9] != PROTOCOL_UDP) {
        return CB_FRAME_PROTOCOL;
    }
    out->source.ip = cb_load_u32_be(ip + 12);
    out->destination.ip = cb_load_u32_be(ip + 16);
    return parse_udp(out, ip, ip + header_bytes, total_bytes - header_bytes);
}

/* From 224.0.0.0 on there are groups, reserved addresses and broadcast: nobody to answer to. */
static bool can_be_answered(const struct cb_frame_end *end)
{
    return (end->mac[0] & 1u) == 0 && end->ip != 0 && end->ip < 0xE0000000u && end->port != 0;
}

enum cb_frame_drop cb_frame_parse(struct cb_frame *out, const uint8_t *data, uint32_t bytes)
{
    if (bytes < ETHERNET_BYTES) {
        return CB_FRAME_SHORT;
    }
    memcpy(out->destination.mac, data, CB_FRAME_MAC_BYTES);
    memcpy(out->source.mac, data + 6, CB_FRAME_MAC_BYTES);
    uint32_t ethertype = cb_load_u16_be(data + 12), at = ETHERNET_BYTES;
    out->vlan = CB_FRAME_VLAN_NONE;
    if (ethertype == ETHERTYPE_VLAN) {
        if (bytes < ETHERNET_BYTES + CB_FRAME_VLAN_BYTES) {
            return CB_FRAME_SHORT;
        }
        out->vlan = cb_load_u16_be(data + 14) & VLAN_ID_MASK;
        ethertype = cb_load_u16_be(data + 16);
        at += CB_FRAME_VLAN_BYTES;
    }
    if (ethertype != ETHERTYPE_IPV4) {
        return CB_FRAME_ETHERTYPE;
    }
    enum cb_frame_drop drop = parse_ip(out, data + at, bytes - at);
    if (drop == CB_FRAME_OK && !can_be_answered(&out->source)) {
        return CB_FRAME_SOURCE;
    }
    return drop;
}

uint32_t cb_frame_build(uint8_t *out, const struct cb_frame_end *source,
                        const struct cb_frame_end *destination, uint16_t vlan, const uint8_t *payload,
                        uint32_t payload_bytes)
{
    CB_ASSERT(payload_bytes <= CB_DATAGRAM_BYTES_MAX);
    CB_ASSERT(vlan <= VLAN_ID_MASK || vlan == CB_FRAME_VLAN_NONE);
    uint32_t link_bytes = ETHERNET_BYTES + (vlan == CB_FRAME_VLAN_NONE ? 0u : CB_FRAME_VLAN_BYTES);
    uint8_t *ip = out + link_bytes, *udp = ip + IP_BYTES;
    /* First the payload: it may lie where the headers end. */
    if (payload_bytes > 0) {
        memmove(udp + UDP_BYTES, payload, payload_bytes);
    }
    memcpy(out, destination->mac, CB_FRAME_MAC_BYTES);
    memcpy(out + 6, source->mac, CB_FRAME_MAC_BYTES);
    if (vlan != CB_FRAME_VLAN_NONE) {
        cb_store_u16_be(out + 12, ETHERTYPE_VLAN);
        cb_store_u16_be(out + 14, vlan);
    }
    cb_store_u16_be(ip - 2, ETHERTYPE_IPV4);

    uint32_t udp_bytes = UDP_BYTES + payload_bytes;
    memset(ip, 0, IP_BYTES);
    ip[0] = 0x45;
    cb_store_u16_be(ip + 2, (uint16_t)(IP_BYTES + udp_bytes));
    cb_store_u16_be(ip + 6, FRAGMENT_DONT);
    ip[8] = TTL;
    ip[9] = PROTOCOL_UDP;
    cb_store_u32_be(ip + 12, source->ip);
    cb_store_u32_be(ip + 16, destination->ip);
    cb_store_u16_le(ip + 10, (uint16_t)~sum_fold(sum_bytes(0, ip, IP_BYTES)));

    cb_store_u16_be(udp, source->port);
    cb_store_u16_be(udp + 2, destination->port);
    cb_store_u16_be(udp + 4, (uint16_t)udp_bytes);
    cb_store_u16_be(udp + 6, 0);
    uint16_t checksum = (uint16_t)~sum_fold(sum_bytes(sum_pseudo_header(ip, udp_bytes), udp, udp_bytes));
    /* Zero would say that there is none; 0xFFFF is the other zero of the one's complement. */
    cb_store_u16_le(udp + 6, checksum == 0 ? 0xFFFFu : checksum);

    uint32_t bytes = link_bytes + IP_BYTES + udp_bytes;
    if (bytes < CB_FRAME_BYTES_MIN) {
        memset(out + bytes, 0, CB_FRAME_BYTES_MIN - bytes);
        bytes = CB_FRAME_BYTES_MIN;
    }
    return bytes;
}

const char *cb_frame_drop_name(unsigned reason)
{
    static const char *const names[CB_FRAME_DROP_COUNT] = {
        [CB_FRAME_OK] = "ok",
        [CB_FRAME_SHORT] = "short_frame",
        [CB_FRAME_ETHERTYPE] = "ethertype",
        [CB_FRAME_IP_HEADER] = "ip_header",
        [CB_FRAME_IP_LENGTH] = "ip_length",
        [CB_FRAME_IP_CHECKSUM] = "ip_checksum",
        [CB_FRAME_FRAGMENT] = "fragment",
        [CB_FRAME_PROTOCOL] = "protocol",
        [CB_FRAME_UDP_LENGTH] = "udp_length",
        [CB_FRAME_UDP_CHECKSUM] = "udp_checksum",
        [CB_FRAME_SOURCE] = "source",
        [CB_FRAME_OVERSIZE] = "oversize",
    };
    return reason < CB_FRAME_DROP_COUNT ? names[reason] : "?";
}
