/*
 * apply.h: do the list.
 */
#pragma once

#include "plan.h"
#include "root.h"

#include <time.h>

/*
 * Walks the plan's NOW actions. A failed action stops later ones on the same target
 * (except those marked always), never others; each failure is one line, and so is a
 * function that vanishes, of which no more is tried. Each action has
 * its own deadline, and from `end` (CLOCK_MONOTONIC) on none but those marked always is
 * begun. VFs of one PF that go to change its count are unbound at once; when that does
 * not succeed, they are given back. Returns the first error, or 0. *ret_done counts what
 * was changed.
 */
int plan_apply(const struct plan *plan, const struct root *root,
	       const struct timespec *end, unsigned *ret_done);
