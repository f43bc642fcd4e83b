/* What a fuzz harness is: one function over any bytes, and a check that ends the process in every build. */
#ifndef CB_TESTS_FUZZ_HARNESS_H
#define CB_TESTS_FUZZ_HARNESS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_BYTES_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define FUZZ_CHECK(condition)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: (%s) is false\n", __FILE__, __LINE__, #condition);                       \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

#endif
