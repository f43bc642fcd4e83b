/* Goal: frames pass between two processes over memif, and a side that is killed and started again is found
 * again without a crash, in both directions. Method: this process is one side, dpdk_peer the other; SIGKILL
 * in the middle of traffic. CB_EFFORT scales the number of kills. */
#include "clearbox/limits.h"
#include "tests/unit/dpdk/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(dpdk_memif, .init = world_make, .fini = world_remove);

static int effort(void)
{
    const char *text = getenv("CB_EFFORT");
    int value = text ? atoi(text) : 1;
    return value > 0 ? value : 1;
}

static struct cb_nic open_side(enum cb_dpdk_kind kind)
{
    world_start();
    return world_open(
        (struct cb_dpdk_port_options){.kind = kind, .socket_path = world_socket, .mbufs = 2047});
}

/* Polls as the engine does, until link() says `wanted`. */
static int64_t wait_link(const struct cb_nic *nic, int wanted)
{
    int64_t start = now_ms();
    struct cb_nic_frame frames[CB_BURST];
    while (nic->link(nic->self) != wanted) {
        cr_assert_lt(now_ms() - start, 20000, "link is not %d", wanted);
        nic->release(nic->self, frames, nic->rx(nic->self, frames, CB_BURST));
        usleep(100);
    }
    return now_ms() - start;
}

static void fill(uint8_t *data, uint32_t bytes, uint64_t number)
{
    for (uint32_t k = 0; k < bytes; k++) {
        data[k] = (uint8_t)(number + k);
    }
    memcpy(data, &number, sizeof number);
}

static uint32_t frame_bytes(uint64_t number)
{
    return 60 + (uint32_t)(number * 131 % 1455); /* 60 .. 1514 */
}

/* Sends frames first .. first + count - 1 to an echoing peer and checks that each comes back, once, in order.
 */
static void ping(const struct cb_nic *nic, uint64_t first, uint64_t count)
{
    uint64_t sent = first, back = first;
    int64_t until = now_ms() + 20000;
    while (back < first + count) {
        cr_assert_lt(now_ms(), until, "only %lu of %lu came back", back - first, count);
        uint8_t data[CB_BURST][1514];
        struct cb_nic_frame frames[CB_BURST];
        uint32_t batch = 0;
        while (batch < CB_BURST && sent + batch < first + count && sent + batch < back + 256) {
            frames[batch] = (struct cb_nic_frame){.data = data[batch], .bytes = frame_bytes(sent + batch)};
            fill(data[batch], frames[batch].bytes, sent + batch);
            batch++;
        }
        sent += nic->tx(nic->self, frames, batch);
        uint32_t got = nic->rx(nic->self, frames, CB_BURST);
        for (uint32_t i = 0; i < got; i++, back++) {
            uint8_t expected[1514];
            fill(expected, frame_bytes(back), back);
            cr_assert_eq(frames[i].bytes, frame_bytes(back), "frame %lu", back);
            cr_assert(memcmp(frames[i].data, expected, frames[i].bytes) == 0, "frame %lu", back);
        }
        nic->release(nic->self, frames, got);
    }
}

static void assert_takes_nothing(const struct cb_nic *nic)
{
    uint8_t data[60] = {0};
    struct cb_nic_frame frame = {.data = data, .bytes = sizeof data};
    cr_assert_eq(nic->tx(nic->self, &frame, 1), 0, "a port whose link is down took a frame");
    cr_assert_eq(nic->rx(nic->self, &frame, 1), 0);
}

Test(dpdk_memif, a_server_and_its_client_exchange_every_byte)
{
    struct cb_nic nic = open_side(CB_DPDK_MEMIF_SERVER);
    cr_assert_eq(nic.link(nic.self), 0);
    assert_takes_nothing(&nic);
    struct peer peer = peer_start("echo", "client", NULL, 0);
    wait_link(&nic, 1);
    ping(&nic, 0, 20000);
    struct cb_nic_stats stats;
    nic.stats(nic.self, &stats);
    cr_assert_eq(stats.rx_frames, 20000);
    cr_assert_eq(stats.tx_frames, 20000);
    cr_assert_eq(stats.rx_bytes, stats.tx_bytes);
    cr_assert_eq(stats.rx_missed, 0);
    cr_assert_eq(peer_end(&peer), 0);
    wait_link(&nic, 0);
    nic.close(nic.self);
    cb_dpdk_stop();
}

Test(dpdk_memif, a_client_started_before_its_server_waits_for_it)
{
    struct cb_nic nic = open_side(CB_DPDK_MEMIF_CLIENT);
    for (int i = 0; i < 500; i++) {
        cr_assert_eq(nic.link(nic.self), 0);
        assert_takes_nothing(&nic);
        usleep(1000);
    }
    struct peer peer = peer_start("echo", "server", NULL, 0);
    wait_link(&nic, 1);
    ping(&nic, 0, 2000);
    nic.close(nic.self);
    cr_assert_eq(peer_end(&peer), 0);
    cb_dpdk_stop();
}

Test(dpdk_memif, a_client_finds_its_killed_and_restarted_server_again)
{
    struct cb_nic nic = open_side(CB_DPDK_MEMIF_CLIENT);
    uint64_t number = 0;
    for (int round = 0; round < 3 * effort(); round++) {
        struct peer peer = peer_start("echo", "server", NULL, 0);
        wait_link(&nic, 1);
        ping(&nic, number, 1000);
        number += 1000;
        peer_kill(&peer);
        int64_t noticed_ms = wait_link(&nic, 0);
        cr_assert_lt(noticed_ms, 1000);
        assert_takes_nothing(&nic);
    }
    nic.close(nic.self);
    cb_dpdk_stop();
}

Test(dpdk_memif, a_server_takes_its_killed_and_restarted_client_again)
{
    struct cb_nic nic = open_side(CB_DPDK_MEMIF_SERVER);
    uint64_t number = 0;
    for (int round = 0; round < 3 * effort(); round++) {
        struct peer peer = peer_start("echo", "client", NULL, 0);
        wait_link(&nic, 1);
        ping(&nic, number, 1000);
        number += 1000;
        peer_kill(&peer);
        cr_assert_lt(wait_link(&nic, 0), 1000);
        assert_takes_nothing(&nic);
    }
    nic.close(nic.self);
    cb_dpdk_stop();
}

/* The peer sends without end and dies in the middle; what came before is whole and in order. */
static void kill_under_load(enum cb_dpdk_kind kind, const char *peer_role)
{
    struct cb_nic nic = open_side(kind);
    for (int round = 0; round < 4 * effort(); round++) {
        struct peer peer = peer_start("send", peer_role, NULL, 0);
        wait_link(&nic, 1);
        uint64_t next = 0;
        bool first = true, dead = false;
        int64_t kill_at = now_ms() + 20 + round % 7, until = now_ms() + 20000;
        while (nic.link(nic.self) == 1) {
            cr_assert_lt(now_ms(), until);
            struct cb_nic_frame frames[CB_BURST];
            uint32_t got = nic.rx(nic.self, frames, CB_BURST);
            for (uint32_t i = 0; i < got; i++, next++) {
                uint64_t number;
                memcpy(&number, frames[i].data, sizeof number);
                next = first ? number : next; /* frames before wait_link's end were taken there */
                first = false;
                uint8_t expected[200];
                fill(expected, sizeof expected, next);
                cr_assert(frames[i].bytes == 200 && memcmp(frames[i].data, expected, 200) == 0,
                          "round %d: frame %lu in place of %lu", round, number, next);
            }
            /* Send as well, so that both rings are in use when the memory goes. */
            (void)nic.tx(nic.self, frames, got);
            nic.release(nic.self, frames, got);
            if (!dead && !first && now_ms() >= kill_at) { /* something came: the traffic runs */
                peer_kill(&peer);
                dead = true;
            }
        }
        cr_assert(dead, "the link went down before the kill");
        cr_assert_not(first);
    }
    nic.close(nic.self);
    cb_dpdk_stop();
}

Test(dpdk_memif, a_server_survives_clients_killed_in_full_traffic)
{
    kill_under_load(CB_DPDK_MEMIF_SERVER, "client");
}

Test(dpdk_memif, a_client_survives_servers_killed_in_full_traffic)
{
    kill_under_load(CB_DPDK_MEMIF_CLIENT, "server");
}

Test(dpdk_memif, a_peer_that_is_stopped_for_a_while_is_neither_lost_nor_waited_for)
{
    struct cb_nic nic = open_side(CB_DPDK_MEMIF_SERVER);
    struct peer peer = peer_start("echo", "client", NULL, 0);
    wait_link(&nic, 1);
    ping(&nic, 0, 100); /* the client gives the server its empty slots when it first polls */
    cr_assert_eq(kill(peer.pid, SIGSTOP), 0);
    static uint8_t data[1514];
    struct cb_nic_frame frame = {.data = data, .bytes = 100};
    uint64_t taken = 0;
    for (int i = 0; i < 100000; i++) { /* far more than the ring has */
        fill(data, 100, taken);
        taken += nic.tx(nic.self, &frame, 1);
    }
    cr_assert(taken >= 512 && taken <= 1024, "%lu", taken);
    cr_assert_eq(nic.link(nic.self), 1);
    cr_assert_eq(kill(peer.pid, SIGCONT), 0);
    int64_t until = now_ms() + 20000;
    for (uint64_t back = 0; back < taken;) {
        cr_assert_lt(now_ms(), until);
        struct cb_nic_frame frames[CB_BURST];
        uint32_t got = nic.rx(nic.self, frames, CB_BURST);
        for (uint32_t i = 0; i < got; i++, back++) {
            uint64_t number;
            memcpy(&number, frames[i].data, sizeof number);
            cr_assert_eq(number, back);
        }
        nic.release(nic.self, frames, got);
    }
    cr_assert_eq(peer_end(&peer), 0);
    nic.close(nic.self);
    cb_dpdk_stop();
}

static bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

Test(dpdk_memif, a_server_does_not_take_the_socket_of_one_that_lives)
{
    struct cb_nic nic = open_side(CB_DPDK_MEMIF_SERVER);
    char said[256];
    struct peer second = peer_start("probe", "server", said, sizeof said);
    cr_assert_not_null(strstr(said, "another server listens"), "%s", said);
    cr_assert_eq(peer_end(&second), 1);
    cr_assert(exists(world_socket));
    struct peer client = peer_start("echo", "client", NULL, 0); /* the first one still works */
    wait_link(&nic, 1);
    ping(&nic, 0, 500);
    cr_assert_eq(peer_end(&client), 0);
    nic.close(nic.self);
    cr_assert_not(exists(world_socket), "close removes the socket");
    cb_dpdk_stop();
}

Test(dpdk_memif, a_second_client_is_refused_and_the_first_goes_on)
{
    struct cb_nic nic = open_side(CB_DPDK_MEMIF_SERVER);
    struct peer first = peer_start("echo", "client", NULL, 0);
    wait_link(&nic, 1);
    struct peer second = peer_start("echo", "client", NULL, 0);
    for (uint64_t i = 0; i < 20; i++) {
        ping(&nic, i * 500, 500);
        usleep(20000);
    }
    cr_assert_eq(peer_end(&first), 0);
    wait_link(&nic, 0);
    wait_link(&nic, 1); /* now the second gets its turn */
    ping(&nic, 0, 500);
    cr_assert_eq(peer_end(&second), 0);
    nic.close(nic.self);
    cb_dpdk_stop();
}

Test(dpdk_memif, two_lines_on_one_socket_work_side_by_side)
{
    world_start();
    struct cb_dpdk_port_options options = {.socket_path = world_socket, .mbufs = 1023, .ring_log2 = 8};
    struct cb_nic server[2], client[2]; /* all four in this process */
    for (uint32_t i = 0; i < 2; i++) {
        options.memif_id = i;
        options.kind = CB_DPDK_MEMIF_SERVER;
        server[i] = world_open(options);
        options.kind = CB_DPDK_MEMIF_CLIENT;
        options.socket_path = world_socket;
        client[i] = world_open(options);
    }
    int64_t until = now_ms() + 20000;
    for (int up = 0; up < 4;) {
        cr_assert_lt(now_ms(), until, "%d of 4 links", up);
        up = 0;
        for (uint32_t i = 0; i < 2; i++) {
            up += server[i].link(server[i].self) + client[i].link(client[i].self);
        }
        usleep(50);
    }
    uint64_t received[2] = {0}, sent[2] = {0};
    while (received[0] < 1000 || received[1] < 1000) {
        cr_assert_lt(now_ms(), until);
        for (uint32_t i = 0; i < 2; i++) {
            uint8_t data[64];
            struct cb_nic_frame frame = {.data = data, .bytes = sizeof data}, in[CB_BURST];
            fill(data, sizeof data, sent[i] * 2 + i);
            sent[i] += client[i].tx(client[i].self, &frame, 1);
            uint32_t got = server[i].rx(server[i].self, in, CB_BURST);
            for (uint32_t k = 0; k < got; k++, received[i]++) {
                uint64_t number;
                memcpy(&number, in[k].data, sizeof number);
                cr_assert_eq(number, received[i] * 2 + i);
            }
            server[i].release(server[i].self, in, got);
        }
    }
    for (uint32_t i = 0; i < 2; i++) {
        client[i].close(client[i].self);
        server[i].close(server[i].self);
    }
    cb_dpdk_stop();
}
