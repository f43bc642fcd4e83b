#include "host/engine/genesis.h"

#include <string.h>

struct source {
    const uint8_t *data;
    size_t bytes;
};

static bool get(void *self, void *data, size_t bytes)
{
    struct source *source = self;
    if (source->bytes < bytes) {
        return false;
    }
    memcpy(data, source->data, bytes);
    source->data += bytes;
    source->bytes -= bytes;
    return true;
}

enum cb_genesis_result cb_genesis_take(struct cb_genesis *genesis, const struct cb_event *event)
{
    if (event->kind != CB_EVENT_CONFIG || event->session != CB_SESSION_NONE ||
        event->seq != genesis->parts + 1u ||
        event->session_seq != (uint64_t)genesis->parts * CB_CONFIG_PART_BYTES) {
        genesis->fault = "the journal does not begin with a whole configuration";
        return CB_GENESIS_BAD;
    }
    if (genesis->parts == CB_GENESIS_PARTS_MAX || event->body_bytes > CB_CONFIG_PART_BYTES) {
        genesis->fault = "its configuration is longer than any can be";
        return CB_GENESIS_BAD;
    }
    memcpy(genesis->record + genesis->bytes, event->body, event->body_bytes);
    genesis->ingest_ns[genesis->parts] = event->ingest_ns;
    genesis->bytes += event->body_bytes;
    genesis->parts++;
    if (event->body_bytes == CB_CONFIG_PART_BYTES) {
        return CB_GENESIS_MORE;
    }
    if (!cb_config_is_of_this_version(genesis->record, genesis->bytes)) {
        genesis->fault = "another version of clearbox wrote it";
        genesis->other_version = true;
        return CB_GENESIS_BAD;
    }
    struct source source = {.data = genesis->record, .bytes = genesis->bytes};
    struct cb_reader reader = {.self = &source, .get = get};
    uint32_t index;
    if (!cb_config_restore(&genesis->config, &reader) || source.bytes != 0) {
        genesis->fault = "its configuration is not one that this version can have written";
        return CB_GENESIS_BAD;
    }
    genesis->fault = cb_core_config_fault(&genesis->config, &index);
    return genesis->fault == NULL ? CB_GENESIS_COMPLETE : CB_GENESIS_BAD;
}

void cb_genesis_apply(const struct cb_genesis *genesis, struct cb_core *core)
{
    for (uint32_t i = 0; i < genesis->parts; i++) {
        uint32_t offset = i * CB_CONFIG_PART_BYTES, left = genesis->bytes - offset;
        struct cb_event event = {
            .seq = i + 1u,
            .ingest_ns = genesis->ingest_ns[i],
            .kind = CB_EVENT_CONFIG,
            .session = CB_SESSION_NONE,
            .session_seq = offset,
            .body = genesis->record + offset,
            .body_bytes = left < CB_CONFIG_PART_BYTES ? left : CB_CONFIG_PART_BYTES,
        };
        bool follows = cb_core_apply(core, &event);
        CB_ASSERT(follows); /* take checked what apply checks, but for times: the journal's reader did */
    }
}
