/*
 * pool.h: offers that are handed out under one resource name. Pure.
 */
#pragma once

#include "export.h"

/* The offers of one path and one resource. */
struct pool {
	const char *resource; /* borrowed from an offer */
	char *prefix, *name;  /* "intel.com", "x710_vf": the device plugin takes no '.' */
	const struct offer **items;
	size_t n;
	struct vf_values values; /* what the rules say of every VF alike */
};
struct pools {
	struct pool *items;
	size_t n;
};
/*
 * In order of the first address. Only what `path` hands out, with driver vfio-pci: the
 * device plugin, sriov-cni and the operator compare with this name. What is left out and
 * what differs between the VFs of a pool is a warning; two
 * resources that become one name there are an error.
 */
void pools_make(struct pools *ret, const struct offers *offers, enum advertise path,
		struct export_notes *notes);
/* A network sets one VLAN on whatever VF of the pool it gets. The error names both rules.
 */
bool pool_has_one_vlan(const struct pool *pool, struct strings *errors);
void pools_done(struct pools *pools);
/* "nic-8086-10ca": the pool's name as a name of a Kubernetes object; ASCII letters,
 * digits and '-' only. */
char *pool_object_name(const struct pool *pool);
/* Are all of the pool network functions? */
bool pool_is_network(const struct pool *pool);
/* Two pools of network functions that get one object name are an error. */
void pools_check_objects(const struct pools *pools, struct strings *errors);
/* "0-3,6": VF indices of one PF in this pool, "" for none. */
char *pool_range(const struct pool *pool, const struct function *pf);
/* The pool's PFs, each once; the caller frees the array. */
const struct function **pool_pfs(const struct pool *pool, size_t *ret_n);

/*
 * The values that sriov-cni sets by itself for each VF it hands out, as members of a map;
 * key_names: by VF key, NULL: not known there. VLAN is always said: sriov-cni clears it
 * for 0, but leaves what it finds when the key is absent (pkg/config/config.go).
 */
void pool_put_values(struct document *map, const struct pool *pool,
		     const char *const key_names[N_VF_KEYS]);
