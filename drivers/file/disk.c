/* The disk port over plain files: each operation is finished inside submit. */
#include "drivers/file/error.h"
#include "drivers/file/file.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RWF_DSYNC
#define RWF_DSYNC 0x00000002
#endif

static int32_t carry_out(const struct cb_file_slots *slots, const struct cb_disk_op *op)
{
    int file = cb_file_slot_open(slots, op->slot);
    if (file < 0) {
        return -errno;
    }
    off_t offset = (off_t)op->offset;
    struct iovec vector = {.iov_base = op->data, .iov_len = op->bytes};
    ssize_t result = -1;
    do {
        switch ((enum cb_disk_kind)op->kind) {
        case CB_DISK_READ:
            result = pread(file, op->data, op->bytes, offset);
            break;
        case CB_DISK_WRITE:
            result = pwrite(file, op->data, op->bytes, offset);
            break;
        case CB_DISK_SYNC:
            result = fdatasync(file);
            break;
        case CB_DISK_WRITE_SYNC:
            /* A short or failed write is reported as such: nobody may believe in its sync. */
            result = pwritev2(file, &vector, 1, offset, RWF_DSYNC);
            break;
        }
        /* A sync that was interrupted may have lost its error: only transfers that did not begin are
         * repeated. */
    } while (result < 0 && errno == EINTR && op->kind == CB_DISK_READ);
    int32_t answer = result < 0 ? -errno : (int32_t)result;
    if (slots->files[op->slot] < 0) {
        close(file);
    }
    return answer;
}

static bool submit(void *self, const struct cb_disk_op *op)
{
    struct cb_file_disk *d = self;
    CB_ASSERT(op->kind >= CB_DISK_READ && op->kind <= CB_DISK_WRITE_SYNC && op->slot < d->slots->count);
    CB_ASSERT(op->kind == CB_DISK_SYNC ||
              (op->offset <= d->slots->slot_bytes && op->bytes <= d->slots->slot_bytes - op->offset));
    CB_ASSERT(d->slots->writable || op->kind == CB_DISK_READ);
    if (d->count == CB_FILE_QUEUE) {
        return false;
    }
    d->done[(d->first + d->count) % CB_FILE_QUEUE] =
        (struct cb_disk_done){.tag = op->tag, .result = carry_out(d->slots, op)};
    d->count++;
    return true;
}

static uint32_t reap(void *self, struct cb_disk_done *done, uint32_t max)
{
    struct cb_file_disk *d = self;
    uint32_t taken = 0;
    while (taken < max && d->count > 0) {
        done[taken++] = d->done[d->first];
        d->first = (d->first + 1) % CB_FILE_QUEUE;
        d->count--;
    }
    return taken;
}

static void close_disk(void *self)
{
    struct cb_file_disk *d = self;
    d->count = 0; /* the files are the caller's */
}

void cb_file_disk_init(struct cb_file_disk *file_disk, struct cb_file_slots *slots)
{
    file_disk->slots = slots;
    file_disk->first = 0;
    file_disk->count = 0;
    file_disk->disk = (struct cb_disk){.self = file_disk,
                                       .slots = slots->count,
                                       .slot_bytes = slots->slot_bytes,
                                       .submit = submit,
                                       .reap = reap,
                                       .close = close_disk};
}
