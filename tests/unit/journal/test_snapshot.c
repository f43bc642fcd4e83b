/* Goal: a snapshot that was altered in any way is never taken for a sound one, and retention keeps two.
 * Method: one snapshot in memory, every bit of its header and payload flipped, every length cut. */
#include "host/journal/snapshot.h"

#include <criterion/criterion.h>
#include <string.h>

struct memory {
    uint8_t bytes[512];
    size_t used, at;
};

static void put(void *self, const void *data, size_t bytes)
{
    struct memory *m = self;
    cr_assert_leq(bytes, sizeof m->bytes - m->used);
    memcpy(m->bytes + m->used, data, bytes);
    m->used += bytes;
}

static bool get(void *self, void *data, size_t bytes)
{
    struct memory *m = self;
    if (bytes > m->used - m->at) {
        return false;
    }
    memcpy(data, m->bytes + m->at, bytes);
    m->at += bytes;
    return true;
}

/* A state of ten integers. */
static void save(struct cb_writer *writer)
{
    for (uint64_t i = 0; i < 10; i++) {
        cb_put_u64(writer, i * 0x0101010101010101u);
    }
}

static struct memory sound(void)
{
    struct memory m = {0};
    struct cb_writer out = {.self = &m, .put = put};
    struct cb_snapshot snapshot = {.engine_version = 3,
                                   .cluster = 7,
                                   .seq = 90,
                                   .epoch = 2,
                                   .frame_no = 5,
                                   .generation = 1,
                                   .last_ns = 4};
    uint8_t header[CB_SNAPSHOT_HEADER_BYTES] = {0};
    struct cb_snapshot_sink sink;
    cb_put_bytes(&out, header, sizeof header);
    cb_snapshot_sink_open(&sink, &out);
    save(&sink.writer);
    cb_snapshot_sink_end(&sink, &snapshot);
    cb_snapshot_sink_close(&sink);
    cb_snapshot_encode(header, &snapshot);
    memcpy(m.bytes, header, sizeof header);
    return m;
}

static enum cb_snapshot_flaw load(struct memory *m, uint64_t cluster, uint16_t version, uint32_t words)
{
    struct cb_reader in = {.self = m, .get = get};
    struct cb_snapshot_source source;
    m->at = 0;
    enum cb_snapshot_flaw flaw = cb_snapshot_source_open(&source, &in, cluster, version);
    if (flaw == CB_SNAPSHOT_SOUND) {
        for (uint32_t i = 0; i < words; i++) {
            (void)cb_get_u64(&source.reader);
        }
        flaw = cb_snapshot_source_end(&source);
    }
    cb_snapshot_source_close(&source);
    return flaw;
}

Test(journal_snapshot, what_was_saved_is_loaded)
{
    struct memory m = sound();
    struct cb_snapshot snapshot;
    cr_assert_eq(load(&m, 7, 3, 10), CB_SNAPSHOT_SOUND);
    cr_assert_eq(load(&m, 0, 0, 10), CB_SNAPSHOT_SOUND);
    cr_assert_eq(cb_snapshot_decode(&snapshot, m.bytes, 7, 3), CB_SNAPSHOT_SOUND);
    cr_assert_eq(snapshot.seq, 90u);
    cr_assert_eq(snapshot.payload_bytes, 80u);
    cr_assert_eq(snapshot.generation, 1u);
}

Test(journal_snapshot, every_flipped_bit_and_every_cut_is_found)
{
    struct memory good = sound();
    for (size_t bit = 0; bit < good.used * 8; bit++) {
        struct memory m = good;
        m.bytes[bit / 8] = (uint8_t)(m.bytes[bit / 8] ^ (1u << (bit % 8)));
        cr_assert_neq(load(&m, 7, 3, 10), CB_SNAPSHOT_SOUND, "bit %zu", bit);
    }
    for (size_t bytes = 0; bytes < good.used; bytes++) {
        struct memory m = good;
        m.used = bytes;
        cr_assert_eq(load(&m, 7, 3, 10), CB_SNAPSHOT_SHORT, "cut to %zu", bytes);
    }
    good.used++;
    cr_assert_eq(load(&good, 7, 3, 10), CB_SNAPSHOT_LONGER);
}

Test(journal_snapshot, another_cluster_another_engine_or_another_reader_is_refused)
{
    struct memory m = sound();
    cr_assert_eq(load(&m, 8, 3, 10), CB_SNAPSHOT_FOREIGN);
    cr_assert_eq(load(&m, 7, 4, 10), CB_SNAPSHOT_ENGINE);
    cr_assert_eq(load(&m, 7, 3, 9), CB_SNAPSHOT_BAD_STATE);
    cr_assert_eq(load(&m, 7, 3, 11), CB_SNAPSHOT_BAD_STATE);
}

Test(journal_snapshot, segments_older_than_two_snapshots_may_go_and_no_others)
{
    const uint64_t segments[] = {100, 200, 300, 400};
    const uint64_t none[] = {0}, one[] = {350}, twice[] = {350, 350}, two[] = {350, 250}, late[] = {399, 200};
    const uint64_t three[] = {100, 450, 400};
    cr_assert_eq(cb_snapshot_retain_through(none, 0, segments, 4, 0), 0u);
    cr_assert_eq(cb_snapshot_retain_through(one, 1, segments, 4, 0), 0u);
    cr_assert_eq(cb_snapshot_retain_through(twice, 2, segments, 4, 0), 0u, "one snapshot twice is one");
    cr_assert_eq(cb_snapshot_retain_through(two, 2, segments, 4, 0), 200u);
    cr_assert_eq(cb_snapshot_retain_through(late, 2, segments, 4, 0), 200u,
                 "exactly at the end of a segment");
    cr_assert_eq(cb_snapshot_retain_through(three, 3, segments, 4, 0), 400u);
    cr_assert_eq(cb_snapshot_retain_through(three, 3, segments, 4, 1), 300u);
    cr_assert_eq(cb_snapshot_retain_through(three, 3, segments, 4, 4), 0u);
    cr_assert_eq(cb_snapshot_retain_through(two, 2, segments, 0, 0), 0u);
}

Test(journal_snapshot, every_flaw_has_a_name)
{
    for (int flaw = CB_SNAPSHOT_SOUND; flaw <= CB_SNAPSHOT_LONGER; flaw++) {
        cr_assert_str_neq(cb_snapshot_flaw_name((enum cb_snapshot_flaw)flaw), "unknown");
    }
}
