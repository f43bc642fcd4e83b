#include "host/app/config_source.h"

#include "host/app/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool cb_config_read_file(char **text, size_t *bytes, const char *path, enum cb_message code,
                         struct cb_config_faults *faults)
{
    const char *reason = NULL;
    struct stat status;
    FILE *file = fopen(path, "rb");
    *text = NULL;
    *bytes = 0;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        reason = strerror(errno);
    } else if (S_ISDIR(status.st_mode)) {
        reason = "it is a directory";
    } else if ((*text = malloc(CB_CONFIG_BYTES_MAX + 1u)) == NULL) {
        reason = "not enough memory";
    } else {
        *bytes = fread(*text, 1, CB_CONFIG_BYTES_MAX + 1u, file);
        if (ferror(file) != 0) {
            reason = strerror(errno);
        } else if (*bytes > CB_CONFIG_BYTES_MAX) {
            reason = "it is larger than 4 MiB";
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    if (reason != NULL) {
        faults->count++;
        cb_message_print(faults->out, code, "%s can not be read: %s", path, reason);
        free(*text);
        *text = NULL;
    }
    return reason == NULL;
}

#define SECRET_RUN 16 /* this many hexadecimal digits in a row may be a secret */

static bool is_hexadecimal(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Messages end up in logs: what follows `secret:`, and any long run of hexadecimal digits, is shown as stars.
 */
static void print_masked(const char *line, int length, FILE *out)
{
    static const char key[] = "secret:";
    const int key_length = (int)sizeof key - 1;
    int hidden_until = 0;
    for (int i = 0; i < length; i++) {
        int run = 0;
        if (i >= hidden_until && length - i >= key_length && memcmp(line + i, key, sizeof key - 1) == 0) {
            int start = i + key_length;
            start += (int)strspn(line + start, " ");
            bool quoted = line[start] == '"' || line[start] == '\'';
            int stop =
                start + (int)strcspn(line + start, quoted ? "\n" : " ,}]\n"); /* quoted: hide the rest */
            fprintf(out, "%.*s", (start < length ? start : length) - i, line + i);
            hidden_until = stop < length ? stop : length;
            i = start;
            if (i >= length) {
                return;
            }
        }
        while (i >= hidden_until && i + run < length && is_hexadecimal(line[i + run])) {
            run++;
        }
        if (run >= SECRET_RUN) {
            hidden_until = i + run;
        }
        fputc(i < hidden_until ? '*' : line[i], out);
    }
}

/* Prints the text of line `line` (from 0) and a caret under `column` (from 0), `width` wide. */
static void show_line(const struct cb_config_source *source, int line, int column, int width)
{
    const char *start = source->text, *end = source->text + source->bytes;
    for (int i = 0; i < line && start != NULL && start < end; i++) {
        start = memchr(start, '\n', (size_t)(end - start));
        start = start == NULL ? end : start + 1;
    }
    const char *stop = start < end ? memchr(start, '\n', (size_t)(end - start)) : NULL;
    int length = (int)((stop == NULL ? end : stop) - start);
    if (length > 0 && start[length - 1] == '\r') {
        length--;
    }
    fputs("    ", source->faults->out);
    print_masked(start, length, source->faults->out);
    fputs("\n    ", source->faults->out);
    int i = 0;
    for (int characters = 0; i < length && characters < column; i++) {
        bool continued = i + 1 < length && ((unsigned char)start[i + 1] & 0xC0u) == 0x80u; /* UTF-8 */
        if (!continued) {
            fputc(start[i] == '\t' ? '\t' : ' ', source->faults->out);
            characters++;
        }
    }
    fputc('^', source->faults->out);
    for (int k = 1; k < width; k++) {
        fputc('~', source->faults->out);
    }
    fputc('\n', source->faults->out);
}

/* The first scalar in or below a node, for its place. */
static struct fy_token *token_of(struct fy_node *node)
{
    while (node != NULL && !fy_node_is_scalar(node) && !fy_node_is_alias(node)) {
        void *iterator = NULL;
        if (fy_node_is_mapping(node)) {
            struct fy_node_pair *pair = fy_node_mapping_iterate(node, &iterator);
            node = pair == NULL ? NULL : fy_node_pair_key(pair);
        } else {
            node = fy_node_sequence_iterate(node, &iterator);
        }
    }
    return node == NULL ? NULL : fy_node_get_scalar_token(node);
}

void cb_config_fault(const struct cb_config_source *source, struct fy_node *node, enum cb_message code,
                     const char *format, ...)
{
    struct fy_token *token = token_of(node);
    const struct fy_mark *start = token == NULL ? NULL : fy_token_start_mark(token);
    const struct fy_mark *end = token == NULL ? NULL : fy_token_end_mark(token);
    FILE *out = source->faults->out;
    source->faults->count++;
    fprintf(out, "CB%u %s", (unsigned)code, source->name);
    if (start != NULL) {
        fprintf(out, ":%d:%d", start->line + 1, start->column + 1);
    }
    fputs(": ", out);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(out, format, arguments);
    va_end(arguments);
    fputc('\n', out);
    if (start != NULL) {
        int width = end != NULL && end->line == start->line ? end->column - start->column : 1;
        show_line(source, start->line, start->column, width);
    }
}

struct stray_text {
    char text[160];
};

/* libfyaml prints a few faults instead of collecting them: kept here, for want of a place without one. */
static void keep_stray(struct fy_diag *diag, void *user, const char *text, size_t bytes)
{
    (void)diag;
    struct stray_text *stray = user;
    while (bytes > 0 && text[bytes - 1] == '\n') {
        bytes--;
    }
    snprintf(stray->text, sizeof stray->text, "%.*s", (int)bytes, text);
}

/* libfyaml's own faults, in our form. */
static void report_syntax(const struct cb_config_source *source, struct fy_diag *diag)
{
    const struct stray_text *stray = fy_diag_get_cfg(diag)->user;
    void *iterator = NULL;
    struct fy_diag_error *error;
    unsigned reported = 0;
    while ((error = fy_diag_errors_iterate(diag, &iterator)) != NULL) {
        source->faults->count++;
        reported++;
        /* The collected line counts from 1, as people do; an error without a place has line 0 or less. */
        if (error->line > 0) {
            cb_message_print(source->faults->out, CB_MESSAGE_3002, "%s:%d:%d: %s", source->name, error->line,
                             error->column, error->msg);
            show_line(source, error->line - 1, error->column - 1, 1);
        } else {
            cb_message_print(source->faults->out, CB_MESSAGE_3002, "%s: %s", source->name, error->msg);
        }
    }
    if (reported == 0) {
        source->faults->count++;
        cb_message_print(source->faults->out, CB_MESSAGE_3002, "%s: not valid YAML%s%s", source->name,
                         stray->text[0] == 0 ? "" : ": ", stray->text);
    }
}

static bool parse(struct cb_config_source *source, struct fy_diag *diag)
{
    const struct fy_parse_cfg parse_cfg = {
        .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_AUTO | FYPCF_JSON_NONE, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&parse_cfg);
    if (parser == NULL || fy_parser_set_string(parser, source->text, source->bytes) != 0) {
        fy_parser_destroy(parser);
        cb_message_print(source->faults->out, CB_MESSAGE_4002, "%s: no memory for the parser", source->name);
        source->faults->count++;
        return false;
    }
    source->document = fy_parse_load_document(parser);
    struct fy_document *second = source->document == NULL ? NULL : fy_parse_load_document(parser);
    bool failed = fy_diag_got_error(diag);
    if (failed) {
        report_syntax(source, diag);
    } else if (second != NULL) {
        cb_config_fault(source, fy_document_root(second), CB_MESSAGE_3013, "a second document starts here");
    } else if (source->document == NULL || !fy_node_is_mapping(fy_document_root(source->document))) {
        cb_config_fault(source, NULL, CB_MESSAGE_3002, "this is not a map of keys and values");
        failed = true;
    }
    bool good = !failed && second == NULL;
    if (second != NULL) {
        fy_parse_document_destroy(parser, second);
    }
    if (source->document != NULL && !good) {
        fy_parse_document_destroy(parser, source->document);
        source->document = NULL;
    }
    fy_parser_destroy(parser);
    return good;
}

bool cb_config_source_open(struct cb_config_source *source, const char *name, const char *text, size_t bytes,
                           struct cb_config_faults *faults)
{
    *source = (struct cb_config_source){.name = name, .bytes = bytes, .faults = faults};
    source->text = malloc(bytes + 1u);
    if (source->text == NULL) {
        cb_message_print(faults->out, CB_MESSAGE_4002, "%s: not enough memory", name);
        faults->count++;
        return false;
    }
    memcpy(source->text, text, bytes);
    source->text[bytes] = 0;
    if (memchr(source->text, 0, bytes) != NULL) {
        cb_config_fault(source, NULL, CB_MESSAGE_3002, "it has a zero byte: this is not text");
        return false;
    }
    struct fy_diag_cfg diag_cfg;
    struct stray_text stray = {{0}};
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.output_fn = keep_stray;
    diag_cfg.user = &stray;
    diag_cfg.colorize = false;
    struct fy_diag *diag = fy_diag_create(&diag_cfg);
    if (diag == NULL) {
        cb_message_print(faults->out, CB_MESSAGE_4002, "%s: not enough memory", name);
        faults->count++;
        return false;
    }
    fy_diag_set_collect_errors(diag, true);
    bool good = parse(source, diag);
    fy_diag_destroy(diag);
    return good;
}

void cb_config_source_close(struct cb_config_source *source)
{
    if (source->document != NULL) {
        fy_document_destroy(source->document);
    }
    free(source->text);
    source->document = NULL;
    source->text = NULL;
}
