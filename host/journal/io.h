/* One disk operation at a time, waited for: recovery, scan and reader. Nothing else may be in flight. */
#ifndef CB_HOST_JOURNAL_IO_H
#define CB_HOST_JOURNAL_IO_H

#include "clearbox/disk.h"
#include "host/base/assert.h"

#include <errno.h>

#define CB_JOURNAL_IO_TAG 0x10C0u

/* Reaps until the answer comes: some minutes at the least, then -ETIMEDOUT, after which the disk must not be
 * used any more (the buffer still belongs to it). */
#define CB_JOURNAL_REAPS_MAX (UINT64_C(1) << 33)

static inline int32_t cb_journal_io(struct cb_disk *disk, uint32_t kind, uint32_t slot, uint64_t offset,
                                    void *data, uint32_t bytes)
{
    struct cb_disk_op op = {
        .kind = kind, .slot = slot, .offset = offset, .data = data, .bytes = bytes, .tag = CB_JOURNAL_IO_TAG};
    CB_ASSERT(disk->submit(disk->self, &op));
    for (uint64_t i = 0; i < CB_JOURNAL_REAPS_MAX; i++) {
        struct cb_disk_done done;
        if (disk->reap(disk->self, &done, 1) == 1) {
            CB_ASSERT(done.tag == CB_JOURNAL_IO_TAG);
            return done.result;
        }
    }
    return -ETIMEDOUT;
}

#endif
