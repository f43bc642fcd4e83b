#include "sim/market/link.h"

#include "host/base/assert.h"
#include "host/base/bytes.h"

#include <string.h>

enum {
    ETHERNET_BYTES = 14,
    IPV4_BYTES = 20,
    UDP_BYTES = 8,
    ARP_BYTES = 28,
    ARP_FRAME_BYTES = 60 /* the least an Ethernet frame has, without its check sequence */
};

#define ETHERTYPE_IPV4  0x0800u
#define ETHERTYPE_ARP   0x0806u
#define IP_PROTOCOL_UDP 17u

_Static_assert(CB_MARKET_HEADERS_BYTES == ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES,
               "headers before a payload");
_Static_assert(CB_MARKET_HEADERS_BYTES + CB_DATAGRAM_BYTES_MAX <= CB_FRAME_BYTES_MAX, "a datagram fits");

/* The one's complement sum of RFC 1071, not yet folded. An odd last byte counts as the high half of a word.
 */
static uint64_t sum_words(uint64_t sum, const uint8_t *p, uint32_t bytes)
{
    uint32_t i = 0;
    for (; i + 1 < bytes; i += 2) {
        sum += cb_load_u16_be(p + i);
    }
    if (i < bytes) {
        sum += (uint64_t)p[i] << 8;
    }
    return sum;
}

static uint16_t fold(uint64_t sum)
{
    while (sum >> 16 != 0) {
        sum = (sum & 0xFFFFu) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static bool is_zero_mac(const uint8_t mac[6])
{
    return (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) == 0;
}

void cb_market_link_init(struct cb_market_link *link, const struct cb_market_line *line, uint32_t lines,
                         cb_market_tap_fn *tap, void *tap_self)
{
    CB_ASSERT(lines >= 1 && lines <= CB_LINES_MAX);
    memset(link, 0, sizeof *link);
    for (uint32_t i = 0; i < lines; i++) {
        CB_ASSERT(line[i].nic != NULL);
        link->line[i] = line[i];
    }
    link->lines = lines;
    link->tap = tap;
    link->tap_self = tap_self;
}

uint8_t *cb_market_link_payload(struct cb_market_link *link)
{
    return link->frame + CB_MARKET_HEADERS_BYTES;
}

static bool transmit(struct cb_market_link *link, uint32_t index, const uint8_t *data, uint32_t bytes)
{
    struct cb_nic *nic = link->line[index].nic;
    struct cb_nic_frame frame = {.data = data, .bytes = bytes};
    if (nic->tx(nic->self, &frame, 1) != 1) {
        link->tx_full++;
        return false;
    }
    link->frames_sent++;
    if (link->tap != NULL) {
        link->tap(link->tap_self, index, true, data, bytes);
    }
    return true;
}

bool cb_market_link_send(struct cb_market_link *link, uint32_t index, uint32_t bytes)
{
    CB_ASSERT(index < link->lines);
    CB_ASSERT(bytes <= CB_DATAGRAM_BYTES_MAX);
    const struct cb_market_line *line = &link->line[index];
    uint8_t *ethernet = link->frame, *ip = ethernet + ETHERNET_BYTES, *udp = ip + IPV4_BYTES;

    if (is_zero_mac(line->box_mac)) {
        memset(ethernet, 0xFF, 6);
    } else {
        memcpy(ethernet, line->box_mac, 6);
    }
    memcpy(ethernet + 6, line->nic->mac, 6);
    cb_store_u16_be(ethernet + 12, ETHERTYPE_IPV4);

    ip[0] = 0x45; /* version 4, five words of header */
    ip[1] = 0;
    cb_store_u16_be(ip + 2, (uint16_t)(IPV4_BYTES + UDP_BYTES + bytes));
    cb_store_u16_be(ip + 4, link->ip_id++);
    cb_store_u16_be(ip + 6, 0x4000); /* never fragmented */
    ip[8] = 64;
    ip[9] = IP_PROTOCOL_UDP;
    cb_store_u16_be(ip + 10, 0);
    cb_store_u32_be(ip + 12, line->own_ip);
    cb_store_u32_be(ip + 16, line->box_ip);
    cb_store_u16_be(ip + 10, fold(sum_words(0, ip, IPV4_BYTES)));

    uint32_t udp_bytes = UDP_BYTES + bytes;
    cb_store_u16_be(udp, line->own_port);
    cb_store_u16_be(udp + 2, line->box_port);
    cb_store_u16_be(udp + 4, (uint16_t)udp_bytes);
    cb_store_u16_be(udp + 6, 0);
    uint16_t check = fold(sum_words(sum_words(IP_PROTOCOL_UDP + udp_bytes, ip + 12, 8), udp, udp_bytes));
    cb_store_u16_be(udp + 6, check == 0 ? 0xFFFF : check); /* 0 would mean: none */
    return transmit(link, index, link->frame, CB_MARKET_HEADERS_BYTES + bytes);
}

/* RFC 826: who asks for our address is told it; anything else is ignored. */
static void answer_arp(struct cb_market_link *link, uint32_t index, const uint8_t *frame, uint32_t bytes)
{
    static const uint8_t ethernet_ipv4_request[8] = {0, 1, 8, 0, 6, 4, 0, 1};
    const struct cb_market_line *line = &link->line[index];
    const uint8_t *arp = frame + ETHERNET_BYTES;
    if (bytes < ETHERNET_BYTES + ARP_BYTES || memcmp(arp, ethernet_ipv4_request, 8) != 0 ||
        cb_load_u32_be(arp + 24) != line->own_ip) {
        return;
    }
    uint8_t reply[ARP_FRAME_BYTES] = {0};
    uint8_t *answer = reply + ETHERNET_BYTES;
    memcpy(reply, frame + 6, 6);
    memcpy(reply + 6, line->nic->mac, 6);
    cb_store_u16_be(reply + 12, ETHERTYPE_ARP);
    memcpy(answer, ethernet_ipv4_request, 8);
    answer[7] = 2; /* reply */
    memcpy(answer + 8, line->nic->mac, 6);
    cb_store_u32_be(answer + 14, line->own_ip);
    memcpy(answer + 18, arp + 8, 10);                 /* the asker's addresses */
    (void)transmit(link, index, reply, sizeof reply); /* a lost answer is asked for again */
}

bool cb_market_link_open(struct cb_market_link *link, uint32_t index, const uint8_t *frame, uint32_t bytes,
                         struct cb_market_datagram *out)
{
    CB_ASSERT(index < link->lines);
    link->frames_received++;
    if (link->tap != NULL) {
        link->tap(link->tap_self, index, false, frame, bytes);
    }
    link->frames_ignored++; /* taken back when it is a datagram */
    if (bytes < ETHERNET_BYTES) {
        return false;
    }
    uint16_t ethertype = cb_load_u16_be(frame + 12);
    if (ethertype == ETHERTYPE_ARP) {
        answer_arp(link, index, frame, bytes);
        return false;
    }
    if (ethertype != ETHERTYPE_IPV4 || bytes < CB_MARKET_HEADERS_BYTES) {
        return false;
    }
    const uint8_t *ip = frame + ETHERNET_BYTES;
    uint32_t header = (uint32_t)(ip[0] & 0x0Fu) * 4u, total = cb_load_u16_be(ip + 2);
    if (ip[0] >> 4 != 4 || header < IPV4_BYTES || total < header + UDP_BYTES ||
        total > bytes - ETHERNET_BYTES) {
        return false;
    }
    if (ip[9] != IP_PROTOCOL_UDP || (cb_load_u16_be(ip + 6) & 0x3FFFu) != 0 || /* a fragment */
        fold(sum_words(0, ip, header)) != 0) {
        return false;
    }
    const uint8_t *udp = ip + header;
    uint32_t udp_bytes = cb_load_u16_be(udp + 4);
    if (udp_bytes < UDP_BYTES || udp_bytes > total - header) {
        return false;
    }
    *out = (struct cb_market_datagram){.data = udp + UDP_BYTES,
                                       .bytes = udp_bytes - UDP_BYTES,
                                       .source_ip = cb_load_u32_be(ip + 12),
                                       .source_port = cb_load_u16_be(udp),
                                       .target_port = cb_load_u16_be(udp + 2)};
    struct cb_market_line *line = &link->line[index];
    if (out->source_ip == line->box_ip && is_zero_mac(line->box_mac)) {
        memcpy(line->box_mac, frame + 6, 6);
    }
    link->frames_ignored--;
    return true;
}

bool cb_market_link_up(const struct cb_market_link *link, uint32_t index)
{
    CB_ASSERT(index < link->lines);
    struct cb_nic *nic = link->line[index].nic;
    return nic->link(nic->self) == 1;
}
