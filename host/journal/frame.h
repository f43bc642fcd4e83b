/* One frame: hash, check and take apart. Pure functions over bytes; clearbox/journal.h says what is valid. */
#ifndef CB_HOST_JOURNAL_FRAME_H
#define CB_HOST_JOURNAL_FRAME_H

#include "clearbox/journal.h"
#include "host/types/event.h"

#include <stdbool.h>
#include <stdint.h>

/* SHA-256 whose context is a value: an EVP context asks for memory at every start of a digest. */
struct cb_journal_hasher {
    uint64_t context[16]; /* SHA256_CTX */
};

void cb_journal_hasher_open(struct cb_journal_hasher *hasher);
void cb_journal_hasher_close(struct cb_journal_hasher *hasher);
void cb_journal_hasher_start(struct cb_journal_hasher *hasher);
void cb_journal_hasher_add(struct cb_journal_hasher *hasher, const void *data, size_t bytes);
void cb_journal_hasher_end(struct cb_journal_hasher *hasher, uint8_t hash[CB_JOURNAL_HASH_BYTES]);
void cb_journal_hash(struct cb_journal_hasher *hasher, uint8_t hash[CB_JOURNAL_HASH_BYTES], const void *data,
                     size_t bytes);

/* Where the next frame of a chain must stand and what it must follow from. */
struct cb_journal_link {
    uint64_t generation;
    uint64_t frame_no;  /* of the next frame */
    uint64_t first_seq; /* of the next frame */
    uint64_t epoch;     /* of the frame before */
    uint64_t oldest;    /* of the frame before */
    int64_t last_ns;    /* ingest time of the last record before; INT64_MIN: none */
    uint8_t prev[CB_JOURNAL_HASH_BYTES];
};

/* Whether a frame starts at `bytes`, which are found at `offset` of a slot and reach to the slot's end or for
 * CB_JOURNAL_FRAME_BYTES_MAX, whichever is less. Needs no other frame (see VALIDITY: "sound").
 * Requires: available is a multiple of 4 KiB, not 0. *frame is filled for every result from
 * CB_JOURNAL_FOREIGN on and for SOUND; for BAD_CRC it holds what the header claims, for messages only. */
enum cb_journal_flaw cb_journal_frame_check(struct cb_journal_frame *frame, const uint8_t *bytes,
                                            uint32_t available, uint64_t cluster, uint64_t offset);

/* Whether a sound frame follows from `link`: SOUND, STALE (another generation) or BROKEN. */
enum cb_journal_flaw cb_journal_frame_follows(const struct cb_journal_frame *frame,
                                              const struct cb_journal_link *link);

/* The link after a sound frame whose bytes are given (to hash). */
void cb_journal_link_after(struct cb_journal_link *link, const struct cb_journal_frame *frame,
                           const uint8_t *bytes, struct cb_journal_hasher *hasher);

/* Set magic, version, used_bytes, count ... as *frame has them, zero the padding, compute the CRC over
 * `bytes` and store the header. Requires: records in place, blocks * 4 KiB writable. */
void cb_journal_frame_seal(uint8_t *bytes, struct cb_journal_frame *frame);

/* The record at byte `at` of a sound frame as an event. Returns: where the next record starts. Ownership: the
 * body points into `bytes`. */
uint32_t cb_journal_record_read(struct cb_event *event, const uint8_t *bytes, uint32_t at, uint64_t seq,
                                int64_t base_ns);

bool cb_journal_zeros(const uint8_t *bytes, uint64_t count);

/* One line for a person: "altered or torn (checksum)". */
const char *cb_journal_flaw_name(enum cb_journal_flaw flaw);

#endif
