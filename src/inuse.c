#include "inuse.h"

#include "ledger.h"
#include "plan.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#define DEVICES "sys/bus/pci/devices"
#define BLOCKS "sys/class/block"
#define STACK_DEPTH                                                         \
	8 /* disk, partition, md, dm-crypt, LVM: none is deeper in practice \
	   */
#define ROUTES_READ \
	1000 /* the default route sorts first; a router has a million others */

/* The first that is found; and who has claimed it. */
static void set_use(struct function *f, char *use, bool carries)
{
	_cleanup_free_ char *before = f->in_use, *found = use;

	if (carries && !f->carries)
		f->carries = xstrdup(use);
	if (!before)
		f->in_use = steal_pointer(&found);
	else if (f->only_claimed)
		f->in_use = xasprintf("%s; %s", before, use);
	else
		steal_pointer(&before);
	f->only_claimed = false;
}

/* fib_route_seq_show(), rt6_info_route(): the main table. 0x200: RTF_REJECT */
static bool is_default(const char *line, char interface[64])
{
	unsigned destination, flags, mask, prefix;

	/* only those of IPv4 have tabs */
	if (strchr(line, '\t') && sscanf(line, "%63s %8x %*s %x %*s %*s %*s %8x",
					 interface, &destination, &flags, &mask) == 4)
		return destination == 0 && mask == 0 && !(flags & 0x200);
	return startswith(line, "00000000000000000000000000000000 ") &&
	       sscanf(line, "%*s %x %*s %*s %*s %*s %*s %*s %x %63s", &prefix, &flags,
		      interface) == 3 &&
	       prefix == 0 && !(flags & 0x200);
}

static void read_routes(const struct root *root, const char *path, struct strings *ret)
{
	int fd = root_openat(root, O_RDONLY, "%s", path);
	_cleanup_fclose_ FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	_cleanup_free_ char *line = NULL;
	char interface[64];
	size_t size = 0;

	for (int i = 0; in && i < ROUTES_READ && getline(&line, &size, in) > 0; i++)
		if (is_default(line, interface))
			strings_add(ret, interface);
}

static void observe_netdev(struct function *f, const struct netdev *n,
			   const struct strings *routes)
{
	if (n->master)
		set_use(f, xasprintf("%s belongs to %s", n->name, n->master), true);
	else if (n->uppers.n)
		set_use(f, xasprintf("%s carries %s", n->name, n->uppers.items[0]), true);
	else if (strings_contain(routes, n->name))
		set_use(f, xasprintf("the default route goes over %s", n->name), true);
	else if (n->up)
		set_use(f, xasprintf("%s is up", n->name), false);
}

/* Where a block device is mounted or used; NULL: nowhere. The caller frees it. */
static char *block_use(const struct root *root, const char *mounts, const char *swaps,
		       const char *name, int depth)
{
	_cleanup_free_ char *number = NULL, *source = xasprintf(" /dev/%s ", name),
			    *by_number = NULL, *use = NULL;
	struct strings holders = {};
	char place[256];
	const char *at = NULL;
	int fd;

	/* btrfs shows a number of its own, LVM a name of its own */
	if (root_read(root, &number, BLOCKS "/%s/dev", name) == 0) {
		by_number = xasprintf(" %s ", number);
		at = strstr(mounts, by_number);
	}
	if (!at)
		at = strstr(mounts, source);
	while (at && at > mounts && at[-1] != '\n')
		at--;
	if (at && sscanf(at, "%*s %*s %*s %*s %255s", place) == 1)
		return xasprintf("disk %s is mounted on %s", name, place);
	if (strstr(swaps, source + 1))
		return xasprintf("disk %s is swap", name);
	root_list(root, &holders, BLOCKS "/%s/holders", name);
	for (size_t i = 0; i < holders.n && depth && !use; i++)
		use = block_use(root, mounts, swaps, holders.items[i], depth - 1);
	if (!use && holders.n)
		use = xasprintf("disk %s carries %s", name, holders.items[0]);
	strings_done(&holders);
	if (use)
		return steal_pointer(&use);
	/* bd_prepare_to_claim(): EBUSY for what file systems of several disks hold */
	fd = root_openat(root, O_RDONLY | O_EXCL, "dev/%s", name);
	if (fd >= 0)
		close(fd);
	return fd == -EBUSY ? xasprintf("disk %s is in use", name) : NULL;
}

static struct function *find(struct system *system, const char *address)
{
	for (size_t i = 0; i < system->n_functions; i++)
		if (streq(system->functions[i].address, address))
			return &system->functions[i];
	return NULL;
}

/* A claim of who has ended counts for nothing: it may be released by anybody. */
static void observe_claims(struct system *system, const struct root *root)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };

	if (ledger_read(&ledger, root) < 0)
		return;
	for (size_t i = 0; i < ledger.n; i++) {
		const struct claim *claim = &ledger.claims[i];
		struct function *f = find(system, claim->address);

		if (!f || claim_is_dead(claim, root))
			continue;
		f->only_claimed = !f->in_use;
		if (!f->in_use)
			f->in_use = xasprintf("claimed by %s", claim->owner);
	}
}

/* A path in /sys names each function above. */
static void use_functions(struct system *system, char *path, const char *use,
			  bool carries)
{
	char *part;

	while ((part = strsep(&path, "/"))) {
		struct function *f = find(system, part);

		if (f)
			set_use(f, xstrdup(use), carries);
	}
}

/*
 * With multipath (CONFIG_NVME_MULTIPATH) a disk hangs below its subsystem, which has a
 * link to each controller: nvme_mpath_alloc_disk(), nvme_init_subsystem().
 */
static void use_controllers(struct system *system, const struct root *root,
			    const char *subsystem, const char *use)
{
	_cleanup_free_ char *name = xstrndup(subsystem, strcspn(subsystem, "/"));
	_cleanup_close_ int dir =
		root_openat(root, O_PATH, "sys/class/nvme-subsystem/%s", name);
	struct strings entries = {};

	root_list(root, &entries, "sys/class/nvme-subsystem/%s", name);
	for (size_t i = 0; i < entries.n; i++) {
		char path[PATH_MAX];
		ssize_t n = readlinkat(dir, entries.items[i], path, sizeof(path) - 1);

		if (n < 0)
			continue;
		path[n] = '\0';
		use_functions(system, path, use, true);
	}
	strings_done(&entries);
}

/* Below /sys/class/block are disks and partitions. */
void inuse_observe_disks(struct system *system, const struct root *root)
{
	_cleanup_free_ char *mounts = NULL, *swaps = NULL;
	_cleanup_close_ int dir = root_openat(root, O_PATH, BLOCKS);
	struct strings disks = {};

	if (root_read(root, &mounts, "proc/self/mountinfo") < 0)
		return;
	root_read(root, &swaps, "proc/swaps");
	root_list(root, &disks, BLOCKS);
	for (size_t i = 0; i < disks.n; i++) {
		static const char multipath[] = "/nvme-subsystem/";
		char path[PATH_MAX], *subsystem;
		ssize_t n = readlinkat(dir, disks.items[i], path, sizeof(path) - 1);
		_cleanup_free_ char *use = NULL;

		if (n < 0)
			continue;
		path[n] = '\0';
		subsystem = strstr(path, multipath);
		if (!subsystem && !strstr(path, "/pci"))
			continue;
		use = block_use(root, mounts, swaps ? swaps : "", disks.items[i],
				STACK_DEPTH);
		if (use && subsystem)
			use_controllers(system, root, subsystem + strlen(multipath), use);
		else if (use)
			use_functions(system, path, use, true);
	}
	strings_done(&disks);
}

/*
 * What is made of a function goes with its driver. A vDPA device hangs below the function
 * (mlx5_vdpa_dev_add(), ifcvf_vdpa_dev_add()), and so does a mediated one
 * (mdev_device_create()); who has either open has its own node, not the function's.
 */
static void observe_children(struct system *system, const struct root *root,
			     const char *bus, const char *kind)
{
	_cleanup_close_ int dir = root_openat(root, O_PATH, "%s", bus);
	struct strings names = {};

	root_list(root, &names, "%s", bus);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *use =
			xasprintf("it carries the %s %s", kind, names.items[i]);
		char path[PATH_MAX];
		ssize_t n = readlinkat(dir, names.items[i], path, sizeof(path) - 1);

		path[n < 0 ? 0 : n] = '\0';
		use_functions(system, path, use, false);
	}
	strings_done(&names);
}

/*
 * What the firmware left on the screen lies in a BAR, whatever the card's class, until
 * the card's own driver takes it over: sysfb_create_simplefb() names it BOOTFB, the
 * drivers that use it after themselves. In /proc/iomem what lies in it is indented more.
 */
static void observe_framebuffer(struct system *system, const struct root *root)
{
	static const char *const names[] = { "BOOTFB", "simpledrm", "simplefb", "efifb",
					     "efidrm", "vesafb",    "vesadrm" };
	_cleanup_free_ char *text = NULL;
	struct function *above = NULL;
	size_t depth = 0;
	char *rest, *line;

	root_read(root, &text, "proc/iomem");
	for (rest = text; (line = strsep(&rest, "\n"));) {
		size_t indent = strspn(line, " ");
		const char *name = strstr(line, " : ");
		struct function *f = name ? find(system, name + 3) : NULL;

		if (f || indent <= depth) {
			above = f;
			depth = indent;
		}
		for (size_t i = 0; above && name && i < ARRAY_SIZE(names); i++)
			if (streq(name + 3, names[i]))
				set_use(above, xstrdup(BOOT_DISPLAY), false);
	}
}

void inuse_observe(struct system *system, const struct root *root)
{
	struct strings routes = {};
	bool disks = false;

	observe_claims(system, root);
	observe_framebuffer(system, root);
	observe_children(system, root, "sys/bus/vdpa/devices", "vDPA device");
	observe_children(system, root, "sys/bus/mdev/devices", "mediated device");
	read_routes(root, "proc/self/net/route", &routes);
	read_routes(root, "proc/self/net/ipv6_route", &routes);
	for (size_t i = 0; i < system->n_functions; i++) {
		struct function *f = &system->functions[i];

		for (size_t j = 0; j < f->n_netdevs; j++)
			observe_netdev(f, &f->netdevs[j], &routes);
		disks |= f->class >> 16 == 0x01 && (f->n_vfs || f->pf != NONE);
	}
	strings_done(&routes);
	if (disks)
		inuse_observe_disks(system, root);
}

static int group_is_open(const struct root *root, const char *group)
{
	int fd = root_openat(root, O_RDWR, "dev/vfio/%s", group);

	if (fd == -ENOENT) /* vfio_group_find_or_alloc() names it so without IOMMU */
		fd = root_openat(root, O_RDWR, "dev/vfio/noiommu-%s", group);
	if (fd < 0)
		return fd == -EBUSY ? 1 : fd;
	close(fd);
	return 0;
}

int inuse_vfio(const struct root *root, const char *device)
{
	_cleanup_free_ char *group = NULL, *driver = NULL;
	int r = root_link_name(root, &group, "%s/iommu_group", device);

	if (r == 0)
		r = group_is_open(root, group);
	/* VFIO makes the node with the first device of the group, and takes it away */
	if (r == -ENOENT && (root_link_name(root, &driver, "%s/driver", device) < 0 ||
			     !strstr(driver, "vfio")))
		return 0;
	return r;
}

/* An open file of VFIO or RDMA: what it leads to, and who has it. */
struct holder {
	char *file; /* "/dev/vfio/7", "/dev/vfio/devices/vfio0",
		       "/dev/infiniband/uverbs1", a path in /sys */
	char *pid;
};

struct holders {
	struct holder *items;
	size_t n;
	bool read;
};

/* vfio_device_show_fdinfo(), 6.18: "vfio-device-syspath: /sys/devices/…" */
static char *device_path(const struct root *root, const char *pid, const char *fd)
{
	_cleanup_free_ char *text = NULL;
	const char *at;

	if (root_read(root, &text, "proc/%s/fdinfo/%s", pid, fd) < 0)
		return NULL;
	at = strstr(text, "vfio-device-syspath:");
	if (!at)
		return NULL;
	at += strcspn(at, "/");
	return xstrndup(at, strcspn(at, "\n"));
}

static void read_holder(const struct root *root, const char *pid, struct holders *ret)
{
	_cleanup_close_ int dir = root_openat(root, O_PATH, "proc/%s/fd", pid);
	struct strings fds = {};

	root_list(root, &fds, "proc/%s/fd", pid);
	for (size_t i = 0; i < fds.n; i++) {
		char target[PATH_MAX], *file = NULL;
		ssize_t n = readlinkat(dir, fds.items[i], target, sizeof(target) - 1);

		target[n < 0 ? 0 : n] = '\0';
		/* also from a chroot's own /dev */
		if (strstr(target, "/dev/vfio/") || strstr(target, "/dev/infiniband/"))
			file = xstrdup(target);
		else if (streq(target, "anon_inode:[vfio-device]"))
			file = device_path(root, pid, fds.items[i]);
		if (file)
			*array_add(ret->items, ret->n) =
				(struct holder){ file, xstrdup(pid) };
	}
	strings_done(&fds);
}

/* All processes are looked at once, and only where somebody asks. */
static void read_holders(const struct root *root, struct holders *ret)
{
	struct strings pids = {};

	if (!ret->read)
		root_list(root, &pids, "proc");
	for (size_t i = 0; i < pids.n; i++)
		if (isdigit((unsigned char)*pids.items[i]))
			read_holder(root, pids.items[i], ret);
	strings_done(&pids);
	ret->read = true;
}

static void holders_done(struct holders *holders)
{
	for (size_t i = 0; i < holders->n; i++) {
		free(holders->items[i].file);
		free(holders->items[i].pid);
	}
	free(holders->items);
}

/* "qemu-system-x86 (process 412)"; NULL: nobody is seen. The file is the group's, the
 * device's own or leads to the device. */
static char *holder_name(const struct root *root, const char *device,
			 struct holders *holders)
{
	_cleanup_free_ char *group = NULL;
	struct strings files = {};
	char *name = NULL;

	read_holders(root, holders);
	root_list(root, &files, "%s/vfio-dev", device);
	/* uverbs0, umad0: ib_uverbs_add_one(), ib_umad_init_port() */
	root_list(root, &files, "%s/infiniband_verbs", device);
	root_list(root, &files, "%s/infiniband_mad", device);
	strings_add(&files, strrchr(device, '/') + 1);
	if (root_link_name(root, &group, "%s/iommu_group", device) == 0)
		strings_add(&files, group);
	for (size_t i = 0; i < holders->n && !name; i++) {
		const struct holder *h = &holders->items[i];
		const char *file = strrchr(h->file, '/') + 1;
		_cleanup_free_ char *comm = NULL;

		if (startswith(file, "noiommu-"))
			file += strlen("noiommu-");
		if (!strings_contain(&files, file))
			continue;
		root_read(root, &comm, "proc/%s/comm", h->pid);
		name = xasprintf("%s (process %s)", comm ? comm : "it", h->pid);
	}
	strings_done(&files);
	return name;
}

static bool has_rdma(const struct root *root, const char *device)
{
	return root_exists(root, "%s/infiniband_verbs", device);
}

void inuse_observe_holders(struct system *system, const struct root *root)
{
	_cleanup_(holders_done) struct holders holders = {};

	for (size_t i = 0; i < system->n_functions; i++) {
		struct function *f = &system->functions[i];
		_cleanup_free_ char *device = xasprintf(DEVICES "/%s", f->address);
		char *name = NULL;

		if (f->driver && (strstr(f->driver, "vfio") || has_rdma(root, device)))
			name = holder_name(root, device, &holders);
		if (name)
			set_use(f, name, false);
	}
}

/* Who has it open in VFIO; NULL: nobody. The caller frees it. */
static char *vfio_use(const struct root *root, const char *device,
		      struct holders *holders)
{
	_cleanup_free_ char *name = NULL;
	int r = inuse_vfio(root, device);

	if (r == 0)
		return NULL;
	name = holder_name(root, device, holders);
	/* CONFIG_VFIO_GROUP=n: no group to ask, but the holder is seen */
	if (r == 1 || name)
		return xasprintf("%s has it open in VFIO", name ? name : "a process");
	return r == -ENODEV ? NULL :
			      xasprintf("/dev/vfio does not tell whether it is open: %s",
					strerror(-r));
}

static char *rdma_use(const struct root *root, const char *device,
		      struct holders *holders)
{
	_cleanup_free_ char *name =
		has_rdma(root, device) ? holder_name(root, device, holders) : NULL;

	return name ? xasprintf("%s has its RDMA device open", name) : NULL;
}

void inuse_observe_open(struct system *system, const struct root *root, const bool *which,
			bool gentle)
{
	_cleanup_(holders_done) struct holders holders = {};

	for (size_t i = 0; i < system->n_functions; i++) {
		struct function *f = &system->functions[i];
		_cleanup_free_ char *device = xasprintf(DEVICES "/%s", f->address);
		char *use = NULL;

		/* who has claimed it may open it in this moment */
		if (!which[i] || (f->only_claimed && f->driver))
			continue;
		if (!gentle)
			use = vfio_use(root, device, &holders);
		if (!use)
			use = rdma_use(root, device, &holders);
		if (use)
			set_use(f, use, false);
	}
}

void inuse_observe_made(struct made *made, const struct root *root)
{
	_cleanup_(holders_done) struct holders holders = {};

	for (size_t i = 0; i < made->n; i++) {
		struct made_item *item = &made->items[i];
		_cleanup_free_ char *device = NULL;

		if (!item->uuid)
			continue;
		device = xasprintf(DEVICES "/%s/%s", item->address, item->uuid);
		item->here = root_exists(root, "%s", device);
		if (item->here)
			item->in_use = vfio_use(root, device, &holders);
	}
}

static bool moves(const char *wanted, const struct function *f)
{
	return !streq(wanted, DRIVER_LEAVE) && !streq(wanted, f->driver);
}

/* Is it to be taken away from where it is? Only then it is asked who has it open. */
static bool may_move(const struct system *system, const struct config *config,
		     const struct function *f)
{
	const struct function *pf = f->pf == NONE ? NULL : &system->functions[f->pf];
	const struct pf_rule *rule = pf ? system_pf_rule(config, pf) : NULL;
	int device = pf ? NONE : plan_device_rule(config, f);
	const struct vf_values wanted =
		rule ? pf_rule_values(rule, f->vf_index) : (struct vf_values){};

	if (rule)
		return pf_rule_count(rule, pf) != pf->n_vfs ||
		       moves(pf_rule_driver(rule, pf, f->vf_index), f) ||
		       wanted.known & VF_BEFORE_BIND;
	return device != NONE &&
	       moves(device_rule_driver(&config->devices[device], f), f);
}

void inuse_observe_moves(struct system *system, const struct root *root,
			 const struct config *config)
{
	_cleanup_free_ bool *which = xcalloc(system->n_functions, sizeof(bool));

	for (size_t i = 0; i < system->n_functions; i++)
		which[i] = may_move(system, config, &system->functions[i]);
	inuse_observe_open(system, root, which, config->gentle);
}
