/*
 * netlink.h: a PF's network interface, the VF attributes behind it and its eswitch, read
 * and set.
 * libnl lives in netlink.c. Nothing here logs.
 */
#pragma once

#include "eswitch.h"
#include "vf.h"

/* One netdev, and what its driver reports of its VFs. */
struct link {
	unsigned mtu;
	bool up;                /* IFF_UP */
	bool running;           /* IFF_RUNNING: it has a carrier */
	uint64_t permanent_mac; /* 0: none, or none of 6 bytes */
	struct vf_values *vfs;  /* by VF index */
	size_t n_vfs;
};

void link_done(struct link *link);

/*
 * Reads the netdev of that ifindex. Returns 0 or a negative errno: -ENODEV, or -EMSGSIZE
 * of kernels that rather report nothing than a list of VFs that is too long.
 */
int netlink_read(unsigned ifindex, struct link *ret);

/*
 * Takes an RTM_NEWLINK message apart. The length of IFLA_VFINFO_LIST is not believed: it
 * has 16 bits, so rtnl_fill_vfinfo() of many kernels wraps it from 64 KiB on (222 VFs
 * with statistics, 334 without); IFLA_NUM_VF tells how many entries follow. -EBADMSG: cut
 * off or none.
 */
int netlink_parse_link(const void *message, size_t size, struct link *ret);

/*
 * Sets values of one VF, all in one message; the kernel stops at the first that it
 * refuses (do_setvfinfo()). Only keys of VF_BY_NETLINK, whole groups. *ret_why is the
 * kernel's own text about an error, NULL where it gave none; the caller frees it. The
 * same for the netdev's MTU and its IFF_UP.
 */
int netlink_set_vf(unsigned ifindex, unsigned vf, const struct vf_values *values,
		   char **ret_why);
int netlink_set_mtu(unsigned ifindex, unsigned mtu, char **ret_why);
int netlink_set_up(unsigned ifindex, char **ret_why);

/*
 * The eswitch of a PCI function, through devlink. A driver without one counts as legacy;
 * what is not reported stays as it is in *ret. Needs CAP_NET_ADMIN also for reading.
 */
int netlink_read_eswitch(const char *address, struct eswitch *ret);
int netlink_set_eswitch(const char *address, enum eswitch_key key, unsigned value,
			char **ret_why);
