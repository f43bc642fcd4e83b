/* Loads and stores at every alignment, byte by byte. */
#include "host/base/bytes.h"

#include <criterion/criterion.h>

#include <string.h>

static const uint8_t pattern[8] = {0x81, 0x92, 0xA3, 0xB4, 0xC5, 0xD6, 0xE7, 0xF8};

Test(base_bytes, loads_at_every_alignment_have_the_order_their_name_says)
{
    for (unsigned at = 0; at < 8; at++) {
        uint8_t room[16] = {0};
        memcpy(room + at, pattern, 8);
        const uint8_t *p = room + at;
        cr_assert_eq(cb_load_u16_le(p), 0x9281);
        cr_assert_eq(cb_load_u16_be(p), 0x8192);
        cr_assert_eq(cb_load_u32_le(p), 0xB4A39281u);
        cr_assert_eq(cb_load_u32_be(p), 0x8192A3B4u);
        cr_assert_eq(cb_load_u64_le(p), UINT64_C(0xF8E7D6C5B4A39281));
        cr_assert_eq(cb_load_u64_be(p), UINT64_C(0x8192A3B4C5D6E7F8));
        cr_assert_eq(cb_load_s64_le(p), (int64_t)UINT64_C(0xF8E7D6C5B4A39281));
    }
}

Test(base_bytes, stores_write_their_width_and_not_a_byte_more)
{
    for (unsigned at = 1; at < 9; at++) {
        uint8_t room[24];
#define CHECK(store, value, width, ...)                                                                      \
    do {                                                                                                     \
        static const uint8_t expected[] = {__VA_ARGS__};                                                     \
        memset(room, 0x55, sizeof room);                                                                     \
        store(room + at, value);                                                                             \
        cr_assert_eq(memcmp(room + at, expected, width), 0, #store);                                         \
        cr_assert(room[at - 1] == 0x55 && room[at + width] == 0x55, #store);                                 \
    } while (0)
        CHECK(cb_store_u16_le, 0x1234, 2, 0x34, 0x12);
        CHECK(cb_store_u16_be, 0x1234, 2, 0x12, 0x34);
        CHECK(cb_store_u32_le, 0x12345678u, 4, 0x78, 0x56, 0x34, 0x12);
        CHECK(cb_store_u32_be, 0x12345678u, 4, 0x12, 0x34, 0x56, 0x78);
        CHECK(cb_store_u64_le, UINT64_C(0x0102030405060708), 8, 8, 7, 6, 5, 4, 3, 2, 1);
        CHECK(cb_store_u64_be, UINT64_C(0x0102030405060708), 8, 1, 2, 3, 4, 5, 6, 7, 8);
        CHECK(cb_store_s64_le, -2, 8, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF);
#undef CHECK
    }
}
