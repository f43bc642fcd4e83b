#include "sim/market/summary.h"

#include "sim/market/prices.h"

#include <inttypes.h>

const char *cb_market_result_name(enum cb_market_result result)
{
    static const char *const names[] = {"running", "ok", "mismatch", "incomplete", "bad input"};
    return (unsigned)result < sizeof names / sizeof names[0] ? names[result] : "?";
}

int cb_market_result_exit(enum cb_market_result result)
{
    return result == CB_MARKET_OK ? 0 : result == CB_MARKET_INPUT ? 2 : 1;
}

/* A fixed-point number as decimal text; exact, also for the least value. */
static const char *decimal(char text[40], int64_t value, uint64_t unit, int digits)
{
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    snprintf(text, 40, "%s%" PRIu64 ".%0*" PRIu64, value < 0 ? "-" : "", size / unit, digits, size % unit);
    return text;
}

static const char *price(char text[40], int64_t e8)
{
    return decimal(text, e8, 100000000u, 8);
}

static const char *money(char text[40], int64_t e6)
{
    return decimal(text, e6, 1000000u, 6);
}

static void period_label(char label[24], const struct cb_market_summary *summary, uint32_t i)
{
    cb_prices_time_text(label, summary->period[i].start_ns);
    label[summary->periods_are_days ? 10 : 4] = '\0';
}

static void text_templates(const char *title, const uint64_t counts[CB_MARKET_TEMPLATES], FILE *out)
{
    fprintf(out, "%s", title);
    for (unsigned i = 0; i < CB_MARKET_TEMPLATES; i++) {
        if (counts[i] != 0) {
            fprintf(out, "  %s %" PRIu64, cb_wire_name(i), counts[i]);
        }
    }
    fputc('\n', out);
}

static void text_reasons(const char *title, const uint64_t counts[CB_REJECT_COUNT], FILE *out)
{
    bool any = false;
    for (unsigned i = 0; i < CB_REJECT_COUNT; i++) {
        if (counts[i] != 0) {
            fprintf(out, "%s  %s %" PRIu64, any ? "" : title, cb_reject_name(i), counts[i]);
            any = true;
        }
    }
    if (any) {
        fputc('\n', out);
    }
}

static void text_periods(const struct cb_market_summary *s, FILE *out)
{
    char label[24], low[40], high[40];
    fprintf(out, "%-10s %20s %20s %9s %9s %7s %9s %8s\n", s->periods_are_days ? "day" : "year", "low", "high",
            "approved", "refused", "call", "liquidate", "bankrupt");
    for (uint32_t i = 0; i < s->periods; i++) {
        const struct cb_market_period *p = &s->period[i];
        period_label(label, s, i);
        fprintf(out, "%-10s %20s %20s %9" PRIu64 " %9" PRIu64 " %7" PRIu64 " %9" PRIu64 " %8" PRIu64 "\n",
                label, price(low, p->low_e8), price(high, p->high_e8), p->checks_approved, p->checks_refused,
                p->entered_call, p->entered_liquidate, p->entered_bankrupt);
    }
    if (s->periods > 0) {
        fprintf(out, "(low and high of %.*s; call, liquidate, bankrupt: accounts that entered the state)\n",
                (int)CB_NAME_BYTES, s->factor);
    }
}

static void text_link(const struct cb_market_summary *s, FILE *out)
{
    fprintf(out,
            "wire       frames sent %" PRIu64 " received %" PRIu64 "  datagrams %" PRIu64
            "  heartbeats %" PRIu64 "\n           asked for again %" PRIu64 " sent again %" PRIu64
            "  stalls %" PRIu64 "  dropped %" PRIu64 "  restarts of the box %" PRIu64 "\n",
            s->frames_sent, s->frames_received, s->datagrams_sent, s->heartbeats, s->retransmission_requests,
            s->retransmitted, s->stalls, s->dropped, s->restarts);
    fprintf(out,
            "           from the box: gaps %" PRIu64 " (messages %" PRIu64 ")  late %" PRIu64
            "  forged %" PRIu64 "  malformed %" PRIu64 "  fenced %" PRIu64 "\n",
            s->gaps, s->missing, s->late, s->forged, s->malformed, s->fenced);
}

void cb_market_summary_text(const struct cb_market_summary *s, FILE *out)
{
    char first[24], last[24], worst[40];
    cb_prices_time_text(first, s->first_ns);
    cb_prices_time_text(last, s->last_ns);
    fprintf(out, "result     %s  (seed %" PRIu64 ", steps %" PRIu64 ", accounts %" PRIu64 ")\n",
            cb_market_result_name(s->result), s->seed, s->steps, s->accounts);
    if (s->error[0] != '\0') {
        fprintf(out, "error      %s\n", s->error);
    }
    for (uint32_t i = 0; i < s->complaints && i < CB_MARKET_COMPLAINTS_MAX; i++) {
        fprintf(out, "complaint  %s\n", s->complaint[i]);
    }
    fprintf(out, "feed       %s to %s\n", first, last);
    text_templates("sent     ", s->sent, out);
    text_templates("received ", s->received, out);
    fprintf(out,
            "checks     asked %" PRIu64 "  approved %" PRIu64 "  answered once %" PRIu64
            "  unanswered %" PRIu64 "  contradicted %" PRIu64 "\n",
            s->checks_asked, s->checks_approved, s->checks_answered - s->checks_contradicted,
            s->checks_unanswered, s->checks_contradicted);
    text_reasons("  refused:", s->checks_refused, out);
    fprintf(out,
            "withdrawal asked %" PRIu64 "  held %" PRIu64 "  done %" PRIu64 "  failed %" PRIu64
            "  unanswered %" PRIu64 "  not final %" PRIu64 "  contradicted %" PRIu64 "\n",
            s->withdrawals_asked, s->withdrawals_held, s->withdrawals_done, s->withdrawals_failed,
            s->withdrawals_unanswered, s->withdrawals_not_final, s->withdrawals_contradicted);
    text_reasons("  refused:", s->withdrawals_refused, out);
    fprintf(out,
            "actions    releases %" PRIu64 " (done %" PRIu64 ", failed %" PRIu64 ")  margin states %" PRIu64
            "  repeated %" PRIu64 "  contradicted %" PRIu64 "  fenced %" PRIu64 "\n",
            s->releases, s->releases_done, s->releases_failed, s->margin_states, s->actions_repeated,
            s->actions_contradicted, s->actions_fenced);
    fprintf(out,
            "market     fills %" PRIu64 " (partial %" PRIu64 ")  cancels %" PRIu64 "  settlements %" PRIu64
            "  asked again %" PRIu64 "  answers repeated %" PRIu64 "\n",
            s->fills, s->fills_partial, s->cancels, s->settlements, s->asked_again, s->answers_repeated);
    text_reasons("refusals:", s->refused, out);
    text_link(s, out);
    if (s->worst_known) {
        cb_prices_time_text(first, s->worst_ns < 0 ? 0 : s->worst_ns);
        fprintf(out, "worst      account %u, free %s USD at %s\n", s->worst_account,
                money(worst, s->worst_free_e6), first);
    }
    text_periods(s, out);
}

static void json_string(const char *name, const char *value, FILE *out)
{
    fprintf(out, "\"%s\":\"", name);
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", c);
        } else if (c < 0x20 || c > 0x7E) {
            fprintf(out, "\\u%04x", c); /* a byte of a file name, shown as Latin-1 */
        } else {
            fputc(c, out);
        }
    }
    fputc('"', out);
}

static void json_counts(const char *name, const uint64_t *counts, unsigned count,
                        const char *(*label)(unsigned), FILE *out)
{
    const char *comma = "";
    fprintf(out, ",\"%s\":{", name);
    for (unsigned i = 0; i < count; i++) {
        if (counts[i] != 0) {
            fprintf(out, "%s\"%s\":%" PRIu64, comma, label(i), counts[i]);
            comma = ",";
        }
    }
    fputc('}', out);
}

static void json_numbers(const struct cb_market_summary *s, FILE *out)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"seed", s->seed},
                {"steps", s->steps},
                {"accounts", s->accounts},
                {"checks_asked", s->checks_asked},
                {"checks_approved", s->checks_approved},
                {"checks_answered", s->checks_answered},
                {"checks_unanswered", s->checks_unanswered},
                {"checks_contradicted", s->checks_contradicted},
                {"withdrawals_asked", s->withdrawals_asked},
                {"withdrawals_held", s->withdrawals_held},
                {"withdrawals_done", s->withdrawals_done},
                {"withdrawals_failed", s->withdrawals_failed},
                {"withdrawals_unanswered", s->withdrawals_unanswered},
                {"withdrawals_not_final", s->withdrawals_not_final},
                {"withdrawals_contradicted", s->withdrawals_contradicted},
                {"asked_again", s->asked_again},
                {"answers_repeated", s->answers_repeated},
                {"answers_foreign", s->answers_foreign},
                {"releases", s->releases},
                {"releases_done", s->releases_done},
                {"releases_failed", s->releases_failed},
                {"margin_states", s->margin_states},
                {"actions_repeated", s->actions_repeated},
                {"actions_contradicted", s->actions_contradicted},
                {"actions_fenced", s->actions_fenced},
                {"fills", s->fills},
                {"fills_partial", s->fills_partial},
                {"cancels", s->cancels},
                {"settlements", s->settlements},
                {"datagrams_sent", s->datagrams_sent},
                {"heartbeats", s->heartbeats},
                {"frames_sent", s->frames_sent},
                {"frames_received", s->frames_received},
                {"retransmission_requests", s->retransmission_requests},
                {"retransmitted", s->retransmitted},
                {"restarts", s->restarts},
                {"stalls", s->stalls},
                {"dropped", s->dropped},
                {"gaps", s->gaps},
                {"missing", s->missing},
                {"late", s->late},
                {"forged", s->forged},
                {"malformed", s->malformed},
                {"fenced", s->fenced},
                {"promises_broken", s->promises_broken},
                {"sequence_taken", s->sequence_taken},
                {"complaints_count", s->complaints}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fprintf(out, ",\"%s\":%" PRIu64, rows[i].name, rows[i].value);
    }
}

static void json_periods(const struct cb_market_summary *s, FILE *out)
{
    char label[24], low[40], high[40];
    fputs(",\"periods\":[", out);
    for (uint32_t i = 0; i < s->periods; i++) {
        const struct cb_market_period *p = &s->period[i];
        period_label(label, s, i);
        fprintf(out,
                "%s{\"period\":\"%s\",\"low\":\"%s\",\"high\":\"%s\",\"steps\":%" PRIu64
                ",\"approved\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"call\":%" PRIu64
                ",\"liquidate\":%" PRIu64 ",\"bankrupt\":%" PRIu64 "}",
                i == 0 ? "" : ",", label, price(low, p->low_e8), price(high, p->high_e8), p->steps,
                p->checks_approved, p->checks_refused, p->entered_call, p->entered_liquidate,
                p->entered_bankrupt);
    }
    fputc(']', out);
}

void cb_market_summary_json(const struct cb_market_summary *s, FILE *out)
{
    char text[40];
    fputc('{', out);
    json_string("result", cb_market_result_name(s->result), out);
    json_numbers(s, out);
    cb_prices_time_text(text, s->first_ns);
    fputc(',', out);
    json_string("first_time", text, out);
    cb_prices_time_text(text, s->last_ns);
    fputc(',', out);
    json_string("last_time", text, out);
    json_counts("sent", s->sent, CB_MARKET_TEMPLATES, cb_wire_name, out);
    json_counts("received", s->received, CB_MARKET_TEMPLATES, cb_wire_name, out);
    json_counts("checks_refused", s->checks_refused, CB_REJECT_COUNT, cb_reject_name, out);
    json_counts("withdrawals_refused", s->withdrawals_refused, CB_REJECT_COUNT, cb_reject_name, out);
    json_counts("refused", s->refused, CB_REJECT_COUNT, cb_reject_name, out);
    if (s->worst_known) {
        fprintf(out, ",\"worst\":{\"account\":%u,\"free\":\"%s\"}", s->worst_account,
                money(text, s->worst_free_e6));
    }
    fputc(',', out);
    json_string("factor", s->factor, out);
    json_periods(s, out);
    fputs(",\"complaints\":[", out);
    for (uint32_t i = 0; i < s->complaints && i < CB_MARKET_COMPLAINTS_MAX; i++) {
        fputs(i == 0 ? "{" : ",{", out);
        json_string("what", s->complaint[i], out);
        fputc('}', out);
    }
    fputs("],", out);
    json_string("error", s->error, out);
    fputs("}\n", out);
}
