/* What the dpdk tests share: a folder of their own, EAL, and peers that can be killed. */
#ifndef CB_TESTS_UNIT_DPDK_WORLD_H
#define CB_TESTS_UNIT_DPDK_WORLD_H

#include "drivers/dpdk/dpdk.h"

#include <stdint.h>
#include <sys/types.h>

extern char world_folder[64];
extern char world_socket[96];

void world_make(void);
void world_remove(void);
/* Starts EAL in this process. */
void world_start(void);
struct cb_nic world_open(struct cb_dpdk_port_options options);

struct peer {
    pid_t pid;
    int input; /* closing it ends the peer */
};

/* Starts dpdk_peer and waits for its first line, at most 20 s; `said` may be NULL. */
struct peer peer_start(const char *job, const char *role, char *said, size_t said_bytes);
void peer_kill(struct peer *peer); /* SIGKILL, and waits for its end */
/* Lets it end by itself. Returns: its exit status, or 1000 + the signal that ended it. */
int peer_end(struct peer *peer);

int64_t now_ms(void);

#endif
