/* Goal: a journal directory is made whole or not at all, has one writer, and the disk port over plain files
 * keeps the contract. Method: real files in a temporary directory. */
#include "drivers/file/file.h"

#include "host/journal/journal.h"
#include "host/journal/reader.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOT_BYTES 65536u

static char directory[256];
static struct cb_file_slots slots;
static struct cb_file_error error;

/* In place of the C library's: counts, and fails for directories where asked. */
static uint32_t file_syncs, directory_syncs;
static bool directory_sync_fails;

int fsync(int file)
{
    struct stat status;
    bool is_directory = fstat(file, &status) == 0 && S_ISDIR(status.st_mode);
    file_syncs += is_directory ? 0u : 1u;
    directory_syncs += is_directory ? 1u : 0u;
    if (is_directory && directory_sync_fails) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, file);
}

static void make_directory(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/cb-file-XXXXXX", base != NULL ? base : "/tmp");
    cr_assert_not_null(mkdtemp(directory));
}

static void remove_directory(void)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    cr_assert_eq(system(command), 0);
}

TestSuite(file, .init = make_directory, .fini = remove_directory);

static void path_of(char path[512], const char *name)
{
    snprintf(path, 512, "%s/%s", directory, name);
}

Test(file, format_writes_zeros_and_refuses_to_do_it_twice)
{
    cr_assert(!cb_file_exists(directory));
    cr_assert(cb_file_format(&error, directory, 3, SLOT_BYTES), "%s", error.text);
    cr_assert(cb_file_exists(directory));
    char path[512];
    struct stat status;
    path_of(path, "seg-0002.cbj");
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_size, SLOT_BYTES);
    cr_assert_geq(status.st_blocks * 512, SLOT_BYTES, "written, not a hole");
    path_of(path, "seg-0003.cbj");
    cr_assert_neq(stat(path, &status), 0);
    cr_assert(!cb_file_format(&error, directory, 3, SLOT_BYTES));
    cr_assert_eq(error.number, EEXIST);
}

Test(file, an_interrupted_format_is_no_journal_and_can_be_repeated)
{
    cr_assert(cb_file_format(&error, directory, 3, SLOT_BYTES));
    char path[512];
    path_of(path, "seg-0000.cbj");
    cr_assert_eq(unlink(path), 0);
    cr_assert(!cb_file_exists(directory));
    cr_assert(!cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED));
    cr_assert_not_null(strstr(error.text, directory));
    cr_assert(cb_file_format(&error, directory, 3, SLOT_BYTES));
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED), "%s", error.text);
    cr_assert_eq(slots.count, 3u);
    cb_file_close(&slots);
}

static void put_byte(const char *name, off_t offset, uint8_t byte)
{
    char path[512];
    path_of(path, name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_geq(file, 0);
    cr_assert_eq(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

Test(file, a_format_that_fails_inside_slot_0_is_no_journal_either)
{
    struct rlimit old, limit;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = SLOT_BYTES / 2;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool made = cb_file_format(&error, directory, 1, SLOT_BYTES);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    cr_assert(!made);
    cr_assert(!cb_file_exists(directory));
    cr_assert(cb_file_format(&error, directory, 1, SLOT_BYTES), "%s", error.text);
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED), "%s", error.text);
    cr_assert_eq(slots.slot_bytes, SLOT_BYTES);
    cb_file_close(&slots);
}

Test(file, what_an_interrupted_format_of_more_slots_left_does_not_join_the_journal)
{
    cr_assert(cb_file_format(&error, directory, 5, SLOT_BYTES));
    char path[512];
    path_of(path, "seg-0000.cbj");
    cr_assert_eq(unlink(path), 0);
    cr_assert(cb_file_format(&error, directory, 2, 2 * SLOT_BYTES), "%s", error.text);
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED), "%s", error.text);
    cr_assert_eq(slots.count, 2u);
    cb_file_close(&slots);
}

/* Slot 0 is what tells that there is a journal. Lost, the others must not be taken for an empty directory. */
Test(file, a_journal_that_lost_slot_0_is_not_written_over)
{
    cr_assert(cb_file_format(&error, directory, 3, SLOT_BYTES));
    put_byte("seg-0002.cbj", SLOT_BYTES - 1, 0x5A);
    char path[512];
    path_of(path, "seg-0000.cbj");
    cr_assert_eq(unlink(path), 0);
    cr_assert(!cb_file_format(&error, directory, 3, SLOT_BYTES));
    cr_assert_eq(error.number, EEXIST);
    cr_assert_not_null(strstr(error.text, "seg-0002.cbj"), "%s", error.text);
    path_of(path, "seg-0002.cbj");
    int file = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t byte = 0;
    cr_assert_eq(pread(file, &byte, 1, SLOT_BYTES - 1), 1);
    cr_assert_eq(byte, 0x5A);
    close(file);
}

/* What is behind the hole may be the newest segments: without them the rest looks whole. */
Test(file, a_slot_that_is_missing_between_others_is_refused_by_name)
{
    cr_assert(cb_file_format(&error, directory, 4, SLOT_BYTES));
    char path[512];
    path_of(path, "seg-0002.cbj");
    cr_assert_eq(unlink(path), 0);
    for (int mode = CB_FILE_READ; mode <= CB_FILE_BUFFERED; mode += CB_FILE_BUFFERED) {
        cr_assert(!cb_file_open(&slots, &error, directory, (enum cb_file_mode)mode));
        cr_assert_not_null(strstr(error.text, "seg-0002.cbj"), "%s", error.text);
    }
    cr_assert(!cb_file_open_all(&slots, &error, directory));
}

Test(file, nobody_formats_where_another_process_is_at_it)
{
    char path[512];
    path_of(path, "lock");
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    cr_assert_eq(flock(lock, LOCK_EX), 0);
    cr_assert(!cb_file_format(&error, directory, 1, SLOT_BYTES));
    cr_assert_eq(error.number, EWOULDBLOCK);
    close(lock);
    cr_assert(cb_file_format(&error, directory, 1, SLOT_BYTES), "%s", error.text);
}

Test(file, a_second_writer_is_refused_and_readers_are_not)
{
    static struct cb_file_slots second, reader;
    cr_assert(cb_file_format(&error, directory, 2, SLOT_BYTES));
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED), "%s", error.text);
    cr_assert(!cb_file_open(&second, &error, directory, CB_FILE_BUFFERED));
    cr_assert_eq(error.number, EWOULDBLOCK);
    cr_assert_not_null(strstr(error.text, "another process"));
    cr_assert(cb_file_open(&reader, &error, directory, CB_FILE_READ), "%s", error.text);
    cb_file_close(&reader);
    cb_file_close(&slots);
    cr_assert(cb_file_open(&second, &error, directory, CB_FILE_BUFFERED), "the lock is gone with its holder");
    cb_file_close(&second);
}

Test(file, a_segment_of_another_size_is_refused_by_name)
{
    cr_assert(cb_file_format(&error, directory, 2, SLOT_BYTES));
    char path[512];
    path_of(path, "seg-0001.cbj");
    cr_assert_eq(truncate(path, SLOT_BYTES - 4096), 0);
    cr_assert(!cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED));
    cr_assert_not_null(strstr(error.text, "seg-0001.cbj"));
}

Test(file, the_port_completes_in_order_with_what_was_transferred)
{
    static struct cb_file_disk disk;
    static _Alignas(4096) uint8_t data[8192], back[8192];
    cr_assert(cb_file_format(&error, directory, 2, SLOT_BYTES));
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED));
    cb_file_disk_init(&disk, &slots);
    memset(data, 7, sizeof data);
    const struct cb_disk_op ops[] = {
        {.kind = CB_DISK_WRITE_SYNC, .slot = 1, .offset = 4096, .data = data, .bytes = 8192, .tag = 1},
        {.kind = CB_DISK_READ, .slot = 1, .offset = 4096, .data = back, .bytes = 8192, .tag = 2},
        {.kind = CB_DISK_SYNC, .slot = 1, .tag = 3},
        {.kind = CB_DISK_WRITE,
         .slot = 0,
         .offset = SLOT_BYTES - 4096,
         .data = data,
         .bytes = 4096,
         .tag = 4}};
    const int32_t results[] = {8192, 8192, 0, 4096};
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert(disk.disk.submit(disk.disk.self, &ops[i]));
    }
    for (uint32_t i = 0; i < 4; i++) {
        struct cb_disk_done done;
        cr_assert_eq(disk.disk.reap(disk.disk.self, &done, 1), 1u);
        cr_assert_eq(done.tag, i + 1u);
        cr_assert_eq(done.result, results[i]);
    }
    struct cb_disk_done done;
    cr_assert_eq(disk.disk.reap(disk.disk.self, &done, 1), 0u);
    cr_assert_eq(memcmp(data, back, sizeof data), 0);
    cb_file_close(&slots);
}

Test(file, the_queue_refuses_when_it_is_full)
{
    static struct cb_file_disk disk;
    static _Alignas(4096) uint8_t data[4096];
    cr_assert(cb_file_format(&error, directory, 1, SLOT_BYTES));
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED));
    cb_file_disk_init(&disk, &slots);
    struct cb_disk_op op = {.kind = CB_DISK_READ, .data = data, .bytes = 4096};
    for (uint32_t i = 0; i < CB_FILE_QUEUE; i++) {
        cr_assert(disk.disk.submit(disk.disk.self, &op));
    }
    cr_assert(!disk.disk.submit(disk.disk.self, &op));
    cb_file_close(&slots);
}

Test(file, a_short_write_is_reported_as_its_count)
{
    static struct cb_file_disk disk;
    static _Alignas(4096) uint8_t data[8192];
    cr_assert(cb_file_format(&error, directory, 1, SLOT_BYTES));
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED));
    cb_file_disk_init(&disk, &slots);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 8192;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC, .offset = 4096, .data = data, .bytes = 8192};
    cr_assert(disk.disk.submit(disk.disk.self, &op));
    op.offset = 8192;
    cr_assert(disk.disk.submit(disk.disk.self, &op));
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    struct cb_disk_done done[2];
    cr_assert_eq(disk.disk.reap(disk.disk.self, done, 2), 2u);
    cr_assert_eq(done[0].result, 4096);
    cr_assert_eq(done[1].result, -EFBIG);
    cb_file_close(&slots);
}

/* ---- the journal on real files ---- */

static void *take(size_t bytes)
{
    void *memory = aligned_alloc(CB_ARENA_ALIGN, cb_arena_room(bytes));
    cr_assert_not_null(memory);
    memset(memory, 0, cb_arena_room(bytes));
    return memory;
}

static uint64_t read_all(struct cb_disk *disk, uint32_t archived, uint64_t *first)
{
    struct cb_journal_reader_config config = {.disk = disk, .archived = archived};
    size_t bytes = cb_journal_reader_footprint(&config);
    void *memory = take(bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    static struct cb_journal_reader reader;
    struct cb_event event;
    uint64_t last = 0;
    *first = 0;
    cb_journal_reader_init(&reader, &arena, &config);
    cr_assert(cb_journal_reader_seek(&reader, 0));
    enum cb_journal_read read;
    while ((read = cb_journal_reader_next(&reader, &event)) == CB_JOURNAL_READ_EVENT) {
        cr_assert(last == 0 || event.seq == last + 1);
        uint64_t body;
        memcpy(&body, event.body, sizeof body);
        cr_assert_eq(body, event.seq);
        *first = *first == 0 ? event.seq : *first;
        last = event.seq;
    }
    cr_assert_eq(read, CB_JOURNAL_READ_END);
    cb_journal_reader_close(&reader);
    free(memory);
    return last;
}

Test(file, a_journal_with_archived_segments_is_read_as_one)
{
    static struct cb_file_disk disk;
    static struct cb_journal journal;
    cr_assert(cb_file_format(&error, directory, 3, SLOT_BYTES));
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED));
    cb_file_disk_init(&disk, &slots);
    struct cb_journal_config config = {.disk = &disk.disk, .cluster = 9};
    size_t bytes = cb_journal_footprint(&config);
    void *memory = take(bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    struct cb_journal_recovery report;
    cb_journal_init(&journal, &arena, &config);
    cr_assert(cb_journal_recover(&journal, &report, 1));
    uint64_t archived_generation = 0;
    for (uint64_t seq = 1; seq <= 2000; seq++) {
        uint64_t body[60] = {seq};
        struct cb_event event = {.seq = seq,
                                 .ingest_ns = (int64_t)seq,
                                 .kind = CB_EVENT_MESSAGE,
                                 .body = (const uint8_t *)body,
                                 .body_bytes = sizeof body};
        while (cb_journal_room(&journal, sizeof body) == 0 || seq % 8 == 0) {
            cb_journal_poll(&journal, 0);
            uint64_t sealed = journal.generation - 1;
            if (sealed > archived_generation && journal.durable_generation > sealed) {
                uint32_t slot = 0;
                while (journal.spaces[slot].generation != sealed) {
                    slot++;
                }
                cr_assert(cb_file_archive(&error, directory, &slots, slot, sealed), "%s", error.text);
                cr_assert(cb_file_archive(&error, directory, &slots, slot, sealed), "%s", error.text);
                cb_journal_retain_through(&journal, journal.spaces[slot].last_seq);
                archived_generation = sealed;
            }
            if (cb_journal_room(&journal, sizeof body) > 0) {
                break;
            }
        }
        cb_journal_append(&journal, &event);
    }
    for (uint32_t i = 0; i < 100; i++) {
        cb_journal_poll(&journal, 0);
    }
    cr_assert_eq(cb_journal_durable(&journal), 2000u);
    cr_assert_geq(archived_generation, 10u);
    cb_journal_close(&journal);
    free(memory);
    uint64_t first;
    cr_assert_eq(read_all(&disk.disk, 0, &first), 2000u);
    cr_assert_gt(first, 1000u, "the live slots hold the end only");
    cb_file_close(&slots);

    cr_assert(cb_file_open_all(&slots, &error, directory), "%s", error.text);
    cr_assert_eq(slots.archived, archived_generation);
    cb_file_disk_init(&disk, &slots);
    cr_assert_eq(read_all(&disk.disk, slots.archived, &first), 2000u);
    cr_assert_eq(first, 1u);
    cb_file_close(&slots);
}

Test(file, archiving_other_bytes_under_an_existing_name_is_refused)
{
    static struct cb_file_disk disk;
    static _Alignas(4096) uint8_t data[4096];
    cr_assert(cb_file_format(&error, directory, 1, SLOT_BYTES));
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED));
    cr_assert(cb_file_archive(&error, directory, &slots, 0, 5), "%s", error.text);
    cb_file_disk_init(&disk, &slots);
    data[17] = 1;
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC, .offset = 8192, .data = data, .bytes = 4096};
    cr_assert(disk.disk.submit(disk.disk.self, &op));
    cr_assert(!cb_file_archive(&error, directory, &slots, 0, 5));
    cr_assert_eq(error.number, EEXIST);
    cb_file_close(&slots);
}

/* An archive grows for ever; the number of files a process may have open does not. */
Test(file, an_archive_of_more_segments_than_files_may_be_open_is_read)
{
    static struct cb_file_disk disk;
    static _Alignas(4096) uint8_t data[4096];
    const uint64_t copies = 100;
    cr_assert(cb_file_format(&error, directory, 2, SLOT_BYTES));
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED));
    cb_file_disk_init(&disk, &slots);
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC, .offset = 8192, .data = data, .bytes = 4096};
    struct cb_disk_done done;
    for (uint64_t generation = 1; generation <= copies; generation++) {
        data[0] = (uint8_t)generation;
        cr_assert(disk.disk.submit(disk.disk.self, &op));
        cr_assert_eq(disk.disk.reap(disk.disk.self, &done, 1), 1u);
        cr_assert(cb_file_archive(&error, directory, &slots, 0, generation), "%s", error.text);
    }
    cb_file_close(&slots);

    struct rlimit old, limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    limit.rlim_cur = 64;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert(cb_file_open_all(&slots, &error, directory), "%s", error.text);
    cr_assert_eq(slots.archived, copies);
    cr_assert_eq(slots.count, copies + 2);
    cb_file_disk_init(&disk, &slots);
    op.kind = CB_DISK_READ;
    for (op.slot = 0; op.slot < slots.count; op.slot++) {
        cr_assert(disk.disk.submit(disk.disk.self, &op));
        cr_assert_eq(disk.disk.reap(disk.disk.self, &done, 1), 1u);
        cr_assert_eq(done.result, 4096);
        cr_assert_eq(data[0], op.slot < copies ? op.slot + 1 : op.slot == copies ? copies : 0);
    }
    char path[512];
    path_of(path, "archive/gen-00000000000000000007.cbj");
    cr_assert_eq(unlink(path), 0);
    op.slot = 6;
    cr_assert(disk.disk.submit(disk.disk.self, &op));
    cr_assert_eq(disk.disk.reap(disk.disk.self, &done, 1), 1u);
    cr_assert_eq(done.result, -ENOENT, "taken away meanwhile");
    cb_file_close(&slots);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
}

Test(file, of_more_archived_segments_than_a_reader_takes_the_oldest_are_left_out)
{
    char path[512];
    cr_assert(cb_file_format(&error, directory, 2, SLOT_BYTES));
    path_of(path, "archive");
    cr_assert_eq(mkdir(path, 0750), 0);
    for (uint32_t generation = 1; generation <= CB_JOURNAL_SEGMENTS_MAX; generation++) {
        char name[64];
        snprintf(name, sizeof name, "archive/gen-%020u.cbj", generation);
        path_of(path, name);
        int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        cr_assert_geq(file, 0);
        cr_assert_eq(ftruncate(file, SLOT_BYTES), 0);
        close(file);
    }
    cr_assert(cb_file_open_all(&slots, &error, directory), "%s", error.text);
    cr_assert_eq(slots.count, CB_JOURNAL_SEGMENTS_MAX);
    cr_assert_eq(slots.archived, CB_JOURNAL_SEGMENTS_MAX - 2);
    cr_assert_eq(slots.archive[0], 3u);
    cr_assert_eq(slots.archive[slots.archived - 1], CB_JOURNAL_SEGMENTS_MAX);
    cb_file_close(&slots);
}

/* A copy whose name was not durable yet when its maker ended: with the same bytes it is no news, but the name
 * still has to be synced before the segment may go. */
Test(file, an_archived_copy_that_is_there_already_is_made_durable_all_the_same)
{
    cr_assert(cb_file_format(&error, directory, 1, SLOT_BYTES));
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED));
    cr_assert(cb_file_archive(&error, directory, &slots, 0, 5), "%s", error.text);
    file_syncs = directory_syncs = 0;
    cr_assert(cb_file_archive(&error, directory, &slots, 0, 5), "%s", error.text);
    cr_assert_eq(file_syncs, 1u);
    cr_assert_eq(directory_syncs, 1u);
    directory_sync_fails = true;
    cr_assert(!cb_file_archive(&error, directory, &slots, 0, 5));
    cr_assert_eq(error.number, EIO);
    cb_file_close(&slots);
}

Test(file, what_has_no_durable_name_is_not_left_under_it)
{
    static struct cb_file_writer writer;
    char path[512];
    struct stat status;
    cr_assert(cb_file_format(&error, directory, 1, SLOT_BYTES));
    cr_assert(cb_file_open(&slots, &error, directory, CB_FILE_BUFFERED));
    cr_assert(cb_file_archive(&error, directory, &slots, 0, 4), "%s", error.text);
    directory_sync_fails = true;
    cr_assert(!cb_file_archive(&error, directory, &slots, 0, 5));
    path_of(path, "archive/gen-00000000000000000005.cbj");
    cr_assert_neq(stat(path, &status), 0);
    cb_file_close(&slots);

    path_of(path, "snapshot");
    cr_assert(cb_file_writer_open(&writer, path));
    cb_put_u32(&writer.writer, 1);
    cr_assert(!cb_file_writer_commit(&writer, &error));
    cr_assert_eq(error.number, EIO);
    cr_assert_neq(stat(path, &status), 0, "the keeper would count it");
}

/* ---- whole files ---- */

Test(file, a_whole_file_appears_under_its_name_only_when_committed)
{
    static struct cb_file_writer writer;
    static struct cb_file_reader reader;
    char path[512];
    struct stat status;
    path_of(path, "snapshot");
    cr_assert(cb_file_writer_open(&writer, path));
    for (uint32_t i = 0; i < 100000; i++) {
        cb_put_u32(&writer.writer, i);
    }
    cr_assert_neq(stat(path, &status), 0);
    uint32_t patched = 77;
    cb_file_writer_patch(&writer, 400, &patched, sizeof patched);
    cr_assert(cb_file_writer_commit(&writer, &error), "%s", error.text);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_size, 400000);
    cr_assert(cb_file_reader_open(&reader, &error, path));
    for (uint32_t i = 0; i < 100000; i++) {
        cr_assert_eq(cb_get_u32(&reader.reader), i == 100 ? 77 : i);
    }
    cr_assert(!reader.reader.failed);
    cr_assert_eq(cb_get_u8(&reader.reader), 0);
    cr_assert(reader.reader.failed);
    cb_file_reader_close(&reader);
    cr_assert(cb_file_writer_open(&writer, path));
    cb_put_u32(&writer.writer, 1);
    cb_file_writer_abandon(&writer);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_size, 400000, "the old one stays");
}

Test(file, a_write_that_fails_leaves_nothing_under_the_name)
{
    static struct cb_file_writer writer;
    char path[512];
    struct stat status;
    path_of(path, "snapshot");
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 100000;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert(cb_file_writer_open(&writer, path));
    for (uint32_t i = 0; i < 100000; i++) {
        cb_put_u32(&writer.writer, i);
    }
    bool committed = cb_file_writer_commit(&writer, &error);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    cr_assert(!committed);
    cr_assert_eq(error.number, EFBIG);
    cr_assert_neq(stat(path, &status), 0);
    path_of(path, "snapshot.new");
    cr_assert_neq(stat(path, &status), 0);
    path_of(path, "no/such/folder");
    cr_assert(!cb_file_writer_open(&writer, path));
    cr_assert_eq(writer.error.number, ENOENT);
}
