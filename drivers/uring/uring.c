#include "drivers/uring/uring.h"

#include "clearbox/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each operation takes one or two entries. */
#define ENTRIES (2u * CB_URING_OPS)

#define SYNC_BIT 1u /* in the user data: this completion is that of the linked sync */

struct flight {
    uint64_t tag;
    uint32_t waits; /* completions still to come; 0: free */
    bool linked;
    bool split; /* the kernel took the write without the sync that was linked to it */
    uint32_t bytes;
    int32_t write_result, sync_result;
};

struct cb_uring {
    struct cb_disk disk;
    struct io_uring ring;
    struct cb_uring_files files;
    struct flight flights[CB_URING_OPS];
    uint32_t in_flight;
};

/* "cannot <what>: <what errno means>". Returns: false, always. */
static bool fail(struct cb_uring_error *error, int number, const char *what)
{
    char reason[128] = "";
    const char *text = strerror_r(number, reason, sizeof reason); /* the GNU form */
    error->number = number;
    snprintf(error->text, sizeof error->text, "cannot %s: %s", what, text);
    return false;
}

static uint32_t free_flight(const struct cb_uring *u)
{
    uint32_t i = 0;
    while (u->flights[i].waits != 0) {
        i++; /* ends: in_flight < CB_URING_OPS */
    }
    return i;
}

static void prepare(struct io_uring_sqe *sqe, const struct cb_disk_op *op)
{
    int slot = (int)op->slot;
    switch ((enum cb_disk_kind)op->kind) {
    case CB_DISK_READ:
        io_uring_prep_read(sqe, slot, op->data, op->bytes, op->offset);
        break;
    case CB_DISK_WRITE:
    case CB_DISK_WRITE_SYNC:
        io_uring_prep_write(sqe, slot, op->data, op->bytes, op->offset);
        break;
    case CB_DISK_SYNC:
        io_uring_prep_fsync(sqe, slot, IORING_FSYNC_DATASYNC);
        break;
    }
    io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
}

/* Hands everything prepared to the kernel. -EBUSY and -EINTR leave the entries in the ring: repeated a
 * bounded number of times, since each call lets the kernel make progress. A call may also take a part (short
 * of memory): a link does not reach over two calls, so *split says that a sync may have run before its write.
 */
static bool enter(struct cb_uring *u, bool *split)
{
    *split = false;
    for (uint32_t i = 0; i < 1000000 && io_uring_sq_ready(&u->ring) > 0; i++) {
        int result = io_uring_submit(&u->ring);
        if (result < 0 && result != -EINTR && result != -EBUSY && result != -EAGAIN) {
            return false;
        }
        *split = *split || (result > 0 && io_uring_sq_ready(&u->ring) > 0);
    }
    return io_uring_sq_ready(&u->ring) == 0;
}

static bool submit(void *self, const struct cb_disk_op *op)
{
    struct cb_uring *u = self;
    CB_ASSERT(op->kind >= CB_DISK_READ && op->kind <= CB_DISK_WRITE_SYNC && op->slot < u->files.count);
    CB_ASSERT(op->kind == CB_DISK_SYNC ||
              (op->offset <= u->files.slot_bytes && op->bytes <= u->files.slot_bytes - op->offset));
    CB_ASSERT(u->files.writable || op->kind == CB_DISK_READ);
    if (u->in_flight == CB_URING_OPS) {
        return false;
    }
    bool linked = op->kind == CB_DISK_WRITE_SYNC;
    uint32_t index = free_flight(u);
    u->flights[index] =
        (struct flight){.tag = op->tag, .waits = linked ? 2 : 1, .linked = linked, .bytes = op->bytes};
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    CB_ASSERT(sqe != NULL); /* two entries for each operation that may be in flight */
    prepare(sqe, op);
    io_uring_sqe_set_data64(sqe, index * 2u);
    if (linked) {
        sqe->flags |= IOSQE_IO_LINK;
        sqe = io_uring_get_sqe(&u->ring);
        CB_ASSERT(sqe != NULL);
        io_uring_prep_fsync(sqe, (int)op->slot, IORING_FSYNC_DATASYNC);
        io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
        io_uring_sqe_set_data64(sqe, index * 2u + SYNC_BIT);
    }
    u->in_flight++;
    /* A ring that can not be entered any more is a broken machine, not a full queue: nothing may be taken
     * back. */
    CB_ASSERT(enter(u, &u->flights[index].split));
    return true;
}

/* One answer for write and sync: the write's, unless it was whole; then the sync's, if that failed. A sync
 * that was cancelled because its write was short or failed has nothing of its own to say. */
static int32_t result_of(const struct flight *f)
{
    bool whole = f->write_result >= 0 && (uint32_t)f->write_result == f->bytes;
    if (f->linked && whole && f->sync_result < 0) {
        return f->sync_result;
    }
    if (f->split && whole) {
        return -EAGAIN; /* it may be durable, and nobody knows */
    }
    return f->write_result;
}

static uint32_t reap(void *self, struct cb_disk_done *done, uint32_t max)
{
    struct cb_uring *u = self;
    uint32_t taken = 0;
    struct io_uring_cqe *cqe;
    while (taken < max && u->in_flight > 0 && io_uring_peek_cqe(&u->ring, &cqe) == 0 && cqe != NULL) {
        uint64_t data = io_uring_cqe_get_data64(cqe);
        struct flight *f = &u->flights[data / 2u];
        CB_ASSERT(data / 2u < CB_URING_OPS && f->waits > 0);
        if ((data & SYNC_BIT) != 0) {
            f->sync_result = cqe->res;
        } else {
            f->write_result = cqe->res;
        }
        io_uring_cqe_seen(&u->ring, cqe);
        f->waits--;
        if (f->waits == 0) {
            done[taken++] = (struct cb_disk_done){.tag = f->tag, .result = result_of(f)};
            u->in_flight--;
        }
    }
    return taken;
}

/* The kernel reads the callers' buffers until the last completion: wait for it. */
static void close_uring(void *self)
{
    struct cb_uring *u = self;
    while (u->in_flight > 0) {
        struct io_uring_cqe *cqe;
        struct cb_disk_done done;
        int result = io_uring_wait_cqe(&u->ring, &cqe);
        if (result < 0 && result != -EINTR) {
            break;
        }
        while (reap(u, &done, 1) == 1) {
        }
    }
    io_uring_queue_exit(&u->ring);
    free(u);
}

struct cb_disk *cb_uring_open(const struct cb_uring_files *files, struct cb_uring_error *error)
{
    struct cb_uring *u = calloc(1, sizeof *u);
    if (u == NULL) {
        fail(error, ENOMEM, "set up io_uring");
        return NULL;
    }
    u->files = *files;
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                              IORING_SETUP_TASKRUN_FLAG};
    int result = io_uring_queue_init_params(ENTRIES, &u->ring, &params);
    if (result < 0) {
        fail(error, -result, "set up io_uring");
        free(u);
        return NULL;
    }
    result = io_uring_register_files(&u->ring, files->files, files->count);
    if (result < 0) {
        fail(error, -result, "register the segments with io_uring");
        io_uring_queue_exit(&u->ring);
        free(u);
        return NULL;
    }
    u->disk = (struct cb_disk){.self = u,
                               .slots = files->count,
                               .slot_bytes = files->slot_bytes,
                               .submit = submit,
                               .reap = reap,
                               .close = close_uring};
    return &u->disk;
}

/* ---- probe ---- */

enum probe { WORKS, FAILS, HANGS };

static enum probe try_write(int file, void *block, struct cb_uring_error *error)
{
    struct cb_uring_files files = {
        .files = &file, .count = 1, .slot_bytes = CB_JOURNAL_BLOCK_BYTES, .writable = true};
    struct cb_disk *disk = cb_uring_open(&files, error);
    if (disk == NULL) {
        return FAILS;
    }
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC, .data = block, .bytes = CB_JOURNAL_BLOCK_BYTES};
    struct cb_disk_done done = {0};
    CB_ASSERT(disk->submit(disk->self, &op));
    /* About two seconds at the least; a ring that works answers in less than a millisecond. */
    for (uint32_t i = 0; i < 20000; i++) {
        if (disk->reap(disk->self, &done, 1) == 1) {
            disk->close(disk->self);
            bool whole = done.result == (int32_t)CB_JOURNAL_BLOCK_BYTES;
            return whole || fail(error, done.result < 0 ? -done.result : EIO, "write through io_uring")
                       ? WORKS
                       : FAILS;
        }
        usleep(100);
    }
    (void)fail(error, ETIMEDOUT, "write through io_uring");
    return HANGS;
}

bool cb_uring_probe(struct cb_uring_error *error, const char *directory)
{
    int file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) {
        return fail(error, errno, "make a temporary file to try io_uring with");
    }
    void *block = aligned_alloc(CB_JOURNAL_BLOCK_BYTES, CB_JOURNAL_BLOCK_BYTES);
    if (block == NULL) {
        close(file);
        return fail(error, ENOMEM, "try io_uring");
    }
    memset(block, 0, CB_JOURNAL_BLOCK_BYTES);
    enum probe probe = try_write(file, block, error);
    if (probe != HANGS) {
        free(block); /* else the kernel may still read it */
    }
    close(file);
    return probe == WORKS;
}
