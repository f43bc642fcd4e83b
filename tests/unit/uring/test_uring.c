/* Goal: the io_uring port keeps the contract of the disk port, and a journal written through it is whole.
 * Method: real files. Where io_uring is refused the tests are skipped, which is said. */
#include "drivers/uring/uring.h"

#include "drivers/file/file.h"
#include "host/journal/journal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SLOT_BYTES (1024u * 1024u)

static char directory[256];
static struct cb_file_slots slots;
static struct cb_file_error file_error;
static struct cb_uring_error error;
static struct cb_disk *disk;

static void make_directory(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/cb-uring-XXXXXX", base != NULL ? base : "/tmp");
    cr_assert_not_null(mkdtemp(directory));
    disk = NULL;
}

static void remove_directory(void)
{
    char command[512];
    if (disk != NULL) {
        disk->close(disk->self);
        cb_file_close(&slots);
    }
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    cr_assert_eq(system(command), 0);
}

TestSuite(uring, .init = make_directory, .fini = remove_directory);

static void start(void)
{
    if (!cb_uring_probe(&error, directory)) {
        fprintf(stderr, "skipped, because %s\n", error.text); /* Criterion itself prints nothing of a skip */
        cr_skip_test("io_uring");
    }
    cr_assert(cb_file_format(&file_error, directory, 3, SLOT_BYTES), "%s", file_error.text);
    cr_assert(cb_file_open(&slots, &file_error, directory, CB_FILE_BUFFERED), "%s", file_error.text);
    struct cb_uring_files files = {.files = slots.files,
                                   .count = slots.count,
                                   .slot_bytes = slots.slot_bytes,
                                   .writable = slots.writable};
    disk = cb_uring_open(&files, &error);
    cr_assert_not_null(disk, "%s", error.text);
}

static struct cb_disk_done wait_one(void)
{
    struct cb_disk_done done = {0};
    for (uint64_t i = 0; i < 50000; i++) {
        if (disk->reap(disk->self, &done, 1) == 1) {
            return done;
        }
        usleep(100);
    }
    cr_assert(false, "no completion in five seconds");
    return done;
}

Test(uring, what_was_written_and_synced_is_read_back)
{
    static _Alignas(4096) uint8_t data[524288], back[524288];
    start();
    for (uint32_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 31 >> 3);
    }
    struct cb_disk_op op = {.slot = 2, .offset = 4096, .data = data, .bytes = sizeof data, .tag = 71};
    op.kind = CB_DISK_WRITE_SYNC;
    cr_assert(disk->submit(disk->self, &op));
    struct cb_disk_done done = wait_one();
    cr_assert_eq(done.tag, 71u);
    cr_assert_eq(done.result, 524288);
    op.kind = CB_DISK_READ;
    op.data = back;
    cr_assert(disk->submit(disk->self, &op));
    cr_assert_eq(wait_one().result, 524288);
    cr_assert_eq(memcmp(data, back, sizeof data), 0);
    op.kind = CB_DISK_SYNC;
    cr_assert(disk->submit(disk->self, &op));
    cr_assert_eq(wait_one().result, 0);
    cr_assert_eq(disk->reap(disk->self, &done, 1), 0u);
}

Test(uring, sixteen_operations_may_be_in_flight_and_the_next_is_refused)
{
    static _Alignas(4096) uint8_t data[4096];
    start();
    for (uint32_t round = 0; round < 20; round++) {
        uint32_t taken = 0;
        bool seen[CB_URING_OPS] = {false};
        for (uint32_t i = 0; i < CB_URING_OPS; i++) {
            struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC,
                                    .slot = i % 3,
                                    .offset = i * 4096,
                                    .data = data,
                                    .bytes = 4096,
                                    .tag = i};
            cr_assert(disk->submit(disk->self, &op));
        }
        struct cb_disk_op one_more = {.kind = CB_DISK_SYNC};
        cr_assert(!disk->submit(disk->self, &one_more));
        while (taken < CB_URING_OPS) {
            struct cb_disk_done done = wait_one();
            cr_assert_eq(done.result, 4096);
            cr_assert(!seen[done.tag]);
            seen[done.tag] = true;
            taken++;
        }
    }
}

Test(uring, a_short_write_is_its_count_and_a_failed_one_its_error_not_that_of_the_sync)
{
    static _Alignas(4096) uint8_t data[8192];
    start();
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 8192;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC, .offset = 4096, .data = data, .bytes = 8192};
    cr_assert(disk->submit(disk->self, &op));
    int32_t short_write = wait_one().result;
    op.offset = 8192;
    cr_assert(disk->submit(disk->self, &op));
    int32_t beyond = wait_one().result;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    cr_assert_eq(short_write, 4096);
    cr_assert_eq(beyond, -EFBIG);
    op.offset = 4096;
    cr_assert(disk->submit(disk->self, &op));
    cr_assert_eq(wait_one().result, 8192, "the ring still works");
}

/* In place of the library's: can hand the first entry over alone, as the kernel does when it runs out of
 * memory for requests. */
static bool take_one_only;

int io_uring_submit(struct io_uring *ring)
{
    if (!take_one_only) {
        return io_uring_submit_and_wait(ring, 0);
    }
    take_one_only = false;
    struct io_uring_sq *sq = &ring->sq;
    unsigned tail = *sq->ktail;
    for (; sq->sqe_head != sq->sqe_tail; sq->sqe_head++, tail++) {
        sq->array[tail & *sq->kring_mask] = sq->sqe_head & *sq->kring_mask;
    }
    __atomic_store_n(sq->ktail, tail, __ATOMIC_RELEASE);
    return io_uring_enter((unsigned)ring->ring_fd, 1, 0, 0, NULL);
}

Test(uring, a_write_that_lost_the_link_to_its_sync_is_not_called_durable)
{
    static _Alignas(4096) uint8_t data[4096];
    start();
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC, .data = data, .bytes = 4096};
    take_one_only = true;
    cr_assert(disk->submit(disk->self, &op));
    cr_assert(!take_one_only);
    cr_assert_eq(wait_one().result, -EAGAIN);
    cr_assert(disk->submit(disk->self, &op));
    cr_assert_eq(wait_one().result, 4096, "the next pair is one again");
    op.kind = CB_DISK_READ;
    take_one_only = true;
    cr_assert(disk->submit(disk->self, &op));
    cr_assert_eq(wait_one().result, 4096, "one entry is whole by itself");
}

Test(uring, a_buffer_that_is_not_aligned_is_an_error_with_o_direct)
{
    static _Alignas(4096) uint8_t data[12288];
    start();
    if (!slots.direct) {
        fprintf(stderr, "skipped, because the filesystem of the temporary directory refuses O_DIRECT\n");
        cr_skip_test("O_DIRECT");
    }
    struct cb_disk_op op = {.kind = CB_DISK_WRITE_SYNC, .data = data + 17, .bytes = 4096};
    cr_assert(disk->submit(disk->self, &op));
    cr_assert_eq(wait_one().result, -EINVAL);
}

Test(uring, a_journal_over_it_is_whole_and_recovers)
{
    static struct cb_journal journal;
    start();
    struct cb_journal_config config = {.disk = disk, .cluster = 3};
    size_t bytes = cb_journal_footprint(&config);
    void *memory = aligned_alloc(CB_ARENA_ALIGN, cb_arena_room(bytes));
    cr_assert_not_null(memory);
    memset(memory, 0, bytes);
    uint64_t seq = 0;
    for (uint64_t epoch = 1; epoch <= 3; epoch++) {
        struct cb_arena arena = cb_arena_over(memory, bytes);
        struct cb_journal_recovery report;
        cb_journal_init(&journal, &arena, &config);
        cr_assert(cb_journal_recover(&journal, &report, epoch), "row %u", report.row);
        cr_assert_eq(report.last_seq, seq);
        for (uint32_t i = 0; i < 1500; i++) {
            uint8_t body[300] = {1, 2, 3};
            seq++;
            struct cb_event event = {.seq = seq,
                                     .ingest_ns = (int64_t)seq,
                                     .kind = CB_EVENT_MESSAGE,
                                     .body = body,
                                     .body_bytes = 300};
            while (cb_journal_room(&journal, 300) == 0) {
                cb_journal_poll(&journal, 0);
                cr_assert_eq(cb_journal_state(&journal), CB_JOURNAL_RUNNING);
            }
            cb_journal_append(&journal, &event);
            cb_journal_poll(&journal, 0);
        }
        while (cb_journal_durable(&journal) != seq) {
            cb_journal_poll(&journal, 0);
            cr_assert_eq(cb_journal_state(&journal), CB_JOURNAL_RUNNING);
        }
        cb_journal_scan_run(&journal.scan);
        cr_assert_eq(journal.scan.facts, 0u);
        cr_assert_eq(journal.scan.records, seq);
        cb_journal_close(&journal);
    }
    free(memory);
}

Test(uring, the_probe_names_what_does_not_work)
{
    cr_assert(!cb_uring_probe(&error, "/no/such/directory"));
    cr_assert_eq(error.number, ENOENT);
    cr_assert_gt(strlen(error.text), 0u);
}
