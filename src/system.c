#include "system.h"

#include "attribute.h"
#include "capability.h"
#include "inuse.h"
#include "kargs-state.h"
#include "made.h"
#include "memlock.h"
#include "modprobe.h"
#include "module.h"
#include "netdev.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#define DEVICES "sys/bus/pci/devices"

static int compare_address(const void *address, const void *function)
{
	return strcmp(address, ((const struct function *)function)->address);
}

static struct function *find(const struct system *system, const char *address)
{
	return system->n_functions ?
		       bsearch(address, system->functions, system->n_functions,
			       sizeof(struct function), compare_address) :
		       NULL;
}

static unsigned read_number(const struct root *dir, const char *attribute)
{
	unsigned long value;

	return root_read_unsigned(dir, &value, "%s", attribute) < 0 || value > UINT_MAX ?
		       0 :
		       (unsigned)value;
}

/* False: no SR-IOV. VFs are counted by 16 bits in the capability; what has more is no
 * count. */
static bool read_total_vfs(const struct root *dir, unsigned *ret)
{
	unsigned long count;
	int r = root_read_unsigned(dir, &count, "sriov_totalvfs");

	*ret = r < 0 || count > VFS_LIMIT ? 0 : (unsigned)count;
	return r != -ENOENT;
}

/* sriov_vf_device_show() prints bare hexadecimal digits */
static unsigned read_hex(const struct root *dir, const char *attribute)
{
	_cleanup_free_ char *text = NULL;

	return root_read(dir, &text, "%s", attribute) < 0 ?
		       0 :
		       (unsigned)strtoul(text, NULL, 16);
}

static int read_signed(const struct root *dir, const char *attribute)
{
	_cleanup_free_ char *text = NULL;

	return root_read(dir, &text, "%s", attribute) < 0 ? NONE : atoi(text);
}

static int read_link_number(const struct root *dir, const char *link)
{
	_cleanup_free_ char *name = NULL;

	return root_link_name(dir, &name, "%s", link) < 0 ? NONE : atoi(name);
}

/* modalias: "pci:v00008086d000010C9sv…sd…bc02sc00i00", pci-sysfs.c modalias_show() */
static int read_ids(const struct root *dir, struct function *function)
{
	_cleanup_free_ char *text = NULL;
	unsigned base, sub, interface;
	int r = root_read(dir, &text, "modalias");

	if (r < 0)
		return r;
	if (sscanf(text, "pci:v%8Xd%8Xsv%*8Xsd%*8Xbc%2Xsc%2Xi%2X", &function->vendor,
		   &function->device, &base, &sub, &interface) != 5)
		return -EBADMSG;
	function->class = base << 16 | sub << 8 | interface;
	return 0;
}

/* upper_NAME links: netdev_adjacent_sysfs_add() */
static void read_uppers(const struct root *dir, const char *name, struct strings *ret)
{
	struct strings files = {};

	root_list(dir, &files, "net/%s", name);
	for (size_t i = 0; i < files.n; i++)
		if (startswith(files.items[i], "upper_"))
			strings_add(ret, files.items[i] + strlen("upper_"));
	strings_done(&files);
}

static void read_netdev(const struct root *dir, const char *name, struct netdev *ret)
{
	*ret = (struct netdev){
		.name = xstrdup(name),
	};
	_cleanup_free_ char *attribute = xasprintf("net/%s/flags", name);

	ret->up = read_number(dir, attribute) & 1; /* IFF_UP */
	root_link_name(dir, &ret->master, "net/%s/master", name);
	read_uppers(dir, name, &ret->uppers);
	free(attribute);
	attribute = xasprintf("net/%s/addr_assign_type", name);
	if (read_number(dir, attribute) == 0) /* NET_ADDR_PERM */
		root_read(dir, &ret->mac, "net/%s/address", name);
}

static void read_netdevs(const struct root *dir, struct function *function)
{
	struct strings names = {};

	if (root_list(dir, &names, "net") == 0) {
		for (size_t i = 0; i < names.n; i++)
			read_netdev(dir, names.items[i],
				    array_add(function->netdevs, function->n_netdevs));
		/* the directory stays behind when the netdev moves to another namespace
		 */
		if (names.n == 0)
			function->in_use =
				xstrdup("its interface is in another network namespace");
	}
	strings_done(&names);
	/* the same with ib_class and rdma system set netns exclusive */
	if (!function->in_use && root_list(dir, &names, "infiniband") == 0 &&
	    names.n == 0)
		function->in_use =
			xstrdup("its RDMA device is in another network namespace");
	strings_done(&names);
}

/* "aa-bb-…" with the most significant byte first. */
static char *read_serial(const struct root *dir)
{
	_cleanup_close_ int fd = root_openat(dir, O_RDONLY, "config");
	unsigned position = capability_find(fd, CAPABILITY_SERIAL);
	uint32_t serial[2];
	uint64_t number;

	if (!position || pread(fd, serial, 8, position + 4) != 8)
		return NULL;
	number = (uint64_t)le32toh(serial[1]) << 32 | le32toh(serial[0]);
#define BYTE(n) (unsigned)(number >> (8 * (n)) & 0xff)
	return xasprintf("%02x-%02x-%02x-%02x-%02x-%02x-%02x-%02x", BYTE(7), BYTE(6),
			 BYTE(5), BYTE(4), BYTE(3), BYTE(2), BYTE(1), BYTE(0));
#undef BYTE
}

static void read_pf(struct function *pf, const struct root *dir)
{
	pf->vf_device = read_hex(dir, "sriov_vf_device");
	pf->vf_offset = read_number(dir, "sriov_offset");
	pf->vf_stride = read_number(dir, "sriov_stride");
	pf->autoprobe = read_number(dir, "sriov_drivers_autoprobe") != 0;
}

static void read_vf(const struct system *system, const struct root *pf_dir,
		    const char *link, struct function *vf)
{
	const struct function *pf = &system->functions[vf->pf];
	_cleanup_free_ char *group = xasprintf("%s/iommu_group", link);

	vf->vendor = pf->vendor;
	vf->device = pf->vf_device;
	vf->class = pf->class;
	vf->numa_node = pf->numa_node;
	free(vf->driver); /* where two links lead to it, which no kernel makes */
	vf->driver = NULL;
	root_link_name(pf_dir, &vf->driver, "%s/driver", link);
	vf->iommu_group = read_link_number(pf_dir, group);
}

/* VFs are read by way of their PF, which takes half the calls. */
static void read_vfs(struct system *system, const struct root *dir, int index,
		     bool glance)
{
	struct function *pf = &system->functions[index];
	struct strings names = {};

	root_list(dir, &names, ".");
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *address = NULL;
		unsigned long n;
		struct function *vf;

		if (!startswith(names.items[i], "virtfn") ||
		    parse_unsigned(names.items[i] + strlen("virtfn"), VFS_LIMIT, &n) <
			    0 ||
		    root_link_name(dir, &address, "%s", names.items[i]) < 0)
			continue;
		vf = find(system, address);
		while (pf->n_vfs <= n)
			*array_add(pf->vfs, pf->n_vfs) = NONE;
		if (!vf)
			continue;
		pf->vfs[n] = (int)(vf - system->functions);
		vf->pf = index;
		vf->vf_index = (unsigned)n;
		if (!glance)
			read_vf(system, dir, names.items[i], vf);
	}
	strings_done(&names);
}

static void read_interrupted(struct system *system, const struct root *root)
{
	_cleanup_free_ char *text = NULL;
	char address[32], *rest, *line;
	int value;

	root_read(root, &text, AUTOPROBE_RECORD);
	for (rest = text; (line = strsep(&rest, "\n"));) {
		struct function *f;

		if (sscanf(line, "%31s %d", address, &value) != 2 ||
		    !(f = find(system, address)))
			continue;
		f->autoprobe_was = value != 0;
		f->autoprobe_lost = f->autoprobe_was != f->autoprobe;
	}
}

/* boot_vga is for class 0300 only (pci_dev_attrs_are_visible()); boot_display, of Linux
 * 6.17, for all that a DRM driver has (boot_display_visible()). */
static bool is_boot_display(const struct root *dir)
{
	bool is = read_number(dir, "boot_vga") == 1;
	struct strings cards = {};

	root_list(dir, &cards, "drm");
	for (size_t i = 0; i < cards.n && !is; i++) {
		_cleanup_free_ char *attribute =
			xasprintf("drm/%s/boot_display", cards.items[i]);

		is = read_number(dir, attribute) == 1;
	}
	strings_done(&cards);
	return is;
}

/* What is read for some only. */
struct wants {
	bool slot, serial; /* a rule matches by it */
	bool devices;      /* rules may govern what is neither PF nor VF */
	bool glance;       /* only what rules match by, and nothing of VFs */
};

/* Only such a one makes a netdev or an RDMA device. */
static bool has_native_driver(const struct function *f)
{
	return f->driver && !startswith(f->driver, "vfio");
}

static void read_other_than_vf(struct system *system, const struct root *dir, int index,
			       const struct wants *wants)
{
	struct function *f = &system->functions[index];
	unsigned total_vfs;
	bool pf = read_total_vfs(dir, &total_vfs);

	if (wants->glance && !pf && !wants->devices)
		return;
	root_link_name(dir, &f->driver, "driver");
	f->iommu_group = read_link_number(dir, "iommu_group");
	if (read_ids(dir, f) < 0)
		return;
	f->total_vfs = total_vfs;
	if (wants->serial)
		f->serial = read_serial(dir);
	if (f->class >> 16 == 0x03 && is_boot_display(dir))
		f->in_use = xstrdup(BOOT_DISPLAY);
	if (pf && !wants->glance)
		read_pf(f, dir);
	if (!wants->glance && (pf || wants->devices))
		f->numa_node = read_signed(dir, "numa_node");
	if (pf)
		read_vfs(system, dir, index, wants->glance);
}

/* A VF has a larger address than its PF, so it has been read with it. */
static void read_function(struct system *system, const struct root *root, int index,
			  const struct wants *wants)
{
	_cleanup_(root_done) struct root dir = { .fd = -1 };
	struct function *f = &system->functions[index];

	if ((f->pf != NONE && !has_native_driver(f)) ||
	    root_enter(root, &dir, DEVICES "/%s", f->address) < 0)
		return;
	if (f->pf == NONE)
		read_other_than_vf(system, &dir, index, wants);
	if (has_native_driver(f))
		read_netdevs(&dir, f);
}

/* slots/NAME/address is "0000:01:00": domain, bus and device, for all functions */
static void read_slots(struct system *system, const struct root *root)
{
	struct strings slots = {};

	root_list(root, &slots, "sys/bus/pci/slots");
	for (size_t i = 0; i < slots.n; i++) {
		_cleanup_free_ char *address = NULL;

		if (root_read(root, &address, "sys/bus/pci/slots/%s/address",
			      slots.items[i]) < 0)
			continue;
		for (size_t j = 0; j < system->n_functions; j++) {
			struct function *f = &system->functions[j];

			if (startswith(f->address, address) && !f->slot)
				f->slot = xstrdup(slots.items[i]);
		}
	}
	strings_done(&slots);
}

/* Could a rule unbind or reset what a disk hangs on? */
static bool may_take_disks(const struct config *config)
{
	bool resets = false;

	for (size_t i = 0; i < config->n_pfs; i++)
		resets |= config->pfs[i].nvme.count[NVME_QUEUES] > 0 ||
			  config->pfs[i].pf_driver;
	return resets || config->n_devices;
}

static struct wants config_wants(const struct config *config)
{
	struct wants wants = { .devices = config->n_devices || config->n_mdevs };

#define WANTS(array, n)                                                \
	for (size_t i = 0; i < config->n; i++) {                       \
		wants.slot |= config->array[i].match.slot != NULL;     \
		wants.serial |= config->array[i].match.serial != NULL; \
	}
	WANTS(pfs, n_pfs)
	WANTS(devices, n_devices)
	WANTS(mdevs, n_mdevs)
#undef WANTS
	return wants;
}

static void read_attributes(const struct root *root, struct function *f,
			    const struct attributes *wanted)
{
	_cleanup_(root_done) struct root device = { .fd = -1 };

	if (!wanted->n || root_enter(root, &device, DEVICES "/%s", f->address) < 0)
		return;
	for (size_t i = 0; i < wanted->n; i++) {
		struct found_attribute *found = array_add(f->sysfs, f->n_sysfs);

		found->name = xstrdup(wanted->items[i].name);
		found->error = attribute_read(&device, found->name, &found->value);
	}
}

/*
 * The size of the MSI-X table, PCI capability 11h; mlx5 and ice change it with
 * sriov_vf_msix_count, which itself cannot be read.
 */
static void read_msix_count(const struct root *root, struct function *vf)
{
	_cleanup_close_ int fd =
		root_openat(root, O_RDONLY, DEVICES "/%s/config", vf->address);
	uint8_t position = 0x34, header[4];

	/* 256 bytes hold at most 48 capabilities */
	if (fd < 0 || pread(fd, &position, 1, 0x34) != 1)
		return;
	for (int i = 0; i < 48 && position >= 0x40; i++, position = header[1]) {
		if (pread(fd, header, 4, position & 0xfc) != 4)
			return;
		if (header[0] == 0x11) {
			vf_values_set(&vf->values, VF_MSIX_COUNT,
				      ((header[3] & 7u) << 8 | header[2]) + 1);
			return;
		}
	}
}

static void read_link(const struct root *root, struct function *pf)
{
	struct link link = {};
	unsigned ifindex;
	int r = netdev_of_pf(root, pf->address, &ifindex);

	if (r == -ENODEV)
		pf->link_error = xstrdup("it has no network interface here");
	else if (r < 0)
		pf->link_error =
			xstrdup("it has several network interfaces of the same port");
	else if ((r = netlink_read(ifindex, &link)) < 0)
		pf->link_error = xasprintf("the kernel does not tell: %s", strerror(-r));
	if (r < 0)
		return;
	pf->link = xcalloc(1, sizeof(struct link));
	*pf->link = link;
}

/* What was noted of VFs that are gone, and of others that came since, does not count. */
static void read_made(struct system *system, const struct root *root)
{
	_cleanup_(made_done) struct made made = made_read(root);

	for (size_t i = 0; i < system->n_functions; i++) {
		struct function *f = &system->functions[i];
		const struct made_item *item =
			f->n_vfs ? made_vfs(&made, f->address) : NULL;

		if (item && item->made == f->n_vfs)
			f->asked = item->asked;
	}
}

/* The driver of a module is only known for sure once it is loaded. */
static char *driver_of_module(const struct root *root, const char *module)
{
	struct strings drivers = {};
	char *name = NULL;

	root_list(root, &drivers, "sys/module/%s/drivers", module);
	for (size_t i = 0; i < drivers.n && !name; i++)
		if (startswith(drivers.items[i], "pci:"))
			name = xstrdup(drivers.items[i] + strlen("pci:"));
	strings_done(&drivers);
	if (name)
		return name;
	return streq(module, "vfio_pci") ? xstrdup(DRIVER_VFIO) : xstrdup(module);
}

/* A VF is asked for by its PF's alias with its own ID: it need not exist yet. */
static void find_vfio_driver(const struct root *root, struct function *f, unsigned device)
{
	_cleanup_free_ char *text = NULL, *alias = NULL, *module = NULL;
	const char *rest;

	if (root_read(root, &text, DEVICES "/%s/modalias", f->address) < 0)
		return;
	rest = strstr(text, "sv");
	alias = xasprintf("vfio_pci:v%08Xd%08X%s", f->vendor, device, rest ? rest : "");
	if (module_best(alias, &module) == 0)
		f->vfio_driver = driver_of_module(root, module);
}

static bool rule_says_auto(const struct pf_rule *rule)
{
	bool says = streq(rule->driver, DRIVER_AUTO_VFIO);

	for (size_t i = 0; i < rule->n_vf; i++)
		says |= streq(rule->vf[i].driver, DRIVER_AUTO_VFIO);
	return says;
}

static void find_vfio_drivers(struct system *system, const struct root *root,
			      const struct config *config)
{
	for (size_t i = 0; i < system->n_functions; i++) {
		struct function *f = &system->functions[i];
		const struct pf_rule *rule = system_pf_rule(config, f);

		if (rule && rule_says_auto(rule))
			find_vfio_driver(root, f, f->vf_device);
		for (size_t j = 0; !rule && f->pf == NONE && j < config->n_devices; j++)
			if (streq(config->devices[j].driver, DRIVER_AUTO_VFIO) &&
			    !f->vfio_driver && match_agrees(&config->devices[j].match, f))
				find_vfio_driver(root, f, f->device);
	}
}

static void read_nvme(const struct root *root, struct function *pf)
{
	struct nvme nvme;
	int r = nvme_read(root, pf->address, &nvme);

	if (r < 0) {
		pf->nvme_error = r == -ENODEV ?
					 xstrdup("it has no NVMe controller here") :
					 xasprintf("its controller does not tell "
						   "what it can share out: %s",
						   strerror(-r));
		return;
	}
	pf->nvme = xcalloc(1, sizeof(struct nvme));
	*pf->nvme = nvme;
}

/* What only the governing rule makes worth reading. */
static void read_governed(struct system *system, const struct root *root,
			  const struct config *config, struct function *pf)
{
	const struct pf_rule *rule = system_pf_rule(config, pf);

	if (!rule)
		return;
	read_attributes(root, pf, &rule->sysfs);
	/* what is not told stays unknown */
	if (pf_rule_names_eswitch(rule))
		netlink_read_eswitch(pf->address, &pf->eswitch);
	if (pf_rule_needs_link(rule))
		read_link(root, pf);
	if (rule->nvme.count[NVME_QUEUES])
		read_nvme(root, pf);
	for (unsigned i = 0; i < pf->n_vfs; i++) {
		struct function *vf =
			pf->vfs[i] == NONE ? NULL : &system->functions[pf->vfs[i]];
		const struct vf_rule *entry = pf_rule_vf(rule, i);
		const struct vf_values wanted = pf_rule_values(rule, i);

		if (!vf)
			continue;
		if (pf->link && i < pf->link->n_vfs)
			vf->values = pf->link->vfs[i];
		if (vf_knows(&wanted, VF_MSIX_COUNT))
			read_msix_count(root, vf);
		if (entry)
			read_attributes(root, vf, &entry->sysfs);
	}
}

static void read_mdevs(struct system *system, const struct root *root,
		       const struct config *config)
{
	for (size_t i = 0; i < config->n_mdevs; i++)
		for (size_t j = 0; j < system->n_functions; j++) {
			struct function *f = &system->functions[j];

			if (config->mdevs[i].count && !f->mdevs.n &&
			    match_agrees(&config->mdevs[i].match, f))
				mdev_types_read(root, f->address, &f->mdevs);
		}
}

static void function_done(struct function *f)
{
	for (size_t i = 0; i < f->n_netdevs; i++) {
		free(f->netdevs[i].name);
		free(f->netdevs[i].mac);
		free(f->netdevs[i].master);
		strings_done(&f->netdevs[i].uppers);
	}
	free(f->netdevs);
	for (size_t i = 0; i < f->n_sysfs; i++) {
		free(f->sysfs[i].name);
		free(f->sysfs[i].value);
	}
	free(f->sysfs);
	free(f->vfio_driver);
	mdev_types_done(&f->mdevs);
	if (f->nvme)
		nvme_done(f->nvme);
	free(f->nvme);
	free(f->nvme_error);
	if (f->link)
		link_done(f->link);
	free(f->link);
	free(f->link_error);
	free(f->address);
	free(f->driver);
	free(f->vfs);
	free(f->slot);
	free(f->serial);
	free(f->parent);
	free(f->in_use);
	free(f->carries);
}

static bool read_unsafe_interrupts(const struct root *root)
{
	_cleanup_free_ char *text = NULL;

	return root_read(root, &text,
			 "sys/module/vfio_iommu_type1/parameters/"
			 "allow_unsafe_interrupts") == 0 &&
	       streq(text, "Y");
}

static void read_modprobe(struct system *system, const struct root *root)
{
	_cleanup_free_ char *text = NULL;

	if (root_read(root, &text, MODPROBE_CONF) == 0)
		system->modprobe = xasprintf("%s\n", text); /* root_read() cuts the end */
}

static bool is_stale(const struct root *root, const struct kernel_config *config)
{
	_cleanup_(kargs_state_done) struct kargs_state state;

	return kargs_state_read(root, &state) == 0 &&
	       kargs_state_is_stale(&state, config);
}

static void read_functions(struct system *system, const struct root *root,
			   const struct wants *wants)
{
	struct strings addresses = {};

	if (system->live)
		root_list(root, &addresses, DEVICES); /* no PCI at all is no error */
	system->functions = xcalloc(addresses.n, sizeof(struct function));
	system->n_functions = addresses.n;
	for (size_t i = 0; i < addresses.n; i++)
		system->functions[i] = (struct function){ .address = addresses.items[i],
							  .pf = NONE,
							  .iommu_group = NONE,
							  .numa_node = NONE };
	free(addresses.items);
	for (size_t i = 0; i < system->n_functions; i++)
		/* one that vanishes meanwhile keeps zero IDs, which no rule matches */
		read_function(system, root, (int)i, wants);
	if (wants->slot)
		read_slots(system, root);
}

/* What could not be read for sure is not handed out. */
static int give(struct system *system, const struct root *root, struct system *ret)
{
	int r = root_trouble(root);

	if (r < 0)
		system_done(system);
	else
		*ret = *system;
	return r;
}

int system_observe(struct system *ret, const struct root *root,
		   const struct config *config)
{
	const struct wants wants = config_wants(config);
	struct system system = { .live = root->live };
	int r;

	/* also what was asked for earlier */
	if (config->kernel.where.file || root_exists(root, KARGS_STATE)) {
		r = kernel_facts_read(root, &system.kernel);
		if (r < 0)
			return r;
		system.kernel.stale = is_stale(root, &config->kernel);
	}
	read_modprobe(&system, root);
	memlock_list(root, &system.memlock); /* no such folder: none */
	if (system.live)
		root_read(root, &system.hostname, "proc/sys/kernel/hostname");
	read_functions(&system, root, &wants);
	if (system.live)
		read_interrupted(&system, root);
	if (system.live)
		inuse_observe(&system, root);
	if (system.live && may_take_disks(config))
		inuse_observe_disks(&system, root);
	if (system.live)
		read_made(&system, root);
	for (size_t i = 0; i < system.n_functions; i++)
		read_governed(&system, root, config, &system.functions[i]);
	read_mdevs(&system, root, config);
	find_vfio_drivers(&system, root, config);
	if (system.live)
		root_list(root, &system.drivers, "sys/bus/pci/drivers");
	if (system.live)
		inuse_observe_moves(&system, root, config);
	system.vfio_module_loaded =
		system.live && root_exists(root, "sys/module/vfio_pci");
	system.unsafe_interrupts = system.live && read_unsafe_interrupts(root);
	return give(&system, root, ret);
}

int system_glance(struct system *ret, const struct root *root,
		  const struct config *config)
{
	struct wants wants = config_wants(config);
	struct system system = { .live = root->live };

	wants.glance = true;
	read_functions(&system, root, &wants);
	return give(&system, root, ret);
}

void system_done(struct system *system)
{
	for (size_t i = 0; i < system->n_functions; i++)
		function_done(&system->functions[i]);
	free(system->functions);
	strings_done(&system->drivers);
	free(system->modprobe);
	strings_done(&system->memlock);
	owners_done(&system->owners);
	free(system->hostname);
	kernel_facts_done(&system->kernel);
	*system = (struct system){};
}

static bool interface_agrees(const struct match *match, const struct function *function)
{
	for (size_t i = 0; i < function->n_netdevs; i++) {
		const struct netdev *n = &function->netdevs[i];

		if ((!match->interface || streq(match->interface, n->name)) &&
		    (!match->mac || streq(match->mac, n->mac)))
			return true;
	}
	return false;
}

bool match_agrees(const struct match *match, const struct function *f)
{
	if (match->address && !streq(match->address, f->address))
		return false;
	if (match->vendor >= 0 && ((unsigned)match->vendor != f->vendor ||
				   (unsigned)match->device != f->device))
		return false;
	if (match->driver && !streq(match->driver, f->driver))
		return false;
	if (match->slot && !streq(match->slot, f->slot))
		return false;
	if (match->serial && !streq(match->serial, f->serial))
		return false;
	return (!match->interface && !match->mac) || interface_agrees(match, f);
}

const struct pf_rule *system_pf_rule(const struct config *config,
				     const struct function *pf)
{
	for (size_t i = 0; (pf->total_vfs || pf->n_vfs) && i < config->n_pfs; i++)
		if (match_agrees(&config->pfs[i].match, pf))
			return &config->pfs[i];
	return NULL;
}

const struct vf_rule *pf_rule_vf(const struct pf_rule *rule, unsigned vf_index)
{
	for (size_t i = 0; i < rule->n_vf; i++)
		if (vf_index >= rule->vf[i].first && vf_index <= rule->vf[i].last)
			return &rule->vf[i];
	return NULL;
}

struct vf_values pf_rule_values(const struct pf_rule *rule, unsigned vf_index)
{
	const struct vf_rule *vf = pf_rule_vf(rule, vf_index);

	return vf ? vf_values_merge(&vf->values, &rule->values) : rule->values;
}

bool pf_rule_names_eswitch(const struct pf_rule *rule)
{
	for (int key = 0; key < N_ESWITCH_KEYS; key++)
		if (rule->eswitch.value[key])
			return true;
	return false;
}

bool pf_rule_needs_link(const struct pf_rule *rule)
{
	unsigned known = rule->values.known;

	for (size_t i = 0; i < rule->n_vf; i++)
		known |= rule->vf[i].values.known;
	return rule->mtu || rule->link_up || known & VF_BY_NETLINK;
}
