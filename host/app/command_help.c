#include "host/app/commands.h"
#include "host/app/suggest.h"

#include <stdlib.h>
#include <string.h>

static int help_code(const struct cb_options *options, const char *text)
{
    char *end = NULL;
    unsigned long code = strtoul(text + 2, &end, 10);
    const struct cb_message_text *row = *end == 0 && code <= 9999u ? cb_message_find((unsigned)code) : NULL;
    if (row == NULL) {
        cb_message_print(options->errors, CB_MESSAGE_2005,
                         "there is no message %s; docs/operations.md lists those that need an action", text);
        return CB_EXIT_USAGE;
    }
    fprintf(options->out, "CB%u: %s\n%s\nExit code: %d\n", row->code, row->meaning, row->action,
            (int)cb_message_exit((enum cb_message)row->code));
    return CB_EXIT_OK;
}

int cb_command_help(const struct cb_options *options)
{
    const char *topic = options->argument;
    if (topic == NULL) {
        cb_options_help_all(options->out);
        return CB_EXIT_OK;
    }
    if ((strncmp(topic, "CB", 2) == 0 || strncmp(topic, "cb", 2) == 0) && topic[2] >= '0' &&
        topic[2] <= '9') {
        return help_code(options, topic);
    }
    bool found = false;
    struct cb_suggest suggest = {.word = topic};
    size_t length = strlen(topic);
    for (const struct cb_command *command = cb_commands; command->name != NULL; command++) {
        /* "help config" is the help of all its forms. */
        bool same = strncmp(command->name, topic, length) == 0 &&
                    (command->name[length] == 0 || command->name[length] == ' ');
        if (same) {
            fputs(found ? "\n" : "", options->out);
            cb_options_help(command, options->out);
            found = true;
        }
        cb_suggest_offer(&suggest, command->name);
    }
    if (!found) {
        const char *nearest = cb_suggest_result(&suggest);
        cb_message_print(options->errors, CB_MESSAGE_2001, "no help for \"%s\"%s%s%s", topic,
                         nearest == NULL ? "" : " (did you mean \"", nearest == NULL ? "" : nearest,
                         nearest == NULL ? "" : "\"?)");
        return CB_EXIT_USAGE;
    }
    return CB_EXIT_OK;
}
