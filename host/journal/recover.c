#include "host/journal/io.h"
#include "host/journal/journal.h"
#include "host/journal/space.h"

#include "host/base/assert.h"

#include <string.h>

#define BLOCK CB_JOURNAL_BLOCK_BYTES

/* The decision. Rows are tried in order; the facts are those of scan.h. docs/journal.md explains each row by
 * its number (from 1). */
const struct cb_journal_recovery_row cb_journal_recovery_table[CB_JOURNAL_RECOVERY_ROWS] = {
    {CB_JOURNAL_FACT_UNREADABLE, CB_JOURNAL_IO_FAILED, "the disk does not read a block"},
    {CB_JOURNAL_FACT_FOREIGN, CB_JOURNAL_OTHER, "a frame of another cluster"},
    {CB_JOURNAL_FACT_VERSION, CB_JOURNAL_OTHER, "a frame of an unknown format version"},
    {CB_JOURNAL_FACT_TWICE, CB_JOURNAL_CORRUPT, "one generation in two slots"},
    {CB_JOURNAL_FACT_NO_START, CB_JOURNAL_CORRUPT, "the oldest segment declared is missing"},
    {CB_JOURNAL_FACT_STRAY, CB_JOURNAL_CORRUPT, "bytes behind the end of a sealed segment"},
    {CB_JOURNAL_FACT_ACKED, CB_JOURNAL_CORRUPT,
     "a frame is missing or damaged that a later one calls durable"},
    {CB_JOURNAL_FACT_IMPOSSIBLE, CB_JOURNAL_CORRUPT,
     "behind the end, a whole frame no crash can leave there"},
    {CB_JOURNAL_FACT_FAR, CB_JOURNAL_CORRUPT, "behind the end, more than can have been in flight"},
    {CB_JOURNAL_FACT_FENCED, CB_JOURNAL_FENCED, "written in a later epoch than the caller's"},
    {CB_JOURNAL_FACT_TAIL, CB_JOURNAL_CUT, "a torn tail above all that is called durable"},
    {CB_JOURNAL_FACT_NO_FRAME, CB_JOURNAL_EMPTY, "zeros only"},
    {0, CB_JOURNAL_CLEAN, "whole frames, then zeros"},
};

static uint32_t decide(uint32_t facts)
{
    uint32_t row = 0;
    while ((facts & cb_journal_recovery_table[row].all) != cb_journal_recovery_table[row].all) {
        row++; /* ends: the last row asks for nothing */
    }
    return row;
}

static bool io(struct cb_journal *j, struct cb_journal_recovery *report, uint32_t slot, uint64_t offset,
               void *data, uint32_t bytes)
{
    int32_t result = cb_journal_io(j->config.disk, CB_DISK_WRITE_SYNC, slot, offset, data, bytes);
    if (result == (int32_t)bytes) {
        return true;
    }
    report->decision = CB_JOURNAL_IO_FAILED;
    report->failure = (struct cb_journal_failure){.kind = CB_DISK_WRITE_SYNC,
                                                  .slot = slot,
                                                  .offset = offset,
                                                  .error = result < 0 ? -result : 0,
                                                  .transferred = result < 0 ? 0 : result};
    return false;
}

/* Zeros everything behind the chain. In any order: until new frames are written, a partly zeroed tail is
 * again a torn tail, and the same decision follows. */
static bool cut(struct cb_journal *j, struct cb_journal_recovery *report)
{
    for (uint32_t i = 0; i < j->config.disk->slots; i++) {
        const struct cb_journal_slot *s = &j->scan.slots[i];
        uint64_t offset = s->in_chain ? s->end : s->nonzero_begin;
        while (!s->recycled && offset < s->nonzero_end) {
            uint64_t rest = s->nonzero_end - offset;
            uint32_t bytes = rest < j->config.frame_bytes_max ? (uint32_t)rest : j->config.frame_bytes_max;
            if (!io(j, report, i, offset, j->zeros, bytes)) {
                return false;
            }
            offset += bytes;
            report->cut_blocks += bytes / BLOCK;
        }
    }
    return true;
}

/* A frame was read, but no later frame calls it durable: it may be in a cache only. The same bytes are
 * written again with sync; torn or not, that changes nothing on the medium but makes it sure. */
static bool write_unattested_again(struct cb_journal *j, struct cb_journal_recovery *report)
{
    for (uint32_t i = 0; i < j->scan.unattested_count; i++) {
        const struct cb_journal_unattested *at = &j->scan.unattested[i];
        struct cb_journal_frame frame;
        const uint8_t *bytes;
        enum cb_journal_flaw flaw =
            cb_journal_view_frame(&j->scan.view, &frame, &bytes, at->slot, at->offset, j->config.cluster);
        if (flaw != CB_JOURNAL_SOUND) {
            report->decision = CB_JOURNAL_IO_FAILED; /* read well a moment ago */
            report->problem =
                (struct cb_journal_problem){.flaw = flaw, .slot = at->slot, .offset = at->offset};
            return false;
        }
        uint8_t *data = j->scan.view.buffer + (bytes - j->scan.view.buffer);
        if (!io(j, report, at->slot, at->offset, data, frame.blocks * BLOCK)) {
            return false;
        }
    }
    return true;
}

static void take_slots(struct cb_journal *j)
{
    for (uint32_t i = 0; i < j->config.disk->slots; i++) {
        const struct cb_journal_slot *s = &j->scan.slots[i];
        struct cb_journal_space *space = &j->spaces[i];
        *space = (struct cb_journal_space){.state = CB_JOURNAL_SPACE_CLEAN};
        if (s->in_chain && s->end != 0) {
            *space = (struct cb_journal_space){
                .state = CB_JOURNAL_SPACE_LIVE, .generation = s->generation, .last_seq = s->last_seq};
            j->oldest_slot = s->generation == j->oldest ? i : j->oldest_slot;
        } else if (s->recycled && s->generation >= j->oldest_durable) {
            /* Given up by a frame that was cut: not declared, so not to be touched yet. */
            *space = (struct cb_journal_space){.state = CB_JOURNAL_SPACE_LIVE, .generation = s->generation};
        } else if (s->recycled) {
            /* generation 0: its first frame is zeroed already, so it is the first to be finished */
            *space = (struct cb_journal_space){.state = CB_JOURNAL_SPACE_DIRTY, .generation = s->generation};
        }
        j->clean += space->state == CB_JOURNAL_SPACE_CLEAN ? 1u : 0u;
        j->dirty += space->state == CB_JOURNAL_SPACE_DIRTY ? 1u : 0u;
    }
}

static void take_over(struct cb_journal *j, uint64_t epoch)
{
    const struct cb_journal_scan *scan = &j->scan;
    j->epoch = epoch;
    j->last_seq = scan->last_seq;
    j->last_ns = scan->frames == 0 ? 0 : scan->link.last_ns;
    j->next_frame = scan->last_frame + 1;
    memcpy(j->prev, scan->link.prev, sizeof j->prev);
    j->durable_seq = scan->last_seq;
    j->durable_frame = scan->last_frame;
    j->durable_generation = scan->chain_newest;
    j->generation = scan->chain_newest;
    j->slot = scan->end_slot;
    j->offset = scan->end_offset;
    j->oldest = scan->oldest == 0 ? 1 : scan->oldest;
    j->oldest_durable = scan->frames == 0 ? 1 : scan->link.oldest;
    j->oldest_declared = j->oldest_durable;
    take_slots(j);
    j->state = CB_JOURNAL_RUNNING;
}

bool cb_journal_recover(struct cb_journal *j, struct cb_journal_recovery *report, uint64_t epoch)
{
    CB_ASSERT(j->state == CB_JOURNAL_CLOSED && epoch != 0);
    struct cb_journal_scan *scan = &j->scan;
    cb_journal_scan_run(scan);
    if (scan->link.epoch > epoch) {
        scan->facts |= CB_JOURNAL_FACT_FENCED;
    }
    uint32_t row = decide(scan->facts);
    uint32_t fact = cb_journal_recovery_table[row].all;
    *report = (struct cb_journal_recovery){.decision = cb_journal_recovery_table[row].decision,
                                           .row = row + 1,
                                           .first_seq = scan->first_seq,
                                           .last_seq = scan->last_seq,
                                           .last_frame = scan->last_frame,
                                           .last_epoch = scan->link.epoch};
    if (fact != 0) {
        report->problem = scan->problems[__builtin_ctz(fact)];
    }
    bool runs = report->decision == CB_JOURNAL_EMPTY || report->decision == CB_JOURNAL_CLEAN ||
                report->decision == CB_JOURNAL_CUT;
    if (runs && cut(j, report) && write_unattested_again(j, report)) {
        take_over(j, epoch);
        return true;
    }
    return false;
}
