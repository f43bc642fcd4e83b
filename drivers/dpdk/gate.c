#include "drivers/dpdk/gate.h"

#include "host/base/assert.h"

#include <errno.h>
#include <rte_interrupts.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct {
    bool open;
    int ask_fd;    /* readable: the interrupt thread is to come in */
    int resume_fd; /* blocking: the interrupt thread sleeps on it while held */
    struct rte_intr_handle *handle;
    _Atomic int state;
} gate = {.ask_fd = -1, .resume_fd = -1};

static void post(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    CB_ASSERT(written == (ssize_t)sizeof one);
}

/* Reads one post. A signal on this thread may not be taken for one. */
static void take(int fd)
{
    uint64_t count;
    ssize_t got;
    do {
        got = read(fd, &count, sizeof count);
    } while (got < 0 && errno == EINTR);
    CB_ASSERT(got == (ssize_t)sizeof count);
}

/* In the interrupt thread. */
static void on_ask(void *arg)
{
    (void)arg;
    take(gate.ask_fd);
    atomic_store_explicit(&gate.state, GATE_HELD, memory_order_release);
    take(gate.resume_fd);
}

bool gate_open(char *error, size_t error_bytes)
{
    if (gate.open) {
        return true;
    }
    gate.ask_fd = eventfd(0, EFD_CLOEXEC);
    gate.resume_fd = eventfd(0, EFD_CLOEXEC);
    gate.handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
    if (gate.ask_fd < 0 || gate.resume_fd < 0 || gate.handle == NULL ||
        rte_intr_fd_set(gate.handle, gate.ask_fd) != 0 ||
        rte_intr_type_set(gate.handle, RTE_INTR_HANDLE_EXT) != 0 ||
        rte_intr_callback_register(gate.handle, on_ask, NULL) != 0) {
        snprintf(error, error_bytes, "dpdk: memif gate: %s", strerror(errno));
        return false;
    }
    atomic_store_explicit(&gate.state, GATE_FREE, memory_order_relaxed);
    gate.open = true;
    return true;
}

bool gate_is_open(void)
{
    return gate.open;
}

enum gate_state gate_state(void)
{
    return (enum gate_state)atomic_load_explicit(&gate.state, memory_order_acquire);
}

void gate_request(void)
{
    CB_ASSERT(gate.open && gate_state() == GATE_FREE);
    atomic_store_explicit(&gate.state, GATE_ASKED, memory_order_release);
    post(gate.ask_fd);
}

void gate_turn(void)
{
    CB_ASSERT(gate_state() == GATE_HELD);
    atomic_store_explicit(&gate.state, GATE_ASKED, memory_order_release);
    post(gate.ask_fd);
    post(gate.resume_fd);
}

void gate_free(void)
{
    CB_ASSERT(gate_state() == GATE_HELD);
    atomic_store_explicit(&gate.state, GATE_FREE, memory_order_release);
    post(gate.resume_fd);
}
