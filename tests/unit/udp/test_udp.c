/* Goal: the UDP port hands whole frames with the real ends in them, loses nothing silently and tells what it
 * lost. Method: two ports, or a port and a plain socket, over loopback; frames are read by a parser of the
 * test's own, which checks lengths and the IPv4 checksum by RFC 791. */
#include "clearbox/limits.h"
#include "drivers/udp/udp.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct parsed {
    uint32_t source, destination;
    uint16_t source_port, destination_port;
    const uint8_t *payload;
    uint32_t payload_bytes;
};

static struct parsed parse(const struct cb_nic_frame *f)
{
    const uint8_t *d = f->data;
    cr_assert_geq(f->bytes, 42);
    cr_assert(d[12] == 8 && d[13] == 0 && d[14] == 0x45 && d[23] == 17);
    uint32_t sum = 0;
    for (int i = 14; i < 34; i += 2) {
        sum += (uint32_t)(d[i] * 256 + d[i + 1]);
    }
    sum = sum % 65536 + sum / 65536;
    cr_assert_eq(sum, 0xffff, "IPv4 checksum");
    cr_assert_eq(d[16] * 256u + d[17], f->bytes - 14);
    cr_assert_eq(d[38] * 256u + d[39], f->bytes - 34);
    cr_assert(d[40] == 0 && d[41] == 0);
    struct parsed p = {.payload = d + 42, .payload_bytes = f->bytes - 42};
    p.source = (uint32_t)d[26] << 24 | (uint32_t)d[27] << 16 | (uint32_t)d[28] << 8 | d[29];
    p.destination = (uint32_t)d[30] << 24 | (uint32_t)d[31] << 16 | (uint32_t)d[32] << 8 | d[33];
    p.source_port = (uint16_t)(d[34] << 8 | d[35]);
    p.destination_port = (uint16_t)(d[36] << 8 | d[37]);
    return p;
}

/* A whole frame to 127.0.0.1:port, made without the driver's encoder. */
static uint32_t make_frame(uint8_t *d, uint32_t address, uint16_t port, const void *payload, uint32_t bytes)
{
    memset(d, 0, 42);
    d[12] = 8;
    d[14] = 0x45;
    d[16] = (uint8_t)((bytes + 28) >> 8);
    d[17] = (uint8_t)(bytes + 28);
    d[23] = 17;
    d[30] = (uint8_t)(address >> 24);
    d[31] = (uint8_t)(address >> 16);
    d[32] = (uint8_t)(address >> 8);
    d[33] = (uint8_t)address;
    d[36] = (uint8_t)(port >> 8);
    d[37] = (uint8_t)port;
    d[38] = (uint8_t)((bytes + 8) >> 8);
    d[39] = (uint8_t)(bytes + 8);
    memcpy(d + 42, payload, bytes);
    return bytes + 42;
}

static struct cb_nic open_port(struct cb_udp_options options, struct cb_udp_info *info)
{
    struct cb_nic nic;
    char error[160] = "";
    cr_assert(cb_udp_open(&nic, &options, info, error, sizeof error), "%s", error);
    return nic;
}

static struct cb_nic open_loopback(struct cb_udp_info *info)
{
    return open_port((struct cb_udp_options){.bind_address = "127.0.0.1"}, info);
}

/* Polls until frames come, for at most two seconds. */
static uint32_t rx_wait(const struct cb_nic *nic, struct cb_nic_frame *frames, uint32_t max)
{
    for (int i = 0; i < 20000; i++) {
        uint32_t got = nic->rx(nic->self, frames, max);
        if (got > 0) {
            return got;
        }
        usleep(100);
    }
    return 0;
}

static uint32_t tx_one(const struct cb_nic *nic, const uint8_t *data, uint32_t bytes)
{
    struct cb_nic_frame frame = {.data = data, .bytes = bytes};
    return nic->tx(nic->self, &frame, 1);
}

#define LOOPBACK 0x7f000001u

Test(udp, a_frame_goes_round_with_its_real_ends)
{
    struct cb_udp_info a_info, b_info;
    struct cb_nic a = open_loopback(&a_info), b = open_loopback(&b_info);
    uint8_t data[1514];
    cr_assert_eq(tx_one(&a, data, make_frame(data, LOOPBACK, b_info.port, "clearing", 8)), 1);
    struct cb_nic_frame got[CB_BURST];
    cr_assert_eq(rx_wait(&b, got, CB_BURST), 1);
    struct parsed p = parse(&got[0]);
    cr_assert_eq(p.source, LOOPBACK);
    cr_assert_eq(p.destination, LOOPBACK);
    cr_assert_eq(p.source_port, a_info.port);
    cr_assert_eq(p.destination_port, b_info.port);
    cr_assert_eq(p.payload_bytes, 8);
    cr_assert_arr_eq(p.payload, "clearing", 8);
    cr_assert_arr_eq(got[0].data, b.mac, 6, "sent to the port's own address");
    cr_assert_arr_eq(got[0].data + 6, a.mac, 6, "from the sender's");
    cr_assert_eq(got[0].stamp_source, CB_NIC_STAMP_SOFTWARE);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t age = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - got[0].stamp_ns;
    cr_assert(age >= 0 && age < 10000000000);

    /* The answer: the same frame with its ends swapped, as egress makes it. */
    make_frame(data, p.source, p.source_port, "house", 5);
    b.release(b.self, got, 1);
    cr_assert_eq(tx_one(&b, data, 47), 1);
    cr_assert_eq(rx_wait(&a, got, CB_BURST), 1);
    p = parse(&got[0]);
    cr_assert_eq(p.source_port, b_info.port);
    cr_assert_arr_eq(p.payload, "house", 5);
    a.release(a.self, got, 1);
    cr_assert_eq(a.link(a.self), 1);
    a.close(a.self);
    b.close(b.self);
}

Test(udp, bursts_keep_order_and_every_byte)
{
    enum { FRAMES = 2 * CB_BURST + 5 }; /* as many as the smallest default buffer holds */
    struct cb_udp_info info;
    struct cb_nic a = open_loopback(NULL), b = open_loopback(&info);
    static uint8_t data[FRAMES][1514];
    struct cb_nic_frame out[FRAMES], in[CB_BURST];
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < FRAMES; i++) {
        uint8_t payload[1472];
        uint32_t size = i * 1472 / (FRAMES - 1); /* 0 .. the largest */
        for (uint32_t k = 0; k < size; k++) {
            payload[k] = (uint8_t)(k + i);
        }
        out[i] = (struct cb_nic_frame){.data = data[i]};
        out[i].bytes = make_frame(data[i], LOOPBACK, info.port, payload, size);
        bytes += out[i].bytes;
    }
    cr_assert_eq(a.tx(a.self, out, FRAMES), FRAMES);
    uint32_t seen = 0;
    while (seen < FRAMES) {
        uint32_t got = rx_wait(&b, in, CB_BURST);
        cr_assert(got > 0 && got <= CB_BURST, "after %u", seen);
        for (uint32_t i = 0; i < got; i++, seen++) {
            struct parsed p = parse(&in[i]);
            cr_assert_eq(p.payload_bytes, out[seen].bytes - 42);
            cr_assert(memcmp(p.payload, data[seen] + 42, p.payload_bytes) == 0, "frame %u", seen);
        }
        b.release(b.self, in, got);
    }
    cr_assert_eq(b.rx(b.self, in, CB_BURST), 0);
    struct cb_nic_stats sent, received;
    a.stats(a.self, &sent);
    b.stats(b.self, &received);
    cr_assert_eq(sent.tx_frames, FRAMES);
    cr_assert_eq(sent.tx_bytes, bytes);
    cr_assert_eq(sent.tx_full + sent.tx_dropped, 0);
    cr_assert_eq(received.rx_frames, FRAMES);
    cr_assert_eq(received.rx_bytes, bytes);
    cr_assert_eq(received.rx_missed, 0);
    a.close(a.self);
    b.close(b.self);
}

Test(udp, rx_gives_no_more_than_asked)
{
    struct cb_udp_info info;
    struct cb_nic a = open_loopback(NULL), b = open_loopback(&info);
    uint8_t data[64];
    uint32_t bytes = make_frame(data, LOOPBACK, info.port, "x", 1);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(tx_one(&a, data, bytes), 1);
    }
    struct cb_nic_frame in[8] = {{.data = NULL}};
    cr_assert_eq(b.rx(b.self, in, 0), 0);
    b.release(b.self, in, 0);
    cr_assert_eq(rx_wait(&b, in, 2), 2);
    cr_assert_null(in[2].data);
    b.release(b.self, in, 2);
    cr_assert_eq(rx_wait(&b, in, 8), 3);
    b.release(b.self, in, 3);
    a.close(a.self);
    b.close(b.self);
}

static int plain_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_geq(fd, 0);
    return fd;
}

static void plain_send(int fd, uint16_t port, const void *data, size_t bytes)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ssize_t sent = sendto(fd, data, bytes, 0, (struct sockaddr *)&to, sizeof to);
    cr_assert_eq(sent, (ssize_t)bytes);
}

Test(udp, a_datagram_above_the_mtu_is_counted_and_never_handed_on_short)
{
    static const uint32_t mtus[] = {0, 576, 1522};
    for (unsigned m = 0; m < 3; m++) {
        struct cb_udp_info info;
        struct cb_nic b =
            open_port((struct cb_udp_options){.bind_address = "127.0.0.1", .mtu = mtus[m]}, &info);
        uint32_t largest = (mtus[m] ? mtus[m] : 1500) - 28;
        cr_assert_eq(b.mtu, largest + 28);
        static uint8_t data[4000];
        int fd = plain_socket();
        plain_send(fd, info.port, data, largest);
        plain_send(fd, info.port, data, largest + 1);
        plain_send(fd, info.port, data, 4000);
        plain_send(fd, info.port, data, 1);
        struct cb_nic_frame in[CB_BURST];
        uint32_t sizes[2] = {0}, seen = 0;
        while (seen < 2) {
            uint32_t got = rx_wait(&b, in, CB_BURST);
            cr_assert_gt(got, 0);
            for (uint32_t i = 0; i < got; i++) {
                sizes[seen++] = parse(&in[i]).payload_bytes;
            }
            b.release(b.self, in, got);
        }
        struct cb_nic_stats stats;
        b.stats(b.self, &stats);
        cr_assert_eq(sizes[0], largest);
        cr_assert_eq(sizes[1], 1);
        cr_assert_eq(stats.rx_frames, 2);
        cr_assert_eq(stats.rx_missed, 2);
        close(fd);
        b.close(b.self);
    }
}

Test(udp, what_the_kernel_dropped_is_counted_with_the_next_datagram)
{
    struct cb_udp_info info;
    struct cb_nic b =
        open_port((struct cb_udp_options){.bind_address = "127.0.0.1", .receive_buffer_bytes = 4096}, &info);
    cr_assert_geq(info.receive_buffer_bytes, 4096);
    cr_assert_lt(info.receive_buffer_bytes, 65536, "the small buffer was granted");
    enum { SENT = 500 };
    uint8_t data[1000] = {0};
    int fd = plain_socket();
    for (int i = 0; i < SENT; i++) {
        plain_send(fd, info.port, data, sizeof data);
    }
    struct cb_nic_frame in[CB_BURST];
    uint32_t got;
    while ((got = b.rx(b.self, in, CB_BURST)) > 0) {
        b.release(b.self, in, got);
    }
    plain_send(fd, info.port, data, sizeof data); /* carries the counter */
    cr_assert_eq(rx_wait(&b, in, CB_BURST), 1);
    b.release(b.self, in, 1);
    struct cb_nic_stats stats;
    b.stats(b.self, &stats);
    cr_assert_gt(stats.rx_missed, 0);
    cr_assert_eq(stats.rx_frames + stats.rx_missed, SENT + 1);
    close(fd);
    b.close(b.self);
}

Test(udp, a_frame_that_can_not_be_sent_is_counted_and_the_rest_goes)
{
    struct cb_udp_info info;
    struct cb_nic a = open_loopback(NULL), b = open_loopback(&info);
    static uint8_t good[2][64], bad[64], longer[1600], unroutable[64];
    uint32_t bytes = make_frame(good[0], LOOPBACK, info.port, "1", 1);
    make_frame(good[1], LOOPBACK, info.port, "2", 1);
    static uint8_t payload[1500];
    struct cb_nic_frame out[] = {
        {.data = bad, .bytes = sizeof bad},
        {.data = good[0], .bytes = bytes},
        {.data = bad, .bytes = 0},
        {.data = longer, .bytes = make_frame(longer, LOOPBACK, info.port, payload, 1473)},
        /* From a loopback address nothing goes out of the machine: the kernel refuses it. */
        {.data = unroutable, .bytes = make_frame(unroutable, 0x08080808, 9, "3", 1)},
        {.data = good[1], .bytes = bytes},
        {.data = bad, .bytes = 41},
    };
    cr_assert_eq(a.tx(a.self, out, 7), 7);
    struct cb_nic_stats stats;
    a.stats(a.self, &stats);
    cr_assert_eq(stats.tx_frames, 2);
    cr_assert_eq(stats.tx_dropped, 5);
    cr_assert_eq(stats.tx_full, 0);
    struct cb_nic_frame in[CB_BURST];
    cr_assert_eq(rx_wait(&b, in, 1), 1);
    cr_assert_eq(parse(&in[0]).payload[0], '1');
    b.release(b.self, in, 1);
    cr_assert_eq(rx_wait(&b, in, 1), 1);
    cr_assert_eq(parse(&in[0]).payload[0], '2');
    b.release(b.self, in, 1);
    a.close(a.self);
    b.close(b.self);
}

Test(udp, sending_where_nobody_listens_is_not_an_error)
{
    struct cb_udp_info gone, info;
    struct cb_nic c = open_loopback(&gone);
    c.close(c.self);
    struct cb_nic a = open_loopback(&info);
    uint8_t data[64];
    uint32_t bytes = make_frame(data, LOOPBACK, gone.port, "?", 1);
    struct cb_nic_frame in[CB_BURST];
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(tx_one(&a, data, bytes), 1);
        cr_assert_eq(a.rx(a.self, in, CB_BURST), 0);
    }
    int fd = plain_socket();
    plain_send(fd, info.port, "still here", 10);
    cr_assert_eq(rx_wait(&a, in, CB_BURST), 1);
    a.release(a.self, in, 1);
    close(fd);
    a.close(a.self);
}

Test(udp, a_port_on_every_address_tells_the_address_that_was_used)
{
    struct cb_udp_info info;
    struct cb_nic b = open_port((struct cb_udp_options){.bind_address = NULL}, &info);
    cr_assert_eq(info.address, 0);
    cr_assert_neq(info.port, 0);
    struct cb_nic a = open_loopback(NULL);
    uint8_t data[64];
    cr_assert_eq(tx_one(&a, data, make_frame(data, 0x7f000005, info.port, "x", 1)), 1);
    struct cb_nic_frame in[CB_BURST];
    cr_assert_eq(rx_wait(&b, in, CB_BURST), 1);
    cr_assert_eq(parse(&in[0]).destination, 0x7f000005);
    b.release(b.self, in, 1);
    a.close(a.self);
    b.close(b.self);
}

Test(udp, a_joined_group_is_received_under_its_own_address_by_every_member)
{
    const struct cb_udp_options options = {.group = "239.255.77.1", .interface_address = "127.0.0.1"};
    struct cb_udp_info info;
    struct cb_nic first = open_port(options, &info);
    struct cb_udp_options same = options;
    same.port = info.port;
    struct cb_nic second = open_port(same, NULL);
    struct cb_nic other = open_port((struct cb_udp_options){.bind_address = "127.0.0.1"}, NULL);
    uint8_t data[64];
    /* A member sends, because its socket has the interface to send on. */
    cr_assert_eq(tx_one(&second, data, make_frame(data, 0xefff4d01, info.port, "tick", 4)), 1);
    struct cb_nic_frame in[CB_BURST];
    cr_assert_eq(rx_wait(&first, in, CB_BURST), 1);
    struct parsed p = parse(&in[0]);
    cr_assert_eq(p.destination, 0xefff4d01);
    cr_assert_eq(p.destination_port, info.port);
    cr_assert_arr_eq(in[0].data, ((const uint8_t[]){0x01, 0x00, 0x5e, 0x7f, 0x4d, 0x01}), 6);
    first.release(first.self, in, 1);
    cr_assert_eq(rx_wait(&second, in, CB_BURST), 1);
    second.release(second.self, in, 1);
    cr_assert_eq(other.rx(other.self, in, CB_BURST), 0);
    first.close(first.self);
    second.close(second.self);
    other.close(other.self);
}

Test(udp, errors_at_open_say_what_and_why)
{
    struct cb_udp_info info;
    struct cb_nic a = open_loopback(&info), b;
    static const struct {
        struct cb_udp_options options;
        const char *what, *why;
    } cases[] = {
        {{.bind_address = "not an address"}, "bind address", "Invalid argument"},
        {{.bind_address = "192.0.2.1"}, "bind", "Cannot assign requested address"},
        {{.group = "10.0.0.1"}, "join multicast group", "Invalid argument"},
        {{.group = "elsewhere"}, "multicast group", "Invalid argument"},
        {{.group = "239.1.1.1", .interface_address = "x"}, "multicast interface", "Invalid argument"},
        {{.mtu = 41}, "mtu", "Invalid argument"},
        {{.mtu = 1523}, "mtu", "Invalid argument"},
    };
    char error[160];
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_not(cb_udp_open(&b, &cases[i].options, NULL, error, sizeof error), "case %u", i);
        cr_assert(strstr(error, cases[i].what) && strstr(error, cases[i].why), "case %u: %s", i, error);
    }
    struct cb_udp_options taken = {.bind_address = "127.0.0.1", .port = info.port};
    cr_assert_not(cb_udp_open(&b, &taken, NULL, error, sizeof error));
    cr_assert(strstr(error, "Address already in use") != NULL, "%s", error);
    a.close(a.self);
}
