/*
 * inuse.h: who uses a function, told from outside: nothing here makes anybody give it up.
 * Nothing here logs.
 */
#pragma once

#include "made.h"
#include "system.h"

/* Sets in_use and carries of all functions from claims whose owner lives, from the boot's
 * framebuffer, from vDPA and mediated devices made of them and from their interfaces, and
 * of storage that has VFs or is one from its disks. */
void inuse_observe(struct system *system, const struct root *root);
/* Sets in_use and carries of the functions that a used disk hangs on. */
void inuse_observe_disks(struct system *system, const struct root *root);
/*
 * Sets in_use of those functions that somebody has open in VFIO or RDMA, with the process
 * by name where /proc shows it; and of those on a VFIO driver of which it cannot be told.
 * A group that is free is open for a moment, and nobody else can open it in that moment:
 * only for functions that are to be taken away from VFIO, and not where `gentle`.
 * `which`: by index.
 */
void inuse_observe_open(struct system *system, const struct root *root, const bool *which,
			bool gentle);
/* The same for those that a rule would move. */
void inuse_observe_moves(struct system *system, const struct root *root,
			 const struct config *config);

/* Whether the mediated devices are there, and who has them open in VFIO. */
void inuse_observe_made(struct made *made, const struct root *root);

/* Sets in_use of those whose user in VFIO or RDMA /proc shows. Nothing is opened. */
void inuse_observe_holders(struct system *system, const struct root *root);

/*
 * `device`: its folder below the root. 1: somebody has it open in VFIO; 0: nobody; or a
 * negative errno: cannot be told, as where /dev/vfio is not shown. vfio_group_fops_open()
 * returns EBUSY while the group, a device of it or a character device of one is open,
 * also by who has closed all but the device. While a driver waits for its user
 * (vfio_unregister_group_dev()), the function has no driver any more, and that still
 * holds.
 */
int inuse_vfio(const struct root *root, const char *device);
