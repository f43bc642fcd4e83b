/* The journal: one writer that appends events, commits them in groups and says which are durable.
 *
 * Life: init, recover, then any number of append / poll, then close. A frame is open in memory; append fills
 * it; poll seals and submits it when nothing is in flight (or it is full and fewer than four are), so that
 * the group grows with the load. Frames complete in any order and count in order. The first error of any kind
 * ends it: state FAILED, nothing is retried, `durable` never moves again. Threads: the owning thread. */
#ifndef CB_HOST_JOURNAL_JOURNAL_H
#define CB_HOST_JOURNAL_JOURNAL_H

#include "clearbox/disk.h"
#include "clearbox/journal.h"
#include "host/base/arena.h"
#include "host/journal/scan.h"
#include "host/types/event.h"

/* In flight, one open, one spare (a frame that had to be closed while the open one can not be submitted). */
#define CB_JOURNAL_BUFFERS (CB_JOURNAL_FRAMES_IN_FLIGHT + 2u)

enum cb_journal_state {
    CB_JOURNAL_CLOSED = 0, /* not recovered yet */
    CB_JOURNAL_RUNNING = 1,
    CB_JOURNAL_FULL =
        2, /* running, but no slot is free: nothing is lost, room is 0 until retention advances */
    CB_JOURNAL_FAILED = 3
};

struct cb_journal_config {
    struct cb_disk *disk;     /* outlives the journal */
    uint64_t cluster;         /* not 0 */
    uint32_t frame_bytes_max; /* multiple of 4 KiB, 36 KiB .. CB_JOURNAL_FRAME_BYTES_MAX; 0: that maximum */
};

/* The first failure. kind 0: none. error: positive errno; 0 for a short transfer. */
struct cb_journal_failure {
    uint32_t kind; /* enum cb_disk_kind */
    uint32_t slot;
    uint64_t offset;
    int32_t error;
    int32_t transferred; /* bytes, where the transfer was short */
};

struct cb_journal_stats {
    uint64_t frames, records, bytes; /* submitted; bytes include padding */
    uint64_t frame_bytes_max;        /* the greatest frame so far */
    uint64_t segments;               /* started by this writer */
    uint64_t zeroed_bytes;           /* written to recycle slots */
    uint64_t full;                   /* times the state became FULL */
};

/* A frame in memory on its way to the disk. */
struct cb_journal_buffer {
    uint8_t *bytes;
    uint32_t state;    /* private to commit.c */
    uint32_t capacity; /* what the place allows */
    bool reaches_end;  /* it may take all that is left of its segment */
    uint32_t slot;
    uint64_t last_seq;
    struct cb_journal_frame frame;
};

/* What the writer knows of a slot. */
struct cb_journal_space {
    uint32_t state; /* private to space.c */
    uint64_t generation;
    uint64_t last_seq;
};

struct cb_journal {
    struct cb_journal_config config;
    enum cb_journal_state state;
    struct cb_journal_failure failure;
    struct cb_journal_stats stats;
    struct cb_journal_scan scan;

    /* Frames: counts, not indices. [tail, submit) are in flight, [submit, head) closed, head is open. 64
     * bits: a count that wraps would jump to a buffer that is in use, since six is no power of two. */
    struct cb_journal_buffer buffers[CB_JOURNAL_BUFFERS];
    uint64_t tail, submit, head;
    bool open;

    /* The end of the chain in memory. */
    uint64_t epoch;
    uint64_t last_seq; /* appended */
    int64_t last_ns;
    uint64_t next_frame;
    uint8_t prev[CB_JOURNAL_HASH_BYTES]; /* of the frame to be sealed next */
    bool unhashed; /* ... of which `prev` is not complete yet: the frame submitted last */
    uint32_t hashed_bytes;
    uint64_t effects;
    bool effects_known; /* nothing was appended since the poll that gave `effects` */

    /* What the disk has. */
    uint64_t durable_seq, durable_frame, durable_generation;

    /* Where the next frame goes. generation 0: no segment yet. */
    uint32_t slot;
    uint64_t offset, generation;
    bool segment_done; /* a record did not fit what was left: the next one goes to the next segment */

    /* Slots. oldest: to be declared; declared: sealed into a frame; oldest_durable: that frame is durable. */
    struct cb_journal_space *spaces;
    uint32_t clean, dirty;
    uint64_t oldest, oldest_declared, oldest_durable;
    uint32_t oldest_slot;
    uint64_t retain_seq;
    uint8_t *zeros;
    uint32_t recycle_slot; /* CB_JOURNAL_SLOT_NONE: none */
    uint64_t recycle_offset;
    bool recycle_in_flight;
    bool full;
};

size_t cb_journal_footprint(const struct cb_journal_config *config);
/* Requires: cb_journal_footprint bytes left in the arena. */
void cb_journal_init(struct cb_journal *journal, struct cb_arena *arena,
                     const struct cb_journal_config *config);
void cb_journal_close(struct cb_journal *journal);

/* Append one event. Requires: state RUNNING; event->seq is cb_journal_last_seq + 1; ingest_ns not below that
 * of the event before; body_bytes <= CB_JOURNAL_BODY_BYTES_MAX; cb_journal_room was not 0 for its size. The
 * body is copied. */
void cb_journal_append(struct cb_journal *journal, const struct cb_event *event);

/* The running effects hash after all that was appended: for callers who know it between two polls, so that a
 * frame that is opened there carries it too. */
void cb_journal_effects(struct cb_journal *journal, uint64_t effects);

/* Seal, submit, reap. effects: the running effects hash after all that was appended.
 * Returns: how many things it did (frames submitted and completions taken); 0: nothing. Bounds: at most
 * CB_JOURNAL_FRAMES_IN_FLIGHT frames are submitted. */
uint32_t cb_journal_poll(struct cb_journal *journal, uint64_t effects);

/* The greatest seq such that every frame up to its own is durable. Never decreases, never lies. */
uint64_t cb_journal_durable(const struct cb_journal *journal);

/* The last seq appended (recovered, at first). */
uint64_t cb_journal_last_seq(const struct cb_journal *journal);

/* How many events of at most body_bytes each may be appended before the next poll, at least, whatever their
 * times (of which at most one may be more than 4 s after the one before). 0 when FAILED or FULL. */
uint32_t cb_journal_room(const struct cb_journal *journal, uint32_t body_bytes);

/* Nothing up to seq is needed here any more (two verified snapshots are later, or it is in the archive):
 * whole segments up to it may be recycled. Never moves back; the segment being written is never recycled. */
void cb_journal_retain_through(struct cb_journal *journal, uint64_t seq);

/* FULL is decided here, for an event of the greatest message size. */
enum cb_journal_state cb_journal_state(const struct cb_journal *journal);

/* ---- recovery ---- */

enum cb_journal_decision {
    CB_JOURNAL_EMPTY = 1,    /* no frame: the first append starts frame 1 */
    CB_JOURNAL_CLEAN = 2,    /* ends with a whole frame and zeros */
    CB_JOURNAL_CUT = 3,      /* a torn tail was zeroed */
    CB_JOURNAL_CORRUPT = 4,  /* damage to what was durable: nothing was changed */
    CB_JOURNAL_OTHER = 5,    /* belongs to another cluster: nothing was changed */
    CB_JOURNAL_FENCED = 6,   /* of a later epoch than the caller's: nothing was changed */
    CB_JOURNAL_IO_FAILED = 7 /* the disk failed while reading or repairing */
};

struct cb_journal_recovery {
    enum cb_journal_decision decision;
    uint32_t row; /* of the recovery table: docs/journal.md numbers them the same */
    struct cb_journal_problem problem;
    struct cb_journal_failure failure; /* IO_FAILED */
    uint64_t first_seq, last_seq, last_frame, last_epoch;
    uint64_t cut_blocks; /* that were not zero and are now */
};

/* Find the end of the journal, repair a torn tail, become ready to append in `epoch`. Frames that no later
 * one calls durable are written again as read, with sync: a read proves nothing about the medium. Requires:
 * state CLOSED; epoch is not 0. Returns: whether the journal runs (EMPTY, CLEAN, CUT, and epoch >=
 * last_epoch); else nothing was changed (IO_FAILED excepted) and *report says why. Bounds: blocks until the
 * disk answers. */
CB_MUST_CHECK bool cb_journal_recover(struct cb_journal *journal, struct cb_journal_recovery *report,
                                      uint64_t epoch);

/* One row of the recovery table: the first row whose `all` are facts of the scan is the decision. */
struct cb_journal_recovery_row {
    uint32_t all; /* of enum cb_journal_fact */
    enum cb_journal_decision decision;
    const char *meaning;
};
#define CB_JOURNAL_RECOVERY_ROWS 13u
extern const struct cb_journal_recovery_row cb_journal_recovery_table[CB_JOURNAL_RECOVERY_ROWS];

#endif
