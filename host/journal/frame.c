#include "host/journal/frame.h"

#include "host/base/assert.h"
#include "host/base/bytes.h"
#include "host/base/crc32c.h"

/* The EVP interface frees and takes memory at every start of a digest; these functions never do. They are
 * deprecated in favour of it, and not going away before libcrypto 4. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <string.h>

#define BLOCK CB_JOURNAL_BLOCK_BYTES

/* ---- SHA-256 ---- */

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct cb_journal_hasher), "the context fits its place");
_Static_assert(SHA256_DIGEST_LENGTH == CB_JOURNAL_HASH_BYTES, "one hash");

static SHA256_CTX *context_of(struct cb_journal_hasher *hasher)
{
    return (SHA256_CTX *)(void *)hasher->context;
}

void cb_journal_hasher_open(struct cb_journal_hasher *hasher)
{
    memset(hasher, 0, sizeof *hasher);
}

void cb_journal_hasher_close(struct cb_journal_hasher *hasher)
{
    memset(hasher, 0, sizeof *hasher);
}

void cb_journal_hasher_start(struct cb_journal_hasher *hasher)
{
    CB_ASSERT(SHA256_Init(context_of(hasher)) == 1);
}

void cb_journal_hasher_add(struct cb_journal_hasher *hasher, const void *data, size_t bytes)
{
    CB_ASSERT(SHA256_Update(context_of(hasher), data, bytes) == 1);
}

void cb_journal_hasher_end(struct cb_journal_hasher *hasher, uint8_t hash[CB_JOURNAL_HASH_BYTES])
{
    CB_ASSERT(SHA256_Final(hash, context_of(hasher)) == 1);
}

void cb_journal_hash(struct cb_journal_hasher *hasher, uint8_t hash[CB_JOURNAL_HASH_BYTES], const void *data,
                     size_t bytes)
{
    cb_journal_hasher_start(hasher);
    cb_journal_hasher_add(hasher, data, bytes);
    cb_journal_hasher_end(hasher, hash);
}

/* ---- a frame alone ---- */

bool cb_journal_zeros(const uint8_t *bytes, uint64_t count)
{
    /* Eight words at a time: this runs over every free byte of a journal. */
    while (count >= 64) {
        uint64_t any = 0;
        for (uint32_t i = 0; i < 64; i += 8) {
            any |= cb_load_u64_le(bytes + i);
        }
        if (any != 0) {
            return false;
        }
        bytes += 64;
        count -= 64;
    }
    for (; count > 0; bytes++, count--) {
        if (*bytes != 0) {
            return false;
        }
    }
    return true;
}

static uint32_t frame_crc(const uint8_t *bytes, uint32_t frame_bytes)
{
    const uint32_t at = offsetof(struct cb_journal_frame, crc);
    static const uint8_t zero[4];
    uint32_t crc = cb_crc32c(0, bytes, at);
    crc = cb_crc32c(crc, zero, sizeof zero);
    return cb_crc32c(crc, bytes + at + 4, frame_bytes - at - 4);
}

/* Walks the records. Returns: whether they fill [header, used_bytes) exactly; *last_delta_ns of the last. */
static bool records_are_sound(const uint8_t *bytes, const struct cb_journal_frame *frame,
                              uint32_t *last_delta_ns)
{
    uint32_t at = CB_JOURNAL_FRAME_HEADER_BYTES;
    uint32_t delta_ns = 0;
    for (uint32_t i = 0; i < frame->count; i++) {
        struct cb_journal_record record;
        if (frame->used_bytes - at < sizeof record) {
            return false;
        }
        memcpy(&record, bytes + at, sizeof record);
        uint32_t room = CB_JOURNAL_RECORD_BYTES(record.body_bytes);
        if (record.body_bytes > CB_JOURNAL_BODY_BYTES_MAX || room > frame->used_bytes - at) {
            return false;
        }
        uint32_t body_end = at + CB_JOURNAL_RECORD_HEADER_BYTES + record.body_bytes;
        if (record.kind == 0 || record.delta_ns < delta_ns || (i == 0 && record.delta_ns != 0) ||
            !cb_journal_zeros(bytes + body_end, at + room - body_end)) {
            return false;
        }
        delta_ns = record.delta_ns;
        at += room;
    }
    *last_delta_ns = delta_ns;
    return at == frame->used_bytes;
}

static bool header_is_sound(const struct cb_journal_frame *f)
{
    uint32_t frame_bytes = f->blocks * BLOCK;
    bool sizes = f->used_bytes >= CB_JOURNAL_FRAME_HEADER_BYTES && f->used_bytes <= frame_bytes &&
                 frame_bytes - f->used_bytes < BLOCK;
    bool numbers = f->generation != 0 && f->epoch != 0 && f->frame_no != 0 && f->first_seq != 0 &&
                   f->oldest != 0 && f->oldest <= f->generation && f->acked_frame < f->frame_no &&
                   f->frame_no - f->acked_frame <= CB_JOURNAL_FRAMES_IN_FLIGHT;
    bool times = f->base_ns >= 0 && f->base_ns <= INT64_MAX - (int64_t)UINT32_MAX;
    bool flags = (f->flags & ~CB_JOURNAL_FLAG_EFFECTS) == 0 && (f->flags != 0 || f->effects == 0);
    return sizes && numbers && times && flags && f->zero == 0 && f->first_seq <= UINT64_MAX - f->count;
}

enum cb_journal_flaw cb_journal_frame_check(struct cb_journal_frame *frame, const uint8_t *bytes,
                                            uint32_t available, uint64_t cluster, uint64_t offset)
{
    CB_ASSERT(available >= BLOCK && available % BLOCK == 0);
    memcpy(frame, bytes, sizeof *frame);
    if (frame->magic != CB_JOURNAL_MAGIC) {
        return cb_journal_zeros(bytes, BLOCK) ? CB_JOURNAL_ZERO : CB_JOURNAL_NO_FRAME;
    }
    uint32_t frame_bytes = frame->blocks * BLOCK;
    if (frame_bytes == 0 || frame_bytes > CB_JOURNAL_FRAME_BYTES_MAX || frame_bytes > available) {
        return CB_JOURNAL_BAD_SIZE;
    }
    if (frame_crc(bytes, frame_bytes) != frame->crc) {
        return CB_JOURNAL_BAD_CRC;
    }
    /* From here on the bytes are as somebody wrote them. */
    if (frame->version != CB_JOURNAL_VERSION) {
        return CB_JOURNAL_BAD_VERSION;
    }
    if (frame->cluster != cluster) {
        return CB_JOURNAL_FOREIGN;
    }
    if (frame->offset != offset) {
        return CB_JOURNAL_MISPLACED;
    }
    uint32_t last_delta_ns;
    if (!header_is_sound(frame) || !records_are_sound(bytes, frame, &last_delta_ns) ||
        !cb_journal_zeros(bytes + frame->used_bytes, frame_bytes - frame->used_bytes)) {
        return CB_JOURNAL_MALFORMED;
    }
    return CB_JOURNAL_SOUND;
}

/* ---- a frame after another ---- */

enum cb_journal_flaw cb_journal_frame_follows(const struct cb_journal_frame *frame,
                                              const struct cb_journal_link *link)
{
    if (frame->generation != link->generation) {
        return CB_JOURNAL_STALE;
    }
    bool follows = frame->frame_no == link->frame_no && frame->first_seq == link->first_seq &&
                   frame->epoch >= link->epoch && frame->oldest >= link->oldest &&
                   frame->base_ns >= link->last_ns && memcmp(frame->prev, link->prev, sizeof link->prev) == 0;
    return follows ? CB_JOURNAL_SOUND : CB_JOURNAL_BROKEN;
}

void cb_journal_link_after(struct cb_journal_link *link, const struct cb_journal_frame *frame,
                           const uint8_t *bytes, struct cb_journal_hasher *hasher)
{
    uint32_t last_delta_ns;
    CB_ASSERT(records_are_sound(bytes, frame, &last_delta_ns));
    link->generation = frame->generation;
    link->frame_no = frame->frame_no + 1;
    link->first_seq = frame->first_seq + frame->count;
    link->epoch = frame->epoch;
    link->oldest = frame->oldest;
    link->last_ns = frame->base_ns + (int64_t)last_delta_ns;
    cb_journal_hash(hasher, link->prev, bytes, frame->blocks * BLOCK);
}

void cb_journal_frame_seal(uint8_t *bytes, struct cb_journal_frame *frame)
{
    uint32_t frame_bytes = frame->blocks * BLOCK;
    CB_ASSERT(frame_bytes != 0 && frame_bytes <= CB_JOURNAL_FRAME_BYTES_MAX);
    frame->magic = CB_JOURNAL_MAGIC;
    frame->version = CB_JOURNAL_VERSION;
    frame->zero = 0;
    CB_ASSERT(header_is_sound(frame));
    memset(bytes + frame->used_bytes, 0, frame_bytes - frame->used_bytes);
    memcpy(bytes, frame, sizeof *frame);
    frame->crc = frame_crc(bytes, frame_bytes);
    memcpy(bytes, frame, sizeof *frame);
}

uint32_t cb_journal_record_read(struct cb_event *event, const uint8_t *bytes, uint32_t at, uint64_t seq,
                                int64_t base_ns)
{
    struct cb_journal_record record;
    memcpy(&record, bytes + at, sizeof record);
    *event = (struct cb_event){.seq = seq,
                               .ingest_ns = base_ns + (int64_t)record.delta_ns,
                               .kind = record.kind,
                               .session = record.session,
                               .session_seq = record.session_seq,
                               .body = bytes + at + CB_JOURNAL_RECORD_HEADER_BYTES,
                               .body_bytes = record.body_bytes};
    return at + CB_JOURNAL_RECORD_BYTES(record.body_bytes);
}

const char *cb_journal_flaw_name(enum cb_journal_flaw flaw)
{
    static const char *const NAMES[CB_JOURNAL_FLAW_COUNT] = {
        [CB_JOURNAL_SOUND] = "sound",
        [CB_JOURNAL_UNREADABLE] = "the disk does not read it",
        [CB_JOURNAL_ZERO] = "zeros where a frame should be",
        [CB_JOURNAL_NO_FRAME] = "not a frame",
        [CB_JOURNAL_BAD_VERSION] = "a format version this build does not know",
        [CB_JOURNAL_BAD_SIZE] = "an impossible frame size",
        [CB_JOURNAL_BAD_CRC] = "altered or torn (checksum)",
        [CB_JOURNAL_FOREIGN] = "written by another cluster",
        [CB_JOURNAL_MISPLACED] = "written for another offset",
        [CB_JOURNAL_MALFORMED] = "checksum right, contents impossible",
        [CB_JOURNAL_STALE] = "of another segment generation",
        [CB_JOURNAL_BROKEN] = "does not follow from the frame before (chain)",
        [CB_JOURNAL_STRAY] = "stray bytes behind the last frame of a segment",
        [CB_JOURNAL_MISSING] = "a segment is missing",
        [CB_JOURNAL_TWICE] = "a segment is there twice",
        [CB_JOURNAL_TORN] = "a torn tail, which recovery would cut",
    };
    CB_ASSERT((uint32_t)flaw < CB_JOURNAL_FLAW_COUNT);
    return NAMES[flaw];
}
