/* The frame parser. What it accepts lies inside the input, can be answered, and survives the builder. Each
 * input is parsed as it is, and once more with its checksums repaired, so that the fuzzer gets past them. */
#include "host/base/frame.h"
#include "tests/fuzz/harness.h"

#include <string.h>

static void check(const uint8_t *data, size_t bytes)
{
    struct cb_frame f, again;
    uint8_t built[CB_FRAME_BYTES_MAX];
    enum cb_frame_drop drop = cb_frame_parse(&f, data, (uint32_t)bytes);
    FUZZ_CHECK(drop < CB_FRAME_DROP_COUNT);
    if (drop != CB_FRAME_OK) {
        return;
    }
    FUZZ_CHECK(f.payload >= data + CB_FRAME_HEADER_BYTES && f.payload <= data + bytes);
    FUZZ_CHECK(f.payload_bytes <= CB_DATAGRAM_BYTES_MAX);
    FUZZ_CHECK(f.payload_bytes <= bytes - (size_t)(f.payload - data));
    FUZZ_CHECK(f.source.port != 0 && f.source.ip != 0 && (f.source.mac[0] & 1) == 0);
    uint32_t n = cb_frame_build(built, &f.source, &f.destination, f.vlan, f.payload, f.payload_bytes);
    FUZZ_CHECK(n <= CB_FRAME_BYTES_MAX);
    FUZZ_CHECK(cb_frame_parse(&again, built, n) == CB_FRAME_OK);
    FUZZ_CHECK(memcmp(again.source.mac, f.source.mac, 6) == 0 && again.source.ip == f.source.ip &&
               again.source.port == f.source.port);
    FUZZ_CHECK(memcmp(again.destination.mac, f.destination.mac, 6) == 0 &&
               again.destination.ip == f.destination.ip && again.destination.port == f.destination.port);
    FUZZ_CHECK(again.vlan == f.vlan && again.payload_bytes == f.payload_bytes);
    FUZZ_CHECK(f.payload_bytes == 0 || memcmp(again.payload, f.payload, f.payload_bytes) == 0);
}

/* Where an IPv4 header would lie, its checksum is made right and the UDP checksum is taken away. */
static void repair(uint8_t *data, size_t bytes)
{
    size_t at = bytes > 18 && data[12] == 0x81 && data[13] == 0 ? 18 : 14;
    size_t header = bytes > at ? (size_t)(data[at] & 15) * 4 : 0;
    if (header < 20 || bytes < at + header) {
        return;
    }
    uint32_t sum = 0;
    data[at + 10] = data[at + 11] = 0;
    for (size_t i = 0; i < header; i += 2) {
        sum += (uint32_t)data[at + i] << 8 | data[at + i + 1];
    }
    sum = (sum & 0xFFFF) + (sum >> 16);
    sum = ~((sum & 0xFFFF) + (sum >> 16));
    data[at + 10] = (uint8_t)(sum >> 8);
    data[at + 11] = (uint8_t)sum;
    if (bytes >= at + header + 8) {
        data[at + header + 6] = data[at + header + 7] = 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    check(data, bytes);
    uint8_t *repaired = malloc(bytes > 0 ? bytes : 1);
    FUZZ_CHECK(repaired != NULL);
    if (bytes > 0) {
        memcpy(repaired, data, bytes);
    }
    repair(repaired, bytes);
    check(repaired, bytes);
    free(repaired);
    return 0;
}
