#include "owners.h"

#include "migrate.h"

static const struct kind {
	const char *name, *folder, *suffix;
	migrate *convert;
} kinds[] = {
	{ "netplan", "etc/netplan", ".yaml", migrate_netplan },
	{ "netplan", "run/netplan", ".yaml", migrate_netplan },
	{ "netplan", "usr/lib/netplan", ".yaml", migrate_netplan },
	{ "NetworkManager", "etc/NetworkManager/system-connections", ".nmconnection",
	  migrate_keyfile },
	{ "systemd-udevd's .link file", "etc/systemd/network", ".link", migrate_link },
	{ "sysfsutils", "etc", "sysfs.conf", migrate_sysfs },
	{ "sysfsutils", "etc/sysfs.d", ".conf", migrate_sysfs },
	{ "a udev rule", "etc/udev/rules.d", ".rules", migrate_udev },
	{ "a unit", "etc/systemd/system", ".service", migrate_script },
	{ "a script", "etc", "rc.local", migrate_script },
	{ "ifupdown", "etc/network", "interfaces", migrate_script },
	{ "ifupdown", "etc/network/interfaces.d", "", migrate_script },
	{ "the SR-IOV network operator", "etc/sriov-operator/pci", "", migrate_operator },
	{ "driverctl", "etc/driverctl.d", "", migrate_driverctl },
	{ "modprobe.d", "etc/modprobe.d", ".conf", migrate_modprobe },
};

static bool ends_with(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && streq(text + n - m, suffix);
}

static void read_file(struct owners *owners, const struct root *root,
		      const struct system *system, const struct kind *kind,
		      const char *name)
{
	_cleanup_free_ char *text = NULL;
	char *rules;

	if (!ends_with(name, kind->suffix) ||
	    root_read(root, &text, "%s/%s", kind->folder, name) < 0)
		return;
	rules = kind->convert(name, text, system);
	if (rules)
		*array_add(owners->items, owners->n) =
			(struct owner){ kind->name,
					xasprintf("/%s/%s", kind->folder, name), rules };
}

struct owners owners_read(const struct root *root, const struct system *system)
{
	struct owners owners = {};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct strings names = {};

		root_list(root, &names, "%s", kinds[i].folder);
		for (size_t j = 0; j < names.n; j++)
			read_file(&owners, root, system, &kinds[i], names.items[j]);
		strings_done(&names);
	}
	return owners;
}

void owners_done(struct owners *owners)
{
	for (size_t i = 0; i < owners->n; i++) {
		free(owners->items[i].file);
		free(owners->items[i].rules);
	}
	free(owners->items);
}
