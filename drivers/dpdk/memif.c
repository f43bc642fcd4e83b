/* Keeping a memif port alive: which peer is there, when to connect again, and when a burst is safe (gate.h).
 *
 * What the driver of DPDK 22.11 does by itself, and what it leaves to us:
 *   - a server takes a new client after the old one's socket closed: by itself;
 *   - a client that lost its server never connects again: stop and start the device;
 *   - starting a client whose server is not there fails and prints: looked for before, tried again later;
 *   - a server does not bind over the file of a predecessor that was killed: removed before (only when nobody
 *     listens);
 *   - it unmaps the rings under a running burst: gate.h. */
#include "drivers/dpdk/gate.h"
#include "drivers/dpdk/internal.h"
#include "drivers/dpdk/watch.h"

#include <errno.h>
#include <poll.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define LOOK_MS         1u    /* how often the control sockets are looked at */
#define TURN_MS         1000u /* for whatever else the interrupt thread may serve */
#define HANDSHAKE_MS    500u  /* how long a connected client waits for its link before it starts anew */
#define HELLO_MS        200   /* how long a live server may take to greet */
#define QUIESCE_STEP_US 100u
#define QUIESCE_US_MAX  2000000u

static struct {
    pid_t owner; /* thread that polls memif ports, 0: not known yet */
    uint64_t next_turn_tsc, next_look_tsc;
    bool scanned; /* the watch is as of this holding of the gate */
} keeper;

static uint64_t after_ms(uint64_t now_tsc, uint32_t ms)
{
    return now_tsc + rte_get_tsc_hz() / 1000u * ms;
}

static bool is_socket(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* Requires: the gate is held. The device of a lost connection has to be stopped before it can start. */
static void connect_again(struct dpdk_port *port, uint64_t now_tsc)
{
    struct dpdk_memif *memif = &port->memif;
    (void)rte_eth_dev_stop(port->id);
    keeper.scanned = false; /* sockets went and came */
    if (is_socket(memif->socket_path) && rte_eth_dev_start(port->id) == 0) {
        memif->next_try_tsc = after_ms(now_tsc, HANDSHAKE_MS);
        return;
    }
    memif->next_try_tsc = after_ms(now_tsc, memif->back_off_ms);
    if (memif->back_off_ms < DPDK_BACK_OFF_MS_MAX) {
        memif->back_off_ms *= 2;
    }
}

static bool any(bool up)
{
    for (uint32_t i = 0; i < CB_DPDK_PORTS_MAX; i++) {
        const struct dpdk_port *port = &dpdk_ports[i];
        if (port->used && dpdk_is_memif(port) && port->memif.up == up) {
            return true;
        }
    }
    return false;
}

/* Requires: the gate is held. */
static void refresh(struct dpdk_port *port, uint64_t now_tsc)
{
    struct dpdk_memif *memif = &port->memif;
    bool up = dpdk_device_up(port);
    if (up) {
        memif->back_off_ms = DPDK_BACK_OFF_MS_MIN;
    } else if (memif->up) {
        memif->next_try_tsc = now_tsc; /* just lost */
    }
    memif->up = up;
    if (!up && port->kind == CB_DPDK_MEMIF_CLIENT && now_tsc >= memif->next_try_tsc) {
        connect_again(port, now_tsc);
    }
}

/* Requires: the gate is held. */
static void refresh_others(const struct dpdk_port *port, uint64_t now_tsc)
{
    for (uint32_t i = 0; i < CB_DPDK_PORTS_MAX; i++) {
        struct dpdk_port *other = &dpdk_ports[i];
        if (other != port && other->used && dpdk_is_memif(other)) {
            refresh(other, now_tsc);
        }
    }
}

/* Requires: the gate is free. */
static bool needs_gate(const struct dpdk_port *port, uint64_t now_tsc)
{
    return dpdk_device_up(port) ||
           (port->kind == CB_DPDK_MEMIF_CLIENT && now_tsc >= port->memif.next_try_tsc);
}

/* Requires: the gate is held. */
static bool turn_is_due(uint64_t now_tsc)
{
    if (!keeper.scanned) {
        watch_scan();
        keeper.scanned = true;
        keeper.next_look_tsc = now_tsc;
        keeper.next_turn_tsc = after_ms(now_tsc, TURN_MS);
    }
    if (now_tsc < keeper.next_look_tsc) {
        return false;
    }
    keeper.next_look_tsc = after_ms(now_tsc, LOOK_MS);
    return watch_stirs() || now_tsc >= keeper.next_turn_tsc;
}

bool dpdk_memif_step(struct dpdk_port *port)
{
    static _Thread_local pid_t self;
    if (self == 0) {
        self = (pid_t)syscall(SYS_gettid);
    }
    if (keeper.owner == 0) {
        keeper.owner = self;
    }
    CB_ASSERT(keeper.owner == self);

    uint64_t now_tsc = rte_rdtsc();
    switch (gate_state()) {
    case GATE_ASKED:
        return false;
    case GATE_FREE:
        if (needs_gate(port, now_tsc)) {
            gate_request();
            keeper.scanned = false;
        }
        return false;
    case GATE_HELD:
        break;
    }
    refresh(port, now_tsc);
    bool turn = turn_is_due(now_tsc);
    if (turn || !any(true)) {
        refresh_others(port, now_tsc); /* this may be the only look at HELD for a while: for every port */
    }
    if (turn) {
        keeper.scanned = false;
        gate_turn();
        return false;
    }
    if (!any(true)) {
        gate_free();
        return false;
    }
    return port->memif.up;
}

bool dpdk_memif_quiesce(void)
{
    for (uint32_t waited_us = 0; gate_state() != GATE_HELD; waited_us += QUIESCE_STEP_US) {
        if (waited_us >= QUIESCE_US_MAX) {
            return false;
        }
        if (gate_state() == GATE_FREE) {
            gate_request();
        }
        usleep(QUIESCE_STEP_US);
    }
    return true;
}

void dpdk_memif_resume(void)
{
    if (!any(true)) {
        gate_free();
    }
    keeper.owner = 0; /* the next poll may come from another thread: whoever closes has stopped polling */
}

/* Waits for a live server's greeting before it closes, because a server that greets into a closed socket
 * keeps a stale handler. */
static void leave_politely(int fd)
{
    struct pollfd hello = {.fd = fd, .events = POLLIN};
    (void)poll(&hello, 1, HELLO_MS);
}

bool dpdk_memif_clear_socket(const char *path, char *error, size_t error_bytes)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        if (errno == ENOENT) {
            return true;
        }
        snprintf(error, error_bytes, "memif %s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISSOCK(status.st_mode)) {
        snprintf(error, error_bytes, "memif %s: is there and is not a socket", path);
        return false;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path)); /* fits: checked at open, and the rest is zero */
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        snprintf(error, error_bytes, "memif %s: %s", path, strerror(errno));
        return false;
    }
    int status_connect = connect(fd, (const struct sockaddr *)&address, sizeof address);
    int code = status_connect == 0 ? 0 : errno;
    if (code == 0) {
        leave_politely(fd);
    }
    close(fd);
    if (code != ECONNREFUSED) {
        snprintf(error, error_bytes, "memif %s: %s", path,
                 code == 0 || code == EAGAIN ? "another server listens on it" : strerror(code));
        return false;
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        snprintf(error, error_bytes, "memif %s: remove the stale socket: %s", path, strerror(errno));
        return false;
    }
    return true;
}
