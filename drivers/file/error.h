/* Filling a cb_file_error, opening what is not kept open. Private to drivers/file. */
#ifndef CB_DRIVERS_FILE_ERROR_H
#define CB_DRIVERS_FILE_ERROR_H

#include "drivers/file/file.h"

/* "cannot <what> <path>: <what errno means>"; number 0 leaves the last part out. Returns: false, always. */
bool cb_file_fail(struct cb_file_error *error, int number, const char *what, const char *path);

/* The slot's file, opened if it is not kept open: then the caller closes it. Returns: -1 with errno set. */
int cb_file_slot_open(const struct cb_file_slots *slots, uint32_t slot);

#endif
