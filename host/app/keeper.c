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
#define AGAIN_NS_MIN   (1 * CB_NS_PER_S)  /* a snapshotter that ended is started again after this, ... */
#define AGAIN_NS_MAX   (64 * CB_NS_PER_S) /* ... then twice as long, up to this */
#define STOP_TICKS     10                 /* how long a snapshotter may take to stop when asked to */

extern char **environ;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * CB_NS_PER_S + now.tv_nsec;
}

static void pause_a_tick(void)
{
    struct timespec pause = {.tv_nsec = KEEPER_TICK_NS};
    nanosleep(&pause, NULL);
}

/* The child gets no descriptor of the box but the three of the terminal: the network driver does not close
 * its own on exec, and a socket that lives on in a child looks like a living box to the next one. It is of a
 * process group of its own: an interrupt from the terminal is for the box, which then stops it. */
static int spawn(pid_t *child, char *const *arguments)
{
    static char self[] = "/proc/self/exe";
    sigset_t none;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    sigemptyset(&none); /* this thread blocks every signal; its child must not */
    int failed = posix_spawnattr_init(&attributes);
    if (failed != 0) {
        return failed;
    }
    failed = posix_spawn_file_actions_init(&files);
    if (failed == 0) {
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setpgroup(&attributes, 0);
        failed = posix_spawn_file_actions_addclosefrom_np(&files, 3);
        failed = failed != 0 ? failed : posix_spawn(child, self, &files, &attributes, arguments, environ);
        posix_spawn_file_actions_destroy(&files);
    }
    posix_spawnattr_destroy(&attributes);
    return failed;
}

static void wait_before_next(struct cb_keeper *keeper)
{
    if (now_ns() - keeper->child_at_ns > AGAIN_NS_MAX) {
        keeper->child_wait_ns = AGAIN_NS_MIN; /* it lived well for a while */
    }
    keeper->child_at_ns = now_ns() + keeper->child_wait_ns;
    keeper->child_wait_ns *= keeper->child_wait_ns < AGAIN_NS_MAX ? 2 : 1;
}

static void start_child(struct cb_keeper *keeper)
{
    char records[32];
    snprintf(records, sizeof records, "%" PRIu64, keeper->snapshot_records);
    char name[] = "clearbox", command[] = "snapshot", follow[] = "--follow", every[] = "--every";
    char *const arguments[] = {name, command, keeper->directory, follow, every, records, NULL};
    pid_t child = 0;
    int failed = spawn(&child, arguments);
    if (failed != 0) {
        cb_message_print(keeper->errors, CB_MESSAGE_1006, "the snapshotter could not be started: %s",
                         strerror(failed));
        wait_before_next(keeper);
        return;
    }
    keeper->child = child;
    keeper->child_at_ns = now_ns();
    setpriority(PRIO_PROCESS, (id_t)child, 19);
}

/* Takes the end of a child, and starts one when it is time. */
static void tend_child(struct cb_keeper *keeper)
{
    int status;
    if (keeper->child != 0 && waitpid(keeper->child, &status, WNOHANG) == keeper->child) {
        keeper->child = 0;
        wait_before_next(keeper);
        cb_message_print(keeper->errors, CB_MESSAGE_1006,
                         "the snapshotter ended with %s %d; the next one starts in %.0f s. The journal keeps "
                         "every segment meanwhile.",
                         WIFSIGNALED(status) ? "signal" : "exit code",
                         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                         (double)(keeper->child_at_ns - now_ns()) / (double)CB_NS_PER_S);
    }
    if (keeper->child == 0 && now_ns() >= keeper->child_at_ns) {
        start_child(keeper);
    }
}

/* A snapshotter looks at its flag between pieces of work; one that reads a long journal is not waited for.
 * What it may leave is a file under another name, which the next one writes over. */
static void stop_child(struct cb_keeper *keeper)
{
    if (keeper->child == 0) {
        return;
    }
    kill(keeper->child, SIGTERM);
    for (int i = 0; i < STOP_TICKS && waitpid(keeper->child, NULL, WNOHANG) == 0; i++) {
        pause_a_tick();
        if (i + 1 == STOP_TICKS) {
            kill(keeper->child, SIGKILL);
            waitpid(keeper->child, NULL, 0);
        }
    }
    keeper->child = 0;
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
        /* A segment that was given up in an earlier life may be half zeroed: it is no segment any more. */
        if (sealed->last_seq[i] > through || sealed->last_seq[i] <= before ||
            sealed->generation[i] < keeper->oldest) {
            continue;
        }
        if (!cb_file_archive(&error, keeper->directory, slots, sealed->slot[i], sealed->generation[i])) {
            if (strncmp(keeper->said, error.text, sizeof keeper->said - 1) != 0) {
                cb_message_print(keeper->errors, CB_MESSAGE_1007,
                                 "%s. The segment stays in the journal, and it is tried again; when every "
                                 "segment is in use the box takes nothing in.",
                                 error.text);
                snprintf(keeper->said, sizeof keeper->said, "%.255s", error.text);
            }
            return;
        }
    }
    if (keeper->said[0] != 0) {
        fprintf(keeper->errors, "journal: archiving works again\n");
        keeper->said[0] = 0;
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
        cb_message_print(keeper->errors, CB_MESSAGE_1002,
                         "no snapshots are taken, and the journal will fill up: %s. Start the box again.",
                         sealed == NULL ? "no memory" : error.text);
        free(sealed);
        return NULL;
    }
    keeper->child_wait_ns = AGAIN_NS_MIN;
    while (!atomic_load(&keeper->stop)) {
        tend_child(keeper);
        pause_a_tick();
        look(keeper, &slots, sealed);
    }
    stop_child(keeper);
    cb_file_close(&slots);
    free(sealed);
    return NULL;
}

bool cb_keeper_start(struct cb_keeper *keeper, const char *directory,
                     const struct cb_journal_app_config *journal, uint64_t oldest, FILE *errors)
{
    memset(keeper, 0, sizeof *keeper);
    snprintf(keeper->directory, sizeof keeper->directory, "%s", directory);
    keeper->retain = journal->retain;
    keeper->snapshot_records = journal->snapshot_records;
    keeper->oldest = oldest;
    keeper->errors = errors;
    char own[16]; /* by this a snapshotter sees whether its box was killed before it began to watch */
    snprintf(own, sizeof own, "%ld", (long)getpid());
    setenv(CB_KEEPER_BOX_PID, own, 1);
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
