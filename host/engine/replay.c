#include "host/engine/replay.h"

/* The frame's effects are those before its first record: compared when that record is about to be applied. */
static bool effects_agree(struct cb_replay *replay, const struct cb_event *event)
{
    const struct cb_journal_frame *frame = cb_journal_reader_frame(replay->reader);
    if (frame->frame_no == replay->frame_no) {
        return true;
    }
    replay->frame_no = frame->frame_no;
    if (frame->first_seq != event->seq || (frame->flags & CB_JOURNAL_FLAG_EFFECTS) == 0) {
        return true; /* replay began inside the frame, or the writer did not know them */
    }
    replay->frames_checked++;
    replay->effects_recorded = frame->effects;
    replay->effects_here = replay->core->effects;
    return frame->effects == replay->core->effects;
}

enum cb_replay_result cb_replay_run(struct cb_replay *replay, uint64_t budget)
{
    for (uint64_t i = 0; i < budget; i++) {
        struct cb_event event;
        if (replay->core->sequence.seq >= replay->to) {
            return CB_REPLAY_END;
        }
        switch (cb_journal_reader_next(replay->reader, &event)) {
        case CB_JOURNAL_READ_END:
            return CB_REPLAY_END;
        case CB_JOURNAL_READ_BAD:
            return CB_REPLAY_BAD;
        default:
            break;
        }
        replay->seq = event.seq;
        if (!effects_agree(replay, &event)) {
            return CB_REPLAY_DIFFERS;
        }
        if (replay->before != NULL) {
            replay->before(replay->context, &event);
        }
        if (!cb_core_apply(replay->core, &event)) {
            return CB_REPLAY_FOREIGN;
        }
        replay->applied++;
    }
    return CB_REPLAY_BUDGET;
}
