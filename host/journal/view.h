/* A window on a slot: reads ahead through the disk port so that frames are checked in memory. */
#ifndef CB_HOST_JOURNAL_VIEW_H
#define CB_HOST_JOURNAL_VIEW_H

#include "clearbox/disk.h"
#include "host/base/arena.h"
#include "host/journal/frame.h"

struct cb_journal_view {
    struct cb_disk *disk;
    uint8_t *buffer; /* 4 KiB aligned */
    uint32_t buffer_bytes;
    uint32_t slot;
    uint64_t offset; /* of buffer[0] in the slot */
    uint32_t filled; /* 0: nothing read */
};

size_t cb_journal_view_footprint(const struct cb_disk *disk);
void cb_journal_view_init(struct cb_journal_view *view, struct cb_arena *arena, struct cb_disk *disk);

/* What was read may have changed: read again. */
void cb_journal_view_forget(struct cb_journal_view *view);

/* cb_journal_frame_check of what is at (slot, offset), or UNREADABLE. cluster 0: any. Ownership: *bytes (the
 * frame; one block where there is none) is valid until the next call. Bounds: reads at most twice. */
enum cb_journal_flaw cb_journal_view_frame(struct cb_journal_view *view, struct cb_journal_frame *frame,
                                           const uint8_t **bytes, uint32_t slot, uint64_t offset,
                                           uint64_t cluster);

/* Memory from the arena on a 4 KiB boundary, and what that takes. */
uint8_t *cb_journal_take_blocks(struct cb_arena *arena, uint64_t bytes);
size_t cb_journal_blocks_room(uint64_t bytes);

#endif
