/* CRC-32C (Castagnoli, reflected polynomial 0x82F63B78): the checksum of journal frames and snapshots.
 * "123456789" has 0xE3069283. */
#ifndef CB_HOST_BASE_CRC32C_H
#define CB_HOST_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of `data` after bytes whose CRC is `crc` (0: none), by the processor's instruction where it has
 * one, else by table. Both give the same value. */
uint32_t cb_crc32c(uint32_t crc, const void *data, size_t bytes);

/* The table alone; for tests and for machines without the instruction. */
uint32_t cb_crc32c_table(uint32_t crc, const void *data, size_t bytes);

#endif
