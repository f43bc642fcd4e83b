/* The canonical byte stream: exact bytes out, the same values back, and a stream that ends is a sticky
 * failure. */
#include "host/base/stream.h"

#include <criterion/criterion.h>

#include <string.h>

struct tape {
    uint8_t bytes[64];
    size_t written, read;
};

static void put(void *self, const void *data, size_t bytes)
{
    struct tape *t = self;
    cr_assert_leq(t->written + bytes, sizeof t->bytes);
    memcpy(t->bytes + t->written, data, bytes);
    t->written += bytes;
}

static bool get(void *self, void *data, size_t bytes)
{
    struct tape *t = self;
    if (t->written - t->read < bytes) {
        return false;
    }
    memcpy(data, t->bytes + t->read, bytes);
    t->read += bytes;
    return true;
}

static void write_all(struct tape *t)
{
    struct cb_writer w = {.self = t, .put = put};
    cb_put_u8(&w, 0x01);
    cb_put_u16(&w, 0x0302);
    cb_put_u32(&w, 0x07060504u);
    cb_put_u64(&w, UINT64_C(0x0F0E0D0C0B0A0908));
    cb_put_s64(&w, INT64_MIN);
    cb_put_bytes(&w, "ab", 2);
}

Test(base_stream, integers_are_little_endian_and_as_wide_as_their_name)
{
    struct tape t = {.written = 0};
    write_all(&t);
    static const uint8_t expected[] = {1,  2,  3, 4, 5, 6, 7, 8, 9, 10,   11,  12, 13,
                                       14, 15, 0, 0, 0, 0, 0, 0, 0, 0x80, 'a', 'b'};
    cr_assert_eq(t.written, sizeof expected);
    cr_assert_eq(memcmp(t.bytes, expected, sizeof expected), 0);
}

Test(base_stream, what_was_put_comes_back)
{
    struct tape t = {.written = 0};
    write_all(&t);
    struct cb_reader r = {.self = &t, .get = get};
    char text[2];
    cr_assert_eq(cb_get_u8(&r), 0x01);
    cr_assert_eq(cb_get_u16(&r), 0x0302);
    cr_assert_eq(cb_get_u32(&r), 0x07060504u);
    cr_assert_eq(cb_get_u64(&r), UINT64_C(0x0F0E0D0C0B0A0908));
    cr_assert_eq(cb_get_s64(&r), INT64_MIN);
    cb_get_bytes(&r, text, 2);
    cr_assert(text[0] == 'a' && text[1] == 'b');
    cr_assert(!r.failed);
    cr_assert_eq(t.read, t.written);
}

Test(base_stream, the_end_fails_once_and_for_all_and_gives_zeros)
{
    struct tape t = {.bytes = {0xFF, 0xFF, 0xFF}, .written = 3};
    struct cb_reader r = {.self = &t, .get = get};
    cr_assert_eq(cb_get_u32(&r), 0);
    cr_assert(r.failed);
    cr_assert_eq(cb_get_u8(&r), 0, "bytes are left, but the stream has failed");
    cr_assert_eq(t.read, 0);
}
