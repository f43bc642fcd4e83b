/* The frame parser against its builder and against a checksum written another way; every truncation, every
 * header field at both sides of its edge. */
#include "host/base/frame.h"
#include "tests/unit/ingress/rig.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const struct cb_frame_end from = {.mac = {2, 1, 1, 1, 1, 1}, .port = 5000, .ip = 0xC0A80001u};
static const struct cb_frame_end to = {.mac = {2, 2, 2, 2, 2, 2}, .port = 4000, .ip = 0x0A0B0C0Du};

/* RFC 1071 to the letter: big-endian 16-bit words. */
static uint16_t checksum(const uint8_t *p, uint32_t bytes, uint32_t sum)
{
    for (uint32_t i = 0; i < bytes; i++) {
        sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void fix_ip_checksum(uint8_t *ip)
{
    ip[10] = ip[11] = 0;
    uint16_t sum = checksum(ip, (ip[0] & 15u) * 4u, 0);
    ip[10] = (uint8_t)(sum >> 8);
    ip[11] = (uint8_t)sum;
}

static enum cb_frame_drop parse(struct cb_frame *out, const uint8_t *data, uint32_t bytes)
{
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    memcpy(exact, data, bytes);
    enum cb_frame_drop drop = cb_frame_parse(out, exact, bytes);
    if (drop == CB_FRAME_OK) {
        out->payload = data + (out->payload - exact);
    }
    free(exact);
    return drop;
}

static void check_built(uint16_t vlan, const uint8_t *payload, uint32_t bytes)
{
    uint8_t data[CB_FRAME_BYTES_MAX];
    uint32_t tag = vlan == CB_FRAME_VLAN_NONE ? 0 : 4,
             frame_bytes = cb_frame_build(data, &from, &to, vlan, payload, bytes);
    cr_assert_eq(frame_bytes, 42 + tag + bytes < 60 ? 60 : 42 + tag + bytes);
    struct cb_frame f;
    cr_assert_eq(parse(&f, data, frame_bytes), CB_FRAME_OK);
    cr_assert(memcmp(f.source.mac, from.mac, 6) == 0 && memcmp(f.destination.mac, to.mac, 6) == 0);
    cr_assert(f.source.ip == from.ip && f.source.port == from.port);
    cr_assert(f.destination.ip == to.ip && f.destination.port == to.port);
    cr_assert_eq(f.vlan, vlan);
    cr_assert_eq(f.payload_bytes, bytes);
    cr_assert(bytes == 0 || memcmp(f.payload, payload, bytes) == 0);
    const uint8_t *ip = data + 14 + tag, *udp = ip + 20;
    cr_assert_eq(checksum(ip, 20, 0), 0, "the IP checksum is right by RFC 1071");
    uint32_t pseudo = 17 + 8 + bytes;
    for (unsigned i = 12; i < 20; i += 2) {
        pseudo += (uint32_t)(ip[i] << 8 | ip[i + 1]);
    }
    cr_assert_eq(checksum(udp, 8 + bytes, pseudo), 0, "the UDP checksum is right by RFC 768");
    cr_assert(udp[6] != 0 || udp[7] != 0, "a checksum is present");
}

Test(ingress_frame, what_is_built_is_parsed_back_at_every_payload_length)
{
    struct rig_random random = rig_random(11);
    uint8_t payload[CB_DATAGRAM_BYTES_MAX];
    for (uint32_t bytes = 0; bytes <= CB_DATAGRAM_BYTES_MAX; bytes++) {
        for (uint32_t i = 0; i < bytes; i++) {
            payload[i] = (uint8_t)rig_draw(&random, 256);
        }
        check_built(CB_FRAME_VLAN_NONE, payload, bytes);
        check_built((uint16_t)(bytes & 0xFFF), payload, bytes);
    }
    memset(payload, 0xFF, sizeof payload);
    check_built(CB_FRAME_VLAN_NONE, payload, sizeof payload);
    check_built(4095, payload, sizeof payload);
}

Test(ingress_frame, a_computed_checksum_of_zero_is_sent_as_all_ones)
{
    /* Two payload bytes that bring the sum to 0xFFFF: found by trying all. */
    uint8_t data[CB_FRAME_BYTES_MAX], payload[2];
    uint32_t found = 0;
    for (uint32_t v = 0; v < 65536; v++) {
        payload[0] = (uint8_t)(v >> 8);
        payload[1] = (uint8_t)v;
        uint32_t bytes = cb_frame_build(data, &from, &to, CB_FRAME_VLAN_NONE, payload, 2);
        struct cb_frame f;
        cr_assert_eq(cb_frame_parse(&f, data, bytes), CB_FRAME_OK);
        cr_assert(data[40] != 0 || data[41] != 0);
        found += data[40] == 0xFF && data[41] == 0xFF;
    }
    cr_assert_geq(found, 1u);
}

Test(ingress_frame, a_payload_that_lies_in_place_is_built_round)
{
    uint8_t data[CB_FRAME_BYTES_MAX], other[CB_FRAME_BYTES_MAX], payload[300];
    for (uint32_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(i * 3);
    }
    memcpy(data + CB_FRAME_HEADER_BYTES, payload, sizeof payload);
    uint32_t a =
        cb_frame_build(data, &from, &to, CB_FRAME_VLAN_NONE, data + CB_FRAME_HEADER_BYTES, sizeof payload);
    uint32_t b = cb_frame_build(other, &from, &to, CB_FRAME_VLAN_NONE, payload, sizeof payload);
    cr_assert_eq(a, b);
    cr_assert_eq(memcmp(data, other, a), 0);
}

Test(ingress_frame, every_truncation_is_refused_and_reads_nothing_past_the_end)
{
    uint8_t data[CB_FRAME_BYTES_MAX], payload[100] = {1, 2, 3};
    for (unsigned tagged = 0; tagged < 2; tagged++) {
        uint16_t vlan = tagged ? 7 : CB_FRAME_VLAN_NONE;
        uint32_t link = tagged ? 18 : 14,
                 bytes = cb_frame_build(data, &from, &to, vlan, payload, sizeof payload);
        for (uint32_t cut = 0; cut < bytes; cut++) {
            struct cb_frame f;
            cr_assert_eq(parse(&f, data, cut), cut < link + 20 ? CB_FRAME_SHORT : CB_FRAME_IP_LENGTH,
                         "cut at %u", cut);
        }
    }
}

Test(ingress_frame, trailers_and_padding_after_the_payload_are_ignored)
{
    uint8_t data[CB_FRAME_BYTES_MAX + 64], payload[50] = {9, 8, 7};
    uint32_t bytes = cb_frame_build(data, &from, &to, CB_FRAME_VLAN_NONE, payload, sizeof payload);
    memset(data + bytes, 0xEE, 64);
    for (uint32_t extra = 0; extra <= 64; extra++) {
        struct cb_frame f;
        cr_assert_eq(parse(&f, data, bytes + extra), CB_FRAME_OK);
        cr_assert_eq(f.payload_bytes, sizeof payload);
    }
    /* The IP packet may be longer than the datagram in it: the UDP length decides. */
    uint8_t *ip = data + 14;
    ip[3] = (uint8_t)(ip[3] + 16);
    fix_ip_checksum(ip);
    struct cb_frame f;
    cr_assert_eq(parse(&f, data, bytes + 16), CB_FRAME_OK);
    cr_assert_eq(f.payload_bytes, sizeof payload);
    cr_assert_eq(parse(&f, data, bytes + 15), CB_FRAME_IP_LENGTH);
}

/* Builds a frame of 40 payload bytes, sets one byte, repairs the IP checksum when asked, and says what the
 * parser does. */
static enum cb_frame_drop with(uint32_t at, uint8_t value, bool repair)
{
    uint8_t data[CB_FRAME_BYTES_MAX], payload[40] = {5};
    uint32_t bytes = cb_frame_build(data, &from, &to, CB_FRAME_VLAN_NONE, payload, sizeof payload);
    data[at] = value;
    if (repair) {
        fix_ip_checksum(data + 14);
    }
    struct cb_frame f;
    return parse(&f, data, bytes);
}

Test(ingress_frame, each_field_that_is_not_ours_has_its_reason)
{
    cr_assert_eq(with(12, 0x86, false), CB_FRAME_ETHERTYPE);
    cr_assert_eq(with(14, 0x65, true), CB_FRAME_IP_HEADER, "version 6");
    cr_assert_eq(with(14, 0x44, false), CB_FRAME_IP_HEADER, "a header of 16 bytes");
    cr_assert_eq(with(17, 19, true), CB_FRAME_IP_LENGTH, "total length below the header");
    cr_assert_eq(with(17, 27, true), CB_FRAME_UDP_LENGTH, "no room for the UDP header");
    cr_assert_eq(with(17, 68, true), CB_FRAME_OK);
    cr_assert_eq(with(17, 69, true), CB_FRAME_IP_LENGTH, "one past the frame");
    cr_assert_eq(with(22, 63, false), CB_FRAME_IP_CHECKSUM, "TTL changed without the checksum");
    cr_assert_eq(with(22, 63, true), CB_FRAME_OK);
    cr_assert_eq(with(20, 0x00, true), CB_FRAME_OK, "may be fragmented, is not");
    cr_assert_eq(with(20, 0x20, true), CB_FRAME_FRAGMENT, "first of several");
    cr_assert_eq(with(21, 0x01, true), CB_FRAME_FRAGMENT, "a later one");
    cr_assert_eq(with(23, 6, true), CB_FRAME_PROTOCOL, "TCP");
    cr_assert_eq(with(39, 7, false), CB_FRAME_UDP_LENGTH);
    cr_assert_eq(with(39, 49, false), CB_FRAME_UDP_LENGTH, "past the IP packet");
    cr_assert_eq(with(39, 47, false), CB_FRAME_UDP_CHECKSUM, "the length is in the checksum");
    cr_assert_eq(with(50, 1, false), CB_FRAME_UDP_CHECKSUM);
    cr_assert_eq(with(6, 0x01, false), CB_FRAME_SOURCE, "a group as source");
}

Test(ingress_frame, a_missing_udp_checksum_is_accepted)
{
    uint8_t data[CB_FRAME_BYTES_MAX], payload[40] = {5};
    uint32_t bytes = cb_frame_build(data, &from, &to, CB_FRAME_VLAN_NONE, payload, sizeof payload);
    data[40] = data[41] = 0;
    struct cb_frame f;
    cr_assert_eq(parse(&f, data, bytes), CB_FRAME_OK);
}

Test(ingress_frame, ip_options_are_skipped)
{
    uint8_t data[CB_FRAME_BYTES_MAX], moved[CB_FRAME_BYTES_MAX], payload[40] = {5, 6};
    cb_frame_build(data, &from, &to, CB_FRAME_VLAN_NONE, payload, sizeof payload);
    for (uint32_t words = 1; words <= 10; words++) {
        memcpy(moved, data, 34);
        memset(moved + 34, 1, words * 4); /* no-operation options */
        memcpy(moved + 34 + words * 4, data + 34, 48);
        moved[14] = (uint8_t)(0x45 + words);
        moved[17] = (uint8_t)(68 + words * 4);
        fix_ip_checksum(moved + 14);
        struct cb_frame f;
        cr_assert_eq(parse(&f, moved, 82 + words * 4), CB_FRAME_OK);
        cr_assert_eq(f.payload_bytes, sizeof payload);
        cr_assert_eq(memcmp(f.payload, payload, sizeof payload), 0);
        cr_assert_eq(parse(&f, moved, 14 + 20 + words * 4 - 1), CB_FRAME_IP_LENGTH);
    }
}

Test(ingress_frame, a_second_tag_is_refused)
{
    uint8_t data[CB_FRAME_BYTES_MAX], payload[40] = {5};
    uint32_t bytes = cb_frame_build(data, &from, &to, 100, payload, sizeof payload);
    struct cb_frame f;
    cr_assert_eq(parse(&f, data, bytes), CB_FRAME_OK);
    cr_assert_eq(f.vlan, 100);
    data[14] = 0xE0; /* priority 7: not part of the id */
    cr_assert_eq(parse(&f, data, bytes), CB_FRAME_OK);
    cr_assert_eq(f.vlan, 100);
    data[16] = 0x81;
    cr_assert_eq(parse(&f, data, bytes), CB_FRAME_ETHERTYPE);
    data[12] = 0x88;
    data[13] = 0xA8;
    cr_assert_eq(parse(&f, data, bytes), CB_FRAME_ETHERTYPE);
}

Test(ingress_frame, sources_that_can_not_be_answered_are_refused)
{
    static const struct {
        uint32_t ip;
        uint16_t port;
        enum cb_frame_drop drop;
    } cases[] = {{0, 1, CB_FRAME_SOURCE},           {1, 1, CB_FRAME_OK},
                 {0xDFFFFFFFu, 65535, CB_FRAME_OK}, {0xE0000000u, 1, CB_FRAME_SOURCE},
                 {0xFFFFFFFFu, 1, CB_FRAME_SOURCE}, {0x7F000001u, 0, CB_FRAME_SOURCE}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cb_frame_end source = {.mac = {2}, .port = cases[i].port, .ip = cases[i].ip};
        uint8_t data[CB_FRAME_BYTES_MAX];
        uint32_t bytes = cb_frame_build(data, &source, &to, CB_FRAME_VLAN_NONE, NULL, 0);
        struct cb_frame f;
        cr_assert_eq(parse(&f, data, bytes), cases[i].drop, "case %u", i);
    }
}

Test(ingress_frame, a_payload_above_the_greatest_datagram_is_refused)
{
    static uint8_t data[2000], payload[CB_DATAGRAM_BYTES_MAX];
    uint32_t bytes = cb_frame_build(data, &from, &to, CB_FRAME_VLAN_NONE, payload, sizeof payload);
    struct cb_frame f;
    cr_assert_eq(cb_frame_parse(&f, data, bytes), CB_FRAME_OK);
    uint32_t total = 28 + CB_DATAGRAM_BYTES_MAX + 1, udp = 8 + CB_DATAGRAM_BYTES_MAX + 1;
    data[16] = (uint8_t)(total >> 8);
    data[17] = (uint8_t)total;
    data[38] = (uint8_t)(udp >> 8);
    data[39] = (uint8_t)udp;
    data[40] = data[41] = 0;
    fix_ip_checksum(data + 14);
    cr_assert_eq(cb_frame_parse(&f, data, bytes + 1), CB_FRAME_OVERSIZE);
}

Test(ingress_frame, any_single_bit_flip_is_refused_or_lands_where_nothing_is_covered)
{
    /* Ethernet addresses and the VLAN id are covered by no checksum; everything from the IP header on is. */
    uint8_t data[CB_FRAME_BYTES_MAX], payload[64] = {1, 2, 3, 4};
    uint32_t bytes = cb_frame_build(data, &from, &to, CB_FRAME_VLAN_NONE, payload, sizeof payload);
    for (uint32_t bit = 12 * 8; bit < bytes * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct cb_frame f;
        cr_assert_neq(parse(&f, data, bytes), CB_FRAME_OK, "bit %u of byte %u", bit % 8, bit / 8);
        data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

Test(ingress_frame, every_reason_has_a_name_of_its_own)
{
    for (unsigned i = 0; i < CB_INGRESS_DROP_COUNT; i++) {
        cr_assert_str_neq(cb_ingress_drop_name(i), "?");
        for (unsigned k = 0; k < i; k++) {
            cr_assert_str_neq(cb_ingress_drop_name(i), cb_ingress_drop_name(k));
        }
    }
    cr_assert_str_eq(cb_ingress_drop_name(CB_INGRESS_DROP_COUNT), "?");
    cr_assert_str_eq(cb_frame_drop_name(CB_FRAME_DROP_COUNT), "?");
}
