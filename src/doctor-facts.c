#include "doctor.h"

#include <ctype.h>

/* Who else makes or binds VFs at boot, by a word in his files. */
static const struct owner {
	const char *name, *folder, *suffix, *word;
} owners[] = {
	{ "netplan", "etc/netplan", ".yaml", "virtual-function-count" },
	{ "NetworkManager", "etc/NetworkManager/system-connections", ".nmconnection",
	  "total-vfs" },
	{ "systemd-udevd's .link file", "etc/systemd/network", ".link",
	  "SR-IOVVirtualFunctions" },
	{ "sysfsutils", "etc/sysfs.d", ".conf", "sriov_numvfs" },
	{ "a udev rule", "etc/udev/rules.d", ".rules", "sriov_numvfs" },
	{ "the SR-IOV operator", "etc/sriov-operator", "", "" },
	{ "driverctl", "etc/driverctl.d", "", "" },
	{ "modprobe.d", "etc/modprobe.d", ".conf", "ids=" },
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

static void read_owner(const struct root *root, const struct owner *owner,
		       const char *name, struct doctor_facts *facts)
{
	_cleanup_free_ char *text = NULL, *rule = NULL;
	const char *at;

	if (!ends_with(name, owner->suffix) ||
	    root_read(root, &text, "%s/%s", owner->folder, name) < 0)
		return;
	at = *owner->word ? find_line(text, owner->word) : text;
	if (!at || streq(name, "sriov-setup.conf"))
		return;
	if (streq(owner->name, "driverctl"))
		rule = xasprintf("device = ( { match = { address = \"%s\"; }; "
				 "driver = \"%s\"; } );",
				 name, text);
	else if (streq(owner->name, "modprobe.d")) {
		rule = strstr(text, "vfio") ? ids_rule(at + strlen("ids=")) : NULL;
		if (!rule)
			return;
	}
	*array_add(facts->owners, facts->n_owners) = (struct doctor_owner){
		.name = owner->name,
		.file = xasprintf("/%s/%s", owner->folder, name),
		.rule = steal_pointer(&rule),
	};
}

static void read_owners(const struct root *root, struct doctor_facts *facts)
{
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		struct strings names = {};

		root_list(root, &names, "%s", owners[i].folder);
		for (size_t j = 0; j < names.n; j++)
			read_owner(root, &owners[i], names.items[j], facts);
		strings_done(&names);
	}
}

static void read_pf(const struct root *root, const struct function *pf, int index,
		    struct doctor_facts *facts)
{
	unsigned long bus, ari;
	struct doctor_pf *d = array_add(facts->pfs, facts->n_pfs);

	*d = (struct doctor_pf){ .function = index, .last_bus = NONE };
	/* the parent of where the link leads to */
	if (root_read_unsigned(root, &bus,
			       "sys/bus/pci/devices/%s/../subordinate_bus_number",
			       pf->address) == 0)
		d->last_bus = (long)bus;
	d->ari_unknown =
		root_read_unsigned(root, &ari, "sys/bus/pci/devices/%s/ari_enabled",
				   pf->address) < 0;
	d->ari = !d->ari_unknown && ari;
}

/* Loaded or built in, or a file of this kernel's modules, compressed or not. */
static bool is_vfio_there(const struct root *root, const char *release)
{
	bool there = root_exists(root, "sys/bus/pci/drivers/vfio-pci");
	struct strings names = {};

	root_list(root, &names, "lib/modules/%s/kernel/drivers/vfio/pci", release);
	for (size_t i = 0; i < names.n; i++)
		there |= startswith(names.items[i], "vfio-pci.ko");
	strings_done(&names);
	return there;
}

int doctor_facts_read(const struct root *root, const struct system *system,
		      struct doctor_facts *ret)
{
	_cleanup_free_ char *interrupts = NULL;
	int r = kernel_facts_read(root, &ret->kernel);

	if (r < 0)
		return r;
	r = root_read(root, &ret->release, "proc/sys/kernel/osrelease");
	if (r < 0)
		return r;
	ret->kvm = root_exists(root, "dev/kvm");
	ret->vfio_there = is_vfio_there(root, ret->release);
	/* the names of interrupt chips below remapping: "IR-PCI-MSI", irq_remapping.c */
	if (root_read(root, &interrupts, "proc/interrupts") == 0)
		ret->remapping = strstr(interrupts, " IR-") != NULL;
	root_read(root, &ret->lockdown, "sys/kernel/security/lockdown");
	root_read(root, &ret->build_config, "boot/config-%s", ret->release);
	for (size_t i = 0; i < system->n_functions; i++)
		if (system->functions[i].total_vfs)
			read_pf(root, &system->functions[i], (int)i, ret);
	read_owners(root, ret);
	return 0;
}

void doctor_facts_done(struct doctor_facts *facts)
{
	for (size_t i = 0; i < facts->n_owners; i++) {
		free(facts->owners[i].file);
		free(facts->owners[i].rule);
	}
	free(facts->owners);
	free(facts->pfs);
	free(facts->release);
	free(facts->lockdown);
	free(facts->build_config);
	kernel_facts_done(&facts->kernel);
}
