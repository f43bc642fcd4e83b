/* clearbox run: the appliance. Opens journal and lines, brings the core back from what the journal holds, and
 * polls the engine until it is told to stop or the disk fails. */
#include "drivers/clock/clock.h"
#include "host/app/commands.h"
#include "host/app/config.h"
#include "host/app/disk.h"
#include "host/app/keeper.h"
#include "host/app/lines.h"
#include "host/app/report.h"
#include "host/app/stop.h"
#include "host/app/store.h"
#include "host/engine/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DIRECTORY_BYTES_MAX 900                 /* file names are added to it */
#define SPIN_POLLS          64u                 /* empty polls before the core is offered to others */
#define YIELD_POLLS         256u                /* and before it sleeps */
#define SLEEP_NS            (50 * CB_NS_PER_US) /* one sleep */
#define DRAIN_NS            (5 * CB_NS_PER_S)   /* a shutdown waits this long for the disk */
#define RETAIN_POLLS        1024u               /* how often the keeper's word is looked at */

struct box {
    const struct cb_options *options;
    struct cb_configuration *configuration;
    char directory[CB_FILE_PATH_BYTES];
    struct cb_file_slots slots;
    struct cb_app_disk disk;
    struct cb_store store;
    struct cb_memory journal_memory, engine_memory, core_memory;
    struct cb_journal journal;
    struct cb_engine engine;
    struct cb_core fresh; /* the core of an empty journal; else the store's is used */
    struct cb_core *core;
    struct cb_lines lines;
    struct cb_keeper keeper;
    struct cb_mac_keys keys[CB_SESSIONS_MAX];
    bool slots_open, journal_open, told_full;
    uint64_t records_seen;     /* by the poll before */
    int64_t first_ns, last_ns; /* steady: of the first and the last record taken from the lines */
};

/* Makes the folder and those above it; what is there stays as it is. */
static enum cb_exit make_directory(const char *path, FILE *errors)
{
    char part[CB_FILE_PATH_BYTES];
    size_t length = strlen(path);
    bool made = length < sizeof part;
    errno = made ? 0 : ENAMETOOLONG;
    for (size_t i = 1; i <= length && made; i++) {
        if (path[i] == '/' || path[i] == 0) {
            memcpy(part, path, i);
            part[i] = 0;
            made = mkdir(part, 0700) == 0 || errno == EEXIST;
        }
    }
    if (!made) {
        cb_message_print(errors, CB_MESSAGE_4005, "%s: %s", path, strerror(errno));
        return CB_EXIT_ENVIRONMENT;
    }
    return CB_EXIT_OK;
}

/* Where the journal is: its own path if the configuration has one, else `journal` below -C DIR. */
static enum cb_exit find_directory(struct box *box)
{
    const struct cb_journal_app_config *config = &box->configuration->app.journal;
    const char *data = box->options->data != NULL ? box->options->data : ".";
    bool own = config->path[0] != 0;
    int length = snprintf(box->directory, sizeof box->directory, "%s%s", own ? config->path : data,
                          own ? "" : "/journal");
    if (length < 0 || length > DIRECTORY_BYTES_MAX) {
        cb_message_print(box->options->errors, CB_MESSAGE_4005,
                         "%s: the path is longer than %d bytes; choose a shorter one",
                         own ? config->path : data, DIRECTORY_BYTES_MAX);
        return CB_EXIT_ENVIRONMENT;
    }
    return make_directory(box->directory, box->options->errors);
}

static enum cb_exit open_slots(struct box *box)
{
    const struct cb_journal_app_config *config = &box->configuration->app.journal;
    struct cb_file_error error;
    FILE *errors = box->options->errors;
    if (!cb_file_exists(box->directory) &&
        !cb_file_format(&error, box->directory, config->segments, config->segment_bytes)) {
        cb_message_print(errors, CB_MESSAGE_4005, "%s", error.text);
        return CB_EXIT_ENVIRONMENT;
    }
    enum cb_file_mode mode = box->options->development ? CB_FILE_BUFFERED : CB_FILE_DIRECT;
    if (!cb_file_open(&box->slots, &error, box->directory, mode)) {
        const char *next = "";
        if (mode == CB_FILE_DIRECT && error.number == EINVAL) {
            next = ". This file system has no O_DIRECT: use another one, or --development for a trial.";
        }
        cb_message_print(errors, CB_MESSAGE_4005, "%s%s", error.text, next);
        return CB_EXIT_ENVIRONMENT;
    }
    box->slots_open = true;
    if (box->slots.count < config->segments) {
        /* The last of them may hold what was written last: without them the journal only looks whole. */
        cb_message_print(errors, CB_MESSAGE_4005,
                         "%s: %" PRIu32 " of %" PRIu32
                         " segments are there. If files were lost, restore them. If `segments` was raised, "
                         "set it back: it is for a new journal. Nothing was changed.",
                         box->directory, box->slots.count, config->segments);
        return CB_EXIT_ENVIRONMENT;
    }
    if (box->slots.count != config->segments || box->slots.slot_bytes != config->segment_bytes) {
        fprintf(errors,
                "journal: %s was made with %" PRIu32 " segments of %" PRIu64
                " MiB and stays so; the configuration's numbers are for a new one\n",
                box->directory, box->slots.count, box->slots.slot_bytes >> 20);
    }
    return CB_EXIT_OK;
}

/* The configuration file against the one that the journal was begun with: what decides state may not change
 * in it. */
static enum cb_exit compare_config(struct box *box)
{
    struct cb_config_text here = {0}, there = {0};
    cb_config_text(&here, &box->configuration->state);
    cb_config_text(&there, &box->store.genesis->config);
    bool same = here.bytes == there.bytes && memcmp(here.data, there.data, here.bytes) == 0;
    free(here.data);
    free(there.data);
    if (same) {
        return CB_EXIT_OK;
    }
    if (box->configuration->state.cluster != box->store.genesis->config.cluster) {
        cb_message_print(box->options->errors, CB_MESSAGE_5003,
                         "%s: the journal is of cluster %" PRIu64 ", %s says %" PRIu64, box->directory,
                         box->store.genesis->config.cluster, box->options->config,
                         box->configuration->state.cluster);
        return CB_EXIT_LEDGER;
    }
    cb_message_print(
        box->options->errors, CB_MESSAGE_3010,
        "%s differs from the configuration that the journal in %s was begun with, in what decides state. "
        "Give the old file, or begin a new journal (another -C DIR). Nothing was changed.",
        box->options->config, box->directory);
    return CB_EXIT_CONFIG;
}

/* The journal, repaired if a crash left a torn tail. The epoch of this life is one more than any before. */
static enum cb_exit recover(struct box *box, uint64_t *epoch)
{
    struct cb_journal_config config = {.disk = box->disk.port, .cluster = box->configuration->state.cluster};
    struct cb_journal_recovery report;
    FILE *errors = box->options->errors;
    if (!cb_memory_take(&box->journal_memory, cb_journal_footprint(&config), true, errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_arena arena = cb_arena_over(box->journal_memory.base, box->journal_memory.bytes);
    cb_journal_init(&box->journal, &arena, &config);
    box->journal_open = true;
    *epoch = box->core != NULL ? box->core->sequence.epoch + 1 : 1;
    if (cb_journal_recover(&box->journal, &report, *epoch)) {
        if (report.decision == CB_JOURNAL_CUT) {
            fprintf(errors,
                    "journal: a crash left an unfinished tail; %" PRIu64 " blocks were cut (row %" PRIu32
                    " of the recovery table). Nothing that was answered was in them.\n",
                    report.cut_blocks, report.row);
        }
        return CB_EXIT_OK;
    }
    if (report.decision == CB_JOURNAL_OTHER) {
        cb_message_print(errors, CB_MESSAGE_5003,
                         "%s: slot %" PRIu32 ", offset 0x%" PRIx64 ". Nothing was changed.", box->directory,
                         report.problem.slot, report.problem.offset);
    } else if (report.decision == CB_JOURNAL_IO_FAILED) {
        cb_message_print(errors, CB_MESSAGE_1003, "%s: slot %" PRIu32 ", offset 0x%" PRIx64 ": %s",
                         box->directory, report.failure.slot, report.failure.offset,
                         report.failure.error != 0 ? strerror(report.failure.error) : "short transfer");
        return CB_EXIT_RUN_TIME;
    } else {
        cb_message_print(errors, CB_MESSAGE_5001,
                         "%s: %s at slot %" PRIu32 ", offset 0x%" PRIx64 ", frame %" PRIu64
                         ". Nothing was changed.",
                         box->directory, cb_journal_flaw_name(report.problem.flaw), report.problem.slot,
                         report.problem.offset, report.problem.frame_no);
    }
    return CB_EXIT_LEDGER;
}

/* The state that the journal makes; on an empty journal a fresh core of the configuration file. */
static enum cb_exit load_core(struct box *box)
{
    const struct cb_store_load load = {
        .directory = box->directory, .newest = true, .writer = true, .populate = true, .to = UINT64_MAX};
    enum cb_exit result = cb_store_open(&box->store, &load, box->options->errors);
    if (result != CB_EXIT_OK) {
        return result;
    }
    if (box->store.core.config != NULL) {
        box->core = &box->store.core;
        return compare_config(box);
    }
    return CB_EXIT_OK;
}

static enum cb_exit fresh_core(struct box *box)
{
    const struct cb_config *config = &box->configuration->state;
    if (box->core != NULL) {
        return CB_EXIT_OK;
    }
    if (!cb_memory_take(&box->core_memory, cb_core_footprint(config), true, box->options->errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_arena arena = cb_arena_over(box->core_memory.base, box->core_memory.bytes);
    cb_core_init(&box->fresh, &arena, config, NULL);
    box->core = &box->fresh;
    return CB_EXIT_OK;
}

static enum cb_exit open_engine(struct box *box, uint64_t epoch)
{
    const struct cb_app_config *app = &box->configuration->app;
    struct cb_engine_config config = {.config = box->core->config, .keys = box->keys, .epoch = epoch};
    cb_clock_system(&config.clock);
    config.lines_count = box->lines.count;
    for (uint32_t i = 0; i < box->lines.count; i++) {
        config.lines[i] = box->lines.port[i];
        config.addresses[i].own.ip = app->listen.ip;
        config.addresses[i].own.port = app->listen.port;
        if (app->nics[i].driver == CB_NIC_UDP) { /* the kernel hands on what came to its own socket */
            const struct cb_address *bound = &app->nics[i].address;
            config.addresses[i].own.ip = bound->ip != 0 ? bound->ip : app->listen.ip;
            config.addresses[i].own.port = bound->port;
        }
        memcpy(config.addresses[i].own.mac, box->lines.port[i]->mac, sizeof config.addresses[i].own.mac);
    }
    for (uint32_t s = 0; s < box->core->config->sessions_count; s++) {
        cb_mac_derive(&box->keys[s], app->sessions[s].secret);
    }
    if (!cb_memory_take(&box->engine_memory, cb_engine_footprint(&config), true, box->options->errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_arena arena = cb_arena_over(box->engine_memory.base, box->engine_memory.bytes);
    cb_engine_init(&box->engine, &arena, &config, box->core, &box->journal);
    cb_arena_seal(&arena);
    return CB_EXIT_OK;
}

/* Gives the core away when there is nothing to do, the more the longer there is nothing. */
static void idle(struct box *box, uint32_t empty_polls)
{
    struct cb_clock *clock = &box->engine.config.clock;
    if (box->configuration->app.idle == CB_IDLE_SPIN || empty_polls < SPIN_POLLS) {
        return;
    }
    if (empty_polls < YIELD_POLLS) {
        sched_yield();
    } else {
        clock->idle(clock->self, SLEEP_NS);
    }
}

static bool input_ended(const struct box *box)
{
    for (uint32_t i = 0; i < box->lines.count; i++) {
        if (box->lines.nic[i].link(box->lines.nic[i].self) != -1) {
            return false;
        }
    }
    return true;
}

/* Lets the journal recycle what the keeper gave free, and says when it is full: the box then takes nothing
 * in. */
static void keep_room(struct box *box)
{
    cb_journal_retain_through(&box->journal,
                              atomic_load_explicit(&box->keeper.retain_through, memory_order_relaxed));
    bool full = cb_journal_state(&box->journal) == CB_JOURNAL_FULL;
    if (full && !box->told_full) {
        cb_message_print(box->options->errors, CB_MESSAGE_5004,
                         "%s: no segment is free after record %" PRIu64
                         ". The box takes nothing in until snapshots let "
                         "old segments go; nothing is lost.",
                         box->directory, cb_journal_last_seq(&box->journal));
    }
    if (!full && box->told_full) {
        fprintf(box->options->errors, "journal: a segment is free again; the box goes on\n");
    }
    box->told_full = full;
}

/* For the report: over what time the records came. */
static void note_records(struct box *box)
{
    if (box->engine.stats.records != box->records_seen) {
        box->records_seen = box->engine.stats.records;
        box->last_ns = box->engine.steady_ns;
        box->first_ns = box->first_ns == 0 ? box->last_ns : box->first_ns;
    }
}

static enum cb_exit tell_failed(struct box *box)
{
    const struct cb_journal_failure *f = &box->journal.failure;
    cb_message_print(box->options->errors, CB_MESSAGE_1003,
                     "%s: slot %" PRIu32 ", offset 0x%" PRIx64
                     ": %s. The box stops; what was answered is durable "
                     "through record %" PRIu64 ".",
                     box->directory, f->slot, f->offset, f->error != 0 ? strerror(f->error) : "short write",
                     cb_journal_durable(&box->journal));
    return CB_EXIT_RUN_TIME;
}

/* Waits until everything is durable and has left. */
static enum cb_exit drain(struct box *box)
{
    int64_t begun_ns = box->engine.config.clock.steady_ns(NULL), now_ns = begun_ns;
    while (!cb_engine_drained(&box->engine) && cb_engine_state(&box->engine) == CB_ENGINE_RUNNING &&
           now_ns - begun_ns < DRAIN_NS) {
        cb_engine_drain(&box->engine);
        now_ns = box->engine.config.clock.steady_ns(NULL);
    }
    if (cb_engine_state(&box->engine) == CB_ENGINE_FAILED) {
        return tell_failed(box);
    }
    if (cb_journal_durable(&box->journal) != box->core->sequence.seq) {
        cb_message_print(
            box->options->errors, CB_MESSAGE_1005,
            "after %d s records through %" PRIu64 " of %" PRIu64 " are durable. The rest was not "
            "answered.",
            (int)(DRAIN_NS / CB_NS_PER_S), cb_journal_durable(&box->journal), box->core->sequence.seq);
        return CB_EXIT_RUN_TIME;
    }
    if (!cb_engine_drained(&box->engine)) {
        fprintf(
            box->options->errors,
            "the box stops with messages that no peer took; who asks again after the next start gets them\n");
    }
    return CB_EXIT_OK;
}

static enum cb_exit poll_until_stopped(struct box *box)
{
    uint32_t empty = 0;
    box->records_seen = box->engine.stats.records;
    for (uint64_t polls = 0; !cb_stop_requested(); polls++) {
        uint32_t work = cb_engine_poll(&box->engine);
        note_records(box);
        if (cb_engine_state(&box->engine) == CB_ENGINE_FAILED) {
            return tell_failed(box);
        }
        if (polls % RETAIN_POLLS == 0) {
            keep_room(box);
        }
        empty = work == 0 ? empty + 1 : 0;
        if (work == 0) {
            idle(box, empty);
        }
        if (empty > YIELD_POLLS && input_ended(box) && cb_engine_drained(&box->engine)) {
            break; /* a capture was read to its end */
        }
    }
    return drain(box);
}

static enum cb_exit start(struct box *box)
{
    uint64_t epoch = 0;
    FILE *errors = box->options->errors;
    enum cb_exit result = find_directory(box);
    result = result != CB_EXIT_OK ? result : open_slots(box);
    result = result != CB_EXIT_OK ? result
                                  : cb_app_disk_open(&box->disk, &box->slots, box->directory,
                                                     box->configuration->app.journal.driver, errors);
    result = result != CB_EXIT_OK ? result : load_core(box);
    result = result != CB_EXIT_OK ? result : recover(box, &epoch);
    result = result != CB_EXIT_OK ? result : fresh_core(box);
    result = result != CB_EXIT_OK
                 ? result
                 : cb_lines_open(&box->lines, &box->configuration->app, CB_LINES_BOX, errors);
    if (result == CB_EXIT_OK &&
        !cb_keeper_start(&box->keeper, box->directory, &box->configuration->app.journal, box->journal.oldest,
                         errors)) {
        result = CB_EXIT_ENVIRONMENT;
    }
    return result != CB_EXIT_OK ? result : open_engine(box, epoch);
}

static void finish(struct box *box)
{
    cb_keeper_stop(&box->keeper);
    cb_lines_close(&box->lines);
    if (box->journal_open) {
        cb_journal_close(&box->journal);
    }
    cb_store_close(&box->store);
    cb_app_disk_close(&box->disk);
    if (box->slots_open) {
        cb_file_close(&box->slots);
    }
    cb_memory_give(&box->journal_memory);
    cb_memory_give(&box->engine_memory);
    cb_memory_give(&box->core_memory);
}

int cb_command_run(const struct cb_options *options)
{
    static struct box box; /* too large for a stack */
    memset(&box, 0, sizeof box);
    box.options = options;
    box.configuration = calloc(1, sizeof *box.configuration);
    if (box.configuration == NULL) {
        cb_message_print(options->errors, CB_MESSAGE_4002, "no memory for the configuration");
        return CB_EXIT_ENVIRONMENT;
    }
    enum cb_exit result =
        cb_config_load(box.configuration, options->config, options->development, options->errors);
    if (result == CB_EXIT_OK) {
        cb_stop_install();
        result = start(&box);
    }
    if (result == CB_EXIT_OK) {
        if (!box.slots.direct) {
            fprintf(options->errors,
                    "journal: %s has no O_DIRECT; writes go through the page cache (--development)\n",
                    box.directory);
        }
        cb_report_started(options->out, &box.engine, box.directory, box.disk.driver);
        result = poll_until_stopped(&box);
        cb_report_stopped(options->out, options->output, &box.engine, box.last_ns - box.first_ns);
    }
    finish(&box);
    free(box.configuration);
    return (int)result;
}
