/* What the files of this driver share: one port, and what a memif port adds. */
#ifndef CB_DRIVERS_DPDK_INTERNAL_H
#define CB_DRIVERS_DPDK_INTERNAL_H

#include "drivers/dpdk/dpdk.h"

#include "clearbox/limits.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define DPDK_NAME_BYTES      64u
#define DPDK_DEVARGS_BYTES   1024u
#define DPDK_SOCKET_BYTES    108u /* sun_path */
#define DPDK_ETHERNET_BYTES  14u
#define DPDK_BACK_OFF_MS_MIN 1u
#define DPDK_BACK_OFF_MS_MAX 256u

struct dpdk_memif {
    char socket_path[DPDK_SOCKET_BYTES];
    bool up;               /* as last seen while the gate was held */
    uint32_t back_off_ms;  /* client */
    uint64_t next_try_tsc; /* client */
};

struct dpdk_port {
    bool used;
    enum cb_dpdk_kind kind;
    uint16_t id;
    uint32_t frame_bytes_max;
    char name[DPDK_NAME_BYTES];
    struct rte_mempool *pool;
    struct cb_nic_stats stats;
    uint32_t held; /* frames of the last burst that were not released yet */
    struct dpdk_memif memif;
    bool ended;           /* replay: nothing is left */
    uint64_t errors_seen; /* replay: no-mbuf and error count when rx last came back empty */
    int link_seen;        /* devices: cached, a NIC's link register is slow to read */
    uint64_t link_next_tsc;
};

extern struct dpdk_port dpdk_ports[CB_DPDK_PORTS_MAX];
extern bool dpdk_left_behind; /* a device could not be taken down: EAL can not be cleaned up either */

static inline bool dpdk_is_memif(const struct dpdk_port *port)
{
    return port->kind == CB_DPDK_MEMIF_SERVER || port->kind == CB_DPDK_MEMIF_CLIENT;
}

/* True when the device itself says that its link is up. */
bool dpdk_device_up(const struct dpdk_port *port);

/* Moves a memif port forward: opens or turns the gate, notices a lost peer, connects again. Returns: true
 * when a burst on the port is safe now. Never blocks, except for connect() to a server that is stopped. */
bool dpdk_memif_step(struct dpdk_port *port);

/* The server's duty before it binds: removes a socket file that nobody listens on. Returns: false with text
 * in `error` when somebody does, or when it is no socket. */
bool dpdk_memif_clear_socket(const char *path, char *error, size_t error_bytes);

/* Takes the gate for good before a memif device is stopped or removed: waits for one turn, at most 2 s.
 * Returns: false when the interrupt thread did not come, because it waits for a peer that is stopped. */
bool dpdk_memif_quiesce(void);
/* Lets go after it. */
void dpdk_memif_resume(void);

#endif
