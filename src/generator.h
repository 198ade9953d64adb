/*
 * generator.h: what systemd must know before the units run, which only the config says.
 */
#pragma once

#include "config.h"
#include "root.h"

/*
 * systemd.generator(7): a drop-in of both apply units below `dir` (systemd's "normal"
 * folder). Where export.dir names a place, they wait for its mount and may write there;
 * where a rule says something of links, they have CAP_NET_ADMIN. Returns 0 or a negative
 * errno.
 */
int generator_write(const struct config *config, const struct root *root,
		    const char *dir);
