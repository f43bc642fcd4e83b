/* Actions: put into the outbox, sent, sent again until acknowledged. */
#include "host/engine/core_internal.h"

static uint32_t timer_of(uint32_t place)
{
    return CB_FACTORS_MAX + place;
}

/* Writes this life's epoch into the stored message, whose own epoch field is zero, and sends it. */
static void send_action(struct cb_core *core, const struct cb_outbox_action *action, uint64_t seq)
{
    uint8_t message[CB_OUTBOX_MESSAGE_BYTES];
    uint32_t bytes = action->bytes;
    if (cb_action_id_kind(action->id) == CB_ACTION_RELEASE) {
        struct cb_wire_release release;
        cb_wire_release_decode(&release, action->message);
        release.epoch = core->sequence.epoch;
        bytes = cb_wire_release_encode(message, &release);
    } else {
        struct cb_wire_margin_state state;
        cb_wire_margin_state_decode(&state, action->message);
        state.epoch = core->sequence.epoch;
        bytes = cb_wire_margin_state_encode(message, &state);
    }
    cb_core_send(core, seq, action->session, message, bytes);
}

/* resend_ns doubled `attempts` times, at most resend_max_ns. */
static int64_t resend_after(const struct cb_config *config, uint32_t attempts)
{
    int64_t wait_ns = config->resend_ns;
    for (uint32_t i = 0; i < attempts && wait_ns < config->resend_max_ns; i++) {
        wait_ns = wait_ns > config->resend_max_ns / 2 ? config->resend_max_ns : wait_ns * 2;
    }
    return wait_ns;
}

void cb_core_action_put(struct cb_core *core, struct cb_action_id id, uint16_t session,
                        const uint8_t *message, uint16_t bytes, uint64_t seq, int64_t now_ns)
{
    uint32_t place = cb_outbox_put(&core->outbox, id, session, message, bytes);
    core->effects = cb_effects_bytes(core->effects, message, bytes);
    core->stats.actions++;
    cb_timers_set(&core->timers, timer_of(place), now_ns + resend_after(core->config, 0));
    send_action(core, cb_outbox_at(&core->outbox, place), seq);
}

bool cb_core_action_end(struct cb_core *core, struct cb_action_id id)
{
    if (!cb_outbox_remove(&core->outbox, id)) {
        return false;
    }
    cb_timers_cancel(&core->timers, timer_of(cb_outbox_place_of(&core->outbox, id)));
    return true;
}

void cb_core_action_resend(struct cb_core *core, uint32_t place, uint64_t seq, int64_t now_ns)
{
    struct cb_outbox_action *action = cb_outbox_at(&core->outbox, place);
    CB_ASSERT(action != NULL); /* its timer is cancelled when it ends */
    action->attempts++;
    core->stats.resends++;
    cb_timers_set(&core->timers, timer_of(place), now_ns + resend_after(core->config, action->attempts));
    send_action(core, action, seq);
}
