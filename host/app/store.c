#include "host/app/store.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

bool cb_memory_take(struct cb_memory *memory, size_t bytes, bool populate, FILE *errors)
{
    memory->bytes = (bytes + 4095u) & ~(size_t)4095u;
    memory->base =
        mmap(NULL, memory->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory->base == MAP_FAILED) {
        memory->base = NULL;
        cb_message_print(errors, CB_MESSAGE_4002,
                         "%zu MiB for the tables: %s. Lower `capacity`, or add memory.", bytes >> 20,
                         strerror(errno));
        return false;
    }
    /* Accounts are met in any order: with 4 KiB pages the translation buffers miss on top of the caches. A
     * refusal does no harm. Pages are touched after that, not by MAP_POPULATE, which would have made small
     * ones. */
    (void)madvise(memory->base, memory->bytes, MADV_HUGEPAGE);
    for (size_t at = 0; populate && at < memory->bytes; at += 4096u) {
        ((volatile uint8_t *)memory->base)[at] = 0;
    }
    return true;
}

void cb_memory_give(struct cb_memory *memory)
{
    if (memory->base != NULL) {
        munmap(memory->base, memory->bytes);
        memory->base = NULL;
    }
}

bool cb_store_find(char *directory, const char *path, FILE *errors)
{
    struct stat status;
    if (snprintf(directory, CB_FILE_PATH_BYTES, "%s/journal", path) >= (int)CB_FILE_PATH_BYTES) {
        cb_message_print(errors, CB_MESSAGE_4005, "%s: the path is too long", path);
        return false;
    }
    if (cb_file_exists(directory)) {
        return true;
    }
    snprintf(directory, CB_FILE_PATH_BYTES, "%s", path);
    if (cb_file_exists(directory)) {
        return true;
    }
    cb_message_print(errors, CB_MESSAGE_4005, "%s: %s", path,
                     stat(path, &status) == 0 ? "holds no journal (no seg-0000.cbj here or in journal/)"
                                              : strerror(errno));
    return false;
}

void cb_store_serialize(const struct cb_core *core, struct cb_writer *writer)
{
    cb_config_serialize(core->config, writer);
    cb_core_serialize(core, writer);
}

uint64_t cb_store_digest(const struct cb_core *core, char text[CB_DIGEST_TEXT_BYTES])
{
    struct cb_snapshot_sink sink;
    struct cb_snapshot snapshot;
    memset(&snapshot, 0, sizeof snapshot);
    cb_snapshot_sink_open(&sink, NULL);
    cb_store_serialize(core, &sink.writer);
    cb_snapshot_sink_end(&sink, &snapshot);
    cb_snapshot_sink_close(&sink);
    for (uint32_t i = 0; i < CB_JOURNAL_HASH_BYTES; i++) {
        snprintf(text + 2 * i, 3, "%02x", snapshot.state[i]);
    }
    return snapshot.payload_bytes;
}

void cb_store_snapshot_path(char *path, const char *directory, uint64_t seq)
{
    snprintf(path, CB_FILE_PATH_BYTES, "%.900s/snapshots/snap-%020" PRIu64 ".cbs", directory, seq);
}

uint32_t cb_store_snapshots(const char *directory, uint64_t *seqs, uint32_t max)
{
    char path[CB_FILE_PATH_BYTES];
    uint32_t count = 0;
    snprintf(path, sizeof path, "%.900s/snapshots", directory);
    DIR *listing = opendir(path);
    if (listing == NULL) {
        return 0;
    }
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        uint64_t seq;
        char rest[8];
        if (sscanf(entry->d_name, "snap-%20" SCNu64 "%7s", &seq, rest) != 2 || strcmp(rest, ".cbs") != 0) {
            continue;
        }
        /* Into its place among the newest. */
        uint32_t at = count < max ? count++ : seq > seqs[max - 1] ? max - 1 : max;
        for (; at < max && at > 0 && seqs[at - 1] < seq; at--) {
            seqs[at] = seqs[at - 1];
        }
        if (at < max) {
            seqs[at] = seq;
        }
    }
    closedir(listing);
    return count;
}

enum cb_exit cb_store_report(const struct cb_replay *replay, enum cb_replay_result result,
                             const char *directory, FILE *errors)
{
    const struct cb_journal_problem *problem = &replay->reader->problem;
    switch (result) {
    case CB_REPLAY_BAD:
        cb_message_print(errors, CB_MESSAGE_5001,
                         "%s: %s at slot %" PRIu32 ", offset 0x%" PRIx64 " (frame %" PRIu64 "). The %" PRIu64
                         " records before it are good. Nothing was changed.",
                         directory, cb_journal_flaw_name(problem->flaw), problem->slot, problem->offset,
                         problem->frame_no, replay->core->sequence.seq);
        return CB_EXIT_LEDGER;
    case CB_REPLAY_FOREIGN:
        cb_message_print(errors, CB_MESSAGE_5002,
                         "%s: record %" PRIu64
                         " does not follow from the state before it: this journal was written by "
                         "another version, or under another configuration",
                         directory, replay->seq);
        return CB_EXIT_LEDGER;
    case CB_REPLAY_DIFFERS:
        cb_message_print(errors, CB_MESSAGE_5002,
                         "%s: before record %" PRIu64 " the journal recorded effects %016" PRIx64
                         ", this replay has %016" PRIx64,
                         directory, replay->seq, replay->effects_recorded, replay->effects_here);
        return CB_EXIT_LEDGER;
    default:
        return CB_EXIT_OK;
    }
}

/* Memory and an empty core for store->genesis->config. */
static enum cb_exit make_core(struct cb_store *store, const struct cb_store_load *load, FILE *errors)
{
    const struct cb_config *config = &store->genesis->config;
    if (!cb_memory_take(&store->core_memory, cb_core_footprint(config), load->populate, errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_arena arena = cb_arena_over(store->core_memory.base, store->core_memory.bytes);
    cb_core_init(&store->core, &arena, config, load->sink);
    return CB_EXIT_OK;
}

enum restored { RESTORED, UNSOUND, GIVEN_UP };

static const char *read_snapshot(struct cb_store *store, const struct cb_store_load *load,
                                 struct cb_snapshot_source *source, struct cb_file_reader *file,
                                 enum cb_exit *memory, FILE *errors)
{
    uint32_t index;
    enum cb_snapshot_flaw flaw = cb_snapshot_source_open(source, &file->reader, 0, CB_CORE_VERSION);
    if (flaw != CB_SNAPSHOT_SOUND) {
        return cb_snapshot_flaw_name(flaw);
    }
    if (!cb_config_restore(&store->genesis->config, &source->reader) ||
        cb_core_config_fault(&store->genesis->config, &index) != NULL) {
        return "its configuration is not possible";
    }
    *memory = make_core(store, load, errors);
    if (*memory != CB_EXIT_OK) {
        return "no memory";
    }
    if (!cb_core_restore(&store->core, &source->reader)) {
        return "its state is not possible";
    }
    flaw = cb_snapshot_source_end(source);
    if (flaw != CB_SNAPSHOT_SOUND) {
        return cb_snapshot_flaw_name(flaw);
    }
    if (store->core.sequence.seq != source->snapshot.seq || store->core.effects != source->snapshot.effects) {
        return "its header and its state do not agree";
    }
    return NULL;
}

static void drop_core(struct cb_store *store)
{
    cb_memory_give(&store->core_memory);
    memset(&store->core, 0, sizeof store->core);
}

/* Restores the core from one snapshot file. If not: *result says why, after a message, and there is no core.
 */
static enum restored restore_snapshot(struct cb_store *store, const struct cb_store_load *load,
                                      const char *path, struct cb_snapshot *snapshot, enum cb_exit *result,
                                      FILE *errors)
{
    struct cb_file_reader file;
    struct cb_file_error error;
    struct cb_snapshot_source source;
    enum cb_exit memory = CB_EXIT_OK;
    if (!cb_file_reader_open(&file, &error, path)) {
        cb_message_print(errors, CB_MESSAGE_1002, "%s", error.text);
        *result = CB_EXIT_RUN_TIME;
        return GIVEN_UP;
    }
    const char *why = read_snapshot(store, load, &source, &file, &memory, errors);
    *snapshot = source.snapshot;
    cb_snapshot_source_close(&source);
    cb_file_reader_close(&file);
    if (why == NULL) {
        return RESTORED;
    }
    drop_core(store);
    if (memory != CB_EXIT_OK) {
        *result = memory;
        return GIVEN_UP;
    }
    cb_message_print(errors, CB_MESSAGE_5006, "%s: %s", path, why);
    *result = CB_EXIT_LEDGER;
    return UNSOUND;
}

/* Brings the reader behind the snapshot, and checks that the journal's chain runs through it: the frame that
 * holds its record has the hash; or, where that one was recycled, the frame behind it names the hash. */
static bool bind_snapshot(struct cb_store *store, const struct cb_snapshot *snapshot)
{
    struct cb_event event;
    struct cb_journal_reader *reader = &store->reader;
    if (cb_journal_reader_seek(reader, snapshot->seq) &&
        cb_journal_reader_next(reader, &event) == CB_JOURNAL_READ_EVENT) {
        bool same =
            memcmp(cb_journal_reader_frame_hash(reader), snapshot->frame_hash, CB_JOURNAL_HASH_BYTES) == 0;
        store->replay.frame_no = cb_journal_reader_frame(reader)->frame_no;
        return same && event.seq == snapshot->seq;
    }
    return cb_journal_reader_seek(reader, snapshot->seq + 1) &&
           cb_journal_reader_next(reader, &event) == CB_JOURNAL_READ_EVENT &&
           event.seq == snapshot->seq + 1 && cb_journal_reader_frame(reader)->first_seq == event.seq &&
           memcmp(cb_journal_reader_frame(reader)->prev, snapshot->frame_hash, CB_JOURNAL_HASH_BYTES) == 0 &&
           cb_journal_reader_seek(reader, snapshot->seq + 1);
}

/* So that nobody counts on it again; what it holds may still be looked at. */
static void set_aside(const char *path, FILE *errors)
{
    char other[CB_FILE_PATH_BYTES + 8];
    snprintf(other, sizeof other, "%s.bad", path);
    if (rename(path, other) == 0) {
        fprintf(errors, "journal: it is now %s; an older snapshot, or the first record, is the start\n",
                other);
    } else {
        cb_message_print(errors, CB_MESSAGE_1001, "%s: %s", other, strerror(errno));
    }
}

/* Returns: whether the core and the reader stand behind a snapshot. If not, *result says whether to go on
 * without one (CB_EXIT_OK) or to give up, after a message. */
static bool begin_with_snapshot(struct cb_store *store, const struct cb_store_load *load, bool oldest_first,
                                enum cb_exit *result, FILE *errors)
{
    uint64_t seqs[64];
    char path[CB_FILE_PATH_BYTES];
    struct cb_snapshot snapshot;
    uint32_t count = load->snapshot != NULL ? 1 : cb_store_snapshots(load->directory, seqs, 64);
    for (uint32_t i = 0; i < count; i++) {
        if (load->snapshot != NULL) {
            snprintf(path, sizeof path, "%s", load->snapshot);
        } else {
            cb_store_snapshot_path(path, load->directory, seqs[oldest_first ? count - 1 - i : i]);
        }
        enum restored restored = restore_snapshot(store, load, path, &snapshot, result, errors);
        if (restored == GIVEN_UP) {
            return false;
        }
        if (restored == UNSOUND) {
            if (load->writer) {
                set_aside(path, errors);
            }
            continue;
        }
        if (bind_snapshot(store, &snapshot)) {
            store->begun_at = snapshot.seq;
            *result = CB_EXIT_OK;
            return true;
        }
        drop_core(store);
        *result = CB_EXIT_LEDGER;
        cb_message_print(errors, CB_MESSAGE_5006,
                         "%s is sound, but the journal's chain does not run through its record %" PRIu64
                         ": the journal lost its end, or the snapshot is another journal's. Nothing was "
                         "changed.",
                         path, snapshot.seq);
        if (load->writer) {
            return false;
        }
    }
    *result = load->snapshot != NULL ? *result : CB_EXIT_OK;
    return false;
}

/* Collects the configuration from the journal's first records and applies them. */
static enum cb_exit begin_with_genesis(struct cb_store *store, const struct cb_store_load *load, FILE *errors)
{
    struct cb_event event;
    memset(store->genesis, 0, sizeof *store->genesis);
    if (!cb_journal_reader_seek(&store->reader, 1)) {
        enum cb_exit result = CB_EXIT_LEDGER;
        store->recycled = true;
        if (!load->newest && begin_with_snapshot(store, load, true, &result, errors)) {
            return CB_EXIT_OK;
        }
        cb_message_print(errors, CB_MESSAGE_5001,
                         "%s: its first records are not there and it has no sound snapshot to begin with",
                         load->directory);
        return result != CB_EXIT_OK ? result : CB_EXIT_LEDGER;
    }
    for (;;) {
        enum cb_journal_read read = cb_journal_reader_next(&store->reader, &event);
        if (read == CB_JOURNAL_READ_END && store->genesis->parts == 0) {
            return CB_EXIT_OK; /* an empty journal */
        }
        if (read == CB_JOURNAL_READ_BAD) {
            return cb_store_report(&store->replay, CB_REPLAY_BAD, load->directory, errors);
        }
        enum cb_genesis_result result = CB_GENESIS_BAD;
        store->genesis->fault = "it ends inside its configuration";
        if (read == CB_JOURNAL_READ_EVENT) {
            result = cb_genesis_take(store->genesis, &event);
            if (load->before != NULL) {
                load->before(load->context, &event);
            }
        }
        if (result == CB_GENESIS_BAD) {
            cb_message_print(errors, store->genesis->other_version ? CB_MESSAGE_5005 : CB_MESSAGE_5001,
                             "%s: %s", load->directory, store->genesis->fault);
            return CB_EXIT_LEDGER;
        }
        if (result == CB_GENESIS_COMPLETE) {
            break;
        }
    }
    enum cb_exit made = make_core(store, load, errors);
    if (made == CB_EXIT_OK) {
        cb_genesis_apply(store->genesis, &store->core);
        store->replay.frame_no = cb_journal_reader_frame(&store->reader)->frame_no;
    }
    return made;
}

static enum cb_exit apply_rest(struct cb_store *store, const struct cb_store_load *load, FILE *errors)
{
    enum cb_replay_result result;
    store->replay.to = load->to;
    do {
        result = cb_replay_run(&store->replay, UINT64_MAX);
    } while (result == CB_REPLAY_BUDGET);
    return cb_store_report(&store->replay, result, load->directory, errors);
}

enum cb_exit cb_store_open(struct cb_store *store, const struct cb_store_load *load, FILE *errors)
{
    struct cb_file_error error;
    memset(store, 0, sizeof *store);
    store->replay = (struct cb_replay){.core = &store->core,
                                       .reader = &store->reader,
                                       .to = load->to,
                                       .before = load->before,
                                       .context = load->context};
    if (!cb_file_open_all(&store->slots, &error, load->directory)) {
        cb_message_print(errors, CB_MESSAGE_4005, "%s", error.text);
        return CB_EXIT_ENVIRONMENT;
    }
    store->slots_open = true;
    store->genesis = calloc(1, sizeof *store->genesis);
    cb_file_disk_init(&store->disk, &store->slots);
    struct cb_journal_reader_config reader = {
        .disk = &store->disk.disk, .archived = store->slots.archived, .follow = load->follow};
    if (store->genesis == NULL ||
        !cb_memory_take(&store->reader_memory, cb_journal_reader_footprint(&reader), false, errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_arena arena = cb_arena_over(store->reader_memory.base, store->reader_memory.bytes);
    cb_journal_reader_init(&store->reader, &arena, &reader);
    store->reader_open = true;
    enum cb_exit begun = CB_EXIT_OK;
    bool wanted = load->newest || load->snapshot != NULL;
    if (!wanted || !begin_with_snapshot(store, load, false, &begun, errors)) {
        begun = begun != CB_EXIT_OK ? begun : begin_with_genesis(store, load, errors);
        if (begun != CB_EXIT_OK || store->core.config == NULL) {
            return begun;
        }
    }
    return apply_rest(store, load, errors);
}

void cb_store_close(struct cb_store *store)
{
    if (store->reader_open) {
        cb_journal_reader_close(&store->reader);
    }
    if (store->slots_open) {
        cb_file_close(&store->slots);
    }
    cb_memory_give(&store->reader_memory);
    cb_memory_give(&store->core_memory);
    free(store->genesis);
    store->genesis = NULL;
}
