/*
 * mdev.h: the mediated devices of a function: types, and which of them there are.
 */
#pragma once

#include "root.h"

struct mdev_type {
	char *id;             /* "nvidia-222": its folder in mdev_supported_types */
	char *name;           /* "GRID T4-1Q"; the id where it has no name */
	unsigned available;   /* so many more can be made */
	struct strings uuids; /* of those that there are */
};

struct mdev_types {
	struct mdev_type *items;
	size_t n;
};

void mdev_types_done(struct mdev_types *types);
/* `address` is a PCI function's. None: no error. */
void mdev_types_read(const struct root *root, const char *address,
		     struct mdev_types *ret);
/* By name or id; NULL: there is none. */
const struct mdev_type *mdev_types_find(const struct mdev_types *types, const char *name);
/*
 * The UUID of one, the same at each boot (RFC 9562 version 8): a mix of the parent's
 * address, the type and a number. The caller frees it.
 */
char *mdev_uuid(const char *address, const char *type, unsigned index);
