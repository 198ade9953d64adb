/*
 * status.h: the machine for people: as a tree, as a picture. Pure, but for the drawing.
 */
#pragma once

#include "config.h"
#include "names.h"
#include "plan.h"
#include "system.h"

struct status_input {
	const struct config *config;
	const struct system *system;
	const struct names *names;
	const struct plan *plan; /* what differs from the config; NULL: unknown */
	bool colour;
};

/* PFs with their VFs, and governed devices; marks what differs from the config. */
void status_print(FILE *out, const struct status_input *input);
/* The same for graphviz's dot, with the bridges above: function.parent is set. */
void status_dot(FILE *out, const struct status_input *input);
