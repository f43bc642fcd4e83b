/* Loads and stores of fixed-width integers at any alignment. le: SBE bodies, journal, state. be: Ethernet,
 * IP, MoldUDP64. The box runs on little-endian machines only (asserted below), so le is a plain copy. */
#ifndef CB_HOST_BASE_BYTES_H
#define CB_HOST_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "clearbox runs on little-endian machines");

#define CB_BYTES_LE(type, name)                                                                              \
    static inline type cb_load_##name(const uint8_t *p)                                                      \
    {                                                                                                        \
        type v;                                                                                              \
        memcpy(&v, p, sizeof v);                                                                             \
        return v;                                                                                            \
    }                                                                                                        \
    static inline void cb_store_##name(uint8_t *p, type v)                                                   \
    {                                                                                                        \
        memcpy(p, &v, sizeof v);                                                                             \
    }
CB_BYTES_LE(uint16_t, u16_le)
CB_BYTES_LE(uint32_t, u32_le)
CB_BYTES_LE(uint64_t, u64_le)
CB_BYTES_LE(int64_t, s64_le)
#undef CB_BYTES_LE

static inline uint16_t cb_load_u16_be(const uint8_t *p)
{
    return (uint16_t)((uint16_t)(p[0] << 8) | p[1]);
}
static inline uint32_t cb_load_u32_be(const uint8_t *p)
{
    return __builtin_bswap32(cb_load_u32_le(p));
}
static inline uint64_t cb_load_u64_be(const uint8_t *p)
{
    return __builtin_bswap64(cb_load_u64_le(p));
}
static inline void cb_store_u16_be(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void cb_store_u32_be(uint8_t *p, uint32_t v)
{
    cb_store_u32_le(p, __builtin_bswap32(v));
}
static inline void cb_store_u64_be(uint8_t *p, uint64_t v)
{
    cb_store_u64_le(p, __builtin_bswap64(v));
}

#endif
