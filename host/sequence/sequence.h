/* The sequencer: one total order of everything that changes state.
 *
 * stamp() says which numbers the next record gets and changes nothing; apply() checks a record's numbers and
 * takes them. A live run stamps, journals, applies; a replay applies what the journal holds. So the checks
 * that find a damaged or foreign journal also guard every live record.
 *
 * Invariants: seq 1, 2, 3 ... without a gap. ingest_ns never decreases and is never negative. The epoch only
 * grows. An ordered session's session_seq is exactly the next; a latest session's is the next or greater.
 *
 * Clock mode `wall`: ingest_ns = max(previous, now). Mode `feed`: the time stands still but for oracle
 * heartbeats (cb_sequence_feed). The feed time is not state beyond ingest_ns itself: after a restart it goes
 * on from the last record's ingest_ns.
 *
 * Threads: the owning thread. No memory beyond the struct. */
#ifndef CB_HOST_SEQUENCE_SEQUENCE_H
#define CB_HOST_SEQUENCE_SEQUENCE_H

#include "clearbox/limits.h"
#include "clearbox/wire.h"
#include "host/base/assert.h"
#include "host/base/stream.h"
#include "host/types/config.h"
#include "host/types/event.h"

#include <stdbool.h>
#include <stdint.h>

/* A feed time later than this (the year 2116) is refused: one wrong heartbeat must not leave no room ahead.
 */
#define CB_SEQUENCE_TIME_MAX_NS (INT64_C(1) << 62)

struct cb_sequence {
    const struct cb_config *config;
    uint64_t seq;                           /* of the last record applied; 0 before the first */
    uint64_t epoch;                         /* 0 before the first EPOCH record */
    int64_t ingest_ns;                      /* of the last record applied; 0 before the first */
    uint64_t session_next[CB_SESSIONS_MAX]; /* the next session_seq expected, >= 1 */
    int64_t feed_ns;                        /* not state: the newest feed time, >= ingest_ns or 0 */
};

/* Ownership: `config` must outlive the sequencer. */
void cb_sequence_init(struct cb_sequence *sequence, const struct cb_config *config);

/* The time a record would get now. `wall_ns` is the clock port's reading, ignored under the feed clock.
 * Returns at least the last record's ingest_ns. */
int64_t cb_sequence_now(const struct cb_sequence *sequence, int64_t wall_ns);

/* Under the feed clock: an oracle heartbeat is about to be sequenced; call before stamp(), so that the
 * heartbeat's own record carries the new time. Time never goes back. Returns false, changing nothing, when
 * the time is negative or past CB_SEQUENCE_TIME_MAX_NS, or when the clock is not `feed`. */
bool cb_sequence_feed(struct cb_sequence *sequence, int64_t source_time_ns);

/* Fills seq and ingest_ns of `event` for the next record; the other fields are the caller's. */
void cb_sequence_stamp(const struct cb_sequence *sequence, int64_t wall_ns, struct cb_event *event);

/* Takes a record into the order. Returns false, changing nothing, when it does not follow what was applied
 * before:
 *   seq not the next; ingest_ns below the previous; kind unknown;
 *   MESSAGE: session not configured, session_seq not the next (ordered), below the next (latest) or
 * UINT64_MAX; others:  session is not CB_SESSION_NONE; EPOCH:   not greater than the epoch before. */
bool cb_sequence_apply(struct cb_sequence *sequence, const struct cb_event *event) CB_MUST_CHECK;

/* Applies a SessionReset: the session goes on at next_seq. Returns UNKNOWN_SESSION, or SEQUENCE when it would
 * go backwards or past the last number; NONE otherwise (the same number again is no change). */
enum cb_reject cb_sequence_reset(struct cb_sequence *sequence, uint16_t session, uint64_t next_seq);

/* The next session_seq expected of a session: where ingress resumes after a restart. Requires: configured. */
uint64_t cb_sequence_session_next(const struct cb_sequence *sequence, uint16_t session);

void cb_sequence_serialize(const struct cb_sequence *sequence, struct cb_writer *writer);

/* Requires: initialised under the same configuration. Returns false on anything impossible. */
bool cb_sequence_restore(struct cb_sequence *sequence, struct cb_reader *reader);

#endif
