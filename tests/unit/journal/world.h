/* A journal on a simulated disk, for tests: memory, events that depend on their seq alone, and checks. */
#ifndef CB_TESTS_UNIT_JOURNAL_WORLD_H
#define CB_TESTS_UNIT_JOURNAL_WORLD_H

#include "host/journal/journal.h"
#include "host/journal/reader.h"
#include "sim/world/disk.h"

#define WORLD_CLUSTER 0xC1EA2B0Cu

struct world {
    struct cb_sim_disk *sim;
    struct cb_journal journal;
    struct cb_journal_config config;
    void *disk_memory, *journal_memory;
    size_t journal_bytes;
    bool journal_open;
};

uint64_t world_seed(void);   /* CB_SEED, else 1 */
uint64_t world_effort(void); /* CB_EFFORT, else 1 */
uint64_t world_random(uint64_t *state);

void world_open(struct world *world, uint32_t slots, uint64_t slot_bytes, uint64_t seed, bool reorder);
void world_close(struct world *world);
/* A new journal over the disk as it is (the process started again). */
bool world_recover(struct world *world, struct cb_journal_recovery *report, uint64_t epoch);

/* The one event with that seq: kind, session, times and body follow from it. body_bytes <= body_max. */
struct cb_event world_event(uint8_t *body, uint64_t seq, uint32_t body_max);
void world_append(struct world *world, uint32_t body_max); /* the next event */
/* Polls until all that was appended is durable, or it failed, or nothing moves for long. */
bool world_settle(struct world *world);

/* Polls until nothing is in flight and nothing is to be recycled, so that others may use the disk. */
void world_quiet(struct world *world);

bool world_verify(struct world *world, struct cb_journal_problem *problem);
/* Reads everything back and compares byte by byte. Returns: the last seq; UINT64_MAX if anything is wrong. */
uint64_t world_read_back(struct world *world, uint32_t body_max);

/* A reader over a disk, with its memory. */
struct world_reader {
    struct cb_journal_reader reader;
    void *memory;
};
void world_reader_open(struct world_reader *reader, struct cb_disk *disk, bool follow);
void world_reader_close(struct world_reader *reader);

#endif
