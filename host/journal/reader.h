/* The reader: the events of a journal in order, through the disk port. Replay, the snapshotter, dump and
 * verify read with it. It checks each frame and the chain as it goes. It may run while another process
 * writes: then follow mode yields only frames that a later frame calls durable. The disk may also be archived
 * segments and live slots side by side (drivers/file): a generation that is there twice is read once. */
#ifndef CB_HOST_JOURNAL_READER_H
#define CB_HOST_JOURNAL_READER_H

#include "clearbox/disk.h"
#include "host/base/arena.h"
#include "host/journal/scan.h"

enum cb_journal_read {
    CB_JOURNAL_READ_EVENT = 1,
    CB_JOURNAL_READ_END =
        2, /* no more: at most a torn tail follows. Follow mode: a later call may find more */
    CB_JOURNAL_READ_BAD = 3 /* reader->problem says what; sticky */
};

struct cb_journal_reader_config {
    struct cb_disk *disk; /* outlives the reader */
    uint64_t cluster;     /* 0: that of the first sound frame found */
    bool follow;
    uint32_t archived; /* the first slots are copies in the archive; only they may be older than `oldest` */
};

struct cb_journal_reader {
    struct cb_journal_reader_config config; /* cluster as found */
    struct cb_journal_view view;
    struct cb_journal_hasher hasher;
    struct cb_journal_slot *slots; /* generation, first_seq, first_frame of their first frames */
    uint64_t newest;               /* generation of the newest first frame; 0: none */
    uint64_t oldest;      /* as the newest segment declares: live slots below it are being recycled */
    uint64_t attested;    /* greatest acked_frame of a first frame */
    uint64_t limit_frame; /* follow mode: nothing after it is read; else UINT64_MAX */
    uint64_t start_seq;   /* events before it are skipped */

    uint32_t slot;
    uint64_t offset; /* of the next frame */
    struct cb_journal_link link;
    bool linked; /* a frame was read: the next must follow from it */

    struct cb_journal_frame frame; /* the one read last */
    const uint8_t *bytes;
    uint32_t at, left; /* byte of the next record, records left */
    uint64_t next_seq;
    struct cb_journal_problem problem; /* flaw SOUND: none */
};

size_t cb_journal_reader_footprint(const struct cb_journal_reader_config *config);
void cb_journal_reader_init(struct cb_journal_reader *reader, struct cb_arena *arena,
                            const struct cb_journal_reader_config *config);
void cb_journal_reader_close(struct cb_journal_reader *reader);

/* Start at `seq` (0: at the oldest event that is there). Returns: whether the journal holds it, or may hold
 * it later because it is the next one; an empty journal may hold seq 1. The chain is checked from the start
 * of the segment that holds it, and what is before `seq` is skipped. May be called again. */
CB_MUST_CHECK bool cb_journal_reader_seek(struct cb_journal_reader *reader, uint64_t seq);

/* The next event. Ownership: event->body is valid until the next call. */
enum cb_journal_read cb_journal_reader_next(struct cb_journal_reader *reader, struct cb_event *event);

/* The frame of the event that was read last; its effects hash is that before its first record. */
const struct cb_journal_frame *cb_journal_reader_frame(const struct cb_journal_reader *reader);

/* The hash of that frame: what the next frame has as prev, and what a snapshot is bound to. */
const uint8_t *cb_journal_reader_frame_hash(const struct cb_journal_reader *reader);

#endif
