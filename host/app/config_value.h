/* One value of the configuration: text to its place in struct cb_configuration and back. */
#ifndef CB_HOST_APP_CONFIG_VALUE_H
#define CB_HOST_APP_CONFIG_VALUE_H

#include "host/app/config_table.h"

#define CB_CONFIG_REASON_BYTES 256u
#define CB_CONFIG_VALUE_BYTES  320u

/* Why a value is refused. */
struct cb_config_refusal {
    enum cb_message code;
    char reason[CB_CONFIG_REASON_BYTES]; /* follows the key: "1.2 is above 0.999999999" */
};

/* Stores `text` as the value of `row` in entry `index`. Text lists store at item `item`; others ignore it.
 * Secret files are not read here: CB_TYPE_SECRET_FILE takes the file's content.
 * Returns: false with *refusal filled, and the place left alone. */
bool cb_config_value_parse(struct cb_configuration *configuration, const struct cb_config_row *row,
                           uint32_t index, uint32_t item, const char *text, size_t bytes,
                           struct cb_config_refusal *refusal);

/* Writes the value as cb_config_value_parse takes it; secrets become "hidden"; an empty optional value
 * becomes the empty string. `value` has CB_CONFIG_VALUE_BYTES. */
void cb_config_value_format(char *value, const struct cb_configuration *configuration,
                            const struct cb_config_row *row, uint32_t index, uint32_t item);

/* Returns: the index of the entry of a list section that has this name, or UINT32_MAX; only the first `count`
 * entries are looked at. */
uint32_t cb_config_name_find(const struct cb_configuration *configuration, unsigned section, uint32_t count,
                             const char *name, size_t bytes);

/* The name of an entry, zero terminated, without padding. `name` has CB_CONFIG_VALUE_BYTES. */
void cb_config_name_of(char *name, const struct cb_configuration *configuration, unsigned section,
                       uint32_t index);

#endif
