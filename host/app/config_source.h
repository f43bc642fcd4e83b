/* One YAML text with its positions: reading, parsing, and reporting a fault at a place. */
#ifndef CB_HOST_APP_CONFIG_SOURCE_H
#define CB_HOST_APP_CONFIG_SOURCE_H

#include "host/app/message.h"

#include <libfyaml.h>
#include <stdbool.h>
#include <stddef.h>

struct cb_config_faults { /* shared by all sources of one load */
    FILE *out;
    unsigned count;
};

struct cb_config_source {
    const char *name; /* for messages */
    char *text;       /* owned */
    size_t bytes;
    struct fy_document *document; /* owned; NULL until parsed */
    struct cb_config_faults *faults;
};

/* Reads a whole file; a fault is reported as `code`.
 * Returns: false after the report. Ownership: *text is the caller's to free. */
bool cb_config_read_file(char **text, size_t *bytes, const char *path, enum cb_message code,
                         struct cb_config_faults *faults);

/* Copies `text` and parses it. Returns: false after reporting why. Call close in both cases. */
bool cb_config_source_open(struct cb_config_source *source, const char *name, const char *text, size_t bytes,
                           struct cb_config_faults *faults);
void cb_config_source_close(struct cb_config_source *source);

/* "CB3007 name:line:column: message", the line, and a caret under the node. A map or list is marked at its
 * first word. node NULL: "CB3004 name: message". */
void cb_config_fault(const struct cb_config_source *source, struct fy_node *node, enum cb_message code,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
