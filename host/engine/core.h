/* The core: all state of the box, and the one function that changes it.
 *
 * cb_core_apply takes one sequenced event and brings every stage forward: sequence, oracle, ledger, risk,
 * clearing, outbox. It is the same in a live run, a replay and the snapshotter. State is a pure function of
 * the events; what the outside should hear goes to the sink, which a replay leaves empty.
 *
 * Order inside one event: (1) timers that are due by its time, by (deadline, id); (2) the event itself; (3)
 * the accounts it touched are evaluated and their margin states moved. A factor's param epoch rolls when its
 * price leaves the band or its time is over, and then every account exposed to it is evaluated. Between these
 * an account is not looked at: its state may be as old as one epoch (docs/risk-model.md says what that
 * bounds).
 *
 * Threads: the owning thread. Memory: from one arena at init, nothing later. */
#ifndef CB_HOST_ENGINE_CORE_H
#define CB_HOST_ENGINE_CORE_H

#include "clearbox/wire.h"
#include "host/base/arena.h"
#include "host/base/stream.h"
#include "host/clearing/answers.h"
#include "host/egress/outbox.h"
#include "host/ledger/ledger.h"
#include "host/oracle/oracle.h"
#include "host/risk/risk.h"
#include "host/sequence/sequence.h"
#include "host/sequence/timers.h"
#include "host/types/config.h"
#include "host/types/event.h"
#include "host/types/market.h"
#include "host/types/verdict.h"

/* The layout and the behaviour of the state: a journal or snapshot of another number is refused, the journal
 * by the configuration it begins with. */
#define CB_CORE_VERSION 1u

/* What the core tells the world outside of it. Any function may be NULL. The message bytes are the core's and
 * valid during the call. `cause_seq` is the record that caused it: nothing may leave before that is durable.
 */
struct cb_core_sink {
    void *self;
    void (*send)(void *self, uint64_t cause_seq, uint16_t session, const uint8_t *message, uint16_t bytes);
    /* A SessionReset was applied: ingress must skip too. */
    void (*reset)(void *self, uint16_t session, uint64_t next_seq);
    /* For dump and audit: each verdict as it is given. */
    void (*verdict)(void *self, const struct cb_verdict *verdict);
};

struct cb_core_stats {      /* since this process started; not state */
    uint64_t messages[256]; /* applied, by template id; [0]: not decodable */
    uint64_t refused[CB_REJECT_COUNT];
    uint64_t approved, evaluations, rolls, resends, actions, timers;
};

/* Who is to be looked at when the event is over. Scratch of one event, so that an account moves at most once
 * in it: its action's id is made of the account and the event's seq. */
struct cb_core_watch {
    uint64_t factors; /* everybody exposed to one of these */
    uint32_t account; /* and this one, or CB_LEDGER_NO_ACCOUNT */
    bool known;       /* its margin, book as it now is, was computed already: */
    bool all;         /* or everybody */
    struct cb_margin margin;
};

struct cb_core {
    const struct cb_config *config;
    struct cb_sequence sequence;
    struct cb_timers timers; /* [0, CB_FACTORS_MAX): param epochs; then one per outbox place */
    struct cb_oracle oracle;
    struct cb_ledger ledger;
    struct cb_risk risk;
    struct cb_answers answers;
    struct cb_outbox outbox;
    uint64_t effects;
    /* Derived: the oracle's view of every factor, remade when an event or the time changes it. */
    struct cb_risk_market market;
    int64_t market_changes_ns[CB_FACTORS_MAX];
    int64_t market_next_ns; /* the least of them */
    struct cb_book book;    /* scratch for one account */
    struct cb_core_watch watch;
    struct cb_core_sink sink;
    struct cb_core_stats stats;
};

/* A sentence about the first thing in the configuration that no core can be made of (with the table row in
 * *index), or NULL. Covers every table: ids, ranges of risk, capacities. */
const char *cb_core_config_fault(const struct cb_config *config, uint32_t *index);

/* Bytes that init takes. Requires: cb_core_config_fault is NULL. */
size_t cb_core_footprint(const struct cb_config *config);

/* An empty core. Requires: config outlives it; zeroed arena memory. `sink` is copied; NULL: an empty one. */
void cb_core_init(struct cb_core *core, struct cb_arena *arena, const struct cb_config *config,
                  const struct cb_core_sink *sink);

/* Applies the next event. Returns false, having changed nothing, when it does not follow what was applied
 * before (its seq, time, session sequence or epoch): live a programmer error, in a replay a journal that was
 * not written by this core. A message that is refused by a rule is an applied event like any other. */
CB_MUST_CHECK bool cb_core_apply(struct cb_core *core, const struct cb_event *event);

/* When the core wants a TIME record at the latest, if no other comes. False: never. */
bool cb_core_deadline(const struct cb_core *core, int64_t *deadline_ns);

/* Evaluates an open account at the time of the last event, for reports. Changes no state. */
void cb_core_margin(struct cb_core *core, uint32_t account, struct cb_margin *out);

/* Canonical state, without the configuration. */
void cb_core_serialize(const struct cb_core *core, struct cb_writer *writer);
/* Requires: a core just initialised with the same configuration. False: impossible bytes, the core is not to
 * be used. */
CB_MUST_CHECK bool cb_core_restore(struct cb_core *core, struct cb_reader *reader);

#endif
