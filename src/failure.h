/*
 * failure.h: why an action failed, in words.
 */
#pragma once

#include "plan.h"

/* One line: what, why, what to do, and which line of the config asked for it. Nothing for
 * -EREMOTEIO, of which the action has told itself. */
void failure_report(const struct action *action, int error);
