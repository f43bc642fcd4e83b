/* The running effects hash: every posting, verdict, refusal and action of the core folded into 64 bits, in
 * order.
 *
 * Each journal frame carries its value before the frame's first record, so that a replay that diverges is
 * caught at the first frame after, not at the end. It finds differences, not attackers: the chain of SHA-256
 * does that. h' = (h xor word) * K, then h' ^= h' >> 32, over little-endian 64-bit words; K is the
 * golden-ratio odd constant. */
#ifndef CB_HOST_ENGINE_EFFECTS_H
#define CB_HOST_ENGINE_EFFECTS_H

#include "host/types/posting.h"
#include "host/types/verdict.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t cb_effects_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
}

static inline uint64_t cb_effects_bytes(uint64_t hash, const uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        uint64_t word = 0;
        size_t part = bytes < 8 ? bytes : 8;
        memcpy(&word, data, part);
        hash = cb_effects_word(hash, word);
        data += part;
        bytes -= part;
    }
    return hash;
}

static inline uint64_t cb_effects_postings(uint64_t hash, const struct cb_postings *postings)
{
    for (uint32_t i = 0; i < postings->count; i++) {
        const struct cb_posting *row = &postings->row[i];
        hash = cb_effects_word(hash, row->seq);
        hash = cb_effects_word(hash, (uint64_t)row->account << 32 | (uint32_t)row->asset << 16 | row->chain);
        hash = cb_effects_word(hash, row->reason);
        hash = cb_effects_word(hash, (uint64_t)row->amount);
    }
    return hash;
}

static inline uint64_t cb_effects_verdict(uint64_t hash, const struct cb_verdict *v)
{
    const struct cb_margin *m = &v->margin;
    const int64_t words[] = {(int64_t)v->seq, (int64_t)v->request_id,
                             m->e_raw_e6,     m->e_mm_e6,
                             m->e_im_e6,      m->m_e6,
                             m->m_o_e6,       m->mm_e6,
                             m->im_e6,        m->holds_e6,
                             m->free_e6,      m->oracle_age_ns};
    hash = cb_effects_word(hash, (uint64_t)v->account << 32 | (uint32_t)v->reason << 16 |
                                     (uint32_t)v->state << 8 | v->previous);
    hash = cb_effects_word(hash, (uint64_t)m->worst_factor << 16 | (uint32_t)m->worst_scenario << 8 |
                                     (m->stale ? 2u : 0u) | (m->overflow ? 1u : 0u));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        hash = cb_effects_word(hash, (uint64_t)words[i]);
    }
    return hash;
}

#endif
