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

static void stopped_json(FILE *out, const struct cb_engine *engine, const char *digest)
{
    const struct cb_core *core = engine->core;
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
            ", \"epoch_rolls\": %" PRIu64 "}\n",
            core->stats.actions, core->stats.resends, core->outbox.live, core->stats.rolls);
}

static void stopped_text(FILE *out, const struct cb_engine *engine, const char *digest)
{
    const struct cb_core *core = engine->core;
    const struct cb_journal_stats *journal = &engine->journal->stats;
    fprintf(out, "stopped: %" PRIu64 " records in this life, last %" PRIu64 ", durable %" PRIu64 "\n",
            engine->stats.records, core->sequence.seq, cb_journal_durable(engine->journal));
    for (unsigned t = 0; t < 256; t++) {
        if (core->stats.messages[t] != 0) {
            fprintf(out, "  %-18s %12" PRIu64 "\n", t == 0 ? "(undecodable)" : cb_wire_name(t),
                    core->stats.messages[t]);
        }
    }
    fprintf(out,
            "  margin checks approved %" PRIu64 ", actions %" PRIu64 " (sent again %" PRIu64
            ", unacknowledged %" PRIu32 "), param epochs %" PRIu64 ", margin evaluations %" PRIu64 "\n",
            core->stats.approved, core->stats.actions, core->stats.resends, core->outbox.live,
            core->stats.rolls, core->stats.evaluations);
    for (unsigned r = 1; r < CB_REJECT_COUNT; r++) {
        if (core->stats.refused[r] != 0) {
            fprintf(out, "  refused %-18s %12" PRIu64 "\n", cb_reject_name(r), core->stats.refused[r]);
        }
    }
    for (uint32_t line = 0; line < engine->config.lines_count; line++) {
        struct cb_ingress_line_stats stats;
        cb_ingress_line_stats(&engine->ingress, line, &stats);
        fprintf(out, "  line %c: %" PRIu64 " frames, %" PRIu64 " datagrams taken", 'A' + (int)line,
                stats.frames, stats.datagrams);
        for (unsigned d = 1; d < CB_INGRESS_DROP_COUNT; d++) {
            if (stats.drops[d] != 0) {
                fprintf(out, ", %s %" PRIu64, cb_ingress_drop_name(d), stats.drops[d]);
            }
        }
        fprintf(out, "\n");
    }
    fprintf(out, "  journal: %" PRIu64 " frames, %" PRIu64 " bytes, %.1f records a frame\n", journal->frames,
            journal->bytes, journal->frames != 0 ? (double)journal->records / (double)journal->frames : 0.0);
    fprintf(out, "state digest %s\n", digest);
}

void cb_report_stopped(FILE *out, enum cb_output format, const struct cb_engine *engine)
{
    char digest[CB_DIGEST_TEXT_BYTES];
    cb_store_digest(engine->core, digest);
    if (format == CB_OUTPUT_JSON) {
        stopped_json(out, engine, digest);
    } else {
        stopped_text(out, engine, digest);
    }
    fflush(out);
}
