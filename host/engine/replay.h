/* Replay: a journal's events through a core. The same code brings a live box back after a restart, answers
 * `clearbox replay`, and is the snapshotter. */
#ifndef CB_HOST_ENGINE_REPLAY_H
#define CB_HOST_ENGINE_REPLAY_H

#include "host/engine/core.h"
#include "host/journal/reader.h"

enum cb_replay_result {
    CB_REPLAY_END = 0,     /* everything that can be read was applied (or `to` was reached) */
    CB_REPLAY_BUDGET = 1,  /* `budget` events were applied; call again */
    CB_REPLAY_BAD = 2,     /* the journal is damaged: reader->problem says where */
    CB_REPLAY_FOREIGN = 3, /* an event does not follow: the journal was not written by a core of this state */
    CB_REPLAY_DIFFERS = 4  /* the effects differ from those the journal recorded at `seq` */
};

struct cb_replay {
    struct cb_core *core;
    struct cb_journal_reader *reader;
    uint64_t to;             /* last seq to apply; UINT64_MAX: all */
    uint64_t applied;        /* events */
    uint64_t frames_checked; /* frames whose effects were compared */
    uint64_t frame_no;       /* the last one compared or skipped */
    uint64_t seq;            /* of the event that stopped it, for FOREIGN and DIFFERS */
    uint64_t effects_recorded, effects_here;
    void (*before)(void *context,
                   const struct cb_event *event); /* sees each event before it is applied; NULL: nobody */
    void *context;
};

/* Applies at most `budget` events. Requires: the reader stands at core->sequence.seq + 1. In follow mode END
 * means: no more for now. */
enum cb_replay_result cb_replay_run(struct cb_replay *replay, uint64_t budget);

#endif
