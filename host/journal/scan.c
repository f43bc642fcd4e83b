#include "host/journal/scan.h"

#include "host/base/assert.h"

#include <string.h>

#define BLOCK CB_JOURNAL_BLOCK_BYTES

size_t cb_journal_scan_footprint(const struct cb_disk *disk)
{
    return cb_journal_view_footprint(disk) + cb_arena_room(disk->slots * sizeof(struct cb_journal_slot));
}

void cb_journal_scan_init(struct cb_journal_scan *scan, struct cb_arena *arena, struct cb_disk *disk,
                          uint64_t cluster)
{
    CB_ASSERT(cluster != 0);
    CB_ASSERT(disk->slots >= CB_JOURNAL_SLOTS_MIN && disk->slots <= CB_JOURNAL_SEGMENTS_MAX);
    CB_ASSERT(disk->slot_bytes >= CB_JOURNAL_SEGMENT_BYTES_MIN && disk->slot_bytes % BLOCK == 0);
    *scan = (struct cb_journal_scan){.disk = disk, .cluster = cluster};
    cb_journal_view_init(&scan->view, arena, disk);
    scan->slots = cb_arena_take(arena, disk->slots * sizeof(struct cb_journal_slot));
    cb_journal_hasher_open(&scan->hasher);
}

void cb_journal_scan_close(struct cb_journal_scan *scan)
{
    cb_journal_hasher_close(&scan->hasher);
}

static void found(struct cb_journal_scan *scan, uint32_t fact, enum cb_journal_flaw flaw, uint32_t slot,
                  uint64_t offset, uint64_t generation, uint64_t frame_no)
{
    bool known = (scan->facts & fact) != 0;
    scan->facts |= fact;
    if (!known) {
        scan->problems[__builtin_ctz(fact)] = (struct cb_journal_problem){
            .flaw = flaw, .slot = slot, .generation = generation, .offset = offset, .frame_no = frame_no};
    }
}

/* Every look at the disk goes through here, so that a refused read is a fact whichever pass it hits. */
static enum cb_journal_flaw look(struct cb_journal_scan *scan, struct cb_journal_frame *frame,
                                 const uint8_t **bytes, uint32_t slot, uint64_t offset)
{
    enum cb_journal_flaw flaw = cb_journal_view_frame(&scan->view, frame, bytes, slot, offset, scan->cluster);
    if (flaw == CB_JOURNAL_UNREADABLE) {
        found(scan, CB_JOURNAL_FACT_UNREADABLE, flaw, slot, offset, 0, 0);
    }
    return flaw;
}

/* ---- first pass: what is in each slot, without regard to order ---- */

/* What one sound frame tells about the journal, wherever it stands. */
static void note_sound(struct cb_journal_scan *scan, uint32_t slot, uint64_t offset,
                       const struct cb_journal_frame *frame)
{
    struct cb_journal_slot *s = &scan->slots[slot];
    scan->sound++;
    scan->acked_frame = frame->acked_frame > scan->acked_frame ? frame->acked_frame : scan->acked_frame;
    scan->oldest = frame->oldest > scan->oldest ? frame->oldest : scan->oldest;
    s->least_generation = s->least_generation == 0 || frame->generation < s->least_generation
                              ? frame->generation
                              : s->least_generation;
    if (offset == 0) {
        s->generation = frame->generation;
        s->first_seq = frame->first_seq;
        s->first_frame = frame->frame_no;
        scan->newest = frame->generation > scan->newest ? frame->generation : scan->newest;
    }
}

static void sweep_slot(struct cb_journal_scan *scan, uint32_t slot)
{
    struct cb_journal_slot *s = &scan->slots[slot];
    *s = (struct cb_journal_slot){0};
    for (uint64_t offset = 0; offset < scan->disk->slot_bytes;) {
        struct cb_journal_frame frame;
        const uint8_t *bytes;
        uint64_t step = BLOCK;
        enum cb_journal_flaw flaw = look(scan, &frame, &bytes, slot, offset);
        switch (flaw) {
        case CB_JOURNAL_SOUND:
            note_sound(scan, slot, offset, &frame);
            step = frame.blocks * BLOCK;
            break;
        case CB_JOURNAL_UNREADABLE:
            return;
        case CB_JOURNAL_FOREIGN:
            found(scan, CB_JOURNAL_FACT_FOREIGN, flaw, slot, offset, frame.generation, frame.frame_no);
            break;
        case CB_JOURNAL_BAD_VERSION:
            found(scan, CB_JOURNAL_FACT_VERSION, flaw, slot, offset, 0, 0);
            break;
        default:
            break;
        }
        if (flaw != CB_JOURNAL_ZERO) {
            s->nonzero_begin = s->nonzero_end == 0 ? offset : s->nonzero_begin;
            s->nonzero_end = offset + step;
        }
        offset += step;
    }
    s->zero = s->nonzero_end == 0;
}

/* The slot whose first frame is of that generation; CB_JOURNAL_SLOT_NONE: there is none. */
static uint32_t slot_of(struct cb_journal_scan *scan, uint64_t generation)
{
    uint32_t slot = CB_JOURNAL_SLOT_NONE;
    for (uint32_t i = 0; i < scan->disk->slots; i++) {
        if (scan->slots[i].generation == generation) {
            if (slot != CB_JOURNAL_SLOT_NONE && generation >= scan->oldest) {
                found(scan, CB_JOURNAL_FACT_TWICE, CB_JOURNAL_TWICE, i, 0, generation,
                      scan->slots[i].first_frame);
                return slot;
            }
            slot = i;
        }
    }
    return slot;
}

/* ---- second pass: the chain ---- */

/* Takes frames from `*offset` on while they follow. Returns: why the next one does not; ZERO at the slot's
 * end. */
static enum cb_journal_flaw walk_segment(struct cb_journal_scan *scan, uint32_t slot, bool first)
{
    struct cb_journal_slot *s = &scan->slots[slot];
    s->in_chain = true;
    s->end = 0;
    while (s->end < scan->disk->slot_bytes) {
        struct cb_journal_frame frame;
        const uint8_t *bytes;
        enum cb_journal_flaw flaw = look(scan, &frame, &bytes, slot, s->end);
        if (flaw != CB_JOURNAL_SOUND) {
            return flaw;
        }
        bool start = first && s->end == 0 && frame.generation != 1;
        if (start) {
            /* Frames before it were recycled: it is what it says. */
            scan->link = (struct cb_journal_link){.generation = frame.generation,
                                                  .frame_no = frame.frame_no,
                                                  .first_seq = frame.first_seq,
                                                  .last_ns = INT64_MIN};
            memcpy(scan->link.prev, frame.prev, sizeof frame.prev);
        }
        flaw = cb_journal_frame_follows(&frame, &scan->link);
        if (flaw != CB_JOURNAL_SOUND) {
            return flaw;
        }
        if (frame.frame_no > scan->acked_frame) {
            CB_ASSERT(scan->unattested_count <
                      CB_JOURNAL_FRAMES_IN_FLIGHT); /* by acked_frame >= frame_no - 4 */
            scan->unattested[scan->unattested_count++] =
                (struct cb_journal_unattested){.slot = slot, .offset = s->end};
        }
        cb_journal_link_after(&scan->link, &frame, bytes, &scan->hasher);
        s->end += frame.blocks * BLOCK;
        s->last_seq = scan->link.first_seq - 1;
        scan->frames++;
        scan->records += frame.count;
        scan->first_seq = scan->first_seq == 0 ? frame.first_seq : scan->first_seq;
        scan->last_frame = frame.frame_no;
        scan->last_seq = s->last_seq;
    }
    return CB_JOURNAL_ZERO;
}

static void walk_chain(struct cb_journal_scan *scan)
{
    scan->link =
        (struct cb_journal_link){.generation = 1, .frame_no = 1, .first_seq = 1, .last_ns = INT64_MIN};
    uint64_t generation = scan->oldest == 0 ? 1 : scan->oldest;
    uint32_t slot = slot_of(scan, generation);
    scan->end_slot = slot == CB_JOURNAL_SLOT_NONE ? 0 : slot;
    scan->end_flaw = CB_JOURNAL_ZERO;
    if (slot == CB_JOURNAL_SLOT_NONE) {
        scan->end_flaw = CB_JOURNAL_MISSING;
        if (generation > 1) {
            found(scan, CB_JOURNAL_FACT_NO_START, CB_JOURNAL_MISSING, 0, 0, generation, 0);
        }
        return;
    }
    for (uint32_t i = 0; i < scan->disk->slots; i++) {
        scan->end_flaw = walk_segment(scan, slot, i == 0);
        scan->end_slot = slot;
        scan->end_offset = scan->slots[slot].end;
        uint32_t next = slot_of(scan, generation + 1);
        if (next == CB_JOURNAL_SLOT_NONE || scan->slots[next].first_frame != scan->link.frame_no) {
            return; /* no next segment, or frames at the end of this one are missing */
        }
        if (scan->slots[slot].nonzero_end > scan->slots[slot].end) {
            found(scan, CB_JOURNAL_FACT_STRAY, CB_JOURNAL_STRAY, slot, scan->slots[slot].end, generation,
                  scan->link.frame_no);
        }
        slot = next;
        generation++;
        scan->link.generation = generation;
    }
}

/* ---- third pass: what lies behind the end of the chain ---- */

/* A sound frame behind the end is one that was in flight with the missing one, or something no crash can
 * leave. `next` is the frame the chain waits for. */
static bool can_be_in_flight(const struct cb_journal_scan *scan, uint32_t slot, uint64_t offset,
                             const struct cb_journal_frame *frame)
{
    uint64_t next = scan->last_frame + 1;
    bool in_end_slot = scan->slots[slot].in_chain;
    bool at_end = in_end_slot && offset == scan->slots[slot].end;
    bool generation_fits = in_end_slot ? frame->generation == scan->slots[slot].generation
                                       : frame->generation > scan->chain_newest;
    return !at_end && generation_fits && frame->frame_no > next &&
           frame->frame_no < next + CB_JOURNAL_FRAMES_IN_FLIGHT;
}

static void look_behind(struct cb_journal_scan *scan, uint32_t slot, uint64_t from)
{
    const struct cb_journal_slot *s = &scan->slots[slot];
    for (uint64_t offset = from; offset < s->nonzero_end;) {
        struct cb_journal_frame frame;
        const uint8_t *bytes;
        uint64_t step = BLOCK;
        enum cb_journal_flaw flaw = look(scan, &frame, &bytes, slot, offset);
        if (flaw == CB_JOURNAL_SOUND) {
            step = frame.blocks * BLOCK;
            if (!can_be_in_flight(scan, slot, offset, &frame)) {
                bool place = slot == scan->end_slot && frame.generation == s->generation;
                found(scan, CB_JOURNAL_FACT_IMPOSSIBLE, place ? CB_JOURNAL_BROKEN : CB_JOURNAL_STALE, slot,
                      offset, s->generation, frame.frame_no);
            }
        } else if (flaw == CB_JOURNAL_MISPLACED || flaw == CB_JOURNAL_MALFORMED) {
            found(scan, CB_JOURNAL_FACT_IMPOSSIBLE, flaw, slot, offset, s->generation, frame.frame_no);
        }
        offset += step;
    }
}

static void look_behind_the_end(struct cb_journal_scan *scan)
{
    uint64_t reach = 0;
    for (uint32_t i = 0; i < scan->disk->slots; i++) {
        struct cb_journal_slot *s = &scan->slots[i];
        /* A slot that was recycled and is zero but for its last piece, which a crash tore so that no frame is
         * left in it, is not known for what it is: what counts of it is that piece, not its distance. */
        uint64_t from = s->nonzero_begin;
        if (s->in_chain) {
            if (i != scan->end_slot) {
                continue;
            }
            from = s->end;
        } else if (s->least_generation != 0 && s->least_generation < scan->oldest) {
            s->recycled = true;
            scan->recycled++;
            continue;
        }
        if (s->nonzero_end > from) {
            reach += s->nonzero_end - from;
            found(scan, CB_JOURNAL_FACT_TAIL, CB_JOURNAL_TORN, i, from, s->generation, scan->last_frame + 1);
            look_behind(scan, i, from);
        }
    }
    /* A crash leaves at most what was in flight, and the rest of a segment being zeroed. */
    if (reach > CB_JOURNAL_TAIL_BYTES_MAX) {
        found(scan, CB_JOURNAL_FACT_FAR, CB_JOURNAL_STRAY, scan->end_slot, scan->end_offset,
              scan->slots[scan->end_slot].generation, scan->last_frame + 1);
    }
}

/* The next frame was durable once and is not there: say where it should be. Behind the last frame of a
 * segment that is no longer filled, that is the start of the next one, if a slot has something unexplained
 * there. */
static void find_missing(struct cb_journal_scan *scan)
{
    uint32_t slot = scan->end_slot;
    uint64_t offset = scan->end_offset;
    enum cb_journal_flaw flaw = scan->end_flaw;
    for (uint32_t i = 0; i < scan->disk->slots && flaw == CB_JOURNAL_ZERO; i++) {
        const struct cb_journal_slot *s = &scan->slots[i];
        bool old = s->least_generation != 0 && s->least_generation < scan->oldest;
        if (!s->in_chain && !s->zero && !old && s->generation == 0) {
            struct cb_journal_frame frame;
            const uint8_t *bytes;
            flaw = look(scan, &frame, &bytes, i, 0);
            slot = i;
            offset = 0;
        }
    }
    if (flaw == CB_JOURNAL_ZERO && scan->end_offset == scan->disk->slot_bytes) {
        flaw = CB_JOURNAL_MISSING;
    }
    found(scan, CB_JOURNAL_FACT_ACKED, flaw, slot, offset, scan->link.generation, scan->last_frame + 1);
}

void cb_journal_scan_run(struct cb_journal_scan *scan)
{
    struct cb_journal_scan fresh = {.disk = scan->disk,
                                    .cluster = scan->cluster,
                                    .view = scan->view,
                                    .hasher = scan->hasher,
                                    .slots = scan->slots};
    *scan = fresh;
    cb_journal_view_forget(&scan->view);
    for (uint32_t i = 0; i < scan->disk->slots; i++) {
        sweep_slot(scan, i);
    }
    if (scan->facts != 0) {
        return; /* unreadable, foreign or of an unknown version: nothing else can be said */
    }
    if (scan->sound == 0) {
        scan->facts |= CB_JOURNAL_FACT_NO_FRAME;
    }
    walk_chain(scan);
    scan->chain_newest = scan->frames == 0 ? 0 : scan->slots[scan->end_slot].generation;
    if (scan->acked_frame > scan->last_frame) {
        find_missing(scan);
    }
    look_behind_the_end(scan);
}

bool cb_journal_verify(struct cb_journal_scan *scan)
{
    cb_journal_scan_run(scan);
    uint32_t bad = scan->facts & ~(uint32_t)CB_JOURNAL_FACT_NO_FRAME;
    scan->problem = bad == 0 ? (struct cb_journal_problem){0} : scan->problems[__builtin_ctz(bad)];
    return bad == 0;
}
