/* clearbox verify DIR: every byte of a journal against its checksums and its chain. Never writes. Archived
 * segments are read through with the live ones, as a replay would. Beside a running box only what is durable
 * for certain can be judged: the rest changes under the reader. */
#include "host/app/commands.h"
#include "host/app/store.h"
#include "host/journal/scan.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static enum cb_exit report(const struct cb_options *options, const char *directory,
                           const struct cb_journal_scan *scan, bool whole)
{
    const struct cb_journal_problem *problem = &scan->problem;
    if (options->output != CB_OUTPUT_TEXT) {
        fprintf(options->out,
                "{\"whole\": %s, \"frames\": %" PRIu64 ", \"records\": %" PRIu64 ", \"first_seq\": %" PRIu64
                ", \"last_seq\": %" PRIu64,
                whole ? "true" : "false", scan->frames, scan->records, scan->first_seq, scan->last_seq);
        if (!whole) {
            fprintf(options->out,
                    ", \"problem\": \"%s\", \"slot\": %" PRIu32 ", \"offset\": %" PRIu64
                    ", \"frame\": %" PRIu64,
                    cb_journal_flaw_name(problem->flaw), problem->slot, problem->offset, problem->frame_no);
        }
        fprintf(options->out, "}\n");
    }
    if (whole) {
        if (options->output == CB_OUTPUT_TEXT) {
            fprintf(options->out,
                    "whole: %" PRIu64 " frames, records %" PRIu64 " to %" PRIu64 ", hash chain ok\n",
                    scan->frames, scan->first_seq, scan->last_seq);
        }
        return CB_EXIT_OK;
    }
    const char *next =
        problem->flaw == CB_JOURNAL_TORN
            ? "It is what a crash leaves: the next start cuts it; nothing that was answered is in it."
            : "Nothing was changed. Restore from a copy.";
    cb_message_print(options->errors, CB_MESSAGE_5001,
                     "%s: %s at slot %" PRIu32 " (seg-%04" PRIu32 ".cbj), offset 0x%" PRIx64
                     ", frame %" PRIu64 ". Records through %" PRIu64 " are good. %s",
                     directory, cb_journal_flaw_name(problem->flaw), problem->slot, problem->slot,
                     problem->offset, problem->frame_no, scan->last_seq, next);
    return CB_EXIT_LEDGER;
}

/* Whose journal it is: the cluster that its first sound-looking frame names. 0: there is no frame. */
static uint64_t find_cluster(struct cb_file_slots *files)
{
    for (uint32_t slot = 0; slot < files->count; slot++) {
        _Alignas(4096) uint8_t block[CB_JOURNAL_BLOCK_BYTES];
        struct cb_journal_frame frame;
        if (pread(files->files[slot], block, sizeof block, 0) == (ssize_t)sizeof block) {
            memcpy(&frame, block, sizeof frame);
            if (frame.magic == CB_JOURNAL_MAGIC && frame.cluster != 0) {
                return frame.cluster;
            }
        }
    }
    return 0;
}

static bool box_is_running(const char *directory)
{
    char path[CB_FILE_PATH_BYTES + 8];
    snprintf(path, sizeof path, "%s/lock", directory);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    bool held = flock(file, LOCK_SH | LOCK_NB) != 0;
    close(file);
    return held;
}

/* Every record of archive and live segments in order, through the reader that a replay uses. */
static enum cb_exit walk(const struct cb_options *options, const char *directory, bool running)
{
    static struct cb_file_slots slots;
    static struct cb_journal_reader reader;
    static struct cb_file_disk disk;
    struct cb_file_error error;
    struct cb_memory memory;
    if (!cb_file_open_all(&slots, &error, directory)) {
        cb_message_print(options->errors, CB_MESSAGE_4005, "%s", error.text);
        return CB_EXIT_ENVIRONMENT;
    }
    cb_file_disk_init(&disk, &slots);
    const struct cb_journal_reader_config config = {
        .disk = &disk.disk, .archived = slots.archived, .follow = running};
    if (!cb_memory_take(&memory, cb_journal_reader_footprint(&config), false, options->errors)) {
        cb_file_close(&slots);
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_arena arena = cb_arena_over(memory.base, memory.bytes);
    struct cb_event event;
    uint64_t first = 0, last = 0;
    cb_journal_reader_init(&reader, &arena, &config);
    bool good = cb_journal_reader_seek(&reader, 0);
    enum cb_journal_read read = good ? cb_journal_reader_next(&reader, &event) : CB_JOURNAL_READ_BAD;
    for (; read == CB_JOURNAL_READ_EVENT; read = cb_journal_reader_next(&reader, &event)) {
        first = first == 0 ? event.seq : first;
        last = event.seq;
    }
    if (read == CB_JOURNAL_READ_BAD) {
        const struct cb_journal_problem *problem = &reader.problem;
        cb_message_print(options->errors, CB_MESSAGE_5001,
                         "%s: %s in segment %" PRIu64 ", offset 0x%" PRIx64 ", frame %" PRIu64
                         ". Records through %" PRIu64 " are good. Nothing was changed. Restore from a copy.",
                         directory, cb_journal_flaw_name(problem->flaw), problem->generation, problem->offset,
                         problem->frame_no, last);
    } else if (options->output == CB_OUTPUT_TEXT) {
        fprintf(options->out,
                "%s: records %" PRIu64 " to %" PRIu64 ", hash chain ok (%" PRIu32 " archived segments)\n",
                running ? "a box is writing here; durable for certain and whole" : "with the archive", first,
                last, slots.archived);
    } else if (running) {
        fprintf(options->out,
                "{\"whole\": true, \"running\": true, \"first_seq\": %" PRIu64 ", \"last_seq\": %" PRIu64
                "}\n",
                first, last);
    }
    cb_journal_reader_close(&reader);
    cb_memory_give(&memory);
    cb_file_close(&slots);
    return read == CB_JOURNAL_READ_BAD ? CB_EXIT_LEDGER : CB_EXIT_OK;
}

int cb_command_verify(const struct cb_options *options)
{
    static struct cb_file_slots slots;
    static struct cb_journal_scan scan;
    static struct cb_file_disk disk;
    struct cb_file_error error;
    struct cb_memory memory;
    char directory[CB_FILE_PATH_BYTES];
    if (!cb_store_find(directory, options->argument, options->errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    if (box_is_running(directory)) {
        return (int)walk(options, directory, true);
    }
    if (!cb_file_open(&slots, &error, directory, CB_FILE_READ)) {
        cb_message_print(options->errors, CB_MESSAGE_4005, "%s", error.text);
        return CB_EXIT_ENVIRONMENT;
    }
    cb_file_disk_init(&disk, &slots);
    if (!cb_memory_take(&memory, cb_journal_scan_footprint(&disk.disk), false, options->errors)) {
        cb_file_close(&slots);
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_arena arena = cb_arena_over(memory.base, memory.bytes);
    uint64_t cluster = find_cluster(&slots);
    cb_journal_scan_init(&scan, &arena, &disk.disk, cluster != 0 ? cluster : 1); /* no frame: any will do */
    bool whole = cb_journal_verify(&scan);
    enum cb_exit result = report(options, directory, &scan, whole);
    cb_journal_scan_close(&scan);
    cb_memory_give(&memory);
    cb_file_close(&slots);
    char archive[CB_FILE_PATH_BYTES + 16];
    snprintf(archive, sizeof archive, "%s/archive", directory);
    if (result == CB_EXIT_OK && access(archive, F_OK) == 0) {
        result = walk(options, directory, false);
    }
    return (int)result;
}
