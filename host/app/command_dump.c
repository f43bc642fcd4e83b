/* clearbox dump DIR: every record of a journal, one a line, with the verdicts it led to. The verdicts are not
 * in the journal: they come from applying it again. */
#include "clearbox/wire_fields.h"
#include "host/app/commands.h"
#include "host/app/report.h"
#include "host/app/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct dump {
    const struct cb_options *options;
    struct cb_store *store;
    bool json, array; /* array: -o json is one array; ndjson one object a line */
    uint64_t shown;   /* how many objects */
    uint64_t seq;     /* of the event being applied */
};

static bool shown(const struct dump *dump)
{
    return dump->seq >= dump->options->from && dump->seq <= dump->options->to;
}

/* What stands before and behind one object or line. */
static void begin_one(struct dump *dump)
{
    if (dump->array) {
        fputs(dump->shown == 0 ? "[\n" : ",\n", dump->options->out);
    }
    dump->shown++;
}

static void end_one(const struct dump *dump)
{
    fputs(!dump->json ? "\n" : dump->array ? "}" : "}\n", dump->options->out);
}

/* Feed time begins with the first heartbeat: before, it is 0. */
static void print_time(FILE *out, int64_t ingest_ns)
{
    time_t seconds = (time_t)(ingest_ns / CB_NS_PER_S);
    struct tm utc;
    char text[32];
    if (ingest_ns == 0 || gmtime_r(&seconds, &utc) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        fputs(" -", out);
    } else {
        fprintf(out, " %s.%09" PRId64 "Z", text, ingest_ns % CB_NS_PER_S);
    }
}

static uint64_t field_value(const struct cb_wire_field *field, const uint8_t *message)
{
    uint64_t value = 0;
    memcpy(&value, message + field->offset, field->bytes);
    return value;
}

static void print_fields(FILE *out, bool json, uint16_t template_id, const uint8_t *message)
{
    for (const struct cb_wire_field *f = cb_wire_fields(template_id); f != NULL && f->name != NULL; f++) {
        uint64_t value = field_value(f, message);
        fprintf(out, json ? ", \"%s\": " : " %s=", f->name);
        if (f->is_reject) {
            fprintf(out, json ? "\"%s\"" : "%s", cb_reject_name((unsigned)value));
        } else if (f->bytes == 8) { /* beyond 2^53 a JSON number may be read wrong: text */
            const char *quote = json ? "\"" : "";
            if (f->is_signed) {
                fprintf(out, "%s%" PRId64 "%s", quote, (int64_t)value, quote);
            } else {
                fprintf(out, "%s%" PRIu64 "%s", quote, value, quote);
            }
        } else {
            fprintf(out, "%" PRIu64, value);
        }
    }
}

static void print_message(const struct dump *dump, const struct cb_event *event)
{
    FILE *out = dump->options->out;
    const struct cb_session_config *session = &dump->store->genesis->config.sessions[event->session];
    uint16_t template_id;
    enum cb_reject reason = cb_wire_open(event->body, event->body_bytes, &template_id);
    int length = cb_report_name_length(session);
    if (dump->json) {
        fprintf(out, ", \"session\": \"%.*s\", \"session_seq\": \"%" PRIu64 "\"", length, session->name,
                event->session_seq);
        fprintf(out, ", \"message\": \"%s\"",
                reason == CB_REJECT_NONE ? cb_wire_name(template_id) : "undecodable");
    } else {
        fprintf(out, " %.*s/%" PRIu64 " %s", length, session->name, event->session_seq,
                reason == CB_REJECT_NONE ? cb_wire_name(template_id) : "(undecodable)");
    }
    if (reason == CB_REJECT_NONE) {
        print_fields(out, dump->json, template_id, event->body);
    }
}

static void before_event(void *context, const struct cb_event *event)
{
    struct dump *dump = context;
    static const char *const kinds[] = {"?", "config", "epoch", "message", "time"};
    FILE *out = dump->options->out;
    const char *kind = kinds[event->kind <= CB_EVENT_TIME ? event->kind : 0];
    dump->seq = event->seq;
    if (!shown(dump)) {
        return;
    }
    begin_one(dump);
    if (dump->json) {
        fprintf(out, "{\"seq\": \"%" PRIu64 "\", \"ingest_ns\": \"%" PRId64 "\", \"kind\": \"%s\"",
                event->seq, event->ingest_ns, kind);
    } else {
        fprintf(out, "%" PRIu64, event->seq);
        print_time(out, event->ingest_ns);
        fprintf(out, " %s", kind);
    }
    if (event->kind == CB_EVENT_MESSAGE) {
        print_message(dump, event);
    } else if (event->kind == CB_EVENT_EPOCH) {
        fprintf(out, dump->json ? ", \"epoch\": \"%" PRIu64 "\"" : " %" PRIu64, event->session_seq);
    } else if (event->kind == CB_EVENT_CONFIG) {
        fprintf(out,
                dump->json ? ", \"offset\": \"%" PRIu64 "\", \"bytes\": %" PRIu32
                           : " offset=%" PRIu64 " bytes=%" PRIu32,
                event->session_seq, event->body_bytes);
    }
    end_one(dump);
}

static void on_verdict(void *self, const struct cb_verdict *v)
{
    struct dump *dump = self;
    const struct cb_margin *m = &v->margin;
    if (!shown(dump)) {
        return;
    }
    const struct {
        const char *name;
        int64_t value;
    } money[] = {{"e_raw_e6", m->e_raw_e6}, {"e_mm_e6", m->e_mm_e6},
                 {"e_im_e6", m->e_im_e6},   {"m_e6", m->m_e6},
                 {"m_o_e6", m->m_o_e6},     {"mm_e6", m->mm_e6},
                 {"im_e6", m->im_e6},       {"holds_e6", m->holds_e6},
                 {"free_e6", m->free_e6},   {"oracle_age_ns", m->oracle_age_ns}};
    begin_one(dump);
    fprintf(dump->options->out,
            dump->json ? "{\"seq\": \"%" PRIu64 "\", \"kind\": \"verdict\", \"account\": %" PRIu32
                         ", \"request_id\": \"%" PRIu64
                         "\", \"reason\": \"%s\", \"state\": \"%s\", \"previous\": \"%s\""
                       : "%" PRIu64 "   verdict account=%" PRIu32 " request_id=%" PRIu64
                         " reason=%s state=%s previous=%s",
            v->seq, v->account, v->request_id, cb_reject_name(v->reason), cb_margin_state_names[v->state],
            cb_margin_state_names[v->previous]);
    for (size_t i = 0; i < sizeof money / sizeof money[0]; i++) {
        fprintf(dump->options->out, dump->json ? ", \"%s\": \"%" PRId64 "\"" : " %s=%" PRId64, money[i].name,
                money[i].value);
    }
    end_one(dump);
}

int cb_command_dump(const struct cb_options *options)
{
    static struct cb_store store;
    static struct dump dump;
    char directory[CB_FILE_PATH_BYTES];
    if (!cb_store_find(directory, options->argument, options->errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    dump = (struct dump){.options = options,
                         .store = &store,
                         .json = options->output != CB_OUTPUT_TEXT,
                         .array = options->output == CB_OUTPUT_JSON};
    const struct cb_core_sink sink = {.self = &dump, .verdict = on_verdict};
    const struct cb_store_load load = {.directory = directory,
                                       .snapshot = options->snapshot,
                                       .to = options->to,
                                       .sink = &sink,
                                       .before = before_event,
                                       .context = &dump};
    enum cb_exit result = cb_store_open(&store, &load, options->errors);
    if (dump.array) {
        fputs(dump.shown == 0 ? "[]\n" : "\n]\n", options->out);
    } else if (result == CB_EXIT_OK && dump.shown == 0) {
        fprintf(options->errors, "no record from %" PRIu64 " on; the last one is %" PRIu64 "\n",
                options->from, store.core.config == NULL ? 0 : store.core.sequence.seq);
    }
    cb_store_close(&store);
    return (int)result;
}
