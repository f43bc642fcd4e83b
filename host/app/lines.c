#include "host/app/lines.h"

#include "drivers/dpdk/dpdk.h"
#include "drivers/udp/udp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ERROR_BYTES 512u
#define UDP_BUFFER_BYTES                                                                                     \
    (4u << 20) /* what the socket is asked to hold while the box is busy; the kernel may give less */

static enum cb_exit start_dpdk(struct cb_lines *lines, const struct cb_app_config *config, FILE *errors)
{
    char error[ERROR_BYTES];
    const char *extra[CB_EAL_EXTRA_MAX];
    bool pci = false;
    for (uint32_t i = 0; i < config->eal_extra_count; i++) {
        extra[i] = config->eal_extra[i];
    }
    for (uint32_t i = 0; i < config->nics_count; i++) {
        /* A PCI address looks like 0000:01:00.0; a virtual device's name does not begin with a digit. */
        const struct cb_nic_config *line = &config->nics[i];
        pci = pci || (line->driver == CB_NIC_EAL && line->device[0] >= '0' && line->device[0] <= '9');
    }
    const struct cb_dpdk_options options = {
        .memory_mb = config->dpdk_memory_mib,
        .hugepages = config->hugepages != 0,
        .pci = pci,
        .eal_extra = extra,
        .eal_extra_count = config->eal_extra_count,
    };
    if (!cb_dpdk_start(&options, error, sizeof error)) {
        cb_message_print(errors, CB_MESSAGE_4003, "DPDK: %s", error);
        return CB_EXIT_ENVIRONMENT;
    }
    lines->dpdk = true;
    return CB_EXIT_OK;
}

/* The memif driver refuses a relative path with "Invalid argument" and nothing else, so it gets a whole one.
 */
static bool whole_path(char path[CB_SOCKET_PATH_BYTES], const char *socket, char *error)
{
    char here[1024];
    int length;
    if (socket[0] == '/') {
        length = snprintf(path, CB_SOCKET_PATH_BYTES, "%s", socket);
    } else if (getcwd(here, sizeof here) != NULL) {
        length = snprintf(path, CB_SOCKET_PATH_BYTES, "%s/%s", here, socket);
    } else {
        snprintf(error, ERROR_BYTES, "the current folder is not known: %s", strerror(errno));
        return false;
    }
    if (length < 0 || length >= (int)CB_SOCKET_PATH_BYTES) {
        snprintf(error, ERROR_BYTES,
                 "the socket's path from the root is longer than %u bytes; name one in a shorter folder: %s",
                 CB_SOCKET_PATH_BYTES - 1u, socket);
        return false;
    }
    return true;
}

static bool folder_exists(const char *path)
{
    char folder[CB_SOCKET_PATH_BYTES];
    const char *end = strrchr(path, '/');
    if (end == NULL || end == path) {
        return true;
    }
    snprintf(folder, sizeof folder, "%.*s", (int)(end - path), path);
    return access(folder, W_OK) == 0;
}

static bool open_dpdk(struct cb_nic *nic, const struct cb_nic_config *line, enum cb_lines_end end,
                      char *error)
{
    struct cb_dpdk_port_options options = {.mtu = 0};
    char socket[CB_SOCKET_PATH_BYTES];
    switch (line->driver) {
    case CB_NIC_MEMIF:
        if (!whole_path(socket, line->socket, error)) {
            return false;
        }
        options.kind = end == CB_LINES_BOX ? CB_DPDK_MEMIF_SERVER : CB_DPDK_MEMIF_CLIENT;
        options.socket_path = socket;
        options.memif_id = line->id;
        if (!folder_exists(socket)) {
            snprintf(error, ERROR_BYTES,
                     "the folder of the socket %s does not exist or may not be written: make it first",
                     socket);
            return false;
        }
        break;
    case CB_NIC_PCAP:
        options.kind = CB_DPDK_PCAP;
        options.rx_pcap = line->read;
        options.tx_pcap = line->write[0] != 0 ? line->write : NULL;
        break;
    default:
        options.kind = CB_DPDK_DEVICE;
        options.device = line->device;
        break;
    }
    return cb_dpdk_open_port(nic, &options, error, ERROR_BYTES);
}

static bool open_udp(struct cb_nic *nic, const struct cb_nic_config *line, enum cb_lines_end end, char *error)
{
    char address[16];
    uint32_t ip = line->address.ip;
    snprintf(address, sizeof address, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255u, ip >> 8 & 255u, ip & 255u);
    const struct cb_udp_options options = {
        .bind_address = ip != 0 ? address : NULL,
        .port = end == CB_LINES_BOX ? line->address.port : 0,
        .receive_buffer_bytes = UDP_BUFFER_BYTES,
    };
    return cb_udp_open(nic, &options, NULL, error, ERROR_BYTES);
}

enum cb_exit cb_lines_open(struct cb_lines *lines, const struct cb_app_config *config, enum cb_lines_end end,
                           FILE *errors)
{
    memset(lines, 0, sizeof *lines);
    for (uint32_t i = 0; i < config->nics_count; i++) {
        const struct cb_nic_config *line = &config->nics[i];
        char error[ERROR_BYTES];
        if (end == CB_LINES_WORLD && line->driver != CB_NIC_MEMIF && line->driver != CB_NIC_UDP) {
            cb_message_print(
                errors, CB_MESSAGE_3010,
                "nics[%u]: the generator needs a line it can stand at the other end of: memif or udp", i);
            cb_lines_close(lines);
            return CB_EXIT_CONFIG;
        }
        if (line->driver != CB_NIC_UDP && !lines->dpdk) {
            enum cb_exit started = start_dpdk(lines, config, errors);
            if (started != CB_EXIT_OK) {
                cb_lines_close(lines);
                return started;
            }
        }
        bool opened = line->driver == CB_NIC_UDP ? open_udp(&lines->nic[i], line, end, error)
                                                 : open_dpdk(&lines->nic[i], line, end, error);
        if (!opened) {
            cb_message_print(errors, CB_MESSAGE_4001, "nics[%u]: %s", i, error);
            cb_lines_close(lines);
            return CB_EXIT_ENVIRONMENT;
        }
        lines->port[i] = &lines->nic[i];
        lines->count = i + 1;
    }
    return CB_EXIT_OK;
}

void cb_lines_close(struct cb_lines *lines)
{
    for (uint32_t i = 0; i < lines->count; i++) {
        lines->nic[i].close(lines->nic[i].self);
    }
    lines->count = 0;
    if (lines->dpdk) {
        cb_dpdk_stop();
        lines->dpdk = false;
    }
}
