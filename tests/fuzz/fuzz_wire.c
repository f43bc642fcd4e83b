/* Every decoder. A message that opens and decodes is exactly what its encoder writes; every decoder is also
 * run over the input padded to its length, whatever the header says. */
#include "tests/fuzz/harness.h"
#include "wire_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    _Alignas(16) uint8_t decoded[256] = {0};
    uint8_t padded[CB_WIRE_MESSAGE_BYTES_MAX] = {0}, encoded[CB_WIRE_MESSAGE_BYTES_MAX];
    uint16_t template_id;
    enum cb_reject reject = cb_wire_open(data, bytes, &template_id);
    FUZZ_CHECK(reject == CB_REJECT_NONE || reject == CB_REJECT_MALFORMED || reject == CB_REJECT_SCHEMA ||
               reject == CB_REJECT_TEMPLATE);
    memcpy(padded, data, bytes < sizeof padded ? bytes : sizeof padded);
    size_t opened = 0;
    for (size_t i = 0; i < WIRE_TABLE_COUNT; i++) {
        const struct wire_entry *e = &wire_table[i];
        bool mine = reject == CB_REJECT_NONE && e->id == template_id;
        opened += mine;
        FUZZ_CHECK(!mine || bytes == e->bytes);
        bool clean = e->decode(decoded, mine ? data : padded);
        uint32_t n = e->encode(encoded, decoded);
        FUZZ_CHECK(n == e->bytes);
        /* The block is the same to the byte, unless a reserved field was not zero. */
        const uint8_t *from = mine ? data : padded;
        FUZZ_CHECK((memcmp(encoded + 8, from + 8, n - 8) == 0) == clean);
        FUZZ_CHECK(!mine || memcmp(encoded, from, 8) == 0);
    }
    FUZZ_CHECK(opened == (reject == CB_REJECT_NONE));
    return 0;
}
