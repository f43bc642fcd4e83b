/* What the box answers: every request once, or the same again. */
#include "sim/market/engine.h"

#define YEARLY_HEARTBEAT_NS                                                                                  \
    (12L * 3600L * CB_NS_PER_S) /* a feed whose prices may be as old is a daily one                          \
                                 */

static uint16_t reason_index(uint16_t reason)
{
    return reason < CB_REJECT_COUNT ? reason : (uint16_t)CB_REJECT_UNKNOWN;
}

/* The request an answer is for, if it is one of ours and agrees with it in account and session. */
static struct cb_market_request *match(struct cb_market *market, uint32_t session, uint64_t id,
                                       uint32_t account, enum cb_request_kind kind)
{
    if (id < market->first_id) {
        market->summary.answers_foreign++; /* of an earlier run against the same box */
        return NULL;
    }
    struct cb_market_request *request = cb_market_request_find(market, id);
    if (request == NULL) {
        if (id - market->first_id < market->asked) {
            market->summary.answers_repeated++; /* so late that the request is forgotten */
        } else {
            cb_market_complain(market, "session %u: an answer to request %llu, which was never asked",
                               session, (unsigned long long)id);
        }
        return NULL;
    }
    if (request->kind != kind || request->account != account || cb_market_owner(market, account) != session) {
        cb_market_complain(market,
                           "session %u: the answer to request %llu is for another kind, account or session",
                           session, (unsigned long long)id);
        return NULL;
    }
    return request;
}

/* Files the hash of an answer. Returns true when it is the first; an equal one counts as a repeat, another
 * one as a contradiction. */
static bool file_answer(struct cb_market *market, struct cb_market_request *request, uint64_t *filed,
                        uint64_t hash, uint64_t *contradicted)
{
    if (*filed == 0) {
        *filed = hash;
        return true;
    }
    if (*filed == hash) {
        market->summary.answers_repeated++;
        return false;
    }
    if (!request->contradicted) {
        request->contradicted = true;
        *contradicted += 1;
    }
    cb_market_complain(market, "request %llu of account %u: two different answers to the same request",
                       (unsigned long long)(market->first_id + request->number), request->account);
    return false;
}

void cb_market_worst(struct cb_market *market, uint32_t account, int64_t free_e6, int64_t as_of_ns)
{
    struct cb_market_summary *summary = &market->summary;
    if (!summary->worst_known || free_e6 < summary->worst_free_e6) {
        summary->worst_known = true;
        summary->worst_account = account;
        summary->worst_free_e6 = free_e6;
        summary->worst_ns = as_of_ns;
    }
}

void cb_market_check_reply(struct cb_market *market, uint32_t session, const uint8_t *message)
{
    struct cb_wire_margin_check_reply reply;
    if (!cb_wire_margin_check_reply_decode(&reply, message)) {
        cb_market_complain(market, "session %u: a margin-check reply with reserved bits set", session);
        return;
    }
    struct cb_market_request *request =
        match(market, session, reply.request_id, reply.account, CB_REQUEST_CHECK);
    uint64_t hash = cb_market_hash(message, CB_WIRE_MARGIN_CHECK_REPLY_BYTES);
    if (request == NULL ||
        !file_answer(market, request, &request->answer, hash, &market->summary.checks_contradicted)) {
        return;
    }
    struct cb_market_period *period = cb_market_period_at(market, reply.as_of_ns);
    market->waiting--;
    market->progress++;
    market->summary.checks_answered++;
    if (reply.reason == CB_REJECT_NONE) {
        market->summary.checks_approved++;
        period->checks_approved++;
        cb_market_worst(market, reply.account, reply.free_e6, reply.as_of_ns);
        cb_market_approved(market, request);
    } else {
        market->summary.checks_refused[reason_index(reply.reason)]++;
        period->checks_refused++;
        cb_market_request_close(market, request);
    }
}

static void withdrawal_first(struct cb_market *market, struct cb_market_request *request,
                             const struct cb_wire_withdrawal_reply *reply)
{
    if (request->state == CB_REQUEST_ASKED) {
        market->waiting--;
    }
    if (reply->status == CB_WITHDRAWAL_STATUS_REFUSED) {
        market->summary.withdrawals_refused[reason_index(reply->reason)]++;
        cb_market_request_close(market, request);
        return;
    }
    market->summary.withdrawals_held++;
    if (request->state == CB_REQUEST_ASKED) {
        request->state = CB_REQUEST_RELEASING;
        request->due_ns = market->now_ns + market->options.answer_ns;
        request->asks = 1;
    }
}

static void withdrawal_final(struct cb_market *market, struct cb_market_request *request,
                             const struct cb_wire_withdrawal_reply *reply)
{
    if (reply->status == CB_WITHDRAWAL_STATUS_DONE) {
        market->summary.withdrawals_done++;
    } else {
        market->summary.withdrawals_failed++;
    }
    if (request->state == CB_REQUEST_ASKED) { /* the reply that it is held was lost */
        market->waiting--;
        market->summary.withdrawals_held++;
    }
    if (request->state != CB_REQUEST_CLOSED) {
        cb_market_request_close(market, request);
    }
}

void cb_market_withdrawal_reply(struct cb_market *market, uint32_t session, const uint8_t *message)
{
    struct cb_wire_withdrawal_reply reply;
    if (!cb_wire_withdrawal_reply_decode(&reply, message) || reply.status >= CB_WITHDRAWAL_STATUS_COUNT) {
        cb_market_complain(market, "session %u: a withdrawal reply with reserved bits or an unknown status",
                           session);
        return;
    }
    struct cb_market_request *request =
        match(market, session, reply.request_id, reply.account, CB_REQUEST_WITHDRAWAL);
    if (request == NULL) {
        return;
    }
    uint64_t hash = cb_market_hash(message, CB_WIRE_WITHDRAWAL_REPLY_BYTES);
    uint64_t *contradicted = &market->summary.withdrawals_contradicted;
    bool is_final = reply.status == CB_WITHDRAWAL_STATUS_DONE || reply.status == CB_WITHDRAWAL_STATUS_FAILED;
    if (is_final) {
        if (!file_answer(market, request, &request->final, hash, contradicted)) {
            return;
        }
        withdrawal_final(market, request, &reply);
    } else {
        bool final_came = request->final != 0;
        if (!file_answer(market, request, &request->answer, hash, contradicted) || final_came) {
            return; /* `held` after `done`: it was overtaken, and is counted already */
        }
        withdrawal_first(market, request, &reply);
    }
    market->progress++;
}

void cb_market_refused(struct cb_market *market, uint32_t session, const uint8_t *message)
{
    struct cb_wire_refused refused;
    if (!cb_wire_refused_decode(&refused, message)) {
        cb_market_complain(market, "session %u: a Refused with reserved bits set", session);
        return;
    }
    if (refused.session_seq <= market->refused_through[session]) {
        return; /* the copy of the other line, or of an earlier datagram */
    }
    market->refused_through[session] = refused.session_seq;
    market->summary.refused[reason_index(refused.reason)]++;
    if (refused.template == CB_WIRE_SETTLEMENT && refused.reason == CB_REJECT_NOT_EXPIRED &&
        session == market->operator_session) {
        cb_market_settle_again(market, refused.session_seq); /* it overtook the heartbeat on a lossy link */
    }
}

static int64_t period_start(const struct cb_market *market, int64_t time_ns)
{
    if (market->summary.periods_are_days) {
        return time_ns - time_ns % CB_NS_PER_DAY;
    }
    char text[24];
    int64_t start_ns = time_ns;
    cb_prices_time_text(text, time_ns);
    text[5] = text[8] = '0'; /* January the first, midnight */
    text[6] = text[9] = '1';
    text[11] = text[12] = text[14] = text[15] = text[17] = text[18] = '0';
    return cb_prices_time(text, 20, &start_ns) ? start_ns : time_ns;
}

void cb_market_period_begin(struct cb_market *market, int64_t time_ns)
{
    struct cb_market_summary *summary = &market->summary;
    if (summary->periods == 0) {
        summary->periods_are_days = market->config->factors[0].heartbeat_ns < YEARLY_HEARTBEAT_NS;
    } else if (time_ns < market->period_end_ns || summary->periods == CB_MARKET_PERIODS_MAX) {
        return;
    }
    int64_t start_ns = period_start(market, time_ns);
    int64_t length_ns = (summary->periods_are_days ? 1 : 366) * CB_NS_PER_DAY;
    /* The longest a period may be; a year of 365 days ends where the start of that day's year says so. */
    int64_t end_ns = period_start(market, start_ns + length_ns);
    summary->period[summary->periods++].start_ns = start_ns;
    market->period_end_ns = end_ns;
}

struct cb_market_period *cb_market_period_at(struct cb_market *market, int64_t time_ns)
{
    struct cb_market_summary *summary = &market->summary;
    uint32_t i = summary->periods == 0 ? 0 : summary->periods - 1;
    while (i > 0 && summary->period[i].start_ns > time_ns) {
        i--;
    }
    return &summary->period[i];
}
