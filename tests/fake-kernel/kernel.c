#include "kernel.h"

#include <errno.h>

#define PCI_DRIVERS "bus/pci/drivers"

void kernel_init(struct kernel *kernel, int audit)
{
	pthread_condattr_t monotonic;
	struct node *root = &kernel->root;

	*kernel = (struct kernel){ .audit = audit, .mounts = xstrdup("") };
	pthread_mutex_init(&kernel->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&kernel->changed, &monotonic);
	tree_directory(root, "bus/pci/devices");
	tree_directory(root, PCI_DRIVERS);
	tree_directory(root, "class/net");
	tree_directory(root, "class/block");
	tree_directory(root, "devices");
	tree_directory(root, "kernel/iommu_groups");
	tree_directory(root, "module");
	tree_control(root, "bus/pci/drivers_autoprobe", "1\n");
	tree_control(root, "bus/pci/drivers_probe", "");
	tree_control(root, "fake-kernel", "");
}

struct driver *kernel_driver(struct kernel *kernel, const char *name)
{
	for (size_t i = 0; i < kernel->n_drivers; i++)
		if (streq(kernel->drivers[i]->name, name))
			return kernel->drivers[i];
	return NULL;
}

struct function *kernel_function(struct kernel *kernel, const char *address)
{
	for (size_t i = 0; i < kernel->n_functions; i++)
		if (streq(kernel->functions[i]->address, address))
			return kernel->functions[i];
	return NULL;
}

static bool is_vfio(const struct driver *driver)
{
	return strstr(driver->name, "vfio") != NULL;
}

/* A link from `path` to a function, `depth` directories below the root. */
static void link_function(struct kernel *kernel, const struct function *f, int depth,
			  const char *path)
{
	char up[64] = "";

	for (int i = 0; i < depth; i++)
		strcat(up, "../");
	tree_link(&kernel->root, path, "%sdevices/%s/%s", up, f->dir->parent->name,
		  f->address);
}

/* pci_add_driver(): a driver without files of its own is not loaded */
static void driver_show(struct kernel *kernel, struct driver *driver)
{
	_cleanup_free_ char *dir = xasprintf(PCI_DRIVERS "/%s", driver->name);
	_cleanup_free_ char *module = xasprintf("module/%s", driver->module);
	_cleanup_free_ char *user = xasprintf("%s/drivers/pci:%s", module, driver->name);
	struct node *node = tree_directory(&kernel->root, dir);

	tree_control(node, "bind", "");
	tree_control(node, "unbind", "");
	tree_control(node, "new_id", "");
	tree_link(node, "module", "../../../../%s", module);
	tree_attribute(tree_directory(&kernel->root, module), "initstate", "live\n");
	tree_link(&kernel->root, user, "../../../" PCI_DRIVERS "/%s", driver->name);
}

/* pci_match_device(): an override excludes all others; vfio drivers have override-only
 * tables, so that only dynamic IDs let them take a device by themselves */
static bool matches(const struct driver *driver, const struct function *f)
{
	_cleanup_free_ char *id = xasprintf("%04x:%04x", f->vendor, f->device);

	if (f->override)
		return streq(f->override, driver->name);
	return strings_contain(&driver->ids, id) || strings_contain(&driver->ids, "*");
}

/* pci_device_can_probe() */
static bool can_probe(const struct function *f)
{
	return !f->pf || f->pf->autoprobe || f->override;
}

static void show_netdev(struct kernel *kernel, struct function *f)
{
	_cleanup_free_ char *path = xasprintf("net/%s", f->net);
	_cleanup_free_ char *class = xasprintf("class/net/%s", f->net);
	struct node *net = tree_directory(f->dir, path);

	tree_attribute(net, "address", "%s\n", f->mac ? f->mac : "02:00:00:00:00:01");
	tree_attribute(net, "addr_assign_type", f->mac ? "0\n" : "1\n");
	tree_attribute(net, "flags", "0x%x\n", f->up || f->driver->up ? 0x1003 : 0x1002);
	tree_attribute(net, "dev_port", "0\n");
	if (!f->ifindex)
		f->ifindex = 2 + kernel->n_netdevs++;
	tree_attribute(net, "ifindex", "%u\n", f->ifindex);
	if (f->master)
		tree_link(net, "master", "../../../../virtual/net/%s", f->master);
	if (f->upper) {
		_cleanup_free_ char *link = xasprintf("upper_%s", f->upper);

		tree_link(net, link, "../../../../virtual/net/%s", f->upper);
	}
	tree_link(&kernel->root, class, "../../devices/%s/%s/%s", f->dir->parent->name,
		  f->address, path);
}

static bool is_due(const struct timespec *due)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return due->tv_sec && (now.tv_sec > due->tv_sec || (now.tv_sec == due->tv_sec &&
							    now.tv_nsec >= due->tv_nsec));
}

static void set_due(struct timespec *due, unsigned milliseconds)
{
	clock_gettime(CLOCK_MONOTONIC, due);
	due->tv_nsec += milliseconds % 1000 * 1000000L;
	due->tv_sec += milliseconds / 1000 + due->tv_nsec / 1000000000;
	due->tv_nsec %= 1000000000;
}

static void add_vfs(struct kernel *kernel, struct function *pf, unsigned n);

void kernel_make_due(struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->n_functions; i++) {
		struct function *f = kernel->functions[i];

		if (is_due(&f->due)) {
			f->due.tv_sec = 0;
			show_netdev(kernel, f);
		}
		if (f->coming && is_due(&f->vfs_due)) {
			unsigned n = f->coming;

			f->coming = 0;
			add_vfs(kernel, f, n);
		}
	}
}

int netdev_up(struct kernel *kernel, unsigned ifindex)
{
	for (size_t i = 0; i < kernel->n_functions; i++) {
		struct function *f = kernel->functions[i];

		if (!ifindex || f->ifindex != ifindex)
			continue;
		f->up = true;
		show_netdev(kernel, f);
		return 0;
	}
	return -ENODEV;
}

static void make_netdev(struct kernel *kernel, struct function *f)
{
	if (!f->net)
		f->net = f->pf && f->pf->net ? xasprintf("%sv%u", f->pf->net, f->index) :
					       xasprintf("net%zu", kernel->n_functions);
	set_due(&f->due, f->late);
	kernel_make_due(kernel);
}

/* vfio_pci_core_register_device(), vfio_pci_core_enable() */
static int vfio_accepts(const struct function *f)
{
	return f->n_vfs ? -EBUSY : f->group < 0 ? -EINVAL : 0;
}

/* vfio_group_create(): one node for all of the group that vfio drives */
static void show_group_node(struct kernel *kernel, const struct function *f)
{
	_cleanup_free_ char *node = xasprintf(GROUPS "/%d", f->group);

	if (!tree_find(&kernel->root, node))
		tree_control(&kernel->root, node, "");
}

/* vfio_group_remove() */
static void hide_group_node(struct kernel *kernel, const struct function *f)
{
	_cleanup_free_ char *node = xasprintf(GROUPS "/%d", f->group);

	for (size_t i = 0; i < kernel->n_functions; i++) {
		const struct function *other = kernel->functions[i];

		if (other != f && other->group == f->group && other->driver &&
		    is_vfio(other->driver))
			return;
	}
	tree_remove(&kernel->root, node);
}

/* vfio_pci_core_enable(): who opens a group here opens its devices too */
static void hold_group(struct kernel *kernel, struct node *node, bool held)
{
	node->held = held;
	for (size_t i = 0; i < kernel->n_functions; i++) {
		struct function *f = kernel->functions[i];

		if (f->group == atoi(node->name) && f->driver && is_vfio(f->driver))
			tree_attribute(f->dir, "enable", held ? "1\n" : "0\n");
	}
}

/* NULL: not the node of a group */
static struct node *group_node(struct kernel *kernel, const char *path)
{
	return startswith(path, "/" GROUPS "/") ? tree_find(&kernel->root, path) : NULL;
}

int kernel_open(struct kernel *kernel, const char *path)
{
	struct node *node;
	int r;

	pthread_mutex_lock(&kernel->lock);
	node = group_node(kernel, path);
	r = node && node->held ? -EBUSY : 0;
	if (node && r == 0)
		hold_group(kernel, node, true);
	pthread_mutex_unlock(&kernel->lock);
	return r;
}

void kernel_close(struct kernel *kernel, const char *path)
{
	struct node *node;

	pthread_mutex_lock(&kernel->lock);
	node = group_node(kernel, path);
	if (node)
		hold_group(kernel, node, false);
	pthread_mutex_unlock(&kernel->lock);
}

/* really_probe() */
static int probe(struct kernel *kernel, struct function *f, struct driver *driver)
{
	_cleanup_free_ char *path =
		xasprintf(PCI_DRIVERS "/%s/%s", driver->name, f->address);
	int r = is_vfio(driver) ? vfio_accepts(f) : 0;

	if (r < 0)
		return r;
	f->driver = driver;
	tree_link(f->dir, "driver", "../../../" PCI_DRIVERS "/%s", driver->name);
	link_function(kernel, f, 4, path);
	if (driver->netdevs)
		make_netdev(kernel, f);
	if (is_vfio(driver))
		show_group_node(kernel, f);
	return 0;
}

int function_bind(struct kernel *kernel, struct function *f, struct driver *driver)
{
	if (!matches(driver, f))
		return -ENODEV;
	if (f->driver)
		return -EBUSY;
	return can_probe(f) ? probe(kernel, f, driver) : -ENODEV;
}

void function_probe(struct kernel *kernel, struct function *f)
{
	for (size_t i = 0; !f->driver && can_probe(f) && i < kernel->n_drivers; i++)
		if (kernel->drivers[i]->loaded && matches(kernel->drivers[i], f))
			probe(kernel, f, kernel->drivers[i]);
}

void driver_attach(struct kernel *kernel, struct driver *driver)
{
	for (size_t i = 0; i < kernel->n_functions; i++) {
		struct function *f = kernel->functions[i];

		if (!f->driver && can_probe(f) && matches(driver, f))
			probe(kernel, f, driver);
	}
}

void function_unbind(struct kernel *kernel, struct function *f)
{
	_cleanup_free_ char *path = NULL;

	if (!f->driver)
		return;
	path = xasprintf(PCI_DRIVERS "/%s/%s", f->driver->name, f->address);
	if (!f->driver->keeps_vfs)
		function_disable_vfs(kernel, f);
	tree_remove(&kernel->root, path);
	tree_remove(f->dir, "driver");
	tree_remove(f->dir, "net");
	if (f->net) {
		_cleanup_free_ char *class = xasprintf("class/net/%s", f->net);

		tree_remove(&kernel->root, class);
	}
	if (is_vfio(f->driver))
		hide_group_node(kernel, f);
	f->due.tv_sec = 0;
	f->driver = NULL;
}

void function_override(struct function *f, const char *driver)
{
	free(f->override);
	f->override = *driver ? xstrdup(driver) : NULL;
	/* driver_override_show() prints a null pointer so */
	tree_control(f->dir, "driver_override", "");
	tree_attribute(f->dir, "driver_override", "%s\n",
		       f->override ? f->override : "(null)");
}

static void show_vfs(const struct function *pf)
{
	if (pf->total)
		tree_attribute(pf->dir, "sriov_numvfs", "%zu\n", pf->n_vfs + pf->coming);
}

static void show_sriov(struct function *pf)
{
	tree_attribute(pf->dir, "sriov_totalvfs", "%u\n", pf->total);
	tree_attribute(pf->dir, "sriov_vf_device", "%x\n", pf->vf_device);
	tree_attribute(pf->dir, "sriov_offset", "%u\n", pf->offset);
	tree_attribute(pf->dir, "sriov_stride", "%u\n", pf->stride);
	tree_control(pf->dir, "sriov_drivers_autoprobe", pf->autoprobe ? "1\n" : "0\n");
	tree_control(pf->dir, "sriov_numvfs", "0\n");
}

static void show_group(struct kernel *kernel, const struct function *f)
{
	_cleanup_free_ char *dir = xasprintf("kernel/iommu_groups/%d", f->group);
	_cleanup_free_ char *member = xasprintf("%s/devices/%s", dir, f->address);

	if (f->group < 0)
		return;
	tree_attribute(tree_directory(&kernel->root, dir), "type", "DMA\n");
	link_function(kernel, f, 5, member);
	tree_link(f->dir, "iommu_group", "../../../%s", dir);
}

/* A domain has one root bus here, and bridges are left out: nothing of ours looks at
 * them. */
static void show_function(struct kernel *kernel, struct function *f)
{
	_cleanup_free_ char *dir =
		xasprintf("devices/pci%.4s:00/%s", f->address, f->address);
	_cleanup_free_ char *bus = xasprintf("bus/pci/devices/%s", f->address);
	_cleanup_free_ char *alias = xasprintf(
		"pci:v%08Xd%08Xsv00000000sd00000000bc%02Xsc%02Xi%02X", f->vendor,
		f->device, f->class >> 16, f->class >> 8 & 0xff, f->class & 0xff);
	const char *numa = f->pf ? f->pf->numa : f->numa;

	f->dir = tree_directory(&kernel->root, dir);
	tree_attribute(f->dir, "modalias", "%s\n", alias);
	tree_attribute(f->dir, "uevent", "PCI_SLOT_NAME=%s\nMODALIAS=%s\n", f->address,
		       alias);
	tree_attribute(f->dir, "vendor", "0x%04x\n", f->vendor);
	tree_attribute(f->dir, "device", "0x%04x\n", f->device);
	tree_attribute(f->dir, "class", "0x%06x\n", f->class);
	tree_attribute(f->dir, "numa_node", "%s\n", numa ? numa : "-1");
	tree_control(f->dir, "config", "");
	tree_attribute(f->dir, "enable", "0\n");
	tree_link(f->dir, "subsystem", "../../../bus/pci");
	function_override(f, "");
	show_group(kernel, f);
	if (f->total)
		show_sriov(f);
	link_function(kernel, f, 3, bus);
}

struct function *function_add(struct kernel *kernel, const struct function *function)
{
	struct function *f = xcalloc(1, sizeof(*f));

	*f = *function;
	if (kernel->no_iommu)
		f->group = -1;
	else if (f->group < 0)
		f->group = kernel->n_groups;
	if (f->group >= kernel->n_groups)
		kernel->n_groups = f->group + 1;
	*array_add(kernel->functions, kernel->n_functions) = f;
	show_function(kernel, f);
	if (!f->pf)
		function_probe(kernel, f);
	return f;
}

void function_remove(struct kernel *kernel, struct function *f)
{
	_cleanup_free_ char *bus = xasprintf("bus/pci/devices/%s", f->address);
	_cleanup_free_ char *member =
		xasprintf("kernel/iommu_groups/%d/devices/%s", f->group, f->address);

	function_disable_vfs(kernel, f);
	function_unbind(kernel, f);
	tree_remove(&kernel->root, bus);
	tree_remove(&kernel->root, member);
	tree_remove(f->dir->parent, f->address);
	for (size_t i = 0; i < kernel->n_functions; i++) {
		if (kernel->functions[i] != f)
			continue;
		kernel->functions[i] = kernel->functions[--kernel->n_functions];
		break;
	}
	free(f->address);
	free(f->override);
	free(f->vfs);
	free(f->net);
	free(f->mac);
	free(f->master);
	free(f->upper);
	free(f->numa);
	free(f);
}

/* pci_iov_virtfn_bus(), pci_iov_virtfn_devfn() */
static char *vf_address(const struct function *pf, unsigned index)
{
	unsigned domain, bus, device, function, id;

	if (sscanf(pf->address, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		abort();
	id = (bus << 8 | device << 3 | function) + pf->offset + pf->stride * index;
	return xasprintf("%04x:%02x:%02x.%x", domain, id >> 8, id >> 3 & 0x1f, id & 7);
}

/* pci_iov_add_virtfn(): in the group before it has its links, probed after them */
static void add_vfs(struct kernel *kernel, struct function *pf, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		_cleanup_free_ char *link = xasprintf("virtfn%u", i);
		struct function *vf = function_add(
			kernel, &(struct function){
					.address = vf_address(pf, i),
					.vendor = pf->vendor,
					.device = pf->vf_device,
					.class = pf->class,
					.group = pf->shares_group ? pf->group : -1,
					.pf = pf,
					.index = i,
				});

		*array_add(pf->vfs, pf->n_vfs) = vf;
		tree_link(vf->dir, "physfn", "../%s", pf->address);
		tree_link(pf->dir, link, "../%s", vf->address);
		function_probe(kernel, vf);
	}
	show_vfs(pf);
}

/* On s390 the VFs are hot-plugged later (no_vf_scan). */
void function_enable_vfs(struct kernel *kernel, struct function *pf, unsigned n)
{
	if (!pf->late_vfs) {
		add_vfs(kernel, pf, n);
		return;
	}
	pf->coming = n;
	set_due(&pf->vfs_due, pf->late_vfs);
	show_vfs(pf);
}

void function_disable_vfs(struct kernel *kernel, struct function *pf)
{
	pf->coming = 0;
	while (pf->n_vfs) {
		_cleanup_free_ char *link = xasprintf("virtfn%zu", --pf->n_vfs);

		tree_remove(pf->dir, link);
		function_remove(kernel, pf->vfs[pf->n_vfs]);
	}
	show_vfs(pf);
}

void driver_add(struct kernel *kernel, const struct driver *driver)
{
	struct driver *d = xcalloc(1, sizeof(*d));

	*d = *driver;
	*array_add(kernel->drivers, kernel->n_drivers) = d;
	if (d->loaded)
		driver_show(kernel, d);
}

/* vfio_pci_fill_ids() */
static void add_ids(struct driver *driver, const char *options)
{
	_cleanup_free_ char *copy = xstrdup(options + strlen("ids="));
	char *rest = copy, *id;

	while ((id = strsep(&rest, ",")))
		strings_add(&driver->ids, id);
}

int module_insert(struct kernel *kernel, const char *module, const char *options)
{
	int r = -ENOENT;

	for (size_t i = 0; i < kernel->n_drivers; i++) {
		struct driver *d = kernel->drivers[i];

		if (!streq(d->module, module))
			continue;
		r = 0;
		if (d->loaded)
			continue;
		d->loaded = true;
		driver_show(kernel, d);
		if (options && startswith(options, "ids=") && is_vfio(d))
			add_ids(d, options);
		driver_attach(kernel, d);
	}
	return r;
}
