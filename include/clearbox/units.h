/* Units: the fixed-point value types that users, the wire and every stage share.
 *
 * The scale is in the type's name and in its field, so that mixing money with quantity does not compile. Each
 * is one signed 64-bit integer in two's complement. docs/numbers.md has the bound of each and the proof of
 * each product.
 *
 *   cb_price_e8   1e-8 USD               > 0 where a price is meant
 *   cb_qty_e8     1e-8 units             |q| < 2^59 (CB_QTY_E8_MAX)
 *   cb_usd_e6     1e-6 USD
 *   cb_rate_e9    1e-9, a pure fraction  haircuts, volatility, scan ranges
 *   cb_time_ns    nanoseconds since 1970-01-01 UTC
 *
 * This header also compiles as OpenCL C. */
#ifndef CB_CLEARBOX_UNITS_H
#define CB_CLEARBOX_UNITS_H

#ifdef __OPENCL_VERSION__
typedef int cb_s32;
typedef uint cb_u32;
typedef long cb_s64;
typedef ulong cb_u64;
#else
#include <stdint.h>
typedef int32_t cb_s32;
typedef uint32_t cb_u32;
typedef int64_t cb_s64;
typedef uint64_t cb_u64;
#endif

typedef struct {
    cb_s64 e8;
} cb_price_e8;
typedef struct {
    cb_s64 e8;
} cb_qty_e8;
typedef struct {
    cb_s64 e6;
} cb_usd_e6;
typedef struct {
    cb_s64 e9;
} cb_rate_e9;
typedef struct {
    cb_s64 ns;
} cb_time_ns;

#define CB_E6  1000000L
#define CB_E8  100000000L
#define CB_E9  1000000000L
#define CB_E10 10000000000L

#define CB_NS_PER_US  1000L
#define CB_NS_PER_MS  1000000L
#define CB_NS_PER_S   1000000000L
#define CB_NS_PER_DAY (86400L * CB_NS_PER_S)

/* The greatest quantity a position, order, deposit or balance may hold, exclusive: 2^59 units of 1e-8. */
#define CB_QTY_E8_MAX (1L << 59)

#endif
