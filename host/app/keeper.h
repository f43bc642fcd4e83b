/* The keeper: a thread beside the hot one that keeps the journal from filling up.
 *
 * It runs the snapshotter as a process of low priority (`clearbox snapshot DIR --follow`), looks five
 * times a second which snapshots are there and verified, archives or gives up segments that two of them no
 * longer need, and tells the hot thread through one atomic word how far it may recycle. It never touches the
 * core or the journal. */
#ifndef CB_HOST_APP_KEEPER_H
#define CB_HOST_APP_KEEPER_H

#include "host/app/config.h"

#include <pthread.h>
#include <stdatomic.h>

#define CB_KEEPER_BOX_PID "CLEARBOX_BOX_PID" /* environment of a snapshotter: whose it is */

struct cb_keeper {
    pthread_t thread;
    bool running;
    atomic_bool stop;
    _Atomic uint64_t retain_through; /* relaxed: the number alone matters */
    char directory[1024];
    enum cb_journal_retain retain;
    uint64_t snapshot_records;
    uint64_t oldest; /* generation that the journal's start found: what is older is being recycled */
    int child;       /* pid of the snapshotter; 0: none */
    int64_t child_at_ns, child_wait_ns; /* steady: of the last start, or of the next; how long to wait */
    char said[256];                     /* what went wrong with archiving, once */
    FILE *errors;
};

/* oldest: the least generation that still belongs to the journal, as recovery found it. Returns false after a
 * message. */
bool cb_keeper_start(struct cb_keeper *keeper, const char *directory,
                     const struct cb_journal_app_config *journal, uint64_t oldest, FILE *errors);
/* Ends the snapshotter and the thread; within a few seconds, whatever the snapshotter does. */
void cb_keeper_stop(struct cb_keeper *keeper);

#endif
