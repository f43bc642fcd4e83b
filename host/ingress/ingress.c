/* Configuration, the table of names, and the readers. */
#include "host/ingress/ingress.h"

#include "host/base/assert.h"
#include "host/base/bytes.h"
#include "host/ingress/session.h"

#include <string.h>

_Static_assert(CB_SESSIONS_MAX <= 64, "the attention mask has one bit per session");
_Static_assert(CB_SESSION_NAME_BYTES == CB_MOLD_SESSION_BYTES && CB_SESSION_NAME_BYTES == 10,
               "a name is compared as two overlapping words");
_Static_assert(CB_INGRESS_TABLE == 256 && CB_SESSIONS_MAX < CB_INGRESS_TABLE && CB_SESSIONS_MAX < 255,
               "the hash has eight bits, a probe always meets an empty slot, an index fits");
_Static_assert(CB_MOLD_TAG_BYTES == CB_MAC_BYTES, "one tag");
_Static_assert(CB_MOLD_HEADER_BYTES + CB_MOLD_LENGTH_BYTES + CB_MESSAGE_BYTES_MAX + CB_MOLD_TAG_BYTES ==
                   CB_DATAGRAM_BYTES_MAX,
               "no message of an accepted datagram is greater than a slot");

/* An odd multiplier spreads the words; the top eight bits index the table. Nobody gains by crafting names:
 * only the configured ones are in the table, so that a probe ends after at most CB_SESSIONS_MAX steps. */
static uint32_t hash_name(uint64_t low, uint64_t high)
{
    return (uint32_t)(((low ^ (high << 7 | high >> 57)) * UINT64_C(0x9E3779B97F4A7C15)) >> 56);
}

struct cb_ingress_session *cb_ingress_find(const struct cb_ingress *in, const uint8_t *name)
{
    uint64_t low = cb_load_u64_le(name), high = cb_load_u64_le(name + 2);
    uint32_t at = hash_name(low, high);
    while (in->table[at] != 0) {
        struct cb_ingress_session *s = &in->sessions[in->table[at] - 1];
        if (s->name_low == low && s->name_high == high) {
            return s;
        }
        at = (at + 1) & (CB_INGRESS_TABLE - 1u);
    }
    return NULL;
}

static void check_config(const struct cb_ingress_config *config)
{
    CB_ASSERT(config->sessions_count >= 1 && config->sessions_count <= CB_SESSIONS_MAX);
    CB_ASSERT(config->lines_count >= 1 && config->lines_count <= CB_LINES_MAX);
    for (uint32_t i = 0; i < config->sessions_count; i++) {
        uint8_t class = config->sessions[i].class;
        CB_ASSERT(class == CB_SESSION_LATEST || class == CB_SESSION_ORDERED);
    }
    for (uint32_t i = 0; i < config->lines_count; i++) {
        CB_ASSERT(config->lines[i].own.ip != 0 && config->lines[i].own.port != 0);
    }
}

size_t cb_ingress_footprint(const struct cb_ingress_config *config)
{
    check_config(config);
    size_t bytes = cb_arena_room(config->sessions_count * sizeof(struct cb_ingress_session));
    for (uint32_t i = 0; i < config->sessions_count; i++) {
        bytes += cb_window_footprint(config->sessions[i].class == CB_SESSION_ORDERED);
    }
    return bytes;
}

static void init_session(struct cb_ingress *in, struct cb_arena *arena, uint32_t index,
                         const struct cb_session_config *config, const struct cb_mac_keys *keys)
{
    struct cb_ingress_session *s = &in->sessions[index];
    const uint8_t *name = (const uint8_t *)config->name;
    memset(s, 0, sizeof *s);
    CB_ASSERT(cb_ingress_find(in, name) == NULL);
    memcpy(s->name, name, sizeof s->name);
    s->name_low = cb_load_u64_le(name);
    s->name_high = cb_load_u64_le(name + 2);
    s->keys = *keys;
    s->ask_line = in->lines_count - 1;
    cb_window_init(&s->window, arena, config->class == CB_SESSION_ORDERED);
    uint32_t at = hash_name(s->name_low, s->name_high);
    while (in->table[at] != 0) {
        at = (at + 1) & (CB_INGRESS_TABLE - 1u);
    }
    in->table[at] = (uint8_t)(index + 1);
}

void cb_ingress_init(struct cb_ingress *in, struct cb_arena *arena, const struct cb_ingress_config *config)
{
    check_config(config);
    memset(in, 0, sizeof *in);
    in->sessions = cb_arena_take(arena, config->sessions_count * sizeof *in->sessions);
    in->sessions_count = config->sessions_count;
    in->lines_count = config->lines_count;
    memcpy(in->lines, config->lines, sizeof in->lines);
    for (uint32_t i = 0; i < config->sessions_count; i++) {
        init_session(in, arena, i, &config->sessions[i], &config->keys[i]);
    }
}

static struct cb_ingress_session *session_at(const struct cb_ingress *in, uint32_t session)
{
    CB_ASSERT(session < in->sessions_count);
    return &in->sessions[session];
}

void cb_ingress_resume(struct cb_ingress *in, uint32_t session, uint64_t next_seq)
{
    struct cb_ingress_session *s = session_at(in, session);
    cb_window_resume(&s->window, next_seq);
    for (uint32_t line = 0; line < in->lines_count; line++) {
        s->peers[line].stopped_sequence = 0;
    }
    in->attention &= ~(UINT64_C(1) << session);
}

bool cb_ingress_reset(struct cb_ingress *in, uint32_t session, uint64_t next_seq)
{
    /* What is held behind the gap needs no mark here: a session with a gap has its attention bit already. */
    return cb_window_reset(&session_at(in, session)->window, next_seq);
}

bool cb_ingress_path(const struct cb_ingress *in, uint32_t session, struct cb_ingress_path *out)
{
    const struct cb_ingress_session *s = session_at(in, session);
    const struct cb_ingress_peer *peer = &s->peers[s->answer_line];
    if (peer->known) {
        *out = (struct cb_ingress_path){.peer = peer->end, .vlan = peer->vlan, .line = s->answer_line};
    }
    return peer->known;
}

bool cb_ingress_stale(const struct cb_ingress *in, uint32_t session)
{
    return session_at(in, session)->window.stale;
}

bool cb_ingress_ended(const struct cb_ingress *in, uint32_t session)
{
    return session_at(in, session)->ended;
}

uint64_t cb_ingress_next(const struct cb_ingress *in, uint32_t session)
{
    return session_at(in, session)->window.next;
}

void cb_ingress_session_stats(const struct cb_ingress *in, uint32_t session,
                              struct cb_ingress_session_stats *out)
{
    const struct cb_ingress_session *s = session_at(in, session);
    *out = s->stats;
    out->held_now = s->window.held_count;
    out->next_seq = s->window.next;
}

void cb_ingress_line_stats(const struct cb_ingress *in, uint32_t line, struct cb_ingress_line_stats *out)
{
    CB_ASSERT(line < in->lines_count);
    *out = in->line_stats[line];
}

const char *cb_ingress_drop_name(unsigned reason)
{
    static const char *const names[CB_INGRESS_DROP_COUNT] = {
        [CB_INGRESS_ADDRESS] = "address", [CB_INGRESS_PORT] = "port", [CB_INGRESS_SHORT] = "short_datagram",
        [CB_INGRESS_SESSION] = "session", [CB_INGRESS_TAG] = "tag",   [CB_INGRESS_SEQUENCE] = "sequence",
        [CB_INGRESS_WALK] = "walk",
    };
    if (reason < CB_FRAME_DROP_COUNT) {
        return cb_frame_drop_name(reason);
    }
    return reason < CB_INGRESS_DROP_COUNT ? names[reason] : "?";
}
