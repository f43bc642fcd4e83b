#include "host/journal/commit.h"

#include "host/base/assert.h"
#include "host/journal/space.h"

#include <string.h>

#define BLOCK  CB_JOURNAL_BLOCK_BYTES
#define HEADER CB_JOURNAL_FRAME_HEADER_BYTES

/* An open frame that can not take one more message is as good as full. */
#define FULL_BELOW CB_JOURNAL_RECORD_BYTES(CB_MESSAGE_BYTES_MAX)

/* What is hashed before completions are looked at again: about 35 us of SHA-256, less than a small write
 * takes. */
#define HASH_BYTES (64u * 1024u)

enum buffer_state { FREE = 0, OPEN = 1, CLOSED = 2, SEALED = 3, FLYING = 4, DONE = 5 };

static struct cb_journal_buffer *buffer_at(struct cb_journal *j, uint64_t count)
{
    return &j->buffers[count % CB_JOURNAL_BUFFERS];
}

struct cb_journal_buffer *cb_journal_commit_open(struct cb_journal *j, uint64_t left, int64_t base_ns)
{
    struct cb_journal_buffer *b = buffer_at(j, j->head);
    CB_ASSERT(b->state == FREE && !j->open);
    b->state = OPEN;
    b->reaches_end = left <= j->config.frame_bytes_max;
    b->capacity = b->reaches_end ? (uint32_t)left : j->config.frame_bytes_max;
    b->slot = j->slot;
    b->last_seq = j->last_seq;
    b->frame = (struct cb_journal_frame){.cluster = j->config.cluster,
                                         .generation = j->generation,
                                         .offset = j->offset,
                                         .epoch = j->epoch,
                                         .frame_no = j->next_frame++,
                                         .first_seq = j->last_seq + 1,
                                         .used_bytes = HEADER,
                                         .base_ns = base_ns};
    if (j->effects_known) {
        b->frame.effects = j->effects;
        b->frame.flags = CB_JOURNAL_FLAG_EFFECTS;
    }
    j->open = true;
    return b;
}

void cb_journal_commit_close(struct cb_journal *j)
{
    struct cb_journal_buffer *b = buffer_at(j, j->head);
    CB_ASSERT(j->open && b->state == OPEN);
    b->frame.blocks = (uint16_t)((b->frame.used_bytes + BLOCK - 1u) / BLOCK);
    b->state = CLOSED;
    j->spaces[b->slot].last_seq = b->last_seq;
    j->offset += b->frame.blocks * BLOCK;
    j->open = false;
    j->head++;
}

uint32_t cb_journal_commit_used(const struct cb_journal *j)
{
    bool held = j->unhashed && j->tail == j->submit;
    return (uint32_t)(j->head - j->tail) + (j->open ? 1u : 0u) + (held ? 1u : 0u);
}

/* ---- the chain ---- */

static void start_hash(struct cb_journal *j)
{
    CB_ASSERT(!j->unhashed);
    j->unhashed = true;
    j->hashed_bytes = 0;
    cb_journal_hasher_start(&j->scan.hasher);
}

/* Hashes some more of the frame submitted last, while the disk is busy with it (both only read it). */
static void hash_some(struct cb_journal *j, uint32_t most)
{
    if (!j->unhashed) {
        return;
    }
    const struct cb_journal_buffer *b = buffer_at(j, j->submit - 1);
    uint32_t left = b->frame.blocks * BLOCK - j->hashed_bytes;
    uint32_t now = left < most ? left : most;
    cb_journal_hasher_add(&j->scan.hasher, b->bytes + j->hashed_bytes, now);
    j->hashed_bytes += now;
    if (now == left) {
        cb_journal_hasher_end(&j->scan.hasher, j->prev);
        j->unhashed = false;
    }
}

/* ---- completions ---- */

static void fail(struct cb_journal *j, uint32_t slot, uint64_t offset, int32_t result)
{
    if (j->state == CB_JOURNAL_FAILED) {
        return;
    }
    j->state = CB_JOURNAL_FAILED;
    j->failure = (struct cb_journal_failure){.kind = CB_DISK_WRITE_SYNC,
                                             .slot = slot,
                                             .offset = offset,
                                             .error = result < 0 ? -result : 0,
                                             .transferred = result < 0 ? 0 : result};
}

static void take_completion(struct cb_journal *j, const struct cb_disk_done *done)
{
    if (done->tag == CB_JOURNAL_RECYCLE_TAG) {
        CB_ASSERT(j->recycle_in_flight);
        if (done->result == (int32_t)cb_journal_space_chunk(j)) {
            cb_journal_space_recycled(j);
        } else {
            fail(j, j->recycle_slot, j->recycle_offset, done->result);
            j->recycle_in_flight = false;
        }
        return;
    }
    struct cb_journal_buffer *b = buffer_at(j, done->tag);
    CB_ASSERT(b->state == FLYING);
    if (done->result == (int32_t)(b->frame.blocks * BLOCK)) {
        b->state = DONE;
    } else {
        fail(j, b->slot, b->frame.offset, done->result);
    }
}

/* Frames count as durable in their order, and none after a failure. */
static void advance_durable(struct cb_journal *j)
{
    uint64_t oldest = j->oldest_durable;
    while (j->tail != j->submit && buffer_at(j, j->tail)->state == DONE) {
        struct cb_journal_buffer *b = buffer_at(j, j->tail);
        CB_ASSERT(b->frame.frame_no == j->durable_frame + 1 && b->last_seq >= j->durable_seq);
        j->durable_frame = b->frame.frame_no;
        j->durable_seq = b->last_seq;
        j->durable_generation = b->frame.generation;
        j->oldest_durable = b->frame.oldest;
        b->state = FREE;
        j->tail++;
    }
    if (j->oldest_durable != oldest) {
        cb_journal_space_dirty(j);
    }
}

/* ---- submission ---- */

static void seal(struct cb_journal *j, struct cb_journal_buffer *b)
{
    hash_some(j, UINT32_MAX);
    b->frame.acked_frame = j->durable_frame;
    b->frame.oldest = j->oldest;
    memcpy(b->frame.prev, j->prev, sizeof b->frame.prev);
    cb_journal_frame_seal(b->bytes, &b->frame);
    j->oldest_declared = j->oldest;
    b->state = SEALED;
}

static bool submit_one(struct cb_journal *j)
{
    struct cb_journal_buffer *b = buffer_at(j, j->submit);
    if (b->state == CLOSED) {
        seal(j, b);
    }
    uint32_t bytes = b->frame.blocks * BLOCK;
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC,
                            .slot = b->slot,
                            .offset = b->frame.offset,
                            .data = b->bytes,
                            .bytes = bytes,
                            .tag = j->submit % CB_JOURNAL_BUFFERS};
    if (!j->config.disk->submit(j->config.disk->self, &op)) {
        return false;
    }
    b->state = FLYING;
    j->submit++;
    start_hash(j);
    j->stats.frames++;
    j->stats.records += b->frame.count;
    j->stats.bytes += bytes;
    j->stats.frame_bytes_max = bytes > j->stats.frame_bytes_max ? bytes : j->stats.frame_bytes_max;
    return true;
}

static bool open_is_full(struct cb_journal *j)
{
    const struct cb_journal_buffer *b = buffer_at(j, j->head);
    return b->capacity - b->frame.used_bytes < FULL_BELOW;
}

static uint32_t submit_frames(struct cb_journal *j)
{
    uint32_t submitted = 0;
    while (j->submit - j->tail < CB_JOURNAL_FRAMES_IN_FLIGHT) {
        if (j->submit == j->head) {
            bool ready = j->open && (j->submit == j->tail || open_is_full(j));
            if (!ready) {
                break;
            }
            cb_journal_commit_close(j);
        }
        if (!submit_one(j)) {
            break;
        }
        submitted++;
    }
    return submitted;
}

/* When idle, a newer `oldest` is declared by a frame without records, so that recycling needs no traffic. */
static void declare_oldest(struct cb_journal *j)
{
    bool idle = !j->open && j->head == j->tail;
    if (idle && j->oldest > j->oldest_declared && j->generation != 0 &&
        j->config.disk->slot_bytes - j->offset >= BLOCK) {
        cb_journal_commit_open(j, BLOCK, j->last_ns);
    }
}

static void note_full(struct cb_journal *j)
{
    bool idle = !j->open && j->head == j->tail;
    bool full = idle && cb_journal_room(j, CB_MESSAGE_BYTES_MAX) == 0;
    j->stats.full += full && !j->full ? 1u : 0u;
    /* Leaves FULL only when there is room again, so that a commit in flight does not make it flicker. */
    j->full = full || (j->full && cb_journal_room(j, CB_MESSAGE_BYTES_MAX) == 0);
}

uint32_t cb_journal_poll(struct cb_journal *j, uint64_t effects)
{
    CB_ASSERT(j->state == CB_JOURNAL_RUNNING || j->state == CB_JOURNAL_FAILED);
    struct cb_disk_done done[CB_JOURNAL_FRAMES_IN_FLIGHT + 1u];
    uint32_t count = j->config.disk->reap(j->config.disk->self, done, CB_JOURNAL_FRAMES_IN_FLIGHT + 1u);
    for (uint32_t i = 0; i < count; i++) {
        take_completion(j, &done[i]);
    }
    if (j->state == CB_JOURNAL_FAILED) {
        return count;
    }
    advance_durable(j);
    cb_journal_space_release(j);
    cb_journal_effects(j, effects);
    declare_oldest(j);
    count += submit_frames(j);
    hash_some(j, HASH_BYTES);
    count += cb_journal_space_recycle(j);
    note_full(j);
    return count;
}
