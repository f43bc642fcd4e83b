/* The link tag against SipHash written a second time and against the published vectors. */
#include "host/base/mac.h"
#include "siphash_vectors.h"

#include <criterion/criterion.h>

#include <string.h>

static struct cb_mac_key counting_key(void)
{
    struct cb_mac_key key;
    for (unsigned i = 0; i < sizeof key.bytes; i++) {
        key.bytes[i] = (uint8_t)i;
    }
    return key;
}

Test(base_mac, tags_are_siphash_2_4_128_at_every_short_length)
{
    struct cb_mac_key key = counting_key();
    uint8_t data[64], tag[CB_MAC_BYTES];
    for (unsigned n = 0; n < 64; n++) {
        data[n] = (uint8_t)n;
        cb_mac_tag(tag, &key, data, n);
        cr_assert_eq(memcmp(tag, siphash_tags[n], sizeof tag), 0, "length %u", n);
        cr_assert(cb_mac_verify(siphash_tags[n], &key, data, n));
    }
    static const uint8_t published_of_nothing[] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                                   0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
    cr_assert_eq(memcmp(siphash_tags[0], published_of_nothing, 16), 0);
}

Test(base_mac, a_whole_datagram_is_covered_to_its_last_byte)
{
    struct cb_mac_key key = counting_key();
    uint8_t data[SIPHASH_LONG_BYTES], tag[CB_MAC_BYTES];
    for (unsigned i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7);
    }
    cb_mac_tag(tag, &key, data, sizeof data);
    cr_assert_eq(memcmp(tag, siphash_long_tag, sizeof tag), 0);
    for (unsigned i = 0; i < sizeof data; i++) {
        data[i] ^= 0x10;
        cr_assert(!cb_mac_verify(tag, &key, data, sizeof data), "byte %u", i);
        data[i] ^= 0x10;
    }
    cr_assert(!cb_mac_verify(tag, &key, data, sizeof data - 1));
}

Test(base_mac, any_wrong_bit_of_a_tag_or_a_key_is_refused)
{
    struct cb_mac_key key = counting_key();
    uint8_t tag[CB_MAC_BYTES], nothing = 0;
    cb_mac_tag(tag, &key, &nothing, 0);
    for (unsigned bit = 0; bit < 128; bit++) {
        tag[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        cr_assert(!cb_mac_verify(tag, &key, &nothing, 0));
        tag[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        key.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        cr_assert(!cb_mac_verify(tag, &key, &nothing, 0));
        key.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    cr_assert(cb_mac_verify(tag, &key, &nothing, 0));
}

Test(base_mac, the_two_directions_have_keys_of_their_own)
{
    uint8_t secret[CB_SESSION_KEY_BYTES];
    for (unsigned i = 0; i < sizeof secret; i++) {
        secret[i] = (uint8_t)(0xA0 + i);
    }
    struct cb_mac_keys keys;
    cb_mac_derive(&keys, secret);
    cr_assert_eq(memcmp(keys.in.bytes, siphash_derived_in, 16), 0);
    cr_assert_eq(memcmp(keys.out.bytes, siphash_derived_out, 16), 0);
    cr_assert_neq(memcmp(keys.in.bytes, keys.out.bytes, 16), 0);
    cr_assert_neq(memcmp(keys.in.bytes, secret, 16), 0);
}
