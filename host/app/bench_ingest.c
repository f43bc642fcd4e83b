/* clearbox bench ingest: receive, parse, MAC, session window, decode, hand over, on one core.
 *
 *   --pcap FILE   net_pcap replays FILE from memory without end. A file that does not exist is written first.
 *   -C DIR        a memif server on DIR/m.sock; a client in another process sends the same capture without
 * end.
 *
 * The capture has prices of latest-value sessions, one message a datagram, each with a valid tag. Its
 * sequence numbers begin again at each turn, so the window is put back (cb_ingress_resume) when a sequence is
 * seen that is not above the one before: the look costs a few loads a frame and is part of what is measured.
 * Every message is opened and decoded, and its event is put into a ring of 4,096 places: the hand-over to a
 * core on the same thread.
 *
 * The tag's cost is measured apart, over the datagrams of the same capture, against libsodium's bare call. */
#include "drivers/clock/clock.h"
#include "drivers/dpdk/dpdk.h"
#include "drivers/pcap/capture.h"
#include "host/app/bench.h"
#include "host/ingress/ingress.h"

#include "clearbox/mold.h"
#include "clearbox/wire.h"
#include "host/app/store.h"
#include "host/types/event.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS      4u
#define FRAMES        2048u /* of a capture that is written here */
#define WINDOW_NS     (1000 * INT64_C(1000000))
#define WINDOWS       5u
#define RING          4096u
#define LINK_WAIT_NS  (30 * INT64_C(1000000000))
#define MAC_ROUNDS    7u
#define MAC_REPEATS   50u
#define BOX_IP        0x0A000002u
#define BOX_PORT      2000u
#define ERROR_BYTES   512u
#define PAYLOAD_BYTES (CB_MOLD_HEADER_BYTES + CB_MOLD_LENGTH_BYTES + CB_WIRE_PRICE_BYTES + CB_MOLD_TAG_BYTES)

struct bench {
    struct cb_session_config sessions[SESSIONS];
    struct cb_mac_keys keys[SESSIONS];
    uint64_t seen[SESSIONS]; /* the last sequence, to notice that the capture began again */
    struct cb_ingress ingress;
    struct cb_ingress_sink sink;
    struct cb_memory memory;
    struct cb_nic nic;
    struct cb_event ring[RING];
    struct cb_wire_price price;
    uint64_t delivered, undecodable, turns;
    int64_t price_sum;
};

static void make_sessions(struct bench *bench)
{
    for (uint32_t s = 0; s < SESSIONS; s++) {
        uint8_t secret[CB_SESSION_KEY_BYTES];
        char name[CB_SESSION_NAME_BYTES + 1];
        snprintf(name, sizeof name, "BENCH%-5u", s);
        memcpy(bench->sessions[s].name, name, CB_SESSION_NAME_BYTES);
        bench->sessions[s].class = CB_SESSION_LATEST;
        bench->sessions[s].role = CB_ROLE_ORACLE;
        memset(secret, (int)(s + 1), sizeof secret);
        cb_mac_derive(&bench->keys[s], secret);
    }
}

/* Frame `index` of the capture. */
static uint32_t make_frame(const struct bench *bench, uint8_t *out, uint32_t index)
{
    const struct cb_frame_end from = {.mac = {2, 0, 0, 0, 0, 1}, .port = 1000, .ip = 0x0A000001u},
                              to = {.mac = {2, 0, 0, 0, 0, 2}, .port = BOX_PORT, .ip = BOX_IP};
    uint32_t session = index % SESSIONS;
    uint8_t payload[PAYLOAD_BYTES], *message = payload + CB_MOLD_HEADER_BYTES + CB_MOLD_LENGTH_BYTES;
    struct cb_mold_header header = {.sequence = index / SESSIONS + 1u, .count = 1};
    memcpy(header.session, bench->sessions[session].name, CB_MOLD_SESSION_BYTES);
    cb_mold_header_encode(payload, &header);
    payload[CB_MOLD_HEADER_BYTES] = 0;
    payload[CB_MOLD_HEADER_BYTES + 1] = CB_WIRE_PRICE_BYTES;
    struct cb_wire_price price = {.factor = (uint16_t)(index % 64u),
                                  .source = (uint16_t)session,
                                  .price_e8 = 100000000 + (int64_t)index,
                                  .source_time_ns = 1 + (int64_t)index};
    cb_wire_price_encode(message, &price);
    cb_mac_tag(message + CB_WIRE_PRICE_BYTES, &bench->keys[session].in, payload,
               PAYLOAD_BYTES - CB_MOLD_TAG_BYTES);
    return cb_frame_build(out, &from, &to, CB_FRAME_VLAN_NONE, payload, PAYLOAD_BYTES);
}

static enum cb_exit write_capture(const struct bench *bench, const char *path, FILE *errors)
{
    char error[ERROR_BYTES];
    uint8_t frame[CB_FRAME_BYTES_MAX];
    struct cb_capture *capture = cb_capture_open(path, error, sizeof error);
    if (capture == NULL) {
        cb_message_print(errors, CB_MESSAGE_1001, "%s", error);
        return CB_EXIT_RUN_TIME;
    }
    bool good = true;
    for (uint32_t i = 0; i < FRAMES && good; i++) {
        uint32_t bytes = make_frame(bench, frame, i);
        good = cb_capture_write(capture, frame, bytes, (int64_t)i * 1000);
    }
    if (!cb_capture_close(capture, error, sizeof error) || !good) {
        cb_message_print(errors, CB_MESSAGE_1001, "%s: %s", path, error);
        return CB_EXIT_RUN_TIME;
    }
    return CB_EXIT_OK;
}

static bool deliver(void *self, uint32_t session, uint64_t session_seq, const uint8_t *body, uint32_t bytes)
{
    struct bench *bench = self;
    uint16_t template_id;
    if (cb_wire_open(body, bytes, &template_id) != CB_REJECT_NONE || template_id != CB_WIRE_PRICE ||
        !cb_wire_price_decode(&bench->price, body)) {
        bench->undecodable++;
        return true;
    }
    bench->price_sum += bench->price.price_e8;
    bench->ring[bench->delivered++ % RING] = (struct cb_event){.kind = CB_EVENT_MESSAGE,
                                                               .session = (uint8_t)session,
                                                               .session_seq = session_seq,
                                                               .body = body,
                                                               .body_bytes = bytes};
    return true;
}

static bool emit(void *self, uint32_t line, const uint8_t *frame, uint32_t bytes)
{
    (void)self;
    (void)line;
    (void)frame;
    (void)bytes;
    return true;
}

static enum cb_exit make_ingress(struct bench *bench, FILE *errors)
{
    struct cb_ingress_config config = {
        .sessions = bench->sessions,
        .keys = bench->keys,
        .sessions_count = SESSIONS,
        .lines_count = 1,
        .lines[0].own = {.mac = {2, 0, 0, 0, 0, 2}, .port = BOX_PORT, .ip = BOX_IP},
    };
    if (!cb_memory_take(&bench->memory, cb_ingress_footprint(&config), true, errors)) {
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_arena arena = cb_arena_over(bench->memory.base, bench->memory.bytes);
    cb_ingress_init(&bench->ingress, &arena, &config);
    bench->sink = (struct cb_ingress_sink){.self = bench, .deliver = deliver, .emit = emit};
    return CB_EXIT_OK;
}

/* Puts a session's window back when the capture has begun again. The session's number is the digit at the end
 * of its name, in the frames that this bench makes; other frames are left to ingress to refuse. */
static void notice_turn(struct bench *bench, const struct cb_nic_frame *frame)
{
    struct cb_mold_header header;
    if (frame->bytes < CB_FRAME_HEADER_BYTES + CB_MOLD_HEADER_BYTES) {
        return;
    }
    cb_mold_header_decode(&header, frame->data + CB_FRAME_HEADER_BYTES);
    uint32_t session = (uint32_t)(header.session[5] - '0');
    if (session >= SESSIONS) {
        return;
    }
    if (header.sequence <= bench->seen[session]) {
        cb_ingress_resume(&bench->ingress, session, header.sequence);
        bench->turns++;
    }
    bench->seen[session] = header.sequence;
}

/* Polls the port until the time. Returns frames taken. */
static uint64_t drain(struct bench *bench, const struct cb_clock *clock, int64_t until_ns)
{
    struct cb_nic_frame frames[CB_BURST];
    uint64_t taken = 0;
    for (int64_t now_ns = clock->steady_ns(clock->self); now_ns < until_ns;
         now_ns = clock->steady_ns(clock->self)) {
        uint32_t count = bench->nic.rx(bench->nic.self, frames, CB_BURST);
        for (uint32_t i = 0; i < count; i++) {
            notice_turn(bench, &frames[i]);
        }
        uint32_t used = cb_ingress_burst(&bench->ingress, 0, frames, count, now_ns, &bench->sink);
        CB_ASSERT(used == count); /* deliver always has room */
        (void)cb_ingress_poll(&bench->ingress, now_ns, &bench->sink);
        bench->nic.release(bench->nic.self, frames, count);
        taken += count;
    }
    return taken;
}

static enum cb_exit open_port(struct bench *bench, const struct cb_options *options)
{
    char error[ERROR_BYTES], socket[CB_FILE_PATH_BYTES];
    const struct cb_dpdk_options dpdk = {.memory_mb = 256};
    if (!cb_dpdk_start(&dpdk, error, sizeof error)) {
        cb_message_print(options->errors, CB_MESSAGE_4003, "DPDK: %s", error);
        return CB_EXIT_ENVIRONMENT;
    }
    struct cb_dpdk_port_options port = {.kind = CB_DPDK_PCAP, .rx_pcap = options->pcap, .rx_infinite = true};
    if (options->data != NULL) {
        snprintf(socket, sizeof socket, "%s/m.sock", options->data);
        port = (struct cb_dpdk_port_options){.kind = CB_DPDK_MEMIF_SERVER, .socket_path = socket};
    }
    if (!cb_dpdk_open_port(&bench->nic, &port, error, sizeof error)) {
        cb_dpdk_stop();
        cb_message_print(options->errors, CB_MESSAGE_4003, "port: %s", error);
        return CB_EXIT_ENVIRONMENT;
    }
    return CB_EXIT_OK;
}

/* Waits for the peer, warms up, then counts in windows of a second. Returns packets a second, the median. */
static enum cb_exit measure(struct bench *bench, const struct cb_options *options,
                            struct cb_bench_report *report, double *packets_per_second,
                            double *per_cpu_second)
{
    struct cb_clock clock;
    struct cb_bench_rounds rate = {0}, cpu_rate = {0};
    cb_clock_system(&clock);
    int64_t start_ns = clock.steady_ns(clock.self);
    while (bench->delivered == 0 && clock.steady_ns(clock.self) - start_ns < LINK_WAIT_NS) {
        (void)drain(bench, &clock, clock.steady_ns(clock.self) + WINDOW_NS / 100);
    }
    if (bench->delivered == 0) {
        cb_message_print(options->errors, CB_MESSAGE_8001,
                         "no datagram that is of this bench came within 30 s");
        return CB_EXIT_PEER;
    }
    (void)drain(bench, &clock, clock.steady_ns(clock.self) + WINDOW_NS);
    for (uint32_t window = 0; window < WINDOWS; window++) {
        int64_t from_ns = clock.steady_ns(clock.self), cpu_ns = cb_bench_cpu_ns();
        double taken = (double)drain(bench, &clock, from_ns + WINDOW_NS);
        cb_bench_rounds_add(&rate, taken / (double)(clock.steady_ns(clock.self) - from_ns) * 1e9);
        cb_bench_rounds_add(&cpu_rate, taken / (double)(cb_bench_cpu_ns() - cpu_ns) * 1e9);
    }
    struct cb_ingress_line_stats line;
    cb_ingress_line_stats(&bench->ingress, 0, &line);
    uint64_t old = 0;
    for (uint32_t s = 0; s < SESSIONS; s++) {
        struct cb_ingress_session_stats stats;
        cb_ingress_session_stats(&bench->ingress, s, &stats);
        old += stats.old;
    }
    *packets_per_second = cb_bench_median(&rate);
    *per_cpu_second = cb_bench_median(&cpu_rate);
    cb_bench_report_rounds(report, "ingest", "packets/s", &rate);
    cb_bench_report_rounds(report, "ingest_per_cpu_second", "packets/s", &cpu_rate);
    cb_bench_report_number(report, "accepted_share", "", (double)line.datagrams / (double)line.frames);
    cb_bench_report_number(report, "delivered_share", "", (double)bench->delivered / (double)line.frames);
    cb_bench_report_number(report, "old_share", "", (double)old / (double)line.frames);
    cb_bench_report_number(report, "turns_of_the_capture", "", (double)bench->turns / SESSIONS);
    return CB_EXIT_OK;
}

/* ns of CPU time a datagram: our verification and of libsodium's tag alone, over the same bytes, by turns. */
static double measure_mac(const struct bench *bench, struct cb_bench_report *report)
{
    static uint8_t frames[FRAMES][CB_FRAME_HEADER_BYTES + PAYLOAD_BYTES];
    struct cb_bench_rounds ours = {0}, bare = {0};
    uint64_t sum = 0;
    uint8_t whole[CB_FRAME_BYTES_MAX];
    for (uint32_t i = 0; i < FRAMES; i++) {
        (void)make_frame(bench, whole, i);
        memcpy(frames[i], whole, CB_FRAME_HEADER_BYTES + PAYLOAD_BYTES);
    }
    const size_t covered = PAYLOAD_BYTES - CB_MOLD_TAG_BYTES;
    for (uint32_t round = 0; round < MAC_ROUNDS; round++) {
        int64_t start = cb_bench_cpu_ns();
        for (uint32_t i = 0; i < FRAMES * MAC_REPEATS; i++) {
            const uint8_t *payload = frames[i % FRAMES] + CB_FRAME_HEADER_BYTES;
            sum += cb_mac_verify(payload + covered, &bench->keys[i % SESSIONS].in, payload, covered);
        }
        int64_t middle = cb_bench_cpu_ns();
        for (uint32_t i = 0; i < FRAMES * MAC_REPEATS; i++) {
            uint8_t tag[crypto_shorthash_siphashx24_BYTES];
            const uint8_t *payload = frames[i % FRAMES] + CB_FRAME_HEADER_BYTES;
            crypto_shorthash_siphashx24(tag, payload, covered, bench->keys[i % SESSIONS].in.bytes);
            sum += tag[0];
        }
        int64_t end = cb_bench_cpu_ns();
        cb_bench_rounds_add(&ours, (double)(middle - start) / (FRAMES * MAC_REPEATS));
        cb_bench_rounds_add(&bare, (double)(end - middle) / (FRAMES * MAC_REPEATS));
    }
    cb_bench_keep(sum);
    cb_bench_report_number(report, "bytes_under_the_tag", "B", (double)covered);
    cb_bench_report_against(report, "mac_verify", "ns", &ours, "libsodium_siphashx24", &bare);
    return cb_bench_median(&ours);
}

static enum cb_exit run(struct bench *bench, const struct cb_options *options)
{
    struct cb_bench_report report;
    double rate = -1.0, cpu_rate = -1.0;
    enum cb_exit result = make_ingress(bench, options->errors);
    if (result == CB_EXIT_OK) {
        result = open_port(bench, options);
    }
    if (result == CB_EXIT_OK) {
        cb_bench_report_begin(&report, options, "ingest");
        cb_bench_report_number(&report, "frame", "B", CB_FRAME_HEADER_BYTES + PAYLOAD_BYTES);
        result = measure(bench, options, &report, &rate, &cpu_rate);
        if (result == CB_EXIT_OK) {
            double mac_ns = measure_mac(bench, &report);
            /* Computed, not measured: what is left of a packet's CPU time without the tag. */
            cb_bench_report_number(&report, "ingest_less_mac_per_cpu_second_computed", "packets/s",
                                   1e9 / (1e9 / cpu_rate - mac_ns));
        }
        cb_bench_report_end(&report, rate);
        bench->nic.close(bench->nic.self);
        cb_dpdk_stop();
    }
    cb_memory_give(&bench->memory);
    return result;
}

int cb_bench_ingest(const struct cb_options *options)
{
    if ((options->pcap == NULL) == (options->data == NULL)) {
        cb_message_print(
            options->errors, CB_MESSAGE_2005,
            "bench ingest: give --pcap FILE (a capture to replay) or -C DIR (a memif server on DIR/m.sock)");
        return CB_EXIT_USAGE;
    }
    struct bench *bench = calloc(1, sizeof *bench);
    if (bench == NULL) {
        cb_message_print(options->errors, CB_MESSAGE_4002, "no memory for the bench");
        return CB_EXIT_ENVIRONMENT;
    }
    make_sessions(bench);
    enum cb_exit result = CB_EXIT_OK;
    if (options->pcap != NULL && access(options->pcap, F_OK) != 0) {
        result = write_capture(bench, options->pcap, options->errors);
    }
    if (result == CB_EXIT_OK) {
        result = run(bench, options);
    }
    free(bench);
    return (int)result;
}
