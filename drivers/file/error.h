/* Filling a cb_file_error. Private to drivers/file and drivers/uring. */
#ifndef CB_DRIVERS_FILE_ERROR_H
#define CB_DRIVERS_FILE_ERROR_H

#include "drivers/file/file.h"

/* "cannot <what> <path>: <what errno means>"; number 0 leaves the last part out. Returns: false, always. */
bool cb_file_fail(struct cb_file_error *error, int number, const char *what, const char *path);

#endif
