/* The one list of commands. To add one: write command_<name>.c, add its row here in the group where --help
 * shall show it. Options that exist: options.c. */
#include "host/app/commands.h"

#include "host/app/suggest.h"

#include <string.h>

const struct cb_command cb_commands[] = {
    {"run", NULL, "Run", "the box: take packets, journal them, decide, answer",
     CB_OPTION_CONFIG | CB_OPTION_DATA | CB_OPTION_DEVELOPMENT | CB_OPTION_OUTPUT, CB_OPTION_CONFIG,
     cb_command_run},
    {"gen", NULL, "Run",
     "the outside world at the other end of the box's lines: recorded prices or a seeded market",
     CB_OPTION_CONFIG | CB_OPTION_PRICES | CB_OPTION_SEED | CB_OPTION_STEPS | CB_OPTION_PCAP |
         CB_OPTION_OUTPUT,
     CB_OPTION_CONFIG, cb_command_gen},
    {"replay", "DIR", "Run", "apply a journal again and print the digest of the state it makes",
     CB_OPTION_SNAPSHOT | CB_OPTION_TO | CB_OPTION_OUTPUT, 0, cb_command_replay},
    {"verify", "DIR", "Ledger", "check every byte of a journal; changes nothing", CB_OPTION_OUTPUT, 0,
     cb_command_verify},
    {"dump", "DIR", "Ledger", "print every record of a journal and the verdicts it led to",
     CB_OPTION_FROM | CB_OPTION_TO | CB_OPTION_SNAPSHOT | CB_OPTION_OUTPUT, 0, cb_command_dump},
    {"snapshot", "DIR", "Ledger",
     "replay a journal and write its state beside it; --follow: as it grows (the box runs this by itself)",
     CB_OPTION_FOLLOW | CB_OPTION_EVERY, 0, cb_command_snapshot},
    {"config check", "FILE", "Set-up", "read a configuration and report every fault in it",
     CB_OPTION_DEVELOPMENT, 0, cb_command_config_check},
    {"config show", "FILE", "Set-up", "print every key in effect, defaults too", CB_OPTION_DEVELOPMENT, 0,
     cb_command_config_show},
    {"config schema", NULL, "Set-up", "every key: its form, range, default and meaning", 0, 0,
     cb_command_config_schema},
    {"bench", "ingest|journal|engine", "Other",
     "how fast a part is on this machine: medians, with what they are compared to",
     CB_OPTION_DATA | CB_OPTION_PCAP | CB_OPTION_SEED | CB_OPTION_OUTPUT, 0, cb_command_bench},
    {"version", NULL, "Other", "the version; --verbose adds what was fixed when it was compiled",
     CB_OPTION_VERBOSE, 0, cb_command_version},
    {"help", "[COMMAND|CODE]", "Other", "what a command does, or what a message like CB3007 means", 0, 0,
     cb_command_help},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};

/* How many of the words in argv are the command's name: 0 when it is not this command. */
static int match(const struct cb_command *command, int argc, char *const *argv)
{
    const char *rest = command->name;
    int words = 0;
    while (*rest != 0) {
        size_t length = strcspn(rest, " ");
        if (words >= argc || strlen(argv[words]) != length || memcmp(argv[words], rest, length) != 0) {
            return 0;
        }
        rest += length + (rest[length] == ' ');
        words++;
    }
    return words;
}

static int unknown_command(int argc, char *const *argv, FILE *errors)
{
    char words[2 * CB_SUGGEST_WORD_BYTES_MAX];
    size_t length = strlen(argv[0]);
    bool two = argc > 1 && argv[1][0] != '-';
    for (const struct cb_command *command = cb_commands; !two && command->name != NULL; command++) {
        if (strncmp(command->name, argv[0], length) == 0 && command->name[length] == ' ') {
            cb_message_print(errors, CB_MESSAGE_2001,
                             "\"%s\" needs a second word; `clearbox help %s` lists them", argv[0], argv[0]);
            return CB_EXIT_USAGE;
        }
    }
    snprintf(words, sizeof words, "%s %s", argv[0], two ? argv[1] : "");
    struct cb_suggest one = {.word = argv[0]}, both = {.word = words};
    for (const struct cb_command *command = cb_commands; command->name != NULL; command++) {
        cb_suggest_offer(strchr(command->name, ' ') == NULL ? &one : &both, command->name);
    }
    const char *nearest = cb_suggest_result(&one);
    if (nearest == NULL) {
        nearest = cb_suggest_result(&both);
    }
    if (nearest != NULL) {
        cb_message_print(errors, CB_MESSAGE_2001, "unknown command \"%s\" (did you mean \"%s\"?)", argv[0],
                         nearest);
    } else {
        cb_message_print(errors, CB_MESSAGE_2001, "unknown command \"%s\"; `clearbox --help` lists them",
                         argv[0]);
    }
    return CB_EXIT_USAGE;
}

int cb_program(int argc, char *const *argv, FILE *out, FILE *errors)
{
    argc--;
    argv++;
    if (argc <= 0) {
        cb_options_help_all(errors);
        return CB_EXIT_USAGE;
    }
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        cb_options_help_all(out);
        return CB_EXIT_OK;
    }
    struct cb_options options = {.out = out, .errors = errors};
    if (strcmp(argv[0], "--version") == 0) {
        return cb_command_version(&options);
    }
    for (const struct cb_command *command = cb_commands; command->name != NULL; command++) {
        int words = match(command, argc, argv);
        if (words == 0) {
            continue;
        }
        enum cb_exit status = cb_options_parse(&options, command, argc - words, argv + words, errors);
        if (status != CB_EXIT_OK) {
            return (int)status;
        }
        if (options.help) {
            cb_options_help(command, out);
            return CB_EXIT_OK;
        }
        return command->run(&options);
    }
    return unknown_command(argc, argv, errors);
}
