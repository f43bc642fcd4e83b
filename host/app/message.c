#include "host/app/message.h"

#include <stdarg.h>

#define CB_MESSAGE_ROW(code, meaning, action) {code, meaning, action},
static const struct cb_message_text messages[] = {CB_MESSAGES(CB_MESSAGE_ROW)};
#undef CB_MESSAGE_ROW

const struct cb_message_text *cb_message_at(size_t index)
{
    return index < sizeof messages / sizeof messages[0] ? &messages[index] : NULL;
}

const struct cb_message_text *cb_message_find(unsigned code)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (messages[i].code == code) {
            return &messages[i];
        }
    }
    return NULL;
}

void cb_message_print(FILE *out, enum cb_message code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    flockfile(out); /* the keeper's thread speaks too */
    fprintf(out, "CB%u ", (unsigned)code);
    vfprintf(out, format, arguments);
    fputc('\n', out);
    funlockfile(out);
    va_end(arguments);
}

enum cb_exit cb_message_exit(enum cb_message code)
{
    unsigned kind = (unsigned)code / 1000u;
    return kind <= CB_EXIT_PEER ? (enum cb_exit)kind : CB_EXIT_RUN_TIME;
}
