/* What `clearbox run` prints when it starts and when it stops. */
#ifndef CB_HOST_APP_REPORT_H
#define CB_HOST_APP_REPORT_H

#include "host/app/options.h"
#include "host/engine/engine.h"

#include <stdio.h>

/* The canonical bytes of a configuration, allocated: the caller frees data. */
struct cb_config_text {
    uint8_t *data;
    size_t bytes, room;
};
void cb_config_text(struct cb_config_text *text, const struct cb_config *config);

/* One line, flushed: scripts wait for its first word, "ready". */
void cb_report_started(FILE *out, const struct cb_engine *engine, const char *directory, const char *driver);

/* Messages and verdicts by kind, drops by reason, the accounts, the journal, and the digest that a replay
 * must give. busy_ns: between the first and the last record that came in. */
void cb_report_stopped(FILE *out, enum cb_output format, const struct cb_engine *engine, int64_t busy_ns);

/* "healthy", "warning", ... of enum cb_margin_state. */
#define CB_MARGIN_STATES 6u
extern const char *const cb_margin_state_names[CB_MARGIN_STATES];

/* The length of a session's name without the spaces behind it: for "%.*s". */
int cb_report_name_length(const struct cb_session_config *session);

#endif
