/* A naive ledger: plain arrays, no lists, no pools, every rule written out once more from the documents. It
 * is what the real one is compared with. */
#ifndef CB_TESTS_LEDGER_REFERENCE_H
#define CB_TESTS_LEDGER_REFERENCE_H

#include "tests/unit/ledger/fixture.h"

enum { REF_ACCOUNTS = 4, REF_ORDER_IDS = 8, REF_HOLDS = 8 };

struct ref_position {
    int64_t qty, cost;
};
struct ref_order {
    int64_t qty, limit; /* qty 0: not open */
    uint16_t instrument, venue;
};
struct ref_hold {
    uint64_t request;
    int64_t qty; /* 0: free */
    uint32_t account;
    uint16_t holding;
};

struct ref {
    struct cb_capacity_config capacity;
    bool open[REF_ACCOUNTS];
    int64_t cash[REF_ACCOUNTS], cash_held[REF_ACCOUNTS];
    struct ref_position positions[REF_ACCOUNTS][INSTRUMENTS][VENUES];
    struct ref_order orders[REF_ACCOUNTS][REF_ORDER_IDS]; /* by id */
    int64_t coins[REF_ACCOUNTS][HOLDINGS], coins_held[REF_ACCOUNTS][HOLDINGS];
    struct ref_hold holds[REF_HOLDS];
    bool settled[INSTRUMENTS];
};

void ref_open(struct ref *ref, const struct cb_capacity_config *capacity);
enum cb_reject ref_deposit(struct ref *ref, uint32_t account, uint16_t holding, int64_t qty);
enum cb_reject ref_hold_open(struct ref *ref, uint32_t *slot, uint64_t request, uint32_t account,
                             uint16_t holding, int64_t qty);
enum cb_reject ref_hold_end(struct ref *ref, uint32_t slot, bool done);
enum cb_reject ref_order_open(struct ref *ref, const struct cb_ledger_order_in *order);
enum cb_reject ref_order_cancel(struct ref *ref, uint32_t account, uint64_t id);
enum cb_reject ref_trade(struct ref *ref, const struct cb_ledger_trade *trade, enum cb_ledger_fill *fill);
enum cb_reject ref_settle(struct ref *ref, const struct cb_config *config, uint16_t instrument,
                          int64_t price);

/* Fails the test unless the ledger's books, exposures and holds are the reference's. */
void ref_compare(const struct ref *ref, const struct cb_ledger *ledger);

#endif
