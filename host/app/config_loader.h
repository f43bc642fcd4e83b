/* What the loader and the rules share while one configuration is being loaded. */
#ifndef CB_HOST_APP_CONFIG_LOADER_H
#define CB_HOST_APP_CONFIG_LOADER_H

#include "host/app/config_source.h"
#include "host/app/config_table.h"

#define CB_CONFIG_SOURCES_MAX 2u /* the file, and the risk file it names */

struct cb_config_loader {
    struct cb_configuration *configuration;
    struct cb_config_faults faults;
    bool development;
    struct cb_config_source sources[CB_CONFIG_SOURCES_MAX];
    uint32_t sources_count;
    char risk_path[CB_PATH_BYTES];
    /* Where each section was found: rules point back into the text. */
    struct fy_node *nodes[CB_SECTION_COUNT]; /* NULL: absent */
    const struct cb_config_source *node_sources[CB_SECTION_COUNT];
};

/* The node of a key's value in entry `index` (0 for maps). key NULL: the entry itself. NULL when absent. */
struct fy_node *cb_config_loader_node(const struct cb_config_loader *loader, unsigned section, uint32_t index,
                                      const char *key);

/* Rules that join several values (config_rules.c). Requires: every value was taken without a fault. */
void cb_config_rules_check(struct cb_config_loader *loader);

/* Reports a broken rule at a key, or at the entry when the key is absent. */
void cb_config_rule_fault(struct cb_config_loader *loader, unsigned section, uint32_t index, const char *key,
                          enum cb_message code, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

#endif
