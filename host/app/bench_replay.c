/* Replay: a journal of the engine bench's mix, written by the production writer, read back from the page
 * cache and applied to a new core each round; by turns with the reader alone, which checks every frame and
 * the chain. */
#include "host/app/bench_disk.h"
#include "host/app/bench_workload.h"
#include "host/app/report.h"
#include "host/app/store.h"
#include "host/engine/genesis.h"
#include "host/engine/replay.h"
#include "host/journal/journal.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS      4u
#define SLOT_BYTES (UINT64_C(64) << 20)
#define TAPES      8u
#define TAPE       125000u

struct replay_bench {
    const struct cb_options *options;
    char directory[CB_FILE_PATH_BYTES];
    struct cb_config config;
    struct cb_core core;
    struct cb_journal journal;
    struct cb_bench_world world;
    struct cb_bench_tape tape;
    struct cb_genesis genesis;
    uint64_t events;
    int64_t last_ns;
};

static bool take(struct replay_bench *bench, const struct cb_event *event)
{
    while (cb_journal_room(&bench->journal, event->body_bytes) == 0) {
        (void)cb_journal_poll(&bench->journal, bench->core.effects);
        if (bench->journal.state != CB_JOURNAL_RUNNING) {
            return false;
        }
    }
    cb_journal_append(&bench->journal, event);
    bench->last_ns = event->ingest_ns;
    return cb_core_apply(&bench->core, event);
}

static bool take_config(struct replay_bench *bench)
{
    struct cb_config_text text = {0};
    cb_config_text(&text, &bench->config);
    bool good = text.data != NULL;
    for (uint64_t offset = 0; good; offset += CB_CONFIG_PART_BYTES) {
        uint64_t left = text.bytes - offset;
        struct cb_event event = {.seq = bench->core.sequence.seq + 1,
                                 .kind = CB_EVENT_CONFIG,
                                 .session = CB_SESSION_NONE,
                                 .session_seq = offset,
                                 .body = text.data + offset,
                                 .body_bytes =
                                     (uint32_t)(left < CB_CONFIG_PART_BYTES ? left : CB_CONFIG_PART_BYTES)};
        good = take(bench, &event);
        if (left < CB_CONFIG_PART_BYTES) {
            break;
        }
    }
    free(text.data);
    return good;
}

static bool take_tape(struct replay_bench *bench)
{
    for (uint32_t i = 0; i < bench->tape.count; i++) {
        if (!take(bench, &bench->tape.events[i])) {
            return false;
        }
    }
    return true;
}

static bool take_all(struct replay_bench *bench)
{
    const struct cb_bench_size *size = bench->world.size;
    bool good = take_config(bench);
    bench->world.seq = bench->core.sequence.seq;
    cb_bench_tape_genesis(&bench->tape, &bench->world);
    good = good && take_tape(bench);
    cb_bench_tape_accounts(&bench->tape, &bench->world, 0, size->accounts);
    good = good && take_tape(bench);
    for (uint32_t position = 0; position < size->positions && good; position++) {
        cb_bench_tape_positions(&bench->tape, &bench->world, position, 0, size->accounts);
        good = take_tape(bench);
    }
    for (uint32_t i = 0; i < TAPES && good; i++) {
        cb_bench_tape_mixed(&bench->tape, &bench->world, TAPE, cb_bench_mix);
        good = take_tape(bench);
    }
    while (good && cb_journal_durable(&bench->journal) < bench->core.sequence.seq) {
        (void)cb_journal_poll(&bench->journal, bench->core.effects);
        good = bench->journal.state != CB_JOURNAL_FAILED;
    }
    bench->events = bench->core.sequence.seq;
    return good;
}

/* A core over new memory. */
static bool new_core(struct replay_bench *bench, struct cb_memory *memory)
{
    if (!cb_memory_take(memory, cb_core_footprint(&bench->config), true, bench->options->errors)) {
        return false;
    }
    struct cb_arena arena = cb_arena_over(memory->base, memory->bytes);
    cb_core_init(&bench->core, &arena, &bench->config, NULL);
    return true;
}

static bool write_journal(struct replay_bench *bench, struct cb_bench_report *report)
{
    struct cb_file_error error = {0};
    struct cb_file_slots slots;
    struct cb_file_disk disk;
    struct cb_memory memory = {0}, core_memory = {0};
    struct cb_journal_recovery recovery;
    if (!cb_file_format(&error, bench->directory, SLOTS, SLOT_BYTES) ||
        !cb_file_open(&slots, &error, bench->directory, CB_FILE_BUFFERED)) {
        cb_message_print(bench->options->errors, CB_MESSAGE_4005, "%s", error.text);
        return false;
    }
    cb_file_disk_init(&disk, &slots);
    struct cb_journal_config config = {.disk = &disk.disk, .cluster = bench->config.cluster};
    bool good = cb_memory_take(&memory, cb_journal_footprint(&config), true, bench->options->errors) &&
                new_core(bench, &core_memory);
    if (good) {
        struct cb_arena arena = cb_arena_over(memory.base, memory.bytes);
        cb_journal_init(&bench->journal, &arena, &config);
        int64_t start = cb_bench_now_ns();
        good = cb_journal_recover(&bench->journal, &recovery, 1) && take_all(bench);
        cb_bench_report_number(report, "replay_journal_records", "", (double)bench->events);
        cb_bench_report_number(report, "replay_journal_bytes", "MiB",
                               (double)bench->journal.stats.bytes / (1 << 20));
        cb_bench_report_number(report, "journal_and_apply_while_writing", "events/s",
                               (double)bench->events / (double)(cb_bench_now_ns() - start) * 1e9);
        cb_journal_close(&bench->journal);
        if (!good) {
            cb_message_print(bench->options->errors, CB_MESSAGE_4005,
                             "the bench could not write its journal");
        }
    }
    cb_memory_give(&core_memory);
    cb_memory_give(&memory);
    disk.disk.close(disk.disk.self);
    cb_file_close(&slots);
    return good;
}

/* Reads all, and applies where `apply`. Returns events a second, 0: it did not go through. */
static double read_all(struct replay_bench *bench, struct cb_journal_reader *reader, bool apply)
{
    struct cb_memory memory = {0};
    struct cb_event event;
    uint64_t events = 0;
    bool good = cb_journal_reader_seek(reader, 1);
    int64_t start = cb_bench_now_ns();
    if (!apply) {
        while (good && cb_journal_reader_next(reader, &event) == CB_JOURNAL_READ_EVENT) {
            events++;
        }
        double ns = (double)(cb_bench_now_ns() - start);
        return good && events == bench->events ? (double)events / ns * 1e9 : 0.0;
    }
    enum cb_genesis_result genesis = CB_GENESIS_MORE;
    memset(&bench->genesis, 0, sizeof bench->genesis);
    while (good && genesis == CB_GENESIS_MORE) {
        good = cb_journal_reader_next(reader, &event) == CB_JOURNAL_READ_EVENT;
        genesis = good ? cb_genesis_take(&bench->genesis, &event) : CB_GENESIS_BAD;
    }
    double rate = 0.0;
    if (good && genesis == CB_GENESIS_COMPLETE && new_core(bench, &memory)) {
        cb_genesis_apply(&bench->genesis, &bench->core);
        struct cb_replay replay = {.core = &bench->core,
                                   .reader = reader,
                                   .to = UINT64_MAX,
                                   .frame_no = cb_journal_reader_frame(reader)->frame_no};
        start = cb_bench_now_ns();
        enum cb_replay_result result = cb_replay_run(&replay, UINT64_MAX);
        double ns = (double)(cb_bench_now_ns() - start);
        if (result == CB_REPLAY_END && bench->core.sequence.seq == bench->events) {
            rate = (double)replay.applied / ns * 1e9;
        }
    }
    cb_memory_give(&memory);
    return rate;
}

static bool replay_journal(struct replay_bench *bench, struct cb_bench_report *report)
{
    struct cb_file_error error = {0};
    struct cb_file_slots slots;
    struct cb_file_disk disk;
    struct cb_memory memory = {0};
    if (!cb_file_open_all(&slots, &error, bench->directory)) {
        cb_message_print(bench->options->errors, CB_MESSAGE_4005, "%s", error.text);
        return false;
    }
    cb_file_disk_init(&disk, &slots);
    struct cb_journal_reader reader;
    struct cb_journal_reader_config config = {.disk = &disk.disk};
    bool good = cb_memory_take(&memory, cb_journal_reader_footprint(&config), true, bench->options->errors);
    if (good) {
        struct cb_bench_rounds replayed = {0}, read = {0};
        struct cb_arena arena = cb_arena_over(memory.base, memory.bytes);
        cb_journal_reader_init(&reader, &arena, &config);
        for (uint32_t round = 0; round < CB_BENCH_ROUNDS + 1 && good; round++) {
            double rate = read_all(bench, &reader, true), bare = read_all(bench, &reader, false);
            good = rate > 0.0 && bare > 0.0;
            if (round > 0) { /* the first brings it into the page cache */
                cb_bench_rounds_add(&replayed, rate);
                cb_bench_rounds_add(&read, bare);
            }
        }
        if (good) {
            cb_bench_report_against(report, "replay", "events/s", &replayed, "reader_alone", &read);
        } else {
            cb_message_print(bench->options->errors, CB_MESSAGE_5002,
                             "the bench's own journal did not replay");
        }
        cb_journal_reader_close(&reader);
    }
    cb_memory_give(&memory);
    disk.disk.close(disk.disk.self);
    cb_file_close(&slots);
    return good;
}

bool cb_bench_replay(const struct cb_options *options, struct cb_bench_report *report)
{
    struct replay_bench *bench = calloc(1, sizeof *bench);
    const struct cb_bench_size *size = &cb_bench_sizes[0];
    if (bench == NULL) {
        cb_message_print(options->errors, CB_MESSAGE_4002, "no memory for the bench");
        return false;
    }
    bench->options = options;
    cb_bench_config(&bench->config, size);
    bool good =
        cb_bench_world_open(&bench->world, size, &bench->config, options->has_seed ? options->seed : 1) &&
        cb_bench_tape_open(&bench->tape, TAPE) &&
        cb_bench_scratch_make(bench->directory, options, "replay") && write_journal(bench, report) &&
        replay_journal(bench, report);
    cb_bench_scratch_remove(bench->directory);
    cb_bench_tape_close(&bench->tape);
    cb_bench_world_close(&bench->world);
    free(bench);
    return good;
}
