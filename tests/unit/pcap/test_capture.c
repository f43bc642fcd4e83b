/* Goal: the capture writer makes files that others read. Method: parse the file's bytes by the published
 * format, with a parser of the test's own (the dpdk test reads one through libpcap). */
#include "drivers/pcap/capture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static void make_path(void)
{
    snprintf(path, sizeof path, "/tmp/cb_capture_XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
}

static void remove_path(void)
{
    unlink(path);
}

static size_t slurp(uint8_t *bytes, size_t max)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    size_t got = fread(bytes, 1, max, file);
    fclose(file);
    return got;
}

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

TestSuite(capture, .init = make_path, .fini = remove_path);

Test(capture, an_empty_capture_is_the_header_alone)
{
    char error[128];
    struct cb_capture *capture = cb_capture_open(path, error, sizeof error);
    cr_assert_not_null(capture, "%s", error);
    cr_assert(cb_capture_close(capture, error, sizeof error), "%s", error);
    uint8_t bytes[64];
    const uint8_t expected[24] = {0x4d, 0x3c, 0xb2, 0xa1, 2,    0,    4, 0, 0, 0, 0, 0,
                                  0,    0,    0,    0,    0xff, 0xff, 0, 0, 1, 0, 0, 0};
    cr_assert_eq(slurp(bytes, sizeof bytes), sizeof expected);
    cr_assert_arr_eq(bytes, expected, sizeof expected);
}

Test(capture, frames_follow_with_their_stamps_whole)
{
    static uint8_t frame[CB_CAPTURE_FRAME_BYTES_MAX], bytes[200000];
    for (size_t i = 0; i < sizeof frame; i++) {
        frame[i] = (uint8_t)(i * 7 + i / 256);
    }
    const uint32_t sizes[] = {1, 60, 1514, CB_CAPTURE_FRAME_BYTES_MAX};
    const int64_t stamps[] = {0, 1700000000123456789, 999999999, 4294967295999999999};
    char error[128];
    struct cb_capture *capture = cb_capture_open(path, error, sizeof error);
    cr_assert_not_null(capture);
    for (int i = 0; i < 4; i++) {
        cr_assert(cb_capture_write(capture, frame, sizes[i], stamps[i]));
    }
    cr_assert(cb_capture_close(capture, error, sizeof error), "%s", error);
    size_t total = slurp(bytes, sizeof bytes), at = 24;
    for (int i = 0; i < 4; i++) {
        cr_assert_leq(at + 16 + sizes[i], total);
        cr_assert_eq((int64_t)u32(bytes + at) * 1000000000 + u32(bytes + at + 4), stamps[i]);
        cr_assert_lt(u32(bytes + at + 4), 1000000000u);
        cr_assert_eq(u32(bytes + at + 8), sizes[i]);
        cr_assert_eq(u32(bytes + at + 12), sizes[i]);
        cr_assert_arr_eq(bytes + at + 16, frame, sizes[i]);
        at += 16 + sizes[i];
    }
    cr_assert_eq(at, total);
}

Test(capture, a_stamp_outside_the_format_is_refused_and_writes_nothing)
{
    char error[128];
    uint8_t frame[60] = {0}, bytes[64];
    struct cb_capture *capture = cb_capture_open(path, error, sizeof error);
    cr_assert_not_null(capture);
    cr_assert_not(cb_capture_write(capture, frame, sizeof frame, -1));
    cr_assert_not(cb_capture_write(capture, frame, sizeof frame, 4294967296000000000));
    cr_assert(cb_capture_close(capture, error, sizeof error), "%s", error);
    cr_assert_eq(slurp(bytes, sizeof bytes), 24);
}

Test(capture, a_path_that_can_not_be_made_is_told)
{
    char error[128] = "";
    cr_assert_null(cb_capture_open("/nonexistent/folder/x.pcap", error, sizeof error));
    cr_assert_not_null(strstr(error, "No such file"), "%s", error);
}

Test(capture, a_full_disk_is_told_at_the_latest_by_close)
{
    char error[128] = "";
    struct cb_capture *capture = cb_capture_open("/dev/full", error, sizeof error);
    cr_assert_not_null(capture, "%s", error);
    uint8_t frame[1000] = {0};
    bool all = true;
    for (int i = 0; i < 100; i++) {
        all = cb_capture_write(capture, frame, sizeof frame, i) && all;
    }
    cr_assert_not(all, "100 kB can not all have been buffered");
    cr_assert_not(cb_capture_write(capture, frame, sizeof frame, 1), "a failed capture stays failed");
    cr_assert_not(cb_capture_close(capture, error, sizeof error));
    cr_assert_not_null(strstr(error, "No space left"), "%s", error);
}

Test(capture, a_small_capture_on_a_full_disk_fails_at_close)
{
    char error[128] = "";
    struct cb_capture *capture = cb_capture_open("/dev/full", error, sizeof error);
    cr_assert_not_null(capture, "%s", error);
    cr_assert_not(cb_capture_close(capture, error, sizeof error));
    cr_assert_not_null(strstr(error, "No space left"), "%s", error);
}
