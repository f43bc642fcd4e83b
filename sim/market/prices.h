/* A reader of recorded prices: a CSV file with the header `time,factor,price`, RFC 3339 times in UTC (ending
 * in Z), times never going back, decimal prices.
 *
 * Rows of equal time are one step. Prices are exact: a price with more than 8 decimals that are not zeros is
 * an error, for a file of prices must not be rounded in silence. Streaming: one buffer, whatever the size of
 * the file. Total: any bytes give steps or an error of the form "file:line: what, what to do". */
#ifndef CB_SIM_MARKET_PRICES_H
#define CB_SIM_MARKET_PRICES_H

#include "host/types/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CB_PRICES_LINE_BYTES_MAX 256u
#define CB_PRICES_BUFFER_BYTES   65536u
#define CB_PRICES_ERROR_BYTES    2048u /* a path and the names of all factors */

struct cb_price_row {
    uint16_t factor;
    int64_t price_e8; /* > 0 */
};

struct cb_price_step {
    int64_t time_ns;
    uint32_t count; /* each factor at most once */
    struct cb_price_row row[CB_FACTORS_MAX];
};

struct cb_prices {
    const struct cb_config *config;
    const char *path;
    int file; /* -1: closed */
    uint32_t line;
    bool ended, failed, pending;
    int64_t pending_time_ns;
    struct cb_price_row pending_row;
    uint32_t fill, at;
    char text[CB_PRICES_LINE_BYTES_MAX];
    char error[CB_PRICES_ERROR_BYTES];
    char buffer[CB_PRICES_BUFFER_BYTES];
};

/* Opens the file and reads its header. Factors are known by their names in the configuration. Returns false
 * with `error` set. Lifetime: config and path until close. */
bool cb_prices_open(struct cb_prices *prices, const char *path, const struct cb_config *config);

/* Returns 1 with the next step, 0 at the end, -1 with `error` set (and from then on). */
int cb_prices_next(struct cb_prices *prices, struct cb_price_step *step);

void cb_prices_close(struct cb_prices *prices);

/* Parses an RFC 3339 time in UTC, 1970 to 2261, up to 9 decimals of a second. Returns false when it is none.
 */
bool cb_prices_time(const char *text, size_t bytes, int64_t *time_ns);

/* Writes "2018-01-01T00:00:00Z" (whole seconds, rounded down). Requires: 21 bytes, time_ns >= 0. */
void cb_prices_time_text(char *text, int64_t time_ns);

/* Parses a decimal > 0 into 1e-8. Returns NULL, or what is wrong with it. */
const char *cb_prices_decimal(const char *text, size_t bytes, int64_t *e8);

#endif
