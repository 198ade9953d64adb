/*
 * driver.h: what is peculiar to a PF's driver, each with the source of the claim. Pure.
 *
 * The planner reads it; what comes of it are fields of actions, so that nothing that acts
 * knows a driver by name.
 */
#pragma once

#include "util.h"

/* What a driver needs of the VFs that exist while its eswitch changes. */
enum eswitch_order { ESWITCH_NO_VFS, ESWITCH_UNBOUND_VFS, ESWITCH_ANY_TIME };

struct driver {
	const char *name;
	enum eswitch_order eswitch;
	unsigned patience;    /* seconds: how long it may refuse the count as not ready */
	bool makes_all;       /* whatever count it is told */
	unsigned needs_link;  /* the vendor of devices that make no VFs while their
				 interface is down; 0: the link does not matter */
	const char *no_vfs;   /* why a count makes no VFs, and what does; NULL: it makes
				 them */
	const char *more_vfs; /* what raises the limit that its firmware sets; NULL: the
				 vendor's tool */
	const char *no_vfio;  /* why its VFs must not go to a vfio driver; NULL: they may
			       */
};

/* Never NULL: of a driver that is not known (or none) what holds for most. */
const struct driver *driver_find(const char *name);

/* Is there one that needs its link, of that name (NULL: any) and vendor (-1: any)? */
bool driver_may_need_link(const char *name, int vendor);
