#include "inuse.h"

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

static void set_use(struct function *f, char *use, bool carries)
{
	if (carries && !f->carries)
		f->carries = xstrdup(use);
	if (!f->in_use)
		f->in_use = use;
	else
		free(use);
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
		return xasprintf("%s is mounted on %s", name, place);
	if (strstr(swaps, source + 1))
		return xasprintf("%s is swap", name);
	root_list(root, &holders, BLOCKS "/%s/holders", name);
	for (size_t i = 0; i < holders.n && depth && !use; i++)
		use = block_use(root, mounts, swaps, holders.items[i], depth - 1);
	if (!use && holders.n)
		use = xasprintf("%s carries %s", name, holders.items[0]);
	strings_done(&holders);
	if (use)
		return steal_pointer(&use);
	/* bd_prepare_to_claim(): EBUSY for what file systems of several disks hold */
	fd = root_openat(root, O_RDONLY | O_EXCL, "dev/%s", name);
	if (fd >= 0)
		close(fd);
	return fd == -EBUSY ? xasprintf("%s is in use", name) : NULL;
}

static struct function *find(struct system *system, const char *address)
{
	for (size_t i = 0; i < system->n_functions; i++)
		if (streq(system->functions[i].address, address))
			return &system->functions[i];
	return NULL;
}

/* A path in /sys names each function above. */
static void use_functions(struct system *system, char *path, const char *use)
{
	char *part;

	while ((part = strsep(&path, "/"))) {
		struct function *f = find(system, part);

		if (f)
			set_use(f, xasprintf("disk %s", use), true);
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
		use_functions(system, path, use);
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
			use_functions(system, path, use);
	}
	strings_done(&disks);
}

void inuse_observe(struct system *system, const struct root *root)
{
	struct strings routes = {};
	bool disks = false;

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

int inuse_vfio(const struct root *root, const char *address)
{
	_cleanup_free_ char *group = NULL, *driver = NULL;
	int r = root_link_name(root, &group, DEVICES "/%s/iommu_group", address);

	if (r == 0)
		r = group_is_open(root, group);
	/* VFIO makes the node with the first device of the group, and takes it away */
	if (r == -ENOENT &&
	    (root_link_name(root, &driver, DEVICES "/%s/driver", address) < 0 ||
	     !strstr(driver, "vfio")))
		return 0;
	return r;
}

/* An open file of VFIO: what it leads to, and who has it. */
struct holder {
	char *file; /* "/dev/vfio/7", "/dev/vfio/devices/vfio0", a path in /sys */
	char *pid;
};

struct holders {
	struct holder *items;
	size_t n;
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
		if (strstr(target, "/dev/vfio/")) /* also from a chroot's own /dev */
			file = xstrdup(target);
		else if (streq(target, "anon_inode:[vfio-device]"))
			file = device_path(root, pid, fds.items[i]);
		if (file)
			*array_add(ret->items, ret->n) =
				(struct holder){ file, xstrdup(pid) };
	}
	strings_done(&fds);
}

static struct holders read_holders(const struct root *root)
{
	struct holders holders = {};
	struct strings pids = {};

	root_list(root, &pids, "proc");
	for (size_t i = 0; i < pids.n; i++)
		if (isdigit((unsigned char)*pids.items[i]))
			read_holder(root, pids.items[i], &holders);
	strings_done(&pids);
	return holders;
}

static void holders_done(struct holders *holders)
{
	for (size_t i = 0; i < holders->n; i++) {
		free(holders->items[i].file);
		free(holders->items[i].pid);
	}
	free(holders->items);
}

/* The file is the group's, the device's own or leads to the device. */
static bool is_held_by(const struct function *f, const struct strings *cdevs,
		       const char *file)
{
	_cleanup_free_ char *group = xasprintf("%d", f->iommu_group);
	const char *name = strrchr(file, '/') + 1;

	if (startswith(name, "noiommu-"))
		name += strlen("noiommu-");
	return streq(name, group) || strings_contain(cdevs, name) ||
	       streq(name, f->address);
}

/* "qemu-system-x86 (process 412)"; NULL: nobody is seen */
static char *holder_name(const struct root *root, const struct function *f,
			 const struct holders *holders)
{
	struct strings cdevs = {};
	char *name = NULL;

	root_list(root, &cdevs, DEVICES "/%s/vfio-dev", f->address);
	for (size_t i = 0; i < holders->n && !name; i++) {
		const struct holder *h = &holders->items[i];
		_cleanup_free_ char *comm = NULL;

		if (!is_held_by(f, &cdevs, h->file))
			continue;
		root_read(root, &comm, "proc/%s/comm", h->pid);
		name = xasprintf("%s (process %s)", comm ? comm : "it", h->pid);
	}
	strings_done(&cdevs);
	return name;
}

void inuse_observe_holders(struct system *system, const struct root *root)
{
	_cleanup_(holders_done) struct holders holders = read_holders(root);

	for (size_t i = 0; holders.n && i < system->n_functions; i++) {
		struct function *f = &system->functions[i];

		if (!f->in_use && f->driver && strstr(f->driver, "vfio"))
			f->in_use = holder_name(root, f, &holders);
	}
}

void inuse_observe_vfio(struct system *system, const struct root *root, const bool *which)
{
	_cleanup_(holders_done) struct holders holders = {};
	bool scanned = false;

	for (size_t i = 0; i < system->n_functions; i++) {
		struct function *f = &system->functions[i];
		_cleanup_free_ char *name = NULL;
		int r = which[i] ? inuse_vfio(root, f->address) : 0;

		if (r == 0)
			continue;
		if (!scanned)
			holders = read_holders(root);
		scanned = true;
		name = holder_name(root, f, &holders);
		/* CONFIG_VFIO_GROUP=n: no group to ask, but the holder is seen */
		if (r == 1 || name)
			set_use(f,
				xasprintf("%s has it open in VFIO",
					  name ? name : "a process"),
				false);
		else if (r != -ENODEV)
			set_use(f,
				xasprintf("/dev/vfio does not tell whether it is open: "
					  "%s",
					  strerror(-r)),
				false);
	}
}

/* Is it to be taken away from where it is? Only then VFIO is asked who has it. */
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
		       !streq(pf_rule_driver(rule, pf, f->vf_index), f->driver) ||
		       wanted.known & VF_BEFORE_BIND;
	return device != NONE &&
	       !streq(device_rule_driver(&config->devices[device], f), f->driver);
}

void inuse_observe_moves(struct system *system, const struct root *root,
			 const struct config *config)
{
	_cleanup_free_ bool *which = xcalloc(system->n_functions, sizeof(bool));

	for (size_t i = 0; i < system->n_functions; i++)
		which[i] = may_move(system, config, &system->functions[i]);
	inuse_observe_vfio(system, root, which);
}
