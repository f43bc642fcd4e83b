/* MoldUDP64 framing: the header's bytes, and the walk at every length. */
#include "clearbox/mold.h"

#include <criterion/criterion.h>

#include <string.h>

Test(mold, the_header_has_the_bytes_of_the_standard)
{
    static const uint8_t expected[CB_MOLD_HEADER_BYTES] = {
        'S', 'E', 'S', 'S', 'I', 'O', 'N', '-', '1', ' ', 1, 2, 3, 4, 5, 6, 7, 8, 0xFE, 0xDC};
    struct cb_mold_header h = {.sequence = UINT64_C(0x0102030405060708), .count = 0xFEDC}, back;
    memcpy(h.session, "SESSION-1 ", sizeof h.session);
    uint8_t bytes[CB_MOLD_HEADER_BYTES];
    cb_mold_header_encode(bytes, &h);
    cr_assert_eq(memcmp(bytes, expected, sizeof bytes), 0);
    cb_mold_header_decode(&back, bytes);
    cr_assert(back.sequence == h.sequence && back.count == h.count &&
              memcmp(back.session, h.session, 10) == 0);
}

Test(mold, the_walk_stops_before_it_would_pass_the_end)
{
    static const uint8_t messages[] = {0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd'};
    static const size_t ends[] = {5, 7, 10};
    for (size_t cut = 0; cut <= sizeof messages; cut++) {
        const uint8_t *p = messages, *message = NULL;
        size_t left = cut, found = 0;
        uint32_t bytes = 0;
        while (cb_mold_next(&p, &left, &message, &bytes)) {
            cr_assert_eq((size_t)(p - messages), ends[found]);
            cr_assert_eq(message + bytes, p);
            found++;
        }
        size_t whole = cut >= 10 ? 3 : cut >= 7 ? 2 : cut >= 5 ? 1 : 0;
        cr_assert_eq(found, whole, "cut at %zu", cut);
        cr_assert_eq(left, cut - (whole > 0 ? ends[whole - 1] : 0), "what is left is untouched");
    }
}

Test(mold, a_length_of_65535_in_a_short_datagram_is_refused)
{
    uint8_t messages[100];
    memset(messages, 0xFF, sizeof messages);
    const uint8_t *p = messages, *message;
    size_t left = sizeof messages;
    uint32_t bytes;
    cr_assert(!cb_mold_next(&p, &left, &message, &bytes));
    cr_assert(p == messages && left == sizeof messages);
}
