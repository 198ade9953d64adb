/*
 * generator.h: what systemd must know before the units run, which only the config says.
 */
#pragma once

#include "config.h"
#include "root.h"

/*
 * systemd.generator(7): where export.dir names a place, sriov-setup.service waits for its
 * mount and may write there: a drop-in below `dir` (systemd's "normal" folder). Returns 0
 * or a negative errno.
 */
int generator_write(const struct config *config, const struct root *root,
		    const char *dir);
