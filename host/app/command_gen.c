/* clearbox gen: the outside world, at the other end of a configuration's lines. */
#include "drivers/clock/clock.h"
#include "drivers/pcap/capture.h"
#include "host/app/commands.h"
#include "host/app/config.h"
#include "host/app/lines.h"
#include "host/app/stop.h"
#include "host/app/store.h"
#include "sim/market/market.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEED_DEFAULT 0x5eedu
#define SEEDED_START_NS                                                                                      \
    (INT64_C(1767225600) * CB_NS_PER_S) /* 2026-01-01T00:00:00Z: the seeded market's first moment */
#define SEEDED_STEP_NS (60 * CB_NS_PER_S)
#define UDP_WINDOW     1024u /* messages in flight per session: a socket buffer holds no more */
#define IDLE_POLLS     64u
#define IDLE_NS        (20 * CB_NS_PER_US)

struct world {
    struct cb_configuration *configuration;
    struct cb_lines lines;
    struct cb_memory memory;
    struct cb_market *market;
    struct cb_capture *capture;
    struct cb_clock clock;
    bool capture_failed;
};

static void tap(void *self, uint32_t line, bool to_box, const uint8_t *frame, uint32_t bytes)
{
    struct world *world = self;
    (void)line;
    (void)to_box;
    if (!world->capture_failed &&
        !cb_capture_write(world->capture, frame, bytes, world->clock.wall_ns(world->clock.self))) {
        world->capture_failed = true; /* said when it is closed */
    }
}

static enum cb_exit open_capture(struct world *world, const struct cb_options *options)
{
    char error[512];
    if (options->pcap == NULL) {
        return CB_EXIT_OK;
    }
    world->capture = cb_capture_open(options->pcap, error, sizeof error);
    if (world->capture == NULL) {
        cb_message_print(options->errors, CB_MESSAGE_1001, "%s", error);
        return CB_EXIT_RUN_TIME;
    }
    return CB_EXIT_OK;
}

static enum cb_exit open_market(struct world *world, const struct cb_options *options)
{
    struct cb_market_options market;
    struct cb_market_line lines[CB_LINES_MAX];
    const struct cb_app_config *app = &world->configuration->app;
    static uint8_t secrets[CB_SESSIONS_MAX][CB_SESSION_KEY_BYTES];
    cb_market_defaults(&market, &world->configuration->state);
    market.seed = options->has_seed ? options->seed : SEED_DEFAULT;
    market.prices = options->prices;
    market.steps = options->steps;
    market.lockstep =
        options->prices != NULL; /* recorded prices: a day's requests are decided by that day's prices */
    for (uint32_t i = 0; i < app->nics_count; i++) {
        if (app->nics[i].driver == CB_NIC_UDP) {
            market.window = UDP_WINDOW;
        }
    }
    market.start_ns = SEEDED_START_NS;
    market.step_ns = SEEDED_STEP_NS;
    const char *fault = cb_market_check(&world->configuration->state, &market);
    if (fault != NULL) {
        cb_message_print(options->errors, CB_MESSAGE_3010, "%s: %s", options->config, fault);
        return CB_EXIT_CONFIG;
    }
    for (uint32_t s = 0; s < world->configuration->state.sessions_count; s++) {
        memcpy(secrets[s], app->sessions[s].secret, sizeof secrets[s]);
    }
    memset(lines, 0, sizeof lines);
    for (uint32_t i = 0; i < world->lines.count; i++) {
        bool udp = app->nics[i].driver == CB_NIC_UDP;
        lines[i].nic = world->lines.port[i];
        lines[i].box_ip = app->listen.ip;
        lines[i].box_port = udp ? app->nics[i].address.port : app->listen.port;
        lines[i].own_ip = udp ? app->nics[i].address.ip : app->listen.ip + 1 + i;
        lines[i].own_port = (uint16_t)(app->listen.port + 1 + i);
    }
    size_t bytes = cb_market_footprint(&world->configuration->state, &market);
    if (!cb_memory_take(&world->memory, bytes, false, options->errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_arena arena = cb_arena_over(world->memory.base, world->memory.bytes);
    world->market = cb_market_init(&arena, &world->configuration->state, &market,
                                   (const uint8_t(*)[CB_SESSION_KEY_BYTES])secrets, lines, world->lines.count,
                                   world->capture != NULL ? tap : NULL, world);
    return CB_EXIT_OK;
}

/* How fast it went, both directions; the rest of the summary does not depend on the machine. */
static void print_pace(FILE *out, const struct cb_market_summary *summary, double seconds)
{
    uint64_t sent = 0, received = 0;
    for (unsigned i = 0; i < CB_MARKET_TEMPLATES; i++) {
        sent += summary->sent[i];
        received += summary->received[i];
    }
    double divisor = seconds > 0 ? seconds : 1.0;
    fprintf(out, "pace       %.2f s; messages a second: to the box %.0f, from it %.0f\n", seconds,
            (double)sent / divisor, (double)received / divisor);
}

static int run_market(struct world *world, const struct cb_options *options)
{
    static struct cb_market_summary summary;
    uint32_t empty = 0;
    int64_t begun_ns = world->clock.steady_ns(world->clock.self);
    while (cb_market_result(world->market) == CB_MARKET_RUNNING) {
        if (cb_stop_requested()) {
            cb_market_stop(world->market);
        }
        uint32_t work = cb_market_poll(world->market, world->clock.wall_ns(world->clock.self),
                                       world->clock.steady_ns(world->clock.self));
        empty = work == 0 ? empty + 1 : 0;
        if (empty > IDLE_POLLS) {
            world->clock.idle(world->clock.self, IDLE_NS);
        }
    }
    double seconds = (double)(world->clock.steady_ns(world->clock.self) - begun_ns) * 1e-9;
    cb_market_summarise(world->market, &summary);
    if (options->output != CB_OUTPUT_TEXT) {
        cb_market_summary_json(&summary, options->out);
    } else {
        print_pace(options->out, &summary, seconds);
        cb_market_summary_text(&summary, options->out);
    }
    if (summary.error[0] != 0) {
        cb_message_print(options->errors, CB_MESSAGE_2004, "%s", summary.error);
    }
    if (summary.result == CB_MARKET_INCOMPLETE && summary.frames_received == 0) {
        cb_message_print(
            options->errors, CB_MESSAGE_8001,
            "nothing came from the box at the other end of %s in %.0f s. Start it first: clearbox "
            "run -c %s -C DIR",
            options->config, seconds, options->config);
        return CB_EXIT_PEER;
    }
    if (summary.result == CB_MARKET_INCOMPLETE) {
        cb_message_print(
            options->errors, CB_MESSAGE_8001,
            "the box stopped answering, or this was interrupted: what is still open is counted as "
            "unanswered or not final above");
    }
    return cb_market_result_exit(summary.result);
}

int cb_command_gen(const struct cb_options *options)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    if (options->prices != NULL && access(options->prices, R_OK) != 0) {
        cb_message_print(options->errors, CB_MESSAGE_1002, "%s: %s", options->prices, strerror(errno));
        return CB_EXIT_RUN_TIME;
    }
    cb_clock_system(&world.clock);
    world.configuration = calloc(1, sizeof *world.configuration);
    if (world.configuration == NULL) {
        cb_message_print(options->errors, CB_MESSAGE_4002, "no memory for the configuration");
        return CB_EXIT_ENVIRONMENT;
    }
    enum cb_exit opened = cb_config_load(world.configuration, options->config, true, options->errors);
    int result = (int)opened;
    if (opened == CB_EXIT_OK) {
        cb_stop_install();
        opened = cb_lines_open(&world.lines, &world.configuration->app, CB_LINES_WORLD, options->errors);
        opened = opened != CB_EXIT_OK ? opened : open_capture(&world, options);
        opened = opened != CB_EXIT_OK ? opened : open_market(&world, options);
        result = opened == CB_EXIT_OK ? run_market(&world, options) : (int)opened;
    }
    if (world.market != NULL) {
        cb_market_close(world.market);
    }
    cb_lines_close(&world.lines);
    char error[512];
    if (world.capture != NULL && !cb_capture_close(world.capture, error, sizeof error)) {
        cb_message_print(options->errors, CB_MESSAGE_1001, "%s", error);
        result = result == CB_EXIT_OK ? CB_EXIT_RUN_TIME : result;
    }
    cb_memory_give(&world.memory);
    free(world.configuration);
    return result;
}
