/* The canonical bytes of the state-affecting configuration: the journal's first records, and the head of each
 * snapshot.
 *
 * Every field of struct cb_config in declaration order, little-endian, fixed width; of each table its count
 * and the used rows. The same configuration gives the same bytes on any machine. */
#ifndef CB_HOST_ENGINE_CONFIG_RECORD_H
#define CB_HOST_ENGINE_CONFIG_RECORD_H

#include "host/base/stream.h"
#include "host/types/config.h"

#include <stdbool.h>

/* A greatest length, for buffers: all tables full. */
#define CB_CONFIG_RECORD_BYTES_MAX (512u * 1024u)

/* The largest part of it one CONFIG event carries. */
#define CB_CONFIG_PART_BYTES (32u * 1024u)

void cb_config_serialize(const struct cb_config *config, struct cb_writer *writer);

/* Whether a record begins as this version writes it; another layout or core version begins otherwise. */
bool cb_config_is_of_this_version(const uint8_t *record, size_t bytes);

/* False: not a configuration this version can have written (counts, ids or enums out of range). `config` is
 * filled completely in either case. */
bool cb_config_restore(struct cb_config *config, struct cb_reader *reader);

/* Whether every id in the tables refers to a row that exists, and every enum is known. The first fault goes
 * to `message` (a constant string); NULL when there is none. */
const char *cb_config_tables_fault(const struct cb_config *config);

#endif
