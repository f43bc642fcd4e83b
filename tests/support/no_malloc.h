/* An allocator that ends the process when it is asked for memory while armed.
 *
 * Linking no_malloc.c into a test replaces malloc and its kin in the whole process, the shared libraries
 * included. Between arm and disarm use no cr_assert: Criterion allocates for each, passed or failed. Not
 * under a sanitizer, which has an allocator of its own: then no_malloc_works is false, and a test says that
 * it is skipped. */
#ifndef CB_TESTS_SUPPORT_NO_MALLOC_H
#define CB_TESTS_SUPPORT_NO_MALLOC_H

#include <stdbool.h>
#include <stdint.h>

bool no_malloc_works(void);
void no_malloc_arm(void);
void no_malloc_disarm(void);

/* Requests served since the process began: more than none, or the replacement is not in use. */
uint64_t no_malloc_served(void);

#endif
