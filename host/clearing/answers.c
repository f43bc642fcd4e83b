#include "host/clearing/answers.h"

#include "clearbox/wire.h"
#include "host/base/assert.h"
#include "host/base/bytes.h"
#include "host/base/mac.h"

#include <string.h>

#define NO_ROWS UINT32_MAX

static uint32_t askers(const struct cb_config *config)
{
    uint32_t count = 0;
    for (uint32_t session = 0; session < config->sessions_count; session++) {
        count += config->sessions[session].role == CB_ROLE_TRADER;
    }
    return count;
}

static uint32_t share_of(const struct cb_config *config)
{
    uint32_t count = askers(config);
    uint32_t share = count == 0 ? 0 : config->capacity.answers / count;
    return share > 0 ? share : 1;
}

static uint32_t rows_of(const struct cb_config *config)
{
    return share_of(config) * askers(config);
}

/* At most half full, so that a search always meets a free slot, and soon. */
static uint32_t slots_of(uint32_t rows)
{
    uint32_t slots = 2;
    while (slots < 2 * rows) {
        slots *= 2;
    }
    return slots;
}

/* The finaliser of SplitMix64: a fixed mixing, no seed. */
static uint32_t home_of(const struct cb_answers *answers, uint8_t session, uint64_t request_id)
{
    uint64_t h = request_id ^ (uint64_t)session << 56;
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9u;
    h = (h ^ h >> 27) * 0x94D049BB133111EBu;
    h ^= h >> 31;
    return (uint32_t)h & (answers->slots - 1);
}

/* The slot that has the key, or the free one where the search ended. */
static uint32_t search(const struct cb_answers *answers, uint8_t session, uint64_t request_id)
{
    uint32_t slot = home_of(answers, session, request_id);
    while (answers->index[slot] != 0) {
        const struct cb_answer *row = &answers->rows[answers->index[slot] - 1];
        if (row->request_id == request_id && row->session == session) {
            break;
        }
        slot = (slot + 1) & (answers->slots - 1);
    }
    return slot;
}

/* Frees a slot; what was pushed past it moves up, so that no search ends too soon and no tombstone is needed.
 */
static void index_remove(struct cb_answers *answers, uint32_t hole)
{
    uint32_t mask = answers->slots - 1;
    uint32_t slot = (hole + 1) & mask;
    while (answers->index[slot] != 0) {
        const struct cb_answer *row = &answers->rows[answers->index[slot] - 1];
        uint32_t home = home_of(answers, row->session, row->request_id);
        if (((slot - home) & mask) >= ((slot - hole) & mask)) {
            answers->index[hole] = answers->index[slot];
            hole = slot;
        }
        slot = (slot + 1) & mask;
    }
    answers->index[hole] = 0;
}

static bool is_valid(const struct cb_answer *answer)
{
    if (answer->request_id == 0 || answer->seq == 0 || answer->reason >= CB_REJECT_COUNT ||
        answer->state > CB_MARGIN_UNKNOWN || answer->status >= CB_WITHDRAWAL_STATUS_COUNT) {
        return false;
    }
    bool refused = answer->status == CB_WITHDRAWAL_STATUS_REFUSED;
    if (answer->kind == CB_ANSWER_MARGIN_CHECK) {
        return refused; /* that is 0: no withdrawal */
    }
    return answer->kind == CB_ANSWER_WITHDRAWAL && refused == (answer->reason != CB_REJECT_NONE);
}

size_t cb_answers_footprint(const struct cb_config *config)
{
    uint32_t rows = rows_of(config);
    return cb_arena_room(rows * sizeof(struct cb_answer)) + cb_arena_room(slots_of(rows) * sizeof(uint32_t));
}

void cb_answers_init(struct cb_answers *answers, struct cb_arena *arena, const struct cb_config *config)
{
    CB_ASSERT(config->capacity.answers >= 1 && config->capacity.answers <= CB_ANSWERS_MAX);
    CB_ASSERT(config->sessions_count <= CB_SESSIONS_MAX);
    memset(answers, 0, sizeof *answers);
    answers->share = share_of(config);
    answers->slots = slots_of(rows_of(config));
    answers->rows = cb_arena_take(arena, rows_of(config) * sizeof(struct cb_answer));
    answers->index = cb_arena_take(arena, answers->slots * sizeof(uint32_t));
    memset(answers->index, 0, answers->slots * sizeof(uint32_t));
    uint32_t base = 0;
    for (uint32_t session = 0; session < CB_SESSIONS_MAX; session++) {
        answers->base[session] = NO_ROWS;
        if (session < config->sessions_count && config->sessions[session].role == CB_ROLE_TRADER) {
            answers->base[session] = base;
            base += answers->share;
        }
    }
}

struct cb_answer_digest cb_answers_digest(const uint8_t *message, size_t bytes)
{
    static const struct cb_mac_key key = {.bytes = "clearbox request"};
    uint8_t tag[CB_MAC_BYTES];
    cb_mac_tag(tag, &key, message, bytes);
    return (struct cb_answer_digest){.hi = cb_load_u64_le(tag), .lo = cb_load_u64_le(tag + 8)};
}

enum cb_answers_match cb_answers_find(const struct cb_answers *answers, uint8_t session, uint64_t request_id,
                                      struct cb_answer_digest digest, const struct cb_answer **answer)
{
    CB_ASSERT(session < CB_SESSIONS_MAX);
    uint32_t slot = search(answers, session, request_id);
    const struct cb_answer *row = answers->index[slot] == 0 ? NULL : &answers->rows[answers->index[slot] - 1];
    if (answer != NULL) {
        *answer = row;
    }
    if (row == NULL) {
        return CB_ANSWERS_NEW;
    }
    bool same = row->digest.hi == digest.hi && row->digest.lo == digest.lo;
    return same ? CB_ANSWERS_REPEAT : CB_ANSWERS_CONFLICT;
}

struct cb_answer cb_answers_of(enum cb_answer_kind kind, uint8_t session, struct cb_answer_digest digest,
                               const struct cb_verdict *verdict)
{
    struct cb_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.request_id = verdict->request_id;
    answer.digest = digest;
    answer.seq = verdict->seq;
    answer.account = verdict->account;
    answer.reason = verdict->reason;
    answer.session = session;
    answer.kind = (uint8_t)kind;
    if (kind == CB_ANSWER_WITHDRAWAL) {
        bool held = verdict->reason == CB_REJECT_NONE;
        answer.status = held ? CB_WITHDRAWAL_STATUS_HELD : CB_WITHDRAWAL_STATUS_REFUSED;
        return answer;
    }
    answer.state = verdict->state;
    answer.e_im_e6 = verdict->margin.e_im_e6;
    answer.im_e6 = verdict->margin.im_e6;
    answer.free_e6 = verdict->margin.free_e6;
    answer.as_of_ns = verdict->as_of_ns;
    answer.oracle_age_ns = verdict->margin.oracle_age_ns;
    return answer;
}

void cb_answers_put(struct cb_answers *answers, const struct cb_answer *answer)
{
    uint8_t session = answer->session;
    CB_ASSERT(session < CB_SESSIONS_MAX && answers->base[session] != NO_ROWS);
    CB_ASSERT(is_valid(answer));
    if (answers->count[session] == answers->share) {
        const struct cb_answer *oldest = &answers->rows[answers->base[session] + answers->oldest[session]];
        CB_ASSERT(oldest->request_id != answer->request_id);
        index_remove(answers, search(answers, session, oldest->request_id));
        answers->oldest[session] = (answers->oldest[session] + 1) % answers->share;
        answers->count[session]--;
    }
    uint32_t slot = search(answers, session, answer->request_id);
    CB_ASSERT(answers->index[slot] == 0);
    uint32_t place = (answers->oldest[session] + answers->count[session]) % answers->share;
    uint32_t row = answers->base[session] + place;
    answers->rows[row] = *answer;
    answers->index[slot] = row + 1;
    answers->count[session]++;
}

bool cb_answers_update(struct cb_answers *answers, uint8_t session, uint64_t request_id, uint8_t status)
{
    CB_ASSERT(session < CB_SESSIONS_MAX);
    CB_ASSERT(status == CB_WITHDRAWAL_STATUS_DONE || status == CB_WITHDRAWAL_STATUS_FAILED);
    uint32_t slot = search(answers, session, request_id);
    if (answers->index[slot] == 0) {
        return false;
    }
    struct cb_answer *row = &answers->rows[answers->index[slot] - 1];
    if (row->kind != CB_ANSWER_WITHDRAWAL || row->status != CB_WITHDRAWAL_STATUS_HELD) {
        return false;
    }
    row->status = status;
    return true;
}

static void put_answer(struct cb_writer *writer, const struct cb_answer *answer)
{
    cb_put_u64(writer, answer->request_id);
    cb_put_u64(writer, answer->digest.hi);
    cb_put_u64(writer, answer->digest.lo);
    cb_put_u64(writer, answer->seq);
    cb_put_s64(writer, answer->e_im_e6);
    cb_put_s64(writer, answer->im_e6);
    cb_put_s64(writer, answer->free_e6);
    cb_put_s64(writer, answer->as_of_ns);
    cb_put_s64(writer, answer->oracle_age_ns);
    cb_put_u32(writer, answer->account);
    cb_put_u16(writer, answer->reason);
    cb_put_u8(writer, answer->kind);
    cb_put_u8(writer, answer->state);
    cb_put_u8(writer, answer->status);
}

static void get_answer(struct cb_reader *reader, struct cb_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->request_id = cb_get_u64(reader);
    answer->digest.hi = cb_get_u64(reader);
    answer->digest.lo = cb_get_u64(reader);
    answer->seq = cb_get_u64(reader);
    answer->e_im_e6 = cb_get_s64(reader);
    answer->im_e6 = cb_get_s64(reader);
    answer->free_e6 = cb_get_s64(reader);
    answer->as_of_ns = cb_get_s64(reader);
    answer->oracle_age_ns = cb_get_s64(reader);
    answer->account = cb_get_u32(reader);
    answer->reason = cb_get_u16(reader);
    answer->kind = cb_get_u8(reader);
    answer->state = cb_get_u8(reader);
    answer->status = cb_get_u8(reader);
}

void cb_answers_serialize(const struct cb_answers *answers, struct cb_writer *writer)
{
    for (uint32_t session = 0; session < CB_SESSIONS_MAX; session++) {
        if (answers->base[session] == NO_ROWS) {
            continue;
        }
        cb_put_u32(writer, answers->count[session]);
        for (uint32_t i = 0; i < answers->count[session]; i++) {
            uint32_t place = (answers->oldest[session] + i) % answers->share;
            put_answer(writer, &answers->rows[answers->base[session] + place]);
        }
    }
}

bool cb_answers_restore(struct cb_answers *answers, struct cb_reader *reader)
{
    memset(answers->index, 0, answers->slots * sizeof(uint32_t));
    memset(answers->count, 0, sizeof answers->count);
    memset(answers->oldest, 0, sizeof answers->oldest);
    for (uint32_t session = 0; session < CB_SESSIONS_MAX; session++) {
        if (answers->base[session] == NO_ROWS) {
            continue;
        }
        uint32_t count = cb_get_u32(reader);
        if (count > answers->share) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            struct cb_answer answer;
            get_answer(reader, &answer);
            answer.session = (uint8_t)session;
            if (reader->failed || !is_valid(&answer) ||
                answers->index[search(answers, answer.session, answer.request_id)] != 0) {
                return false;
            }
            cb_answers_put(answers, &answer);
        }
    }
    return !reader->failed;
}
