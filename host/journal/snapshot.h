/* Snapshots: the canonical state after one seq, bound to the chain by the hash of the frame that holds it.
 *
 * FILE: header (192 bytes, little-endian), payload (canonical state, opaque here), nothing behind it.
 *     0 u32 magic          CB_SNAPSHOT_MAGIC
 *     4 u16 version        CB_SNAPSHOT_VERSION
 *     6 u16 engine_version whoever restores must know the layout of the payload
 *     8 u64 cluster
 *    16 u64 seq            the last event applied
 *    24 u64 epoch          of its frame
 *    32 u64 frame_no       of its frame
 *    40 u64 generation     of its frame: where replay goes on
 *    48 u64 effects        running effects hash after seq
 *    56 u64 payload_bytes
 *    64 u8  frame_hash[32] SHA-256 of that frame
 *    96 u8  state[32]      SHA-256 of the payload: the state digest
 *   128 s64 last_ns        ingest time of seq
 *   136 u8  zero[48]
 *   184 u32 zero
 *   188 u32 crc            CRC-32C of bytes 0 .. 187 */
#ifndef CB_HOST_JOURNAL_SNAPSHOT_H
#define CB_HOST_JOURNAL_SNAPSHOT_H

#include "host/base/stream.h"
#include "host/journal/frame.h"

#define CB_SNAPSHOT_MAGIC        0x314E5343u /* "CSN1" */
#define CB_SNAPSHOT_VERSION      1u
#define CB_SNAPSHOT_HEADER_BYTES 192u

struct cb_snapshot {
    uint16_t engine_version;
    uint64_t cluster, seq, epoch, frame_no, generation, effects, payload_bytes;
    int64_t last_ns;
    uint8_t frame_hash[CB_JOURNAL_HASH_BYTES];
    uint8_t state[CB_JOURNAL_HASH_BYTES];
};

enum cb_snapshot_flaw {
    CB_SNAPSHOT_SOUND = 0,
    CB_SNAPSHOT_SHORT = 1,     /* ends too early */
    CB_SNAPSHOT_NOT_ONE = 2,   /* magic or version */
    CB_SNAPSHOT_BAD_CRC = 3,   /* header altered */
    CB_SNAPSHOT_MALFORMED = 4, /* header impossible */
    CB_SNAPSHOT_FOREIGN = 5,   /* another cluster */
    CB_SNAPSHOT_ENGINE = 6,    /* another engine version */
    CB_SNAPSHOT_BAD_STATE = 7, /* the payload does not have the digest */
    CB_SNAPSHOT_LONGER = 8     /* bytes behind the payload */
};

void cb_snapshot_encode(uint8_t header[CB_SNAPSHOT_HEADER_BYTES], const struct cb_snapshot *snapshot);
/* Total. cluster 0 and engine_version 0 mean: whatever it says. */
enum cb_snapshot_flaw cb_snapshot_decode(struct cb_snapshot *snapshot,
                                         const uint8_t header[CB_SNAPSHOT_HEADER_BYTES], uint64_t cluster,
                                         uint16_t engine_version);

/* A writer that passes payload on to `out` and keeps its digest and length. Use: begin; write the header with
 * zero digest if the file is seekable, or run the state twice (measure, then write); put the state through
 * &sink->writer; end fills payload_bytes and state. `out` may be NULL: digest and length only. */
struct cb_snapshot_sink {
    struct cb_writer writer;
    struct cb_writer *out;
    struct cb_journal_hasher hasher;
    uint64_t bytes;
};
void cb_snapshot_sink_open(struct cb_snapshot_sink *sink, struct cb_writer *out);
void cb_snapshot_sink_end(struct cb_snapshot_sink *sink, struct cb_snapshot *snapshot);
void cb_snapshot_sink_close(struct cb_snapshot_sink *sink);

/* A reader over a payload that hands out at most payload_bytes of `in` and checks the digest at the end:
 * nothing that was restored may be used before cb_snapshot_source_end said SOUND. */
struct cb_snapshot_source {
    struct cb_reader reader;
    struct cb_reader *in;
    struct cb_journal_hasher hasher;
    uint64_t left;
    struct cb_snapshot snapshot;
};
enum cb_snapshot_flaw cb_snapshot_source_open(struct cb_snapshot_source *source, struct cb_reader *in,
                                              uint64_t cluster, uint16_t engine_version);
/* Returns: SOUND only if the whole payload was taken, `in` ends there and the digest is right. */
enum cb_snapshot_flaw cb_snapshot_source_end(struct cb_snapshot_source *source);
void cb_snapshot_source_close(struct cb_snapshot_source *source);

/* What may be recycled: the last seq of the newest segment that two verified snapshots do not need, with at
 * least `keep_segments` sealed segments kept besides; 0: nothing. seqs: of verified snapshots, any order.
 * last_seqs: of the sealed segments, oldest first. Pure. */
uint64_t cb_snapshot_retain_through(const uint64_t *seqs, uint32_t seq_count, const uint64_t *last_seqs,
                                    uint32_t segment_count, uint32_t keep_segments);

const char *cb_snapshot_flaw_name(enum cb_snapshot_flaw flaw);

#endif
