/* The journal directory: format, open, lock, archive. */
#include "drivers/file/error.h"
#include "drivers/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>

#define CHUNK_BYTES   (1024u * 1024u)
#define LOCK_TRIES    100
#define LOCK_PAUSE_NS (20L * 1000 * 1000)

bool cb_file_fail(struct cb_file_error *error, int number, const char *what, const char *path)
{
    char reason[128] = "";
    error->number = number;
    if (number != 0) {
        /* The GNU form: it may return a constant instead of filling the buffer. */
        const char *text = strerror_r(number, reason, sizeof reason);
        snprintf(error->text, sizeof error->text, "cannot %s %s: %s", what, path, text);
    } else {
        snprintf(error->text, sizeof error->text, "cannot %s %s", what, path);
    }
    return false;
}

/* Returns: whether the joined path fits. */
static bool join(char path[CB_FILE_PATH_BYTES], const char *directory, const char *name)
{
    int length = snprintf(path, CB_FILE_PATH_BYTES, "%s/%s", directory, name);
    return length > 0 && (size_t)length < CB_FILE_PATH_BYTES;
}

static bool slot_path(char path[CB_FILE_PATH_BYTES], const char *directory, uint32_t slot)
{
    char name[32];
    snprintf(name, sizeof name, "seg-%04u.cbj", slot);
    return join(path, directory, name);
}

static bool sync_directory(struct cb_file_error *error, const char *directory)
{
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        return cb_file_fail(error, errno, "open directory", directory);
    }
    int result = fsync(file);
    int number = errno;
    close(file);
    return result == 0 || cb_file_fail(error, number, "sync directory", directory);
}

static bool write_whole(int file, const uint8_t *data, size_t bytes, off_t offset)
{
    while (bytes > 0) {
        ssize_t done = pwrite(file, data, bytes, offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done == 0 ? ENOSPC : errno;
            return false;
        }
        data += done;
        bytes -= (size_t)done;
        offset += done;
    }
    return true;
}

static bool read_whole(int file, uint8_t *data, size_t bytes, off_t offset)
{
    while (bytes > 0) {
        ssize_t done = pread(file, data, bytes, offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done == 0 ? ENODATA : errno;
            return false;
        }
        data += done;
        bytes -= (size_t)done;
        offset += done;
    }
    return true;
}

/* ---- format ---- */

/* Zeros are written, not just allocated: a commit into unwritten extents would have to change metadata. */
static bool make_slot(struct cb_file_error *error, const char *path, const uint8_t *zeros,
                      uint64_t slot_bytes)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (file < 0) {
        return cb_file_fail(error, errno, "create", path);
    }
    bool good = true;
    for (uint64_t offset = 0; good && offset < slot_bytes; offset += CHUNK_BYTES) {
        uint64_t rest = slot_bytes - offset;
        good = write_whole(file, zeros, rest < CHUNK_BYTES ? rest : CHUNK_BYTES, (off_t)offset);
    }
    good = good && fsync(file) == 0;
    int number = errno;
    if (close(file) != 0 && good) {
        good = false;
        number = errno;
    }
    return good || cb_file_fail(error, number, "write", path);
}

bool cb_file_exists(const char *directory)
{
    char path[CB_FILE_PATH_BYTES];
    struct stat status;
    return slot_path(path, directory, 0) && stat(path, &status) == 0;
}

/* Returns: the descriptor that holds the lock until it is closed; -1 with *error filled. */
static int take_lock(struct cb_file_error *error, const char *directory)
{
    char path[CB_FILE_PATH_BYTES];
    if (!join(path, directory, "lock")) {
        cb_file_fail(error, ENAMETOOLONG, "use", directory);
        return -1;
    }
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock < 0) {
        cb_file_fail(error, errno, "open", path);
        return -1;
    }
    /* The kernel may need a moment to close the files of a writer that was just killed: what it had asked of
     * io_uring ends first. */
    int failed = flock(lock, LOCK_EX | LOCK_NB);
    for (int i = 0; failed != 0 && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
        struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
        nanosleep(&pause, NULL);
        failed = flock(lock, LOCK_EX | LOCK_NB);
    }
    if (failed != 0) {
        int number = errno;
        close(lock);
        if (number == EWOULDBLOCK) {
            cb_file_fail(error, 0, "write: another process has the journal open:", directory);
            error->number = EWOULDBLOCK;
        } else {
            cb_file_fail(error, number, "lock", path);
        }
        return -1;
    }
    return lock;
}

/* Takes away what an interrupted format left, which is zeros only. Anything else is a journal whose slot 0
 * was lost: nobody may write over it. */
static bool clear_remains(struct cb_file_error *error, const char *directory, uint8_t *chunk)
{
    for (uint32_t slot = 1; slot < CB_JOURNAL_SEGMENTS_MAX; slot++) {
        char path[CB_FILE_PATH_BYTES];
        if (!slot_path(path, directory, slot)) {
            return cb_file_fail(error, ENAMETOOLONG, "use", directory);
        }
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0 && errno == ENOENT) {
            continue;
        }
        ssize_t got = file < 0 ? -1 : 1;
        bool zeros = true;
        while (zeros && got > 0) {
            got = read(file, chunk, CHUNK_BYTES);
            for (ssize_t i = 0; i < got; i++) {
                zeros = zeros && chunk[i] == 0;
            }
        }
        int number = errno;
        if (file >= 0) {
            close(file);
        }
        if (got < 0) {
            return cb_file_fail(error, number, "read", path);
        }
        if (!zeros) {
            cb_file_fail(error, 0, "make a journal: seg-0000.cbj is missing, but there are records in", path);
            error->number = EEXIST;
            return false;
        }
        if (unlink(path) != 0) {
            return cb_file_fail(error, errno, "remove", path);
        }
    }
    return true;
}

/* Slot 0 last, and under its name only when it is whole: while it is missing the directory is no journal. */
static bool make_slots(struct cb_file_error *error, const char *directory, uint32_t slots,
                       uint64_t slot_bytes, const uint8_t *zeros)
{
    char path[CB_FILE_PATH_BYTES], temporary[CB_FILE_PATH_BYTES];
    for (uint32_t slot = slots - 1; slot > 0; slot--) {
        if (!slot_path(path, directory, slot)) {
            return cb_file_fail(error, ENAMETOOLONG, "use", directory);
        }
        if (!make_slot(error, path, zeros, slot_bytes)) {
            return false;
        }
    }
    if (!slot_path(path, directory, 0) || !join(temporary, directory, "seg-0000.cbj.new")) {
        return cb_file_fail(error, ENAMETOOLONG, "use", directory);
    }
    if (!make_slot(error, temporary, zeros, slot_bytes) || !sync_directory(error, directory)) {
        return false;
    }
    if (rename(temporary, path) != 0) {
        return cb_file_fail(error, errno, "rename to", path);
    }
    return sync_directory(error, directory);
}

bool cb_file_format(struct cb_file_error *error, const char *directory, uint32_t slots, uint64_t slot_bytes)
{
    CB_ASSERT(slots >= 1 && slots <= CB_JOURNAL_SEGMENTS_MAX);
    CB_ASSERT(slot_bytes >= 64u * 1024u && slot_bytes % CB_JOURNAL_BLOCK_BYTES == 0);
    if (mkdir(directory, 0750) != 0 && errno != EEXIST) {
        return cb_file_fail(error, errno, "make directory", directory);
    }
    /* Of two that start at once in an empty directory only one makes the slots. */
    int lock = take_lock(error, directory);
    if (lock < 0) {
        return false;
    }
    uint8_t *chunk = malloc(CHUNK_BYTES);
    bool good = false;
    if (cb_file_exists(directory)) {
        cb_file_fail(error, EEXIST, "make a journal in", directory);
    } else if (chunk == NULL) {
        cb_file_fail(error, ENOMEM, "make a journal in", directory);
    } else if (clear_remains(error, directory, chunk)) {
        memset(chunk, 0, CHUNK_BYTES);
        good = make_slots(error, directory, slots, slot_bytes, chunk);
    }
    free(chunk);
    close(lock);
    return good;
}

/* ---- open ---- */

/* Adds a file of that size, open or (-1) to be opened for each read. All must be of one size. */
static bool add_sized(struct cb_file_slots *slots, struct cb_file_error *error, const char *path, int file,
                      off_t bytes)
{
    if (slots->count == CB_JOURNAL_SEGMENTS_MAX) {
        return cb_file_fail(error, 0, "use so many segments:", path);
    }
    if (bytes <= 0 || bytes % CB_JOURNAL_BLOCK_BYTES != 0 ||
        (slots->count != 0 && (uint64_t)bytes != slots->slot_bytes)) {
        return cb_file_fail(error, 0, "use a segment of a wrong size:", path);
    }
    slots->slot_bytes = (uint64_t)bytes;
    slots->files[slots->count++] = file;
    return true;
}

/* Adds one file. Returns: false with errno EINVAL where O_DIRECT is refused. */
static bool add_file(struct cb_file_slots *slots, struct cb_file_error *error, const char *path, int flags)
{
    int file = open(path, flags | O_CLOEXEC);
    if (file < 0) {
        return cb_file_fail(error, errno, (flags & O_DIRECT) != 0 ? "open with O_DIRECT" : "open", path);
    }
    struct stat status;
    bool good = fstat(file, &status) == 0;
    if (!good) {
        cb_file_fail(error, errno, "examine", path);
    }
    if (!good || !add_sized(slots, error, path, file, status.st_size)) {
        close(file);
        return false;
    }
    return true;
}

static void close_files(struct cb_file_slots *slots)
{
    for (uint32_t i = 0; i < slots->count; i++) {
        if (slots->files[i] >= 0) {
            close(slots->files[i]);
        }
    }
    slots->count = 0;
    free(slots->archive);
    slots->archive = NULL;
}

/* Slots end before `slot`. One behind it would be left out without a word, with all that it holds. */
static bool no_gap(struct cb_file_error *error, const char *directory, uint32_t slot)
{
    char missing[CB_FILE_PATH_BYTES], path[CB_FILE_PATH_BYTES];
    for (uint32_t later = slot + 1; later < CB_JOURNAL_SEGMENTS_MAX; later++) {
        if (slot_path(path, directory, later) && access(path, F_OK) == 0) {
            (void)slot_path(missing, directory, slot);
            return cb_file_fail(error, ENOENT, "use the segments behind", missing);
        }
    }
    return true;
}

static bool add_live(struct cb_file_slots *slots, struct cb_file_error *error, const char *directory,
                     int flags)
{
    if (!cb_file_exists(directory)) {
        return cb_file_fail(error, 0, "find a journal (seg-0000.cbj) in", directory);
    }
    for (uint32_t slot = 0; slot < CB_JOURNAL_SEGMENTS_MAX; slot++) {
        char path[CB_FILE_PATH_BYTES];
        if (!slot_path(path, directory, slot)) {
            return cb_file_fail(error, ENAMETOOLONG, "use", directory);
        }
        if (slot > 0 && access(path, F_OK) != 0 && errno == ENOENT) {
            return no_gap(error, directory, slot);
        }
        if (!add_file(slots, error, path, flags)) {
            return false;
        }
    }
    return true;
}

static void clear(struct cb_file_slots *slots)
{
    slots->count = 0;
    slots->archived = 0;
    slots->archive = NULL;
    slots->archive_path[0] = 0;
    slots->slot_bytes = 0;
    slots->lock = -1;
    slots->direct = false;
    slots->writable = false;
}

/* O_DIRECT reads too: what a reader beside the writer gets is what the device has. */
static bool add_live_direct(struct cb_file_slots *slots, struct cb_file_error *error, const char *directory,
                            int flags, bool may_be_buffered)
{
    slots->direct = true;
    if (add_live(slots, error, directory, flags | O_DIRECT)) {
        return true;
    }
    if (error->number != EINVAL || !may_be_buffered) {
        return false;
    }
    close_files(slots);
    slots->direct = false;
    return add_live(slots, error, directory, flags);
}

bool cb_file_open(struct cb_file_slots *slots, struct cb_file_error *error, const char *directory,
                  enum cb_file_mode mode)
{
    clear(slots);
    if (!cb_file_exists(directory)) {
        return cb_file_fail(error, 0, "find a journal (seg-0000.cbj) in", directory);
    }
    slots->writable = mode != CB_FILE_READ;
    slots->lock = slots->writable ? take_lock(error, directory) : -1;
    bool good = !slots->writable || slots->lock >= 0;
    good = good && add_live_direct(slots, error, directory, slots->writable ? O_RDWR : O_RDONLY,
                                   mode != CB_FILE_DIRECT);
    if (!good) {
        cb_file_close(slots);
    }
    return good;
}

#define ARCHIVE_DIGITS 20

static int is_archive_name(const struct dirent *entry)
{
    const char *name = entry->d_name;
    return strncmp(name, "gen-", 4) == 0 && strspn(name + 4, "0123456789") == ARCHIVE_DIGITS &&
           strcmp(name + 4 + ARCHIVE_DIGITS, ".cbj") == 0;
}

static bool archive_path(char path[CB_FILE_PATH_BYTES], const char *folder, uint64_t generation)
{
    char name[64];
    snprintf(name, sizeof name, "gen-%020lu.cbj", generation);
    return join(path, folder, name);
}

static bool add_archived(struct cb_file_slots *slots, struct cb_file_error *error, const char *name)
{
    char path[CB_FILE_PATH_BYTES];
    struct stat status;
    uint64_t generation = strtoull(name + 4, NULL, 10);
    if (!archive_path(path, slots->archive_path, generation)) {
        return cb_file_fail(error, ENAMETOOLONG, "use", slots->archive_path);
    }
    if (stat(path, &status) != 0) {
        return cb_file_fail(error, errno, "examine", path);
    }
    slots->archive[slots->count] = generation;
    return add_sized(slots, error, path, -1, status.st_size);
}

static uint32_t count_live(const char *directory)
{
    char path[CB_FILE_PATH_BYTES];
    uint32_t count = 0;
    while (count < CB_JOURNAL_SEGMENTS_MAX && slot_path(path, directory, count) && access(path, F_OK) == 0) {
        count++;
    }
    return count;
}

static bool add_archive(struct cb_file_slots *slots, struct cb_file_error *error, const char *directory)
{
    struct dirent **names = NULL;
    if (!join(slots->archive_path, directory, "archive")) {
        return cb_file_fail(error, ENAMETOOLONG, "use", directory);
    }
    int count = scandir(slots->archive_path, &names, is_archive_name, alphasort);
    if (count < 0) {
        return errno == ENOENT || cb_file_fail(error, errno, "list", slots->archive_path);
    }
    int room = (int)(CB_JOURNAL_SEGMENTS_MAX - count_live(directory));
    slots->archive = calloc(CB_JOURNAL_SEGMENTS_MAX, sizeof slots->archive[0]);
    bool good = slots->archive != NULL || cb_file_fail(error, ENOMEM, "list", slots->archive_path);
    for (int i = 0; i < count; i++) {
        /* By name is by generation: the first are the oldest. */
        good = good && (i < count - room || add_archived(slots, error, names[i]->d_name));
        free(names[i]);
    }
    free(names);
    slots->archived = slots->count;
    return good;
}

int cb_file_slot_open(const struct cb_file_slots *slots, uint32_t slot)
{
    char path[CB_FILE_PATH_BYTES];
    if (slots->files[slot] >= 0) {
        return slots->files[slot];
    }
    if (!archive_path(path, slots->archive_path, slots->archive[slot])) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_RDONLY | O_CLOEXEC);
}

bool cb_file_open_all(struct cb_file_slots *slots, struct cb_file_error *error, const char *directory)
{
    clear(slots);
    bool good = add_archive(slots, error, directory) && add_live(slots, error, directory, O_RDONLY);
    if (!good) {
        cb_file_close(slots);
    }
    return good;
}

bool cb_file_open_list(struct cb_file_slots *slots, struct cb_file_error *error, const char *const *paths,
                       uint32_t count)
{
    clear(slots);
    bool good = true;
    for (uint32_t i = 0; good && i < count; i++) {
        good = add_file(slots, error, paths[i], O_RDONLY);
    }
    slots->archived = slots->count;
    if (!good) {
        cb_file_close(slots);
    }
    return good;
}

void cb_file_close(struct cb_file_slots *slots)
{
    close_files(slots);
    if (slots->lock >= 0) {
        close(slots->lock); /* and with it the flock */
        slots->lock = -1;
    }
}

/* ---- archive ---- */

static bool copy_slot(struct cb_file_error *error, int from, uint64_t bytes, uint8_t *chunk, const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0440);
    if (file < 0) {
        return cb_file_fail(error, errno, "create", path);
    }
    bool good = true;
    for (uint64_t offset = 0; good && offset < bytes; offset += CHUNK_BYTES) {
        size_t now = bytes - offset < CHUNK_BYTES ? bytes - offset : CHUNK_BYTES;
        good = read_whole(from, chunk, now, (off_t)offset) && write_whole(file, chunk, now, (off_t)offset);
    }
    good = good && fsync(file) == 0;
    int number = errno;
    if (close(file) != 0 && good) {
        good = false;
        number = errno;
    }
    return good || cb_file_fail(error, number, "copy a segment to", path);
}

static bool same_bytes(int a, int b, uint64_t bytes, uint8_t *chunk)
{
    uint8_t *other = chunk + CHUNK_BYTES;
    for (uint64_t offset = 0; offset < bytes; offset += CHUNK_BYTES) {
        size_t now = bytes - offset < CHUNK_BYTES ? bytes - offset : CHUNK_BYTES;
        if (!read_whole(a, chunk, now, (off_t)offset) || !read_whole(b, other, now, (off_t)offset) ||
            memcmp(chunk, other, now) != 0) {
            return false;
        }
    }
    return true;
}

static bool archive_as(struct cb_file_error *error, const char *folder, int from, uint64_t bytes,
                       uint64_t generation, uint8_t *chunk)
{
    char path[CB_FILE_PATH_BYTES], temporary[CB_FILE_PATH_BYTES];
    if (!archive_path(path, folder, generation) || !join(temporary, folder, "copying")) {
        return cb_file_fail(error, ENAMETOOLONG, "use", folder);
    }
    int old = open(path, O_RDONLY | O_CLOEXEC);
    if (old >= 0) {
        struct stat status;
        bool same = fstat(old, &status) == 0 && (uint64_t)status.st_size == bytes &&
                    same_bytes(from, old, bytes, chunk);
        int failed = same && fsync(old) != 0 ? errno : 0;
        close(old);
        if (!same || failed != 0) {
            return same ? cb_file_fail(error, failed, "sync", path)
                        : cb_file_fail(error, EEXIST, "archive: a different segment is", path);
        }
        /* Whoever put it there may have ended before its name was durable. */
        return sync_directory(error, folder);
    }
    (void)unlink(temporary); /* what an interrupted copy left */
    if (!copy_slot(error, from, bytes, chunk, temporary)) {
        (void)unlink(temporary);
        return false;
    }
    if (rename(temporary, path) != 0) {
        return cb_file_fail(error, errno, "rename to", path);
    }
    if (!sync_directory(error, folder)) {
        (void)unlink(path); /* not to be taken for one that is durable by a second try */
        return false;
    }
    return true;
}

bool cb_file_archive(struct cb_file_error *error, const char *directory, const struct cb_file_slots *slots,
                     uint32_t slot, uint64_t generation)
{
    CB_ASSERT(slot < slots->count && generation != 0 && slots->files[slot] >= 0);
    char folder[CB_FILE_PATH_BYTES];
    if (!join(folder, directory, "archive")) {
        return cb_file_fail(error, ENAMETOOLONG, "use", directory);
    }
    if (mkdir(folder, 0750) == 0) {
        if (!sync_directory(error, directory)) {
            return false;
        }
    } else if (errno != EEXIST) {
        return cb_file_fail(error, errno, "make directory", folder);
    }
    /* 4 KiB aligned: the slot may be open with O_DIRECT. */
    uint8_t *chunk = aligned_alloc(CB_JOURNAL_BLOCK_BYTES, 2u * CHUNK_BYTES);
    if (chunk == NULL) {
        return cb_file_fail(error, ENOMEM, "archive to", folder);
    }
    bool good = archive_as(error, folder, slots->files[slot], slots->slot_bytes, generation, chunk);
    free(chunk);
    return good;
}
