#include "sim/market/prices.h"

#include "host/base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER "time,factor,price"

static bool fail(struct cb_prices *prices, const char *what)
{
    snprintf(prices->error, sizeof prices->error, "%s:%u: %s", prices->path, prices->line, what);
    prices->failed = true;
    return false;
}

/* Reads one line without its end into text. Returns false at the end of the file and after an error. */
static bool read_line(struct cb_prices *prices)
{
    uint32_t length = 0;
    bool any = false;
    prices->line++;
    for (;;) {
        if (prices->at == prices->fill) {
            ssize_t got;
            do {
                got = read(prices->file, prices->buffer, sizeof prices->buffer);
            } while (got < 0 && errno == EINTR);
            if (got < 0) {
                char what[128];
                snprintf(what, sizeof what, "cannot be read (%s), check the disk it is on", strerror(errno));
                return fail(prices, what);
            }
            prices->at = 0;
            prices->fill = (uint32_t)got;
            if (got == 0) {
                break;
            }
        }
        char c = prices->buffer[prices->at++];
        any = true;
        if (c == '\n') {
            break;
        }
        if (c == '\0') {
            return fail(prices, "a zero byte, this is no text file: give a CSV file");
        }
        if (length == CB_PRICES_LINE_BYTES_MAX - 1) {
            return fail(prices, "the line is longer than 255 bytes, expected `time,factor,price`");
        }
        prices->text[length++] = c;
    }
    if (length > 0 && prices->text[length - 1] == '\r') {
        length--;
    }
    prices->text[length] = '\0';
    return any;
}

bool cb_prices_open(struct cb_prices *prices, const char *path, const struct cb_config *config)
{
    memset(prices, 0, sizeof *prices);
    prices->config = config;
    prices->path = path;
    prices->file = open(path, O_RDONLY | O_CLOEXEC);
    if (prices->file < 0) {
        snprintf(prices->error, sizeof prices->error, "%s: cannot be opened (%s), check the path", path,
                 strerror(errno));
        prices->failed = true;
        return false;
    }
    if (!read_line(prices)) {
        return prices->failed ? false : fail(prices, "the file is empty, expected the header `" HEADER "`");
    }
    if (strcmp(prices->text, HEADER) != 0) {
        return fail(prices, "this is not the header, make the first line `" HEADER "`");
    }
    return true;
}

void cb_prices_close(struct cb_prices *prices)
{
    if (prices->file >= 0) {
        close(prices->file);
        prices->file = -1;
    }
}

static bool unknown_factor(struct cb_prices *prices, const char *name)
{
    const struct cb_config *config = prices->config;
    char what[128 + (CB_NAME_BYTES + 2) * CB_FACTORS_MAX];
    int used = snprintf(what, sizeof what, "factor '%.24s' is not in the configuration, which has", name);
    for (uint32_t i = 0; i < config->factors_count && used > 0 && (size_t)used < sizeof what; i++) {
        used += snprintf(what + used, sizeof what - (size_t)used, "%s %.*s", i == 0 ? "" : ",",
                         (int)CB_NAME_BYTES, config->factors[i].name);
    }
    if (used > 0 && (size_t)used < sizeof what) {
        snprintf(what + used, sizeof what - (size_t)used, ": add it there or remove the row");
    }
    return fail(prices, what);
}

static bool find_factor(const struct cb_config *config, const char *name, size_t bytes, uint16_t *factor)
{
    for (uint32_t i = 0; i < config->factors_count; i++) {
        const char *known = config->factors[i].name;
        if (bytes < CB_NAME_BYTES && strncmp(known, name, bytes) == 0 && known[bytes] == '\0') {
            *factor = (uint16_t)i;
            return true;
        }
    }
    return false;
}

/* Reads the next row into pending. Returns false at the end and after an error. Empty lines are no rows. */
static bool read_row(struct cb_prices *prices)
{
    do {
        if (!read_line(prices)) {
            prices->ended = true;
            return false;
        }
    } while (prices->text[0] == '\0');
    char *first = strchr(prices->text, ','), *second = first == NULL ? NULL : strchr(first + 1, ',');
    if (second == NULL || strchr(second + 1, ',') != NULL) {
        return fail(prices, "not three fields, expected `time,factor,price`");
    }
    int64_t time_ns;
    if (!cb_prices_time(prices->text, (size_t)(first - prices->text), &time_ns)) {
        return fail(prices, "the time is not RFC 3339 in UTC, write it like 2023-03-08T00:01:00Z");
    }
    size_t name_bytes = (size_t)(second - first) - 1;
    if (!find_factor(prices->config, first + 1, name_bytes, &prices->pending_row.factor)) {
        *second = '\0';
        return unknown_factor(prices, first + 1);
    }
    const char *wrong = cb_prices_decimal(second + 1, strlen(second + 1), &prices->pending_row.price_e8);
    if (wrong != NULL) {
        return fail(prices, wrong);
    }
    prices->pending = true;
    prices->pending_time_ns = time_ns;
    return true;
}

int cb_prices_next(struct cb_prices *prices, struct cb_price_step *step)
{
    if (prices->failed) {
        return -1;
    }
    if (!prices->pending && (prices->ended || !read_row(prices))) {
        return prices->failed ? -1 : 0;
    }
    step->time_ns = prices->pending_time_ns;
    step->count = 0;
    do {
        for (uint32_t i = 0; i < step->count; i++) {
            if (step->row[i].factor == prices->pending_row.factor) {
                fail(prices, "this factor has a price at this time already, remove one of the rows");
                return -1;
            }
        }
        CB_ASSERT(step->count < CB_FACTORS_MAX); /* distinct factors, of which there are no more */
        step->row[step->count++] = prices->pending_row;
        prices->pending = false;
        if (!read_row(prices)) {
            return prices->failed ? -1 : 1;
        }
    } while (prices->pending_time_ns == step->time_ns);
    if (prices->pending_time_ns < step->time_ns) {
        fail(prices, "the time is before that of the row above, sort the file by time");
        return -1;
    }
    return 1;
}
