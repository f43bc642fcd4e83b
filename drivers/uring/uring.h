/* The disk port over io_uring: registered files, O_DIRECT, write linked with fdatasync.
 *
 * One ring belongs to the thread that opened it. Nothing here waits: reap peeks (the ring is made with
 * DEFER_TASKRUN and TASKRUN_FLAG, so that a peek runs what the kernel has ready). */
#ifndef CB_DRIVERS_URING_URING_H
#define CB_DRIVERS_URING_URING_H

#include "clearbox/disk.h"
#include "drivers/file/file.h"

#define CB_URING_OPS 16u /* in flight at once */

struct cb_uring; /* uring.c */

/* Whether io_uring with all that is used here works on this machine, tried with a real write in a temporary
 * file of `directory`. *error says what does not, for the visible line of the fall-back to drivers/file. */
bool cb_uring_probe(struct cb_file_error *error, const char *directory);

/* Ownership: *slots stays the caller's and outlives the disk. Returns: NULL with *error filled. The port is
 * closed by disk->close(disk->self), which waits for what is in flight. */
struct cb_disk *cb_uring_open(struct cb_file_slots *slots, struct cb_file_error *error);

#endif
