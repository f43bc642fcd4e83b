#include "drivers/pcap/capture.h"

#include "host/base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS          1000000000
#define MAGIC_NS           0xa1b23c4du
#define LINK_TYPE_ETHERNET 1u
#define FILE_HEADER_BYTES  24u
#define FRAME_HEADER_BYTES 16u

struct cb_capture {
    FILE *file;
    int failed_errno; /* of the first write that failed; 0: none did */
};

static bool put(struct cb_capture *capture, const uint8_t *data, size_t bytes)
{
    if (capture->failed_errno == 0 && fwrite(data, 1, bytes, capture->file) != bytes) {
        capture->failed_errno = errno != 0 ? errno : EIO;
    }
    return capture->failed_errno == 0;
}

struct cb_capture *cb_capture_open(const char *path, char *error, size_t error_bytes)
{
    struct cb_capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL) {
        snprintf(error, error_bytes, "capture %s: no memory", path);
        return NULL;
    }
    capture->file = fopen(path, "wbe");
    if (capture->file == NULL) {
        snprintf(error, error_bytes, "capture %s: %s", path, strerror(errno));
        free(capture);
        return NULL;
    }
    uint8_t header[FILE_HEADER_BYTES] = {0};
    cb_store_u32_le(header, MAGIC_NS);
    cb_store_u16_le(header + 4, 2);
    cb_store_u16_le(header + 6, 4);
    cb_store_u32_le(header + 16, CB_CAPTURE_FRAME_BYTES_MAX);
    cb_store_u32_le(header + 20, LINK_TYPE_ETHERNET);
    (void)put(capture, header, sizeof header); /* buffered; a failure is kept and told by the next call */
    return capture;
}

bool cb_capture_write(struct cb_capture *capture, const uint8_t *frame, uint32_t bytes, int64_t stamp_ns)
{
    CB_ASSERT(bytes >= 1 && bytes <= CB_CAPTURE_FRAME_BYTES_MAX);
    if (stamp_ns < 0 || stamp_ns / SECOND_NS > UINT32_MAX) {
        return false;
    }
    uint8_t header[FRAME_HEADER_BYTES];
    cb_store_u32_le(header, (uint32_t)(stamp_ns / SECOND_NS));
    cb_store_u32_le(header + 4, (uint32_t)(stamp_ns % SECOND_NS));
    cb_store_u32_le(header + 8, bytes);
    cb_store_u32_le(header + 12, bytes);
    return put(capture, header, sizeof header) && put(capture, frame, bytes);
}

bool cb_capture_close(struct cb_capture *capture, char *error, size_t error_bytes)
{
    int failed = capture->failed_errno;
    if (fclose(capture->file) != 0 && failed == 0) {
        failed = errno;
    }
    free(capture);
    if (failed != 0) {
        snprintf(error, error_bytes, "capture: %s", strerror(failed));
    }
    return failed == 0;
}
