#include "host/app/options.h"

#include "host/app/commands.h"
#include "host/app/suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum value_kind { VALUE_NONE, VALUE_TEXT, VALUE_NUMBER, VALUE_OUTPUT };

struct option_row {
    unsigned bit; /* enum cb_option_bit; 0: every command takes it */
    char letter;  /* 0: none */
    const char *name, *value, *summary;
    enum value_kind kind;
    size_t field; /* in struct cb_options */
};

static const struct option_row rows[] = {
    {CB_OPTION_CONFIG, 'c', "config", "FILE", "the configuration file", VALUE_TEXT,
     offsetof(struct cb_options, config)},
    {CB_OPTION_DATA, 'C', "data", "DIR", "where the journal and the results are kept", VALUE_TEXT,
     offsetof(struct cb_options, data)},
    {CB_OPTION_PRICES, 0, "prices", "FILE", "recorded prices: CSV with the columns time, factor, price",
     VALUE_TEXT, offsetof(struct cb_options, prices)},
    {CB_OPTION_PCAP, 0, "pcap", "FILE", "write the packets to a capture file", VALUE_TEXT,
     offsetof(struct cb_options, pcap)},
    {CB_OPTION_SEED, 0, "seed", "N", "the same seed gives the same packets; decimal or 0x…", VALUE_NUMBER,
     offsetof(struct cb_options, seed)},
    {CB_OPTION_STEPS, 0, "steps", "N", "stop after so many steps of the market (seeded: 1000; recorded: all)",
     VALUE_NUMBER, offsetof(struct cb_options, steps)},
    {CB_OPTION_FROM, 0, "from", "N", "the first sequence number shown", VALUE_NUMBER,
     offsetof(struct cb_options, from)},
    {CB_OPTION_TO, 0, "to", "N", "the last sequence number shown", VALUE_NUMBER,
     offsetof(struct cb_options, to)},
    {CB_OPTION_OUTPUT, 'o', "output", "FORM", "text, json, or ndjson: one JSON object a line", VALUE_OUTPUT,
     offsetof(struct cb_options, output)},
    {CB_OPTION_DEVELOPMENT, 0, "development", NULL,
     "allow what production must not have; see `clearbox help CB3012`", VALUE_NONE,
     offsetof(struct cb_options, development)},
    {CB_OPTION_EVERY, 0, "every", "N", "records between two snapshots, with --follow (1000000)", VALUE_NUMBER,
     offsetof(struct cb_options, every)},
    {CB_OPTION_SNAPSHOT, 0, "snapshot", "FILE", "start from this snapshot instead of the first record",
     VALUE_TEXT, offsetof(struct cb_options, snapshot)},
    {CB_OPTION_FOLLOW, 0, "follow", NULL, "keep going as the journal grows", VALUE_NONE,
     offsetof(struct cb_options, follow)},
    {CB_OPTION_VERBOSE, 0, "verbose", NULL, "say more", VALUE_NONE, offsetof(struct cb_options, verbose)},
    {0, 'h', "help", NULL, "this text", VALUE_NONE, offsetof(struct cb_options, help)},
};
#define ROWS (sizeof rows / sizeof rows[0])
_Static_assert(ROWS <= 32, "the set of given options is one word");

static bool taken(const struct option_row *row, const struct cb_command *command)
{
    return row->bit == 0 || (command->options & row->bit) != 0;
}

/* `text` is "--name", "--name=value" or "-x"; the value after '=' goes to *value, else NULL. */
static const struct option_row *find(const char *text, const struct cb_command *command, const char **value)
{
    *value = NULL;
    bool is_long = text[1] == '-';
    const char *name = text + (is_long ? 2 : 1);
    size_t length = strcspn(name, "=");
    for (size_t i = 0; i < ROWS; i++) {
        bool same = is_long ? strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0
                            : length == 1 && rows[i].letter == name[0] && name[1] == 0;
        if (same && taken(&rows[i], command)) {
            if (name[length] == '=') {
                *value = name + length + 1;
            }
            return &rows[i];
        }
    }
    return NULL;
}

static enum cb_exit unknown(const char *text, const struct cb_command *command, FILE *errors)
{
    char name[CB_SUGGEST_WORD_BYTES_MAX] = {0};
    size_t start = strspn(text, "-");
    size_t length = strcspn(text + start, "=");
    memcpy(name, text + start, length < sizeof name - 1 ? length : sizeof name - 1);
    struct cb_suggest suggest = {.word = name};
    for (size_t i = 0; i < ROWS; i++) {
        if (taken(&rows[i], command)) {
            cb_suggest_offer(&suggest, rows[i].name);
        }
    }
    const char *nearest = cb_suggest_result(&suggest);
    if (nearest != NULL) {
        cb_message_print(errors, CB_MESSAGE_2002, "unknown option \"%s\" for \"%s\" (did you mean \"--%s\"?)",
                         text, command->name, nearest);
    } else {
        cb_message_print(errors, CB_MESSAGE_2002, "unknown option \"%s\"; `clearbox %s --help` lists them",
                         text, command->name);
    }
    return CB_EXIT_USAGE;
}

static bool parse_number(uint64_t *number, const char *text)
{
    if (text[0] < '0' || text[0] > '9') { /* strtoull would take a sign or a space */
        return false;
    }
    char *end = NULL;
    errno = 0;
    bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    *number = strtoull(text, &end, hexadecimal ? 16 : 10);
    return errno == 0 && *end == 0 && end > text;
}

static bool parse_output(enum cb_output *output, const char *text)
{
    static const char *const forms[] = {"text", "json", "ndjson"};
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(text, forms[i]) == 0) {
            *output = (enum cb_output)i;
            return true;
        }
    }
    return false;
}

/* Stores one option; the field's type is fixed by its kind. */
static bool store(struct cb_options *options, const struct option_row *row, const char *value)
{
    void *field = (char *)options + row->field;
    switch (row->kind) {
    case VALUE_NONE:
        *(bool *)field = true;
        return true;
    case VALUE_TEXT:
        *(const char **)field = value;
        return value[0] != 0;
    case VALUE_NUMBER:
        options->has_seed = options->has_seed || row->bit == CB_OPTION_SEED;
        return parse_number(field, value);
    case VALUE_OUTPUT:
        return parse_output(field, value);
    }
    return false;
}

/* Options that must be there, and the positional argument. */
static enum cb_exit check_complete(const struct cb_options *options, const struct cb_command *command,
                                   unsigned given, FILE *errors)
{
    for (size_t i = 0; i < ROWS; i++) {
        if ((command->required & rows[i].bit) != 0 && (given & 1u << i) == 0) {
            cb_message_print(errors, CB_MESSAGE_2005, "clearbox %s needs --%s %s", command->name,
                             rows[i].name, rows[i].value == NULL ? "" : rows[i].value);
            return CB_EXIT_USAGE;
        }
    }
    if (command->argument != NULL && command->argument[0] != '[' && options->argument == NULL) {
        cb_message_print(errors, CB_MESSAGE_2005, "clearbox %s needs %s", command->name, command->argument);
        return CB_EXIT_USAGE;
    }
    return CB_EXIT_OK;
}

static enum cb_exit take_option(struct cb_options *options, const struct cb_command *command, int *i,
                                int argc, char *const *argv, unsigned *given)
{
    FILE *errors = options->errors;
    const char *value;
    const struct option_row *row = find(argv[*i], command, &value);
    if (row == NULL) {
        return unknown(argv[*i], command, errors);
    }
    unsigned bit = 1u << (row - rows);
    if ((*given & bit) != 0) {
        cb_message_print(errors, CB_MESSAGE_2006, "--%s is given twice", row->name);
        return CB_EXIT_USAGE;
    }
    *given |= bit;
    if (row->kind == VALUE_NONE && value != NULL) {
        cb_message_print(errors, CB_MESSAGE_2004, "--%s takes no value", row->name);
        return CB_EXIT_USAGE;
    }
    if (row->kind != VALUE_NONE && value == NULL) {
        if (*i + 1 >= argc) {
            cb_message_print(errors, CB_MESSAGE_2003, "--%s needs a value: --%s %s", row->name, row->name,
                             row->value);
            return CB_EXIT_USAGE;
        }
        value = argv[++*i];
    }
    if (!store(options, row, value)) {
        cb_message_print(errors, CB_MESSAGE_2004, "--%s takes %s (%s), not \"%s\"", row->name,
                         row->kind == VALUE_NUMBER ? "a whole number" : row->value, row->summary, value);
        return CB_EXIT_USAGE;
    }
    return CB_EXIT_OK;
}

enum cb_exit cb_options_parse(struct cb_options *options, const struct cb_command *command, int argc,
                              char *const *argv, FILE *errors)
{
    FILE *out = options->out;
    memset(options, 0, sizeof *options);
    options->out = out;
    options->errors = errors;
    options->to = UINT64_MAX;
    unsigned given = 0;
    bool only_arguments = false;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            options->help = true;
            return CB_EXIT_OK;
        }
    }
    for (int i = 0; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && argv[i][0] == '-' && argv[i][1] != 0) {
            enum cb_exit status = take_option(options, command, &i, argc, argv, &given);
            if (status != CB_EXIT_OK) {
                return status;
            }
        } else if (command->argument == NULL || options->argument != NULL || argv[i][0] == 0) {
            cb_message_print(errors, CB_MESSAGE_2005, "\"%s\": one argument too many for `clearbox %s`",
                             argv[i], command->name);
            return CB_EXIT_USAGE;
        } else {
            options->argument = argv[i];
        }
    }
    if (options->from > options->to) {
        cb_message_print(errors, CB_MESSAGE_2004, "--from %" PRIu64 " is after --to %" PRIu64, options->from,
                         options->to);
        return CB_EXIT_USAGE;
    }
    return check_complete(options, command, given, errors);
}

void cb_options_help(const struct cb_command *command, FILE *out)
{
    fprintf(out, "clearbox %s%s%s", command->name, command->argument == NULL ? "" : " ",
            command->argument == NULL ? "" : command->argument);
    for (size_t i = 0; i < ROWS; i++) {
        if ((command->required & rows[i].bit) != 0) {
            fprintf(out, " --%s %s", rows[i].name, rows[i].value == NULL ? "" : rows[i].value);
        }
    }
    fprintf(out, "\n%s\n\n", command->summary);
    for (size_t i = 0; i < ROWS; i++) {
        if (taken(&rows[i], command)) {
            char form[40];
            snprintf(form, sizeof form, "--%s %s", rows[i].name, rows[i].value == NULL ? "" : rows[i].value);
            fprintf(out, "  %c%c%c %-24s %s\n", rows[i].letter == 0 ? ' ' : '-',
                    rows[i].letter == 0 ? ' ' : rows[i].letter, rows[i].letter == 0 ? ' ' : ',', form,
                    rows[i].summary);
        }
    }
}

void cb_options_help_all(FILE *out)
{
    fprintf(out, "clearbox: an on-prem clearing appliance\n\nclearbox COMMAND [ARGUMENT] [OPTIONS]\n");
    const char *group = "";
    for (const struct cb_command *command = cb_commands; command->name != NULL; command++) {
        if (strcmp(group, command->group) != 0) {
            group = command->group;
            fprintf(out, "\n%s\n", group);
        }
        char form[48];
        snprintf(form, sizeof form, "%s %s", command->name,
                 command->argument == NULL ? "" : command->argument);
        fprintf(out, "  %-30s %s\n", form, command->summary);
    }
    fprintf(
        out,
        "\nclearbox COMMAND --help lists the options of a command.\n"
        "Exit codes: 0 ok, 1 run time, 2 usage, 3 configuration, 4 environment, 5 ledger damaged or replay "
        "differs,\n6 engines disagree, 7 policy, 8 peer.\n");
}
