/* Reading a whole journal: what is in every slot, how far the chain runs, and what is wrong first. Used by
 * recovery, which may cut, and by verify, which never writes. Memory is bounded: one frame buffer and one
 * entry per slot. */
#ifndef CB_HOST_JOURNAL_SCAN_H
#define CB_HOST_JOURNAL_SCAN_H

#include "clearbox/disk.h"
#include "host/base/arena.h"
#include "host/journal/view.h"

struct cb_journal_slot {
    uint64_t generation; /* of its first frame; 0: none */
    uint64_t first_seq, last_seq;
    uint64_t first_frame;
    uint64_t least_generation; /* of any sound frame in it; 0: none */
    uint64_t end;              /* offset behind its last frame in the chain */
    uint64_t nonzero_begin;    /* offset of the first block that is not zero, where nonzero_end is not 0 */
    uint64_t nonzero_end;      /* offset behind the last block that is not zero */
    bool zero;                 /* every byte */
    bool in_chain;
    bool recycled; /* holds what is older than `oldest`, not all of it zeroed yet */
};

#define CB_JOURNAL_SLOT_NONE 0xFFFFFFFFu

/* What a scan can find out, most serious first: recovery decides by these and nothing else. */
enum cb_journal_fact {
    CB_JOURNAL_FACT_UNREADABLE = 1 << 0, /* the disk did not give a block */
    CB_JOURNAL_FACT_FOREIGN = 1 << 1,    /* a frame of another cluster */
    CB_JOURNAL_FACT_VERSION = 1 << 2,    /* a frame of an unknown version */
    CB_JOURNAL_FACT_TWICE = 1 << 3,      /* a generation in two slots */
    CB_JOURNAL_FACT_NO_START = 1 << 4,   /* the oldest segment declared is not there */
    CB_JOURNAL_FACT_STRAY = 1 << 5,      /* bytes behind the last frame of a sealed segment */
    CB_JOURNAL_FACT_ACKED = 1 << 6,      /* a frame that was durable is missing or damaged */
    CB_JOURNAL_FACT_IMPOSSIBLE = 1 << 7, /* behind the end, a sound frame that no crash can leave there */
    CB_JOURNAL_FACT_FAR = 1 << 8,        /* more behind the end than can have been in flight */
    CB_JOURNAL_FACT_TAIL = 1 << 9,       /* something that is not zero behind the end */
    CB_JOURNAL_FACT_NO_FRAME = 1 << 10,  /* not one sound frame */
    CB_JOURNAL_FACT_FENCED = 1 << 11 /* set by recovery: the chain is of a later epoch than the caller's */
};
#define CB_JOURNAL_FACTS 12u

/* In flight, open and spare. */
#define CB_JOURNAL_TAIL_BYTES_MAX ((CB_JOURNAL_FRAMES_IN_FLIGHT + 2u) * CB_JOURNAL_FRAME_BYTES_MAX)

/* Where and what, for a person and for a test. */
struct cb_journal_problem {
    enum cb_journal_flaw flaw;
    uint32_t slot;
    uint64_t generation; /* expected there; 0: unknown */
    uint64_t offset;     /* bytes into the slot */
    uint64_t frame_no;   /* the frame that should be there; 0: none */
};

/* Where a frame of the chain is that no later frame calls durable. */
struct cb_journal_unattested {
    uint32_t slot;
    uint64_t offset;
};

struct cb_journal_scan {
    struct cb_disk *disk;
    uint64_t cluster;
    struct cb_journal_view view;
    struct cb_journal_hasher hasher;
    struct cb_journal_slot *slots; /* disk->slots of them */

    /* results of cb_journal_scan_run */
    uint32_t facts;                                       /* of enum cb_journal_fact */
    struct cb_journal_problem problems[CB_JOURNAL_FACTS]; /* the first of each kind */
    uint64_t sound;                                       /* sound frames anywhere */
    uint64_t oldest, newest;  /* greatest `oldest` declared, greatest generation of a first frame; 0: none */
    uint64_t acked_frame;     /* greatest of any sound frame, in the chain or not */
    uint64_t frames, records; /* in the chain */
    uint64_t first_seq;       /* in the chain; 0: none */
    uint64_t last_frame, last_seq; /* in the chain; 0: none */
    uint64_t chain_newest;         /* generation of its last frame; 0: none */
    uint32_t end_slot;             /* where the chain ends, and the next frame goes if it fits */
    uint64_t end_offset;
    enum cb_journal_flaw end_flaw; /* what is there instead of the next frame */
    struct cb_journal_link link;   /* what the next frame must follow from */
    struct cb_journal_unattested unattested[CB_JOURNAL_FRAMES_IN_FLIGHT];
    uint32_t unattested_count;
    uint32_t recycled;                 /* slots */
    struct cb_journal_problem problem; /* of verify: the first; flaw SOUND: whole */
};

size_t cb_journal_scan_footprint(const struct cb_disk *disk);
/* Requires: cluster is not 0, disk geometry within limits. The buffer is 4 KiB aligned. */
void cb_journal_scan_init(struct cb_journal_scan *scan, struct cb_arena *arena, struct cb_disk *disk,
                          uint64_t cluster);
void cb_journal_scan_close(struct cb_journal_scan *scan);

/* Reads everything once. Bounds: each byte of each slot is read at most four times. */
void cb_journal_scan_run(struct cb_journal_scan *scan);

/* Verify: never writes. Returns: whether the journal is whole; else scan->problem has the first problem. A
 * torn tail, which recovery would cut, is reported as CB_JOURNAL_TORN. */
bool cb_journal_verify(struct cb_journal_scan *scan);

#endif
