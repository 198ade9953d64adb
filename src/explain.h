/*
 * explain.h: which rule governs a function, and why the others do not. Pure.
 */
#pragma once

#include "config.h"
#include "system.h"

/* The function of that address ("01:00.0" is short for "0000:01:00.0") or with that
 * network interface; NULL: none. */
const struct function *explain_find(const struct system *system, const char *name);
/* A line for each rule of the function's kind, with what was wanted and found. */
void explain_print(FILE *out, const struct config *config, const struct system *system,
		   const struct function *function);
