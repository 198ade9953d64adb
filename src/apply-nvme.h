/*
 * apply-nvme.h: the actions that go to an NVMe controller.
 */
#pragma once

#include "plan.h"
#include "root.h"

/* SET_NVME. What the controller refuses is one text in *refusals; then -EREMOTEIO. Does
 * not log: see apply-link.h. */
int apply_set_nvme(const struct root *root, const struct action *action,
		   struct strings *refusals);
/* RESET: the function, then waits until its NVMe controller, where it has one, is live;
 * without a deadline of its own. */
int apply_reset(const struct root *root, const struct action *action);
