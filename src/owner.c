#include "owner.h"

#include "system.h"

#include <ctype.h>

/* Each by a word in his files; sysfs.conf(5), modprobe.d(5), systemd.link(5),
 * netplan(5), NetworkManager's nm-settings(5). */
static const struct kind {
	const char *name, *folder, *suffix, *word;
} kinds[] = {
#define NETPLAN(folder)                                                         \
	{                                                                       \
		"netplan", folder "/netplan", ".yaml", "virtual-function-count" \
	}
	NETPLAN("etc"),
	NETPLAN("run"),
	NETPLAN("usr/lib"),
#define NM(folder)                                                             \
	{                                                                      \
		"NetworkManager", folder "/NetworkManager/system-connections", \
			".nmconnection", "total-vfs"                           \
	}
	NM("etc"),
	NM("run"),
	NM("usr/lib"),
#define LINK(folder)                                                              \
	{                                                                         \
		"systemd-udevd's .link file", folder "/systemd/network", ".link", \
			"SR-IOVVirtualFunctions"                                  \
	}
	LINK("etc"),
	LINK("run"),
	LINK("usr/lib"),
	{ "sysfsutils", "etc/sysfs.d", ".conf", "sriov_numvfs" },
	{ "sysfsutils", "etc", "sysfs.conf", "sriov_numvfs" },
	{ "a udev rule", "etc/udev/rules.d", ".rules", "sriov_numvfs" },
	{ "the SR-IOV operator", "etc/sriov-operator", "", "" },
	{ "the SR-IOV operator", "etc/sriov-operator/pci", "", "" },
	{ "driverctl", "etc/driverctl.d", "", "" },
	{ "modprobe.d", "etc/modprobe.d", ".conf", "ids=" },
#define MAX_VFS(folder)                                                        \
	{                                                                      \
		"the driver itself", folder "/modprobe.d", ".conf", "max_vfs=" \
	}
	MAX_VFS("etc"),
	MAX_VFS("run"),
	MAX_VFS("usr/lib"),
	{ "the driver itself", "proc", "cmdline", "max_vfs=" },
};

static bool ends_with(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && streq(text + n - m, suffix);
}

/* "vvvv:dddd,…" as rules for devices; the caller frees it. */
static char *ids_rule(const char *ids)
{
	char *rule = xstrdup("");

	while (isxdigit((unsigned char)*ids)) {
		size_t n = strcspn(ids, ", \t\n");
		char *more = xasprintf("%s%s{ match = { id = \"%.9s\"; }; }", rule,
				       *rule ? ", " : "", ids);

		free(rule);
		rule = more;
		ids += n + (ids[n] == ',');
	}
	if (*rule) {
		char *all = xasprintf("device = ( %s );", rule);

		free(rule);
		return all;
	}
	free(rule);
	return NULL;
}

/* A line that is no comment and has the word; NULL: none. */
static const char *find_line(const char *text, const char *word)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *at = strstr(text, word);

		text += strspn(text, " \t");
		if (*text != '#' && *text != ';' && at && at < text + strcspn(text, "\n"))
			return at;
	}
	return NULL;
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

static void read_file(const struct root *root, const struct system *system,
		      const struct kind *kind, const char *name, struct owners *ret)
{
	_cleanup_free_ char *text = NULL, *rule = NULL, *all = NULL;
	struct owner *owner;
	const char *at;

	if (!ends_with(name, kind->suffix) ||
	    root_read(root, &text, "%s/%s", kind->folder, name) < 0)
		return;
	at = *kind->word ? find_line(text, kind->word) : text;
	if (!at || streq(name, "sriov-setup.conf"))
		return;
	if (streq(kind->name, "driverctl"))
		rule = xasprintf("device = ( { match = { address = \"%s\"; }; "
				 "driver = \"%s\"; } );",
				 name, text);
	else if (streq(kind->name, "modprobe.d")) {
		rule = strstr(text, "vfio") ? ids_rule(at + strlen("ids=")) : NULL;
		if (!rule)
			return;
	}
	all = xasprintf("%s %s", name, text);
	owner = array_add(ret->items, ret->n);
	*owner = (struct owner){
		.name = kind->name,
		.file = xasprintf("/%s/%s", kind->folder, name),
		.rule = steal_pointer(&rule),
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
			read_file(root, system, &kinds[i], names.items[j], &owners);
		strings_done(&names);
	}
	return owners;
}

void owners_done(struct owners *owners)
{
	for (size_t i = 0; i < owners->n; i++) {
		free(owners->items[i].file);
		free(owners->items[i].rule);
		strings_done(&owners->items[i].pfs);
	}
	free(owners->items);
	*owners = (struct owners){};
}
