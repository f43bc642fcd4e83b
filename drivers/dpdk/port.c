/* One polled port: bursts, counters, opening and closing. */
#include "drivers/dpdk/gate.h"
#include "drivers/dpdk/internal.h"

#include <errno.h>
#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf_dyn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MBUFS_DEFAULT       4095u
#define MBUF_CACHE          256u
#define DESCRIPTORS_DEFAULT 1024u
#define RING_LOG2_DEFAULT   10u
#define RING_LOG2_MAX       14u
#define LINK_CACHE_MS       1u

struct dpdk_port dpdk_ports[CB_DPDK_PORTS_MAX];
bool dpdk_left_behind;

/* DPDK's place for a receive stamp in an mbuf, which the pcap driver fills; -1: there is none. */
static int stamp_offset = -1;
static uint64_t stamp_flag;

static int64_t steady_ns(void)
{
    struct timespec now;
    int status = clock_gettime(CLOCK_MONOTONIC, &now);
    CB_ASSERT(status == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool dpdk_device_up(const struct dpdk_port *port)
{
    struct rte_eth_link link;
    return rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

/* Buffer pools keep a cache per thread that EAL knows: a polling thread that EAL did not make says who it is.
 */
static void adopt_thread(void)
{
    static _Thread_local bool asked;
    if (!asked) {
        asked = true;
        if (rte_lcore_id() == LCORE_ID_ANY) {
            (void)rte_thread_register(); /* without it all works, more slowly */
        }
    }
}

/* True when a burst may be done now. */
static bool ready(struct dpdk_port *port)
{
    adopt_thread();
    if (dpdk_is_memif(port)) {
        return dpdk_memif_step(port);
    }
    if (port->kind == CB_DPDK_DEVICE) {
        uint64_t now_tsc = rte_rdtsc();
        if (now_tsc >= port->link_next_tsc) {
            port->link_seen = dpdk_device_up(port) ? 1 : 0;
            port->link_next_tsc = now_tsc + rte_get_tsc_hz() / 1000u * LINK_CACHE_MS;
        }
        return port->link_seen == 1;
    }
    return true;
}

static void stamp(const struct dpdk_port *port, struct cb_nic_frame *frame, const struct rte_mbuf *mbuf,
                  int64_t now_ns)
{
    if (port->kind == CB_DPDK_PCAP && stamp_offset >= 0 && (mbuf->ol_flags & stamp_flag) != 0) {
        uint64_t us = *RTE_MBUF_DYNFIELD(mbuf, (size_t)stamp_offset, const rte_mbuf_timestamp_t *);
        frame->stamp_source = CB_NIC_STAMP_FILE;
        frame->stamp_ns = (int64_t)(us * 1000u);
    } else {
        frame->stamp_source = CB_NIC_STAMP_SOFTWARE;
        frame->stamp_ns = now_ns;
    }
}

/* An empty burst of a replay means the end, unless a buffer was short or a record was bad. */
static void note_empty(struct dpdk_port *port)
{
    struct rte_eth_stats device;
    if (rte_eth_stats_get(port->id, &device) != 0) {
        return;
    }
    uint64_t errors = device.rx_nombuf + device.ierrors;
    port->ended = errors == port->errors_seen;
    port->errors_seen = errors;
}

static uint32_t port_rx(void *self, struct cb_nic_frame *frames, uint32_t max)
{
    struct dpdk_port *port = self;
    CB_ASSERT(port->held == 0);
    if (max == 0 || port->ended || !ready(port)) {
        return 0;
    }
    struct rte_mbuf *mbufs[CB_BURST];
    uint16_t count = (uint16_t)(max < CB_BURST ? max : CB_BURST);
    uint16_t got = rte_eth_rx_burst(port->id, 0, mbufs, count);
    if (got == 0) {
        if (port->kind == CB_DPDK_PCAP) {
            note_empty(port);
        }
        return 0;
    }
    int64_t now_ns = steady_ns();
    uint32_t taken = 0;
    for (uint16_t i = 0; i < got; i++) {
        struct rte_mbuf *mbuf = mbufs[i];
        if (mbuf->nb_segs > 1 && rte_pktmbuf_linearize(mbuf) != 0) {
            rte_pktmbuf_free(mbuf);
            port->stats.rx_missed++;
            continue;
        }
        struct cb_nic_frame *frame = &frames[taken++];
        frame->data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
        frame->bytes = mbuf->data_len;
        frame->cookie = mbuf;
        stamp(port, frame, mbuf, now_ns);
        port->stats.rx_bytes += mbuf->data_len;
    }
    port->stats.rx_frames += taken;
    port->held = taken;
    return taken;
}

static void port_release(void *self, struct cb_nic_frame *frames, uint32_t count)
{
    struct dpdk_port *port = self;
    CB_ASSERT(count == port->held);
    struct rte_mbuf *mbufs[CB_BURST];
    for (uint32_t i = 0; i < count; i++) {
        mbufs[i] = frames[i].cookie;
    }
    rte_pktmbuf_free_bulk(mbufs, count);
    port->held = 0;
}

static bool sendable(const struct dpdk_port *port, const struct cb_nic_frame *frame)
{
    return frame->bytes >= DPDK_ETHERNET_BYTES && frame->bytes <= port->frame_bytes_max;
}

/* Copies and sends `count` sendable frames. Returns how many the ring took. */
static uint32_t send_run(struct dpdk_port *port, const struct cb_nic_frame *frames, uint32_t count)
{
    struct rte_mbuf *mbufs[CB_BURST];
    if (rte_pktmbuf_alloc_bulk(port->pool, mbufs, count) != 0) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        char *room = rte_pktmbuf_append(mbufs[i], (uint16_t)frames[i].bytes);
        CB_ASSERT(room != NULL); /* frame_bytes_max fits one buffer: checked at open */
        memcpy(room, frames[i].data, frames[i].bytes);
    }
    uint16_t sent = rte_eth_tx_burst(port->id, 0, mbufs, (uint16_t)count);
    rte_pktmbuf_free_bulk(mbufs + sent, count - sent);
    for (uint32_t i = 0; i < sent; i++) {
        port->stats.tx_bytes += frames[i].bytes;
    }
    port->stats.tx_frames += sent;
    return sent;
}

static uint32_t port_tx(void *self, const struct cb_nic_frame *frames, uint32_t count)
{
    struct dpdk_port *port = self;
    if (!ready(port)) {
        port->stats.tx_full += count;
        return 0;
    }
    uint32_t done = 0;
    while (done < count) {
        uint32_t run = 0;
        while (run < CB_BURST && done + run < count && sendable(port, &frames[done + run])) {
            run++;
        }
        uint32_t sent = run > 0 ? send_run(port, frames + done, run) : 0;
        done += sent;
        if (sent < run) {
            port->stats.tx_full += count - done;
            break;
        }
        if (run < CB_BURST && done < count) { /* the run ended at a frame that can not be sent */
            port->stats.tx_dropped++;
            done++;
        }
    }
    return done;
}

static int port_link(void *self)
{
    struct dpdk_port *port = self;
    if (port->ended) {
        return -1;
    }
    if (dpdk_is_memif(port)) {
        (void)dpdk_memif_step(port);
        return port->memif.up ? 1 : 0;
    }
    return ready(port) ? 1 : 0;
}

static void port_stats(void *self, struct cb_nic_stats *out)
{
    const struct dpdk_port *port = self;
    struct rte_eth_stats device;
    *out = port->stats;
    if (rte_eth_stats_get(port->id, &device) == 0) {
        out->rx_missed += device.imissed + device.ierrors + device.rx_nombuf;
    }
}

/* Takes the device down as far as it came up. */
static void tear_down(struct dpdk_port *port, bool probed)
{
    if (dpdk_is_memif(port) && probed && !dpdk_memif_quiesce()) {
        dpdk_left_behind = true; /* the interrupt thread is stuck on a stopped peer */
        return;
    }
    struct rte_eth_dev_info info = {0};
    if (probed && rte_eth_dev_info_get(port->id, &info) == 0) {
        (void)rte_eth_dev_stop(port->id);
        (void)rte_eth_dev_close(port->id);
        if (info.device != NULL) {
            (void)rte_dev_remove(info.device);
        }
    }
    rte_mempool_free(port->pool); /* NULL is allowed */
    bool memif = dpdk_is_memif(port);
    *port = (struct dpdk_port){.used = false};
    if (memif && probed) {
        dpdk_memif_resume();
    }
}

static void port_close(void *self)
{
    struct dpdk_port *port = self;
    CB_ASSERT(port->held == 0);
    tear_down(port, true);
}

/* Commas separate the arguments of a virtual device and brackets group them: a path can not have them. */
static bool path_fits(const char *path)
{
    return path != NULL && path[0] != '\0' && strpbrk(path, ",[]()=\"'") == NULL;
}

static bool fail(char *error, size_t error_bytes, const char *what, const char *why)
{
    snprintf(error, error_bytes, "dpdk %s: %s", what, why);
    return false;
}

static bool describe_memif(struct dpdk_port *port, const struct cb_dpdk_port_options *options,
                           uint32_t number, char *devargs, char *error, size_t error_bytes)
{
    bool server = port->kind == CB_DPDK_MEMIF_SERVER;
    uint32_t ring_log2 = options->ring_log2 != 0 ? options->ring_log2 : RING_LOG2_DEFAULT;
    if (!path_fits(options->socket_path) || strlen(options->socket_path) >= DPDK_SOCKET_BYTES ||
        ring_log2 > RING_LOG2_MAX) {
        return fail(error, error_bytes, "memif", "socket path or ring size is not usable");
    }
    bool shared = false;
    for (uint32_t i = 0; i < CB_DPDK_PORTS_MAX; i++) {
        const struct dpdk_port *other = &dpdk_ports[i];
        shared |= other != port && other->used && other->kind == CB_DPDK_MEMIF_SERVER &&
                  strcmp(other->memif.socket_path, options->socket_path) == 0;
    }
    if (server && !shared && !dpdk_memif_clear_socket(options->socket_path, error, error_bytes)) {
        return false;
    }
    if (!gate_open(error, error_bytes)) {
        return false;
    }
    snprintf(port->memif.socket_path, sizeof port->memif.socket_path, "%s", options->socket_path);
    port->memif.back_off_ms = DPDK_BACK_OFF_MS_MIN;
    snprintf(port->name, sizeof port->name, "net_memif%u", number);
    snprintf(devargs, DPDK_DEVARGS_BYTES, "%s,role=%s,id=%u,socket=%s,socket-abstract=no,rsize=%u",
             port->name, server ? "server" : "client", options->memif_id, options->socket_path, ring_log2);
    return true;
}

static bool describe_pcap(struct dpdk_port *port, const struct cb_dpdk_port_options *options, uint32_t number,
                          char *devargs, char *error, size_t error_bytes)
{
    if (!path_fits(options->rx_pcap) || (options->tx_pcap != NULL && !path_fits(options->tx_pcap)) ||
        (options->tx_pcap != NULL && options->rx_infinite)) {
        return fail(error, error_bytes, "pcap",
                    "path not usable, or infinite replay together with a capture");
    }
    if (access(options->rx_pcap, R_OK) != 0) {
        return fail(error, error_bytes, options->rx_pcap, strerror(errno));
    }
    snprintf(port->name, sizeof port->name, "net_pcap%u", number);
    int length = snprintf(devargs, DPDK_DEVARGS_BYTES, "%s,rx_pcap=%s%s%s%s", port->name, options->rx_pcap,
                          options->rx_infinite ? ",infinite_rx=1" : "", options->tx_pcap ? ",tx_pcap=" : "",
                          options->tx_pcap ? options->tx_pcap : "");
    return length < (int)DPDK_DEVARGS_BYTES || fail(error, error_bytes, "pcap", "path too long");
}

static bool describe_device(struct dpdk_port *port, const struct cb_dpdk_port_options *options, char *devargs,
                            char *error, size_t error_bytes)
{
    if (options->device == NULL || options->device[0] == '\0' ||
        strlen(options->device) >= DPDK_DEVARGS_BYTES) {
        return fail(error, error_bytes, "device", "name missing or too long");
    }
    size_t length = strcspn(options->device, ",");
    if (length >= sizeof port->name) {
        return fail(error, error_bytes, "device", "name too long");
    }
    memcpy(port->name, options->device, length);
    port->name[length] = '\0';
    snprintf(devargs, DPDK_DEVARGS_BYTES, "%s", options->device);
    return true;
}

static bool describe(struct dpdk_port *port, const struct cb_dpdk_port_options *options, uint32_t number,
                     char *devargs, char *error, size_t error_bytes)
{
    switch (options->kind) {
    case CB_DPDK_MEMIF_SERVER:
    case CB_DPDK_MEMIF_CLIENT:
        return describe_memif(port, options, number, devargs, error, error_bytes);
    case CB_DPDK_PCAP:
        return describe_pcap(port, options, number, devargs, error, error_bytes);
    case CB_DPDK_DEVICE:
        return describe_device(port, options, devargs, error, error_bytes);
    }
    return fail(error, error_bytes, "port", "unknown kind");
}

static bool set_up_queues(struct dpdk_port *port, const struct cb_dpdk_port_options *options, uint32_t mtu)
{
    struct rte_eth_conf conf = {0};
    struct rte_eth_dev_info info;
    int failed = rte_eth_dev_info_get(port->id, &info);
    if (failed == 0) {
        failed = rte_eth_dev_configure(port->id, 1, 1, &conf);
    }
    if (failed == 0 && port->kind == CB_DPDK_DEVICE && info.max_mtu != 0) {
        failed = rte_eth_dev_set_mtu(port->id, (uint16_t)mtu);
        failed = failed == -ENOTSUP ? 0 : failed; /* virtual devices take what comes */
    }
    uint16_t descriptors = (uint16_t)(options->descriptors != 0 ? options->descriptors : DESCRIPTORS_DEFAULT);
    uint16_t rx_descriptors = descriptors, tx_descriptors = descriptors;
    if (failed == 0) {
        failed = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx_descriptors, &tx_descriptors);
    }
    int socket_id = rte_eth_dev_socket_id(port->id);
    unsigned socket = socket_id < 0 ? (unsigned)SOCKET_ID_ANY : (unsigned)socket_id;
    if (failed == 0) {
        failed = rte_eth_rx_queue_setup(port->id, 0, rx_descriptors, socket, NULL, port->pool);
    }
    if (failed == 0) {
        failed = rte_eth_tx_queue_setup(port->id, 0, tx_descriptors, socket, NULL);
    }
    rte_errno = -failed;
    return failed == 0;
}

/* The first start. A memif client's is left to its first step, which knows how to wait for a server. */
static bool start(struct dpdk_port *port)
{
    if (port->kind == CB_DPDK_MEMIF_CLIENT) {
        return true;
    }
    int failed = rte_eth_dev_start(port->id);
    rte_errno = -failed;
    if (failed == 0 && port->kind == CB_DPDK_PCAP) {
        stamp_offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
        int bit = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
        stamp_flag = bit < 0 ? 0 : RTE_BIT64(bit);
    }
    return failed == 0;
}

static bool bring_up(struct dpdk_port *port, const struct cb_dpdk_port_options *options, const char *devargs,
                     uint32_t number, uint32_t mtu, bool *probed, char *error, size_t error_bytes)
{
    char pool_name[32];
    snprintf(pool_name, sizeof pool_name, "cb_pool%u", number);
    port->pool = rte_pktmbuf_pool_create(pool_name, options->mbufs != 0 ? options->mbufs : MBUFS_DEFAULT,
                                         MBUF_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (port->pool == NULL) {
        return fail(error, error_bytes, "mbuf pool", rte_strerror(rte_errno));
    }
    /* A device named in eal_extra, or found on the PCI bus, is there already. */
    if (rte_eth_dev_get_port_by_name(port->name, &port->id) != 0) {
        int failed = rte_dev_probe(devargs);
        if (failed != 0) {
            return fail(error, error_bytes, devargs, rte_strerror(-failed));
        }
        if (rte_eth_dev_get_port_by_name(port->name, &port->id) != 0) {
            return fail(error, error_bytes, devargs, "probed, but there is no port of that name");
        }
    }
    *probed = true;
    if (!set_up_queues(port, options, mtu) || !start(port)) {
        return fail(error, error_bytes, devargs, rte_strerror(rte_errno));
    }
    return true;
}

bool cb_dpdk_open_port(struct cb_nic *nic, const struct cb_dpdk_port_options *options, char *error,
                       size_t error_bytes)
{
    static uint32_t opened; /* names are not used twice in a process */
    struct dpdk_port *port = NULL;
    for (uint32_t i = 0; i < CB_DPDK_PORTS_MAX && port == NULL; i++) {
        port = dpdk_ports[i].used ? NULL : &dpdk_ports[i];
    }
    uint32_t mtu = options->mtu != 0 ? options->mtu : 1500;
    if (port == NULL || mtu < 68 || mtu > CB_FRAME_BYTES_MAX - DPDK_ETHERNET_BYTES) {
        return fail(error, error_bytes, "port", port == NULL ? "too many ports" : "mtu out of range");
    }
    *port =
        (struct dpdk_port){.used = true, .kind = options->kind, .frame_bytes_max = mtu + DPDK_ETHERNET_BYTES};
    uint32_t number = opened++;
    char devargs[DPDK_DEVARGS_BYTES];
    bool probed = false;
    if (!describe(port, options, number, devargs, error, error_bytes) ||
        !bring_up(port, options, devargs, number, mtu, &probed, error, error_bytes)) {
        tear_down(port, probed);
        return false;
    }
    *nic = (struct cb_nic){.self = port,
                           .name = port->name,
                           .mtu = mtu,
                           .rx = port_rx,
                           .release = port_release,
                           .tx = port_tx,
                           .link = port_link,
                           .stats = port_stats,
                           .close = port_close};
    struct rte_ether_addr address;
    if (rte_eth_macaddr_get(port->id, &address) == 0) {
        memcpy(nic->mac, address.addr_bytes, sizeof nic->mac);
    }
    return true;
}
