/*
 * saved.h: files of others as they were before a tool of theirs changed them for us, so
 * that they can be given back to the byte. Nothing here logs.
 */
#pragma once

#include "root.h"

struct saved_file {
	char *path; /* below the root */
	char *text;
	unsigned mode; /* permission bits */
};

struct saved {
	struct saved_file *files;
	size_t n;
};

void saved_done(struct saved *saved);
/* Takes a file as it is. None there, or a symbolic link: nothing is taken, no error. */
int saved_add(struct saved *saved, const struct root *root, const char *path);
/* What is not a file of its own, under a name that no path has. */
void saved_add_text(struct saved *saved, const char *name, const char *text);
/* NULL: not taken */
const struct saved_file *saved_find(const struct saved *saved, const char *path);
/* Writes it back, whole or not at all: 1 written, 0 it was so. */
int saved_restore(const struct saved_file *file, const struct root *root);

/* All of them as one file of ours, and back (-ENOENT: none; -EBADMSG: damaged). */
int saved_write(const struct saved *saved, const struct root *root, const char *path);
int saved_read(struct saved *ret, const struct root *root, const char *path);
