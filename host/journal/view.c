#include "host/journal/view.h"

#include "host/base/assert.h"
#include "host/journal/io.h"

#include <string.h>

#define BLOCK CB_JOURNAL_BLOCK_BYTES

size_t cb_journal_blocks_room(uint64_t bytes)
{
    return cb_arena_room(bytes + BLOCK);
}

uint8_t *cb_journal_take_blocks(struct cb_arena *arena, uint64_t bytes)
{
    uintptr_t memory = (uintptr_t)cb_arena_take(arena, bytes + BLOCK);
    return (uint8_t *)((memory + BLOCK - 1u) & ~(uintptr_t)(BLOCK - 1u));
}

static uint32_t window_bytes(const struct cb_disk *disk)
{
    return disk->slot_bytes < CB_JOURNAL_FRAME_BYTES_MAX ? (uint32_t)disk->slot_bytes
                                                         : CB_JOURNAL_FRAME_BYTES_MAX;
}

size_t cb_journal_view_footprint(const struct cb_disk *disk)
{
    return cb_journal_blocks_room(window_bytes(disk));
}

void cb_journal_view_init(struct cb_journal_view *view, struct cb_arena *arena, struct cb_disk *disk)
{
    *view = (struct cb_journal_view){.disk = disk, .buffer_bytes = window_bytes(disk)};
    view->buffer = cb_journal_take_blocks(arena, view->buffer_bytes);
}

void cb_journal_view_forget(struct cb_journal_view *view)
{
    view->filled = 0;
}

static bool holds(const struct cb_journal_view *view, uint32_t slot, uint64_t offset, uint32_t bytes)
{
    return view->filled != 0 && view->slot == slot && offset >= view->offset &&
           offset - view->offset + bytes <= view->filled;
}

/* Makes [offset, offset + bytes) of the slot be in the buffer. Requires: within the slot, fits the buffer. */
static bool load(struct cb_journal_view *view, uint32_t slot, uint64_t offset, uint32_t bytes)
{
    if (holds(view, slot, offset, bytes)) {
        return true;
    }
    uint64_t rest = view->disk->slot_bytes - offset;
    uint32_t wanted = rest < view->buffer_bytes ? (uint32_t)rest : view->buffer_bytes;
    CB_ASSERT(bytes <= wanted);
    view->filled = 0;
    int32_t result = cb_journal_io(view->disk, CB_DISK_READ, slot, offset, view->buffer, wanted);
    if (result != (int32_t)wanted) {
        return false;
    }
    view->slot = slot;
    view->offset = offset;
    view->filled = wanted;
    return true;
}

enum cb_journal_flaw cb_journal_view_frame(struct cb_journal_view *view, struct cb_journal_frame *frame,
                                           const uint8_t **bytes, uint32_t slot, uint64_t offset,
                                           uint64_t cluster)
{
    CB_ASSERT(slot < view->disk->slots && offset % BLOCK == 0 && offset < view->disk->slot_bytes);
    memset(frame, 0, sizeof *frame);
    if (!load(view, slot, offset, BLOCK)) {
        return CB_JOURNAL_UNREADABLE;
    }
    const uint8_t *at = view->buffer + (offset - view->offset);
    memcpy(frame, at, sizeof *frame);
    uint64_t rest = view->disk->slot_bytes - offset;
    uint32_t frame_bytes = frame->blocks * BLOCK;
    if (frame->magic == CB_JOURNAL_MAGIC && frame_bytes != 0 && frame_bytes <= rest &&
        frame_bytes <= view->buffer_bytes) {
        if (!load(view, slot, offset, frame_bytes)) {
            return CB_JOURNAL_UNREADABLE;
        }
        at = view->buffer + (offset - view->offset);
    }
    uint32_t available = view->filled - (uint32_t)(offset - view->offset);
    *bytes = at;
    return cb_journal_frame_check(frame, at, available, cluster == 0 ? frame->cluster : cluster, offset);
}
