/* One UDP socket as a nic port. Invariant: between rx and release the buffers of the burst are the caller's;
 * everything is allocated at open. */
#include "drivers/udp/udp.h"

#include "clearbox/limits.h"
#include "drivers/udp/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ETHERNET_BYTES 14u
#define BUFFER_BYTES   CB_FRAME_BYTES_MAX
#define CONTROL_BYTES  (CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint32_t)))
#define NAME_BYTES     32u

struct udp_port {
    int fd;
    uint32_t mtu;
    uint32_t address; /* bound */
    uint16_t port;
    char name[NAME_BYTES];
    struct cb_nic_stats stats;
    uint32_t held;         /* frames of the last burst that were not released yet */
    uint32_t kernel_drops; /* SO_RXQ_OVFL as last seen; it wraps */
    struct mmsghdr rx_messages[CB_BURST], tx_messages[CB_BURST];
    struct iovec rx_parts[CB_BURST], tx_parts[CB_BURST];
    struct sockaddr_in rx_from[CB_BURST], tx_to[CB_BURST];
    _Alignas(struct cmsghdr) uint8_t rx_control[CB_BURST][CONTROL_BYTES];
    uint8_t rx_buffers[CB_BURST][BUFFER_BYTES];
};

static int64_t steady_ns(void)
{
    struct timespec now;
    int status = clock_gettime(CLOCK_MONOTONIC, &now);
    CB_ASSERT(status == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Reads what the kernel says about a datagram: where it was sent to, and its drop counter. */
static void read_control(struct udp_port *port, struct msghdr *header, struct udp_ends *ends)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            ends->destination_address = ntohl(info.ipi_addr.s_addr);
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t drops;
            memcpy(&drops, CMSG_DATA(c), sizeof drops);
            port->stats.rx_missed += (uint32_t)(drops - port->kernel_drops); /* wraps with the counter */
            port->kernel_drops = drops;
        }
    }
}

static void prepare_rx(struct udp_port *port, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct msghdr *header = &port->rx_messages[i].msg_hdr;
        header->msg_namelen = sizeof port->rx_from[i];
        header->msg_controllen = CONTROL_BYTES;
        header->msg_flags = 0;
    }
}

static uint32_t port_rx(void *self, struct cb_nic_frame *frames, uint32_t max)
{
    struct udp_port *port = self;
    CB_ASSERT(port->held == 0);
    uint32_t count = max < CB_BURST ? max : CB_BURST;
    if (count == 0) {
        return 0;
    }
    prepare_rx(port, count);
    int got = recvmmsg(port->fd, port->rx_messages, count, MSG_DONTWAIT, NULL);
    if (got <= 0) {
        /* Nothing there, a signal, or a pending ICMP error of something sent earlier: the next poll goes on.
         */
        return 0;
    }
    int64_t now = steady_ns();
    uint32_t taken = 0;
    for (uint32_t i = 0; i < (uint32_t)got; i++) {
        struct msghdr *header = &port->rx_messages[i].msg_hdr;
        struct udp_ends ends = {.source_address = ntohl(port->rx_from[i].sin_addr.s_addr),
                                .destination_address = port->address,
                                .source_port = ntohs(port->rx_from[i].sin_port),
                                .destination_port = port->port};
        read_control(port, header, &ends);
        if ((header->msg_flags & MSG_TRUNC) != 0) {
            port->stats.rx_missed++;
            continue;
        }
        uint32_t payload_bytes = port->rx_messages[i].msg_len;
        udp_frame_encode(port->rx_buffers[i], &ends, payload_bytes);
        frames[taken++] = (struct cb_nic_frame){.data = port->rx_buffers[i],
                                                .bytes = CB_UDP_HEADERS_BYTES + payload_bytes,
                                                .stamp_source = CB_NIC_STAMP_SOFTWARE,
                                                .stamp_ns = now,
                                                .cookie = port->rx_buffers[i]};
        port->stats.rx_bytes += CB_UDP_HEADERS_BYTES + payload_bytes;
    }
    port->stats.rx_frames += taken;
    port->held = taken;
    return taken;
}

static void port_release(void *self, struct cb_nic_frame *frames, uint32_t count)
{
    struct udp_port *port = self;
    (void)frames;
    CB_ASSERT(count == port->held);
    port->held = 0;
}

/* Puts the frame at `index` of the next sendmmsg. False: it can not be sent. */
static bool prepare_tx(struct udp_port *port, uint32_t index, const struct cb_nic_frame *frame)
{
    struct udp_ends ends;
    const uint8_t *payload;
    uint32_t payload_bytes;
    if (frame->bytes > ETHERNET_BYTES + port->mtu ||
        !udp_frame_decode(frame->data, frame->bytes, &ends, &payload, &payload_bytes)) {
        return false;
    }
    port->tx_to[index] = (struct sockaddr_in){.sin_family = AF_INET,
                                              .sin_port = htons(ends.destination_port),
                                              .sin_addr.s_addr = htonl(ends.destination_address)};
    /* The kernel only reads through iov_base; the type has no const. */
    port->tx_parts[index] = (struct iovec){.iov_base = (void *)(uintptr_t)payload, .iov_len = payload_bytes};
    return true;
}

enum tx_verdict { TX_AGAIN, TX_FULL, TX_DROP };

/* What to do about the first frame of a sendmmsg that failed with `error`. */
static enum tx_verdict judge_tx(int error)
{
    switch (error) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
        return TX_FULL;
    case EINTR:
    case ECONNREFUSED: /* an ICMP answer to something sent earlier; reading it cleared it */
        return TX_AGAIN;
    default:
        return TX_DROP;
    }
}

/* Sends prepared frames 0 .. count-1. Returns how many were dealt with; fewer than count: the buffer is full.
 */
static uint32_t send_run(struct udp_port *port, uint32_t count)
{
    uint32_t done = 0;
    /* Each round either finishes a frame or consumes a pending error; the latter is bounded so that a socket
     * that only ever reports errors can not keep the core. */
    for (uint32_t errors = 0; done < count && errors <= CB_BURST;) {
        int sent = sendmmsg(port->fd, port->tx_messages + done, count - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            for (uint32_t i = done; i < done + (uint32_t)sent; i++) {
                port->stats.tx_bytes += CB_UDP_HEADERS_BYTES + port->tx_parts[i].iov_len;
            }
            port->stats.tx_frames += (uint32_t)sent;
            done += (uint32_t)sent;
            continue;
        }
        errors++;
        enum tx_verdict verdict = judge_tx(errno);
        if (verdict == TX_FULL) {
            break;
        }
        if (verdict == TX_DROP) {
            port->stats.tx_dropped++;
            done++;
        }
    }
    return done;
}

static uint32_t port_tx(void *self, const struct cb_nic_frame *frames, uint32_t count)
{
    struct udp_port *port = self;
    uint32_t done = 0;
    while (done < count) {
        uint32_t run = 0;
        while (run < CB_BURST && done + run < count && prepare_tx(port, run, &frames[done + run])) {
            run++;
        }
        uint32_t sent = run > 0 ? send_run(port, run) : 0;
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
    (void)self;
    return 1;
}

static void port_stats(void *self, struct cb_nic_stats *out)
{
    const struct udp_port *port = self;
    *out = port->stats;
}

static void port_close(void *self)
{
    struct udp_port *port = self;
    (void)close(port->fd);
    free(port);
}

static bool fail(char *error, size_t error_bytes, const struct cb_udp_options *options, const char *what)
{
    int code = errno;
    snprintf(error, error_bytes, "udp %s:%u: %s: %s",
             options->bind_address ? options->bind_address : "0.0.0.0", options->port, what, strerror(code));
    return false;
}

static bool parse_address(const char *text, struct in_addr *address)
{
    if (inet_pton(AF_INET, text, address) == 1) {
        return true;
    }
    errno = EINVAL;
    return false;
}

static bool join_group(int fd, const struct cb_udp_options *options, char *error, size_t error_bytes)
{
    struct ip_mreqn request = {0};
    if (!parse_address(options->group, &request.imr_multiaddr)) {
        return fail(error, error_bytes, options, "multicast group");
    }
    if (options->interface_address != NULL &&
        !parse_address(options->interface_address, &request.imr_address)) {
        return fail(error, error_bytes, options, "multicast interface");
    }
    if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) != 0) {
        return fail(error, error_bytes, options, "join multicast group");
    }
    /* Only groups this socket joined: another program's membership must not reach us. */
    int off = 0;
    if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off) != 0) {
        return fail(error, error_bytes, options, "IP_MULTICAST_ALL");
    }
    if (options->interface_address != NULL &&
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request) != 0) {
        return fail(error, error_bytes, options, "IP_MULTICAST_IF");
    }
    return true;
}

static bool set_up(struct udp_port *port, const struct cb_udp_options *options, char *error,
                   size_t error_bytes)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    if (options->bind_address != NULL && !parse_address(options->bind_address, &local.sin_addr)) {
        return fail(error, error_bytes, options, "bind address");
    }
    int on = 1;
    int bytes = options->receive_buffer_bytes < INT32_MAX ? (int)options->receive_buffer_bytes : INT32_MAX;
    if (setsockopt(port->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0 ||
        setsockopt(port->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) != 0) {
        return fail(error, error_bytes, options, "set option");
    }
    if (bytes > 0 && setsockopt(port->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) != 0) {
        return fail(error, error_bytes, options, "SO_RCVBUF");
    }
    /* Several receivers of one feed on a host share its group and port; unicast ports are never shared. */
    if (options->group != NULL && setsockopt(port->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        return fail(error, error_bytes, options, "SO_REUSEADDR");
    }
    if (bind(port->fd, (const struct sockaddr *)&local, sizeof local) != 0) {
        return fail(error, error_bytes, options, "bind");
    }
    socklen_t size = sizeof local;
    if (getsockname(port->fd, (struct sockaddr *)&local, &size) != 0) {
        return fail(error, error_bytes, options, "getsockname");
    }
    port->address = ntohl(local.sin_addr.s_addr);
    port->port = ntohs(local.sin_port);
    return options->group == NULL || join_group(port->fd, options, error, error_bytes);
}

static void lay_out(struct udp_port *port)
{
    for (uint32_t i = 0; i < CB_BURST; i++) {
        port->rx_parts[i] = (struct iovec){.iov_base = port->rx_buffers[i] + CB_UDP_HEADERS_BYTES,
                                           .iov_len = port->mtu + ETHERNET_BYTES - CB_UDP_HEADERS_BYTES};
        port->rx_messages[i].msg_hdr = (struct msghdr){.msg_name = &port->rx_from[i],
                                                       .msg_iov = &port->rx_parts[i],
                                                       .msg_iovlen = 1,
                                                       .msg_control = port->rx_control[i]};
        port->tx_messages[i].msg_hdr = (struct msghdr){.msg_name = &port->tx_to[i],
                                                       .msg_namelen = sizeof port->tx_to[i],
                                                       .msg_iov = &port->tx_parts[i],
                                                       .msg_iovlen = 1};
    }
}

bool cb_udp_open(struct cb_nic *nic, const struct cb_udp_options *options, struct cb_udp_info *info,
                 char *error, size_t error_bytes)
{
    uint32_t mtu = options->mtu != 0 ? options->mtu : 1500;
    if (mtu < CB_UDP_HEADERS_BYTES || mtu > CB_FRAME_BYTES_MAX - ETHERNET_BYTES) {
        errno = EINVAL;
        return fail(error, error_bytes, options, "mtu");
    }
    struct udp_port *port = calloc(1, sizeof *port);
    if (port == NULL) {
        return fail(error, error_bytes, options, "memory");
    }
    port->mtu = mtu;
    port->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (port->fd < 0) {
        free(port);
        return fail(error, error_bytes, options, "socket");
    }
    if (!set_up(port, options, error, error_bytes)) {
        port_close(port);
        return false;
    }
    lay_out(port);
    int granted = 0;
    socklen_t size = sizeof granted;
    (void)getsockopt(port->fd, SOL_SOCKET, SO_RCVBUF, &granted, &size);
    if (info != NULL) {
        *info = (struct cb_udp_info){
            .address = port->address, .port = port->port, .receive_buffer_bytes = (uint32_t)granted};
    }
    snprintf(port->name, sizeof port->name, "udp:%u.%u.%u.%u:%u", port->address >> 24,
             port->address >> 16 & 255, port->address >> 8 & 255, port->address & 255, port->port);
    *nic = (struct cb_nic){.self = port,
                           .name = port->name,
                           .mtu = mtu,
                           .rx = port_rx,
                           .release = port_release,
                           .tx = port_tx,
                           .link = port_link,
                           .stats = port_stats,
                           .close = port_close};
    cb_udp_mac(nic->mac, port->address, port->port);
    return true;
}
