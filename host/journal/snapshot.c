#include "host/journal/snapshot.h"

#include "host/base/assert.h"
#include "host/base/bytes.h"
#include "host/base/crc32c.h"

#include <string.h>

#define CRC_AT (CB_SNAPSHOT_HEADER_BYTES - 4u)

void cb_snapshot_encode(uint8_t h[CB_SNAPSHOT_HEADER_BYTES], const struct cb_snapshot *s)
{
    memset(h, 0, CB_SNAPSHOT_HEADER_BYTES);
    cb_store_u32_le(h, CB_SNAPSHOT_MAGIC);
    cb_store_u16_le(h + 4, CB_SNAPSHOT_VERSION);
    cb_store_u16_le(h + 6, s->engine_version);
    cb_store_u64_le(h + 8, s->cluster);
    cb_store_u64_le(h + 16, s->seq);
    cb_store_u64_le(h + 24, s->epoch);
    cb_store_u64_le(h + 32, s->frame_no);
    cb_store_u64_le(h + 40, s->generation);
    cb_store_u64_le(h + 48, s->effects);
    cb_store_u64_le(h + 56, s->payload_bytes);
    memcpy(h + 64, s->frame_hash, CB_JOURNAL_HASH_BYTES);
    memcpy(h + 96, s->state, CB_JOURNAL_HASH_BYTES);
    cb_store_s64_le(h + 128, s->last_ns);
    cb_store_u32_le(h + CRC_AT, cb_crc32c(0, h, CRC_AT));
}

enum cb_snapshot_flaw cb_snapshot_decode(struct cb_snapshot *s, const uint8_t h[CB_SNAPSHOT_HEADER_BYTES],
                                         uint64_t cluster, uint16_t engine_version)
{
    *s = (struct cb_snapshot){
        .engine_version = cb_load_u16_le(h + 6),
        .cluster = cb_load_u64_le(h + 8),
        .seq = cb_load_u64_le(h + 16),
        .epoch = cb_load_u64_le(h + 24),
        .frame_no = cb_load_u64_le(h + 32),
        .generation = cb_load_u64_le(h + 40),
        .effects = cb_load_u64_le(h + 48),
        .payload_bytes = cb_load_u64_le(h + 56),
        .last_ns = cb_load_s64_le(h + 128),
    };
    memcpy(s->frame_hash, h + 64, CB_JOURNAL_HASH_BYTES);
    memcpy(s->state, h + 96, CB_JOURNAL_HASH_BYTES);
    if (cb_load_u32_le(h) != CB_SNAPSHOT_MAGIC || cb_load_u16_le(h + 4) != CB_SNAPSHOT_VERSION) {
        return CB_SNAPSHOT_NOT_ONE;
    }
    if (cb_load_u32_le(h + CRC_AT) != cb_crc32c(0, h, CRC_AT)) {
        return CB_SNAPSHOT_BAD_CRC;
    }
    uint8_t zero = 0;
    for (uint32_t i = 136; i < CRC_AT; i++) {
        zero |= h[i];
    }
    if (zero != 0 || s->seq == 0 || s->epoch == 0 || s->frame_no == 0 || s->generation == 0 || s->cluster == 0 ||
        s->last_ns < 0) {
        return CB_SNAPSHOT_MALFORMED;
    }
    if (cluster != 0 && s->cluster != cluster) {
        return CB_SNAPSHOT_FOREIGN;
    }
    return engine_version != 0 && s->engine_version != engine_version ? CB_SNAPSHOT_ENGINE : CB_SNAPSHOT_SOUND;
}

static void sink_put(void *self, const void *data, size_t bytes)
{
    struct cb_snapshot_sink *sink = self;
    cb_journal_hasher_add(&sink->hasher, data, bytes);
    sink->bytes += bytes;
    if (sink->out != NULL) {
        cb_put_bytes(sink->out, data, bytes);
    }
}

void cb_snapshot_sink_open(struct cb_snapshot_sink *sink, struct cb_writer *out)
{
    *sink = (struct cb_snapshot_sink){.writer = {.self = sink, .put = sink_put}, .out = out};
    cb_journal_hasher_open(&sink->hasher);
    cb_journal_hasher_start(&sink->hasher);
}

void cb_snapshot_sink_end(struct cb_snapshot_sink *sink, struct cb_snapshot *snapshot)
{
    cb_journal_hasher_end(&sink->hasher, snapshot->state);
    snapshot->payload_bytes = sink->bytes;
}

void cb_snapshot_sink_close(struct cb_snapshot_sink *sink)
{
    cb_journal_hasher_close(&sink->hasher);
}

static bool source_get(void *self, void *data, size_t bytes)
{
    struct cb_snapshot_source *source = self;
    if (bytes > source->left) {
        return false;
    }
    cb_get_bytes(source->in, data, bytes);
    source->left -= bytes;
    cb_journal_hasher_add(&source->hasher, data, bytes);
    return !source->in->failed;
}

enum cb_snapshot_flaw cb_snapshot_source_open(struct cb_snapshot_source *source, struct cb_reader *in,
                                              uint64_t cluster, uint16_t engine_version)
{
    uint8_t header[CB_SNAPSHOT_HEADER_BYTES];
    *source = (struct cb_snapshot_source){.reader = {.self = source, .get = source_get}, .in = in};
    cb_journal_hasher_open(&source->hasher);
    cb_journal_hasher_start(&source->hasher);
    cb_get_bytes(in, header, sizeof header);
    if (in->failed) {
        return CB_SNAPSHOT_SHORT;
    }
    enum cb_snapshot_flaw flaw = cb_snapshot_decode(&source->snapshot, header, cluster, engine_version);
    source->left = source->snapshot.payload_bytes;
    return flaw;
}

enum cb_snapshot_flaw cb_snapshot_source_end(struct cb_snapshot_source *source)
{
    uint8_t hash[CB_JOURNAL_HASH_BYTES], extra;
    if (source->left != 0 || source->reader.failed) {
        return CB_SNAPSHOT_SHORT;
    }
    cb_journal_hasher_end(&source->hasher, hash);
    if (memcmp(hash, source->snapshot.state, sizeof hash) != 0) {
        return CB_SNAPSHOT_BAD_STATE;
    }
    return source->in->get(source->in->self, &extra, 1) ? CB_SNAPSHOT_LONGER : CB_SNAPSHOT_SOUND;
}

void cb_snapshot_source_close(struct cb_snapshot_source *source)
{
    cb_journal_hasher_close(&source->hasher);
}

uint64_t cb_snapshot_retain_through(const uint64_t *seqs, uint32_t seq_count, const uint64_t *last_seqs,
                                    uint32_t segment_count, uint32_t keep_segments)
{
    uint64_t newest = 0, second = 0;
    for (uint32_t i = 0; i < seq_count; i++) {
        if (seqs[i] > newest) {
            second = newest;
            newest = seqs[i];
        } else if (seqs[i] > second && seqs[i] != newest) {
            second = seqs[i];
        }
    }
    uint64_t through = 0;
    for (uint32_t i = 0; i + keep_segments < segment_count; i++) {
        if (last_seqs[i] <= second && last_seqs[i] > through) {
            through = last_seqs[i];
        }
    }
    return through;
}

const char *cb_snapshot_flaw_name(enum cb_snapshot_flaw flaw)
{
    static const char *const names[] = {"sound",
                                        "ends too early",
                                        "is no snapshot of this version",
                                        "header altered (checksum)",
                                        "header impossible",
                                        "of another cluster",
                                        "of another engine version",
                                        "state altered (digest)",
                                        "bytes behind its end"};
    return (unsigned)flaw < sizeof names / sizeof names[0] ? names[flaw] : "?";
}
