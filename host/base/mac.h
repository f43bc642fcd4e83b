/* The link tag: SipHash-2-4 with a 128-bit result (libsodium's siphashx24) over a whole datagram.
 *
 * Each session has one 16-byte secret from which two keys come, so that a datagram can not be reflected: what
 * the sender tags with `in` (sender to box) never verifies under `out` (box to sender). in =
 * siphashx24(secret, "clearbox in"), out = siphashx24(secret, "clearbox out"). Verification takes constant
 * time. It keeps neighbours and noise out; authority lies in signatures inside messages. */
#ifndef CB_HOST_BASE_MAC_H
#define CB_HOST_BASE_MAC_H

#include "clearbox/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cb_mac_key {
    uint8_t bytes[CB_SESSION_KEY_BYTES];
};

struct cb_mac_keys {
    struct cb_mac_key in, out;
};

void cb_mac_derive(struct cb_mac_keys *keys, const uint8_t secret[CB_SESSION_KEY_BYTES]);
void cb_mac_tag(uint8_t tag[CB_MAC_BYTES], const struct cb_mac_key *key, const uint8_t *data, size_t bytes);
bool cb_mac_verify(const uint8_t tag[CB_MAC_BYTES], const struct cb_mac_key *key, const uint8_t *data,
                   size_t bytes);

#endif
