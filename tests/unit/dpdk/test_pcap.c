/* Goal: what the capture writer wrote is replayed byte for byte, once, and the end is told; what is sent is
 * written. Method: write, replay through libpcap (inside DPDK), read back. Each test has its own process. */
#include "clearbox/limits.h"
#include "drivers/pcap/capture.h"
#include "tests/unit/dpdk/world.h"

#include <criterion/criterion.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAMES 1000u
#define START  1700000000000000000

static char in_path[96], out_path[96];

static uint32_t frame_bytes(uint32_t i)
{
    return 60 + i * 1454 / (FRAMES - 1); /* 60 .. 1514 */
}

static void fill(uint8_t *data, uint32_t i)
{
    for (uint32_t k = 0; k < frame_bytes(i); k++) {
        data[k] = (uint8_t)(i * 31 + k * 7 + k / 256);
    }
}

static void write_capture(void)
{
    world_make();
    snprintf(in_path, sizeof in_path, "%s/in.pcap", world_folder);
    snprintf(out_path, sizeof out_path, "%s/out.pcap", world_folder);
    char error[256];
    struct cb_capture *capture = cb_capture_open(in_path, error, sizeof error);
    cr_assert_not_null(capture, "%s", error);
    uint8_t data[1514];
    for (uint32_t i = 0; i < FRAMES; i++) {
        fill(data, i);
        cr_assert(cb_capture_write(capture, data, frame_bytes(i), START + (int64_t)i * 1001000));
    }
    cr_assert(cb_capture_close(capture, error, sizeof error), "%s", error);
    cr_assert_eq(chmod(world_folder, 0755), 0);
    cr_assert_eq(chmod(in_path, 0644), 0);
}

TestSuite(dpdk_pcap, .init = write_capture, .fini = world_remove);

/* Reads the whole capture and checks every frame. Returns how many came. */
static uint32_t replay(const struct cb_nic *nic)
{
    uint32_t seen = 0;
    struct cb_nic_frame frames[CB_BURST];
    for (int64_t until = now_ms() + 20000; nic->link(nic->self) >= 0;) {
        cr_assert_lt(now_ms(), until, "no end after %u frames", seen);
        uint32_t got = nic->rx(nic->self, frames, CB_BURST);
        for (uint32_t i = 0; i < got; i++, seen++) {
            uint8_t expected[1514];
            fill(expected, seen);
            cr_assert_eq(frames[i].bytes, frame_bytes(seen), "frame %u", seen);
            cr_assert(memcmp(frames[i].data, expected, frames[i].bytes) == 0, "frame %u", seen);
            cr_assert_eq(frames[i].stamp_source, CB_NIC_STAMP_FILE);
            cr_assert_eq(frames[i].stamp_ns, START + (int64_t)seen * 1001000);
        }
        nic->release(nic->self, frames, got);
    }
    return seen;
}

Test(dpdk_pcap, a_capture_is_replayed_byte_for_byte_and_its_end_is_told)
{
    world_start();
    struct cb_nic nic = world_open((struct cb_dpdk_port_options){.kind = CB_DPDK_PCAP, .rx_pcap = in_path});
    cr_assert_eq(nic.link(nic.self), 1);
    cr_assert_eq(replay(&nic), FRAMES);
    struct cb_nic_frame frames[CB_BURST];
    cr_assert_eq(nic.rx(nic.self, frames, CB_BURST), 0);
    cr_assert_eq(nic.link(nic.self), -1);
    struct cb_nic_stats stats;
    nic.stats(nic.self, &stats);
    cr_assert_eq(stats.rx_frames, FRAMES);
    cr_assert_eq(stats.rx_missed, 0);
    nic.close(nic.self);
    cb_dpdk_stop();
}

Test(dpdk_pcap, more_frames_than_buffers_are_replayed_when_each_burst_is_released)
{
    world_start();
    struct cb_nic nic =
        world_open((struct cb_dpdk_port_options){.kind = CB_DPDK_PCAP, .rx_pcap = in_path, .mbufs = 511});
    cr_assert_eq(replay(&nic), FRAMES);
    nic.close(nic.self);
    cb_dpdk_stop();
}

Test(dpdk_pcap, two_ports_are_independent_and_a_closed_one_can_be_opened_again)
{
    world_start();
    const struct cb_dpdk_port_options options = {.kind = CB_DPDK_PCAP, .rx_pcap = in_path};
    struct cb_nic a = world_open(options), b = world_open(options);
    cr_assert_eq(replay(&a), FRAMES);
    cr_assert_eq(b.link(b.self), 1);
    cr_assert_eq(replay(&b), FRAMES);
    a.close(a.self);
    struct cb_nic c = world_open(options);
    cr_assert_eq(replay(&c), FRAMES);
    b.close(b.self);
    c.close(c.self);
    cb_dpdk_stop();
}

Test(dpdk_pcap, what_is_sent_is_in_the_file_after_close)
{
    world_start();
    struct cb_nic nic = world_open(
        (struct cb_dpdk_port_options){.kind = CB_DPDK_PCAP, .rx_pcap = in_path, .tx_pcap = out_path});
    static uint8_t data[FRAMES][1514];
    static struct cb_nic_frame out[FRAMES + 2];
    uint8_t giant[1515] = {0};
    for (uint32_t i = 0; i < FRAMES; i++) {
        fill(data[i], i);
        out[i] = (struct cb_nic_frame){.data = data[i], .bytes = frame_bytes(i)};
    }
    out[FRAMES] = (struct cb_nic_frame){.data = giant, .bytes = sizeof giant}; /* above the MTU */
    out[FRAMES + 1] = (struct cb_nic_frame){.data = giant, .bytes = 13};       /* no Ethernet header */
    cr_assert_eq(nic.tx(nic.self, out, FRAMES + 2), FRAMES + 2);
    struct cb_nic_stats stats;
    nic.stats(nic.self, &stats);
    cr_assert_eq(stats.tx_frames, FRAMES);
    cr_assert_eq(stats.tx_dropped, 2);
    nic.close(nic.self);

    struct cb_nic again =
        world_open((struct cb_dpdk_port_options){.kind = CB_DPDK_PCAP, .rx_pcap = out_path});
    struct cb_nic_frame in[CB_BURST];
    uint32_t seen = 0;
    while (again.link(again.self) >= 0) {
        uint32_t got = again.rx(again.self, in, CB_BURST);
        for (uint32_t i = 0; i < got; i++, seen++) {
            cr_assert_eq(in[i].bytes, out[seen].bytes);
            cr_assert(memcmp(in[i].data, data[seen], in[i].bytes) == 0, "frame %u", seen);
        }
        again.release(again.self, in, got);
    }
    cr_assert_eq(seen, FRAMES);
    again.close(again.self);
    cb_dpdk_stop();
}

Test(dpdk_pcap, an_infinite_replay_does_not_end)
{
    world_start();
    struct cb_nic nic = world_open((struct cb_dpdk_port_options){
        .kind = CB_DPDK_PCAP, .rx_pcap = in_path, .rx_infinite = true, .mbufs = 4095});
    struct cb_nic_frame frames[CB_BURST];
    for (uint32_t seen = 0; seen < 5 * FRAMES;) {
        uint32_t got = nic.rx(nic.self, frames, CB_BURST);
        cr_assert_eq(nic.link(nic.self), 1);
        for (uint32_t i = 0; i < got; i++, seen++) {
            cr_assert_eq(frames[i].bytes, frame_bytes(seen % FRAMES));
        }
        nic.release(nic.self, frames, got);
    }
    nic.close(nic.self);
    cb_dpdk_stop();
}

Test(dpdk_pcap, eal_leaves_the_affinity_of_its_caller_alone)
{
    cpu_set_t before, after;
    cr_assert_eq(sched_getaffinity(0, sizeof before, &before), 0);
    world_start();
    cr_assert_eq(sched_getaffinity(0, sizeof after, &after), 0);
    cr_assert(CPU_EQUAL(&before, &after));
    cb_dpdk_stop();
}

Test(dpdk_pcap, any_other_virtual_device_opens_by_its_arguments)
{
    world_start();
    struct cb_nic nic = world_open(
        (struct cb_dpdk_port_options){.kind = CB_DPDK_DEVICE, .device = "net_ring0"}); /* to itself */
    uint8_t data[1514];
    fill(data, 10);
    struct cb_nic_frame out = {.data = data, .bytes = frame_bytes(10)}, in[CB_BURST];
    cr_assert_eq(nic.link(nic.self), 1);
    cr_assert_eq(nic.tx(nic.self, &out, 1), 1);
    cr_assert_eq(nic.rx(nic.self, in, CB_BURST), 1);
    cr_assert_eq(in[0].bytes, out.bytes);
    cr_assert(memcmp(in[0].data, data, out.bytes) == 0);
    cr_assert_eq(in[0].stamp_source, CB_NIC_STAMP_SOFTWARE);
    nic.release(nic.self, in, 1);
    nic.close(nic.self);
    cb_dpdk_stop();
}

Test(dpdk_pcap, a_full_ring_takes_what_fits_and_nothing_leaks)
{
    world_start();
    struct cb_nic nic = world_open((struct cb_dpdk_port_options){
        .kind = CB_DPDK_DEVICE, .device = "net_ring1", .mbufs = 2047, .descriptors = 256});
    uint8_t data[60] = {0};
    struct cb_nic_frame out[CB_BURST], in[CB_BURST];
    for (uint32_t i = 0; i < CB_BURST; i++) {
        out[i] = (struct cb_nic_frame){.data = data, .bytes = sizeof data};
    }
    /* The ring of net_ring holds 1,023; a leak of one buffer a refusal would empty the pool in a few rounds.
     */
    for (int round = 0; round < 50; round++) {
        uint64_t sent = 0, received = 0;
        for (int i = 0; i < 100; i++) {
            sent += nic.tx(nic.self, out, CB_BURST);
        }
        cr_assert(sent > 500 && sent < 100 * CB_BURST, "round %d: %lu", round, sent);
        for (uint32_t got; (got = nic.rx(nic.self, in, CB_BURST)) > 0; received += got) {
            nic.release(nic.self, in, got);
        }
        cr_assert_eq(received, sent);
    }
    struct cb_nic_stats stats;
    nic.stats(nic.self, &stats);
    cr_assert_gt(stats.tx_full, 0);
    nic.close(nic.self);
    cb_dpdk_stop();
}

Test(dpdk_pcap, errors_at_open_say_why_and_leave_nothing_open)
{
    world_start();
    static char long_path[200];
    memset(long_path, 'x', sizeof long_path - 1);
    const struct cb_dpdk_port_options bad[] = {
        {.kind = CB_DPDK_PCAP, .rx_pcap = "/nonexistent.pcap"},
        {.kind = CB_DPDK_PCAP},
        {.kind = CB_DPDK_PCAP, .rx_pcap = "a,infinite_rx=1"},
        {.kind = CB_DPDK_PCAP, .rx_pcap = in_path, .tx_pcap = out_path, .rx_infinite = true},
        {.kind = CB_DPDK_PCAP, .rx_pcap = in_path, .tx_pcap = "/nonexistent/out.pcap"},
        {.kind = CB_DPDK_PCAP, .rx_pcap = "/dev/null"},
        {.kind = CB_DPDK_DEVICE},
        {.kind = CB_DPDK_DEVICE, .device = "net_nosuchdriver0"},
        {.kind = CB_DPDK_DEVICE, .device = "0000:ff:1f.7"},
        {.kind = CB_DPDK_DEVICE, .device = "net_ring9", .mtu = 1523},
        {.kind = CB_DPDK_DEVICE, .device = "net_ring9", .mbufs = 10000000},
        {.kind = CB_DPDK_MEMIF_SERVER, .socket_path = long_path},
        {.kind = CB_DPDK_MEMIF_SERVER, .socket_path = "/nonexistent/m.sock"},
        {.kind = CB_DPDK_MEMIF_SERVER, .socket_path = in_path}, /* a file, which must survive */
        {.kind = CB_DPDK_MEMIF_CLIENT, .socket_path = ""},
        {.kind = (enum cb_dpdk_kind)99},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cb_nic nic;
        char error[256] = "";
        cr_assert_not(cb_dpdk_open_port(&nic, &bad[i], error, sizeof error), "case %u", i);
        cr_assert_gt(strlen(error), 10, "case %u", i);
    }
    struct cb_nic nic = world_open((struct cb_dpdk_port_options){.kind = CB_DPDK_PCAP, .rx_pcap = in_path});
    cr_assert_eq(replay(&nic), FRAMES, "the file is whole and a slot is free");
    nic.close(nic.self);
    cb_dpdk_stop();
}

Test(dpdk_pcap, works_for_a_user_other_than_root)
{
    if (getuid() != 0) {
        fprintf(stderr, "skipped, because this whole run is by a user other than root already\n");
        cr_skip_test("not root");
    }
    cr_assert_eq(setgroups(0, NULL), 0);
    cr_assert_eq(setgid(65534), 0);
    cr_assert_eq(setuid(65534), 0);
    world_start();
    struct cb_nic nic = world_open((struct cb_dpdk_port_options){.kind = CB_DPDK_PCAP, .rx_pcap = in_path});
    cr_assert_eq(replay(&nic), FRAMES);
    nic.close(nic.self);
    cb_dpdk_stop();
}
