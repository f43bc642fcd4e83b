/* The disk port over io_uring: registered files, O_DIRECT where the files are, write linked with fdatasync.
 *
 * One ring belongs to the thread that opened it. Nothing here waits: reap peeks (the ring is made with
 * DEFER_TASKRUN and TASKRUN_FLAG, so that a peek runs what the kernel has ready). */
#ifndef CB_DRIVERS_URING_URING_H
#define CB_DRIVERS_URING_URING_H

#include "clearbox/disk.h"
#include "host/base/assert.h"

#include <stdbool.h>

#define CB_URING_OPS         16u /* in flight at once */
#define CB_URING_ERROR_BYTES 256u

struct cb_uring_error {
    char text[CB_URING_ERROR_BYTES]; /* one line for a person */
    int number;                      /* errno */
};

/* The open slot files (of drivers/file: files, count, slot_bytes, writable). Outlives the disk. */
struct cb_uring_files {
    const int *files;
    uint32_t count;
    uint64_t slot_bytes;
    bool writable;
};

/* Whether io_uring with all that is used here works on this machine, tried with a real write in a nameless
 * temporary file of `directory`. *error says what does not, for the visible line of the fall-back to
 * drivers/file. Bounds: about two seconds. */
CB_MUST_CHECK bool cb_uring_probe(struct cb_uring_error *error, const char *directory);

/* Returns: the port, or NULL with *error filled. Ownership: closed and freed by disk->close(disk->self),
 * which waits for what is in flight; the files stay the caller's. Threads: all calls from this one. */
CB_MUST_CHECK struct cb_disk *cb_uring_open(const struct cb_uring_files *files, struct cb_uring_error *error);

#endif
