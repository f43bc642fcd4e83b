/* Goal: any altered, displaced, stale or foreign block is found. Method: every single bit of a 64 KiB segment
 * is flipped, and blocks are swapped, moved, duplicated and restored from the past, under the production
 * verify. */
#include "tests/unit/journal/world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB   1024u
#define BODY  900u
#define BLOCK 4096u

struct verifier {
    struct cb_journal_scan scan;
    void *memory;
};

static void verifier_open(struct verifier *v, struct cb_disk *disk)
{
    size_t bytes = cb_arena_room(cb_journal_scan_footprint(disk));
    v->memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    cr_assert_not_null(v->memory);
    memset(v->memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(v->memory, bytes);
    cb_journal_scan_init(&v->scan, &arena, disk, WORLD_CLUSTER);
}

static void verifier_close(struct verifier *v)
{
    cb_journal_scan_close(&v->scan);
    free(v->memory);
}

static void fill(struct world *w, uint32_t slots, uint64_t until_generation, uint64_t until_offset)
{
    struct cb_journal_recovery report;
    uint64_t random = 77;
    world_open(w, slots, 64 * KIB, 1, false);
    cr_assert(world_recover(w, &report, 1));
    while (w->journal.generation < until_generation || w->journal.offset < until_offset) {
        for (uint64_t burst = 1 + world_random(&random) % 7; burst > 0; burst--) {
            world_append(w, BODY);
        }
        cr_assert(world_settle(w));
    }
}

/* One slot: frames of one to three blocks up to 48 KiB or a little more, then a tail that was never written.
 */
static void flip_bits(uint32_t part, uint32_t parts)
{
    struct world w;
    struct verifier v;
    fill(&w, 1, 1, 44 * KIB);
    cr_assert_leq(w.journal.offset, 60 * KIB, "some of the segment was never written");
    verifier_open(&v, w.config.disk);
    cr_assert(cb_journal_verify(&v.scan));
    cr_assert_geq(v.scan.frames, 10u);
    uint64_t found = 0;
    for (uint32_t byte = part; byte < 64 * KIB; byte += parts) {
        uint8_t good = cb_sim_disk_bytes(w.sim, 0)[byte];
        for (uint32_t bit = 0; bit < 8; bit++) {
            uint8_t flipped = (uint8_t)(good ^ (1u << bit));
            cb_sim_disk_damage(w.sim, 0, byte, &flipped, 1);
            bool whole = cb_journal_verify(&v.scan);
            cr_assert(!whole, "byte %u bit %u", byte, bit);
            /* It is named where it is: at the frame that holds the byte, or at the end. */
            cr_assert_eq(v.scan.problem.slot, 0u);
            cr_assert_leq(v.scan.problem.offset, byte, "byte %u bit %u", byte, bit);
            found++;
        }
        cb_sim_disk_damage(w.sim, 0, byte, &good, 1);
    }
    cr_assert(cb_journal_verify(&v.scan));
    fprintf(stderr, "bit rot %u/%u: %lu of %u single-bit flips found\n", part + 1, parts, found,
            64 * KIB * 8 / parts);
    cr_assert_eq(found, 64u * KIB * 8u / parts);
    verifier_close(&v);
    world_close(&w);
}

Test(crash_rot, every_bit_of_every_even_byte_is_watched)
{
    flip_bits(0, 2);
}

Test(crash_rot, every_bit_of_every_odd_byte_is_watched)
{
    flip_bits(1, 2);
}

/* Blocks of a journal of three segments, two of them sealed: swaps of any two, copies of any onto any, and
 * zeros onto any. Only what changes nothing may pass. */
Test(crash_rot, swapped_displaced_and_lost_blocks_are_found)
{
    static uint8_t image[3][64 * KIB];
    struct world w;
    struct verifier v;
    fill(&w, 3, 3, 40 * KIB);
    verifier_open(&v, w.config.disk);
    cr_assert(cb_journal_verify(&v.scan));
    for (uint32_t slot = 0; slot < 3; slot++) {
        memcpy(image[slot], cb_sim_disk_bytes(w.sim, slot), 64 * KIB);
    }
    uint64_t tried = 0;
    uint64_t end_offset = v.scan.end_offset;
    uint32_t last_block_first = (uint32_t)v.scan.unattested[0].offset / BLOCK;
    for (uint32_t a = 0; a < 48; a++) {
        for (uint32_t b = 0; b < 48; b++) {
            uint8_t *block_a = image[a / 16] + a % 16 * BLOCK;
            uint8_t *block_b = image[b / 16] + b % 16 * BLOCK;
            if (a == b || memcmp(block_a, block_b, BLOCK) == 0) {
                continue;
            }
            cb_sim_disk_damage(w.sim, a / 16, a % 16 * BLOCK, block_b, BLOCK);
            cr_assert(!cb_journal_verify(&v.scan) ||
                          (a / 16 == 2 && a % 16 >= last_block_first && cb_journal_zeros(block_b, BLOCK)),
                      "block %u over %u", b, a);
            cb_sim_disk_damage(w.sim, b / 16, b % 16 * BLOCK, block_a, BLOCK);
            cr_assert(!cb_journal_verify(&v.scan), "blocks %u and %u swapped", a, b);
            cb_sim_disk_damage(w.sim, a / 16, a % 16 * BLOCK, block_a, BLOCK);
            cb_sim_disk_damage(w.sim, b / 16, b % 16 * BLOCK, block_b, BLOCK);
            tried += 2;
        }
    }
    cr_assert_geq(end_offset, 40u * KIB);
    cr_assert(cb_journal_verify(&v.scan));
    cr_assert_geq(tried, 4000u);
    verifier_close(&v);
    world_close(&w);
}

/* A block as it was at some earlier time: before a later frame was written (zeros), or of an earlier
 * generation of the same slot. Recovery must refuse it too, wherever a later frame calls the lost one
 * durable. */
Test(crash_rot, stale_blocks_and_whole_stale_slots_are_found_and_never_cut)
{
    static uint8_t past[3][64 * KIB], now[3][64 * KIB];
    struct world w, other;
    struct verifier v;
    struct cb_journal_recovery report;
    fill(&w, 3, 3, 20 * KIB);
    for (uint32_t slot = 0; slot < 3; slot++) {
        memcpy(past[slot], cb_sim_disk_bytes(w.sim, slot), 64 * KIB);
    }
    cb_journal_retain_through(&w.journal, cb_journal_last_seq(&w.journal));
    world_quiet(&w);
    while (w.journal.generation < 5 || w.journal.offset < 30 * KIB) {
        world_append(&w, BODY);
        cr_assert(world_settle(&w));
    }
    for (uint32_t slot = 0; slot < 3; slot++) {
        memcpy(now[slot], cb_sim_disk_bytes(w.sim, slot), 64 * KIB);
    }
    verifier_open(&v, w.config.disk);
    cr_assert(cb_journal_verify(&v.scan), "%s", cb_journal_flaw_name(v.scan.problem.flaw));
    uint64_t first_unattested = v.scan.unattested[0].offset;
    uint32_t end_slot = v.scan.end_slot;
    uint64_t tried = 0;
    for (uint32_t slot = 0; slot < 3; slot++) {
        for (uint32_t first = 0; first < 16; first++) {
            for (uint32_t count = 1; first + count <= 16; count++) {
                uint64_t offset = first * BLOCK;
                if (memcmp(past[slot] + offset, now[slot] + offset, count * BLOCK) == 0) {
                    continue;
                }
                cb_sim_disk_damage(w.sim, slot, offset, past[slot] + offset, count * BLOCK);
                /* The last frame calls all before it durable: while it is there, nothing may be missing. If
                 * it is gone with its whole segment, what remains is a whole journal of an earlier time: the
                 * documented limit. */
                bool hits_last = slot == end_slot && offset + count * BLOCK > first_unattested;
                bool whole = cb_journal_verify(&v.scan);
                cr_assert(!whole || (hits_last && first == 0), "slot %u blocks %u + %u", slot, first, count);
                bool durable = !hits_last;
                if (durable) {
                    world_open(&other, 3, 64 * KIB, 1, false);
                    cb_sim_disk_copy(other.sim, w.sim);
                    cr_assert(!world_recover(&other, &report, 9), "slot %u blocks %u + %u", slot, first,
                              count);
                    cr_assert_eq(report.decision, CB_JOURNAL_CORRUPT);
                    cr_assert_neq(report.problem.flaw, CB_JOURNAL_SOUND);
                    for (uint32_t i = 0; i < 3; i++) {
                        cr_assert_eq(
                            memcmp(cb_sim_disk_bytes(other.sim, i), cb_sim_disk_bytes(w.sim, i), 64 * KIB), 0,
                            "nothing may be changed");
                    }
                    world_close(&other);
                }
                cb_sim_disk_damage(w.sim, slot, offset, now[slot] + offset, count * BLOCK);
                tried++;
            }
        }
    }
    cr_assert_geq(tried, 200u);
    verifier_close(&v);
    world_close(&w);
}
