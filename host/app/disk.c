#include "host/app/disk.h"

#include <string.h>

enum cb_exit cb_app_disk_open(struct cb_app_disk *disk, struct cb_file_slots *slots, const char *directory,
                              enum cb_journal_driver driver, FILE *errors)
{
    struct cb_uring_error error;
    memset(disk, 0, sizeof *disk);
    disk->uring = (struct cb_uring_files){.files = slots->files,
                                          .count = slots->count,
                                          .slot_bytes = slots->slot_bytes,
                                          .writable = slots->writable};
    if (driver != CB_JOURNAL_FILE && cb_uring_probe(&error, directory)) {
        disk->port = cb_uring_open(&disk->uring, &error);
        disk->driver = "io_uring";
    }
    if (driver == CB_JOURNAL_URING && disk->port == NULL) {
        cb_message_print(errors, CB_MESSAGE_4004, "%s", error.text);
        return CB_EXIT_ENVIRONMENT;
    }
    if (driver == CB_JOURNAL_AUTO && disk->port == NULL) {
        cb_message_print(errors, CB_MESSAGE_4004, "%s. Going on with plain files (driver: file).",
                         error.text);
    }
    if (disk->port == NULL) {
        cb_file_disk_init(&disk->file, slots);
        disk->port = &disk->file.disk;
        disk->driver = "file";
    }
    return CB_EXIT_OK;
}

void cb_app_disk_close(struct cb_app_disk *disk)
{
    if (disk->port != NULL) {
        disk->port->close(disk->port->self);
        disk->port = NULL;
    }
}
