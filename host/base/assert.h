/* Programmer errors end the process: the journal makes a crash safe, a wrong balance is not. Always on. */
#ifndef CB_HOST_BASE_ASSERT_H
#define CB_HOST_BASE_ASSERT_H

_Noreturn void cb_assert_failed(const char *condition, const char *file, int line);

#define CB_ASSERT(condition)                                                                                 \
    do {                                                                                                     \
        if (__builtin_expect(!(condition), 0)) {                                                             \
            cb_assert_failed(#condition, __FILE__, __LINE__);                                                \
        }                                                                                                    \
    } while (0)

#define CB_MUST_CHECK __attribute__((warn_unused_result))

#endif
