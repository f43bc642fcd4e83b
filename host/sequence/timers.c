#include "host/sequence/timers.h"

#include "host/base/assert.h"

#define NOWHERE UINT32_MAX

static bool before(const struct cb_timers *timers, uint32_t a, uint32_t b)
{
    int64_t deadline_a = timers->deadline_ns[a], deadline_b = timers->deadline_ns[b];
    return deadline_a != deadline_b ? deadline_a < deadline_b : a < b;
}

static void put_at(struct cb_timers *timers, uint32_t place, uint32_t id)
{
    timers->heap[place] = id;
    timers->place[id] = place;
}

/* Moves `id`, whose place is `place` and free to be overwritten, to where it belongs. */
static void settle(struct cb_timers *timers, uint32_t place, uint32_t id)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / 2;
        if (!before(timers, id, timers->heap[parent])) {
            break;
        }
        put_at(timers, place, timers->heap[parent]);
        place = parent;
    }
    for (;;) {
        uint64_t child = 2 * (uint64_t)place + 1;
        if (child >= timers->armed) {
            break;
        }
        if (child + 1 < timers->armed && before(timers, timers->heap[child + 1], timers->heap[child])) {
            child++;
        }
        if (!before(timers, timers->heap[child], id)) {
            break;
        }
        put_at(timers, place, timers->heap[child]);
        place = (uint32_t)child;
    }
    put_at(timers, place, id);
}

static void remove_armed(struct cb_timers *timers, uint32_t id)
{
    uint32_t hole = timers->place[id];
    CB_ASSERT(hole < timers->armed);
    timers->armed--;
    timers->place[id] = NOWHERE;
    if (hole < timers->armed) {
        settle(timers, hole, timers->heap[timers->armed]);
    }
}

size_t cb_timers_footprint(uint32_t count)
{
    return cb_arena_room((size_t)count * sizeof(int64_t)) +
           2 * cb_arena_room((size_t)count * sizeof(uint32_t));
}

void cb_timers_init(struct cb_timers *timers, struct cb_arena *arena, uint32_t count)
{
    CB_ASSERT(count < UINT32_MAX);
    timers->count = count;
    timers->armed = 0;
    timers->deadline_ns = cb_arena_take(arena, (size_t)count * sizeof(int64_t));
    timers->place = cb_arena_take(arena, (size_t)count * sizeof(uint32_t));
    timers->heap = cb_arena_take(arena, (size_t)count * sizeof(uint32_t));
    for (uint32_t id = 0; id < count; id++) {
        timers->place[id] = NOWHERE;
    }
}

void cb_timers_set(struct cb_timers *timers, uint32_t id, int64_t deadline_ns)
{
    CB_ASSERT(id < timers->count);
    uint32_t place = timers->place[id];
    if (place == NOWHERE) {
        place = timers->armed++;
    }
    timers->deadline_ns[id] = deadline_ns;
    settle(timers, place, id);
}

void cb_timers_cancel(struct cb_timers *timers, uint32_t id)
{
    CB_ASSERT(id < timers->count);
    if (timers->place[id] != NOWHERE) {
        remove_armed(timers, id);
    }
}

bool cb_timers_get(const struct cb_timers *timers, uint32_t id, int64_t *deadline_ns)
{
    CB_ASSERT(id < timers->count);
    if (timers->place[id] == NOWHERE) {
        return false;
    }
    *deadline_ns = timers->deadline_ns[id];
    return true;
}

bool cb_timers_next(const struct cb_timers *timers, int64_t *deadline_ns)
{
    if (timers->armed == 0) {
        return false;
    }
    *deadline_ns = timers->deadline_ns[timers->heap[0]];
    return true;
}

bool cb_timers_pop(struct cb_timers *timers, int64_t now_ns, uint32_t *id, int64_t *deadline_ns)
{
    if (timers->armed == 0 || timers->deadline_ns[timers->heap[0]] > now_ns) {
        return false;
    }
    *id = timers->heap[0];
    *deadline_ns = timers->deadline_ns[*id];
    remove_armed(timers, *id);
    return true;
}

void cb_timers_serialize(const struct cb_timers *timers, struct cb_writer *writer)
{
    cb_put_u32(writer, timers->armed);
    for (uint32_t id = 0; id < timers->count; id++) {
        if (timers->place[id] != NOWHERE) {
            cb_put_u32(writer, id);
            cb_put_s64(writer, timers->deadline_ns[id]);
        }
    }
}

bool cb_timers_restore(struct cb_timers *timers, struct cb_reader *reader)
{
    timers->armed = 0;
    for (uint32_t id = 0; id < timers->count; id++) {
        timers->place[id] = NOWHERE;
    }
    uint32_t armed = cb_get_u32(reader);
    if (armed > timers->count) {
        return false;
    }
    uint32_t least = 0; /* the next id is at least this: ascending, none twice */
    for (uint32_t i = 0; i < armed; i++) {
        uint32_t id = cb_get_u32(reader);
        int64_t deadline_ns = cb_get_s64(reader);
        if (reader->failed || id < least || id >= timers->count) {
            return false;
        }
        cb_timers_set(timers, id, deadline_ns);
        least = id + 1;
    }
    return !reader->failed;
}
