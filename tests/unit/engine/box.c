#include "tests/unit/engine/box.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define OWN_IP    0x0A000001u
#define PEER_IP   0x0A000100u
#define OWN_PORT  4000u
#define PEER_PORT 5000u

/* Criterion allocates for every assertion; these run where nothing may. Only a failure is Criterion's. */
#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            cr_assert_fail("%s:%d: %s", __FILE__, __LINE__, #condition);                                     \
        }                                                                                                    \
    } while (0)

static void *take(size_t bytes)
{
    void *memory = aligned_alloc(CB_ARENA_ALIGN, cb_arena_room(bytes));
    EXPECT(memory != NULL);
    memset(memory, 0, cb_arena_room(bytes));
    return memory;
}

/* ---- lines ---- */

static uint32_t nic_rx(void *self, struct cb_nic_frame *frames, uint32_t max)
{
    struct box_nic *nic = self;
    uint32_t count = 0;
    EXPECT(nic->out == 0u);
    while (count < max && nic->head + count != nic->tail) {
        uint32_t at = (nic->head + count) % BOX_FRAMES;
        frames[count++] = (struct cb_nic_frame){.data = nic->frames[at], .bytes = nic->frame_bytes[at]};
    }
    nic->out = count;
    return count;
}

static void nic_release(void *self, struct cb_nic_frame *frames, uint32_t count)
{
    struct box_nic *nic = self;
    EXPECT(count == nic->out);
    EXPECT(frames[0].data == nic->frames[nic->head % BOX_FRAMES]);
    memset(nic->frames[nic->head % BOX_FRAMES], 0xDD, frames[0].bytes); /* nobody may look at it any more */
    nic->head += count;
    nic->out = 0;
}

static int nic_link(void *self)
{
    return ((struct box_nic *)self)->link;
}

/* The record that a message says it comes from. */
static uint64_t cause_of(const struct box_got *got)
{
    bool action = got->template_id == CB_WIRE_RELEASE || got->template_id == CB_WIRE_MARGIN_STATE;
    uint64_t seq;
    memcpy(&seq, got->message + CB_WIRE_HEADER_BYTES + (action ? 16 : 8), sizeof seq);
    return seq;
}

static void take_message(struct box *box, const struct box_nic *nic, uint8_t session, const uint8_t *message,
                         uint32_t bytes)
{
    struct box_sender *sender = &box->senders[session];
    uint16_t template_id;
    EXPECT(cb_wire_open(message, bytes, &template_id) == CB_REJECT_NONE);
    if (template_id == CB_WIRE_SESSION_STATUS) {
        cb_wire_session_status_decode(&sender->status, message);
        sender->statuses++;
        EXPECT(sender->status.epoch == box->epoch);
        EXPECT(sender->status.durable_through < sender->status.next_seq);
        EXPECT(sender->status.durable_through >= sender->durable);
        sender->durable = sender->status.durable_through;
        return;
    }
    EXPECT(box->got_count < BOX_GOT_MAX);
    struct box_got *got = &box->got[box->got_count++];
    *got = (struct box_got){.durable = cb_journal_durable(&box->journal),
                            .line = nic->number,
                            .template_id = template_id,
                            .bytes = (uint16_t)bytes,
                            .session = session};
    memcpy(got->message, message, bytes);
    EXPECT(cause_of(got) <= got->durable);
}

/* A retransmission request bears the session's own name. */
static bool take_request(struct box *box, const struct box_nic *nic, const struct cb_mold_header *header)
{
    for (uint32_t s = 0; s < box->config.sessions_count; s++) {
        if (memcmp(header->session, box->config.sessions[s].name, sizeof header->session) == 0) {
            box->senders[s].asked_sequence = header->sequence;
            box->senders[s].asked_count = header->count;
            box->senders[s].asked_line = nic->number;
            return true;
        }
    }
    return false;
}

static void take_datagram(struct box *box, const struct box_nic *nic, const struct cb_frame *frame)
{
    struct cb_mold_header header;
    const uint8_t *p = frame->payload + CB_MOLD_HEADER_BYTES, *message = NULL;
    size_t bytes = frame->payload_bytes - CB_MOLD_HEADER_BYTES - CB_MOLD_TAG_BYTES;
    uint32_t message_bytes = 0;
    unsigned session = frame->destination.ip - PEER_IP;
    EXPECT(session < box->config.sessions_count);
    EXPECT(frame->destination.port == PEER_PORT + nic->number);
    EXPECT(frame->source.ip == OWN_IP + nic->number);
    EXPECT(frame->source.port == OWN_PORT);
    EXPECT(cb_mac_verify(frame->payload + frame->payload_bytes - CB_MAC_BYTES, &box->keys[session].out,
                         frame->payload, frame->payload_bytes - CB_MAC_BYTES));
    cb_mold_header_decode(&header, frame->payload);
    if (bytes == 0) {
        EXPECT(take_request(box, nic, &header));
        return;
    }
    char name[24];
    snprintf(name, sizeof name, "%02x%08x", session, (unsigned)box->epoch);
    EXPECT(memcmp(header.session, name, CB_MOLD_SESSION_BYTES) == 0);
    EXPECT(header.sequence == box->senders[session].downstream);
    box->senders[session].downstream += header.count;
    for (uint32_t i = 0; i < header.count; i++) {
        EXPECT(cb_mold_next(&p, &bytes, &message, &message_bytes));
        take_message(box, nic, (uint8_t)session, message, message_bytes);
    }
    EXPECT(bytes == 0u);
}

static uint32_t nic_tx(void *self, const struct cb_nic_frame *frames, uint32_t count)
{
    struct box_nic *nic = self;
    uint32_t taken = 0;
    while (taken < count && nic->tx_room > 0) {
        struct cb_frame frame;
        EXPECT(cb_frame_parse(&frame, frames[taken].data, frames[taken].bytes) == CB_FRAME_OK);
        take_datagram(nic->box, nic, &frame);
        nic->tx_room--;
        nic->tx_frames++;
        taken++;
    }
    return taken;
}

static int64_t wall(void *self)
{
    return ((struct box *)self)->wall_ns;
}

static int64_t steady(void *self)
{
    return ((struct box *)self)->steady_ns;
}

/* ---- lives ---- */

void box_prepare(struct box *box)
{
    memset(box, 0, sizeof *box);
    world_config(&box->config);
    box->config.capacity.answers = 8192;
    box->config.capacity.orders = 4096;
    box->got = calloc(BOX_GOT_MAX, sizeof *box->got);
    box->wall_ns = WORLD_START_NS;
    box->steady_ns = 1000;
    for (uint32_t i = 0; i < CB_LINES_MAX; i++) {
        struct box_nic *nic = &box->nics[i];
        nic->box = box;
        nic->number = i;
        nic->frames = calloc(BOX_FRAMES, sizeof *nic->frames);
        nic->tx_room = UINT32_MAX;
        nic->link = 1;
        nic->port = (struct cb_nic){.self = nic,
                                    .name = i == 0 ? "A" : "B",
                                    .mac = {2, 0, 0, 0, 1, (uint8_t)i},
                                    .mtu = 1500,
                                    .rx = nic_rx,
                                    .release = nic_release,
                                    .tx = nic_tx,
                                    .link = nic_link};
        box->engine_config.lines[i] = &nic->port;
        box->engine_config.addresses[i].own.ip = OWN_IP + i;
        box->engine_config.addresses[i].own.port = OWN_PORT;
    }
    for (uint32_t s = 0; s < CB_SESSIONS_MAX; s++) {
        uint8_t secret[CB_SESSION_KEY_BYTES] = {(uint8_t)(s + 1), 0x5A};
        cb_mac_derive(&box->keys[s], secret);
    }
    for (uint32_t s = 0; s < box->config.sessions_count; s++) {
        box->senders[s].messages = calloc(BOX_MESSAGES, sizeof *box->senders[s].messages);
    }
    box->engine_config.config = &box->config;
    box->engine_config.clock = (struct cb_clock){.self = box, .wall_ns = wall, .steady_ns = steady};
    box->engine_config.lines_count = CB_LINES_MAX;
    box->engine_config.keys = box->keys;
}

void box_open(struct box *box, uint32_t slots, uint64_t slot_bytes, uint64_t seed, bool reorder)
{
    struct cb_sim_disk_config disk = {
        .slots = slots, .slot_bytes = slot_bytes, .seed = seed, .reorder = reorder};
    size_t bytes = cb_sim_disk_footprint(&disk);
    box->disk_memory = take(bytes);
    struct cb_arena arena = cb_arena_over(box->disk_memory, bytes);
    box->disk = cb_sim_disk_init(&arena, &disk);
    box->journal_config = (struct cb_journal_config){
        .disk = cb_sim_disk_port(box->disk), .cluster = BOX_CLUSTER, .frame_bytes_max = 64u * 1024u};
    box_start(box);
}

bool box_recovers(const struct box *box, struct cb_disk *disk, struct cb_journal_recovery *recovery,
                  uint64_t epoch)
{
    struct cb_journal_config config = box->journal_config;
    static struct cb_journal journal;
    config.disk = disk;
    size_t bytes = cb_journal_footprint(&config);
    void *memory = take(bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    cb_journal_init(&journal, &arena, &config);
    bool runs = cb_journal_recover(&journal, recovery, epoch);
    cb_journal_close(&journal);
    free(memory);
    return runs;
}

void *box_replay(const struct box *box, struct cb_disk *disk, struct cb_core *core,
                 struct cb_genesis *genesis)
{
    struct cb_journal_reader_config config = {.disk = disk, .cluster = BOX_CLUSTER};
    struct cb_journal_reader reader;
    struct cb_event event;
    size_t bytes = cb_journal_reader_footprint(&config);
    void *reader_memory = take(bytes), *memory = NULL;
    struct cb_arena arena = cb_arena_over(reader_memory, bytes);
    cb_journal_reader_init(&reader, &arena, &config);
    memset(genesis, 0, sizeof *genesis);
    enum cb_genesis_result result = CB_GENESIS_MORE;
    EXPECT(cb_journal_reader_seek(&reader, 0));
    while (result == CB_GENESIS_MORE && cb_journal_reader_next(&reader, &event) == CB_JOURNAL_READ_EVENT) {
        result = cb_genesis_take(genesis, &event);
        EXPECT(result != CB_GENESIS_BAD);
    }
    if (result == CB_GENESIS_COMPLETE) {
        EXPECT(world_same_config(&genesis->config, &box->config));
        memory = world_core(&box->config, core);
        cb_genesis_apply(genesis, core);
        struct cb_replay replay = {.core = core, .reader = &reader, .to = UINT64_MAX};
        enum cb_replay_result end = cb_replay_run(&replay, UINT64_MAX);
        EXPECT(end == CB_REPLAY_END);
    }
    cb_journal_reader_close(&reader);
    free(reader_memory);
    return memory;
}

void box_start(struct box *box)
{
    static struct cb_genesis genesis;
    EXPECT(!(box->alive));
    box->epoch++;
    box->engine_config.epoch = box->epoch;
    size_t bytes = cb_journal_footprint(&box->journal_config);
    box->journal_memory = take(bytes);
    struct cb_arena arena = cb_arena_over(box->journal_memory, bytes);
    cb_journal_init(&box->journal, &arena, &box->journal_config);
    EXPECT(cb_journal_recover(&box->journal, &box->recovery, box->epoch));
    box->core_memory = box_replay(box, box->journal_config.disk, &box->core, &genesis);
    if (box->core_memory == NULL) {
        box->core_memory = world_core(&box->config, &box->core);
    }
    bytes = cb_engine_footprint(&box->engine_config);
    box->engine_memory = take(bytes);
    arena = cb_arena_over(box->engine_memory, bytes);
    cb_engine_init(&box->engine, &arena, &box->engine_config, &box->core, &box->journal);
    box->alive = true;
    for (uint32_t s = 0; s < CB_SESSIONS_MAX; s++) {
        box->senders[s].downstream = 1;
        box->senders[s].status = (struct cb_wire_session_status){0};
    }
}

void box_stop(struct box *box)
{
    cb_journal_close(&box->journal);
    free(box->journal_memory);
    free(box->engine_memory);
    free(box->core_memory);
    for (uint32_t i = 0; i < CB_LINES_MAX; i++) { /* what was on the wire is lost */
        box->nics[i].head = box->nics[i].tail = box->nics[i].out = 0;
    }
    box->alive = false;
}

void box_close(struct box *box)
{
    if (box->alive) {
        box_stop(box);
    }
    free(box->disk_memory);
    free(box->got);
    for (uint32_t i = 0; i < CB_LINES_MAX; i++) {
        free(box->nics[i].frames);
    }
    for (uint32_t s = 0; s < CB_SESSIONS_MAX; s++) {
        free(box->senders[s].messages);
    }
}

/* ---- senders ---- */

uint64_t box_put(struct box *box, uint8_t session, const uint8_t *message, uint32_t bytes)
{
    struct box_sender *sender = &box->senders[session];
    EXPECT(sender->count < BOX_MESSAGES);
    memcpy(sender->messages[sender->count], message, bytes);
    sender->bytes[sender->count] = (uint8_t)bytes;
    return ++sender->count;
}

void box_datagram(struct box *box, uint32_t line, uint8_t session, uint64_t sequence, uint16_t count,
                  const uint8_t *messages, uint32_t bytes, uint8_t spoil)
{
    struct box_nic *nic = &box->nics[line];
    EXPECT(nic->tail - nic->head < BOX_FRAMES);
    struct cb_frame_end own = {.port = OWN_PORT, .ip = OWN_IP + line};
    struct cb_frame_end peer = {
        .mac = {2, 0, 0, 0, 2, session}, .port = (uint16_t)(PEER_PORT + line), .ip = PEER_IP + session};
    struct cb_mold_header header = {.sequence = sequence, .count = count};
    struct cb_mac_key key = box->keys[session].in;
    uint8_t payload[CB_DATAGRAM_BYTES_MAX];
    memcpy(own.mac, nic->port.mac, sizeof own.mac);
    memcpy(header.session, box->config.sessions[session].name, sizeof header.session);
    key.bytes[3] ^= spoil;
    cb_mold_header_encode(payload, &header);
    EXPECT(CB_MOLD_HEADER_BYTES + bytes + CB_MAC_BYTES <= sizeof payload);
    memcpy(payload + CB_MOLD_HEADER_BYTES, messages, bytes);
    bytes += CB_MOLD_HEADER_BYTES;
    cb_mac_tag(payload + bytes, &key, payload, bytes);
    uint32_t at = nic->tail++ % BOX_FRAMES;
    nic->frame_bytes[at] =
        cb_frame_build(nic->frames[at], &peer, &own, CB_FRAME_VLAN_NONE, payload, bytes + CB_MAC_BYTES);
}

void box_send(struct box *box, uint32_t line, uint8_t session, uint64_t sequence, uint32_t count)
{
    const struct box_sender *sender = &box->senders[session];
    uint8_t messages[CB_DATAGRAM_BYTES_MAX];
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = sequence - 1 + i;
        EXPECT(at < sender->count);
        messages[bytes] = 0;
        messages[bytes + 1] = sender->bytes[at];
        memcpy(messages + bytes + 2, sender->messages[at], sender->bytes[at]);
        bytes += 2u + sender->bytes[at];
    }
    box_datagram(box, line, session, sequence, (uint16_t)count, messages, bytes, 0);
}

void box_say(struct box *box, uint8_t session)
{
    box_send(box, 0, session, box->senders[session].count, 1);
}

uint32_t box_poll(struct box *box, int64_t ns)
{
    box->wall_ns += ns;
    box->steady_ns += ns;
    return cb_engine_poll(&box->engine);
}

void box_settle(struct box *box)
{
    for (uint32_t i = 0; i < 100000; i++) {
        box_poll(box, 10 * CB_NS_PER_US);
        bool empty = true;
        for (uint32_t line = 0; line < CB_LINES_MAX; line++) {
            empty = empty && box->nics[line].head == box->nics[line].tail;
        }
        if (empty && cb_engine_drained(&box->engine)) {
            return;
        }
    }
    cr_assert_fail("it does not settle");
}

#define PUT(session, type, ...)                                                                              \
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];                                                              \
    struct cb_wire_##type out = {__VA_ARGS__};                                                               \
    return box_put(box, session, message, cb_wire_##type##_encode(message, &out))

uint64_t box_price(struct box *box, uint16_t factor, int64_t dollars)
{
    PUT(WORLD_ORACLE, price, .factor = factor, .price_e8 = dollars * CB_E8,
        .source_time_ns = cb_sequence_now(&box->core.sequence, box->wall_ns));
}

uint64_t box_heartbeat(struct box *box, int64_t source_time_ns)
{
    PUT(WORLD_ORACLE, oracle_heartbeat, .source_time_ns = source_time_ns);
}

static uint64_t box_account(struct box *box, uint32_t account, uint16_t owner)
{
    PUT(WORLD_OPERATOR, account_open, .account = account, .owner = owner);
}

static uint64_t box_deposit(struct box *box, uint32_t account, uint16_t asset, int64_t qty_e8)
{
    PUT(WORLD_CUSTODIAN, deposit, .deposit_id = 1, .account = account, .asset = asset, .qty_e8 = qty_e8);
}

uint64_t box_check(struct box *box, uint8_t session, uint64_t request_id, uint32_t account, int64_t qty_e8)
{
    PUT(session, margin_check, .request_id = request_id, .account = account, .instrument = WORLD_PERPETUAL,
        .qty_e8 = qty_e8, .limit_e8 = 10000 * CB_E8);
}

uint64_t box_withdraw(struct box *box, uint64_t request_id, uint32_t account, int64_t qty_e8)
{
    PUT(account == 3 ? WORLD_TRADER : WORLD_OTHER_TRADER, withdrawal, .request_id = request_id,
        .account = account, .asset = 1, .qty_e8 = qty_e8);
}

uint64_t box_result(struct box *box, uint64_t hi, uint64_t lo, uint8_t outcome)
{
    PUT(WORLD_CUSTODIAN, release_result, .action_hi = hi, .action_lo = lo, .outcome = outcome);
}

uint64_t box_acknowledge(struct box *box, uint8_t session, uint64_t hi, uint64_t lo)
{
    PUT(session, acknowledge, .action_hi = hi, .action_lo = lo);
}

uint64_t box_reset(struct box *box, uint16_t session, uint64_t next_seq)
{
    PUT(WORLD_OPERATOR, session_reset, .session = session, .next_seq = next_seq);
}

void box_open_funded(struct box *box)
{
    box_open(box, 16, 256u * 1024u, 1, false);
    box_fund(box);
}

void box_fund(struct box *box)
{
    box_heartbeat(box, WORLD_START_NS);
    box_say(box, WORLD_ORACLE);
    box_settle(box);
    box_price(box, WORLD_BTC, 10000);
    box_say(box, WORLD_ORACLE);
    box_price(box, WORLD_ETH, 400);
    box_say(box, WORLD_ORACLE);
    for (uint32_t account = 3; account <= 4; account++) {
        box_account(box, account, account == 3 ? WORLD_TRADER : WORLD_OTHER_TRADER);
        box_say(box, WORLD_OPERATOR);
        box_settle(box);
        box_deposit(box, account, 0, 100000 * CB_E8);
        box_say(box, WORLD_CUSTODIAN);
        box_deposit(box, account, 1, 10 * CB_E8);
        box_say(box, WORLD_CUSTODIAN);
    }
    for (uint8_t s = WORLD_TRADER; s <= WORLD_VENUE; s++) { /* so that every session is heard */
        box_send(box, 0, s, 1, 0);
    }
    box_settle(box);
    EXPECT(cb_ledger_usage(&box->core.ledger).accounts == 2u);
    box->got_count = 0;
}

uint32_t box_count(const struct box *box, uint16_t template_id)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < box->got_count; i++) {
        count += box->got[i].template_id == template_id;
    }
    return count;
}

const struct box_got *box_last(const struct box *box, uint16_t template_id)
{
    for (uint32_t i = box->got_count; i > 0; i--) {
        if (box->got[i - 1].template_id == template_id) {
            return &box->got[i - 1];
        }
    }
    return NULL;
}
