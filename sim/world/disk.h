/* A disk in memory that fails on purpose, from a seed.
 *
 * Two images: what a read sees, and what would be left after power is cut now. A write changes the first; a
 * sync copies the sectors written since (of completed writes) to the second; a crash keeps a seeded subset of
 * the unsynced 512-byte sectors. Operations are carried out when they complete (at reap, in seeded order
 * where asked), in whole or, at a crash, in part. Everything is a value: copying the struct's memory with
 * cb_sim_disk_copy makes an image of the world. */
#ifndef CB_SIM_WORLD_DISK_H
#define CB_SIM_WORLD_DISK_H

#include "clearbox/disk.h"
#include "host/base/arena.h"

#define CB_SIM_DISK_OPS    64u
#define CB_SIM_SECTOR      512u
#define CB_SIM_DISK_FAULTS 8u

enum cb_sim_fault_kind {
    CB_SIM_FAULT_EIO = 1,       /* the op fails; a write may have changed any of its sectors */
    CB_SIM_FAULT_ENOSPC = 2,    /* the op fails; nothing was written */
    CB_SIM_FAULT_SHORT = 3,     /* half of the blocks are transferred, the linked sync does not happen */
    CB_SIM_FAULT_STALL = 4,     /* completes after `reaps` further calls of reap */
    CB_SIM_FAULT_SYNC_ONCE = 5, /* the sync fails, what it should have saved is dropped, later ones succeed */
    CB_SIM_FAULT_SYNC_ALWAYS = 6,  /* it and every later sync fails */
    CB_SIM_FAULT_CRASH_BEFORE = 7, /* power is cut before the op: it and all later ones fail */
    CB_SIM_FAULT_CRASH_AFTER = 8   /* power is cut right after it, before its completion is seen */
};

struct cb_sim_fault {
    uint32_t kind;  /* enum cb_sim_fault_kind */
    uint64_t at_op; /* the k-th operation carried out, from 1 */
    uint32_t reaps; /* STALL */
};

struct cb_sim_disk_config {
    uint32_t slots;
    uint64_t slot_bytes;
    uint64_t seed;
    bool reorder; /* completions in seeded order, and some held back */
};

struct cb_sim_disk;

size_t cb_sim_disk_footprint(const struct cb_sim_disk_config *config);
struct cb_sim_disk *cb_sim_disk_init(struct cb_arena *arena, const struct cb_sim_disk_config *config);
struct cb_disk *cb_sim_disk_port(struct cb_sim_disk *disk);

void cb_sim_disk_fault(struct cb_sim_disk *disk, const struct cb_sim_fault *fault);
bool cb_sim_disk_crashed(const struct cb_sim_disk *disk);
uint64_t cb_sim_disk_ops(const struct cb_sim_disk *disk); /* carried out so far */

/* Cut the power (if not yet) and start again: unsynced sectors survive as `seed` says (0: none, UINT64_MAX:
 * all); operations in flight may have reached some of their sectors. Faults and queue are cleared. */
void cb_sim_disk_restart(struct cb_sim_disk *disk, uint64_t seed);

/* Make *to the same as *from. Requires: the same configuration of slots and slot_bytes. */
void cb_sim_disk_copy(struct cb_sim_disk *to, const struct cb_sim_disk *from);

/* The bytes of a slot as a read sees them, to look at or to damage (both images are changed by damage). */
const uint8_t *cb_sim_disk_bytes(const struct cb_sim_disk *disk, uint32_t slot);
void cb_sim_disk_damage(struct cb_sim_disk *disk, uint32_t slot, uint64_t offset, const void *data,
                        uint64_t bytes);

#endif
