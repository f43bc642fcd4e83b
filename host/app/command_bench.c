/* clearbox bench ingest|journal|engine: how fast a part is, on this machine, now. */
#include "host/app/bench.h"
#include "host/app/commands.h"

#include <string.h>

int cb_command_bench(const struct cb_options *options)
{
    static const struct {
        const char *name;
        int (*run)(const struct cb_options *options);
    } rows[] = {{"ingest", cb_bench_ingest}, {"journal", cb_bench_journal}, {"engine", cb_bench_engine}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(options->argument, rows[i].name) == 0) {
            return rows[i].run(options);
        }
    }
    cb_message_print(options->errors, CB_MESSAGE_2005, "bench: \"%s\" is none of ingest, journal, engine",
                     options->argument);
    return CB_EXIT_USAGE;
}
