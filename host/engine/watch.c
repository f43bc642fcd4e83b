/* Watching accounts: what a book is worth and requires now, and what a change of its margin state sets off.
 */
#include "host/clearing/state.h"
#include "host/engine/core_internal.h"

void cb_core_margin_fn(void *context, const struct cb_book *book, struct cb_margin *out)
{
    struct cb_core *core = context;
    core->stats.evaluations++;
    cb_risk_evaluate(&core->risk, book, &core->market, out);
}

void cb_core_margin(struct cb_core *core, uint32_t account, struct cb_margin *out)
{
    cb_ledger_book(&core->ledger, account, &core->book);
    cb_core_margin_fn(core, &core->book, out);
}

static void announce(struct cb_core *core, const struct cb_verdict *verdict)
{
    const struct cb_margin *m = &verdict->margin;
    struct cb_action_id id = cb_action_id_make(CB_ACTION_MARGIN_STATE, 0, verdict->account, verdict->seq);
    struct cb_wire_margin_state out = {
        .action_hi = id.hi,
        .action_lo = id.lo,
        .cause_seq = verdict->seq,
        .account = verdict->account,
        .state = verdict->state,
        .previous = verdict->previous,
        .worst_factor = m->worst_factor,
        .worst_scenario = m->worst_scenario,
        .stale = m->stale ? 1 : 0,
        .e_raw_e6 = m->e_raw_e6,
        .e_mm_e6 = m->e_mm_e6,
        .e_im_e6 = m->e_im_e6,
        .m_e6 = m->m_e6,
        .mm_e6 = m->mm_e6,
        .im_e6 = m->im_e6,
        .free_e6 = m->free_e6,
        .as_of_ns = verdict->as_of_ns,
        .oracle_age_ns = m->oracle_age_ns,
    };
    uint8_t message[CB_WIRE_MARGIN_STATE_BYTES];
    uint32_t bytes = cb_wire_margin_state_encode(message, &out);
    cb_core_action_put(core, id, cb_ledger_owner(&core->ledger, verdict->account), message, (uint16_t)bytes,
                       verdict->seq, verdict->as_of_ns);
}

/* Moves one account's state by its margin, and says so when it changed. */
static void move(struct cb_core *core, uint32_t account, const struct cb_margin *margin, uint64_t seq,
                 int64_t now_ns)
{
    enum cb_margin_state previous = cb_ledger_margin_state(&core->ledger, account);
    enum cb_margin_state state = cb_margin_state_next(previous, margin, &core->config->risk);
    if (state == previous) {
        return;
    }
    cb_ledger_set_margin_state(&core->ledger, account, state);
    struct cb_verdict verdict = {
        .seq = seq,
        .as_of_ns = now_ns,
        .account = account,
        .state = (uint8_t)state,
        .previous = (uint8_t)previous,
        .margin = *margin,
    };
    cb_core_note_verdict(core, &verdict);
    announce(core, &verdict);
}

void cb_core_watch_start(struct cb_core *core)
{
    core->watch = (struct cb_core_watch){.account = CB_LEDGER_NO_ACCOUNT};
}

void cb_core_watch_account(struct cb_core *core, uint32_t account)
{
    CB_ASSERT(core->watch.account == CB_LEDGER_NO_ACCOUNT || core->watch.account == account);
    core->watch.account = account;
    core->watch.known = false;
}

/* The next account >= from that the event concerns. */
static uint32_t next_watched(const struct cb_core *core, uint32_t from)
{
    const struct cb_core_watch *watch = &core->watch;
    if (watch->all) {
        return cb_ledger_next_open(&core->ledger, from);
    }
    uint32_t exposed = CB_LEDGER_NO_ACCOUNT;
    if (watch->factors != 0) {
        exposed = cb_ledger_next_exposed(&core->ledger, from, watch->factors);
    }
    return watch->account >= from && watch->account < exposed ? watch->account : exposed;
}

void cb_core_watch_finish(struct cb_core *core, uint64_t seq, int64_t now_ns)
{
    uint32_t account = next_watched(core, 0);
    while (account != CB_LEDGER_NO_ACCOUNT) {
        struct cb_margin margin;
        if (account == core->watch.account && core->watch.known) {
            margin = core->watch.margin;
        } else {
            cb_core_margin(core, account, &margin);
        }
        move(core, account, &margin, seq, now_ns);
        account = next_watched(core, account + 1);
    }
}
