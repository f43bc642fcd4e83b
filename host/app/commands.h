/* The commands of clearbox. A command is a row in commands.c and a function in command_<name>.c; a row is
 * added together with its function, never before it. */
#ifndef CB_HOST_APP_COMMANDS_H
#define CB_HOST_APP_COMMANDS_H

#include "host/app/options.h"

#include <stddef.h>

/* Which options a command takes: a set of bits. options.c has one row per option. */
enum cb_option_bit {
    CB_OPTION_CONFIG = 1 << 0,
    CB_OPTION_DATA = 1 << 1,
    CB_OPTION_PRICES = 1 << 2,
    CB_OPTION_PCAP = 1 << 3,
    CB_OPTION_SEED = 1 << 4,
    CB_OPTION_STEPS = 1 << 5,
    CB_OPTION_FROM = 1 << 6,
    CB_OPTION_TO = 1 << 7,
    CB_OPTION_OUTPUT = 1 << 8,
    CB_OPTION_DEVELOPMENT = 1 << 9,
    CB_OPTION_EVERY = 1 << 10,
    CB_OPTION_SNAPSHOT = 1 << 11,
    CB_OPTION_FOLLOW = 1 << 12,
    CB_OPTION_VERBOSE = 1 << 13
};

struct cb_command {
    const char *name;     /* "config check" has two words */
    const char *argument; /* "DIR", "FILE", "ingest|journal|engine"; NULL: takes none; in [brackets]: may be
                             left out */
    const char *group;    /* heading in --help */
    const char *summary;
    unsigned options;  /* of enum cb_option_bit */
    unsigned required; /* those that must be given */
    int (*run)(const struct cb_options *options);
};

/* Rows in the order of --help; ends with name == NULL. */
extern const struct cb_command cb_commands[];

/* Each returns an enum cb_exit, and prints its own message when that is not CB_EXIT_OK. */
int cb_command_version(const struct cb_options *options);
int cb_command_config_check(const struct cb_options *options);
int cb_command_config_show(const struct cb_options *options);
int cb_command_config_schema(const struct cb_options *options);
int cb_command_help(const struct cb_options *options);
int cb_command_run(const struct cb_options *options);
int cb_command_gen(const struct cb_options *options);
int cb_command_replay(const struct cb_options *options);
int cb_command_verify(const struct cb_options *options);
int cb_command_dump(const struct cb_options *options);
int cb_command_bench(const struct cb_options *options);
int cb_command_snapshot(const struct cb_options *options);

/* main without the process: argv[0] is skipped; used by main.c and by the tests. Returns: the exit code. */
int cb_program(int argc, char *const *argv, FILE *out, FILE *errors);

#endif
