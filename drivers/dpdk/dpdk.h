/* The DPDK driver: any port that DPDK 22.11 can poll, behind the nic port.
 *
 * cb_dpdk_start brings the environment layer (EAL) up once per process; then cb_dpdk_open_port makes one nic
 * port per line: memif (shared memory between two processes), replay of a capture, any other virtual device
 * (net_af_packet, net_af_xdp, net_tap, net_null, net_ring) or a PCI address.
 *
 * rx: frames point into DPDK's own buffers (mbufs), cookie is the mbuf; release gives them back in bulk. A
 * frame in several mbufs is made contiguous where that fits one, else dropped and counted in rx_missed.
 * tx: copies into mbufs of the port's pool. A port whose link is down takes nothing and returns 0; a full
 * ring takes what fits; what was not taken stays the caller's and nothing leaks. A frame above the port's MTU
 * is taken and counted in tx_dropped.
 *
 * memif: the server makes the socket, the client connects. Either may be started first, killed and started
 * again. The client notices that its server went away and connects again by itself, with a back-off of 1 ms
 * doubling to 256 ms; the server takes the next client by itself. Both happen inside rx, tx and link, so one
 * of them must be called now and then; a death is noticed within about 1 ms. What was in the shared ring of a
 * peer that died is lost: sessions re-request it. A server removes a socket file that nobody listens on
 * before it binds, and refuses to start where somebody does. The peer is trusted: it shares our ring memory.
 * Nothing blocks, with one exception: connecting to a server that is stopped (SIGSTOP) and whose queue of
 * clients is full.
 *
 * Capture replay: link() is -1 when the capture was read and all its frames were taken; stamps are those of
 * the file, to the microsecond.
 *
 * Signals: cb_dpdk_start ignores SIGPIPE where nobody handles it, because memif writes to its control socket
 * without asking whether the peer is still there.
 *
 * Threads: cb_dpdk_start, cb_dpdk_open_port and close from one thread. A port belongs to the thread that
 * polls it; all memif ports of a process belong to one and the same thread (gate.h says why; it is asserted).
 */
#ifndef CB_DRIVERS_DPDK_DPDK_H
#define CB_DRIVERS_DPDK_DPDK_H

#include "clearbox/nic.h"
#include "host/base/assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CB_DPDK_PORTS_MAX     8u
#define CB_DPDK_EAL_EXTRA_MAX 32u

struct cb_dpdk_options {
    uint32_t memory_mb;    /* EAL memory, 0: 64 */
    bool hugepages;        /* false: --no-huge, for machines without them and for users other than root */
    bool pci;              /* false: --no-pci; true to drive a NIC */
    const char *log_level; /* NULL: errors only ("lib.eal:error" and "pmd:error") */
    /* Further EAL arguments, one word each, passed through as they are ("--vdev=...", "-a", "0000:01:00.0").
     * An argument of --lcores, -l or -c in here replaces ours, which leaves the caller's affinity as it is.
     */
    const char *const *eal_extra;
    uint32_t eal_extra_count; /* at most CB_DPDK_EAL_EXTRA_MAX */
};

enum cb_dpdk_kind {
    CB_DPDK_MEMIF_SERVER = 1,
    CB_DPDK_MEMIF_CLIENT = 2,
    CB_DPDK_PCAP = 3,
    CB_DPDK_DEVICE = 4 /* anything else: a virtual device with its arguments, or a PCI address */
};

struct cb_dpdk_port_options {
    enum cb_dpdk_kind kind;
    /* memif */
    const char *socket_path; /* of a file; at most 107 bytes; its folder exists */
    uint32_t memif_id;       /* tells several ports on one socket apart */
    uint32_t ring_log2;      /* 0: 10, which is 1,024 frames each way; at most 14 */
    /* pcap */
    const char *rx_pcap; /* the capture to replay, as fast as rx is called */
    const char *tx_pcap; /* where what is sent is written, NULL: it is dropped; whole after close */
    bool rx_infinite;    /* the capture again and again, from memory; not together with tx_pcap */
    /* device */
    const char *device; /* "net_af_packet0,iface=eth1", "0000:01:00.0" or any devargs string of DPDK */
    /* all */
    uint32_t mtu;         /* 0: 1500 */
    uint32_t descriptors; /* of each ring, for devices that have some; 0: 1024 */
    uint32_t mbufs;       /* buffers of the port, 0: 4095 */
};

/* Starts EAL. Requires: not called before in this process (EAL can not be started twice). Returns: false with
 * a line of text in `error`. The caller's signal masks and affinity stay as they were. */
CB_MUST_CHECK bool cb_dpdk_start(const struct cb_dpdk_options *options, char *error, size_t error_bytes);

/* Opens one port and fills `nic`. Requires: cb_dpdk_start succeeded. Returns: false with a line of text in
 * `error`, and nothing is left open. A memif client whose server is not there yet is no error: link() is 0
 * until it is. Ownership: `options` and its strings are not kept; the port's close frees everything. */
CB_MUST_CHECK bool cb_dpdk_open_port(struct cb_nic *nic, const struct cb_dpdk_port_options *options,
                                     char *error, size_t error_bytes);

/* Ends EAL. Requires: every port was closed. EAL can not be started again in this process. */
void cb_dpdk_stop(void);

#endif
