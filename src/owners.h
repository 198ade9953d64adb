/*
 * owners.h: who else makes or binds VFs on this machine, by his files. Nothing here logs.
 */
#pragma once

#include "root.h"

struct system;

/* Somebody else's file that makes or binds VFs. */
struct owner {
	const char *name;   /* "netplan" */
	char *file;         /* "/etc/netplan/50-vf.yaml" */
	char *rules;        /* the same as lines of sriov.conf, "": not known */
	struct strings pfs; /* addresses of those that it names, by address, interface,
			       MAC or driver */
};

struct owners {
	struct owner *items;
	size_t n;
};

/* In a fixed order. What cannot be read is left out. */
struct owners owners_read(const struct root *root, const struct system *system);
void owners_done(struct owners *owners);
