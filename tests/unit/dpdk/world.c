#include "tests/unit/dpdk/world.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char world_folder[64];
char world_socket[96];

void world_make(void)
{
    snprintf(world_folder, sizeof world_folder, "/tmp/cb_dpdk_XXXXXX");
    cr_assert_not_null(mkdtemp(world_folder));
    snprintf(world_socket, sizeof world_socket, "%s/m.sock", world_folder);
}

void world_remove(void)
{
    unlink(world_socket);
    char path[96];
    snprintf(path, sizeof path, "%s/in.pcap", world_folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/out.pcap", world_folder);
    unlink(path);
    rmdir(world_folder);
}

void world_start(void)
{
    char error[256] = "";
    const struct cb_dpdk_options options = {.memory_mb = 64};
    cr_assert(cb_dpdk_start(&options, error, sizeof error), "%s", error);
}

struct cb_nic world_open(struct cb_dpdk_port_options options)
{
    struct cb_nic nic;
    char error[256] = "";
    cr_assert(cb_dpdk_open_port(&nic, &options, error, sizeof error), "%s", error);
    return nic;
}

static void read_line(int fd, char *line, size_t bytes)
{
    size_t used = 0;
    int64_t until = now_ms() + 20000;
    while (used + 1 < bytes && (used == 0 || line[used - 1] != '\n')) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        cr_assert(poll(&ready, 1, (int)(until - now_ms())) > 0, "the peer says nothing");
        ssize_t got = read(fd, line + used, 1);
        cr_assert_eq(got, 1, "the peer ended without a word");
        used++;
    }
    line[used] = '\0';
}

struct peer peer_start(const char *job, const char *role, char *said, size_t said_bytes)
{
    int input[2], output[2];
    cr_assert_eq(pipe(input), 0);
    cr_assert_eq(pipe(output), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        dup2(input[0], STDIN_FILENO);
        dup2(output[1], STDOUT_FILENO);
        for (int fd = 3; fd < 256; fd++) {
            close(fd); /* a peer that holds the other's pipes would never see them close */
        }
        execl(CB_DPDK_PEER, CB_DPDK_PEER, job, role, world_socket, (char *)NULL);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    char line[256];
    read_line(output[0], line, sizeof line);
    close(output[0]);
    if (said != NULL) {
        snprintf(said, said_bytes, "%s", line);
    } else {
        cr_assert_str_eq(line, "ready\n");
    }
    return (struct peer){.pid = pid, .input = input[1]};
}

static int wait_for(pid_t pid)
{
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void peer_kill(struct peer *peer)
{
    cr_assert_eq(kill(peer->pid, SIGKILL), 0);
    cr_assert_eq(wait_for(peer->pid), 1000 + SIGKILL, "the peer had crashed before it was killed");
    close(peer->input);
}

int peer_end(struct peer *peer)
{
    close(peer->input);
    return wait_for(peer->pid);
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
