#include "host/journal/space.h"

#include "host/base/assert.h"

uint64_t cb_journal_space_left(uint64_t slot_bytes, uint64_t offset, uint32_t clean)
{
    uint64_t kept = clean == 0 ? CB_JOURNAL_BLOCK_BYTES : 0;
    uint64_t left = slot_bytes - offset;
    return left > kept ? left - kept : 0;
}

void cb_journal_space_next(struct cb_journal *j)
{
    CB_ASSERT(j->clean > 0);
    uint32_t slots = j->config.disk->slots;
    uint32_t slot = j->generation == 0 ? 0 : (j->slot + 1) % slots;
    for (uint32_t i = 0; i < slots && j->spaces[slot].state != CB_JOURNAL_SPACE_CLEAN; i++) {
        slot = (slot + 1) % slots;
    }
    CB_ASSERT(j->spaces[slot].state == CB_JOURNAL_SPACE_CLEAN);
    j->generation++;
    j->slot = slot;
    j->offset = 0;
    j->segment_done = false;
    j->clean--;
    j->stats.segments++;
    j->spaces[slot] = (struct cb_journal_space){.state = CB_JOURNAL_SPACE_LIVE, .generation = j->generation};
    if (j->generation == j->oldest) {
        j->oldest_slot = slot;
    }
}

static uint32_t slot_of(const struct cb_journal *j, uint64_t generation)
{
    for (uint32_t i = 0; i < j->config.disk->slots; i++) {
        if (j->spaces[i].state == CB_JOURNAL_SPACE_LIVE && j->spaces[i].generation == generation) {
            return i;
        }
    }
    CB_ASSERT(false);
    return CB_JOURNAL_SLOT_NONE;
}

void cb_journal_space_release(struct cb_journal *j)
{
    /* Only below a segment that has a durable frame: so the first frame of `oldest` is durable wherever it is
     * declared, and recovery may insist on finding it. */
    while (j->oldest < j->durable_generation && j->spaces[j->oldest_slot].last_seq <= j->retain_seq) {
        j->oldest++;
        j->oldest_slot = slot_of(j, j->oldest);
    }
}

void cb_journal_space_dirty(struct cb_journal *j)
{
    for (uint32_t i = 0; i < j->config.disk->slots; i++) {
        struct cb_journal_space *space = &j->spaces[i];
        if (space->state == CB_JOURNAL_SPACE_LIVE && space->generation < j->oldest_durable) {
            space->state = CB_JOURNAL_SPACE_DIRTY;
            j->dirty++;
        }
    }
}

/* The oldest first, so that what is left of recycled segments is always next to the live ones. */
static uint32_t oldest_dirty(const struct cb_journal *j)
{
    uint32_t oldest = CB_JOURNAL_SLOT_NONE;
    for (uint32_t i = 0; i < j->config.disk->slots; i++) {
        bool dirty = j->spaces[i].state == CB_JOURNAL_SPACE_DIRTY;
        if (dirty &&
            (oldest == CB_JOURNAL_SLOT_NONE || j->spaces[i].generation < j->spaces[oldest].generation)) {
            oldest = i;
        }
    }
    CB_ASSERT(oldest != CB_JOURNAL_SLOT_NONE);
    return oldest;
}

uint32_t cb_journal_space_chunk(const struct cb_journal *j)
{
    uint64_t rest = j->config.disk->slot_bytes - j->recycle_offset;
    return rest < j->config.frame_bytes_max ? (uint32_t)rest : j->config.frame_bytes_max;
}

uint32_t cb_journal_space_recycle(struct cb_journal *j)
{
    if (j->dirty == 0 || j->recycle_in_flight) {
        return 0;
    }
    if (j->recycle_slot == CB_JOURNAL_SLOT_NONE) {
        j->recycle_slot = oldest_dirty(j);
        j->recycle_offset = 0;
    }
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC,
                            .slot = j->recycle_slot,
                            .offset = j->recycle_offset,
                            .data = j->zeros,
                            .bytes = cb_journal_space_chunk(j),
                            .tag = CB_JOURNAL_RECYCLE_TAG};
    j->recycle_in_flight = j->config.disk->submit(j->config.disk->self, &op);
    return j->recycle_in_flight ? 1 : 0;
}

void cb_journal_space_recycled(struct cb_journal *j)
{
    uint32_t bytes = cb_journal_space_chunk(j);
    j->recycle_in_flight = false;
    j->recycle_offset += bytes;
    j->stats.zeroed_bytes += bytes;
    if (j->recycle_offset == j->config.disk->slot_bytes) {
        j->spaces[j->recycle_slot] = (struct cb_journal_space){.state = CB_JOURNAL_SPACE_CLEAN};
        j->recycle_slot = CB_JOURNAL_SLOT_NONE;
        j->clean++;
        j->dirty--;
    }
}

void cb_journal_retain_through(struct cb_journal *j, uint64_t seq)
{
    j->retain_seq = seq > j->retain_seq ? seq : j->retain_seq;
}
