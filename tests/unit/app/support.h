/* A small valid configuration that a test changes in one place, and a run of the program with its output
 * caught. */
#ifndef CB_TESTS_UNIT_APP_SUPPORT_H
#define CB_TESTS_UNIT_APP_SUPPORT_H

#include "host/app/config.h"

#define OUTPUT_BYTES 65536

extern const char valid_text[];

struct loaded {                             /* for static storage: it is large */
    struct cb_configuration *configuration; /* = &storage once loaded */
    struct cb_configuration storage;
    enum cb_exit status;
    char output[OUTPUT_BYTES];
};

/* Loads `text`. */
void load_text(struct loaded *loaded, const char *text, bool development);

/* Loads valid_text with the one occurrence of `from` replaced by `to`. Fails when `from` occurs not once. */
void load_changed(struct loaded *loaded, const char *from, const char *to);

/* load_changed must be refused, with all of `code` ("CB3007"), and `words` in its message. */
void refused(const char *from, const char *to, const char *code, const char *words);

/* load_changed must be taken. */
void taken(struct loaded *loaded, const char *from, const char *to);

struct program_run {
    int status;
    char out[OUTPUT_BYTES], errors[OUTPUT_BYTES];
};

/* Runs `clearbox ARGUMENTS`, separated by single spaces. */
void run_program(struct program_run *run, const char *arguments);

#endif
