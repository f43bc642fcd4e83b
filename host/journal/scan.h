/* Reading a whole journal: what is in every slot, how far the chain runs, and what is wrong first. Used by
 * recovery, which may cut, and by verify, which never writes. Memory is bounded: one frame buffer and one
 * entry per slot. */
#ifndef CB_HOST_JOURNAL_SCAN_H
#define CB_HOST_JOURNAL_SCAN_H

#include "clearbox/disk.h"
#include "host/base/arena.h"
#include "host/journal/frame.h"

struct cb_journal_slot {
    uint64_t generation; /* of its first frame; 0: none */
    uint64_t first_seq, last_seq;
    uint64_t first_frame;
    uint64_t end; /* offset behind its last frame in the chain */
    bool zero;    /* every byte */
};

/* Where and what, for a person and for a test. */
struct cb_journal_problem {
    enum cb_journal_flaw flaw;
    uint32_t slot;
    uint64_t generation; /* expected there; 0: unknown */
    uint64_t offset;     /* bytes into the slot */
    uint64_t frame_no;   /* the frame that should be there; 0: none */
};

struct cb_journal_scan {
    struct cb_disk *disk;
    uint64_t cluster;
    uint8_t *buffer; /* CB_JOURNAL_FRAME_BYTES_MAX or the slot, whichever is less */
    uint32_t buffer_bytes;
    struct cb_journal_hasher hasher;
    struct cb_journal_slot *slots; /* disk->slots of them */

    /* results of cb_journal_scan_run */
    uint64_t oldest, newest;       /* generations of the chain; 0: no frame at all */
    uint64_t frames, records;      /* in the chain */
    uint64_t last_frame, last_seq; /* in the chain; 0: none */
    uint64_t first_seq;            /* of the oldest segment kept */
    uint64_t acked_frame;          /* greatest of any sound frame of this cluster, in the chain or not */
    uint32_t end_slot;             /* where the chain ends, and the next frame goes */
    uint64_t end_offset;
    struct cb_journal_link link;       /* what the next frame must follow from */
    bool tail;                         /* something that is not zero lies behind the end of the chain */
    uint32_t recycled;                 /* slots that hold bytes of segments older than `oldest` */
    struct cb_journal_problem problem; /* the first; flaw SOUND: whole */
};

size_t cb_journal_scan_footprint(const struct cb_disk *disk);
/* Requires: cluster is not 0, disk geometry within limits. The buffer is 4 KiB aligned. */
void cb_journal_scan_init(struct cb_journal_scan *scan, struct cb_arena *arena, struct cb_disk *disk,
                          uint64_t cluster);
void cb_journal_scan_close(struct cb_journal_scan *scan);

/* Reads everything once. Bounds: each byte of each slot is read at most three times. */
void cb_journal_scan_run(struct cb_journal_scan *scan);

/* Verify: never writes. Returns: whether the journal is whole; else scan->problem has the first problem. A
 * torn tail, which recovery would cut, is reported as CB_JOURNAL_TORN. */
bool cb_journal_verify(struct cb_journal_scan *scan);

#endif
