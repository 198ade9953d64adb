/*
 * root.h: every path that is read or written, below one directory.
 *
 * The directory stands for "/" (--root=DIR). Paths are resolved by openat2(2) with
 * RESOLVE_IN_ROOT: absolute links and ".." stay inside. Paths are printf formats without
 * a leading slash: root_read(root, &s, "sys/bus/pci/devices/%s/modalias", address).
 *
 * All functions return 0 or more, or a negative errno; results are untouched on failure.
 * None of them logs.
 */
#pragma once

#include "util.h"

#include <sys/types.h>

#define ROOT_FILE_MAX (1024 * 1024)

/*
 * The first read that failed though nothing was missing: an I/O error, no memory, no
 * permission. Many readers take what they cannot read for absent; what is decided from
 * that would be wrong, so whoever decides asks root_trouble() first.
 */
struct root_trouble {
	int error; /* negative; 0: none */
	char *path;
};

struct root {
	int fd;
	const char *path; /* for messages and tools; "/" for the running machine */
	bool live;   /* the running machine, so /proc, /sys and events mean something */
	char *below; /* of root_enter(), for messages; NULL: the root itself */
	struct root_trouble *trouble; /* the caller's; NULL: nobody asks */
};

int root_open(struct root *root, const char *path);
void root_done(struct root *root);
/* A directory below the root as a root of its own; its path is only good for messages. */
int root_enter(const struct root *root, struct root *ret, const char *format, ...)
	PRINTF(3, 4);

/* 0, or the errno of what stands in root->trouble. */
int root_trouble(const struct root *root);

int root_openat(const struct root *root, int flags, const char *format, ...) PRINTF(3, 4);

/*
 * A whole file as a string, at most ROOT_FILE_MAX bytes (-EFBIG), trailing white space
 * cut. -EINVAL when it holds a NUL byte or is not a regular file.
 */
int root_read(const struct root *root, char **ret, const char *format, ...) PRINTF(3, 4);
/* As root_read(), but any bytes, untrimmed; one NUL byte more follows them. */
int root_read_bytes(const struct root *root, char **ret, size_t *ret_size,
		    const char *format, ...) PRINTF(4, 5);
int root_read_unsigned(const struct root *root, unsigned long *ret, const char *format,
		       ...) PRINTF(3, 4);
/* The last part of a symbolic link's target: the driver's name, the group's number. */
int root_link_name(const struct root *root, char **ret, const char *format, ...)
	PRINTF(3, 4);
/* Names in a directory, sorted, without "." and "..". */
int root_list(const struct root *root, struct strings *ret, const char *format, ...)
	PRINTF(3, 4);
bool root_exists(const struct root *root, const char *format, ...) PRINTF(2, 3);

/* One write(2) to a file that exists already: an attribute in /sys. */
int root_write(const struct root *root, const char *value, const char *format, ...)
	PRINTF(3, 4);

/*
 * The whole file or nothing: temporary file beside it, fsync, rename, fsync of the
 * directory. Makes missing directories (0755). Returns 1 when written, 0 when it already
 * had that content (nothing written).
 */
int root_replace(const struct root *root, const char *data, mode_t mode,
		 const char *format, ...) PRINTF(4, 5);
int root_replace_bytes(const struct root *root, const char *data, size_t size,
		       mode_t mode, const char *format, ...) PRINTF(5, 6);
/*
 * Renames `from` over `to` in the same directory, durably, with the mode of `to`; and
 * flushes the whole file system, since a boot loader replays no journal. -ELOOP: `to` is
 * a symbolic link.
 */
int root_move(const struct root *root, const char *from, const char *to);
/*
 * A symbolic link with that target, at once in place of what link was there. Makes
 * missing directories (0755). Not durable: for /run. Returns 1 when made, 0 when it was
 * so.
 */
int root_link(const struct root *root, const char *target, const char *format, ...)
	PRINTF(3, 4);
/*
 * Waits at most so many seconds until no other process has this file locked; makes it
 * when needed. Returns a descriptor, whose closing unlocks it, or a negative errno,
 * -EAGAIN: held all that time.
 */
int root_lock(const struct root *root, unsigned seconds, const char *path);
/* Removes an empty folder durably; -ENOTEMPTY. Returns as root_remove(). */
int root_remove_folder(const struct root *root, const char *format, ...) PRINTF(2, 3);
/* Removes a file durably. Returns 1 when removed, 0 when there was none. */
int root_remove(const struct root *root, const char *format, ...) PRINTF(2, 3);
