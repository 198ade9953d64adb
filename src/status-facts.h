/*
 * status-facts.h: what only status shows, of a machine that is observed already. None of
 * it changes what is planned, so the plan is made before. Nothing here logs.
 */
#pragma once

#include "root.h"
#include "system.h"

/*
 * Sets parent of all functions, in_use of those that a process has open in VFIO or
 * somebody has claimed, and the values of VFs of which no rule says anything. Takes the
 * kernel's rtnl lock, as system_observe() may.
 */
void status_facts_read(struct system *system, const struct root *root);
