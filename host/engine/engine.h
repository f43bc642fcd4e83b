/* The engine: the live box. It joins ingress, journal, core and egress in one poll function.
 *
 *   nic -> ingress -> stamp -> journal.append -> core.apply -> egress queue -> (durable) -> nic
 *
 * Nothing leaves before its cause is durable; nothing is taken from a nic while the journal or the egress
 * queue has no room for what it may cause. The clock is read once per poll. When idle and a timer is due, a
 * TIME record is appended. Threads: one. Memory: from one arena; nothing is allocated after start. */
#ifndef CB_HOST_ENGINE_ENGINE_H
#define CB_HOST_ENGINE_ENGINE_H

#include "clearbox/clock.h"
#include "clearbox/nic.h"
#include "host/base/mac.h"
#include "host/egress/egress.h"
#include "host/engine/core.h"
#include "host/ingress/ingress.h"
#include "host/journal/journal.h"

struct cb_engine_config {
    const struct cb_config *config;
    struct cb_clock clock;
    struct cb_nic *lines[CB_LINES_MAX];
    uint32_t lines_count;
    struct cb_ingress_line addresses[CB_LINES_MAX]; /* own.mac is taken from the nic */
    const struct cb_mac_keys *keys;                 /* one per session; copied by ingress, kept by egress */
    uint64_t epoch;                                 /* of this life: greater than any in the journal */
};

/* FAILED: the journal's disk failed, or an empty journal is too small for its own configuration. The engine
 * then does nothing any more. */
enum cb_engine_state { CB_ENGINE_RUNNING = 0, CB_ENGINE_FAILED = 1 };

/* Places of the egress queue that actions leave free, so that an answer, which nobody sends again unasked,
 * finds one. */
#define CB_ENGINE_EGRESS_RESERVE 256u

struct cb_engine_stats {
    uint64_t polls, idle_polls, records, time_records, statuses;
    uint64_t actions_deferred; /* not queued, to keep room for answers: they come again by their timers */
    uint64_t no_room; /* polls that took nothing from the nics, because journal or egress had no room */
};

/* What one session was told last, and when (steady). */
struct cb_engine_told {
    uint64_t next_seq;
    int64_t at_ns;
};

struct cb_engine {
    struct cb_engine_config config;
    struct cb_core *core;
    struct cb_journal *journal;
    struct cb_ingress ingress;
    struct cb_egress egress;
    struct cb_ingress_sink ingress_sink;
    struct cb_engine_told told[CB_SESSIONS_MAX];
    struct cb_nic_frame frames[CB_BURST]; /* the burst being taken */
    uint32_t frames_count, frames_done, frames_line;
    int64_t wall_ns, steady_ns; /* of this poll */
    bool begun;                 /* the EPOCH record of this life is appended */
    bool too_small;             /* the journal, for the configuration */
    struct cb_engine_stats stats;
};

size_t cb_engine_footprint(const struct cb_engine_config *config);

/* Makes the engine over a core that has applied the whole journal, and over that journal, recovered and
 * running. Installs itself as the core's sink and appends the EPOCH record of this life (before it, on an
 * empty journal, the configuration); on a full journal that record waits for room, and nothing is taken
 * before it. Requires: core, journal, nics and keys outlive it. */
void cb_engine_init(struct cb_engine *engine, struct cb_arena *arena, const struct cb_engine_config *config,
                    struct cb_core *core, struct cb_journal *journal);

/* Bounded work. Returns how much was done; 0: idle, the caller may give the core away. */
uint32_t cb_engine_poll(struct cb_engine *engine);

enum cb_engine_state cb_engine_state(const struct cb_engine *engine);

/* Whether everything appended is durable and everything durable has left: what a shutdown waits for. */
bool cb_engine_drained(const struct cb_engine *engine);

/* Like poll, but takes nothing from the nics: for a shutdown. */
uint32_t cb_engine_drain(struct cb_engine *engine);

#endif
