/*
 * status.h: the machine as a tree, for people.
 */
#pragma once

#include "config.h"
#include "names.h"
#include "system.h"

/* PFs with their VFs, and governed devices; marks what differs from the config. */
void status_print(FILE *out, const struct config *config, const struct system *system,
		  const struct names *names);
