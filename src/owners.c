#include "owners.h"

#include "migrate.h"

#include "system.h"

#include <ctype.h>

/* igb, ixgbe and their kin make VFs when they are loaded with it. */
static char *find_max_vfs(const char *name, const char *text, const struct system *system)
{
	(void)name;
	(void)system;
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *at = strstr(text, "max_vfs=");

		text += strspn(text, " \t");
		if (*text != '#' && at && at < text + strcspn(text, "\n"))
			return xstrdup("");
	}
	return NULL;
}

static const struct kind {
	const char *name, *folder, *suffix;
	migrate *convert;
} kinds[] = {
	{ "netplan", "etc/netplan", ".yaml", migrate_netplan },
	{ "netplan", "run/netplan", ".yaml", migrate_netplan },
	{ "netplan", "usr/lib/netplan", ".yaml", migrate_netplan },
	{ "NetworkManager", "etc/NetworkManager/system-connections", ".nmconnection",
	  migrate_keyfile },
	{ "NetworkManager", "run/NetworkManager/system-connections", ".nmconnection",
	  migrate_keyfile },
	{ "NetworkManager", "usr/lib/NetworkManager/system-connections", ".nmconnection",
	  migrate_keyfile },
	{ "systemd-udevd's .link file", "etc/systemd/network", ".link", migrate_link },
	{ "systemd-udevd's .link file", "run/systemd/network", ".link", migrate_link },
	{ "systemd-udevd's .link file", "usr/lib/systemd/network", ".link",
	  migrate_link },
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
	{ "the driver itself", "etc/modprobe.d", ".conf", find_max_vfs },
	{ "the driver itself", "run/modprobe.d", ".conf", find_max_vfs },
	{ "the driver itself", "usr/lib/modprobe.d", ".conf", find_max_vfs },
	{ "the driver itself", "proc", "cmdline", find_max_vfs },
};

static bool ends_with(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && streq(text + n - m, suffix);
}

/* The word by itself: "eth1" is not in "eth10". */
static bool mentions(const char *text, const char *word)
{
	size_t n = word ? strlen(word) : 0;

	for (const char *at = text; n && (at = strstr(at, word)); at++)
		if ((at == text || !isalnum((unsigned char)at[-1])) &&
		    !isalnum((unsigned char)at[n]) && at[n] != '_')
			return true;
	return false;
}

static void find_pfs(const struct system *system, const char *text, struct strings *ret)
{
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];
		bool named = mentions(text, f->address) || mentions(text, f->driver);

		for (size_t j = 0; j < f->n_netdevs; j++)
			named |= mentions(text, f->netdevs[j].name) ||
				 mentions(text, f->netdevs[j].mac);
		if (f->total_vfs && named)
			strings_add(ret, f->address);
	}
}

static void read_file(struct owners *owners, const struct root *root,
		      const struct system *system, const struct kind *kind,
		      const char *name)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *all = NULL;
	struct owner *owner;
	char *rules;

	if (!ends_with(name, kind->suffix) ||
	    root_read(root, &text, "%s/%s", kind->folder, name) < 0)
		return;
	rules = kind->convert(name, text, system);
	if (!rules)
		return;
	all = xasprintf("%s %s", name, text); /* the operator's name is the address */
	owner = array_add(owners->items, owners->n);
	*owner = (struct owner){
		.name = kind->name,
		.file = xasprintf("/%s/%s", kind->folder, name),
		.rules = rules,
	};
	find_pfs(system, all, &owner->pfs);
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
		strings_done(&owners->items[i].pfs);
	}
	free(owners->items);
	*owners = (struct owners){};
}
