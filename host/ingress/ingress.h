/* Ingress: from frames to messages in order.
 *
 *   frame -> address and port of the line -> MoldUDP64 header -> session by name -> link tag (key `in`)
 *         -> walk of the messages, whole, before any is used -> window -> deliver
 *
 * A datagram is taken as a whole or refused as a whole. Refusals are counted by reason, per line; those after
 * the session is known, per session too. Nothing is copied but messages that wait for a gap.
 *
 * Back-pressure: `deliver` may return false, "no room". Then the message was not taken and nothing is lost:
 * cb_ingress_frame returns false, and the caller keeps the frame (it is the driver's until release) and
 * offers it again once there is room; it goes on at the message that was refused. Messages that were held
 * stay held, and cb_ingress_poll goes on with them. A frame that is not offered again is, for an ordered
 * session, an ordinary loss that is asked for again.
 *
 * Paths: where a session can be answered is learned only from datagrams whose tag verified. So that a
 * captured datagram, sent again from elsewhere, can not turn a living session away, a known path moves only
 * by a datagram that is news on its line (it ends past everything seen there, or is a heartbeat that says
 * nothing older), or when there was no news on that line for CB_INGRESS_QUIET_NS (a sender that restarted
 * with another port and without its sequence). A replayed heartbeat that is still current can move it until
 * the sender's next datagram. Answers go to the line that was first to bring what is new to the session, not
 * to the one that brought a copy last: whoever sees a datagram on one line can send it on to the other. They
 * move to a line with copies only when theirs had no news for CB_INGRESS_QUIET_NS.
 *
 * Threads: the owner alone. Callbacks may call cb_ingress_reset, cb_ingress_path and the readers, not
 * cb_ingress_frame, cb_ingress_burst or cb_ingress_poll. */
#ifndef CB_HOST_INGRESS_INGRESS_H
#define CB_HOST_INGRESS_INGRESS_H

#include "clearbox/limits.h"
#include "clearbox/mold.h"
#include "clearbox/nic.h"
#include "host/base/arena.h"
#include "host/base/mac.h"
#include "host/base/frame.h"
#include "host/ingress/window.h"
#include "host/types/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CB_INGRESS_QUIET_NS 1000000000L /* 1 s */
#define CB_INGRESS_TABLE    256u        /* slots of the name table: four times CB_SESSIONS_MAX */

/* Why a datagram was refused: the values of enum cb_frame_drop, and these. */
enum cb_ingress_drop {
    CB_INGRESS_ADDRESS = CB_FRAME_DROP_COUNT, /* neither the line's address nor its group */
    CB_INGRESS_PORT,                          /* not the line's port */
    CB_INGRESS_SHORT,                         /* shorter than header and tag */
    CB_INGRESS_SESSION,                       /* no session of that name */
    CB_INGRESS_TAG,                           /* the link tag is wrong */
    CB_INGRESS_SEQUENCE,                      /* sequence 0, or sequence plus count passes 2^64 - 1 */
    CB_INGRESS_WALK, /* the messages do not fill the datagram exactly, or are not `count` */
    CB_INGRESS_DROP_COUNT
};

struct cb_ingress_line {     /* how the box is reached on a line, and as whom it sends there */
    struct cb_frame_end own; /* mac of the port, address, and the port it listens on */
    uint32_t group_ip;       /* multicast group that is also accepted; 0: none */
};

struct cb_ingress_config {
    const struct cb_session_config *sessions; /* names unique, class valid; copied */
    const struct cb_mac_keys *keys;           /* one per session; copied */
    uint32_t sessions_count;                  /* 1 .. CB_SESSIONS_MAX */
    uint32_t lines_count;                     /* 1 .. CB_LINES_MAX */
    struct cb_ingress_line lines[CB_LINES_MAX];
};

struct cb_ingress_path {
    struct cb_frame_end peer;
    uint16_t vlan; /* as cb_frame_build wants it */
    uint32_t line;
};

struct cb_ingress_line_stats {
    uint64_t frames, bytes;                /* all that was offered */
    uint64_t datagrams;                    /* accepted: tag and walk are right */
    uint64_t first;                        /* messages that this line was the first to bring */
    uint64_t drops[CB_INGRESS_DROP_COUNT]; /* refused datagrams, by reason; [0] stays 0 */
};

struct cb_ingress_session_stats {
    uint64_t datagrams, heartbeats, ends; /* accepted; heartbeats and ends are among the datagrams */
    uint64_t bad_tag, malformed;          /* refused: CB_INGRESS_TAG; CB_INGRESS_SEQUENCE and _WALK */
    uint64_t received;                    /* messages in accepted datagrams */
    uint64_t delivered;
    uint64_t duplicates;         /* ordered: had before */
    uint64_t old;                /* latest: not greater than the last */
    uint64_t skipped;            /* latest: sequences that never came before a greater one did */
    uint64_t held;               /* copied into a slot */
    uint64_t ahead;              /* dropped, too far ahead */
    uint64_t gaps;               /* gaps opened */
    uint64_t requests;           /* retransmission requests sent */
    uint64_t stales;             /* times it became stale */
    uint64_t stops;              /* times deliver had no room */
    uint64_t paths;              /* times the path changed */
    uint64_t held_now, next_seq; /* gauges */
};

/* The caller's side. deliver: a message, in order for its session; `body` is valid during the call only;
 * false: no room, nothing was taken. emit: a whole frame to send on `line`; false: no room, asked again at a
 * later poll. */
struct cb_ingress_sink {
    void *self;
    bool (*deliver)(void *self, uint32_t session, uint64_t session_seq, const uint8_t *body, uint32_t bytes);
    bool (*emit)(void *self, uint32_t line, const uint8_t *frame, uint32_t bytes);
};

struct cb_ingress_peer { /* what one line knows of a session */
    struct cb_frame_end end;
    uint16_t vlan;
    bool known;
    uint64_t seen_end; /* one past the greatest sequence seen on this line */
    int64_t news_ns;   /* when it last brought news */
    /* The datagram that deliver had no room for: its sequence (0: none), its count, the message to go on
     * with. */
    uint64_t stopped_sequence;
    uint32_t stopped_count, stopped_index;
};

struct cb_ingress_session {
    uint64_t name_low, name_high; /* bytes 0..7 and 2..9 of the name */
    struct cb_mac_keys keys;
    struct cb_window window;
    struct cb_ingress_peer peers[CB_LINES_MAX];
    struct cb_ingress_session_stats stats;
    uint64_t seen_end;    /* one past the greatest sequence seen on any line; 0: never heard */
    uint32_t answer_line; /* where it is answered */
    uint32_t ask_line;    /* where the last request went */
    bool ended;           /* the last datagram was an end of session */
    char name[CB_SESSION_NAME_BYTES];
};

struct cb_ingress {
    struct cb_ingress_session *sessions;
    uint32_t sessions_count, lines_count;
    uint64_t attention;              /* bit per session: a gap is open, or a held message is next */
    uint8_t table[CB_INGRESS_TABLE]; /* session + 1 by name; 0: empty */
    struct cb_ingress_line lines[CB_LINES_MAX];
    struct cb_ingress_line_stats line_stats[CB_LINES_MAX];
};

/* Returns: arena bytes for this configuration. Bounds: about 1.5 MB per ordered session. */
size_t cb_ingress_footprint(const struct cb_ingress_config *config);

/* Requires: a valid configuration (asserted). Every session expects sequence 1 until cb_ingress_resume. */
void cb_ingress_init(struct cb_ingress *ingress, struct cb_arena *arena,
                     const struct cb_ingress_config *config);

/* Sets a session's next expected sequence at start, from the journal. Requires: next_seq >= 1. */
void cb_ingress_resume(struct cb_ingress *ingress, uint32_t session, uint64_t next_seq);

/* A SessionReset for `session` was applied: go on at next_seq. Call it before any further message of that
 * session is delivered; inside `deliver` is well. Held messages from next_seq on are delivered by the next
 * poll or datagram. Returns false and does nothing when that would not go forward. */
bool cb_ingress_reset(struct cb_ingress *ingress, uint32_t session, uint64_t next_seq);

/* Takes one frame. Returns true: done with it (delivered, held or refused); false: deliver had no room, offer
 * it again. Requires: line < lines_count, steady_ns >= 0 and not less than before.
 * Bounds: at most the messages of a datagram plus CB_WINDOW_SLOTS deliveries. */
bool cb_ingress_frame(struct cb_ingress *ingress, uint32_t line, const uint8_t *data, uint32_t bytes,
                      int64_t steady_ns, const struct cb_ingress_sink *sink);

/* Takes the frames of one rx burst. Returns how many were taken; fewer than count: deliver had no room, offer
 * the rest again before releasing the burst. */
uint32_t cb_ingress_burst(struct cb_ingress *ingress, uint32_t line, const struct cb_nic_frame *frames,
                          uint32_t count, int64_t steady_ns, const struct cb_ingress_sink *sink);

/* Goes on with held messages and emits the retransmission requests that are due, to the lines of the session
 * in turn. Returns the work done: messages delivered and requests sent. One comparison when no session needs
 * anything. */
uint32_t cb_ingress_poll(struct cb_ingress *ingress, int64_t steady_ns, const struct cb_ingress_sink *sink);

/* Where to answer a session: see Paths. False: it was never heard. */
bool cb_ingress_path(const struct cb_ingress *ingress, uint32_t session, struct cb_ingress_path *out);

/* Whether an ordered session has had an open gap for CB_WINDOW_STALE_NS without a step. As of the last poll
 * or datagram. */
bool cb_ingress_stale(const struct cb_ingress *ingress, uint32_t session);

/* Whether the sender said that it ends its session, and nothing came since. */
bool cb_ingress_ended(const struct cb_ingress *ingress, uint32_t session);

/* The next sequence expected of a session. */
uint64_t cb_ingress_next(const struct cb_ingress *ingress, uint32_t session);

void cb_ingress_session_stats(const struct cb_ingress *ingress, uint32_t session,
                              struct cb_ingress_session_stats *out);
void cb_ingress_line_stats(const struct cb_ingress *ingress, uint32_t line,
                           struct cb_ingress_line_stats *out);

/* A word for a reason of either enum; "?" for a value that is none. */
const char *cb_ingress_drop_name(unsigned reason);

#endif
