/*
 * vf.h: what can be said about one VF, as numbers: the same words for wanted and found.
 * Pure.
 */
#pragma once

#include "util.h"

/* Members of one group go to the kernel in one attribute: vlan, qos, vlan_proto; the
 * rates. */
enum vf_key {
	VF_MAC,         /* 48 bits */
	VF_VLAN,        /* 0: none */
	VF_QOS,         /* 0…7 */
	VF_VLAN_PROTO,  /* 0x8100 or 0x88a8 */
	VF_MIN_TX_RATE, /* Mbit/s; 0: none is guaranteed */
	VF_MAX_TX_RATE, /* Mbit/s; 0: no limit */
	VF_SPOOF_CHECK, /* 0, 1; so are trust and rss_query */
	VF_TRUST,
	VF_LINK_STATE, /* IFLA_VF_LINK_STATE_AUTO, _ENABLE, _DISABLE */
	VF_RSS_QUERY,
	VF_NODE_GUID, /* InfiniBand */
	VF_PORT_GUID,
	VF_MSIX_COUNT, /* the only one that is set through sysfs: sriov_vf_msix_count */
	N_VF_KEYS
};

#define VF_BIT(key) (1u << (key))
/* Those that a VF's driver reads while it probes: set before it is bound (vf-mechanics
 * §G), sriov_vf_msix_count_store() even refuses a bound one. */
#define VF_BEFORE_BIND                                                  \
	(VF_BIT(VF_MAC) | VF_BIT(VF_NODE_GUID) | VF_BIT(VF_PORT_GUID) | \
	 VF_BIT(VF_MSIX_COUNT))
/* Those that are set and read through the PF's netdev. */
#define VF_BY_NETLINK (VF_BIT(N_VF_KEYS) - 1 - VF_BIT(VF_MSIX_COUNT))
/* Those that no two VFs share. */
#define VF_UNIQUE (VF_BIT(VF_MAC) | VF_BIT(VF_NODE_GUID) | VF_BIT(VF_PORT_GUID))

/* mac = "stable", until the PF's address is known */
#define VF_MAC_STABLE UINT64_MAX

/* What is not known is not wanted, or not reported by the driver. */
struct vf_values {
	unsigned known; /* VF_BIT()s */
	uint64_t value[N_VF_KEYS];
};

enum vf_kind { VF_NUMBER, VF_BOOL, VF_TEXT }; /* how the config says it */

enum vf_key vf_key_find(const char *name); /* N_VF_KEYS: none */
const char *vf_key_name(enum vf_key key);
enum vf_kind vf_key_kind(enum vf_key key);
unsigned vf_key_max(enum vf_key key);   /* of a VF_NUMBER */
unsigned vf_key_group(enum vf_key key); /* VF_BIT()s */
/* A VF_TEXT's number: 0, or -EINVAL and in *ret_expected what is expected. */
int vf_key_parse(enum vf_key key, const char *text, uint64_t *ret,
		 const char **ret_expected);

static inline bool vf_knows(const struct vf_values *values, enum vf_key key)
{
	return values->known & VF_BIT(key);
}

void vf_values_set(struct vf_values *values, enum vf_key key, uint64_t value);
/* `over` where it knows, else `under`. */
struct vf_values vf_values_merge(const struct vf_values *over,
				 const struct vf_values *under);
/* Only those of the mask. */
struct vf_values vf_values_only(const struct vf_values *values, unsigned mask);
/* The same keys, and but for those of VF_UNIQUE the same values. */
bool vf_values_alike(const struct vf_values *a, const struct vf_values *b);
/*
 * What must be set to get from `found` to `wanted`: the values that differ, each with the
 * rest of its group, which stays as found or else takes the kernel's default.
 */
struct vf_values vf_values_difference(const struct vf_values *wanted,
				      const struct vf_values *found);
/*
 * What is wrong with the values `own` of one config rule, which with its surroundings'
 * are `all`; NULL: nothing. `single`: the rule is about one VF.
 */
const char *vf_values_fault(const struct vf_values *own, const struct vf_values *all,
			    bool single);
/* "mac 52:54:00:00:00:01, vlan 100, trust on"; the caller frees it. */
char *vf_values_text(const struct vf_values *values);

/*
 * A unicast address, locally administered, of the quadrant that IEEE 802c leaves to
 * administrators (x2): 4 bits of the PF's vendor, its lower three bytes, two bytes of
 * index. So no two VFs of one vendor's cards ever share it, and the index can be read.
 */
uint64_t vf_stable_mac(uint64_t pf_mac, unsigned vf_index);
