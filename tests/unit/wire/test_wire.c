/* The generated codec: against golden vectors that Python made, and against every wrong header and length,
 * for every template. Runs from the root of the sources, where the vectors lie. */
#include "wire_table.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096 };

static const struct wire_entry *entry_named(const char *name)
{
    for (size_t i = 0; i < WIRE_TABLE_COUNT; i++) {
        if (strcmp(wire_table[i].name, name) == 0) {
            return &wire_table[i];
        }
    }
    return NULL;
}

static const struct wire_field *field_named(const struct wire_entry *e, const char *name)
{
    for (uint32_t i = 0; i < e->fields_count; i++) {
        if (strcmp(e->fields[i].name, name) == 0) {
            return &e->fields[i];
        }
    }
    return NULL;
}

/* The value of a field, sign or zero extended to 64 bits. */
static uint64_t field_get(const void *object, const struct wire_field *f)
{
    uint64_t value = 0;
    memcpy(&value, (const uint8_t *)object + f->at, f->bytes);
    if (f->is_signed && f->bytes < 8 && (value >> (8 * f->bytes - 1)) != 0) {
        value |= ~UINT64_C(0) << (8 * f->bytes);
    }
    return value;
}

static uint32_t unhex(uint8_t *out, const char *hex)
{
    uint32_t bytes = 0;
    for (; hex[0] != 0 && hex[1] != 0; hex += 2) {
        char pair[3] = {hex[0], hex[1], 0};
        out[bytes++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return bytes;
}

static void check_golden_line(char *line)
{
    char *rest = NULL;
    const char *name = strtok_r(line, " \n", &rest);
    const struct wire_entry *e = entry_named(name);
    cr_assert_not_null(e, "no message %s", name);
    cr_assert_eq(strtoul(strtok_r(NULL, " \n", &rest), NULL, 10), e->id);
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX], encoded[CB_WIRE_MESSAGE_BYTES_MAX];
    uint32_t bytes = unhex(message, strtok_r(NULL, " \n", &rest));
    uint16_t template_id;
    cr_assert_eq(cb_wire_open(message, bytes, &template_id), CB_REJECT_NONE, "%s", name);
    cr_assert_eq(template_id, e->id);

    _Alignas(16) uint8_t decoded[256] = {0}, filled[256] = {0};
    cr_assert(e->decode(decoded, message));
    uint32_t fields = 0;
    for (char *pair; (pair = strtok_r(NULL, " \n", &rest)) != NULL; fields++) {
        char *value = strchr(pair, '=');
        *value++ = 0;
        const struct wire_field *f = field_named(e, pair);
        cr_assert_not_null(f, "%s has no field %s", name, pair);
        uint64_t expected = value[0] == '-' ? (uint64_t)strtoll(value, NULL, 10) : strtoull(value, NULL, 10);
        cr_assert_eq(field_get(decoded, f), expected, "%s.%s", name, pair);
        memcpy(filled + f->at, &expected, f->bytes);
    }
    cr_assert_eq(fields, e->fields_count, "%s", name);
    memset(encoded, 0xA5, sizeof encoded);
    cr_assert_eq(e->encode(encoded, filled), bytes);
    cr_assert_eq(memcmp(encoded, message, bytes), 0, "%s encoded from its fields", name);
    for (size_t i = bytes; i < sizeof encoded; i++) {
        cr_assert_eq(encoded[i], 0xA5, "%s wrote past its length", name);
    }
}

Test(wire, python_and_c_agree_on_every_message_in_both_directions)
{
    FILE *file = fopen("tests/vectors/wire_golden.txt", "r");
    cr_assert_not_null(file, "run from the root of the sources");
    char line[LINE_MAX_BYTES];
    size_t lines = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] != '#') {
            check_golden_line(line);
            lines++;
        }
    }
    fclose(file);
    cr_assert_eq(lines, WIRE_TABLE_COUNT);
}

/* A legal message of each template, zeros in its block. */
static uint32_t legal(uint8_t *message, const struct wire_entry *e)
{
    static const uint8_t zeros[256];
    return e->encode(message, zeros);
}

static enum cb_reject open_exact(const uint8_t *message, size_t bytes)
{
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1); /* the sanitizer sees a read past the end */
    memcpy(exact, message, bytes);
    uint16_t template_id;
    enum cb_reject reject = cb_wire_open(exact, bytes, &template_id);
    free(exact);
    return reject;
}

Test(wire, every_truncation_and_every_extension_of_every_template_is_refused)
{
    for (size_t i = 0; i < WIRE_TABLE_COUNT; i++) {
        uint8_t message[2 * CB_WIRE_MESSAGE_BYTES_MAX] = {0};
        uint32_t bytes = legal(message, &wire_table[i]);
        cr_assert_eq(bytes, wire_table[i].bytes);
        cr_assert_eq(bytes, cb_wire_bytes(wire_table[i].id));
        for (uint32_t n = 0; n <= sizeof message; n++) {
            cr_assert_eq(open_exact(message, n), n == bytes ? CB_REJECT_NONE : CB_REJECT_MALFORMED,
                         "%s at %u", wire_table[i].name, n);
        }
    }
}

Test(wire, every_wrong_schema_version_and_block_length_of_every_template_is_refused)
{
    static const struct {
        unsigned at;
        uint16_t right;
        enum cb_reject reject;
    } words[] = {{0, 0, CB_REJECT_MALFORMED},
                 {4, CB_WIRE_SCHEMA_ID, CB_REJECT_SCHEMA},
                 {6, CB_WIRE_SCHEMA_VERSION, CB_REJECT_SCHEMA}};
    for (size_t i = 0; i < WIRE_TABLE_COUNT; i++) {
        uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
        uint32_t bytes = legal(message, &wire_table[i]);
        for (unsigned w = 0; w < 3; w++) {
            uint16_t right = w == 0 ? (uint16_t)(bytes - CB_WIRE_HEADER_BYTES) : words[w].right;
            for (uint32_t value = 0; value < 65536; value++) {
                uint16_t word = (uint16_t)value, template_id;
                memcpy(message + words[w].at, &word, 2);
                enum cb_reject expected = word == right ? CB_REJECT_NONE : words[w].reject;
                cr_assert_eq(cb_wire_open(message, bytes, &template_id), expected);
            }
            memcpy(message + words[w].at, &right, 2);
        }
    }
}

Test(wire, of_all_template_ids_only_those_of_the_schema_are_known)
{
    uint32_t known = 0;
    for (uint32_t id = 0; id < 65536; id++) {
        uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX] = {0};
        uint32_t bytes = cb_wire_bytes(id);
        uint16_t template_id;
        cb_wire_put_header(message, (uint16_t)(bytes > 0 ? bytes - CB_WIRE_HEADER_BYTES : 16), (uint16_t)id);
        enum cb_reject reject = cb_wire_open(message, bytes > 0 ? bytes : 24, &template_id);
        cr_assert_eq(reject, bytes > 0 ? CB_REJECT_NONE : CB_REJECT_TEMPLATE);
        cr_assert_eq(strcmp(cb_wire_name(id), "?") != 0, bytes > 0);
        known += bytes > 0;
    }
    cr_assert_eq(known, WIRE_TABLE_COUNT);
}

Test(wire, any_bit_in_a_reserved_field_is_refused_and_any_other_is_kept)
{
    for (size_t i = 0; i < WIRE_TABLE_COUNT; i++) {
        const struct wire_entry *e = &wire_table[i];
        uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX], again[CB_WIRE_MESSAGE_BYTES_MAX];
        uint32_t bytes = legal(message, e);
        for (uint32_t bit = 8 * CB_WIRE_HEADER_BYTES; bit < 8 * bytes; bit++) {
            _Alignas(16) uint8_t decoded[256];
            message[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            cr_assert_eq(e->decode(decoded, message), !e->reserved[bit / 8], "%s byte %u", e->name, bit / 8);
            if (!e->reserved[bit / 8]) {
                e->encode(again, decoded);
                cr_assert_eq(memcmp(message, again, bytes), 0, "%s byte %u", e->name, bit / 8);
            }
            message[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
}

Test(wire, every_reason_has_a_name_of_its_own)
{
    for (unsigned i = 0; i < CB_REJECT_COUNT; i++) {
        cr_assert_str_neq(cb_reject_name(i), "?");
        for (unsigned k = 0; k < i; k++) {
            cr_assert_str_neq(cb_reject_name(i), cb_reject_name(k));
        }
    }
    cr_assert_str_eq(cb_reject_name(CB_REJECT_COUNT), "?");
    cr_assert_str_eq(cb_outcome_name(0), "?");
}
