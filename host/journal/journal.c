#include "host/journal/journal.h"

#include "host/base/assert.h"
#include "host/journal/commit.h"
#include "host/journal/space.h"

#include <string.h>

#define BLOCK  CB_JOURNAL_BLOCK_BYTES
#define HEADER CB_JOURNAL_FRAME_HEADER_BYTES

#define FRAME_BYTES_LEAST (9u * BLOCK)
_Static_assert(FRAME_BYTES_LEAST >= HEADER + CB_JOURNAL_RECORD_BYTES(CB_JOURNAL_BODY_BYTES_MAX),
               "the greatest record fits the least frame");

/* Largest frame: as configured, and not more than a slot. */
static uint32_t frame_bytes_max(const struct cb_journal_config *config)
{
    uint32_t bytes = config->frame_bytes_max == 0 ? CB_JOURNAL_FRAME_BYTES_MAX : config->frame_bytes_max;
    return bytes <= config->disk->slot_bytes ? bytes : (uint32_t)config->disk->slot_bytes;
}

size_t cb_journal_footprint(const struct cb_journal_config *config)
{
    return cb_journal_scan_footprint(config->disk) +
           (CB_JOURNAL_BUFFERS + 1u) * cb_journal_blocks_room(frame_bytes_max(config)) +
           cb_arena_room(config->disk->slots * sizeof(struct cb_journal_space));
}

void cb_journal_init(struct cb_journal *j, struct cb_arena *arena, const struct cb_journal_config *config)
{
    *j = (struct cb_journal){.config = *config, .recycle_slot = CB_JOURNAL_SLOT_NONE};
    j->config.frame_bytes_max = frame_bytes_max(config);
    CB_ASSERT(j->config.frame_bytes_max % BLOCK == 0);
    CB_ASSERT(j->config.frame_bytes_max >= FRAME_BYTES_LEAST &&
              j->config.frame_bytes_max <= CB_JOURNAL_FRAME_BYTES_MAX);
    cb_journal_scan_init(&j->scan, arena, config->disk, config->cluster);
    for (uint32_t i = 0; i < CB_JOURNAL_BUFFERS; i++) {
        j->buffers[i].bytes = cb_journal_take_blocks(arena, j->config.frame_bytes_max);
    }
    j->zeros = cb_journal_take_blocks(arena, j->config.frame_bytes_max);
    memset(j->zeros, 0, j->config.frame_bytes_max);
    j->spaces = cb_arena_take(arena, config->disk->slots * sizeof(struct cb_journal_space));
}

void cb_journal_close(struct cb_journal *j)
{
    cb_journal_scan_close(&j->scan);
    j->state = CB_JOURNAL_CLOSED;
}

/* ---- room ---- */

static uint32_t least(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

/* What the buffers that are free could take: walks the frames that would be opened one after another. */
struct room {
    uint32_t sum;      /* records */
    uint32_t greatest; /* records of one frame */
};

static struct room free_room(const struct cb_journal *j, uint32_t record, uint64_t offset, uint32_t free)
{
    struct room room = {0};
    uint64_t slot_bytes = j->config.disk->slot_bytes;
    uint32_t clean = j->clean;
    bool used = false; /* a frame was counted in this segment */
    while (free > 0) {
        uint32_t capacity =
            least(j->config.frame_bytes_max, cb_journal_space_left(slot_bytes, offset, clean));
        if (capacity >= HEADER + record) {
            uint32_t fits = (capacity - HEADER) / record;
            room.sum += fits;
            room.greatest = fits > room.greatest ? fits : room.greatest;
            offset += capacity;
            used = true;
            free--;
        } else if (clean > 0) {
            /* Frames before may end earlier than counted, or records be smaller: then one more frame fits the
             * rest of this segment and uses up a buffer. */
            free -= used || capacity >= HEADER + CB_JOURNAL_RECORD_HEADER_BYTES ? 1u : 0u;
            offset = 0;
            used = false;
            clean--;
        } else {
            break;
        }
    }
    return room;
}

uint32_t cb_journal_room(const struct cb_journal *j, uint32_t body_bytes)
{
    CB_ASSERT(body_bytes <= CB_JOURNAL_BODY_BYTES_MAX);
    if (j->state != CB_JOURNAL_RUNNING) {
        return 0;
    }
    uint32_t record = CB_JOURNAL_RECORD_BYTES(body_bytes);
    uint32_t free = CB_JOURNAL_BUFFERS - cb_journal_commit_used(j);
    uint64_t offset = j->generation == 0 || j->segment_done ? j->config.disk->slot_bytes : j->offset;
    uint32_t opened = 0;
    if (j->open) {
        const struct cb_journal_buffer *b = &j->buffers[j->head % CB_JOURNAL_BUFFERS];
        opened = (b->capacity - b->frame.used_bytes) / record;
        offset += b->capacity;
    }
    struct room room = free_room(j, record, offset, free);
    /* One event may come so late that its frame must be closed: that wastes up to a frame, and what the
     * header and the padding of the additional frame take. */
    uint32_t wasted = opened > room.greatest ? opened : room.greatest;
    uint32_t slack = 2u * ((HEADER + BLOCK) / record + 1u);
    uint32_t sum = opened + room.sum;
    uint32_t sure = sum > wasted + slack ? sum - wasted - slack : 0;
    return sure == 0 && room.sum > 0 ? 1 : sure;
}

enum cb_journal_state cb_journal_state(const struct cb_journal *j)
{
    return j->state == CB_JOURNAL_RUNNING && j->full ? CB_JOURNAL_FULL : j->state;
}

uint64_t cb_journal_durable(const struct cb_journal *j)
{
    return j->durable_seq;
}

uint64_t cb_journal_last_seq(const struct cb_journal *j)
{
    return j->last_seq;
}

/* ---- append ---- */

static struct cb_journal_buffer *open_frame(struct cb_journal *j, uint32_t record, int64_t base_ns)
{
    CB_ASSERT(!j->open && cb_journal_commit_used(j) < CB_JOURNAL_BUFFERS);
    uint64_t slot_bytes = j->config.disk->slot_bytes;
    if (j->generation == 0 || j->segment_done ||
        cb_journal_space_left(slot_bytes, j->offset, j->clean) < HEADER + record) {
        cb_journal_space_next(j);
    }
    uint64_t left = cb_journal_space_left(slot_bytes, j->offset, j->clean);
    CB_ASSERT(left >= HEADER + record);
    return cb_journal_commit_open(j, left, base_ns);
}

void cb_journal_effects(struct cb_journal *j, uint64_t effects)
{
    j->effects = effects;
    j->effects_known = true;
}

void cb_journal_append(struct cb_journal *j, const struct cb_event *event)
{
    CB_ASSERT(j->state == CB_JOURNAL_RUNNING);
    CB_ASSERT(event->seq == j->last_seq + 1);
    CB_ASSERT(event->ingest_ns >= j->last_ns && event->ingest_ns >= 0);
    CB_ASSERT(event->ingest_ns <= INT64_MAX - (int64_t)UINT32_MAX);
    CB_ASSERT(event->body_bytes <= CB_JOURNAL_BODY_BYTES_MAX && event->kind != 0);
    uint32_t room = CB_JOURNAL_RECORD_BYTES(event->body_bytes);
    struct cb_journal_buffer *b = &j->buffers[j->head % CB_JOURNAL_BUFFERS];
    bool fits = b->capacity - b->frame.used_bytes >= room;
    if (j->open && (!fits || event->ingest_ns - b->frame.base_ns > (int64_t)UINT32_MAX)) {
        /* Without this rule ever smaller frames could fill the rest of a segment, and use up all buffers. */
        j->segment_done = !fits && b->reaches_end;
        cb_journal_commit_close(j);
    }
    if (!j->open) {
        b = open_frame(j, room, event->ingest_ns);
    }
    struct cb_journal_record record = {.body_bytes = (uint16_t)event->body_bytes,
                                       .kind = event->kind,
                                       .session = event->session,
                                       .delta_ns = (uint32_t)(event->ingest_ns - b->frame.base_ns),
                                       .session_seq = event->session_seq};
    uint8_t *at = b->bytes + b->frame.used_bytes;
    memcpy(at, &record, sizeof record);
    if (event->body_bytes != 0) {
        memcpy(at + sizeof record, event->body, event->body_bytes);
    }
    memset(at + sizeof record + event->body_bytes, 0, room - sizeof record - event->body_bytes);
    b->frame.used_bytes += room;
    b->frame.count++;
    b->last_seq = event->seq;
    j->last_seq = event->seq;
    j->last_ns = event->ingest_ns;
    j->effects_known = false;
}
