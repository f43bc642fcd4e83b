#include "drivers/dpdk/watch.h"

#include "drivers/dpdk/internal.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 8192
#define WATCHED_MAX     (4u * CB_DPDK_PORTS_MAX) /* listener, connection, clients still to be refused */

static struct pollfd watched[WATCHED_MAX];
static nfds_t watched_count;

static bool is_ours(const struct sockaddr_un *name)
{
    if (name->sun_family != AF_UNIX || name->sun_path[0] == '\0') {
        return false;
    }
    for (uint32_t i = 0; i < CB_DPDK_PORTS_MAX; i++) {
        const struct dpdk_port *port = &dpdk_ports[i];
        if (port->used && dpdk_is_memif(port) &&
            strncmp(name->sun_path, port->memif.socket_path, sizeof name->sun_path) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_control_socket(int fd)
{
    int type = 0;
    socklen_t bytes = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) != 0 || type != SOCK_SEQPACKET) {
        return false;
    }
    struct sockaddr_un own = {0}, peer = {0};
    socklen_t own_bytes = sizeof own, peer_bytes = sizeof peer;
    (void)getsockname(fd, (struct sockaddr *)&own, &own_bytes);
    (void)getpeername(fd, (struct sockaddr *)&peer, &peer_bytes); /* a listener has none: stays zero */
    return is_ours(&own) || is_ours(&peer);
}

void watch_scan(void)
{
    long limit = sysconf(_SC_OPEN_MAX);
    int end = limit < 0 || limit > DESCRIPTORS_MAX ? DESCRIPTORS_MAX : (int)limit;
    watched_count = 0;
    for (int fd = 0; fd < end && watched_count < WATCHED_MAX; fd++) {
        if (is_control_socket(fd)) {
            watched[watched_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
}

bool watch_stirs(void)
{
    return poll(watched, watched_count, 0) > 0;
}
