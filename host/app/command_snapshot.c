/* clearbox snapshot DIR [--follow]: the snapshotter. It replays the journal into a core of its own and writes
 * the state as a snapshot; so the hot thread never stalls for one, and replay is exercised all the time. */
#include "host/app/commands.h"
#include "host/app/keeper.h"
#include "host/app/stop.h"
#include "host/app/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECORDS_PER_SNAPSHOT 1000000u /* unless --every says otherwise */
#define SEGMENTS_SHARE       4u       /* ... or when so many'th of the segments were written since */
#define RECORDS_PER_LOOK     16u      /* applied before that is asked again: fewer than any segment holds */
#define FOLLOW_PAUSE_NS      (200L * 1000 * 1000)

static enum cb_exit write_snapshot(struct cb_store *store, const char *directory, const char *path,
                                   FILE *errors)
{
    static struct cb_file_writer file; /* 64 KiB of buffer */
    struct cb_file_error error;
    struct cb_snapshot_sink sink;
    uint8_t header[CB_SNAPSHOT_HEADER_BYTES] = {0};
    char folder[CB_FILE_PATH_BYTES];
    const struct cb_journal_frame *frame = cb_journal_reader_frame(&store->reader);
    struct cb_snapshot snapshot = {
        .engine_version = CB_CORE_VERSION,
        .cluster = frame->cluster,
        .seq = store->core.sequence.seq,
        .epoch = frame->epoch,
        .frame_no = frame->frame_no,
        .generation = frame->generation,
        .effects = store->core.effects,
        .last_ns = store->core.sequence.ingest_ns,
    };
    memcpy(snapshot.frame_hash, cb_journal_reader_frame_hash(&store->reader), sizeof snapshot.frame_hash);
    snprintf(folder, sizeof folder, "%.900s/snapshots", directory);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        cb_message_print(errors, CB_MESSAGE_1001, "%s: %s", folder, strerror(errno));
        return CB_EXIT_RUN_TIME;
    }
    if (!cb_file_writer_open(&file, path)) {
        cb_message_print(errors, CB_MESSAGE_1001, "%s", file.error.text);
        return CB_EXIT_RUN_TIME;
    }
    cb_put_bytes(&file.writer, header, sizeof header);
    cb_snapshot_sink_open(&sink, &file.writer);
    cb_store_serialize(&store->core, &sink.writer);
    cb_snapshot_sink_end(&sink, &snapshot);
    cb_snapshot_sink_close(&sink);
    cb_snapshot_encode(header, &snapshot);
    cb_file_writer_patch(&file, 0, header, sizeof header);
    if (!cb_file_writer_commit(&file, &error)) {
        cb_message_print(errors, CB_MESSAGE_1001, "%s", error.text);
        return CB_EXIT_RUN_TIME;
    }
    return CB_EXIT_OK;
}

/* Reads the file back through the whole path that a restart takes. */
static enum cb_exit verify_snapshot(const char *directory, const char *path, uint64_t seq, bool follow,
                                    FILE *errors)
{
    static struct cb_store check;
    const struct cb_store_load load = {.directory = directory, .snapshot = path, .to = seq, .follow = follow};
    enum cb_exit result = cb_store_open(&check, &load, errors);
    cb_store_close(&check);
    if (result != CB_EXIT_OK) {
        remove(path);
    }
    return result;
}

/* Under the name that others look for is only what was read back, and durably so: the keeper lets segments go
 * by it. */
static enum cb_exit give_name(const char *directory, const char *unverified, const char *path, FILE *errors)
{
    char folder[CB_FILE_PATH_BYTES];
    snprintf(folder, sizeof folder, "%.900s/snapshots", directory);
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool named = file >= 0 && rename(unverified, path) == 0 && fsync(file) == 0;
    int number = errno;
    if (file >= 0) {
        close(file);
    }
    if (!named) {
        cb_message_print(errors, CB_MESSAGE_1001, "%s: %s", path, strerror(number));
        return CB_EXIT_RUN_TIME;
    }
    return CB_EXIT_OK;
}

static enum cb_exit take_one(struct cb_store *store, const char *directory, const struct cb_options *options,
                             uint64_t *last)
{
    uint64_t seq = store->core.sequence.seq;
    if (seq == *last || seq == 0) {
        return CB_EXIT_OK;
    }
    char path[CB_FILE_PATH_BYTES], unverified[CB_FILE_PATH_BYTES + 16];
    cb_store_snapshot_path(path, directory, seq);
    snprintf(unverified, sizeof unverified, "%s.unverified", path);
    enum cb_exit result = write_snapshot(store, directory, unverified, options->errors);
    if (result == CB_EXIT_OK) {
        result = verify_snapshot(directory, unverified, seq, options->follow, options->errors);
    }
    if (result == CB_EXIT_OK) {
        result = give_name(directory, unverified, path, options->errors);
    }
    if (result == CB_EXIT_OK) {
        *last = seq;
        if (!options->follow) {
            fprintf(options->out, "snapshot of record %" PRIu64 " written and read back: %s\n", seq, path);
        }
    }
    return result;
}

/* One at a time in a directory: the snapshotter of a box that was killed may still be writing while that of
 * the next box begins, and both would write the same file. */
static enum cb_exit take_one_alone(struct cb_store *store, const char *directory,
                                   const struct cb_options *options, uint64_t *last)
{
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        cb_message_print(options->errors, CB_MESSAGE_1001, "%s: %s", directory, strerror(errno));
        return CB_EXIT_RUN_TIME;
    }
    enum cb_exit result = CB_EXIT_OK;
    bool alone = false;
    while (!cb_stop_requested() && !(alone = flock(file, LOCK_EX | LOCK_NB) == 0) && errno == EWOULDBLOCK) {
        struct timespec pause = {.tv_nsec = FOLLOW_PAUSE_NS};
        nanosleep(&pause, NULL);
    }
    if (alone) {
        result = take_one(store, directory, options, last);
    }
    if (!alone && !cb_stop_requested()) {
        cb_message_print(options->errors, CB_MESSAGE_1001, "lock %s: %s", directory, strerror(errno));
        result = CB_EXIT_RUN_TIME;
    }
    close(file); /* and with it the lock */
    return result;
}

/* A box that was killed takes its snapshotter with it, also one that was only just started. Returns: whether
 * the box that started this process is there; true for one that was started by hand. */
static bool watch_box(void)
{
    const char *box = getenv(CB_KEEPER_BOX_PID);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return box == NULL || strtol(box, NULL, 10) == (long)getppid();
}

int cb_command_snapshot(const struct cb_options *options)
{
    static struct cb_store store;
    char directory[CB_FILE_PATH_BYTES];
    if (!cb_store_find(directory, options->argument, options->errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    cb_stop_install();
    if (options->follow && !watch_box()) {
        return CB_EXIT_OK;
    }
    uint64_t every = options->every != 0 ? options->every : RECORDS_PER_SNAPSHOT, last = 0;
    /* A follower begins as early as it can, so that it may stop for a snapshot at every segment. */
    struct cb_store_load load = {.directory = directory,
                                 .newest = true,
                                 .to = options->follow ? 1 : UINT64_MAX,
                                 .follow = options->follow};
    enum cb_exit result = cb_store_open(&store, &load, options->errors);
    if (result == CB_EXIT_OK && !options->follow) {
        result = take_one_alone(&store, directory, options, &last);
    }
    last = store.begun_at;
    uint64_t last_generation = 0; /* of the frame behind the last snapshot; 0: not known yet */
    uint32_t segments = store.slots.count - store.slots.archived;
    uint64_t segments_due = segments / SEGMENTS_SHARE > 0 ? segments / SEGMENTS_SHARE : 1;
    while (result == CB_EXIT_OK && options->follow && !cb_stop_requested()) {
        struct timespec pause = {.tv_nsec = FOLLOW_PAUSE_NS};
        if (store.core.config == NULL) { /* the journal was still empty */
            nanosleep(&pause, NULL);
            cb_store_close(&store);
            result = cb_store_open(&store, &load, options->errors);
            continue;
        }
        uint64_t generation = cb_journal_reader_frame(&store.reader)->generation;
        bool due = store.core.sequence.seq >= last + every || generation >= last_generation + segments_due;
        if (due && last_generation != 0) {
            result = take_one_alone(&store, directory, options, &last);
        }
        if (due) {
            last_generation = generation;
            continue;
        }
        store.replay.to = last + every;
        enum cb_replay_result step = cb_replay_run(&store.replay, RECORDS_PER_LOOK);
        result = cb_store_report(&store.replay, step, directory, options->errors);
        if (step == CB_REPLAY_END) {
            nanosleep(&pause, NULL);
        }
    }
    cb_store_close(&store);
    return (int)result;
}
