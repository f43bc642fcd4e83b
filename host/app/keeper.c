#include "host/app/keeper.h"

#include "host/app/store.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SNAPSHOTS_KEPT 2u
#define SNAPSHOTS_SEEN 64u
#define KEEPER_TICK_NS (200L * 1000 * 1000)

extern char **environ;

static void start_child(struct cb_keeper *keeper)
{
    char records[32];
    snprintf(records, sizeof records, "%" PRIu64, keeper->snapshot_records);
    char self[] = "/proc/self/exe", name[] = "clearbox", command[] = "snapshot", follow[] = "--follow",
         every[] = "--steps";
    char *const arguments[] = {name, command, keeper->directory, follow, every, records, NULL};
    pid_t child;
    sigset_t none;
    posix_spawnattr_t attributes;
    sigemptyset(&none); /* this thread blocks every signal; its child must not */
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    int failed = posix_spawn(&child, self, NULL, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) {
        cb_message_print(keeper->errors, CB_MESSAGE_4001, "the snapshotter could not be started: %s",
                         strerror(failed));
        keeper->child = 0;
        return;
    }
    keeper->child = child;
    setpriority(PRIO_PROCESS, (id_t)child, 19);
}

/* Segments that are sealed, oldest first, with what archiving needs to know. */
struct sealed {
    uint32_t count;
    uint64_t last_seq[CB_JOURNAL_SEGMENTS_MAX];
    uint64_t generation[CB_JOURNAL_SEGMENTS_MAX];
    uint32_t slot[CB_JOURNAL_SEGMENTS_MAX];
};

/* Reads each live slot's first frame; a segment is sealed when a newer generation exists, and ends before it.
 */
static void list_sealed(const struct cb_file_slots *slots, struct sealed *out)
{
    uint64_t generation[CB_JOURNAL_SEGMENTS_MAX], first[CB_JOURNAL_SEGMENTS_MAX];
    out->count = 0;
    for (uint32_t s = 0; s < slots->count; s++) {
        _Alignas(4096) uint8_t block[CB_JOURNAL_BLOCK_BYTES];
        struct cb_journal_frame frame;
        generation[s] = 0;
        if (pread(slots->files[s], block, sizeof block, 0) != (ssize_t)sizeof block) {
            continue;
        }
        memcpy(&frame, block, sizeof frame);
        if (frame.magic == CB_JOURNAL_MAGIC && frame.offset == 0) {
            generation[s] = frame.generation;
            first[s] = frame.first_seq;
        }
    }
    for (uint32_t s = 0; s < slots->count; s++) {
        for (uint32_t next = 0; next < slots->count && generation[s] != 0; next++) {
            if (generation[next] != generation[s] + 1) {
                continue;
            }
            uint32_t at = out->count++;
            while (at > 0 && out->generation[at - 1] > generation[s]) {
                out->last_seq[at] = out->last_seq[at - 1];
                out->generation[at] = out->generation[at - 1];
                out->slot[at] = out->slot[at - 1];
                at--;
            }
            out->last_seq[at] = first[next] - 1;
            out->generation[at] = generation[s];
            out->slot[at] = s;
        }
    }
}

/* Snapshots beyond the two newest are not needed any more. */
static void drop_old_snapshots(const struct cb_keeper *keeper, const uint64_t *seqs, uint32_t count)
{
    char path[CB_FILE_PATH_BYTES];
    for (uint32_t i = SNAPSHOTS_KEPT; i < count; i++) {
        cb_store_snapshot_path(path, keeper->directory, seqs[i]);
        unlink(path);
    }
}

static void look(struct cb_keeper *keeper, const struct cb_file_slots *slots, struct sealed *sealed)
{
    uint64_t seqs[SNAPSHOTS_SEEN];
    uint32_t count = cb_store_snapshots(keeper->directory, seqs, SNAPSHOTS_SEEN);
    list_sealed(slots, sealed);
    uint64_t through = cb_snapshot_retain_through(seqs, count < SNAPSHOTS_KEPT ? count : SNAPSHOTS_KEPT,
                                                  sealed->last_seq, sealed->count, 0);
    drop_old_snapshots(keeper, seqs, count);
    uint64_t before = atomic_load_explicit(&keeper->retain_through, memory_order_relaxed);
    if (through <= before) {
        return;
    }
    for (uint32_t i = 0; i < sealed->count && keeper->retain == CB_RETAIN_ARCHIVE; i++) {
        struct cb_file_error error;
        if (sealed->last_seq[i] > through || sealed->last_seq[i] <= before) {
            continue;
        }
        if (!cb_file_archive(&error, keeper->directory, slots, sealed->slot[i], sealed->generation[i])) {
            cb_message_print(keeper->errors, CB_MESSAGE_1001, "archive: %s. The segment is kept.",
                             error.text);
            return;
        }
    }
    atomic_store_explicit(&keeper->retain_through, through, memory_order_relaxed);
}

static void *keep(void *context)
{
    struct cb_keeper *keeper = context;
    struct cb_file_slots slots;
    struct cb_file_error error;
    struct sealed *sealed = calloc(1, sizeof *sealed);
    if (sealed == NULL || !cb_file_open(&slots, &error, keeper->directory, CB_FILE_READ)) {
        cb_message_print(keeper->errors, CB_MESSAGE_1002, "keeper: %s",
                         sealed == NULL ? "no memory" : error.text);
        free(sealed);
        return NULL;
    }
    start_child(keeper);
    while (!atomic_load(&keeper->stop)) {
        struct timespec pause = {.tv_nsec = KEEPER_TICK_NS};
        nanosleep(&pause, NULL);
        int status;
        if (keeper->child != 0 && waitpid(keeper->child, &status, WNOHANG) == keeper->child) {
            cb_message_print(
                keeper->errors, CB_MESSAGE_1001,
                "the snapshotter ended (%s %d); it is started again. The journal keeps every segment "
                "meanwhile.",
                WIFSIGNALED(status) ? "signal" : "exit",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            start_child(keeper);
        }
        look(keeper, &slots, sealed);
    }
    if (keeper->child != 0) {
        kill(keeper->child, SIGTERM);
        waitpid(keeper->child, NULL, 0);
        keeper->child = 0;
    }
    cb_file_close(&slots);
    free(sealed);
    return NULL;
}

bool cb_keeper_start(struct cb_keeper *keeper, const char *directory,
                     const struct cb_journal_app_config *journal, FILE *errors)
{
    memset(keeper, 0, sizeof *keeper);
    snprintf(keeper->directory, sizeof keeper->directory, "%s", directory);
    keeper->retain = journal->retain;
    keeper->snapshot_records = journal->snapshot_records;
    keeper->errors = errors;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the hot thread's */
    int failed = pthread_create(&keeper->thread, NULL, keep, keeper);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        cb_message_print(errors, CB_MESSAGE_4001, "the keeper could not be started: %s", strerror(failed));
        return false;
    }
    keeper->running = true;
    return true;
}

void cb_keeper_stop(struct cb_keeper *keeper)
{
    if (keeper->running) {
        atomic_store(&keeper->stop, true);
        pthread_join(keeper->thread, NULL);
        keeper->running = false;
    }
}
