/* clearbox replay DIR: the journal through a core of its own, and the digest of the state at its end. */
#include "host/app/commands.h"
#include "host/app/store.h"

#include <inttypes.h>
#include <time.h>

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int cb_command_replay(const struct cb_options *options)
{
    static struct cb_store store;
    char directory[CB_FILE_PATH_BYTES], digest[CB_DIGEST_TEXT_BYTES];
    if (!cb_store_find(directory, options->argument, options->errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    const struct cb_store_load load = {
        .directory = directory, .snapshot = options->snapshot, .to = options->to};
    double start = seconds_now();
    enum cb_exit result = cb_store_open(&store, &load, options->errors);
    double seconds = seconds_now() - start;
    if (result == CB_EXIT_OK && store.core.config == NULL) {
        cb_message_print(options->errors, CB_MESSAGE_4005, "%s: the journal is empty", directory);
        result = CB_EXIT_ENVIRONMENT;
    }
    if (result == CB_EXIT_OK) {
        uint64_t last = store.core.sequence.seq, records = last - store.begun_at;
        cb_store_digest(&store.core, digest);
        if (options->output != CB_OUTPUT_TEXT) {
            fprintf(options->out,
                    "{\"begun_at\": %" PRIu64 ", \"records\": %" PRIu64 ", \"last_seq\": %" PRIu64
                    ", \"state_digest\": \"%s\", \"seconds\": %.6f}\n",
                    store.begun_at, records, last, digest, seconds);
        } else {
            if (store.recycled) {
                fprintf(options->out,
                        "the first records are gone: begun with the snapshot of record %" PRIu64 "\n",
                        store.begun_at);
            }
            fprintf(options->out,
                    "replayed %" PRIu64 " records in %.3f s (%.0f a second), through seq %" PRIu64
                    "\neffects agree at the start of %" PRIu64 " frames\nstate digest %s\n",
                    records, seconds, seconds > 0 ? (double)records / seconds : 0.0, last,
                    store.replay.frames_checked, digest);
        }
    }
    cb_store_close(&store);
    return (int)result;
}
