/* Slots of a running journal: which are free, which may be recycled. Private to host/journal. */
#ifndef CB_HOST_JOURNAL_SPACE_H
#define CB_HOST_JOURNAL_SPACE_H

#include "host/journal/journal.h"

enum cb_journal_space_state {
    CB_JOURNAL_SPACE_CLEAN = 0, /* all zero */
    CB_JOURNAL_SPACE_LIVE = 1,
    CB_JOURNAL_SPACE_DIRTY = 2 /* declared recycled in a durable frame; to be zeroed */
};

#define CB_JOURNAL_RECYCLE_TAG UINT64_MAX

/* Bytes a frame with records may take in a segment from `offset` on. When no slot is free the last block is
 * kept back for a frame that declares a newer `oldest`: without it a full journal could never recycle
 * anything. */
uint64_t cb_journal_space_left(uint64_t slot_bytes, uint64_t offset, uint32_t clean);

/* Take a free slot for the next generation. Requires: one is free. */
void cb_journal_space_next(struct cb_journal *journal);

/* Move `oldest` over segments that retention gave up. */
void cb_journal_space_release(struct cb_journal *journal);
/* After oldest_durable moved: what is below it becomes dirty. */
void cb_journal_space_dirty(struct cb_journal *journal);
/* Zero dirty slots, one write at a time, front to back. Returns: submissions. */
uint32_t cb_journal_space_recycle(struct cb_journal *journal);
/* A zeroing write completed well. */
void cb_journal_space_recycled(struct cb_journal *journal);
uint32_t cb_journal_space_chunk(const struct cb_journal *journal);

#endif
