#include "tests/support/no_malloc.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED

bool no_malloc_works(void)
{
    return false;
}

void no_malloc_arm(void)
{
}

void no_malloc_disarm(void)
{
}

uint64_t no_malloc_served(void)
{
    return 0;
}

#else

static volatile bool armed;
static uint64_t served;

/* glibc's own allocator, by its second name. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

static void check(const char *name)
{
    static const char text[] = ": memory was asked for while none may be\n";
    __atomic_add_fetch(&served, 1, __ATOMIC_RELAXED);
    if (armed) {
        armed = false;
        (void)!write(STDERR_FILENO, name, strlen(name));
        (void)!write(STDERR_FILENO, text, sizeof text - 1);
        abort();
    }
}

void *malloc(size_t bytes)
{
    check("malloc");
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    check("calloc");
    return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    check("realloc");
    return __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    check("aligned_alloc");
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    check("posix_memalign");
    *memory = __libc_memalign(alignment, bytes);
    return *memory != NULL ? 0 : ENOMEM;
}

/* Giving memory back while armed is as much a fault: it was taken by somebody after start. */
void free(void *memory)
{
    if (memory != NULL) {
        check("free");
    }
    __libc_free(memory);
}

bool no_malloc_works(void)
{
    return true;
}

void no_malloc_arm(void)
{
    armed = true;
}

void no_malloc_disarm(void)
{
    armed = false;
}

uint64_t no_malloc_served(void)
{
    return served;
}

#endif
