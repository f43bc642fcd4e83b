/* clearbox verify DIR: every byte of a journal against its checksums and its chain. Never writes. */
#include "host/app/commands.h"
#include "host/app/store.h"
#include "host/journal/scan.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static int report(const struct cb_options *options, const char *directory, const struct cb_journal_scan *scan,
                  bool whole)
{
    const struct cb_journal_problem *problem = &scan->problem;
    if (options->output == CB_OUTPUT_JSON) {
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
        if (options->output != CB_OUTPUT_JSON) {
            fprintf(options->out,
                    "whole: %" PRIu64 " frames, records %" PRIu64 " to %" PRIu64 ", hash chain ok\n",
                    scan->frames, scan->first_seq, scan->last_seq);
        }
        return CB_EXIT_OK;
    }
    const char *next =
        problem->flaw == CB_JOURNAL_TORN
            ? "It is what a crash leaves: the next start cuts it; nothing that was answered is in it."
            : "Nothing was changed. Restore from a copy, or from the standby.";
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
    int result = report(options, directory, &scan, whole);
    cb_journal_scan_close(&scan);
    cb_memory_give(&memory);
    cb_file_close(&slots);
    return result;
}
