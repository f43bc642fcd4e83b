/* Goal: the margin state with its hysteresis is what state.h says, to the last unit. Method: a small domain
 * in full against a literal transcription of the text (which is built as "entered" and "kept", not as
 * switches); then the edges with figures near the ends of 64 bits. */
#include "host/clearing/state.h"

#include "clearbox/units.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct cb_risk_config risk = {
    .warning_enter = {1100000000}, .warning_leave = {1120000000}, .call_leave = {1020000000}};

static int worse(int a, int b)
{
    return a > b ? a : b;
}

static int literal(int previous, const struct cb_margin *m)
{
    if (m->overflow) {
        return CB_MARGIN_UNKNOWN;
    }
    int entered = CB_MARGIN_HEALTHY;
    entered = 100 * m->e_im_e6 < 110 * m->im_e6 ? CB_MARGIN_WARNING : entered;
    entered = m->e_im_e6 < m->im_e6 ? CB_MARGIN_CALL : entered;
    entered = m->e_mm_e6 < m->mm_e6 ? CB_MARGIN_LIQUIDATE : entered;
    entered = m->e_raw_e6 < 0 ? CB_MARGIN_BANKRUPT : entered;

    int memory = previous == CB_MARGIN_UNKNOWN ? CB_MARGIN_CALL : previous;
    int kept = CB_MARGIN_HEALTHY;
    if (memory >= CB_MARGIN_WARNING && 100 * m->e_im_e6 < 112 * m->im_e6) {
        kept = CB_MARGIN_WARNING;
    }
    if (memory >= CB_MARGIN_CALL && 100 * m->e_im_e6 < 102 * m->im_e6) {
        kept = memory;
    }
    int fresh = worse(entered, kept);
    if (!m->stale) {
        return fresh;
    }
    int at_most_call = fresh > CB_MARGIN_CALL ? CB_MARGIN_CALL : fresh;
    return worse(previous, at_most_call); /* UNKNOWN is the greatest: it stays */
}

Test(margin_state, small_domain_agrees_with_the_literal_text)
{
    static const int64_t requirements[] = {0, 1, 2, 49, 50, 100};
    uint64_t seen[6] = {0};
    for (size_t r = 0; r < sizeof requirements / sizeof requirements[0]; r++) {
        int64_t im = requirements[r];
        for (int64_t e_im = -2; e_im <= 120; e_im++) {
            for (unsigned bits = 0; bits < 6u * 3 * 3 * 2 * 2; bits++) {
                unsigned rest = bits;
                int previous = (int)(rest % 6);
                rest /= 6;
                int64_t e_raw = (int64_t)(rest % 3) - 1;
                rest /= 3;
                int64_t over_mm = (int64_t)(rest % 3) - 1;
                rest /= 3;
                struct cb_margin m;
                memset(&m, 0, sizeof m);
                m.e_raw_e6 = e_raw;
                m.mm_e6 = 40;
                m.e_mm_e6 = 40 + over_mm;
                m.im_e6 = im;
                m.e_im_e6 = e_im;
                m.stale = (rest & 1) != 0;
                m.overflow = (rest & 2) != 0;
                int expected = literal(previous, &m);
                int found = (int)cb_margin_state_next((enum cb_margin_state)previous, &m, &risk);
                cr_assert_eq(found, expected,
                             "previous %d raw %ld mm %+ld e_im %ld im %ld stale %d: %d, not %d", previous,
                             (long)e_raw, (long)over_mm, (long)e_im, (long)im, m.stale, found, expected);
                seen[found]++;
            }
        }
    }
    for (size_t i = 0; i < 6; i++) {
        cr_assert_gt(seen[i], 0, "state %zu was reached", i);
    }
}

static enum cb_margin_state next(enum cb_margin_state previous, int64_t e_im, int64_t im, bool stale)
{
    struct cb_margin m;
    memset(&m, 0, sizeof m);
    m.e_raw_e6 = 1;
    m.e_im_e6 = e_im;
    m.im_e6 = im;
    m.stale = stale;
    return cb_margin_state_next(previous, &m, &risk);
}

Test(margin_state, thresholds_are_exact_near_the_ends_of_64_bits)
{
    const int64_t im = 8000000000000000000; /* 1.12 * im is 8.96e18, below 2^63 */
    const int64_t at_102 = 8160000000000000000, at_110 = 8800000000000000000, at_112 = 8960000000000000000;
    cr_assert_eq(next(CB_MARGIN_HEALTHY, at_110, im, false), CB_MARGIN_HEALTHY);
    cr_assert_eq(next(CB_MARGIN_HEALTHY, at_110 - 1, im, false), CB_MARGIN_WARNING);
    cr_assert_eq(next(CB_MARGIN_WARNING, at_112 - 1, im, false), CB_MARGIN_WARNING);
    cr_assert_eq(next(CB_MARGIN_WARNING, at_112, im, false), CB_MARGIN_HEALTHY);
    cr_assert_eq(next(CB_MARGIN_WARNING, im, im, false), CB_MARGIN_WARNING);
    cr_assert_eq(next(CB_MARGIN_WARNING, im - 1, im, false), CB_MARGIN_CALL);
    cr_assert_eq(next(CB_MARGIN_CALL, at_102 - 1, im, false), CB_MARGIN_CALL);
    cr_assert_eq(next(CB_MARGIN_CALL, at_102, im, false), CB_MARGIN_WARNING);
    cr_assert_eq(next(CB_MARGIN_CALL, at_112 - 1, im, false), CB_MARGIN_WARNING);
    cr_assert_eq(next(CB_MARGIN_CALL, at_112, im, false), CB_MARGIN_HEALTHY);
    cr_assert_eq(next(CB_MARGIN_LIQUIDATE, at_102 - 1, im, false), CB_MARGIN_LIQUIDATE);
    cr_assert_eq(next(CB_MARGIN_LIQUIDATE, at_102, im, false), CB_MARGIN_WARNING);
    cr_assert_eq(next(CB_MARGIN_HEALTHY, INT64_MAX, INT64_MAX, false), CB_MARGIN_WARNING);
    cr_assert_eq(next(CB_MARGIN_HEALTHY, INT64_MIN, INT64_MAX, false), CB_MARGIN_CALL);
    cr_assert_eq(next(CB_MARGIN_HEALTHY, INT64_MAX, 0, false), CB_MARGIN_HEALTHY);
}

Test(margin_state, account_without_anything_is_healthy)
{
    cr_assert_eq(next(CB_MARGIN_HEALTHY, 0, 0, false), CB_MARGIN_HEALTHY);
    cr_assert_eq(next(CB_MARGIN_CALL, 0, 0, false), CB_MARGIN_HEALTHY);
    cr_assert_eq(next(CB_MARGIN_HEALTHY, -1, 0, false), CB_MARGIN_CALL);
}

Test(margin_state, stale_prices_call_but_neither_liquidate_nor_forgive)
{
    struct cb_margin m;
    memset(&m, 0, sizeof m);
    m.stale = true;
    m.e_raw_e6 = -1;
    m.e_mm_e6 = -1;
    m.e_im_e6 = -1;
    cr_assert_eq(cb_margin_state_next(CB_MARGIN_HEALTHY, &m, &risk), CB_MARGIN_CALL);
    cr_assert_eq(cb_margin_state_next(CB_MARGIN_LIQUIDATE, &m, &risk), CB_MARGIN_LIQUIDATE);
    cr_assert_eq(next(CB_MARGIN_CALL, 1000, 1, true), CB_MARGIN_CALL);
    cr_assert_eq(next(CB_MARGIN_WARNING, 1000, 1, true), CB_MARGIN_WARNING);
    cr_assert_eq(next(CB_MARGIN_UNKNOWN, 1000, 1, true), CB_MARGIN_UNKNOWN);
    m.stale = false;
    cr_assert_eq(cb_margin_state_next(CB_MARGIN_CALL, &m, &risk), CB_MARGIN_BANKRUPT,
                 "the first fresh price decides");
}

Test(margin_state, stale_never_gives_a_better_state_than_fresh_gave_before)
{
    for (int previous = 0; previous <= CB_MARGIN_UNKNOWN; previous++) {
        for (int64_t e_im = -2; e_im < 130; e_im++) {
            cr_assert_geq((int)next((enum cb_margin_state)previous, e_im, 100, true), previous);
        }
    }
}
