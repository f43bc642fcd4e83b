#include "drivers/dpdk/gate.h"
#include "drivers/dpdk/internal.h"

#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ARGUMENTS_MAX (CB_DPDK_EAL_EXTRA_MAX + 16u)
#define LCORES_BYTES  4096u
#define MEMORY_MB     64u

static enum { NOT_STARTED, STARTED, SPENT } stage;

struct arguments {
    int count;
    char *words[ARGUMENTS_MAX + 1];
};

static void add(struct arguments *arguments, const char *word)
{
    CB_ASSERT((unsigned)arguments->count < ARGUMENTS_MAX);
    char *copy = strdup(word); /* EAL writes into its arguments */
    CB_ASSERT(copy != NULL);
    arguments->words[arguments->count++] = copy;
}

/* "--lcores=0@(cpus)": one logical core on the processors this thread may use anyway, so that it stays free
 * to move; EAL would pin it to processor 0 by default. */
static void write_lcores(char *text, size_t bytes, const cpu_set_t *allowed)
{
    size_t used = (size_t)snprintf(text, bytes, "--lcores=0@(");
    const char *comma = "";
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET((size_t)cpu, allowed) && used + 8 < bytes) {
            used += (size_t)snprintf(text + used, bytes - used, "%s%d", comma, cpu);
            comma = ",";
        }
    }
    snprintf(text + used, bytes - used, ")");
}

static bool chooses_cores(const struct cb_dpdk_options *options)
{
    for (uint32_t i = 0; i < options->eal_extra_count; i++) {
        const char *word = options->eal_extra[i];
        if (strncmp(word, "--lcores", 8) == 0 || strncmp(word, "-l", 2) == 0 || strncmp(word, "-c", 2) == 0) {
            return true;
        }
    }
    return false;
}

static void write_arguments(struct arguments *arguments, const struct cb_dpdk_options *options,
                            const cpu_set_t *allowed)
{
    char text[LCORES_BYTES];
    add(arguments, "clearbox");
    if (options->hugepages) {
        add(arguments, "--in-memory");
        add(arguments, "--single-file-segments");
    } else {
        add(arguments, "--no-huge");
        add(arguments, "--no-shconf");
    }
    if (!options->pci) {
        add(arguments, "--no-pci");
    }
    add(arguments, "--no-telemetry");
    snprintf(text, sizeof text, "%u", options->memory_mb != 0 ? options->memory_mb : MEMORY_MB);
    add(arguments, "-m");
    add(arguments, text);
    if (options->log_level != NULL) {
        snprintf(text, sizeof text, "--log-level=%s", options->log_level);
        add(arguments, text);
    } else {
        add(arguments, "--log-level=*:error");
    }
    if (!chooses_cores(options)) {
        write_lcores(text, sizeof text, allowed);
        add(arguments, text);
    }
    for (uint32_t i = 0; i < options->eal_extra_count; i++) {
        add(arguments, options->eal_extra[i]);
    }
}

static void ignore_broken_pipes(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
        (void)signal(SIGPIPE, SIG_IGN);
    }
}

bool cb_dpdk_start(const struct cb_dpdk_options *options, char *error, size_t error_bytes)
{
    CB_ASSERT(stage == NOT_STARTED);
    if (options->eal_extra_count > CB_DPDK_EAL_EXTRA_MAX) {
        snprintf(error, error_bytes, "dpdk: at most %u extra EAL arguments", CB_DPDK_EAL_EXTRA_MAX);
        return false;
    }
    cpu_set_t allowed;
    int failed = pthread_getaffinity_np(pthread_self(), sizeof allowed, &allowed);
    if (failed != 0) {
        snprintf(error, error_bytes, "dpdk: affinity: %s", strerror(failed));
        return false;
    }
    static struct arguments arguments; /* its words live as long as the process: EAL may keep pointers */
    write_arguments(&arguments, options, &allowed);
    char *argv[ARGUMENTS_MAX + 1]; /* EAL reorders the array */
    memcpy(argv, arguments.words, sizeof argv);
    stage = SPENT; /* whatever comes: EAL can be tried once in a process */
    int used = rte_eal_init(arguments.count, argv);
    if (used < 0) {
        snprintf(error, error_bytes, "dpdk: EAL does not start: %s", rte_strerror(rte_errno));
        return false;
    }
    if (!chooses_cores(options)) {
        (void)pthread_setaffinity_np(pthread_self(), sizeof allowed, &allowed);
    }
    if (options->log_level == NULL) {
        /* A peer that is away is not an error of ours: link() says it. */
        (void)rte_log_set_level_pattern("pmd.net.memif", RTE_LOG_CRIT);
    }
    ignore_broken_pipes();
    stage = STARTED;
    return true;
}

void cb_dpdk_stop(void)
{
    CB_ASSERT(stage == STARTED);
    stage = SPENT;
    for (uint32_t i = 0; i < CB_DPDK_PORTS_MAX; i++) {
        CB_ASSERT(!dpdk_ports[i].used || dpdk_left_behind);
    }
    /* EAL's clean-up takes memory away that its interrupt thread still reads (a closed memif server leaves
     * its handler behind). So that thread is parked in the gate for good; where it can not be, the end of the
     * process cleans up. */
    if (dpdk_left_behind || (gate_is_open() && !dpdk_memif_quiesce())) {
        return;
    }
    (void)rte_eal_cleanup();
}
