/* Fuzzing without libFuzzer: every file of a corpus as it is, then mutations of them, each a pure function of
 * (seed, number), so that a failure is found again by its number alone.
 *
 * Usage: replay_X CORPUS [FILE ...]; with FILEs only those are run. CB_SEED, CB_EFFORT (inputs are 20,000
 * times it), CB_ONLY=number. */
#include "tests/fuzz/harness.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 1024, INPUTS = 100000 };

struct input {
    size_t bytes;
    uint8_t data[FUZZ_BYTES_MAX];
};

static struct input corpus[FILES_MAX];
static size_t corpus_count;
static uint64_t state, seed, current;

/* Sanitizers end the process without a signal; this is how they say so. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void say_where(void)
{
    char text[128];
    int n = snprintf(text, sizeof text, "\nfound again by: CB_SEED=%llu CB_ONLY=%llu\n",
                     (unsigned long long)seed, (unsigned long long)current);
    if (write(STDERR_FILENO, text, (size_t)n) < 0) {
        _exit(1);
    }
}

static void on_signal(int number)
{
    say_where();
    signal(number, SIG_DFL);
    raise(number);
}

static uint64_t draw(uint64_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * UINT64_C(0x2545F4914F6CDD1D) >> 16) % below;
}

static bool load_file(struct input *in, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    in->bytes = fread(in->data, 1, sizeof in->data, file);
    fclose(file);
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of names: the order of a directory is none. */
static void load_corpus(const char *folder)
{
    static char *names[FILES_MAX];
    size_t count = 0;
    DIR *dir = opendir(folder);
    FUZZ_CHECK(dir != NULL);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] != '.' && count < FILES_MAX) {
            names[count] = strdup(e->d_name);
            FUZZ_CHECK(names[count++] != NULL);
        }
    }
    closedir(dir);
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        FUZZ_CHECK(load_file(&corpus[corpus_count++], path));
        free(names[i]);
    }
}

static const uint64_t edges[] = {0,      1,      2,      0x7F,       0x80,       0xFF,
                                 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, UINT64_MAX, UINT64_MAX - 1};

static void mutate_once(struct input *in)
{
    size_t at = in->bytes > 0 ? draw(in->bytes) : 0;
    size_t left = in->bytes - at, n = left > 0 ? 1 + draw(left < 16 ? left : 16) : 0;
    const struct input *other = &corpus[draw(corpus_count)];
    switch (draw(7)) {
    case 0:
        if (left > 0) {
            in->data[at] ^= (uint8_t)(1u << draw(8));
        }
        break;
    case 1:
        if (left > 0) {
            in->data[at] = (uint8_t)draw(256);
        }
        break;
    case 2: { /* an edge, in either byte order */
        uint64_t value = edges[draw(sizeof edges / sizeof edges[0])];
        size_t width = (size_t)1 << draw(4);
        value = draw(2) ? value : __builtin_bswap64(value) >> (64 - 8 * width);
        memcpy(in->data + at, &value, width < left ? width : left);
        break;
    }
    case 3: /* cut */
        in->bytes = at;
        break;
    case 4: /* delete */
        memmove(in->data + at, in->data + at + n, left - n);
        in->bytes -= n;
        break;
    case 5: /* double */
        if (in->bytes + n <= FUZZ_BYTES_MAX) {
            memmove(in->data + at + n, in->data + at, left);
            in->bytes += n;
        }
        break;
    default: { /* go on with another file */
        size_t from = other->bytes > 0 ? draw(other->bytes) : 0, bytes = other->bytes - from;
        bytes = bytes < FUZZ_BYTES_MAX - at ? bytes : FUZZ_BYTES_MAX - at;
        memcpy(in->data + at, other->data + from, bytes);
        in->bytes = at + bytes;
        break;
    }
    }
}

/* On the heap and no byte longer, so that the sanitizer sees any read past the end. */
static void run(const struct input *in)
{
    uint8_t *exact = malloc(in->bytes > 0 ? in->bytes : 1);
    FUZZ_CHECK(exact != NULL);
    memcpy(exact, in->data, in->bytes);
    LLVMFuzzerTestOneInput(exact, in->bytes);
    free(exact);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

int main(int count, char **arguments)
{
    static struct input in;
    if (count < 2) {
        fprintf(stderr, "usage: %s CORPUS [FILE ...]\n", arguments[0]);
        return 2;
    }
    for (int i = 2; i < count; i++) {
        FUZZ_CHECK(load_file(&in, arguments[i]));
        run(&in);
    }
    if (count > 2) {
        return 0;
    }
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(say_where);
    }
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    load_corpus(arguments[1]);
    FUZZ_CHECK(corpus_count > 1);
    seed = number_from("CB_SEED", 1);
    uint64_t only = number_from("CB_ONLY", UINT64_MAX), total = INPUTS * number_from("CB_EFFORT", 1);
    printf("CB_SEED=%llu, %zu files, %llu inputs\n", (unsigned long long)seed, corpus_count,
           (unsigned long long)total);
    for (current = 0; current < corpus_count + total; current++) {
        if (only != UINT64_MAX && current != only) {
            continue;
        }
        state = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15) ^ (current + 1) * UINT64_C(0xD1B54A32D192ED03);
        in = corpus[current < corpus_count ? current : draw(corpus_count)];
        for (uint64_t i = current < corpus_count ? 0 : 1 + draw(8); i > 0; i--) {
            mutate_once(&in);
        }
        run(&in);
    }
    return 0;
}
