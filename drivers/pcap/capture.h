/* The capture writer: Ethernet frames into a file of the classic pcap format, which Wireshark, tcpdump and
 * the dpdk driver's replay read.
 *
 * File: 24-byte header {magic a1b23c4d: nanoseconds, version 2.4, zone 0, accuracy 0, snapshot length 65535,
 * link type 1: Ethernet}, then per frame 16 bytes {seconds u32, nanoseconds u32, bytes kept u32, bytes on the
 * wire u32} and the frame. Little-endian, as the machine. Buffered by stdio: the file is whole after close.
 * Threads: the owning thread only. */
#ifndef CB_DRIVERS_PCAP_CAPTURE_H
#define CB_DRIVERS_PCAP_CAPTURE_H

#include "host/base/assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CB_CAPTURE_FRAME_BYTES_MAX 65535u

struct cb_capture;

/* Creates or truncates the file and writes its header. Returns: NULL with a line of text in `error`.
 * Ownership: the caller's until cb_capture_close. */
CB_MUST_CHECK struct cb_capture *cb_capture_open(const char *path, char *error, size_t error_bytes);

/* Appends one frame. Requires: 1 .. CB_CAPTURE_FRAME_BYTES_MAX bytes. Returns: false when the disk refused it
 * (then every later write fails too, and so does close) or when the stamp is not in 1970 .. 2106, which the
 * format can not hold (then nothing is written and the capture goes on). Units: stamp_ns since 1970, UTC. */
CB_MUST_CHECK bool cb_capture_write(struct cb_capture *capture, const uint8_t *frame, uint32_t bytes,
                                    int64_t stamp_ns);

/* Flushes, closes and frees. Returns: false when anything that was written did not reach the file, with the
 * reason in `error`. */
CB_MUST_CHECK bool cb_capture_close(struct cb_capture *capture, char *error, size_t error_bytes);

#endif
