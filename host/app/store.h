/* The store: a journal directory, and the core that its records make.
 *
 * DIR/seg-*.cbj and DIR/archive hold the journal, DIR/snapshots/snap-<seq>.cbs snapshots. A command may be
 * given DIR itself or the data directory above it (DIR/journal). Threads: one. */
#ifndef CB_HOST_APP_STORE_H
#define CB_HOST_APP_STORE_H

#include "drivers/file/file.h"
#include "host/app/message.h"
#include "host/engine/core.h"
#include "host/engine/genesis.h"
#include "host/engine/replay.h"
#include "host/journal/snapshot.h"

#include <stdbool.h>
#include <stdio.h>

/* One block of zeroed memory from the system, for arenas. populate: touch every page now, so that no later
 * access faults. Returns: false after a message (CB4002). */
struct cb_memory {
    void *base;
    size_t bytes;
};
CB_MUST_CHECK bool cb_memory_take(struct cb_memory *memory, size_t bytes, bool populate, FILE *errors);
void cb_memory_give(struct cb_memory *memory);

/* Writes the journal directory that `path` means into `directory` (CB_FILE_PATH_BYTES): path itself, or
 * path/journal. */
CB_MUST_CHECK bool cb_store_find(char *directory, const char *path, FILE *errors);

struct cb_store_load {
    const char *directory;
    const char *snapshot; /* a file; NULL: none, or the newest that is sound where `newest` is set */
    bool newest;          /* begin with a snapshot, if there is one */
    bool writer;          /* this process holds the journal: a sound snapshot that does not belong to the
                             journal stops it, one that is not sound gets another name */
    bool populate;
    uint64_t to; /* last seq to apply; UINT64_MAX: all */
    const struct cb_core_sink *sink;
    void (*before)(void *context,
                   const struct cb_event *event); /* sees each event before it is applied; NULL: nobody */
    void *context;
    bool follow; /* another process writes: only what is durable for certain (the snapshotter) */
};

struct cb_store { /* a core made from a directory */
    struct cb_file_slots slots;
    struct cb_file_disk disk;
    struct cb_journal_reader reader;
    struct cb_memory reader_memory, core_memory;
    struct cb_genesis *genesis; /* holds the configuration */
    struct cb_core core;
    struct cb_replay replay;
    bool reader_open, slots_open;
    uint64_t begun_at; /* seq of the snapshot that it began with; 0: genesis */
    bool recycled;     /* the first records are gone: it had to begin with a snapshot */
};

/* Opens the directory read only and applies its records. Where the first ones are gone (`retain: delete`, or
 * an archive that was moved away) it begins with the oldest snapshot. Returns: CB_EXIT_OK (also for an empty
 * journal: core.sequence.seq is then 0 and genesis->parts 0), else after a message. cb_store_close in either
 * case. *store is zeroed first. */
enum cb_exit cb_store_open(struct cb_store *store, const struct cb_store_load *load, FILE *errors);

void cb_store_close(struct cb_store *store);

/* SHA-256 over the canonical configuration and state, as 64 lower-case hex digits and a zero. Also its
 * length. */
#define CB_DIGEST_TEXT_BYTES 65u
uint64_t cb_store_digest(const struct cb_core *core, char text[CB_DIGEST_TEXT_BYTES]);

/* The payload of a snapshot: configuration, then state. */
void cb_store_serialize(const struct cb_core *core, struct cb_writer *writer);

/* Snapshots of a directory, newest first. Returns how many (at most max). */
uint32_t cb_store_snapshots(const char *directory, uint64_t *seqs, uint32_t max);
void cb_store_snapshot_path(char *path, const char *directory, uint64_t seq);

/* The one-line message about a damaged or differing journal, from a replay's result. Returns its exit code.
 */
enum cb_exit cb_store_report(const struct cb_replay *replay, enum cb_replay_result result,
                             const char *directory, FILE *errors);

#endif
