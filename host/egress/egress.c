#include "host/egress/egress.h"

#include "clearbox/mold.h"
#include "host/base/bytes.h"

#include <string.h>

size_t cb_egress_footprint(void)
{
    return cb_arena_room(CB_EGRESS_MESSAGES_MAX * sizeof(struct cb_egress_message));
}

void cb_egress_init(struct cb_egress *egress, struct cb_arena *arena, const struct cb_mac_keys *keys,
                    uint32_t sessions, uint64_t epoch, struct cb_nic *const *lines, uint32_t lines_count,
                    cb_egress_path_fn *path, void *path_context)
{
    CB_ASSERT(sessions <= CB_SESSIONS_MAX && lines_count <= CB_LINES_MAX);
    memset(egress, 0, sizeof *egress);
    egress->queue = cb_arena_take(arena, CB_EGRESS_MESSAGES_MAX * sizeof(struct cb_egress_message));
    egress->keys = keys;
    egress->sessions = sessions;
    egress->epoch = epoch;
    egress->lines = lines;
    egress->lines_count = lines_count;
    egress->path = path;
    egress->path_context = path_context;
    for (uint32_t i = 0; i < CB_SESSIONS_MAX; i++) {
        egress->downstream_seq[i] = 1;
    }
}

bool cb_egress_put(struct cb_egress *egress, uint64_t cause_seq, uint8_t session, const uint8_t *message,
                   uint16_t bytes)
{
    CB_ASSERT(session < egress->sessions && bytes <= CB_EGRESS_MESSAGE_BYTES);
    if (cb_egress_room(egress) == 0) {
        egress->stats.dropped_full++;
        return false;
    }
    struct cb_egress_message *slot = &egress->queue[egress->tail & (CB_EGRESS_MESSAGES_MAX - 1u)];
    egress->tail++;
    egress->stats.queued++;
    slot->cause_seq = cause_seq;
    slot->session = session;
    slot->bytes = bytes;
    memcpy(slot->message, message, bytes);
    return true;
}

/* Hands the packed frame to its nic. False: the nic is full; the frame stays and goes first next time. */
static bool flush(struct cb_egress *egress)
{
    struct cb_nic *nic = egress->lines[egress->frame_line];
    struct cb_nic_frame frame = {.data = egress->frame, .bytes = egress->frame_bytes};
    /* A link that is down loses the datagram, as a cable would: its messages are asked for or sent again. One
     * whose input has ended (-1) still sends. */
    if (nic->link(nic->self) == 0) {
        egress->stats.lost_link++;
    } else if (nic->tx(nic->self, &frame, 1) == 1) {
        egress->stats.datagrams++;
    } else {
        egress->stats.nic_full++;
        return false;
    }
    egress->frame_bytes = 0;
    return true;
}

static void name_downstream(char name[CB_MOLD_SESSION_BYTES], uint8_t session, uint64_t epoch)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t value = (uint64_t)session << 32 | (epoch & 0xFFFFFFFFu);
    for (unsigned i = 0; i < CB_MOLD_SESSION_BYTES; i++) {
        name[CB_MOLD_SESSION_BYTES - 1 - i] = digits[value >> (4 * i) & 15u];
    }
}

/* Packs the run of durable messages of one session at the head of the queue into one datagram. */
static void pack(struct cb_egress *egress, uint64_t durable_seq, const struct cb_egress_path *path)
{
    uint8_t payload[CB_DATAGRAM_BYTES_MAX];
    struct cb_egress_message *first = &egress->queue[egress->head & (CB_EGRESS_MESSAGES_MAX - 1u)];
    uint8_t session = first->session;
    struct cb_mold_header header = {.sequence = egress->downstream_seq[session]};
    uint32_t bytes = CB_MOLD_HEADER_BYTES;
    name_downstream(header.session, session, egress->epoch);
    while (egress->head != egress->tail) {
        struct cb_egress_message *next = &egress->queue[egress->head & (CB_EGRESS_MESSAGES_MAX - 1u)];
        if (next->session != session || next->cause_seq > durable_seq ||
            bytes + CB_MOLD_LENGTH_BYTES + next->bytes + CB_MAC_BYTES > CB_DATAGRAM_BYTES_MAX) {
            break;
        }
        cb_store_u16_be(payload + bytes, next->bytes);
        memcpy(payload + bytes + CB_MOLD_LENGTH_BYTES, next->message, next->bytes);
        bytes += CB_MOLD_LENGTH_BYTES + next->bytes;
        header.count++;
        egress->head++;
    }
    cb_mold_header_encode(payload, &header);
    cb_mac_tag(payload + bytes, &egress->keys[session].out, payload, bytes);
    bytes += CB_MAC_BYTES;
    egress->downstream_seq[session] += header.count;
    egress->stats.sent += header.count;
    egress->frame_bytes = cb_frame_build(egress->frame, &path->own, &path->peer, path->vlan, payload, bytes);
    egress->frame_line = path->line;
}

uint32_t cb_egress_poll(struct cb_egress *egress, uint64_t durable_seq, uint32_t budget)
{
    uint32_t left = 0;
    while (left < budget) {
        if (egress->frame_bytes == 0) {
            struct cb_egress_message *next = &egress->queue[egress->head & (CB_EGRESS_MESSAGES_MAX - 1u)];
            struct cb_egress_path path;
            if (egress->head == egress->tail || next->cause_seq > durable_seq) {
                break;
            }
            if (!egress->path(egress->path_context, next->session, &path) ||
                path.line >= egress->lines_count) {
                egress->stats.dropped_no_path++;
                egress->head++;
                continue;
            }
            pack(egress, durable_seq, &path);
        }
        if (!flush(egress)) {
            break;
        }
        left++;
    }
    return left;
}

bool cb_egress_emit(struct cb_egress *egress, uint32_t line, const uint8_t *frame, uint32_t bytes)
{
    CB_ASSERT(line < egress->lines_count);
    struct cb_nic *nic = egress->lines[line];
    struct cb_nic_frame one = {.data = frame, .bytes = bytes};
    return nic->link(nic->self) != 0 && nic->tx(nic->self, &one, 1) == 1;
}
