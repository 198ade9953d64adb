/*
 * process.h: a boot loader's tool, run with a deadline.
 */
#pragma once

#include "util.h"

/*
 * Runs argv[0] (absolute) with a fixed PATH, the caller's locale and no input, in a
 * process group of its own that is killed after `seconds` (-ETIMEDOUT). *ret_output: what
 * it printed to stderr, at most 4 KiB, also on failure. Returns 0, or -EPROTO when it
 * exits with another status than 0.
 */
int process_run(const char *const argv[], int seconds, char **ret_output);
