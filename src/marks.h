/*
 * marks.h: what a plan would change, and what it cannot, looked up by PF, VF and device.
 * Pure.
 */
#pragma once

#include "plan.h"
#include "util.h"

struct mark {
	const char *function; /* borrowed from the plan */
	int vf;
	size_t place; /* in the plan */
	char *text;   /* NULL: only a step on the way to something else */
};

/* Sorted once: looking through the plan for each VF would cost the square of their
 * number. */
struct marks {
	bool known; /* there is a plan */
	struct mark *items;
	size_t n;
};

struct marks marks_make(const struct plan *plan); /* NULL: unknown */
void marks_done(struct marks *marks);
/*
 * Of a PF or device (`vf` NONE) or of one of its VFs, each once, in the plan's order;
 * `own` is its own address. To be done by the caller.
 */
struct strings marks_find(const struct marks *marks, const char *function, int vf,
			  const char *own);
