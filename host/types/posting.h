/* A posting: one leg of a double entry. Every ledger operation emits legs whose amounts sum to zero per asset
 * (and, for coins, per chain), the other leg being one of the system accounts below. Amounts are 1e-6 USD for
 * asset 0 and 1e-8 units for every other asset. */
#ifndef CB_HOST_TYPES_POSTING_H
#define CB_HOST_TYPES_POSTING_H

#include <stdint.h>

/* System accounts, above every trader's account id. */
#define CB_SYSTEM_EXTERNAL 0xFFFFFFF0u /* the world outside: deposits come from here, withdrawals go here */
#define CB_SYSTEM_CLEARING 0xFFFFFFF1u /* the venues' side of premium and realised profit */
#define CB_SYSTEM_FEES     0xFFFFFFF2u
#define CB_SYSTEM_TRANSIT  0xFFFFFFF3u /* held for a release that is not confirmed */

enum cb_posting_reason {
    CB_POSTING_DEPOSIT = 1,
    CB_POSTING_PREMIUM = 2,
    CB_POSTING_REALISED = 3,
    CB_POSTING_FEE = 4,
    CB_POSTING_WITHDRAWN = 5,
    CB_POSTING_SETTLED = 6
};

struct cb_posting {
    uint64_t seq; /* the cause */
    uint32_t account;
    uint16_t asset, chain; /* chain CB_NONE_U16 for cash */
    uint32_t reason;
    uint32_t reserved;
    int64_t amount;
};

/* Where an operation puts its legs. Bounded: no operation on one account makes more than CB_POSTINGS_MAX. */
#define CB_POSTINGS_MAX 16u
struct cb_postings {
    uint32_t count;
    struct cb_posting row[CB_POSTINGS_MAX];
};

#endif
