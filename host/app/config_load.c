/* Walks the YAML document by the table. Faults are reported and the walk goes on, so that one run shows them
 * all; rules across keys are checked only when every value was good, because they would repeat the same
 * faults. */
#include "host/app/config_loader.h"
#include "host/app/config_value.h"
#include "host/app/suggest.h"
#include "host/base/assert.h"

#include <stdlib.h>
#include <string.h>

/* "factors[1].scan_range", "listen", "risk.skew": how a key is named to people. */
static void key_path(char *path, size_t bytes, unsigned section, uint32_t index, const char *key)
{
    const struct cb_config_section *s = &cb_config_sections[section];
    if (s->list) {
        snprintf(path, bytes, "%s[%u]%s%s", s->key, index, key == NULL ? "" : ".", key == NULL ? "" : key);
    } else {
        snprintf(path, bytes, "%s%s%s", s->key, s->key[0] == 0 || key == NULL ? "" : ".",
                 key == NULL ? "" : key);
    }
}

static bool enough(const struct cb_config_loader *loader)
{
    return loader->faults.count >= CB_CONFIG_ERRORS_MAX;
}

/* A path that the file names counts from the file's own folder. Returns: false when it is too long. */
static bool beside(char *path, size_t bytes, const char *file, const char *name, size_t name_bytes)
{
    const char *slash = name_bytes > 0 && name[0] == '/' ? NULL : strrchr(file, '/');
    int folder = slash == NULL ? 0 : (int)(slash + 1 - file);
    int length = snprintf(path, bytes, "%.*s%.*s", folder, file, (int)name_bytes, name);
    return length > 0 && (size_t)length < bytes;
}

/* One value. Secret files are read here: the value functions touch no file. */
static void load_text(struct cb_config_loader *loader, const struct cb_config_source *source,
                      struct fy_node *node, const struct cb_config_row *row, uint32_t index, uint32_t item)
{
    char path[128];
    size_t bytes = 0;
    key_path(path, sizeof path, row->section, index, row->key);
    bool plain = node != NULL && fy_node_is_scalar(node) && !fy_node_is_alias(node);
    const char *text = plain ? fy_node_get_scalar(node, &bytes) : NULL;
    if (text == NULL || bytes == 0) {
        cb_config_fault(source, node, CB_MESSAGE_3005, "%s: a value is expected here", path);
        return;
    }
    char *content = NULL;
    if (row->type == CB_TYPE_SECRET_FILE) {
        char file[CB_PATH_BYTES];
        if (!beside(file, sizeof file, source->name, text, bytes)) {
            cb_config_fault(source, node, CB_MESSAGE_3007, "%s: the path is too long", path);
            return;
        }
        if (!cb_config_read_file(&content, &bytes, file, CB_MESSAGE_3011, &loader->faults)) {
            return;
        }
        text = content;
    }
    struct cb_config_refusal refusal;
    if (!cb_config_value_parse(loader->configuration, row, index, item, text, bytes, &refusal)) {
        cb_config_fault(source, node, refusal.code, "%s: %s", path, refusal.reason);
    }
    free(content);
}

static void load_text_list(struct cb_config_loader *loader, const struct cb_config_source *source,
                           struct fy_node *node, const struct cb_config_row *row)
{
    void *iterator = NULL;
    struct fy_node *item;
    uint32_t count = 0;
    if (!fy_node_is_sequence(node)) {
        cb_config_fault(source, node, CB_MESSAGE_3005, "%s.%s: a list is expected here",
                        cb_config_sections[row->section].key, row->key);
        return;
    }
    while ((item = fy_node_sequence_iterate(node, &iterator)) != NULL && !enough(loader)) {
        if (count == (uint64_t)row->max) {
            cb_config_fault(source, item, CB_MESSAGE_3009, "%s.%s: at most %u entries",
                            cb_config_sections[row->section].key, row->key, count);
            return;
        }
        load_text(loader, source, item, row, 0, count++);
    }
    memcpy((char *)loader->configuration + row->count_offset, &count, sizeof count);
}

static void unknown_key(const struct cb_config_source *source, struct fy_node *node, unsigned section,
                        const char *key)
{
    struct cb_suggest suggest = {.word = key};
    for (size_t i = 0; i < cb_config_rows_count; i++) {
        if (cb_config_rows[i].section == section) {
            cb_suggest_offer(&suggest, cb_config_rows[i].key);
        }
    }
    for (unsigned i = 0; section == CB_SECTION_TOP && i < CB_SECTION_COUNT; i++) {
        cb_suggest_offer(&suggest, cb_config_sections[i].key);
    }
    const char *nearest = cb_suggest_result(&suggest);
    if (nearest != NULL) {
        cb_config_fault(source, node, CB_MESSAGE_3003, "unknown key \"%s\" (did you mean \"%s\"?)", key,
                        nearest);
    } else {
        cb_config_fault(source, node, CB_MESSAGE_3003, "unknown key \"%s\"%s%s", key,
                        section == 0 ? "" : " in ", cb_config_sections[section].key);
    }
}

/* Keys of one map that are sections of their own, at the top. Returns: true when it was one. */
static bool note_section(struct cb_config_loader *loader, const struct cb_config_source *source,
                         const char *key, struct fy_node *value)
{
    for (unsigned i = 1; i < CB_SECTION_COUNT; i++) {
        if (strcmp(cb_config_sections[i].key, key) == 0) {
            loader->nodes[i] = value;
            loader->node_sources[i] = source;
            return true;
        }
    }
    return false;
}

/* What was not written: the default, or a fault. */
static void load_fallback(struct cb_config_loader *loader, const struct cb_config_source *source,
                          struct fy_node *map, const struct cb_config_row *row, uint32_t index)
{
    char path[128];
    struct cb_config_refusal refusal;
    if (row->fallback == NULL) {
        key_path(path, sizeof path, row->section, index, row->key);
        cb_config_fault(source, map, CB_MESSAGE_3004, "%s is missing: %s", path, row->summary);
    } else if (row->fallback[0] != 0) {
        bool good = cb_config_value_parse(loader->configuration, row, index, 0, row->fallback,
                                          strlen(row->fallback), &refusal);
        CB_ASSERT(good);
    } else if (row->type == CB_TYPE_REFERENCE) {
        uint16_t none = CB_NONE_U16;
        memcpy((char *)loader->configuration + row->offset + row->stride * index, &none, sizeof none);
    }
}

/* One map: an entry of a list, or a section that is a map. `map` NULL: absent, all defaults. */
static void load_map(struct cb_config_loader *loader, const struct cb_config_source *source,
                     struct fy_node *map, unsigned section, uint32_t index)
{
    bool seen[64] = {false};
    char path[128];
    void *iterator = NULL;
    struct fy_node_pair *pair;
    key_path(path, sizeof path, section, index, NULL);
    if (map != NULL && !fy_node_is_mapping(map)) {
        cb_config_fault(source, map, CB_MESSAGE_3005, "%s: keys and values are expected here", path);
        return;
    }
    while (map != NULL && (pair = fy_node_mapping_iterate(map, &iterator)) != NULL && !enough(loader)) {
        struct fy_node *key_node = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
        const char *key = fy_node_is_scalar(key_node) ? fy_node_get_scalar0(key_node) : NULL;
        if (key == NULL) {
            cb_config_fault(source, key_node, CB_MESSAGE_3005, "a key is a plain word");
            continue;
        }
        if (section == CB_SECTION_TOP && note_section(loader, source, key, value)) {
            continue;
        }
        const struct cb_config_row *row = cb_config_row_find(section, key);
        if (row == NULL) {
            unknown_key(source, key_node, section, key);
            continue;
        }
        CB_ASSERT((size_t)(row - cb_config_rows) < cb_config_rows_count);
        size_t number = 0;
        for (const struct cb_config_row *before = cb_config_rows; before != row; before++) {
            number += before->section == section;
        }
        CB_ASSERT(number < sizeof seen);
        seen[number] = true;
        if (row->type == CB_TYPE_TEXT_LIST) {
            load_text_list(loader, source, value, row);
        } else {
            load_text(loader, source, value == NULL ? key_node : value, row, index, 0);
        }
    }
    size_t number = 0;
    for (size_t i = 0; i < cb_config_rows_count && !enough(loader); i++) {
        if (cb_config_rows[i].section == section && !seen[number++]) {
            load_fallback(loader, source, map, &cb_config_rows[i], index);
        }
    }
}

static void load_list(struct cb_config_loader *loader, unsigned section)
{
    const struct cb_config_section *s = &cb_config_sections[section];
    struct fy_node *list = loader->nodes[section], *entry;
    const struct cb_config_source *source = loader->node_sources[section];
    uint32_t count = 0;
    void *iterator = NULL;
    char *count_field = (char *)loader->configuration + s->count_offset;
    if (list != NULL && !fy_node_is_sequence(list)) {
        cb_config_fault(source, list, CB_MESSAGE_3005, "%s: a list is expected here, each entry with a dash",
                        s->key);
        return;
    }
    while (list != NULL && (entry = fy_node_sequence_iterate(list, &iterator)) != NULL && !enough(loader)) {
        if (count == s->max) {
            cb_config_fault(source, entry, CB_MESSAGE_3009, "%s: at most %u entries", s->key, s->max);
            return;
        }
        load_map(loader, source, entry, section, count);
        count++;
        memcpy(count_field, &count, sizeof count);
    }
    if (count < s->min && !enough(loader)) {
        cb_config_fault(source == NULL ? &loader->sources[0] : source, list, CB_MESSAGE_3004,
                        "%s: at least %u entry is needed: %s", s->key, s->min, s->summary);
    }
}

/* `risk: risk.yaml` stands for the map in that file. */
static void follow_risk_path(struct cb_config_loader *loader)
{
    struct fy_node *node = loader->nodes[CB_SECTION_RISK];
    const struct cb_config_source *source = &loader->sources[0];
    size_t bytes = 0, content_bytes = 0;
    if (node == NULL || !fy_node_is_scalar(node)) {
        return;
    }
    const char *name = fy_node_get_scalar(node, &bytes);
    loader->nodes[CB_SECTION_RISK] = NULL;
    if (name == NULL || bytes == 0 ||
        !beside(loader->risk_path, sizeof loader->risk_path, source->name, name, bytes)) {
        cb_config_fault(source, node, CB_MESSAGE_3005,
                        "risk: keys and values, or the path of a file, are expected");
        return;
    }
    char *content = NULL;
    unsigned faults = loader->faults.count;
    if (cb_config_read_file(&content, &content_bytes, loader->risk_path, CB_MESSAGE_3001, &loader->faults)) {
        struct cb_config_source *risk = &loader->sources[loader->sources_count++];
        if (cb_config_source_open(risk, loader->risk_path, content, content_bytes, &loader->faults)) {
            loader->nodes[CB_SECTION_RISK] = fy_document_root(risk->document);
            loader->node_sources[CB_SECTION_RISK] = risk;
        }
    }
    if (loader->faults.count != faults) {
        cb_config_fault(source, node, CB_MESSAGE_3001, "risk: named here");
    }
    free(content);
}

struct fy_node *cb_config_loader_node(const struct cb_config_loader *loader, unsigned section, uint32_t index,
                                      const char *key)
{
    struct fy_node *node = loader->nodes[section];
    if (node != NULL && cb_config_sections[section].list) {
        node = fy_node_sequence_get_by_index(node, (int)index);
    }
    if (node == NULL || key == NULL) {
        return node;
    }
    return fy_node_mapping_lookup_by_string(node, key, FY_NT);
}

void cb_config_rule_fault(struct cb_config_loader *loader, unsigned section, uint32_t index, const char *key,
                          enum cb_message code, const char *format, ...)
{
    if (enough(loader)) {
        return;
    }
    char path[128], text[CB_CONFIG_REASON_BYTES];
    struct fy_node *node = cb_config_loader_node(loader, section, index, key);
    const struct cb_config_source *source = loader->node_sources[section];
    key_path(path, sizeof path, section, index, key);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cb_config_fault(source == NULL ? &loader->sources[0] : source,
                    node == NULL ? cb_config_loader_node(loader, section, index, NULL) : node, code, "%s: %s",
                    path, text);
}

static void load_all(struct cb_config_loader *loader)
{
    struct cb_config_source *source = &loader->sources[0];
    struct fy_node *root = fy_document_root(source->document);
    loader->nodes[CB_SECTION_TOP] = root;
    loader->node_sources[CB_SECTION_TOP] = source;
    load_map(loader, source, root, CB_SECTION_TOP, 0);
    follow_risk_path(loader);
    for (unsigned section = 1; section < CB_SECTION_COUNT && !enough(loader); section++) {
        if (cb_config_sections[section].list) {
            load_list(loader, section);
        } else {
            load_map(loader, loader->node_sources[section], loader->nodes[section], section, 0);
        }
    }
    if (loader->faults.count == 0) {
        cb_config_rules_check(loader);
    }
}

enum cb_exit cb_config_load_text(struct cb_configuration *out, const char *text, size_t bytes,
                                 const char *name, bool development, FILE *errors)
{
    struct cb_config_loader loader;
    memset(&loader, 0, sizeof loader);
    memset(out, 0, sizeof *out);
    loader.configuration = out;
    loader.faults.out = errors;
    loader.development = development;
    loader.sources_count = 1;
    if (cb_config_source_open(&loader.sources[0], name, text, bytes, &loader.faults)) {
        load_all(&loader);
    }
    for (uint32_t i = 0; i < loader.sources_count; i++) {
        cb_config_source_close(&loader.sources[i]);
    }
    if (enough(&loader)) {
        fprintf(errors, "%s: too many faults; the rest was not read\n", name);
    }
    return loader.faults.count == 0 ? CB_EXIT_OK : CB_EXIT_CONFIG;
}

enum cb_exit cb_config_load(struct cb_configuration *out, const char *path, bool development, FILE *errors)
{
    struct cb_config_faults faults = {.out = errors, .count = 0};
    char *text = NULL;
    size_t bytes = 0;
    memset(out, 0, sizeof *out);
    if (!cb_config_read_file(&text, &bytes, path, CB_MESSAGE_3001, &faults)) {
        return CB_EXIT_CONFIG;
    }
    enum cb_exit status = cb_config_load_text(out, text, bytes, path, development, errors);
    free(text);
    return status;
}
