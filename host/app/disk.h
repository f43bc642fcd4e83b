/* The journal's disk: the open slots of a directory behind the driver that the configuration asks for. */
#ifndef CB_HOST_APP_DISK_H
#define CB_HOST_APP_DISK_H

#include "clearbox/disk.h"
#include "drivers/file/file.h"
#include "drivers/uring/uring.h"
#include "host/app/config.h"

struct cb_app_disk { /* does not move while open: the drivers point into it */
    struct cb_uring_files uring;
    struct cb_file_disk file;
    struct cb_disk *port; /* NULL: not open */
    const char *driver;   /* "io_uring" or "file" */
};

/* auto: io_uring, and plain files with a visible line where the kernel refuses it. Requires: slots outlive
 * the disk and do not move. Returns: CB_EXIT_OK, or CB_EXIT_ENVIRONMENT after a message. */
enum cb_exit cb_app_disk_open(struct cb_app_disk *disk, struct cb_file_slots *slots, const char *directory,
                              enum cb_journal_driver driver, FILE *errors);
void cb_app_disk_close(struct cb_app_disk *disk);

#endif
