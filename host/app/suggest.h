/* "Did you mean": the nearest of some known words, for commands, options and keys. */
#ifndef CB_HOST_APP_SUGGEST_H
#define CB_HOST_APP_SUGGEST_H

#include <stddef.h>

#define CB_SUGGEST_WORD_BYTES_MAX 64u

/* Edits (insert, delete, replace, swap of two neighbours) between two words; CB_SUGGEST_WORD_BYTES_MAX when
 * one is that long or longer. */
unsigned cb_suggest_distance(const char *a, const char *b);

/* Keeps the best candidate seen so far. Start from {.word = the misspelt word}. */
struct cb_suggest {
    const char *word, *best;
    unsigned best_distance;
};

void cb_suggest_offer(struct cb_suggest *suggest, const char *candidate);

/* Returns: the nearest candidate if it is near enough to be meant (at most 1 edit in 3 characters, at least
 * 1), else NULL. Ties go to the first offered. */
const char *cb_suggest_result(const struct cb_suggest *suggest);

#endif
