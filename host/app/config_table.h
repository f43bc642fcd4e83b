/* The one table of configuration keys. See config.h. */
#ifndef CB_HOST_APP_CONFIG_TABLE_H
#define CB_HOST_APP_CONFIG_TABLE_H

#include "host/app/config.h"

#include <stddef.h>

/* In the order in which they are loaded: a list stands before those that refer to it. */
enum cb_config_section_id {
    CB_SECTION_TOP,
    CB_SECTION_JOURNAL,
    CB_SECTION_CAPACITY,
    CB_SECTION_RISK,
    CB_SECTION_DPDK,
    CB_SECTION_NICS,
    CB_SECTION_SESSIONS,
    CB_SECTION_FACTORS,
    CB_SECTION_ASSETS,
    CB_SECTION_CHAINS,
    CB_SECTION_VENUES,
    CB_SECTION_HOLDINGS,
    CB_SECTION_INSTRUMENTS,
    CB_SECTION_COUNT
};

enum cb_config_type {
    CB_TYPE_INTEGER,   /* stored = text * multiplier */
    CB_TYPE_DECIMAL,   /* stored = text * 10^scale, exactly */
    CB_TYPE_CHOICE,    /* one of `choices` */
    CB_TYPE_NAME,      /* zero padded, `bytes` - 1 characters at most */
    CB_TYPE_SESSION,   /* space padded, `bytes` characters at most */
    CB_TYPE_REFERENCE, /* the name of an entry of section `target`; stored: its index */
    CB_TYPE_TIME,      /* 2021-06-25T08:00:00Z; stored: ns since 1970 */
    CB_TYPE_TEXT,      /* zero terminated, `bytes` - 1 at most */
    CB_TYPE_TEXT_LIST, /* a list of texts, each `bytes`; count at count_offset, `max` of them */
    CB_TYPE_SECRET,    /* 32 hexadecimal digits */
    CB_TYPE_SECRET_FILE,
    CB_TYPE_ADDRESS /* 127.0.0.1:4000 */
};

struct cb_config_choice {
    const char *name;
    int64_t value;
};

struct cb_config_row {
    uint8_t section; /* enum cb_config_section_id */
    uint8_t type;    /* enum cb_config_type */
    uint8_t scale;   /* decimals */
    uint8_t target;  /* references: a section */
    const char *key;
    size_t offset, bytes,
        stride;           /* of entry 0's field in struct cb_configuration, its size, to the next entry */
    size_t count_offset;  /* text lists */
    int64_t multiplier;   /* integers */
    int64_t min, max;     /* integers as written, decimals as stored */
    const char *fallback; /* taken when the key is absent; NULL: required; "": stays zero */
    const struct cb_config_choice *choices; /* ends with NULL */
    const char *summary;
};

struct cb_config_section {
    const char *key; /* "" for the top */
    bool list;
    uint32_t min, max; /* entries of a list */
    size_t count_offset;
    const char *summary;
};

extern const struct cb_config_section cb_config_sections[CB_SECTION_COUNT];
extern const struct cb_config_row cb_config_rows[];
extern const size_t cb_config_rows_count;

/* Returns: the row, or NULL. */
const struct cb_config_row *cb_config_row_find(unsigned section, const char *key);

/* Returns: entries in the list section of this configuration so far; 1 for a map section. */
uint32_t cb_config_count(const struct cb_configuration *configuration, unsigned section);

#endif
