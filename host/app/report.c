#include "host/app/report.h"

#include "host/app/store.h"
#include "host/engine/config_record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_text(void *self, const void *data, size_t bytes)
{
    struct cb_config_text *text = self;
    CB_ASSERT(text->data != NULL && text->bytes + bytes <= text->room);
    memcpy(text->data + text->bytes, data, bytes);
    text->bytes += bytes;
}

void cb_config_text(struct cb_config_text *text, const struct cb_config *config)
{
    struct cb_writer writer = {.self = text, .put = put_text};
    text->room = CB_CONFIG_RECORD_BYTES_MAX;
    text->bytes = 0;
    text->data = malloc(text->room);
    cb_config_serialize(config, &writer);
}

void cb_report_started(FILE *out, const struct cb_engine *engine, const char *directory, const char *driver)
{
    fprintf(out, "ready: epoch %" PRIu64 ", next record %" PRIu64 ", journal %s (%s)", engine->config.epoch,
            engine->core->sequence.seq + 1, directory, driver);
    for (uint32_t i = 0; i < engine->config.lines_count; i++) {
        fprintf(out, ", line %c %s", 'A' + (int)i, engine->config.lines[i]->name);
    }
    fprintf(out, "\n");
    fflush(out);
}

const char *const cb_margin_state_names[CB_MARGIN_STATES] = {"healthy",   "warning",  "call",
                                                             "liquidate", "bankrupt", "unknown"};

static void count_states(const struct cb_core *core, uint32_t counts[CB_MARGIN_STATES])
{
    memset(counts, 0, CB_MARGIN_STATES * sizeof counts[0]);
    for (uint32_t a = cb_ledger_next_open(&core->ledger, 0); a != CB_LEDGER_NO_ACCOUNT;
         a = cb_ledger_next_open(&core->ledger, a + 1)) {
        counts[cb_ledger_margin_state(&core->ledger, a)]++;
    }
}

static double per_second(uint64_t count, int64_t busy_ns)
{
    return busy_ns > 0 ? (double)count * 1e9 / (double)busy_ns : 0.0;
}

/* Named counters, so that text and JSON show the same ones. */
struct counter {
    const char *name;
    uint64_t value;
};
#define SESSION_COUNTERS 11u
#define EGRESS_COUNTERS  5u

/* What the window of a session made of its messages; [0] is what was delivered. */
static void session_counters(const struct cb_engine *engine, uint32_t session,
                             struct counter out[SESSION_COUNTERS])
{
    struct cb_ingress_session_stats s;
    cb_ingress_session_stats(&engine->ingress, session, &s);
    const struct counter rows[SESSION_COUNTERS] = {{"delivered", s.delivered},
                                                   {"duplicates", s.duplicates},
                                                   {"old", s.old},
                                                   {"skipped", s.skipped},
                                                   {"held", s.held},
                                                   {"ahead", s.ahead},
                                                   {"gaps", s.gaps},
                                                   {"requests", s.requests},
                                                   {"stales", s.stales},
                                                   {"bad_tag", s.bad_tag},
                                                   {"malformed", s.malformed}};
    memcpy(out, rows, sizeof rows);
}

/* What was to leave and did not, or later: it is asked for or sent again. */
static void egress_counters(const struct cb_engine *engine, struct counter out[EGRESS_COUNTERS])
{
    const struct cb_egress_stats *s = &engine->egress.stats;
    const struct counter rows[EGRESS_COUNTERS] = {{"dropped_full", s->dropped_full},
                                                  {"dropped_no_path", s->dropped_no_path},
                                                  {"lost_link", s->lost_link},
                                                  {"nic_full", s->nic_full},
                                                  {"actions_deferred", engine->stats.actions_deferred}};
    memcpy(out, rows, sizeof rows);
}

int cb_report_name_length(const struct cb_session_config *session)
{
    int length = (int)sizeof session->name;
    while (length > 1 && session->name[length - 1] == ' ') {
        length--;
    }
    return length;
}

/* Those that are not 0. Returns whether there was one. */
static bool print_counters(FILE *out, bool json, const struct counter *rows, uint32_t count)
{
    const char *comma = "";
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].value != 0) {
            fprintf(out, json ? "%s\"%s\": %" PRIu64 : "%s %s %" PRIu64, comma, rows[i].name, rows[i].value);
            comma = json ? ", " : ",";
        }
    }
    return comma[0] != 0;
}

static void traffic_json(FILE *out, const struct cb_engine *engine)
{
    struct counter rows[SESSION_COUNTERS], leaving[EGRESS_COUNTERS];
    const struct cb_config *config = engine->core->config;
    fprintf(out, ", \"sessions\": {");
    for (uint32_t s = 0; s < config->sessions_count; s++) {
        session_counters(engine, s, rows);
        fprintf(out, "%s\"%.*s\": {", s == 0 ? "" : ", ", cb_report_name_length(&config->sessions[s]),
                config->sessions[s].name);
        print_counters(out, true, rows, SESSION_COUNTERS);
        fprintf(out, "}");
    }
    fprintf(out, "}, \"egress\": {");
    egress_counters(engine, leaving);
    print_counters(out, true, leaving, EGRESS_COUNTERS);
    fprintf(out, "}");
}

/* A session is named when not all of its messages were simply delivered. */
static void traffic_text(FILE *out, const struct cb_engine *engine)
{
    struct counter rows[SESSION_COUNTERS], leaving[EGRESS_COUNTERS];
    const struct cb_config *config = engine->core->config;
    for (uint32_t s = 0; s < config->sessions_count; s++) {
        session_counters(engine, s, rows);
        uint64_t other = 0;
        for (uint32_t i = 1; i < SESSION_COUNTERS; i++) {
            other |= rows[i].value;
        }
        if (other != 0) {
            fprintf(out, "session %.*s:", cb_report_name_length(&config->sessions[s]),
                    config->sessions[s].name);
            print_counters(out, false, rows, SESSION_COUNTERS);
            fprintf(out, "\n");
        }
    }
    egress_counters(engine, leaving);
    fprintf(out, "egress: %" PRIu64 " datagrams;", engine->egress.stats.datagrams);
    fprintf(out, "%s\n", print_counters(out, false, leaving, EGRESS_COUNTERS) ? "" : " nothing dropped");
}

static void stopped_json(FILE *out, const struct cb_engine *engine, const char *digest, int64_t busy_ns)
{
    const struct cb_core *core = engine->core;
    uint32_t states[CB_MARGIN_STATES];
    fprintf(out,
            "{\"records\": %" PRIu64 ", \"last_seq\": %" PRIu64 ", \"durable_seq\": %" PRIu64
            ", \"epoch\": %" PRIu64 ", \"state_digest\": \"%s\", \"messages\": {",
            engine->stats.records, core->sequence.seq, cb_journal_durable(engine->journal),
            engine->config.epoch, digest);
    const char *comma = "";
    for (unsigned t = 0; t < 256; t++) {
        if (core->stats.messages[t] != 0) {
            fprintf(out, "%s\"%s\": %" PRIu64, comma, t == 0 ? "undecodable" : cb_wire_name(t),
                    core->stats.messages[t]);
            comma = ", ";
        }
    }
    fprintf(out, "}, \"refused\": {");
    comma = "";
    for (unsigned r = 1; r < CB_REJECT_COUNT; r++) {
        if (core->stats.refused[r] != 0) {
            fprintf(out, "%s\"%s\": %" PRIu64, comma, cb_reject_name(r), core->stats.refused[r]);
            comma = ", ";
        }
    }
    fprintf(out, "}, \"drops\": {");
    comma = "";
    for (uint32_t line = 0; line < engine->config.lines_count; line++) {
        struct cb_ingress_line_stats stats;
        cb_ingress_line_stats(&engine->ingress, line, &stats);
        for (unsigned d = 1; d < CB_INGRESS_DROP_COUNT; d++) {
            if (stats.drops[d] != 0) {
                fprintf(out, "%s\"%c %s\": %" PRIu64, comma, 'A' + (int)line, cb_ingress_drop_name(d),
                        stats.drops[d]);
                comma = ", ";
            }
        }
    }
    fprintf(out,
            "}, \"actions\": %" PRIu64 ", \"resends\": %" PRIu64 ", \"unacknowledged\": %" PRIu32
            ", \"param_epochs\": %" PRIu64 ", \"margin_evaluations\": %" PRIu64 ", \"busy_seconds\": %.6f",
            core->stats.actions, core->stats.resends, core->outbox.live, core->stats.rolls,
            core->stats.evaluations, (double)busy_ns * 1e-9);
    count_states(core, states);
    fprintf(out, ", \"accounts\": {");
    for (unsigned i = 0; i < CB_MARGIN_STATES; i++) {
        fprintf(out, "%s\"%s\": %" PRIu32, i == 0 ? "" : ", ", cb_margin_state_names[i], states[i]);
    }
    fprintf(out, "}");
    traffic_json(out, engine);
    fprintf(out, "}\n");
}

static void messages_text(FILE *out, const struct cb_core *core)
{
    for (unsigned t = 0; t < 256; t++) {
        if (core->stats.messages[t] != 0) {
            fprintf(out, "  %-18s %12" PRIu64 "\n", t == 0 ? "(undecodable)" : cb_wire_name(t),
                    core->stats.messages[t]);
        }
    }
    fprintf(out, "margin checks approved %" PRIu64 "; refused messages of all kinds, by reason:",
            core->stats.approved);
    const char *comma = "";
    for (unsigned r = 1; r < CB_REJECT_COUNT; r++) {
        if (core->stats.refused[r] != 0) {
            fprintf(out, "%s %s %" PRIu64, comma, cb_reject_name(r), core->stats.refused[r]);
            comma = ",";
        }
    }
    fprintf(out, "%s\n", comma[0] == 0 ? " none" : "");
    fprintf(out,
            "actions %" PRIu64 " (sent again %" PRIu64 " times, not acknowledged yet %" PRIu32
            "); param epochs %" PRIu64 ", margin evaluations %" PRIu64 "\n",
            core->stats.actions, core->stats.resends, core->outbox.live, core->stats.rolls,
            core->stats.evaluations);
}

static void accounts_text(FILE *out, const struct cb_core *core)
{
    uint32_t states[CB_MARGIN_STATES];
    struct cb_ledger_usage usage = cb_ledger_usage(&core->ledger);
    count_states(core, states);
    fprintf(out, "accounts %" PRIu32 ":", usage.accounts);
    for (unsigned i = 0; i < CB_MARGIN_STATES; i++) {
        if (states[i] != 0) {
            fprintf(out, " %s %" PRIu32, cb_margin_state_names[i], states[i]);
        }
    }
    fprintf(out,
            "; positions %" PRIu32 ", open orders %" PRIu32 ", balances %" PRIu32
            ", withdrawals pending %" PRIu32 "\n",
            usage.positions, usage.orders, usage.balances, usage.holds);
}

static void stopped_text(FILE *out, const struct cb_engine *engine, const char *digest, int64_t busy_ns)
{
    const struct cb_core *core = engine->core;
    const struct cb_journal_stats *journal = &engine->journal->stats;
    uint64_t durable = cb_journal_durable(engine->journal);
    fprintf(out, "stopped after record %" PRIu64 ", ", core->sequence.seq);
    if (durable == core->sequence.seq) {
        fprintf(out, "all durable");
    } else {
        fprintf(out, "durable through %" PRIu64, durable);
    }
    fprintf(out, "; %" PRIu64 " records in this life, %.2f s between the first and the last: %.0f a second\n",
            engine->stats.records, (double)busy_ns * 1e-9, per_second(engine->stats.records, busy_ns));
    messages_text(out, core);
    accounts_text(out, core);
    for (uint32_t line = 0; line < engine->config.lines_count; line++) {
        struct cb_ingress_line_stats stats;
        cb_ingress_line_stats(&engine->ingress, line, &stats);
        fprintf(out, "line %c: %" PRIu64 " frames, %" PRIu64 " datagrams taken", 'A' + (int)line,
                stats.frames, stats.datagrams);
        for (unsigned d = 1; d < CB_INGRESS_DROP_COUNT; d++) {
            if (stats.drops[d] != 0) {
                fprintf(out, ", %s %" PRIu64, cb_ingress_drop_name(d), stats.drops[d]);
            }
        }
        fprintf(out, "\n");
    }
    traffic_text(out, engine);
    fprintf(out, "journal: %" PRIu64 " commits, %.1f MiB, %.1f records a commit on average\n",
            journal->frames, (double)journal->bytes / (double)(1u << 20),
            journal->frames != 0 ? (double)journal->records / (double)journal->frames : 0.0);
    fprintf(out, "state digest %s\n", digest);
}

void cb_report_stopped(FILE *out, enum cb_output format, const struct cb_engine *engine, int64_t busy_ns)
{
    char digest[CB_DIGEST_TEXT_BYTES];
    cb_store_digest(engine->core, digest);
    if (format == CB_OUTPUT_TEXT) {
        stopped_text(out, engine, digest, busy_ns);
    } else {
        stopped_json(out, engine, digest, busy_ns);
    }
    fflush(out);
}
