#include "host/base/mac.h"

#include "host/base/assert.h"

#include <sodium.h>

_Static_assert(CB_SESSION_KEY_BYTES == crypto_shorthash_siphashx24_KEYBYTES, "key size of siphashx24");
_Static_assert(CB_MAC_BYTES == crypto_shorthash_siphashx24_BYTES, "tag size of siphashx24");

void cb_mac_tag(uint8_t tag[CB_MAC_BYTES], const struct cb_mac_key *key, const uint8_t *data, size_t bytes)
{
    int failed = crypto_shorthash_siphashx24(tag, data, bytes, key->bytes);
    CB_ASSERT(failed == 0);
}

void cb_mac_derive(struct cb_mac_keys *keys, const uint8_t secret[CB_SESSION_KEY_BYTES])
{
    static const uint8_t in[] = "clearbox in", out[] = "clearbox out";
    struct cb_mac_key root;
    for (size_t i = 0; i < sizeof root.bytes; i++) {
        root.bytes[i] = secret[i];
    }
    cb_mac_tag(keys->in.bytes, &root, in, sizeof in - 1);
    cb_mac_tag(keys->out.bytes, &root, out, sizeof out - 1);
}

bool cb_mac_verify(const uint8_t tag[CB_MAC_BYTES], const struct cb_mac_key *key, const uint8_t *data,
                   size_t bytes)
{
    uint8_t expected[CB_MAC_BYTES];
    cb_mac_tag(expected, key, data, bytes);
    _Static_assert(CB_MAC_BYTES == crypto_verify_16_BYTES, "compared in constant time, 16 bytes at once");
    return crypto_verify_16(tag, expected) == 0;
}
