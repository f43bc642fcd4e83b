#include "sim/world/disk.h"

#include "clearbox/limits.h"
#include "host/base/assert.h"

#include <errno.h>
#include <string.h>

struct pending {
    struct cb_disk_op op;
    uint64_t submitted_at; /* operations carried out before it was submitted */
    uint32_t held_reaps;   /* stalled: reaps until it is carried out; 0: not stalled */
};

struct cb_sim_disk {
    struct cb_disk port;
    struct cb_sim_disk_config config;
    uint64_t random, ops;
    bool crashed, sync_fails;
    struct cb_sim_fault faults[CB_SIM_DISK_FAULTS];
    uint32_t fault_count;
    struct pending queue[CB_SIM_DISK_OPS];
    struct pending lost[CB_SIM_DISK_OPS]; /* was in flight when power was cut */
    uint32_t queued, lost_count;
    uint64_t sectors_per_slot;
    uint8_t *seen, *stable;
    uint64_t
        *written_at; /* per sector: the operation that wrote it and is not synced; 0: synced or dropped */
};

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static uint64_t draw(struct cb_sim_disk *d)
{
    d->random += 0x9E3779B97F4A7C15u;
    return mix(d->random);
}

static uint64_t image_bytes(const struct cb_sim_disk_config *config)
{
    return config->slots * config->slot_bytes;
}

size_t cb_sim_disk_footprint(const struct cb_sim_disk_config *config)
{
    return cb_arena_room(sizeof(struct cb_sim_disk)) + 2 * cb_arena_room(image_bytes(config)) +
           cb_arena_room(image_bytes(config) / CB_SIM_SECTOR * sizeof(uint64_t));
}

static bool submit(void *self, const struct cb_disk_op *op)
{
    struct cb_sim_disk *d = self;
    CB_ASSERT(op->kind >= CB_DISK_READ && op->kind <= CB_DISK_WRITE_SYNC);
    CB_ASSERT(op->slot < d->config.slots);
    if (op->kind != CB_DISK_SYNC) {
        CB_ASSERT(op->bytes != 0 && op->bytes % CB_JOURNAL_BLOCK_BYTES == 0);
        CB_ASSERT(op->offset % CB_JOURNAL_BLOCK_BYTES == 0);
        CB_ASSERT(op->offset <= d->config.slot_bytes && op->bytes <= d->config.slot_bytes - op->offset);
        CB_ASSERT((uintptr_t)op->data % CB_JOURNAL_BLOCK_BYTES == 0);
    }
    if (d->queued == CB_SIM_DISK_OPS) {
        return false;
    }
    d->queue[d->queued++] = (struct pending){.op = *op, .submitted_at = d->ops};
    return true;
}

static uint64_t first_sector(const struct cb_sim_disk *d, const struct cb_disk_op *op)
{
    return op->slot * d->sectors_per_slot + op->offset / CB_SIM_SECTOR;
}

/* Writes sectors [0, count) of the op to what a read sees; each with probability one half where `some`. */
static void write_sectors(struct cb_sim_disk *d, const struct cb_disk_op *op, uint64_t count, bool some)
{
    uint64_t first = first_sector(d, op);
    for (uint64_t i = 0; i < count; i++) {
        if (!some || (draw(d) & 1u) != 0) {
            memcpy(d->seen + (first + i) * CB_SIM_SECTOR, (const uint8_t *)op->data + i * CB_SIM_SECTOR,
                   CB_SIM_SECTOR);
            d->written_at[first + i] = d->ops;
        }
    }
}

/* Saves what a sync of this op promises and not a sector more: what completed before it was submitted, and
 * its own write. */
static void save(struct cb_sim_disk *d, const struct pending *p)
{
    uint64_t first = p->op.slot * d->sectors_per_slot;
    for (uint64_t s = first; s < first + d->sectors_per_slot; s++) {
        if (d->written_at[s] != 0 && (d->written_at[s] <= p->submitted_at || d->written_at[s] == d->ops)) {
            memcpy(d->stable + s * CB_SIM_SECTOR, d->seen + s * CB_SIM_SECTOR, CB_SIM_SECTOR);
            d->written_at[s] = 0;
        }
    }
}

/* What Linux does after a failed sync: pages are marked clean, some of them were written, the rest is lost at
 * the next power cut although reads still see it. */
static void drop(struct cb_sim_disk *d, uint32_t slot)
{
    uint64_t first = slot * d->sectors_per_slot;
    for (uint64_t s = first; s < first + d->sectors_per_slot; s++) {
        if (d->written_at[s] != 0 && (draw(d) & 1u) != 0) {
            memcpy(d->stable + s * CB_SIM_SECTOR, d->seen + s * CB_SIM_SECTOR, CB_SIM_SECTOR);
        }
        d->written_at[s] = 0;
    }
}

static bool is_sync(uint32_t kind)
{
    return kind == CB_DISK_SYNC || kind == CB_DISK_WRITE_SYNC;
}

static bool applies(const struct cb_sim_disk *d, const struct cb_sim_fault *fault,
                    const struct cb_disk_op *op)
{
    switch ((enum cb_sim_fault_kind)fault->kind) {
    case CB_SIM_FAULT_ENOSPC:
        return d->ops >= fault->at_op && (op->kind == CB_DISK_WRITE || op->kind == CB_DISK_WRITE_SYNC);
    case CB_SIM_FAULT_SHORT:
        return d->ops >= fault->at_op && op->kind != CB_DISK_SYNC;
    case CB_SIM_FAULT_SYNC_ONCE:
    case CB_SIM_FAULT_SYNC_ALWAYS:
        return d->ops >= fault->at_op && is_sync(op->kind);
    case CB_SIM_FAULT_EIO:
    case CB_SIM_FAULT_STALL:
    case CB_SIM_FAULT_CRASH_BEFORE:
    case CB_SIM_FAULT_CRASH_AFTER:
        break;
    }
    return d->ops >= fault->at_op;
}

/* Takes the first fault that applies to this op, which then is spent. kind 0: none. */
static struct cb_sim_fault take_fault(struct cb_sim_disk *d, const struct cb_disk_op *op)
{
    for (uint32_t i = 0; i < d->fault_count; i++) {
        struct cb_sim_fault fault = d->faults[i];
        if (applies(d, &fault, op)) {
            d->faults[i] = d->faults[--d->fault_count];
            return fault;
        }
    }
    return (struct cb_sim_fault){0};
}

static int32_t transfer(struct cb_sim_disk *d, const struct cb_disk_op *op, uint32_t bytes)
{
    if (op->kind == CB_DISK_READ) {
        memcpy(op->data, d->seen + first_sector(d, op) * CB_SIM_SECTOR, bytes);
    } else if (op->kind != CB_DISK_SYNC) {
        write_sectors(d, op, bytes / CB_SIM_SECTOR, false);
    }
    return op->kind == CB_DISK_SYNC ? 0 : (int32_t)bytes;
}

static int32_t carry_out(struct cb_sim_disk *d, const struct pending *p, const struct cb_sim_fault *fault)
{
    const struct cb_disk_op *op = &p->op;
    uint32_t half = op->bytes / 2u / CB_SIM_SECTOR * CB_SIM_SECTOR;
    bool writes = op->kind == CB_DISK_WRITE || op->kind == CB_DISK_WRITE_SYNC;
    switch (fault->kind) {
    case CB_SIM_FAULT_EIO:
        if (writes) {
            write_sectors(d, op, op->bytes / CB_SIM_SECTOR, true);
        }
        return -EIO;
    case CB_SIM_FAULT_ENOSPC:
        return -ENOSPC;
    case CB_SIM_FAULT_SHORT:
        return transfer(d, op, half);
    default:
        break;
    }
    int32_t result = transfer(d, op, op->bytes);
    if (is_sync(op->kind)) {
        d->sync_fails = d->sync_fails || fault->kind == CB_SIM_FAULT_SYNC_ALWAYS;
        if (d->sync_fails || fault->kind == CB_SIM_FAULT_SYNC_ONCE) {
            drop(d, op->slot);
            return -EIO;
        }
        save(d, p);
    }
    return result;
}

static void cut_power(struct cb_sim_disk *d, uint32_t finished_index)
{
    d->crashed = true;
    d->lost_count = 0;
    for (uint32_t i = 0; i < d->queued; i++) {
        if (i != finished_index) {
            d->lost[d->lost_count++] = d->queue[i];
        }
    }
}

/* Finishes the queued op at `index`, unless a fault holds it back. Returns: whether *done was filled. */
static bool finish(struct cb_sim_disk *d, uint32_t index, struct cb_disk_done *done)
{
    struct pending *p = &d->queue[index];
    int32_t result = -EIO;
    if (!d->crashed) {
        d->ops++;
        struct cb_sim_fault fault = take_fault(d, &p->op);
        if (fault.kind == CB_SIM_FAULT_STALL && fault.reaps > 0) {
            p->held_reaps = fault.reaps;
            return false;
        }
        if (fault.kind == CB_SIM_FAULT_CRASH_BEFORE) {
            cut_power(d, UINT32_MAX);
        } else {
            result = carry_out(d, p, &fault);
        }
        if (fault.kind == CB_SIM_FAULT_CRASH_AFTER) {
            cut_power(d, index);
            result = -EIO;
        }
    }
    *done = (struct cb_disk_done){.tag = p->op.tag, .result = result};
    return true;
}

static uint32_t reap(void *self, struct cb_disk_done *done, uint32_t max)
{
    struct cb_sim_disk *d = self;
    for (uint32_t i = 0; i < d->queued; i++) {
        d->queue[i].held_reaps -= d->queue[i].held_reaps > 0 ? 1u : 0u;
    }
    uint32_t count = 0;
    while (count < max) {
        uint32_t ready[CB_SIM_DISK_OPS];
        uint32_t ready_count = 0;
        for (uint32_t i = 0; i < d->queued; i++) {
            if (d->queue[i].held_reaps == 0) {
                ready[ready_count++] = i;
            }
        }
        /* Reordering: sometimes nothing is ready yet, else any of them is. */
        if (ready_count == 0 || (d->config.reorder && draw(d) % 4u == 0)) {
            break;
        }
        uint32_t index = d->config.reorder ? ready[draw(d) % ready_count] : ready[0];
        if (finish(d, index, &done[count])) {
            count++;
            d->queued--;
            memmove(&d->queue[index], &d->queue[index + 1], (d->queued - index) * sizeof d->queue[0]);
        }
    }
    return count;
}

static void close_port(void *self)
{
    (void)self;
}

struct cb_sim_disk *cb_sim_disk_init(struct cb_arena *arena, const struct cb_sim_disk_config *config)
{
    CB_ASSERT(config->slots != 0 && config->slot_bytes != 0);
    CB_ASSERT(config->slot_bytes % CB_JOURNAL_BLOCK_BYTES == 0);
    struct cb_sim_disk *d = cb_arena_take(arena, sizeof *d);
    *d = (struct cb_sim_disk){.config = *config, .random = mix(config->seed)};
    d->sectors_per_slot = config->slot_bytes / CB_SIM_SECTOR;
    d->seen = cb_arena_take(arena, image_bytes(config));
    d->stable = cb_arena_take(arena, image_bytes(config));
    d->written_at = cb_arena_take(arena, image_bytes(config) / CB_SIM_SECTOR * sizeof(uint64_t));
    memset(d->seen, 0, image_bytes(config));
    memset(d->stable, 0, image_bytes(config));
    memset(d->written_at, 0, image_bytes(config) / CB_SIM_SECTOR * sizeof(uint64_t));
    d->port = (struct cb_disk){.self = d,
                               .slots = config->slots,
                               .slot_bytes = config->slot_bytes,
                               .submit = submit,
                               .reap = reap,
                               .close = close_port};
    return d;
}

struct cb_disk *cb_sim_disk_port(struct cb_sim_disk *disk)
{
    return &disk->port;
}

void cb_sim_disk_fault(struct cb_sim_disk *disk, const struct cb_sim_fault *fault)
{
    CB_ASSERT(disk->fault_count < CB_SIM_DISK_FAULTS && fault->at_op != 0);
    disk->faults[disk->fault_count++] = *fault;
}

bool cb_sim_disk_crashed(const struct cb_sim_disk *disk)
{
    return disk->crashed;
}

uint64_t cb_sim_disk_ops(const struct cb_sim_disk *disk)
{
    return disk->ops;
}

static bool survives(uint64_t seed, uint64_t salt, uint64_t sector)
{
    if (seed == 0 || seed == UINT64_MAX) {
        return seed != 0;
    }
    return (mix(seed ^ mix(salt ^ mix(sector))) & 1u) != 0;
}

void cb_sim_disk_restart(struct cb_sim_disk *disk, uint64_t seed)
{
    uint64_t sectors = image_bytes(&disk->config) / CB_SIM_SECTOR;
    for (uint64_t s = 0; s < sectors; s++) {
        if (disk->written_at[s] != 0 && survives(seed, 0, s)) {
            memcpy(disk->stable + s * CB_SIM_SECTOR, disk->seen + s * CB_SIM_SECTOR, CB_SIM_SECTOR);
        }
        disk->written_at[s] = 0;
    }
    if (!disk->crashed) {
        cut_power(disk, UINT32_MAX);
    }
    for (uint32_t i = 0; i < disk->lost_count; i++) {
        const struct cb_disk_op *op = &disk->lost[i].op;
        if (op->kind != CB_DISK_WRITE && op->kind != CB_DISK_WRITE_SYNC) {
            continue;
        }
        for (uint64_t s = 0; s < op->bytes / CB_SIM_SECTOR; s++) {
            if (survives(seed, i + 1u, s)) {
                memcpy(disk->stable + (first_sector(disk, op) + s) * CB_SIM_SECTOR,
                       (const uint8_t *)op->data + s * CB_SIM_SECTOR, CB_SIM_SECTOR);
            }
        }
    }
    memcpy(disk->seen, disk->stable, image_bytes(&disk->config));
    disk->queued = 0;
    disk->lost_count = 0;
    disk->fault_count = 0;
    disk->ops = 0;
    disk->crashed = false;
    disk->sync_fails = false;
}

void cb_sim_disk_copy(struct cb_sim_disk *to, const struct cb_sim_disk *from)
{
    CB_ASSERT(to->config.slots == from->config.slots && to->config.slot_bytes == from->config.slot_bytes);
    struct cb_sim_disk own = *to;
    *to = *from;
    to->port.self = to;
    to->seen = own.seen;
    to->stable = own.stable;
    to->written_at = own.written_at;
    uint64_t bytes = image_bytes(&from->config);
    memcpy(to->seen, from->seen, bytes);
    memcpy(to->stable, from->stable, bytes);
    memcpy(to->written_at, from->written_at, bytes / CB_SIM_SECTOR * sizeof(uint64_t));
}

const uint8_t *cb_sim_disk_bytes(const struct cb_sim_disk *disk, uint32_t slot)
{
    CB_ASSERT(slot < disk->config.slots);
    return disk->seen + slot * disk->config.slot_bytes;
}

void cb_sim_disk_damage(struct cb_sim_disk *disk, uint32_t slot, uint64_t offset, const void *data,
                        uint64_t bytes)
{
    CB_ASSERT(slot < disk->config.slots && offset <= disk->config.slot_bytes &&
              bytes <= disk->config.slot_bytes - offset);
    memcpy(disk->seen + slot * disk->config.slot_bytes + offset, data, bytes);
    memcpy(disk->stable + slot * disk->config.slot_bytes + offset, data, bytes);
}
