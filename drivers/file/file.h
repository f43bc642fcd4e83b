/* A journal directory, and the disk port over plain files.
 *
 * DIR/seg-0000.cbj ... are the slots; DIR/lock is held by flock while a writer is open; DIR/archive/
 * gen-<20 digits>.cbj are copies of sealed segments. Functions that can fail return false and put one line
 * for a person, with the path and what the system said, into *error. */
#ifndef CB_DRIVERS_FILE_FILE_H
#define CB_DRIVERS_FILE_FILE_H

#include "clearbox/disk.h"
#include "clearbox/limits.h"
#include "host/base/assert.h"
#include "host/base/stream.h"

#include <stdbool.h>
#include <stdint.h>

#define CB_FILE_PATH_BYTES  1024u
#define CB_FILE_ERROR_BYTES 1280u
#define CB_FILE_QUEUE       64u /* completions that wait to be reaped */

struct cb_file_error {
    char text[CB_FILE_ERROR_BYTES];
    int number; /* errno; 0: not from the system */
};

enum cb_file_mode {
    CB_FILE_READ = 0,    /* no lock; slots may be written by another process. O_DIRECT where it can */
    CB_FILE_DIRECT = 1,  /* O_DIRECT; refused where the filesystem refuses it */
    CB_FILE_BUFFERED = 2 /* development: O_DIRECT is tried, and given up where it is refused */
};

/* The open files of a set of slots: shared by drivers/file and drivers/uring. */
struct cb_file_slots {
    int files[CB_JOURNAL_SEGMENTS_MAX]; /* -1: of the archive, opened for each read */
    uint32_t count;
    uint32_t archived; /* the first files are copies in the archive: for the reader */
    uint64_t *archive; /* generations of those whose file is -1; NULL: none. Freed by close */
    char archive_path[CB_FILE_PATH_BYTES];
    uint64_t slot_bytes;
    int lock;    /* -1: none */
    bool direct; /* O_DIRECT is on for all of them: say so where it is not */
    bool writable;
};

/* Make DIR (it may exist, but holds no journal) with `slots` files of zeros, written, synced, directory
 * synced. Requires: slot_bytes is a multiple of 4 KiB, at least CB_JOURNAL_SEGMENT_BYTES_MIN. An interrupted
 * format leaves no seg-0000.cbj, which is made last and renamed: repeat it. Slots with anything but zeros in
 * them are never written over (EEXIST): they are what is left of a journal that lost its slot 0. Takes the
 * lock meanwhile. */
CB_MUST_CHECK bool cb_file_format(struct cb_file_error *error, const char *directory, uint32_t slots,
                                  uint64_t slot_bytes);

/* Whether DIR holds a journal (seg-0000.cbj exists). */
bool cb_file_exists(const char *directory);

/* Open the slots of DIR. Writers take the lock: a second writer is refused. So is a row of slots with a hole.
 */
CB_MUST_CHECK bool cb_file_open(struct cb_file_slots *slots, struct cb_file_error *error,
                                const char *directory, enum cb_file_mode mode);
/* Open DIR/archive segments (if any), then the live slots, read only: a disk for the reader. The archive has
 * no greatest size, but a process has of open files: an archived file is open only while it is read, and if
 * there are more than CB_JOURNAL_SEGMENTS_MAX in all the oldest are left out. */
CB_MUST_CHECK bool cb_file_open_all(struct cb_file_slots *slots, struct cb_file_error *error,
                                    const char *directory);
/* Open the named files, read only, all of the same size, in the order given. */
CB_MUST_CHECK bool cb_file_open_list(struct cb_file_slots *slots, struct cb_file_error *error,
                                     const char *const *paths, uint32_t count);
void cb_file_close(struct cb_file_slots *slots);

/* Copy one slot to DIR/archive/gen-<generation>.cbj: new name, fsync, rename, fsync directory. Existing files
 * of that name with the same bytes are synced and left, others refused. True: it is durable. */
CB_MUST_CHECK bool cb_file_archive(struct cb_file_error *error, const char *directory,
                                   const struct cb_file_slots *slots, uint32_t slot, uint64_t generation);

/* ---- the disk port: pread and pwritev2(RWF_DSYNC), completing inside submit ---- */

struct cb_file_disk {
    struct cb_disk disk; /* the port; self is the cb_file_disk */
    struct cb_file_slots *slots;
    struct cb_disk_done done[CB_FILE_QUEUE];
    uint32_t first, count;
};
void cb_file_disk_init(struct cb_file_disk *file_disk, struct cb_file_slots *slots);

/* ---- whole files: snapshots ---- */

/* A file that appears whole or not at all: written under a temporary name, fsync, rename, fsync directory. */
struct cb_file_writer {
    struct cb_writer writer;
    struct cb_file_error error; /* the first failure, sticky */
    bool failed;
    int file;
    char path[CB_FILE_PATH_BYTES], temporary[CB_FILE_PATH_BYTES];
    uint8_t buffer[65536];
    uint32_t used;
};
CB_MUST_CHECK bool cb_file_writer_open(struct cb_file_writer *file, const char *path);
/* Overwrite bytes already put (a header whose digest is known last). */
void cb_file_writer_patch(struct cb_file_writer *file, uint64_t offset, const void *data, size_t bytes);
/* Returns: whether the file is durable under its name. On false the temporary file is gone, and so is the
 * name if it was the directory that could not be synced. */
CB_MUST_CHECK bool cb_file_writer_commit(struct cb_file_writer *file, struct cb_file_error *error);
void cb_file_writer_abandon(struct cb_file_writer *file);

struct cb_file_reader {
    struct cb_reader reader;
    int file;
    uint8_t buffer[65536];
    uint32_t at, used;
};
CB_MUST_CHECK bool cb_file_reader_open(struct cb_file_reader *file, struct cb_file_error *error,
                                       const char *path);
void cb_file_reader_close(struct cb_file_reader *file);

#endif
