/*
 * wait.h: until the configured PFs are there. libudev lives in wait.c.
 */
#pragma once

#include "config.h"
#include "root.h"

/*
 * Waits until every function that a rule governs, or could govern once it is complete,
 * has its driver, and its netdevs have their final names (udev has initialised them); at
 * most `seconds`. The monitor is armed before the state is looked at, so no event is
 * lost. 0: all are there; -ETIME: not all, each missing one logged as a warning.
 */
int wait_for_pfs(const struct config *config, const struct root *root, unsigned seconds);
