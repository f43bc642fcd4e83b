/* The configuration file: YAML text to the state-affecting part (struct cb_config, the journal's first
 * record) and the machine part (paths, ports, secrets: never journaled).
 *
 * One table (config_table.c) has a row for every key: where it is stored, its unit, range and default, and
 * what it means. The loader, the defaults, `config show` and `config schema` all read that table. Rules that
 * join several keys are in config_rules.c. Every fault is reported as
 *
 *   CB3007 risk.yaml:41:20: factors[1].scan_range: 1.2 is above 0.999999999
 *          scan_range: "1.2"
 *                      ^~~~~
 *
 * and all faults that can be seen at once are reported at once. Threads: any, one call at a time. */
#ifndef CB_HOST_APP_CONFIG_H
#define CB_HOST_APP_CONFIG_H

#include "clearbox/limits.h"
#include "host/app/message.h"
#include "host/types/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CB_PATH_BYTES        256u
#define CB_SOCKET_PATH_BYTES 108u /* sun_path */
#define CB_DEVICE_BYTES      128u
#define CB_EAL_EXTRA_MAX     16u
#define CB_EAL_EXTRA_BYTES   128u
#define CB_CONFIG_ERRORS_MAX 20u /* after these the loader gives up */
#define CB_CONFIG_BYTES_MAX  (4u << 20)

enum cb_journal_driver { CB_JOURNAL_AUTO = 0, CB_JOURNAL_URING = 1, CB_JOURNAL_FILE = 2 };
enum cb_journal_retain { CB_RETAIN_DELETE = 1, CB_RETAIN_ARCHIVE = 2 };
enum cb_nic_driver { CB_NIC_MEMIF = 1, CB_NIC_PCAP = 2, CB_NIC_UDP = 3, CB_NIC_EAL = 4 };
enum cb_idle { CB_IDLE_SPIN = 1, CB_IDLE_YIELD = 2 };

struct cb_journal_app_config {
    char path[CB_PATH_BYTES];  /* a directory; empty: "journal" below -C DIR */
    uint8_t driver;            /* enum cb_journal_driver; auto: uring, or file where it is refused */
    uint8_t retain;            /* enum cb_journal_retain */
    uint32_t segments;         /* files, 4 .. CB_JOURNAL_SEGMENTS_MAX */
    uint64_t segment_bytes;    /* multiple of CB_JOURNAL_BLOCK_BYTES */
    uint64_t snapshot_records; /* a snapshot at least every so many records */
};

struct cb_address { /* host byte order */
    uint32_t ip;
    uint16_t port;
};

struct cb_nic_config {                 /* one port: line A is the first, line B the second */
    uint8_t driver;                    /* enum cb_nic_driver; says which of the following are set */
    uint32_t id;                       /* memif: interface id, the same on both ends */
    char socket[CB_SOCKET_PATH_BYTES]; /* memif: the control socket; the box is the server */
    char read[CB_PATH_BYTES];          /* pcap: frames come from here */
    char write[CB_PATH_BYTES];         /* pcap: frames go there; empty: they are dropped */
    struct cb_address address;         /* udp: where the kernel socket is bound */
    char device[CB_DEVICE_BYTES];      /* eal: a PCI address or --vdev string, given to DPDK as it is */
};

struct cb_session_app_config {
    uint8_t secret[CB_SESSION_KEY_BYTES];
};

struct cb_app_config {
    struct cb_address listen; /* the box's own IPv4 address and UDP port on every line */
    uint8_t idle;             /* enum cb_idle */
    struct cb_journal_app_config journal;
    uint32_t nics_count;
    struct cb_nic_config nics[CB_LINES_MAX];
    struct cb_session_app_config sessions[CB_SESSIONS_MAX]; /* as cb_config.sessions */
    uint8_t hugepages;                                      /* 1: DPDK's memory is in hugepages */
    uint32_t dpdk_memory_mib;
    uint32_t eal_extra_count;
    char eal_extra[CB_EAL_EXTRA_MAX][CB_EAL_EXTRA_BYTES];
};

/* Both parts together: what the table's offsets count from. About 250 KiB: not for a stack. */
struct cb_configuration {
    struct cb_config state;
    struct cb_app_config app;
};

/* Reads `path` into *out, which is zeroed first.
 * `development` (the flag --development) allows what production must not have: a feed clock on a real port.
 * A relative path inside the file (secret_file, risk) counts from the file's own folder; journal, socket and
 * capture paths are left as they are written and count from the working directory.
 * Returns: CB_EXIT_OK; else CB_EXIT_CONFIG, faults were printed to `errors` and *out is not to be used. */
enum cb_exit cb_config_load(struct cb_configuration *out, const char *path, bool development, FILE *errors);

/* The same from text; `name` stands for the file in messages, and its folder for relative paths. */
enum cb_exit cb_config_load_text(struct cb_configuration *out, const char *text, size_t bytes,
                                 const char *name, bool development, FILE *errors);

/* Prints every key in effect as YAML that loads again to the same values, but for the secrets, which are
 * shown as the word hidden and so do not load. */
void cb_config_show(const struct cb_configuration *configuration, FILE *out);

/* Prints every key with its form, range, default and meaning, one paragraph each. */
void cb_config_schema(FILE *out);

#endif
