/* The journal format: what is on disk, and what makes it valid.
 *
 * CONCEPTS
 *   slot      one fixed-size file of the disk port, a multiple of 4 KiB, first written with zeros. A journal
 * is a fixed set of equal slots. segment   what one slot holds now: frames of one `generation`, packed from
 * offset 0, then zeros up to the end. Generations are 1, 2, 3 ... without a gap in time; any free slot may
 * take the next one. frame     one commit: a header, records, zero padding up to `blocks` x 4 KiB. It never
 * crosses a segment. record    one event: a 16-byte header, the body, zero padding to 8 bytes. chain frames
 * in order of frame_no; each holds the SHA-256 of the whole frame before it, over segment boundaries too.
 *   free slot all zero. A segment that is no longer needed is declared so (`oldest` of a durable frame)
 * before its slot is zeroed again, so that a missing segment and a recycled one are never confused.
 *
 * FRAME HEADER (144 bytes, little-endian; struct cb_journal_frame is this layout)
 *     0 u32 magic        CB_JOURNAL_MAGIC
 *     4 u16 version      CB_JOURNAL_VERSION
 *     6 u16 blocks       size of the frame in 4 KiB blocks, 1 .. 128
 *     8 u64 cluster      identity of the journal, from the configuration; not 0
 *    16 u64 generation   of the segment
 *    24 u64 offset       of the frame in the segment, bytes
 *    32 u64 epoch        leadership; never decreases along the chain; not 0
 *    40 u64 frame_no     1, 2, 3 ... over the whole journal
 *    48 u64 first_seq    seq of the first record: one more than the last of the frame before (1 at the start)
 *    56 u32 count        records; 0 only in a frame that just declares a newer `oldest`
 *    60 u32 used_bytes   header and records; all after it is zero
 *    64 s64 base_ns      ingest time of the first record; never below that of the record before
 *    72 u64 acked_frame  greatest frame_no that was durable when this frame was sealed; < frame_no and,
 *                        as four are in flight at most, >= frame_no - 4
 *    80 u64 oldest       least generation that is still part of the journal; never decreases; <= generation
 *    88 u64 effects      running effects hash before the first record, where flag EFFECTS is set; else 0
 *    96 u32 flags        CB_JOURNAL_FLAG_EFFECTS or 0
 *   100 u32 crc          CRC-32C of the whole frame, padding included, with this field as zero
 *   104 u8  prev[32]     SHA-256 of the whole frame before; 32 zero bytes for frame 1
 *   136 u64 zero
 *
 * RECORD HEADER (16 bytes)
 *     0 u16 body_bytes   0 .. CB_JOURNAL_BODY_BYTES_MAX
 *     2 u8  kind         enum cb_event_kind; not 0
 *     3 u8  session
 *     4 u32 delta_ns     from the frame's base_ns; never decreases within the frame
 *     8 u64 session_seq
 *
 * VALIDITY. A block sequence at (slot, offset) is a *sound frame* if all of the above that needs no other
 * frame holds: magic, version, cluster of this journal, 1 <= blocks, offset + blocks * 4096 within the slot,
 * offset equal to where it is, CRC, count and used_bytes consistent with the records walked one by one, bytes
 * after used_bytes zero, acked_frame < frame_no, oldest <= generation. It is *in the chain* if, further,
 * generation, frame_no, first_seq, base_ns, epoch, oldest and prev follow from the frame before. The first
 * frame of the oldest segment kept has no frame before it here: only frame 1 must have prev zero and
 * first_seq 1.
 *
 * A journal is *whole* if the generations oldest .. newest are each in exactly one slot, the chain runs
 * through them without a break, every byte behind the last frame of each segment is zero, and every other
 * slot is free or recycled (its frames are older than `oldest`). Frames are written up to four at a time, so
 * that after a crash frame k+1 may be there and k not: docs/journal.md has the table that tells a torn tail
 * from damage.
 *
 * Limit: damage to the last frames, which no later frame calls durable, looks like a torn tail. */
#ifndef CB_CLEARBOX_JOURNAL_H
#define CB_CLEARBOX_JOURNAL_H

#include "clearbox/limits.h"

#include <stddef.h>
#include <stdint.h>

#define CB_JOURNAL_MAGIC   0x314A4243u /* "CBJ1" */
#define CB_JOURNAL_VERSION 1u

#define CB_JOURNAL_FLAG_EFFECTS 1u

#define CB_JOURNAL_HASH_BYTES          32u
#define CB_JOURNAL_FRAME_HEADER_BYTES  144u
#define CB_JOURNAL_RECORD_HEADER_BYTES 16u
#define CB_JOURNAL_BODY_BYTES_MAX      32768u
#define CB_JOURNAL_SEGMENT_BYTES       (64u * 1024u * 1024u) /* unless the journal was made otherwise */
#define CB_JOURNAL_SEGMENT_BYTES_MIN   (64u * 1024u)
#define CB_JOURNAL_SLOTS_MIN           1u

/* Room a record takes in a frame. */
#define CB_JOURNAL_RECORD_BYTES(body_bytes)                                                                  \
    (CB_JOURNAL_RECORD_HEADER_BYTES + (((uint32_t)(body_bytes) + 7u) & ~7u))

struct cb_journal_frame {
    uint32_t magic;
    uint16_t version;
    uint16_t blocks;
    uint64_t cluster;
    uint64_t generation;
    uint64_t offset;
    uint64_t epoch;
    uint64_t frame_no;
    uint64_t first_seq;
    uint32_t count;
    uint32_t used_bytes;
    int64_t base_ns;
    uint64_t acked_frame;
    uint64_t oldest;
    uint64_t effects;
    uint32_t flags;
    uint32_t crc;
    uint8_t prev[CB_JOURNAL_HASH_BYTES];
    uint64_t zero;
};
_Static_assert(sizeof(struct cb_journal_frame) == CB_JOURNAL_FRAME_HEADER_BYTES, "frame header");
_Static_assert(offsetof(struct cb_journal_frame, generation) == 16, "frame header");
_Static_assert(offsetof(struct cb_journal_frame, count) == 56, "frame header");
_Static_assert(offsetof(struct cb_journal_frame, effects) == 88, "frame header");
_Static_assert(offsetof(struct cb_journal_frame, crc) == 100, "frame header");
_Static_assert(offsetof(struct cb_journal_frame, prev) == 104, "frame header");
_Static_assert(CB_JOURNAL_FRAME_BYTES_MAX / CB_JOURNAL_BLOCK_BYTES == 128, "blocks of the greatest frame");

struct cb_journal_record {
    uint16_t body_bytes;
    uint8_t kind;
    uint8_t session;
    uint32_t delta_ns;
    uint64_t session_seq;
};
_Static_assert(sizeof(struct cb_journal_record) == CB_JOURNAL_RECORD_HEADER_BYTES, "record header");

/* What is wrong with a block, a frame or a journal. The first that applies, in this order of checking. */
enum cb_journal_flaw {
    CB_JOURNAL_SOUND = 0,
    CB_JOURNAL_UNREADABLE = 1,  /* the disk refused to read it, or read short */
    CB_JOURNAL_ZERO = 2,        /* a block of zeros where a frame should be */
    CB_JOURNAL_NO_FRAME = 3,    /* neither zeros nor a frame: no magic */
    CB_JOURNAL_BAD_VERSION = 4, /* a version this build does not know */
    CB_JOURNAL_BAD_SIZE = 5,    /* blocks is 0, too great, or passes the end of the slot */
    CB_JOURNAL_BAD_CRC = 6,     /* altered or torn */
    CB_JOURNAL_FOREIGN = 7,     /* sound bytes of another cluster */
    CB_JOURNAL_MISPLACED = 8,   /* sound bytes, written for another offset */
    CB_JOURNAL_MALFORMED = 9,   /* CRC right, but counts, records, padding or reserved bytes are not */
    CB_JOURNAL_STALE = 10,      /* sound, but of another generation than its place asks for */
    CB_JOURNAL_BROKEN = 11,     /* sound, but does not follow from the frame before */
    CB_JOURNAL_STRAY = 12,      /* bytes that are not zero behind the last frame of a segment */
    CB_JOURNAL_MISSING = 13,    /* a segment between oldest and newest is in no slot */
    CB_JOURNAL_TWICE = 14,      /* a generation is in two slots */
    CB_JOURNAL_TORN = 15,       /* the tail a crash leaves; recovery would cut it */
    CB_JOURNAL_FLAW_COUNT
};

#endif
