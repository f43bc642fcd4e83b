/* Command-line options: one table drives parsing, --help and suggestions. */
#ifndef CB_HOST_APP_OPTIONS_H
#define CB_HOST_APP_OPTIONS_H

#include "host/app/message.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum cb_output { CB_OUTPUT_TEXT = 0, CB_OUTPUT_JSON = 1, CB_OUTPUT_NDJSON = 2 };

struct cb_options {
    FILE *out, *errors;   /* where a command prints results, and messages; tests give their own */
    const char *argument; /* the one positional argument (DIR, FILE, what to bench); NULL: none */
    const char *config;   /* -c, --config FILE */
    const char *data;     /* -C, --data DIR */
    const char *prices;   /* --prices FILE */
    const char *pcap;     /* --pcap FILE */
    const char *snapshot; /* --snapshot FILE */
    uint64_t seed;        /* --seed N, 0x… too; has_seed says whether it was given */
    uint64_t steps;       /* --steps N; 0: not given */
    uint64_t every;       /* --every N: records between two snapshots; 0: not given */
    uint64_t from, to;    /* --from, --to: journal sequence numbers; to = UINT64_MAX when not given */
    bool has_seed, development, follow, verbose, help;
    enum cb_output output; /* -o text|json|ndjson */
};

struct cb_command; /* host/app/commands.h */

/* Parses what follows the command's name. Sets every field but out.
 * Returns: CB_EXIT_OK, or CB_EXIT_USAGE after a message to `errors`. With --help everything else is left
 * unchecked. Strings point into argv. */
enum cb_exit cb_options_parse(struct cb_options *options, const struct cb_command *command, int argc,
                              char *const *argv, FILE *errors);

/* The help of one command, and of the program. */
void cb_options_help(const struct cb_command *command, FILE *out);
void cb_options_help_all(FILE *out);

#endif
