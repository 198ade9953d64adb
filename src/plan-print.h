/*
 * plan-print.h: the plan as text for people. Pure.
 *
 * Equal actions on VFs of one PF are one line, as far as no action moves over one that it
 * could depend on: the text has the order of doing.
 */
#pragma once

#include "plan.h"

/* "bind 0000:01:00.0 VF 3 to vfio-pci", or "bound …" when `done`; the caller frees it. */
char *action_text(const struct action *action, bool done);
/* `colour`: for a terminal. Returns what ferror() says. */
int plan_print(const struct plan *plan, FILE *out, bool colour);
