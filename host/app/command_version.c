#include "clearbox/limits.h"
#include "clearbox/wire.h"
#include "host/app/commands.h"

int cb_command_version(const struct cb_options *options)
{
    fprintf(options->out, "clearbox %s\n", CB_VERSION);
    if (!options->verbose) {
        return CB_EXIT_OK;
    }
    static const struct {
        const char *name;
        unsigned long value;
    } rows[] = {
        {"wire schema id", CB_WIRE_SCHEMA_ID},
        {"wire schema version", CB_WIRE_SCHEMA_VERSION},
        {"datagram bytes, most", CB_DATAGRAM_BYTES_MAX},
        {"message bytes, most", CB_MESSAGE_BYTES_MAX},
        {"window slots per ordered session", CB_WINDOW_SLOTS},
        {"lines", CB_LINES_MAX},
        {"sessions", CB_SESSIONS_MAX},
        {"price sources per factor", CB_SOURCES_MAX},
        {"factors", CB_FACTORS_MAX},
        {"assets", CB_ASSETS_MAX},
        {"chains", CB_CHAINS_MAX},
        {"holdings (asset on chain)", CB_HOLDINGS_MAX},
        {"venues", CB_VENUES_MAX},
        {"instruments", CB_INSTRUMENTS_MAX},
        {"accounts", CB_ACCOUNTS_MAX},
        {"positions", CB_POSITIONS_MAX},
        {"positions per account", CB_POSITIONS_PER_ACCOUNT_MAX},
        {"orders", CB_ORDERS_MAX},
        {"pending withdrawals", CB_HOLDS_MAX},
        {"remembered answers", CB_ANSWERS_MAX},
        {"scenarios", CB_SCENARIOS_MAX},
        {"journal block bytes", CB_JOURNAL_BLOCK_BYTES},
        {"journal frame bytes, most", CB_JOURNAL_FRAME_BYTES_MAX},
        {"journal frames in flight", CB_JOURNAL_FRAMES_IN_FLIGHT},
        {"journal segments", CB_JOURNAL_SEGMENTS_MAX},
    };
    fprintf(options->out, "compiler                            %s\n", __VERSION__);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fprintf(options->out, "%-35s %lu\n", rows[i].name, rows[i].value);
    }
    return CB_EXIT_OK;
}
