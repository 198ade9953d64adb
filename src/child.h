/*
 * child.h: what the kernel can block for ever (a VF that a VM holds, a firmware that
 * hangs) is done by a child: the deadline is then ours.
 */
#pragma once

#include "util.h"

#include <sys/types.h>

/*
 * As fork(), but -errno. The child has nothing of the standard streams: one that stays
 * behind must not keep a pipe open whose reader waits for its end.
 */
pid_t child_start(void);
/* The child's end: 0 or a negative errno. */
_Noreturn void child_exit(int r);
/* What it ended with; -ETIMEDOUT: it did not, and was killed or is the kernel's. */
int child_wait(pid_t pid, int seconds);
