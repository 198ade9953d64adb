/*
 * apply.h: do the list.
 */
#pragma once

#include "plan.h"
#include "root.h"

/*
 * Walks the plan's NOW actions that are not disruptive. A failed action stops later ones
 * on the same target (except those marked always), never others; each failure is one
 * line. Returns the first error, or 0. *ret_done counts what was changed.
 */
int plan_apply(const struct plan *plan, const struct root *root, unsigned *ret_done);
