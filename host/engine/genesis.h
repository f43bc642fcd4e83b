/* Genesis: a journal's first records hold the canonical configuration, and with it all that a replay needs.
 * This collects them, so that a core can be made before they are applied to it.
 *
 * The parts stand at byte offsets 0, 32 KiB, 64 KiB ...; the first part that is shorter than 32 KiB is the
 * last. */
#ifndef CB_HOST_ENGINE_GENESIS_H
#define CB_HOST_ENGINE_GENESIS_H

#include "host/engine/config_record.h"
#include "host/engine/core.h"
#include "host/types/event.h"

#define CB_GENESIS_PARTS_MAX (CB_CONFIG_RECORD_BYTES_MAX / CB_CONFIG_PART_BYTES + 1u)

enum cb_genesis_result {
    CB_GENESIS_MORE = 0,     /* taken; another part follows */
    CB_GENESIS_COMPLETE = 1, /* taken; `config` is whole and checked */
    CB_GENESIS_BAD = 2       /* not what a journal begins with; `fault` says why */
};

struct cb_genesis {
    struct cb_config config;
    const char *fault;
    bool other_version; /* BAD because another version of clearbox wrote it */
    uint32_t parts;
    uint32_t bytes;
    int64_t ingest_ns[CB_GENESIS_PARTS_MAX];
    uint8_t record[CB_GENESIS_PARTS_MAX * CB_CONFIG_PART_BYTES];
};

/* Requires: *genesis zeroed before the first event. */
enum cb_genesis_result cb_genesis_take(struct cb_genesis *genesis, const struct cb_event *event);

/* Applies the collected records to an empty core of genesis->config. */
void cb_genesis_apply(const struct cb_genesis *genesis, struct cb_core *core);

#endif
