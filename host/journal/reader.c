#include "host/journal/reader.h"

#include "host/base/assert.h"

#include <string.h>

#define BLOCK CB_JOURNAL_BLOCK_BYTES

size_t cb_journal_reader_footprint(const struct cb_journal_reader_config *config)
{
    return cb_journal_view_footprint(config->disk) +
           cb_arena_room(config->disk->slots * sizeof(struct cb_journal_slot));
}

void cb_journal_reader_init(struct cb_journal_reader *r, struct cb_arena *arena,
                            const struct cb_journal_reader_config *config)
{
    CB_ASSERT(config->disk->slots >= 1 && config->disk->slots <= CB_JOURNAL_SEGMENTS_MAX);
    CB_ASSERT(config->disk->slot_bytes >= BLOCK && config->disk->slot_bytes % BLOCK == 0);
    *r = (struct cb_journal_reader){.config = *config};
    cb_journal_view_init(&r->view, arena, config->disk);
    r->slots = cb_arena_take(arena, config->disk->slots * sizeof(struct cb_journal_slot));
    cb_journal_hasher_open(&r->hasher);
}

void cb_journal_reader_close(struct cb_journal_reader *r)
{
    cb_journal_hasher_close(&r->hasher);
}

static enum cb_journal_read bad(struct cb_journal_reader *r, enum cb_journal_flaw flaw, uint32_t slot,
                                uint64_t offset, uint64_t generation, uint64_t frame_no)
{
    r->problem = (struct cb_journal_problem){
        .flaw = flaw, .slot = slot, .generation = generation, .offset = offset, .frame_no = frame_no};
    return CB_JOURNAL_READ_BAD;
}

/* Reads the first frame of every slot. Returns: false with the problem set if the disk fails or it is a
 * foreign journal; a first frame that is not sound is for the chain to miss. */
static bool index_slots(struct cb_journal_reader *r)
{
    cb_journal_view_forget(&r->view);
    r->newest = 0;
    r->attested = 0;
    uint64_t newest_acked = 0;
    for (uint32_t i = 0; i < r->config.disk->slots; i++) {
        struct cb_journal_frame frame;
        const uint8_t *bytes;
        r->slots[i] = (struct cb_journal_slot){0};
        enum cb_journal_flaw flaw = cb_journal_view_frame(&r->view, &frame, &bytes, i, 0, r->config.cluster);
        if (flaw == CB_JOURNAL_UNREADABLE || flaw == CB_JOURNAL_FOREIGN || flaw == CB_JOURNAL_BAD_VERSION) {
            bad(r, flaw, i, 0, frame.generation, frame.frame_no);
            return false;
        }
        bool recycled = frame.generation < r->oldest && i >= r->config.archived;
        if (flaw != CB_JOURNAL_SOUND || recycled) {
            continue;
        }
        r->config.cluster = frame.cluster;
        r->slots[i].generation = frame.generation;
        r->slots[i].first_seq = frame.first_seq;
        r->slots[i].first_frame = frame.frame_no;
        r->attested = frame.acked_frame > r->attested ? frame.acked_frame : r->attested;
        if (frame.generation > r->newest) {
            r->newest = frame.generation;
            newest_acked = frame.acked_frame;
        }
    }
    r->limit_frame = r->config.follow ? newest_acked : UINT64_MAX;
    return true;
}

/* Walks the newest segment for the oldest generation that is declared, and forgets live slots below it: they
 * may be half zeroed. */
static void forget_recycled(struct cb_journal_reader *r)
{
    for (uint32_t i = 0; i < r->config.disk->slots; i++) {
        uint64_t offset = r->slots[i].generation == r->newest ? 0 : r->config.disk->slot_bytes;
        while (offset < r->config.disk->slot_bytes) {
            struct cb_journal_frame frame;
            const uint8_t *bytes;
            enum cb_journal_flaw flaw =
                cb_journal_view_frame(&r->view, &frame, &bytes, i, offset, r->config.cluster);
            if (flaw != CB_JOURNAL_SOUND || frame.generation != r->newest) {
                break;
            }
            r->oldest = frame.oldest > r->oldest ? frame.oldest : r->oldest;
            offset += frame.blocks * BLOCK;
        }
    }
    for (uint32_t i = r->config.archived; i < r->config.disk->slots; i++) {
        if (r->slots[i].generation < r->oldest) {
            r->slots[i] = (struct cb_journal_slot){0};
        }
    }
}

/* The first slot that holds the generation: archive and live may both have it. */
static uint32_t slot_of(const struct cb_journal_reader *r, uint64_t generation)
{
    for (uint32_t i = 0; i < r->config.disk->slots && generation != 0; i++) {
        if (r->slots[i].generation == generation) {
            return i;
        }
    }
    return CB_JOURNAL_SLOT_NONE;
}

/* The slot to start in: for seq 0 the oldest segment there is; else
 * the newest whose first seq is not above seq. */
static uint32_t start_slot(const struct cb_journal_reader *r, uint64_t seq)
{
    uint32_t best = CB_JOURNAL_SLOT_NONE;
    uint64_t best_generation = 0;
    for (uint32_t i = 0; i < r->config.disk->slots; i++) {
        uint64_t generation = r->slots[i].generation;
        bool holds = generation != 0 && (seq == 0 || r->slots[i].first_seq <= seq);
        bool better = seq == 0 ? generation < best_generation : generation > best_generation;
        if (holds && (best == CB_JOURNAL_SLOT_NONE || better)) {
            best = i;
            best_generation = generation;
        }
    }
    return best;
}

bool cb_journal_reader_seek(struct cb_journal_reader *r, uint64_t seq)
{
    r->problem = (struct cb_journal_problem){0};
    r->left = 0;
    r->linked = false;
    r->offset = 0;
    r->slot = CB_JOURNAL_SLOT_NONE;
    r->start_seq = seq;
    r->frame = (struct cb_journal_frame){0};
    if (!index_slots(r)) {
        return false;
    }
    if (r->newest == 0) {
        return seq <= 1;
    }
    forget_recycled(r);
    r->slot = start_slot(r, seq);
    if (r->slot == CB_JOURNAL_SLOT_NONE) {
        bad(r, CB_JOURNAL_MISSING, 0, 0, 0, 0);
        return false;
    }
    r->link = (struct cb_journal_link){.generation = r->slots[r->slot].generation,
                                       .frame_no = r->slots[r->slot].first_frame,
                                       .first_seq = r->slots[r->slot].first_seq,
                                       .last_ns = INT64_MIN};
    /* Is it there? Walk to it; the chain is checked on the way. */
    while (seq != 0 && r->link.first_seq <= seq) {
        struct cb_event event;
        enum cb_journal_read read = cb_journal_reader_next(r, &event);
        if (read == CB_JOURNAL_READ_EVENT) {
            /* Give it back: it is read again. */
            r->at -= CB_JOURNAL_RECORD_BYTES(event.body_bytes);
            r->left++;
            r->next_seq--;
            return event.seq == seq;
        }
        return read == CB_JOURNAL_READ_END && r->link.first_seq == seq;
    }
    return true;
}

/* Whether a sound frame of the slot, from `offset` on, calls the one that is missing durable; or whether the
 * disk refuses to say. */
static bool slot_attests(struct cb_journal_reader *r, uint32_t slot, uint64_t offset)
{
    while (offset < r->config.disk->slot_bytes) {
        struct cb_journal_frame frame;
        const uint8_t *bytes;
        enum cb_journal_flaw flaw =
            cb_journal_view_frame(&r->view, &frame, &bytes, slot, offset, r->config.cluster);
        if (flaw == CB_JOURNAL_UNREADABLE ||
            (flaw == CB_JOURNAL_SOUND && frame.acked_frame >= r->link.frame_no)) {
            return true;
        }
        offset += flaw == CB_JOURNAL_SOUND ? (uint64_t)frame.blocks * BLOCK : BLOCK;
    }
    return false;
}

/* The frame at r->offset does not continue the chain. Returns: END if at most a torn tail follows, BAD if a
 * later frame says that the one expected was durable. Later ones are in this segment and in newer ones. */
static enum cb_journal_read judge_end(struct cb_journal_reader *r, enum cb_journal_flaw flaw)
{
    uint64_t generation = r->link.generation;
    bool damaged = r->attested >= r->link.frame_no || flaw == CB_JOURNAL_UNREADABLE ||
                   flaw == CB_JOURNAL_BROKEN || flaw == CB_JOURNAL_STALE || flaw == CB_JOURNAL_MISPLACED ||
                   flaw == CB_JOURNAL_MALFORMED || flaw == CB_JOURNAL_FOREIGN;
    for (uint32_t i = 0; i < r->config.disk->slots && !damaged && !r->config.follow; i++) {
        if (i == r->slot) {
            damaged = slot_attests(r, i, r->offset);
        } else if (r->slots[i].generation > generation) {
            damaged = slot_attests(r, i, 0);
        }
    }
    if (!damaged) {
        return CB_JOURNAL_READ_END;
    }
    bool full = r->offset == r->config.disk->slot_bytes;
    return bad(r, full && flaw == CB_JOURNAL_ZERO ? CB_JOURNAL_MISSING : flaw, r->slot, r->offset, generation,
               r->link.frame_no);
}

static enum cb_journal_read load_frame(struct cb_journal_reader *r)
{
    enum cb_journal_flaw flaw = CB_JOURNAL_ZERO;
    struct cb_journal_frame frame; /* r->frame stays that of the last event until a next one is there */
    const uint8_t *bytes = NULL;
    if (r->link.frame_no > r->limit_frame) {
        return CB_JOURNAL_READ_END;
    }
    if (r->offset < r->config.disk->slot_bytes) {
        flaw = cb_journal_view_frame(&r->view, &frame, &bytes, r->slot, r->offset, r->config.cluster);
    }
    uint32_t next = slot_of(r, r->link.generation + 1);
    if (flaw == CB_JOURNAL_ZERO && next != CB_JOURNAL_SLOT_NONE &&
        r->slots[next].first_frame == r->link.frame_no && r->linked) {
        r->slot = next;
        r->offset = 0;
        r->link.generation++;
        flaw = cb_journal_view_frame(&r->view, &frame, &bytes, r->slot, 0, r->config.cluster);
    }
    if (flaw == CB_JOURNAL_SOUND && !r->linked && frame.frame_no != 1) {
        memcpy(r->link.prev, frame.prev, sizeof r->link.prev); /* what was before it is not here to compare */
    }
    if (flaw == CB_JOURNAL_SOUND) {
        flaw = cb_journal_frame_follows(&frame, &r->link);
    }
    if (flaw != CB_JOURNAL_SOUND) {
        return judge_end(r, flaw);
    }
    r->frame = frame;
    r->bytes = bytes;
    r->next_seq = r->frame.first_seq;
    r->left = r->frame.count;
    r->at = CB_JOURNAL_FRAME_HEADER_BYTES;
    r->offset += r->frame.blocks * BLOCK;
    r->linked = true;
    cb_journal_link_after(&r->link, &r->frame, r->bytes, &r->hasher);
    return CB_JOURNAL_READ_EVENT;
}

enum cb_journal_read cb_journal_reader_next(struct cb_journal_reader *r, struct cb_event *event)
{
    if (r->problem.flaw != CB_JOURNAL_SOUND) {
        return CB_JOURNAL_READ_BAD;
    }
    if (r->slot == CB_JOURNAL_SLOT_NONE) {
        /* It was empty. A follower looks again. */
        if (!r->config.follow || !cb_journal_reader_seek(r, r->start_seq) ||
            r->slot == CB_JOURNAL_SLOT_NONE) {
            return r->problem.flaw == CB_JOURNAL_SOUND ? CB_JOURNAL_READ_END : CB_JOURNAL_READ_BAD;
        }
    }
    if (r->left == 0 && r->link.frame_no > r->limit_frame && !index_slots(r)) {
        return CB_JOURNAL_READ_BAD;
    }
    for (;;) {
        while (r->left == 0) {
            enum cb_journal_read read = load_frame(r);
            if (read != CB_JOURNAL_READ_EVENT) {
                return read;
            }
        }
        r->at = cb_journal_record_read(event, r->bytes, r->at, r->next_seq, r->frame.base_ns);
        r->left--;
        r->next_seq++;
        if (event->seq >= r->start_seq) {
            return CB_JOURNAL_READ_EVENT;
        }
    }
}

const struct cb_journal_frame *cb_journal_reader_frame(const struct cb_journal_reader *r)
{
    return &r->frame;
}

const uint8_t *cb_journal_reader_frame_hash(const struct cb_journal_reader *r)
{
    return r->link.prev;
}
