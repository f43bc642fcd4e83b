/* The UDP driver: one non-blocking IPv4 UDP socket behind the nic port, for machines without a NIC to give
 * away, for development and for tests. The port hands whole Ethernet frames, so the 42 bytes before each
 * datagram are made here:
 *
 *   Ethernet   destination and source address by cb_udp_mac, type 0x0800
 *   IPv4       20 bytes: the sender's real address, the address the datagram was really sent to (the group,
 *              for multicast), TTL 64 and "don't fragment" (the real ones are not known), a right checksum
 *   UDP        the real ports; checksum 0, which RFC 768 allows: the kernel has checked the real one
 *
 * rx: a datagram that does not fit `mtu` is not handed on cut short: it is dropped and counted in rx_missed,
 * and so is what the kernel dropped for want of buffer (SO_RXQ_OVFL). That counter travels with received
 * datagrams, so a drop is seen with the next datagram that arrives. A pending ICMP error ("connection
 * refused") is consumed and is not an error.
 *
 * tx: reads destination address and port from the frame and sends its UDP payload there from this socket; the
 * frame's source is not used. A frame that is no unfragmented IPv4/UDP frame with consistent lengths, and one
 * that the kernel refuses for its own sake (no route, too long), is taken and counted in tx_dropped. A full
 * send buffer takes no more: tx returns short.
 *
 * Errors at open are text with the errno's words. Threads: the owning thread only. */
#ifndef CB_DRIVERS_UDP_UDP_H
#define CB_DRIVERS_UDP_UDP_H

#include "clearbox/nic.h"
#include "host/base/assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CB_UDP_HEADERS_BYTES 42u /* Ethernet 14, IPv4 20, UDP 8 */

struct cb_udp_options {
    const char *bind_address;      /* dotted IPv4; NULL: every address */
    uint16_t port;                 /* 0: the kernel chooses, cb_udp_info says which */
    const char *group;             /* multicast group to join, NULL: none */
    const char *interface_address; /* local address of the interface to join on, NULL: the kernel chooses */
    uint32_t receive_buffer_bytes; /* SO_RCVBUF to ask for, 0: the system's default */
    uint32_t mtu;                  /* 0: 1500; at most CB_FRAME_BYTES_MAX - 14 */
};

struct cb_udp_info {
    uint32_t address; /* bound IPv4 address, host byte order; 0: every address */
    uint16_t port;
    uint32_t receive_buffer_bytes; /* as granted; Linux reports twice what payload may use */
};

/* Opens the socket and fills the port. Returns: false with a line of text in `error`, and nothing is left
 * open. `info` may be NULL. Ownership: the port's close frees everything; `options` is not kept. */
CB_MUST_CHECK bool cb_udp_open(struct cb_nic *nic, const struct cb_udp_options *options,
                               struct cb_udp_info *info, char *error, size_t error_bytes);

/* The Ethernet address that stands for an IPv4 address and port: for a multicast group the one of RFC 1112
 * (01:00:5e and the low 23 bits), else the locally administered unicast address 02:a:b:c:d:p of address
 * a.b.c.d, where p is both bytes of the port, xored. Units: `address` and `port` in host byte order. */
void cb_udp_mac(uint8_t mac[6], uint32_t address, uint16_t port);

#endif
