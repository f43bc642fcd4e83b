/* Frames from open to durable. Private to host/journal. */
#ifndef CB_HOST_JOURNAL_COMMIT_H
#define CB_HOST_JOURNAL_COMMIT_H

#include "host/journal/journal.h"

/* Open a frame where the next one goes. Requires: none is open, a buffer is free; left: bytes it may take of
 * its segment, at least a block. */
struct cb_journal_buffer *cb_journal_commit_open(struct cb_journal *journal, uint64_t left, int64_t base_ns);
/* Nothing more goes into the open frame; its size, and so the place of the next one, is known. */
void cb_journal_commit_close(struct cb_journal *journal);

/* Buffers that hold something: in flight, closed, open, or durable but not hashed yet. */
uint32_t cb_journal_commit_used(const struct cb_journal *journal);

#endif
