/* Prints a configuration, and the table itself, from the table. */
#include "host/app/config_table.h"
#include "host/app/config_value.h"
#include "host/base/decimal.h"

#include <string.h>

static bool quoted(const struct cb_config_row *row)
{
    return row->type == CB_TYPE_DECIMAL || row->type == CB_TYPE_TEXT || row->type == CB_TYPE_TEXT_LIST ||
           row->type == CB_TYPE_ADDRESS || row->type == CB_TYPE_NAME || row->type == CB_TYPE_SESSION ||
           row->type == CB_TYPE_REFERENCE;
}

static void print_quoted(const char *value, FILE *out)
{
    fputc('"', out);
    for (; *value != 0; value++) {
        unsigned char c = (unsigned char)*value;
        if (c < 0x20u || c == 0x7fu) {
            fprintf(out, "\\x%02x", c);
        } else {
            fprintf(out, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
        }
    }
    fputc('"', out);
}

static void show_list_of_texts(const struct cb_configuration *configuration, const struct cb_config_row *row,
                               FILE *out)
{
    char value[CB_CONFIG_VALUE_BYTES];
    uint32_t count;
    memcpy(&count, (const char *)configuration + row->count_offset, sizeof count);
    fprintf(out, "%s:%s", row->key, count == 0 ? " []\n" : "\n");
    for (uint32_t i = 0; i < count; i++) {
        cb_config_value_format(value, configuration, row, 0, i);
        fputs("    - ", out);
        print_quoted(value, out);
        fputc('\n', out);
    }
}

/* Whether a driver-dependent key says anything for this entry. */
static bool silent(const struct cb_configuration *configuration, const struct cb_config_row *row,
                   uint32_t index, const char *value)
{
    bool memif_id = row->section == CB_SECTION_NICS && strcmp(row->key, "id") == 0;
    return value[0] == 0 || (memif_id && configuration->app.nics[index].driver != CB_NIC_MEMIF);
}

static void show_entry(const struct cb_configuration *configuration, unsigned section, uint32_t index,
                       FILE *out)
{
    const struct cb_config_section *s = &cb_config_sections[section];
    bool first = true;
    char value[CB_CONFIG_VALUE_BYTES];
    for (size_t i = 0; i < cb_config_rows_count; i++) {
        const struct cb_config_row *row = &cb_config_rows[i];
        if (row->section != section) {
            continue;
        }
        const char *indent = s->list ? (first ? "  - " : "    ") : section == CB_SECTION_TOP ? "" : "  ";
        if (row->type == CB_TYPE_TEXT_LIST) {
            fputs(indent, out);
            show_list_of_texts(configuration, row, out);
            continue;
        }
        cb_config_value_format(value, configuration, row, index, 0);
        if (silent(configuration, row, index, value)) {
            continue;
        }
        first = false;
        fprintf(out, "%s%s: ", indent, row->key);
        if (quoted(row)) {
            print_quoted(value, out);
        } else {
            fputs(value, out);
        }
        fputc('\n', out);
    }
}

void cb_config_show(const struct cb_configuration *configuration, FILE *out)
{
    for (unsigned section = 0; section < CB_SECTION_COUNT; section++) {
        uint32_t count = cb_config_count(configuration, section);
        if (section != CB_SECTION_TOP) {
            fprintf(out, "\n%s:%s\n", cb_config_sections[section].key, count == 0 ? " []" : "");
        }
        for (uint32_t i = 0; i < count; i++) {
            show_entry(configuration, section, i, out);
        }
    }
}

static void schema_form(const struct cb_config_row *row, FILE *out)
{
    char low[CB_DECIMAL_TEXT_BYTES], high[CB_DECIMAL_TEXT_BYTES];
    switch ((enum cb_config_type)row->type) {
    case CB_TYPE_INTEGER:
    case CB_TYPE_DECIMAL:
        cb_decimal_format(low, row->min, row->scale);
        cb_decimal_format(high, row->max, row->scale);
        fprintf(out, "%s, %s .. %s", row->scale == 0 ? "whole number" : "decimal", low, high);
        return;
    case CB_TYPE_CHOICE:
        for (const struct cb_config_choice *choice = row->choices; choice->name != NULL; choice++) {
            fprintf(out, "%s%s", choice == row->choices ? "" : " | ", choice->name);
        }
        return;
    case CB_TYPE_NAME:
        fprintf(out, "name of 1 to %zu letters, digits, - _ . /", row->bytes - 1u);
        return;
    case CB_TYPE_SESSION:
        fprintf(out, "name of 1 to %zu letters, digits, - _ . /", row->bytes);
        return;
    case CB_TYPE_REFERENCE:
        fprintf(out, "a name from %s", cb_config_sections[row->target].key);
        return;
    case CB_TYPE_TIME:
        fprintf(out, "UTC time, 2021-06-25T08:00:00Z");
        return;
    case CB_TYPE_TEXT:
    case CB_TYPE_SECRET_FILE:
        fprintf(out, "text");
        return;
    case CB_TYPE_TEXT_LIST:
        fprintf(out, "list of at most %d texts", (int)row->max);
        return;
    case CB_TYPE_SECRET:
        fprintf(out, "32 hexadecimal digits");
        return;
    case CB_TYPE_ADDRESS:
        fprintf(out, "IPv4 address and port, 127.0.0.1:4000");
        return;
    }
}

void cb_config_schema(FILE *out)
{
    for (unsigned section = 0; section < CB_SECTION_COUNT; section++) {
        const struct cb_config_section *s = &cb_config_sections[section];
        if (section != CB_SECTION_TOP) {
            fprintf(out, "\n%s: %s", s->key, s->summary);
            if (s->list) {
                fprintf(out, " (a list, %u to %u entries)", s->min, s->max);
            }
            fputc('\n', out);
        }
        for (size_t i = 0; i < cb_config_rows_count; i++) {
            const struct cb_config_row *row = &cb_config_rows[i];
            if (row->section == section) {
                fprintf(out, "%s%s: ", section == CB_SECTION_TOP ? "" : s->list ? "  - " : "  ", row->key);
                schema_form(row, out);
                fprintf(out, "; %s%s\n        %s\n",
                        row->fallback == NULL   ? "required"
                        : row->fallback[0] == 0 ? "optional"
                                                : "default ",
                        row->fallback == NULL ? "" : row->fallback, row->summary);
            }
        }
    }
}
