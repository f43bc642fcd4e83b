#include "sim/market/sender.h"

#include "clearbox/mold.h"
#include "host/base/assert.h"
#include "host/base/bytes.h"

#include <string.h>

#define STALL_MESSAGES 256u /* sent again at once when nothing moves; the rest follows with the progress */

_Static_assert(CB_WIRE_TRADE_BYTES <= CB_MARKET_SLOT_BYTES, "the longest inbound message fits a slot");
_Static_assert(sizeof(struct cb_market_slot) == 64, "one cache line a message");

size_t cb_market_sender_footprint(const struct cb_market_sender_options *options)
{
    return cb_arena_room((size_t)options->ring * sizeof(struct cb_market_slot));
}

void cb_market_sender_init(struct cb_market_sender *sender, struct cb_arena *arena,
                           const struct cb_market_sender_options *options)
{
    CB_ASSERT(options->ring > 0 && (options->ring & (options->ring - 1)) == 0);
    CB_ASSERT(options->window <= options->ring);
    memset(sender, 0, sizeof *sender);
    sender->options = *options;
    sender->slots = cb_arena_take(arena, (size_t)options->ring * sizeof(struct cb_market_slot));
    if (sender->options.window == 0) {
        sender->options.window = options->ring;
    }
    cb_market_sender_start(sender, 1);
}

void cb_market_sender_start(struct cb_market_sender *sender, uint64_t next_seq)
{
    CB_ASSERT(!sender->used);
    CB_ASSERT(next_seq >= 1);
    sender->base = sender->next = sender->applied = next_seq;
    for (uint32_t i = 0; i < CB_LINES_MAX; i++) {
        sender->sent[i] = next_seq;
    }
}

static struct cb_market_slot *slot_of(const struct cb_market_sender *sender, uint64_t number)
{
    return &sender->slots[number & (sender->options.ring - 1)];
}

bool cb_market_sender_room(const struct cb_market_sender *sender, uint32_t messages)
{
    uint64_t kept = sender->next - sender->base;
    return !sender->options.lossless || kept + messages <= sender->options.ring;
}

uint64_t cb_market_sender_put(struct cb_market_sender *sender, const uint8_t *message, uint32_t bytes)
{
    CB_ASSERT(bytes >= 1 && bytes <= CB_MARKET_SLOT_BYTES);
    CB_ASSERT(cb_market_sender_room(sender, 1));
    if (sender->next - sender->base == sender->options.ring) {
        sender->base++;
        sender->dropped++;
    }
    sender->used = true;
    struct cb_market_slot *slot = slot_of(sender, sender->next);
    slot->bytes = (uint16_t)bytes;
    memcpy(slot->message, message, bytes);
    return sender->next++;
}

/* Writes a datagram that starts at `number` and takes what fits, below `end`. Returns its bytes; `next` is
 * the number after its last message. number == end makes a heartbeat. */
static uint32_t pack(const struct cb_market_sender *sender, uint8_t *datagram, uint64_t number, uint64_t end,
                     uint64_t *next)
{
    uint32_t bytes = CB_MOLD_HEADER_BYTES;
    struct cb_mold_header header = {.sequence = number, .count = 0};
    memcpy(header.session, sender->options.name, sizeof header.session);
    while (number < end) {
        const struct cb_market_slot *slot = slot_of(sender, number);
        if (bytes + CB_MOLD_LENGTH_BYTES + slot->bytes + CB_MOLD_TAG_BYTES > CB_DATAGRAM_BYTES_MAX) {
            break;
        }
        cb_store_u16_be(datagram + bytes, slot->bytes);
        memcpy(datagram + bytes + CB_MOLD_LENGTH_BYTES, slot->message, slot->bytes);
        bytes += CB_MOLD_LENGTH_BYTES + slot->bytes;
        header.count++;
        number++;
    }
    cb_mold_header_encode(datagram, &header);
    cb_mac_tag(datagram + bytes, &sender->options.key, datagram, bytes);
    *next = number;
    return bytes + CB_MOLD_TAG_BYTES;
}

/* How far may be sent now. A sender that may lose does not wait for the box. */
static uint64_t send_end(const struct cb_market_sender *sender)
{
    uint64_t window_end = sender->applied + sender->options.window;
    return sender->options.lossless && window_end < sender->next ? window_end : sender->next;
}

/* What was asked for again goes out first, on every line; the first line decides whether it was taken. */
static uint32_t flush_again(struct cb_market_sender *sender, struct cb_market_link *link, int64_t now_ns)
{
    uint32_t done = 0;
    while (sender->again < sender->again_end) {
        if (sender->again < sender->base) {
            sender->again = sender->base; /* was freed or dropped since it was asked for */
            continue;
        }
        uint64_t next;
        uint32_t bytes = pack(sender, cb_market_link_payload(link), sender->again, sender->again_end, &next);
        bool taken = false;
        for (uint32_t line = 0; line < link->lines; line++) {
            taken |= cb_market_link_up(link, line) && cb_market_link_send(link, line, bytes);
        }
        if (!taken) {
            break;
        }
        sender->served += next - sender->again;
        sender->again = next;
        sender->datagrams++;
        sender->transmit_ns = now_ns;
        done++;
    }
    return done;
}

/* Sends what this line has not had yet. A datagram built for it also goes out on the later lines that stand
 * at the same message, so that in the usual case its tag is computed once. A line that takes nothing holds up
 * no other; what is durable is not sent on it any more. */
static uint32_t flush_line(struct cb_market_sender *sender, struct cb_market_link *link, uint32_t line,
                           int64_t now_ns)
{
    uint32_t done = 0;
    uint64_t end = send_end(sender);
    if (sender->sent[line] < sender->base) {
        sender->sent[line] = sender->base;
    }
    while (sender->sent[line] < end) {
        uint64_t first = sender->sent[line], next;
        uint32_t bytes = pack(sender, cb_market_link_payload(link), first, end, &next);
        if (!cb_market_link_send(link, line, bytes)) {
            break;
        }
        sender->sent[line] = next;
        for (uint32_t other = line + 1; other < link->lines; other++) {
            if (sender->sent[other] == first && cb_market_link_up(link, other) &&
                cb_market_link_send(link, other, bytes)) {
                sender->sent[other] = next;
            }
        }
        sender->datagrams++;
        sender->transmit_ns = now_ns;
        done++;
    }
    return done;
}

uint32_t cb_market_sender_flush(struct cb_market_sender *sender, struct cb_market_link *link, int64_t now_ns)
{
    uint32_t done = flush_again(sender, link, now_ns);
    for (uint32_t line = 0; line < link->lines; line++) {
        if (sender->again >= sender->again_end && cb_market_link_up(link, line)) {
            done += flush_line(sender, link, line, now_ns);
        }
    }
    return done;
}

/* The greatest number that was handed to any line, exclusive. */
static uint64_t sent_end(const struct cb_market_sender *sender)
{
    uint64_t end = sender->sent[0];
    for (uint32_t line = 1; line < CB_LINES_MAX; line++) {
        end = sender->sent[line] > end ? sender->sent[line] : end;
    }
    return end;
}

bool cb_market_sender_flushed(const struct cb_market_sender *sender)
{
    return sender->again >= sender->again_end && sent_end(sender) >= sender->next;
}

static void ask_again(struct cb_market_sender *sender, uint64_t first, uint64_t end)
{
    first = first < sender->base ? sender->base : first;
    end = end > sent_end(sender) ? sent_end(sender) : end;
    if (first >= end) {
        return;
    }
    if (sender->again >= sender->again_end) { /* above it: all of it was freed since it was asked for */
        sender->again = first;
        sender->again_end = end;
        return;
    }
    sender->again = first < sender->again ? first : sender->again;
    sender->again_end = end > sender->again_end ? end : sender->again_end;
}

void cb_market_sender_tick(struct cb_market_sender *sender, struct cb_market_link *link, int64_t now_ns)
{
    uint64_t end = sent_end(sender);
    if (!sender->options.lossless || sender->applied >= end) {
        sender->progress_ns = now_ns;
    } else if (now_ns - sender->progress_ns >= sender->options.stall_ns) {
        uint64_t stop = sender->applied + STALL_MESSAGES;
        ask_again(sender, sender->applied, stop < end ? stop : end);
        sender->stalls++;
        sender->progress_ns = now_ns;
    }
    if (now_ns - sender->transmit_ns < sender->options.heartbeat_ns) {
        return;
    }
    uint64_t next;
    uint32_t bytes = pack(sender, cb_market_link_payload(link), end, end, &next);
    for (uint32_t line = 0; line < link->lines; line++) {
        if (cb_market_link_up(link, line) && cb_market_link_send(link, line, bytes)) {
            sender->heartbeats++;
            sender->transmit_ns = now_ns;
        }
    }
}

void cb_market_sender_status(struct cb_market_sender *sender, const struct cb_wire_session_status *status,
                             int64_t now_ns)
{
    if (status->epoch < sender->epoch || status->next_seq == 0) {
        return;
    }
    bool restarted = sender->epoch != 0 && status->epoch > sender->epoch;
    sender->epoch = status->epoch;
    sender->heard = true;
    if (status->next_seq > sender->next) {
        if (!sender->used) {
            cb_market_sender_start(sender, status->next_seq); /* an earlier run used this session */
        } else {
            sender->ahead++;
        }
        return;
    }
    if (status->next_seq < sender->base) {
        /* Also when it is only an old status that was overtaken: those have the epoch of a newer one. */
        if (restarted && sender->options.lossless) {
            sender->broken++;
        }
        return;
    }
    if (status->next_seq > sender->applied) {
        sender->progress_ns = now_ns;
        sender->applied = status->next_seq;
    }
    if (restarted) {
        sender->restarts++;
        sender->applied = status->next_seq;
        sender->progress_ns = now_ns;
        ask_again(sender, status->next_seq, sent_end(sender));
    }
    uint64_t keep =
        status->durable_through >= status->next_seq ? status->next_seq : status->durable_through + 1;
    if (keep > sender->base) {
        sender->base = keep;
    }
}

void cb_market_sender_request(struct cb_market_sender *sender, uint64_t first, uint32_t count)
{
    sender->requests++;
    if (first < sender->next) {
        ask_again(sender, first, first + count);
    }
}

bool cb_market_sender_drained(const struct cb_market_sender *sender)
{
    return sender->base == sender->next;
}
