/* Goal: both CRC paths agree with the standard, and every rule of a sound frame is enforced. Method: known
 * answers, then one good frame with one thing wrong at a time (its CRC made right again where the rule is not
 * the CRC). */
#include "tests/unit/journal/world.h"

#include "host/base/crc32c.h"

#include <criterion/criterion.h>
#include <string.h>

#define CLUSTER 5u

Test(journal_crc, known_answers_hold_on_both_paths)
{
    static const uint8_t zeros[32], text[] = "123456789";
    cr_assert_eq(cb_crc32c(0, text, 9), 0xE3069283u);
    cr_assert_eq(cb_crc32c_table(0, text, 9), 0xE3069283u);
    cr_assert_eq(cb_crc32c(0, zeros, 32), 0x8A9136AAu); /* RFC 3720 B.4 */
    cr_assert_eq(cb_crc32c_table(0, zeros, 32), 0x8A9136AAu);
    cr_assert_eq(cb_crc32c(0, text, 0), 0u);
}

Test(journal_crc, the_instruction_and_the_table_agree_at_every_length_and_alignment)
{
    static uint8_t data[9000];
    uint64_t random = world_seed();
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)world_random(&random);
    }
    for (size_t bytes = 0; bytes < 8900; bytes += bytes < 300 ? 1 : 97) {
        size_t at = bytes % 17;
        uint32_t start = (uint32_t)world_random(&random);
        cr_assert_eq(cb_crc32c(start, data + at, bytes), cb_crc32c_table(start, data + at, bytes));
        size_t cut = bytes / 3;
        cr_assert_eq(cb_crc32c(cb_crc32c(start, data + at, cut), data + at + cut, bytes - cut),
                     cb_crc32c(start, data + at, bytes));
    }
}

static _Alignas(8) uint8_t bytes[3 * 4096];

/* Frame 2 of a journal, of two blocks and two records, the second with 3 bytes of padding. */
static struct cb_journal_frame good_frame(void)
{
    memset(bytes, 0, sizeof bytes);
    struct cb_journal_record record = {.body_bytes = 4000, .kind = 3, .session = 1, .session_seq = 8};
    uint8_t *at = bytes + CB_JOURNAL_FRAME_HEADER_BYTES;
    memcpy(at, &record, sizeof record);
    memset(at + 16, 0x5A, 4000);
    record = (struct cb_journal_record){.body_bytes = 5, .kind = 4, .delta_ns = 9};
    memcpy(at + 4016, &record, sizeof record);
    memset(at + 4032, 0x5A, 5);
    return (struct cb_journal_frame){.blocks = 2,
                                     .cluster = CLUSTER,
                                     .generation = 3,
                                     .offset = 8192,
                                     .epoch = 2,
                                     .frame_no = 20,
                                     .first_seq = 77,
                                     .count = 2,
                                     .used_bytes = CB_JOURNAL_FRAME_HEADER_BYTES + 4016 + 24,
                                     .base_ns = 1000,
                                     .acked_frame = 19,
                                     .oldest = 2,
                                     .effects = 4,
                                     .flags = CB_JOURNAL_FLAG_EFFECTS};
}

static void reseal(const struct cb_journal_frame *header)
{
    /* As seal does it, but without its checks: the point is a wrong header with a right CRC. */
    struct cb_journal_frame frame = *header;
    frame.crc = 0;
    memcpy(bytes, &frame, sizeof frame);
    frame.crc = cb_crc32c(0, bytes, frame.blocks * 4096u);
    memcpy(bytes, &frame, sizeof frame);
}

static enum cb_journal_flaw check(void)
{
    struct cb_journal_frame frame;
    return cb_journal_frame_check(&frame, bytes, sizeof bytes, CLUSTER, 8192);
}

Test(journal_frame, a_sealed_frame_is_sound_and_its_crc_is_over_zero_in_place_of_the_crc)
{
    struct cb_journal_frame frame = good_frame();
    cb_journal_frame_seal(bytes, &frame);
    cr_assert_eq(check(), CB_JOURNAL_SOUND);
    uint32_t crc = frame.crc;
    reseal(&frame);
    memcpy(&frame, bytes, sizeof frame);
    cr_assert_eq(frame.crc, crc);
}

/* Each of these changes one field of a sealed frame; `right` is the edge that must still pass. */
#define FIELD_IS(field, wrong, right)                                                                        \
    do {                                                                                                     \
        struct cb_journal_frame frame_ = good_frame();                                                       \
        cb_journal_frame_seal(bytes, &frame_);                                                               \
        frame_.field = (wrong);                                                                              \
        reseal(&frame_);                                                                                     \
        cr_assert_eq(check(), CB_JOURNAL_MALFORMED, #field " = " #wrong);                                    \
        frame_.field = (right);                                                                              \
        reseal(&frame_);                                                                                     \
        cr_assert_eq(check(), CB_JOURNAL_SOUND, #field " = " #right);                                        \
    } while (0)

Test(journal_frame, a_header_that_is_impossible_is_malformed)
{
    FIELD_IS(generation, 1, 2); /* oldest is 2 */
    FIELD_IS(oldest, 0, 1);
    FIELD_IS(oldest, 4, 3);
    FIELD_IS(epoch, 0, 1);
    FIELD_IS(first_seq, 0, 1);
    FIELD_IS(first_seq, UINT64_MAX - 1, UINT64_MAX - 2);
    FIELD_IS(acked_frame, 20, 19);
    FIELD_IS(acked_frame, 15, 16);
    FIELD_IS(base_ns, -1, 0);
    FIELD_IS(base_ns, INT64_MAX - (int64_t)UINT32_MAX + 1, INT64_MAX - (int64_t)UINT32_MAX);
    FIELD_IS(flags, 3, CB_JOURNAL_FLAG_EFFECTS);
    FIELD_IS(flags, 0, CB_JOURNAL_FLAG_EFFECTS); /* effects is not 0 */
    FIELD_IS(zero, 1, 0);
    FIELD_IS(count, 1, 2);
    FIELD_IS(count, 3, 2);
    FIELD_IS(used_bytes, 4096 + 144, CB_JOURNAL_FRAME_HEADER_BYTES + 4016 + 24);
    FIELD_IS(used_bytes, 143, CB_JOURNAL_FRAME_HEADER_BYTES + 4016 + 24);
    FIELD_IS(blocks, 3, 2); /* one more than the records need */
}

#define BYTE_IS(at, wrong, flaw)                                                                             \
    do {                                                                                                     \
        struct cb_journal_frame frame_ = good_frame();                                                       \
        cb_journal_frame_seal(bytes, &frame_);                                                               \
        bytes[at] = (wrong);                                                                                 \
        reseal(&frame_);                                                                                     \
        cr_assert_eq(check(), (flaw), #at " = " #wrong);                                                     \
    } while (0)

Test(journal_frame, records_that_are_impossible_are_malformed)
{
    const uint32_t first = CB_JOURNAL_FRAME_HEADER_BYTES, second = first + 4016;
    BYTE_IS(first + 2, 0, CB_JOURNAL_MALFORMED);       /* kind 0 */
    BYTE_IS(first + 2, 99, CB_JOURNAL_SOUND);          /* kinds are the engine's to judge */
    BYTE_IS(first + 4, 1, CB_JOURNAL_MALFORMED);       /* the first delta is 0 */
    BYTE_IS(second + 16 + 5, 1, CB_JOURNAL_MALFORMED); /* padding of the body */
    BYTE_IS(second + 16 + 4, 1, CB_JOURNAL_SOUND);     /* the last byte of the body */
    BYTE_IS(second + 24, 1, CB_JOURNAL_MALFORMED);     /* padding of the frame */
    BYTE_IS(8191, 1, CB_JOURNAL_MALFORMED);            /* its last byte */
    BYTE_IS(second, 9, CB_JOURNAL_MALFORMED);          /* a body that passes used_bytes */
    BYTE_IS(second + 1, 0xFF, CB_JOURNAL_MALFORMED);   /* and one that passes everything */
}

Test(journal_frame, deltas_may_be_equal_and_may_not_decrease)
{
    struct cb_journal_frame frame = good_frame();
    struct cb_journal_record record = {.kind = 4, .delta_ns = 9};
    uint8_t *third = bytes + frame.used_bytes;
    memcpy(third, &record, sizeof record);
    frame.count = 3;
    frame.used_bytes += 16;
    cb_journal_frame_seal(bytes, &frame);
    cr_assert_eq(check(), CB_JOURNAL_SOUND);
    third[4] = 8;
    reseal(&frame);
    cr_assert_eq(check(), CB_JOURNAL_MALFORMED);
}

Test(journal_frame, what_is_not_here_for_other_reasons_is_named)
{
    struct cb_journal_frame frame = good_frame(), out;
    cb_journal_frame_seal(bytes, &frame);
    cr_assert_eq(cb_journal_frame_check(&out, bytes, sizeof bytes, CLUSTER + 1, 8192), CB_JOURNAL_FOREIGN);
    cr_assert_eq(cb_journal_frame_check(&out, bytes, sizeof bytes, CLUSTER, 4096), CB_JOURNAL_MISPLACED);
    cr_assert_eq(cb_journal_frame_check(&out, bytes, 4096, CLUSTER, 8192), CB_JOURNAL_BAD_SIZE);
    cr_assert_eq(cb_journal_frame_check(&out, bytes, 8192, CLUSTER, 8192), CB_JOURNAL_SOUND);
    frame.version = 2;
    reseal(&frame);
    cr_assert_eq(check(), CB_JOURNAL_BAD_VERSION);
    bytes[5000] ^= 1;
    cr_assert_eq(check(), CB_JOURNAL_BAD_CRC);
    bytes[0] ^= 1;
    cr_assert_eq(check(), CB_JOURNAL_NO_FRAME);
    memset(bytes, 0, sizeof bytes);
    cr_assert_eq(check(), CB_JOURNAL_ZERO);
    bytes[4095] = 1;
    cr_assert_eq(check(), CB_JOURNAL_NO_FRAME);
}

Test(journal_frame, the_chain_asks_for_every_field)
{
    struct cb_journal_frame frame = good_frame();
    cb_journal_frame_seal(bytes, &frame);
    const struct cb_journal_link good = {
        .generation = 3, .frame_no = 20, .first_seq = 77, .epoch = 2, .oldest = 2, .last_ns = 1000};
    cr_assert_eq(cb_journal_frame_follows(&frame, &good), CB_JOURNAL_SOUND);
    struct cb_journal_link link = good;
    link.generation = 4;
    cr_assert_eq(cb_journal_frame_follows(&frame, &link), CB_JOURNAL_STALE);
    link = good;
    link.frame_no = 21;
    cr_assert_eq(cb_journal_frame_follows(&frame, &link), CB_JOURNAL_BROKEN);
    link = good;
    link.first_seq = 76;
    cr_assert_eq(cb_journal_frame_follows(&frame, &link), CB_JOURNAL_BROKEN);
    link = good;
    link.epoch = 3;
    cr_assert_eq(cb_journal_frame_follows(&frame, &link), CB_JOURNAL_BROKEN);
    link.epoch = 1;
    cr_assert_eq(cb_journal_frame_follows(&frame, &link), CB_JOURNAL_SOUND);
    link = good;
    link.oldest = 3;
    cr_assert_eq(cb_journal_frame_follows(&frame, &link), CB_JOURNAL_BROKEN);
    link = good;
    link.last_ns = 1001;
    cr_assert_eq(cb_journal_frame_follows(&frame, &link), CB_JOURNAL_BROKEN);
    link = good;
    link.prev[31] = 1;
    cr_assert_eq(cb_journal_frame_follows(&frame, &link), CB_JOURNAL_BROKEN);
}
