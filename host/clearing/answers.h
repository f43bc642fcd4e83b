/* The same request id gives the same answer.
 *
 * A trader who hears nothing asks again with the same id; the box must answer what it answered, and must not
 * decide (or hold) twice. This table remembers the newest answers of each trader session, keyed by (session,
 * request id). An answer keeps a digest of the request's bytes, so that an id that comes back with other
 * content is refused (REQUEST_ID) rather than given somebody else's answer.
 *
 * Bounded: config.capacity.answers is divided evenly among the trader sessions (at least one each); a session
 * that is full forgets its own oldest, so that no trader can make the box forget another's. A request id is
 * protected from being decided twice only while it is remembered.
 *
 * State is, per session, the answers in the order they were given. The hash index is derived: it is not
 * serialised, and nothing observable depends on its layout.
 *
 * Threads: the owning thread. Memory: from the arena at start. */
#ifndef CB_HOST_CLEARING_ANSWERS_H
#define CB_HOST_CLEARING_ANSWERS_H

#include "clearbox/limits.h"
#include "host/base/arena.h"
#include "host/base/stream.h"
#include "host/types/config.h"
#include "host/types/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cb_answer_kind { /* on disk */
                      CB_ANSWER_MARGIN_CHECK = 1,
                      CB_ANSWER_WITHDRAWAL = 2
};

struct cb_answer_digest {
    uint64_t hi, lo;
};

struct cb_answer {
    uint64_t request_id;            /* > 0 */
    struct cb_answer_digest digest; /* of the request's message */
    uint64_t seq;                   /* the record that decided; the same for every repeat */
    int64_t e_im_e6, im_e6, free_e6, as_of_ns, oracle_age_ns; /* margin checks; 0 for withdrawals */
    uint32_t account;
    uint16_t reason; /* enum cb_reject */
    uint8_t session;
    uint8_t kind;   /* enum cb_answer_kind */
    uint8_t state;  /* enum cb_margin_state; margin checks */
    uint8_t status; /* enum cb_withdrawal_status; withdrawals */
};

enum cb_answers_match {
    CB_ANSWERS_NEW = 0,     /* never seen, or forgotten: decide, then put */
    CB_ANSWERS_REPEAT = 1,  /* send the remembered answer again */
    CB_ANSWERS_CONFLICT = 2 /* the id was used for another request: refuse with REQUEST_ID, do not put */
};

struct cb_answers {
    uint32_t share;                   /* answers a session may have */
    uint32_t slots;                   /* of the index: a power of two, at least twice the rows */
    uint32_t count[CB_SESSIONS_MAX];  /* rows in use */
    uint32_t oldest[CB_SESSIONS_MAX]; /* place in the session's ring */
    uint32_t base[CB_SESSIONS_MAX];   /* the session's first row, or UINT32_MAX for one that asks nothing */
    struct cb_answer *rows;
    uint32_t *index; /* row + 1; 0: free */
};

/* Bytes that init takes. */
size_t cb_answers_footprint(const struct cb_config *config);

/* Requires: capacity.answers in 1 .. CB_ANSWERS_MAX. */
void cb_answers_init(struct cb_answers *answers, struct cb_arena *arena, const struct cb_config *config);

/* The digest of a request: SipHash-2-4-128 of the whole message under a published constant key. It tells
 * requests of one session apart; it is no signature. */
struct cb_answer_digest cb_answers_digest(const uint8_t *message, size_t bytes);

/* Looks a request up. `answer` (may be NULL) gets the remembered row on REPEAT and CONFLICT, NULL on NEW; it
 * is valid until the next put or restore. Requires: session < CB_SESSIONS_MAX. */
enum cb_answers_match cb_answers_find(const struct cb_answers *answers, uint8_t session, uint64_t request_id,
                                      struct cb_answer_digest digest, const struct cb_answer **answer);

/* The answer that a verdict is: all that a reply says. A withdrawal that was approved is HELD. Requires:
 * verdict with seq and request id. */
struct cb_answer cb_answers_of(enum cb_answer_kind kind, uint8_t session, struct cb_answer_digest digest,
                               const struct cb_verdict *verdict);

/* Remembers an answer; a full session forgets its oldest. Requires: a trader session, request id > 0, valid
 * kind, and NEW by find. */
void cb_answers_put(struct cb_answers *answers, const struct cb_answer *answer);

/* A withdrawal went on (HELD to DONE or FAILED): later repeats get the new status. Its place in the order of
 * forgetting stays. Returns false when it is no longer remembered or is not a withdrawal. */
bool cb_answers_update(struct cb_answers *answers, uint8_t session, uint64_t request_id, uint8_t status);

/* Per session, oldest first. */
void cb_answers_serialize(const struct cb_answers *answers, struct cb_writer *writer);

/* Requires: initialised under the same configuration. Returns false on anything impossible. */
bool cb_answers_restore(struct cb_answers *answers, struct cb_reader *reader);

#endif
