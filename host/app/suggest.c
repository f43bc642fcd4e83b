#include "host/app/suggest.h"

#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Three rows of the usual table: swaps look two rows back. */
unsigned cb_suggest_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length >= CB_SUGGEST_WORD_BYTES_MAX || b_length >= CB_SUGGEST_WORD_BYTES_MAX) {
        return CB_SUGGEST_WORD_BYTES_MAX;
    }
    unsigned rows[3][CB_SUGGEST_WORD_BYTES_MAX];
    for (unsigned j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (unsigned i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3u], *above = rows[(i + 2u) % 3u], *two_above = rows[(i + 1u) % 3u];
        row[0] = i;
        for (unsigned j = 1; j <= b_length; j++) {
            unsigned cost = a[i - 1u] == b[j - 1u] ? 0u : 1u;
            row[j] = least(above[j - 1u] + cost, least(above[j], row[j - 1u]) + 1u);
            if (i > 1 && j > 1 && a[i - 1u] == b[j - 2u] && a[i - 2u] == b[j - 1u]) {
                row[j] = least(row[j], two_above[j - 2u] + 1u);
            }
        }
    }
    return rows[a_length % 3u][b_length];
}

void cb_suggest_offer(struct cb_suggest *suggest, const char *candidate)
{
    unsigned distance = cb_suggest_distance(suggest->word, candidate);
    if (suggest->best == NULL || distance < suggest->best_distance) {
        suggest->best = candidate;
        suggest->best_distance = distance;
    }
}

const char *cb_suggest_result(const struct cb_suggest *suggest)
{
    size_t allowed = strlen(suggest->word) / 3u;
    if (suggest->best == NULL || suggest->best_distance > (allowed > 1u ? allowed : 1u)) {
        return NULL;
    }
    return suggest->best;
}
