/* The other side of a memif: a program of its own, so that a test can kill it.
 *
 *   dpdk_peer echo  server|client PATH    sends every frame back
 *   dpdk_peer send  server|client PATH    sends numbered frames without end
 *   dpdk_peer probe server|client PATH    opens the port, says how that went, ends
 *
 * Prints "ready" when the port is open. Ends when standard input closes, so that no peer outlives its test.
 */
#include "clearbox/limits.h"
#include "drivers/dpdk/dpdk.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool abandoned(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

static bool echo(struct cb_nic *nic)
{
    struct cb_nic_frame frames[CB_BURST];
    uint32_t got = nic->rx(nic->self, frames, CB_BURST);
    for (uint32_t done = 0, tries = 0; done < got && tries < 100000; tries++) {
        done += nic->tx(nic->self, frames + done, got - done);
    }
    nic->release(nic->self, frames, got);
    return got > 0;
}

static bool send_numbered(struct cb_nic *nic)
{
    static uint64_t number;
    uint8_t data[CB_BURST][200];
    struct cb_nic_frame frames[CB_BURST];
    for (uint32_t i = 0; i < CB_BURST; i++) {
        uint64_t own = number + i;
        for (uint32_t k = 0; k < sizeof data[i]; k++) {
            data[i][k] = (uint8_t)(own + k);
        }
        memcpy(data[i], &own, sizeof own);
        frames[i] = (struct cb_nic_frame){.data = data[i], .bytes = sizeof data[i]};
    }
    uint32_t sent = nic->tx(nic->self, frames, CB_BURST);
    number += sent;
    return sent > 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    char error[256] = "";
    const struct cb_dpdk_options options = {.memory_mb = 48};
    struct cb_dpdk_port_options port = {.kind = strcmp(argv[2], "server") == 0 ? CB_DPDK_MEMIF_SERVER
                                                                               : CB_DPDK_MEMIF_CLIENT,
                                        .socket_path = argv[3],
                                        .mbufs = 2047};
    struct cb_nic nic;
    if (!cb_dpdk_start(&options, error, sizeof error) ||
        !cb_dpdk_open_port(&nic, &port, error, sizeof error)) {
        printf("%s\n", error);
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    bool sending = strcmp(argv[1], "send") == 0;
    for (uint32_t idle = 0; strcmp(argv[1], "probe") != 0;) {
        bool worked = sending ? send_numbered(&nic) : echo(&nic);
        idle = worked ? 0 : idle + 1;
        if (idle > 100) {
            usleep(50);
        }
        if (idle % 64 == 0 && abandoned()) {
            break;
        }
    }
    nic.close(nic.self);
    cb_dpdk_stop();
    return 0;
}
