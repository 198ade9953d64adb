/*
 * owner.h: who else on this machine makes or binds VFs, by his files. Nothing here logs.
 */
#pragma once

#include "root.h"

struct system;

struct owner {
	const char *name; /* "netplan" */
	char *file;       /* "/etc/netplan/50-vf.yaml" */
	char *rule;       /* the same as a line of sriov.conf; NULL: see export config */
	struct strings pfs; /* addresses of those that it names, by address, interface,
			       MAC or driver */
};

struct owners {
	struct owner *items;
	size_t n;
};

struct owners owners_read(const struct root *root, const struct system *system);
void owners_done(struct owners *owners);
