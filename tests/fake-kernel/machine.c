#include "kernel.h"

#include <errno.h>

/* The next word of a line; NULL: none. */
static char *word(char **rest)
{
	char *w;

	do
		w = strsep(rest, " \t");
	while (w && !*w);
	return w;
}

/* "name=value" in the line, or "name" alone (an empty string); NULL: it is not said. */
struct words {
	char *items[32];
	size_t n;
	unsigned used; /* bits: those that somebody asked for */
};

static struct words split(char *rest)
{
	struct words words = {};
	char *w;

	while (words.n < ARRAY_SIZE(words.items) && (w = word(&rest)))
		words.items[words.n++] = w;
	return words;
}

static const char *get(struct words *words, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < words->n; i++) {
		const char *item = words->items[i];

		if (strncmp(item, name, length) || (item[length] && item[length] != '='))
			continue;
		words->used |= 1u << i;
		return item + length + (item[length] == '=');
	}
	return NULL;
}

static unsigned number(struct words *words, const char *name, int base, unsigned other)
{
	const char *text = get(words, name);

	return text ? (unsigned)strtoul(text, NULL, base) : other;
}

/* "vfio-pci" is made by vfio_pci */
static char *module_of(const char *driver)
{
	char *module = xstrdup(driver);

	for (char *c = module; *c; c++)
		if (*c == '-')
			*c = '_';
	return module;
}

/* A word that nobody asked for is a mistake in the line. */
static int all_used(const struct words *words)
{
	return words->used == (unsigned)((1ull << words->n) - 1) ? 0 : -EINVAL;
}

static int add_driver(struct kernel *kernel, char *rest)
{
	char *name = word(&rest);
	struct words w = split(rest);
	const char *ids = get(&w, "ids"), *module = get(&w, "module");
	_cleanup_free_ char *copy = xstrdup(ids ? ids : "");
	char *id, *more = copy;

	if (!name)
		return -EINVAL;
	struct driver driver = {
		.name = xstrdup(name),
		.module = module ? xstrdup(module) : module_of(name),
		.loaded = !get(&w, "unloaded"),
		.sriov = get(&w, "sriov"),
		.keeps_vfs = get(&w, "keeps_vfs"),
		.netdevs = get(&w, "netdevs"),
		.up = get(&w, "up"),
		.needs_up = get(&w, "needs_up"),
	};

	while (*copy && (id = strsep(&more, ",")))
		strings_add(&driver.ids, id);
	driver_add(kernel, &driver);
	return all_used(&w);
}

/* The device serial number: an extended capability, so the file is 4096 bytes long. */
static void set_serial(struct function *f, const char *text)
{
	struct node *config = tree_find(f->dir, "config");
	unsigned char bytes[8] = {}, *data = xcalloc(1, 4097);

	sscanf(text, "%hhx-%hhx-%hhx-%hhx-%hhx-%hhx-%hhx-%hhx", &bytes[7], &bytes[6],
	       &bytes[5], &bytes[4], &bytes[3], &bytes[2], &bytes[1], &bytes[0]);
	memcpy(data + 0x100, "\3\0\1\0", 4);
	memcpy(data + 0x104, bytes, 8);
	free(config->text);
	config->text = (char *)data;
	config->size = 4096;
}

/* A disk of the function, mounted: a link below class/block and a line of mountinfo. */
static void add_disk(struct kernel *kernel, struct function *f, const char *disk)
{
	_cleanup_free_ char *class = xasprintf("class/block/%s", disk);
	_cleanup_free_ char *dir = xasprintf("block/%s", disk);
	_cleanup_free_ char *before = kernel->mounts;

	tree_directory(f->dir, dir);
	tree_link(&kernel->root, class, "../../devices/%s/%s/%s", f->dir->parent->name,
		  f->address, dir);
	kernel->mounts =
		xasprintf("%s20 1 259:1 / / rw - ext4 /dev/%s rw\n", before, disk);
}

/* "nvidia-222:GRID-T4-1Q:16": a type of mediated devices, and room for so many */
static void add_mdev_type(struct function *f, const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *id = strsep(&rest, ":"), *name = strsep(&rest, ":");
	_cleanup_free_ char *path = xasprintf("mdev_supported_types/%s", id);
	struct node *dir = tree_directory(f->dir, path);

	tree_attribute(dir, "name", "%s\n", name);
	tree_attribute(dir, "available_instances", "%s\n", rest);
	tree_control(dir, "create", "");
	tree_directory(dir, "devices");
}

static int add_function(struct kernel *kernel, char *rest)
{
	char *address = word(&rest);
	struct words w = split(rest);
	struct function f = {
		.address = xstrdup(address),
		.class = number(&w, "class", 16, 0x020000),
		.group = (int)number(&w, "group", 10, (unsigned)-1),
		.shares_group = get(&w, "shares_group"),
		.total = number(&w, "vfs", 10, 0),
		.offset = number(&w, "offset", 10, 1),
		.stride = number(&w, "stride", 10, 1),
		.vf_device = number(&w, "vf_id", 16, 0),
		.autoprobe = number(&w, "autoprobe", 10, 1) != 0,
		.net = xstrdup(get(&w, "net")),
		.mac = xstrdup(get(&w, "mac")),
		.master = xstrdup(get(&w, "master")),
		.upper = xstrdup(get(&w, "upper")),
		.numa = xstrdup(get(&w, "numa")),
		.up = get(&w, "up"),
		.late = number(&w, "late", 10, 0),
		.late_vfs = number(&w, "late_vfs", 10, 0),
	};
	const char *id = get(&w, "id"), *disk = get(&w, "disk"),
		   *serial = get(&w, "serial"), *mdev = get(&w, "mdev");
	bool boot_vga = get(&w, "boot_vga");
	unsigned have = number(&w, "have", 10, 0);
	struct function *added;

	if (!address || kernel_function(kernel, address) || !id ||
	    sscanf(id, "%x:%x", &f.vendor, &f.device) != 2 || all_used(&w) < 0)
		return -EINVAL;
	added = function_add(kernel, &f);
	if (serial)
		set_serial(added, serial);
	if (disk)
		add_disk(kernel, added, disk);
	if (mdev)
		add_mdev_type(added, mdev);
	if (boot_vga)
		tree_attribute(added->dir,
			       added->class >> 8 == 0x0300 ? "boot_vga" :
							     "drm/card0/boot_display",
			       "1\n");
	function_enable_vfs(kernel, added, have);
	return 0;
}

static int add_slot(struct kernel *kernel, char *rest)
{
	char *name = word(&rest), *address = word(&rest);
	_cleanup_free_ char *path = xasprintf("bus/pci/slots/%s", name);

	if (!address)
		return -EINVAL;
	tree_attribute(tree_directory(&kernel->root, path), "address", "%s\n", address);
	return 0;
}

/* A module's parameter that can be set: "parameter vfio_iommu_type1/unsafe N" */
static int add_parameter(struct kernel *kernel, char *rest)
{
	char *module = word(&rest), *name = word(&rest), *value = word(&rest);
	_cleanup_free_ char *path = NULL, *line = NULL;

	if (!value)
		return -EINVAL;
	path = xasprintf("module/%s/parameters/%s", module, name);
	line = xasprintf("%s\n", value);
	tree_control(&kernel->root, path, line);
	return 0;
}

/* errno values fit a FUSE answer below 512: the kernel's own ENOTSUPP, 524, does not. */
static int errno_number(const char *name)
{
	for (int i = 1; name && i < 134; i++)
		if (streq(strerrorname_np(i), name))
			return i;
	return 0;
}

static int add_fault(struct kernel *kernel, char *rest)
{
	char *path = word(&rest);
	struct words w = split(rest);
	const char *error = get(&w, "errno");
	struct fault fault = {
		.path = xstrdup(path),
		.value = xstrdup(get(&w, "value")),
		.nth = number(&w, "nth", 10, 0),
		.times = number(&w, "times", 10, 0),
		.error = errno_number(error),
		.make = (int)number(&w, "make", 10, (unsigned)-1),
		.delay = number(&w, "delay", 10, 0),
		.hang = get(&w, "hang"),
		.vanish = xstrdup(get(&w, "vanish")),
	};

	if (!path || all_used(&w) < 0 || (error && !fault.error))
		return -EINVAL;
	*array_add(kernel->faults, kernel->n_faults) = fault;
	return 0;
}

static int clear_faults(struct kernel *kernel, char *rest)
{
	(void)rest;
	for (size_t i = 0; i < kernel->n_faults; i++) {
		free(kernel->faults[i].path);
		free(kernel->faults[i].value);
		free(kernel->faults[i].vanish);
	}
	free(kernel->faults);
	kernel->faults = NULL;
	kernel->n_faults = 0;
	return 0;
}

static int no_iommu(struct kernel *kernel, char *rest)
{
	(void)rest;
	kernel->no_iommu = true;
	return 0;
}

static int load(struct kernel *kernel, char *rest)
{
	char *module = word(&rest);

	return module ? module_insert(kernel, module, word(&rest)) : -EINVAL;
}

static int release(struct kernel *kernel, char *rest)
{
	(void)rest;
	kernel->releases++;
	return 0;
}

static int pull_out(struct kernel *kernel, char *rest)
{
	char *address = word(&rest);
	struct function *f = address ? kernel_function(kernel, address) : NULL;

	if (!f || f->pf)
		return -ENODEV;
	function_remove(kernel, f);
	return 0;
}

static int set_up(struct kernel *kernel, char *rest)
{
	char *ifindex = word(&rest);

	return netdev_up(kernel, ifindex ? (unsigned)atoi(ifindex) : 0);
}

static const struct {
	const char *name;
	int (*run)(struct kernel *kernel, char *rest);
} lines[] = {
	{ "driver", add_driver }, { "function", add_function },
	{ "slot", add_slot },     { "parameter", add_parameter },
	{ "fault", add_fault },   { "no_iommu", no_iommu },
	{ "load", load },         { "release", release },
	{ "remove", pull_out },   { "clear", clear_faults },
	{ "up", set_up },
};

int machine_line(struct kernel *kernel, char *line)
{
	char *rest = line, *name;

	line[strcspn(line, "#\n")] = '\0';
	name = word(&rest);
	if (!name)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (streq(name, lines[i].name))
			return lines[i].run(kernel, rest);
	return -EINVAL;
}
