#include "host/journal/snapshot.h"

#include "host/base/assert.h"
#include "host/base/bytes.h"
#include "host/base/crc32c.h"

#include <string.h>

#define CRC_AT (CB_SNAPSHOT_HEADER_BYTES - 4u)

void cb_snapshot_encode(uint8_t header[CB_SNAPSHOT_HEADER_BYTES], const struct cb_snapshot *s)
{
    memset(header, 0, CB_SNAPSHOT_HEADER_BYTES);
    cb_store_u32_le(header, CB_SNAPSHOT_MAGIC);
    cb_store_u16_le(header + 4, CB_SNAPSHOT_VERSION);
    cb_store_u16_le(header + 6, s->engine_version);
    cb_store_u64_le(header + 8, s->cluster);
    cb_store_u64_le(header + 16, s->seq);
    cb_store_u64_le(header + 24, s->epoch);
    cb_store_u64_le(header + 32, s->frame_no);
    cb_store_u64_le(header + 40, s->generation);
    cb_store_u64_le(header + 48, s->effects);
    cb_store_u64_le(header + 56, s->payload_bytes);
    memcpy(header + 64, s->frame_hash, CB_JOURNAL_HASH_BYTES);
    memcpy(header + 96, s->state, CB_JOURNAL_HASH_BYTES);
    cb_store_s64_le(header + 128, s->last_ns);
    cb_store_u32_le(header + CRC_AT, cb_crc32c(0, header, CRC_AT));
}

enum cb_snapshot_flaw cb_snapshot_decode(struct cb_snapshot *s,
                                         const uint8_t header[CB_SNAPSHOT_HEADER_BYTES], uint64_t cluster,
                                         uint16_t engine_version)
{
    memset(s, 0, sizeof *s);
    if (cb_load_u32_le(header) != CB_SNAPSHOT_MAGIC) {
        return CB_SNAPSHOT_NOT_ONE;
    }
    if (cb_load_u32_le(header + CRC_AT) != cb_crc32c(0, header, CRC_AT)) {
        return CB_SNAPSHOT_BAD_CRC;
    }
    if (cb_load_u16_le(header + 4) != CB_SNAPSHOT_VERSION) {
        return CB_SNAPSHOT_NOT_ONE;
    }
    s->engine_version = cb_load_u16_le(header + 6);
    s->cluster = cb_load_u64_le(header + 8);
    s->seq = cb_load_u64_le(header + 16);
    s->epoch = cb_load_u64_le(header + 24);
    s->frame_no = cb_load_u64_le(header + 32);
    s->generation = cb_load_u64_le(header + 40);
    s->effects = cb_load_u64_le(header + 48);
    s->payload_bytes = cb_load_u64_le(header + 56);
    memcpy(s->frame_hash, header + 64, CB_JOURNAL_HASH_BYTES);
    memcpy(s->state, header + 96, CB_JOURNAL_HASH_BYTES);
    s->last_ns = cb_load_s64_le(header + 128);
    bool zeros = true;
    for (uint32_t i = 136; i < CRC_AT; i++) {
        zeros = zeros && header[i] == 0;
    }
    if (!zeros || s->cluster == 0 || s->seq == 0 || s->epoch == 0 || s->frame_no == 0 || s->generation == 0 ||
        s->last_ns < 0 || s->payload_bytes > INT64_MAX) {
        return CB_SNAPSHOT_MALFORMED;
    }
    if (cluster != 0 && s->cluster != cluster) {
        return CB_SNAPSHOT_FOREIGN;
    }
    if (engine_version != 0 && s->engine_version != engine_version) {
        return CB_SNAPSHOT_ENGINE;
    }
    return CB_SNAPSHOT_SOUND;
}

/* ---- out ---- */

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
    snapshot->payload_bytes = sink->bytes;
    cb_journal_hasher_end(&sink->hasher, snapshot->state);
}

void cb_snapshot_sink_close(struct cb_snapshot_sink *sink)
{
    cb_journal_hasher_close(&sink->hasher);
}

/* ---- in ---- */

static bool source_get(void *self, void *data, size_t bytes)
{
    struct cb_snapshot_source *source = self;
    if (bytes > source->left) {
        return false; /* what restores asks for more than was saved */
    }
    cb_get_bytes(source->in, data, bytes);
    if (source->in->failed) {
        return false;
    }
    cb_journal_hasher_add(&source->hasher, data, bytes);
    source->left -= bytes;
    return true;
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
    source->left = flaw == CB_SNAPSHOT_SOUND ? source->snapshot.payload_bytes : 0;
    return flaw;
}

enum cb_snapshot_flaw cb_snapshot_source_end(struct cb_snapshot_source *source)
{
    uint8_t state[CB_JOURNAL_HASH_BYTES], more;
    if (source->in->failed) {
        return CB_SNAPSHOT_SHORT;
    }
    if (source->reader.failed || source->left != 0) {
        return CB_SNAPSHOT_BAD_STATE; /* what restores wanted more, or less, than was saved */
    }
    if (source->in->get(source->in->self, &more, 1)) {
        return CB_SNAPSHOT_LONGER;
    }
    cb_journal_hasher_end(&source->hasher, state);
    return memcmp(state, source->snapshot.state, sizeof state) == 0 ? CB_SNAPSHOT_SOUND
                                                                    : CB_SNAPSHOT_BAD_STATE;
}

void cb_snapshot_source_close(struct cb_snapshot_source *source)
{
    cb_journal_hasher_close(&source->hasher);
}

/* ---- retention ---- */

uint64_t cb_snapshot_retain_through(const uint64_t *seqs, uint32_t seq_count, const uint64_t *last_seqs,
                                    uint32_t segment_count, uint32_t keep_segments)
{
    /* The second greatest distinct seq: two copies of one snapshot are one. */
    uint64_t first = 0, second = 0;
    for (uint32_t i = 0; i < seq_count; i++) {
        if (seqs[i] > first) {
            second = first;
            first = seqs[i];
        } else if (seqs[i] < first && seqs[i] > second) {
            second = seqs[i];
        }
    }
    uint64_t through = 0;
    for (uint32_t i = 0; i < segment_count && segment_count - i > keep_segments; i++) {
        CB_ASSERT(i == 0 || last_seqs[i] >= last_seqs[i - 1]);
        if (last_seqs[i] <= second) {
            through = last_seqs[i];
        }
    }
    return through;
}

const char *cb_snapshot_flaw_name(enum cb_snapshot_flaw flaw)
{
    switch (flaw) {
    case CB_SNAPSHOT_SOUND:
        return "sound";
    case CB_SNAPSHOT_SHORT:
        return "ends too early";
    case CB_SNAPSHOT_NOT_ONE:
        return "not a snapshot, or of an unknown version";
    case CB_SNAPSHOT_BAD_CRC:
        return "header altered (checksum)";
    case CB_SNAPSHOT_MALFORMED:
        return "header impossible";
    case CB_SNAPSHOT_FOREIGN:
        return "of another cluster";
    case CB_SNAPSHOT_ENGINE:
        return "of another engine version";
    case CB_SNAPSHOT_BAD_STATE:
        return "the state does not have the digest";
    case CB_SNAPSHOT_LONGER:
        return "goes on behind its end";
    }
    return "unknown";
}
