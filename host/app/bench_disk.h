/* What the journal bench and the replay bench share: scratch folders below DIR/bench.tmp. */
#ifndef CB_HOST_APP_BENCH_DISK_H
#define CB_HOST_APP_BENCH_DISK_H

#include "drivers/file/file.h"
#include "host/app/bench.h"

/* Makes an empty folder DIR/bench.tmp/name. Returns: false after a message. */
bool cb_bench_scratch_make(char path[CB_FILE_PATH_BYTES], const struct cb_options *options, const char *name);
/* Removes a folder with its files; nothing happens when there is none. */
void cb_bench_scratch_remove(const char *path);

/* Writes a journal of the engine bench's mix and replays it from the page cache. Returns: false after a
 * message. */
bool cb_bench_replay(const struct cb_options *options, struct cb_bench_report *report);

#endif
