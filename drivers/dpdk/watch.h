/* Which control sockets memif has open, and whether one of them has something for DPDK's interrupt thread.
 *
 * A turn of the gate costs 30 us on a quiet machine and a scheduler's slice (15 ms was measured) on a crowded
 * one, so it is taken when there is something to do. DPDK does not tell its control sockets; they are found
 * by what they are: SOCK_SEQPACKET sockets whose own or peer's name is the path of one of our ports. They
 * come and go in the interrupt thread and in device starts only, so a scan made while the gate is held stays
 * true until it turns. */
#ifndef CB_DRIVERS_DPDK_WATCH_H
#define CB_DRIVERS_DPDK_WATCH_H

#include <stdbool.h>

/* Finds the sockets anew. Requires: the gate is held. Bounds: descriptors below 8,192; those above are
 * missed. */
void watch_scan(void);

/* True when a socket of the last scan can be read: a message, a new client, or the end of a peer. */
bool watch_stirs(void);

#endif
