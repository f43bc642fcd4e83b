/* Whole files: written under another name, synced, renamed; read as a stream. */
#include "drivers/file/error.h"
#include "drivers/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool flush(struct cb_file_writer *f)
{
    uint32_t at = 0;
    while (!f->failed && at < f->used) {
        ssize_t done = write(f->file, f->buffer + at, f->used - at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            cb_file_fail(&f->error, done == 0 ? ENOSPC : errno, "write", f->temporary);
            f->failed = true;
        } else {
            at += (uint32_t)done;
        }
    }
    f->used = 0;
    return !f->failed;
}

static void put(void *self, const void *data, size_t bytes)
{
    struct cb_file_writer *f = self;
    const uint8_t *from = data;
    while (bytes > 0 && !f->failed) {
        size_t room = sizeof f->buffer - f->used;
        size_t now = bytes < room ? bytes : room;
        memcpy(f->buffer + f->used, from, now);
        f->used += (uint32_t)now;
        from += now;
        bytes -= now;
        if (f->used == sizeof f->buffer) {
            flush(f);
        }
    }
}

bool cb_file_writer_open(struct cb_file_writer *f, const char *path)
{
    f->writer = (struct cb_writer){.self = f, .put = put};
    f->failed = false;
    f->used = 0;
    f->file = -1;
    int length = snprintf(f->path, sizeof f->path, "%s", path);
    int temporary = snprintf(f->temporary, sizeof f->temporary, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof f->path || temporary < 0 ||
        (size_t)temporary >= sizeof f->temporary) {
        f->failed = true;
        return cb_file_fail(&f->error, ENAMETOOLONG, "create", path);
    }
    f->file = open(f->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (f->file < 0) {
        f->failed = true;
        return cb_file_fail(&f->error, errno, "create", f->temporary);
    }
    return true;
}

void cb_file_writer_patch(struct cb_file_writer *f, uint64_t offset, const void *data, size_t bytes)
{
    if (!flush(f)) {
        return;
    }
    ssize_t done = pwrite(f->file, data, bytes, (off_t)offset);
    if (done != (ssize_t)bytes) {
        cb_file_fail(&f->error, done < 0 ? errno : ENOSPC, "write", f->temporary);
        f->failed = true;
    }
}

/* The directory entry is durable only when the directory was synced. */
static bool sync_parent(struct cb_file_error *error, const char *path)
{
    char directory[CB_FILE_PATH_BYTES];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash == NULL) {
        snprintf(directory, sizeof directory, ".");
    } else {
        slash[slash == directory ? 1 : 0] = 0;
    }
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        return cb_file_fail(error, errno, "open directory", directory);
    }
    int result = fsync(file);
    int number = errno;
    close(file);
    return result == 0 || cb_file_fail(error, number, "sync directory", directory);
}

bool cb_file_writer_commit(struct cb_file_writer *f, struct cb_file_error *error)
{
    if (flush(f) && fsync(f->file) != 0) {
        f->failed = true;
        cb_file_fail(&f->error, errno, "sync", f->temporary);
    }
    if (f->file >= 0 && close(f->file) != 0 && !f->failed) {
        f->failed = true;
        cb_file_fail(&f->error, errno, "close", f->temporary);
    }
    bool made = f->file >= 0;
    f->file = -1;
    if (!f->failed && rename(f->temporary, f->path) != 0) {
        f->failed = true;
        cb_file_fail(&f->error, errno, "rename to", f->path);
    }
    if (f->failed) {
        if (made) {
            (void)unlink(f->temporary);
        }
        *error = f->error;
        return false;
    }
    if (!sync_parent(error, f->path)) {
        (void)unlink(f->path); /* others look for the name, and take what has it for durable */
        return false;
    }
    return true;
}

void cb_file_writer_abandon(struct cb_file_writer *f)
{
    if (f->file >= 0) {
        close(f->file);
        (void)unlink(f->temporary);
        f->file = -1;
    }
}

static bool get(void *self, void *data, size_t bytes)
{
    struct cb_file_reader *f = self;
    uint8_t *to = data;
    while (bytes > 0) {
        if (f->at == f->used) {
            ssize_t done;
            do {
                done = read(f->file, f->buffer, sizeof f->buffer);
            } while (done < 0 && errno == EINTR);
            if (done <= 0) {
                return false;
            }
            f->at = 0;
            f->used = (uint32_t)done;
        }
        size_t now = f->used - f->at < bytes ? f->used - f->at : bytes;
        memcpy(to, f->buffer + f->at, now);
        f->at += (uint32_t)now;
        to += now;
        bytes -= now;
    }
    return true;
}

bool cb_file_reader_open(struct cb_file_reader *f, struct cb_file_error *error, const char *path)
{
    f->reader = (struct cb_reader){.self = f, .get = get};
    f->at = 0;
    f->used = 0;
    f->file = open(path, O_RDONLY | O_CLOEXEC);
    return f->file >= 0 || cb_file_fail(error, errno, "open", path);
}

void cb_file_reader_close(struct cb_file_reader *f)
{
    if (f->file >= 0) {
        close(f->file);
        f->file = -1;
    }
}
