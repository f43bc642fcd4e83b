/* The nic port: whole Ethernet frames in, whole Ethernet frames out, one port per line.
 *
 * rx fills up to `max` frames and returns how many; the bytes stay the driver's and are valid until `release`
 * is called with the same frames (all of one rx burst at once, before the next rx). Nothing is copied. tx
 * sends up to `count` frames, copies what it needs, and returns how many it took: fewer means the ring is
 * full, call again later. mac: this port's own address. mtu: bytes an IP packet may have. Never blocks.
 * Threads: the owning thread only.
 *
 * stamp_ns is when the frame arrived, by `stamp_source`; it is statistics, never state. */
#ifndef CB_CLEARBOX_NIC_H
#define CB_CLEARBOX_NIC_H

#include <stdint.h>

enum cb_nic_stamp {
    CB_NIC_STAMP_NONE = 0,     /* no stamp: stamp_ns is 0 */
    CB_NIC_STAMP_SOFTWARE = 1, /* the host's steady clock when the burst was taken */
    CB_NIC_STAMP_HARDWARE = 2, /* the NIC, in its own clock */
    CB_NIC_STAMP_FILE = 3      /* the capture file */
};

struct cb_nic_frame {
    const uint8_t *data;
    uint32_t bytes;
    uint32_t stamp_source; /* enum cb_nic_stamp */
    int64_t stamp_ns;
    void *cookie; /* the driver's own */
};

struct cb_nic_stats {
    uint64_t rx_frames, rx_bytes, rx_missed; /* missed: lost before rx, as far as the driver can know */
    uint64_t tx_frames, tx_bytes, tx_full;   /* full: frames that tx did not take at first */
    uint64_t tx_dropped; /* taken, but not fit to be sent: malformed, too long, no route */
};

struct cb_nic {
    void *self;
    const char *name; /* for messages: "memif0", "pcap:in.pcap", "udp:127.0.0.1:4000" */
    uint8_t mac[6];
    uint32_t mtu;
    uint32_t (*rx)(void *self, struct cb_nic_frame *frames, uint32_t max);
    void (*release)(void *self, struct cb_nic_frame *frames, uint32_t count);
    uint32_t (*tx)(void *self, const struct cb_nic_frame *frames, uint32_t count);
    /* 1 when frames can pass, 0 while the peer is away, -1 when the input has ended for good (a capture was
     * read). */
    int (*link)(void *self);
    void (*stats)(void *self, struct cb_nic_stats *out);
    void (*close)(void *self);
};

#endif
