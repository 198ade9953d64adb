/*
 * process.h: a boot loader's tool, or what may hang in the kernel, with a deadline.
 */
#pragma once

#include "root.h"

/*
 * Runs argv[0], an absolute path below the root's directory (so that a test's root brings
 * its own tools; NULL: of the machine that runs us), with a fixed PATH, the caller's
 * locale and no input, in a process group of its own that is killed after `seconds`
 * (-ETIMEDOUT). *ret_stdout (may be NULL: thrown away) is at most 64 KiB, *ret_stderr at
 * most 4 KiB; both are set also on failure, without trailing white space, and belong to
 * the caller. Returns the exit status, -EPROTO when a signal ended it, or another
 * negative errno.
 */
int process_run(const struct root *root, const char *const argv[], int seconds,
		char **ret_stdout, char **ret_stderr);

/*
 * Runs work(data, ready) in a process of its own, which writes a byte to `ready` once it
 * is past all that may hang, and returns an exit status (0…255), which is returned. Not
 * that far after `seconds`: -ETIMEDOUT; the process is killed, and left behind where the
 * kernel holds it. Other negative errno: it could not be started, or a signal ended it
 * (-EPROTO).
 */
int process_guard(int seconds, int (*work)(const void *data, int ready),
		  const void *data);
