/* The disk port: a fixed set of equal files ("slots"), written and synced asynchronously.
 *
 * A slot has a fixed size, a multiple of 4 KiB, and was written once with zeros, so that a later write
 * changes no metadata. submit takes one operation; false: the queue is full, reap first. reap returns
 * finished operations in any order. A SYNC makes durable what completed before it was submitted;
 * CB_DISK_WRITE_SYNC is one write followed by one data sync, linked, and completes once, when both are done.
 * result: bytes transferred, or -errno (a write that is short is reported as the short count; so is its
 * linked sync, which then did not happen). Buffers belong to the driver from submit until their completion is
 * reaped, and are aligned to 4 KiB. READ completes like the rest. Operations in flight on overlapping ranges
 * have no order. Threads: the owning thread only. */
#ifndef CB_CLEARBOX_DISK_H
#define CB_CLEARBOX_DISK_H

#include <stdbool.h>
#include <stdint.h>

enum cb_disk_kind { CB_DISK_READ = 1, CB_DISK_WRITE = 2, CB_DISK_SYNC = 3, CB_DISK_WRITE_SYNC = 4 };

struct cb_disk_op {
    uint32_t kind; /* enum cb_disk_kind */
    uint32_t slot;
    uint64_t offset; /* bytes, multiple of 4 KiB */
    void *data;
    uint32_t bytes; /* multiple of 4 KiB */
    uint64_t tag;   /* returned with the completion */
};

struct cb_disk_done {
    uint64_t tag;
    int32_t result;
};

struct cb_disk {
    void *self;
    uint32_t slots;
    uint64_t slot_bytes;
    bool (*submit)(void *self, const struct cb_disk_op *op);
    uint32_t (*reap)(void *self, struct cb_disk_done *done, uint32_t max);
    void (*close)(void *self);
};

#endif
