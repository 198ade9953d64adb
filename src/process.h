/*
 * process.h: a boot loader's tool, run with a deadline.
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
