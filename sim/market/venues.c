/* The venues: what becomes of an approved order. Decided by a hash of seed and request number, so that the
 * order in which answers arrive changes nothing. */
#include "sim/market/engine.h"

#include "host/base/assert.h"

#define FULL_PERCENT    70u
#define PARTIAL_PERCENT 15u /* a part is traded, then the rest is cancelled */
#define CANCEL_PERCENT  8u  /* cancelled at once; what is left rests */
#define WORK_PER_POLL   1024u
#define FEE_E6          200  /* 0.02 % of the notional, in 1e-6 */
#define IMPROVEMENT     2000 /* a fill is better than its limit by one part in so many */

void cb_market_queue_put(struct cb_market *market, struct cb_market_queue *queue, uint64_t number)
{
    CB_ASSERT(queue->head - queue->tail < market->options.requests);
    queue->number[queue->head++ & (market->options.requests - 1)] = number;
}

static struct cb_market_request *front(struct cb_market *market, const struct cb_market_queue *queue)
{
    uint32_t mask = market->options.requests - 1;
    return queue->tail == queue->head ? NULL : &market->request[queue->number[queue->tail & mask] & mask];
}

static uint64_t fate_of(const struct cb_market *market, uint64_t number)
{
    return cb_market_mix(market->options.seed ^ cb_market_mix(number ^ 0x66617465u));
}

void cb_market_approved(struct cb_market *market, struct cb_market_request *request)
{
    uint64_t percent = fate_of(market, request->number) % 100u;
    if (percent < FULL_PERCENT + PARTIAL_PERCENT) {
        request->state = CB_REQUEST_FILL;
        cb_market_queue_put(market, &market->fills, request->number);
    } else if (percent < FULL_PERCENT + PARTIAL_PERCENT + CANCEL_PERCENT) {
        request->state = CB_REQUEST_CANCEL;
        cb_market_queue_put(market, &market->cancels, request->number);
    } else {
        request->state = CB_REQUEST_RESTING;
        cb_market_queue_put(market, &market->resting, request->number);
    }
}

/* What of the order is traded: all, or 30 to 90 % of it. Never 0. */
static int64_t filled_qty(const struct cb_market *market, const struct cb_market_request *request)
{
    uint64_t fate = fate_of(market, request->number);
    if (fate % 100u < FULL_PERCENT) {
        return request->qty_e8;
    }
    int64_t part = request->qty_e8 / 100 * (int64_t)(30 + fate / 100u % 61u);
    return part == 0 ? request->qty_e8 : part;
}

static struct cb_wire_trade trade_of(const struct cb_market *market, const struct cb_market_request *request,
                                     uint32_t session)
{
    int64_t qty_e8 = filled_qty(market, request), better_e8 = request->limit_e8 / IMPROVEMENT;
    int64_t price_e8 = qty_e8 > 0 ? request->limit_e8 - better_e8 : request->limit_e8 + better_e8;
    cb_market_u128 size = (cb_market_u128)(uint64_t)(qty_e8 > 0 ? qty_e8 : -qty_e8);
    cb_market_u128 notional_e6 = size * (uint64_t)price_e8 / (uint64_t)CB_E10;
    cb_market_u128 fee_e6 = notional_e6 * FEE_E6 / (uint64_t)CB_E6;
    return (struct cb_wire_trade){.trade_id = (uint64_t)session << 48 | market->sender[session].next,
                                  .order_id = market->first_id + request->number,
                                  .account = request->account,
                                  .instrument = request->what,
                                  .venue = request->where,
                                  .qty_e8 = qty_e8,
                                  .price_e8 = price_e8,
                                  .fee_e6 = fee_e6 < (cb_market_u128)CB_E6 * (uint64_t)CB_E6 ? (int64_t)fee_e6
                                                                                             : CB_E6 * CB_E6};
}

uint32_t cb_market_fill(struct cb_market *market)
{
    uint32_t done = 0;
    struct cb_market_request *request;
    while (done < WORK_PER_POLL && (request = front(market, &market->fills)) != NULL) {
        uint8_t message[CB_WIRE_TRADE_BYTES];
        uint64_t number;
        uint32_t session = market->config->venues[request->where].session;
        struct cb_wire_trade trade = trade_of(market, request, session);
        uint32_t bytes = cb_wire_trade_encode(message, &trade);
        if (!cb_market_put(market, session, message, bytes, &number)) {
            break;
        }
        market->fills.tail++;
        market->summary.fills++;
        if (trade.qty_e8 == request->qty_e8) {
            cb_market_request_close(market, request);
        } else {
            market->summary.fills_partial++;
            request->state = CB_REQUEST_CANCEL;
            cb_market_queue_put(market, &market->cancels, request->number);
        }
        done++;
    }
    return done;
}

/* The venue says so by the session of its trades, behind the fill of the same order. */
static bool put_cancel(struct cb_market *market, struct cb_market_request *request)
{
    uint8_t message[CB_WIRE_ORDER_CANCEL_BYTES];
    uint64_t number;
    struct cb_wire_order_cancel cancel = {.order_id = market->first_id + request->number,
                                          .account = request->account};
    uint32_t bytes = cb_wire_order_cancel_encode(message, &cancel);
    if (!cb_market_put(market, market->config->venues[request->where].session, message, bytes, &number)) {
        return false;
    }
    market->summary.cancels++;
    cb_market_request_close(market, request);
    return true;
}

uint32_t cb_market_cancel(struct cb_market *market)
{
    uint32_t done = 0;
    struct cb_market_request *request;
    while (done < WORK_PER_POLL && (request = front(market, &market->cancels)) != NULL &&
           put_cancel(market, request)) {
        market->cancels.tail++;
        done++;
    }
    while (done < WORK_PER_POLL && (request = front(market, &market->resting)) != NULL) {
        bool due = market->phase == CB_PHASE_DRAIN || market->asked - request->number > market->rest_distance;
        if (!due || !put_cancel(market, request)) {
            break;
        }
        market->resting.tail++;
        done++;
    }
    return done;
}
