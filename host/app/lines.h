/* Lines: the nic ports that a configuration names, opened for one end of the wire. */
#ifndef CB_HOST_APP_LINES_H
#define CB_HOST_APP_LINES_H

#include "clearbox/nic.h"
#include "host/app/config.h"

struct cb_lines {
    struct cb_nic nic[CB_LINES_MAX];
    struct cb_nic *port[CB_LINES_MAX];
    uint32_t count;
    bool dpdk; /* EAL is up */
};

enum cb_lines_end {
    CB_LINES_BOX = 1,  /* memif server, bound UDP socket, captures, NICs */
    CB_LINES_WORLD = 2 /* the other side: memif client, a UDP socket of any port; a capture has none */
};

/* Opens every line. Returns CB_EXIT_OK, else after a message, with nothing left open. */
enum cb_exit cb_lines_open(struct cb_lines *lines, const struct cb_app_config *config, enum cb_lines_end end,
                           FILE *errors);
void cb_lines_close(struct cb_lines *lines);

#endif
