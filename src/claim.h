/*
 * claim.h: VFs for those who have no allocator of their own, handed out by name.
 *
 * Only VFs that nobody else hands out (advertise = "claim", or no consumer's file is on)
 * and that nobody uses. All functions log, print to stdout and return an exit status.
 */
#pragma once

#include "config.h"
#include "root.h"

struct claim_request {
	const char *resource;
	const char *owner; /* any name; several claims of one owner add up */
	unsigned long count;
	unsigned long pid; /* the claim is dead when this process is; 0: none */
};

/* All of them or none; prints the addresses, a line each, or JSON as claim_list(). */
int claim_take(const struct config *config, const struct root *root,
	       const struct claim_request *request, bool json);

/*
 * Gives back one VF, or all of an owner (both given: must agree), or those of the dead
 * (claim_is_dead(), or the VF does not exist any more). One in use stays claimed, which
 * is a failure.
 */
int claim_release(const struct root *root, const char *address, const char *owner,
		  bool dead);

/*
 * As lines, or as JSON, to which members are only ever added:
 *   version 1
 *   claims [ address resource owner iommu_group
 *            state     "claimed", "attaching", "attached", "detaching"
 *            pid       0: none was named
 *            qmp       socket of the QEMU that has or had it; null: none
 *            qemu_pid  0: unknown
 *            in_use    as the kernel says; null: the VF is gone
 *            dead      release --dead would give it back ]
 */
int claim_list(const struct root *root, bool json);
