/* Goal: the synthesised headers are right to the bit and the reader accepts nothing malformed. Method: a
 * frame written out by hand, every field's edge, and random bytes under the sanitizer. */
#include "drivers/udp/frame.h"
#include "drivers/udp/udp.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(udp_mac, unicast_is_locally_administered_and_carries_the_address)
{
    uint8_t mac[6];
    cb_udp_mac(mac, 0x7f000001, 0x1234);
    cr_assert_arr_eq(mac, ((const uint8_t[]){0x02, 127, 0, 0, 1, 0x12 ^ 0x34}), 6);
    cb_udp_mac(mac, 0xdfffffff, 0); /* 223.255.255.255, the last before multicast */
    cr_assert_arr_eq(mac, ((const uint8_t[]){0x02, 0xdf, 0xff, 0xff, 0xff, 0}), 6);
    cb_udp_mac(mac, 0xf0000000, 1); /* 240.0.0.0, the first after it */
    cr_assert_arr_eq(mac, ((const uint8_t[]){0x02, 0xf0, 0, 0, 0, 1}), 6);
}

Test(udp_mac, multicast_follows_rfc_1112)
{
    uint8_t mac[6];
    cb_udp_mac(mac, 0xe0000000, 9);
    cr_assert_arr_eq(mac, ((const uint8_t[]){0x01, 0x00, 0x5e, 0, 0, 0}), 6);
    cb_udp_mac(mac, 0xefffffff, 9);
    cr_assert_arr_eq(mac, ((const uint8_t[]){0x01, 0x00, 0x5e, 0x7f, 0xff, 0xff}), 6);
}

/* 192.168.0.1:0x1001 to 192.168.0.199:0x2002, payload "hi"; the IPv4 checksum is left 0 here. */
static const uint8_t sample[44] = {
    0x02, 192,  168,  0,    199,  0x22, 0x02, 192,  168,  0,    1,    0x11, 0x08, 0x00, /* Ethernet */
    0x45, 0x00, 0x00, 0x1e, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x00, 0x00, 192,  168,  0,
    1,    192,  168,  0,    199,  0x10, 0x01, 0x20, 0x02, 0x00, 0x0a, 0x00, 0x00, 'h',  'i'};

static const struct udp_ends sample_ends = {.source_address = 0xc0a80001,
                                            .destination_address = 0xc0a800c7,
                                            .source_port = 0x1001,
                                            .destination_port = 0x2002};

/* 4500 + 001e + 0000 + 4000 + 4011 + c0a8 + 0001 + c0a8 + 00c7 = 24747, folded 4749, complement b8b6. */
#define SAMPLE_CHECKSUM 0xb8b6u

Test(udp_frame, encode_writes_the_frame_made_by_hand)
{
    uint8_t expected[44], frame[44];
    memcpy(expected, sample, sizeof expected);
    expected[24] = SAMPLE_CHECKSUM >> 8;
    expected[25] = SAMPLE_CHECKSUM & 0xff;
    memset(frame, 0xa5, sizeof frame);
    memcpy(frame + 42, "hi", 2);
    udp_frame_encode(frame, &sample_ends, 2);
    cr_assert_arr_eq(frame, expected, sizeof expected);
}

Test(udp_frame, decode_finds_the_payload_and_ignores_ethernet_padding)
{
    uint8_t frame[60] = {0};
    memcpy(frame, sample, sizeof sample);
    for (uint32_t bytes = 44; bytes <= 60; bytes++) {
        struct udp_ends ends;
        const uint8_t *payload;
        uint32_t payload_bytes;
        cr_assert(udp_frame_decode(frame, bytes, &ends, &payload, &payload_bytes));
        cr_assert_eq(payload, frame + 42);
        cr_assert_eq(payload_bytes, 2);
        cr_assert_eq(ends.source_address, sample_ends.source_address);
        cr_assert_eq(ends.destination_address, sample_ends.destination_address);
        cr_assert_eq(ends.source_port, sample_ends.source_port);
        cr_assert_eq(ends.destination_port, sample_ends.destination_port);
    }
}

Test(udp_frame, decode_takes_ip_options_and_an_empty_payload)
{
    uint8_t frame[60] = {0};
    memcpy(frame, sample, 34);
    frame[14] = 0x46; /* 24 bytes of IP header */
    frame[17] = 32;
    memcpy(frame + 38, sample + 34, 8);
    frame[43] = 8;
    struct udp_ends ends;
    const uint8_t *payload;
    uint32_t payload_bytes = 99;
    cr_assert(udp_frame_decode(frame, 46, &ends, &payload, &payload_bytes));
    cr_assert_eq(payload_bytes, 0);
    cr_assert_eq(ends.destination_port, 0x2002);
}

static bool decodes(const uint8_t *frame, uint32_t bytes)
{
    struct udp_ends ends;
    const uint8_t *payload;
    uint32_t payload_bytes;
    return udp_frame_decode(frame, bytes, &ends, &payload, &payload_bytes);
}

Test(udp_frame, decode_refuses_each_field_that_is_wrong)
{
    static const struct {
        uint32_t at;
        uint8_t value;
    } wrong[] = {
        {12, 0x86}, {13, 0x06}, /* not IPv4 by type */
        {14, 0x65}, {14, 0x44},
        {14, 0x4f}, /* version 6; header of 16 bytes; of 60 */
        {17, 0x1f}, {17, 0x1b},
        {16, 0x01}, /* total longer than the frame, shorter than the headers, far longer */
        {20, 0x20}, {20, 0x1f},
        {21, 0x01}, /* more fragments; an offset; an offset */
        {23, 6},    /* TCP */
        {39, 0x09}, {39, 0x0b},
        {38, 0x01}, /* UDP length against IP length */
    };
    cr_assert(decodes(sample, sizeof sample));
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t frame[44];
        memcpy(frame, sample, sizeof frame);
        frame[wrong[i].at] = wrong[i].value;
        cr_assert_not(decodes(frame, sizeof frame), "byte %u = %02x", wrong[i].at, wrong[i].value);
    }
    uint8_t frame[44];
    memcpy(frame, sample, sizeof frame);
    frame[36] = frame[37] = 0;
    cr_assert_not(decodes(frame, sizeof frame), "destination port 0");
    for (uint32_t bytes = 0; bytes < sizeof sample; bytes++) {
        cr_assert_not(decodes(sample, bytes), "cut to %u", bytes);
    }
}

Test(udp_frame, random_bytes_never_yield_a_payload_outside_the_frame)
{
    const char *text = getenv("CB_SEED"), *effort = getenv("CB_EFFORT");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 0) : 1;
    long rounds = 200000L * (effort ? strtol(effort, NULL, 0) : 1), accepted = 0;
    printf("seed %u\n", seed);
    srand(seed);
    for (long round = 0; round < rounds; round++) {
        uint32_t bytes = (uint32_t)rand() % 80;
        uint8_t *frame = malloc(bytes + 1); /* of the exact size, so that the sanitizer sees a read beyond */
        for (uint32_t i = 0; i < bytes; i++) {
            frame[i] = i < sizeof sample && rand() % 16 != 0 ? sample[i] : (uint8_t)rand();
        }
        struct udp_ends ends;
        const uint8_t *payload;
        uint32_t payload_bytes;
        if (udp_frame_decode(frame, bytes, &ends, &payload, &payload_bytes)) {
            accepted++;
            cr_assert(payload >= frame + 42 && payload + payload_bytes <= frame + bytes);
        }
        free(frame);
    }
    cr_assert_gt(accepted, 0, "the generator has to reach the accepting path");
}
