/*
 * moved.h: PCI addresses change when cards are added. What each governed function is
 * known by (the permanent MAC address of its interface, or its serial number where a rule
 * matches by one) is kept with its address over boots, so that a move can be told.
 */
#pragma once

#include "system.h"

#define MOVED_STATE "var/lib/sriov-setup/addresses"

/* One line in the journal for each function that was elsewhere when it was last seen,
 * with the rules that name either address. Then what is seen now is kept, as is what is
 * not there now. Logs what fails. */
int moved_check(const struct root *root, const struct config *config,
		const struct system *system);
