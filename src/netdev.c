#include "netdev.h"

#include <errno.h>

#define NET "sys/bus/pci/devices/%s/net"

/* devlink_nl_port_attrs: "p0" and "p0s1" are uplinks, "pf0", "c1pf0vf2" stand for others
 */
static bool is_representor(const struct root *root, const char *address, const char *name)
{
	_cleanup_free_ char *port = NULL;

	/* EOPNOTSUPP where the driver gives no port names */
	if (root_read(root, &port, NET "/%s/phys_port_name", address, name) < 0)
		return false;
	return startswith(port, "c") || startswith(port, "pf");
}

int netdev_of_pf(const struct root *root, const char *address, unsigned *ret_ifindex)
{
	unsigned long port, index, best_port = 0, best = 0;
	struct strings names = {};
	bool twice = false;

	root_list(root, &names, NET, address);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.items[i];

		if (names.n > 1 && is_representor(root, address, name))
			continue;
		if (root_read_unsigned(root, &index, NET "/%s/ifindex", address, name) <
		    0)
			continue;
		if (root_read_unsigned(root, &port, NET "/%s/dev_port", address, name) <
		    0)
			port = 0;
		if (best && port > best_port)
			continue;
		twice = best && port == best_port;
		best_port = port;
		best = index;
	}
	strings_done(&names);
	if (!best)
		return -ENODEV;
	if (twice)
		return -ENOTUNIQ;
	*ret_ifindex = (unsigned)best;
	return 0;
}
