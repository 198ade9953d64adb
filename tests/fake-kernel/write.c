#include "kernel.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <unistd.h>

static void audit(struct kernel *kernel, const char *format, ...) PRINTF(2, 3);

static void audit(struct kernel *kernel, const char *format, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&line, format, args);
	va_end(args);
	if (n < 0 || write(kernel->audit, line, (size_t)n) != n)
		abort();
}

/* The values that kstrtobool() knows and somebody writes. */
static int parse_bool(const char *text, bool *ret)
{
	if (!strchr("01yYnN", *text) || !*text)
		return -EINVAL;
	*ret = strchr("1yY", *text) != NULL;
	return 0;
}

/* The function whose directory it is, or -ENODEV as for all that has vanished. */
static int find_function(struct kernel *kernel, const char *address,
			 struct function **ret)
{
	*ret = kernel_function(kernel, address);
	return *ret ? 0 : -ENODEV;
}

static int configure_vfs(struct kernel *kernel, struct function *pf, unsigned n,
			 const struct fault *fault)
{
	if (!pf->driver || !pf->driver->sriov)
		return -ENOENT;
	if (n && (pf->n_vfs || pf->coming))
		return -EBUSY;
	if (n == 0)
		function_disable_vfs(kernel, pf);
	else if (!pf->driver->needs_up || pf->up)
		function_enable_vfs(kernel, pf,
				    fault->make < 0 ? n : (unsigned)fault->make);
	return 0;
}

/* sriov_numvfs_store(): fewer VFs than asked for are a success */
static int store_numvfs(struct kernel *kernel, struct function *pf, const char *value,
			const struct fault *fault)
{
	unsigned long n;
	int r = parse_unsigned(value, 65535, &n);

	if (r < 0)
		return -EINVAL;
	if (n > pf->total)
		return -ERANGE;
	return n == pf->n_vfs + pf->coming ?
		       0 :
		       configure_vfs(kernel, pf, (unsigned)n, fault);
}

static int store_autoprobe(struct kernel *kernel, struct function *pf, const char *value,
			   const struct fault *fault)
{
	int r = parse_bool(value, &pf->autoprobe);

	(void)kernel;
	(void)fault;
	if (r == 0)
		tree_attribute(pf->dir, "sriov_drivers_autoprobe",
			       pf->autoprobe ? "1\n" : "0\n");
	return r;
}

static int store_override(struct kernel *kernel, struct function *f, const char *value,
			  const struct fault *fault)
{
	(void)kernel;
	(void)fault;
	if (strlen(value) >= 4095)
		return -EINVAL;
	function_override(f, value);
	return 0;
}

static const struct {
	const char *name;
	int (*store)(struct kernel *kernel, struct function *f, const char *value,
		     const struct fault *fault);
} attributes[] = {
	{ "sriov_numvfs", store_numvfs },
	{ "sriov_drivers_autoprobe", store_autoprobe },
	{ "driver_override", store_override },
};

/* new_id_store(): takes all unbound devices that match at once */
static int store_new_id(struct kernel *kernel, struct driver *driver, const char *value)
{
	_cleanup_free_ char *id = NULL;
	unsigned vendor, device;

	if (sscanf(value, "%x %x", &vendor, &device) != 2)
		return -EINVAL;
	id = xasprintf("%04x:%04x", vendor, device);
	if (strings_contain(&driver->ids, id))
		return -EEXIST;
	strings_add(&driver->ids, id);
	driver_attach(kernel, driver);
	return 0;
}

static int write_driver(struct kernel *kernel, const char *driver_name, const char *name,
			const char *value)
{
	struct driver *driver = kernel_driver(kernel, driver_name);
	struct function *f;
	int r;

	if (streq(name, "new_id"))
		return store_new_id(kernel, driver, value);
	r = find_function(kernel, value, &f);
	if (r < 0)
		return r;
	if (streq(name, "bind"))
		return function_bind(kernel, f, driver);
	if (f->driver != driver) /* unbind_store() */
		return -ENODEV;
	function_unbind(kernel, f);
	return 0;
}

/* drivers_probe_store(): success also when nothing was bound */
static int write_bus(struct kernel *kernel, const char *name, const char *value)
{
	struct function *f;
	int r;

	if (!streq(name, "drivers_probe"))
		return -EPERM;
	r = find_function(kernel, value, &f);
	if (r == 0)
		function_probe(kernel, f);
	return r;
}

/* mdev_device_create(), vfio_group_create(): a group of its own, with its node */
static void show_mdev(struct kernel *kernel, struct node *type, const char *uuid)
{
	struct node *parent = type->parent->parent, *dir = tree_directory(parent, uuid);
	_cleanup_free_ char *bus = xasprintf("bus/mdev/devices/%s", uuid),
			    *group =
				    xasprintf("kernel/iommu_groups/%d", kernel->n_groups),
			    *node = xasprintf(GROUPS "/%d", kernel->n_groups);

	kernel->n_groups++;
	tree_directory(&kernel->root, group);
	tree_control(&kernel->root, node, "");
	tree_control(dir, "remove", "");
	tree_link(dir, "iommu_group", "../../../../%s", group);
	tree_link(dir, "mdev_type", "../mdev_supported_types/%s", type->name);
	tree_link(&kernel->root, bus, "../../../devices/%s/%s/%s", parent->parent->name,
		  parent->name, uuid);
}

static void change_room(struct node *type, int change)
{
	tree_attribute(type, "available_instances", "%ld\n",
		       strtol(tree_find(type, "available_instances")->text, NULL, 10) +
			       change);
}

/* remove_store() of mdev_sysfs.c, mdev_device_remove() */
static int remove_mdev(struct kernel *kernel, struct node *dir)
{
	_cleanup_free_ char *uuid = xstrdup(dir->name);
	_cleanup_free_ char *bus = xasprintf("bus/mdev/devices/%s", uuid),
			    *device = xasprintf("devices/%s", uuid),
			    *node = xasprintf(
				    GROUPS "%s",
				    strrchr(tree_find(dir, "iommu_group")->text, '/'));
	struct node *type =
		tree_find(dir->parent, tree_find(dir, "mdev_type")->text + strlen("../"));

	change_room(type, 1);
	tree_remove(type, device);
	tree_remove(&kernel->root, bus);
	tree_remove(&kernel->root, node);
	tree_remove(dir->parent, uuid);
	return 0;
}

/* create_store() of mdev_sysfs.c, mdev_device_create() */
static int create_mdev(struct kernel *kernel, struct node *type, const char *uuid)
{
	_cleanup_free_ char *path = xasprintf("devices/%s", uuid);
	unsigned long room =
		strtoul(tree_find(type, "available_instances")->text, NULL, 10);

	if (strlen(uuid) != 36)
		return -EINVAL;
	if (tree_find(type, path))
		return -EEXIST;
	if (room == 0)
		return -EUSERS;
	tree_directory(type, path);
	change_room(type, -1);
	show_mdev(kernel, type, uuid);
	return 0;
}

static int store(struct kernel *kernel, struct node *node, const char *value,
		 const struct fault *fault)
{
	const char *place = node->parent->name, *name = node->name;
	struct function *f;

	if (streq(name, "bind") || streq(name, "unbind") || streq(name, "new_id"))
		return write_driver(kernel, place, name, value);
	if (streq(name, "create"))
		return create_mdev(kernel, node->parent, value);
	if (streq(name, "remove"))
		return remove_mdev(kernel, node->parent);
	if (streq(place, "pci"))
		return write_bus(kernel, name, value);
	if (streq(place, "parameters")) {
		tree_attribute(node->parent, name, "%s\n", value);
		return 0;
	}
	f = kernel_function(kernel, place);
	for (size_t i = 0; f && i < ARRAY_SIZE(attributes); i++)
		if (streq(name, attributes[i].name))
			return attributes[i].store(kernel, f, value, fault);
	return -EPERM;
}

static bool agrees(const char *pattern, const char *text)
{
	return !pattern || fnmatch(pattern, text, 0) == 0;
}

/* All that apply, as one; every fault counts its own matches. */
static struct fault find_fault(struct kernel *kernel, const char *path, const char *value)
{
	struct fault all = { .make = -1 };

	for (size_t i = 0; i < kernel->n_faults; i++) {
		struct fault *f = &kernel->faults[i];

		if (!agrees(f->path, path) || !agrees(f->value, value) ||
		    ++f->matches < f->nth ||
		    (f->times && f->matches >= (f->nth ? f->nth : 1) + f->times))
			continue;
		all.error = f->error ? f->error : all.error;
		all.make = f->make >= 0 ? f->make : all.make;
		all.delay += f->delay;
		all.hang |= f->hang;
		all.vanish = f->vanish ? f->vanish : all.vanish;
	}
	return all;
}

/* Sleeps with the device lock but without ours, so that all others go on. */
static void suffer(struct kernel *kernel, struct node *node, const char *path,
		   const char *value, const struct fault *fault)
{
	unsigned released = kernel->releases;
	struct timespec end;

	node->busy = true;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += fault->delay % 1000 * 1000000L;
	end.tv_sec += fault->delay / 1000 + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	while (fault->delay &&
	       pthread_cond_timedwait(&kernel->changed, &kernel->lock, &end) == 0)
		;
	if (fault->hang)
		audit(kernel, "hangs %s %s\n", path, value);
	while (fault->hang && kernel->releases == released)
		pthread_cond_wait(&kernel->changed, &kernel->lock);
	node = tree_find(&kernel->root, path);
	if (node)
		node->busy = false;
	pthread_cond_broadcast(&kernel->changed);
}

static int write_attribute(struct kernel *kernel, const char *path, const char *value)
{
	const struct fault fault = find_fault(kernel, path, value);
	struct node *node = tree_find(&kernel->root, path);
	struct function *vanishing =
		fault.vanish ? kernel_function(kernel, fault.vanish) : NULL;

	if (node && (fault.delay || fault.hang))
		suffer(kernel, node, path, value, &fault);
	if (vanishing && !vanishing->pf)
		function_remove(kernel, vanishing);
	node = tree_find(&kernel->root, path);
	if (!node) /* kernfs_get_active() */
		return -ENODEV;
	return fault.error ? -fault.error : store(kernel, node, value, &fault);
}

int kernel_write(struct kernel *kernel, const char *path, const char *value)
{
	_cleanup_free_ char *line = xstrdup(value);
	int r;

	pthread_mutex_lock(&kernel->lock);
	kernel_make_due(kernel);
	line[strcspn(line, "\n")] = '\0';
	if (streq(path, "/fake-kernel")) {
		r = machine_line(kernel, line);
		pthread_cond_broadcast(&kernel->changed);
	} else {
		r = write_attribute(kernel, path, line);
		audit(kernel, "%s %s %s\n", r < 0 ? strerrorname_np(-r) : "ok", path,
		      line);
	}
	pthread_mutex_unlock(&kernel->lock);
	return r;
}

/* sriov_numvfs_show() takes the device lock since 6.1, uevent_show() in 6.1 */
static bool takes_lock(const char *name)
{
	return streq(name, "sriov_numvfs") || streq(name, "uevent");
}

char *kernel_read(struct kernel *kernel, const char *path, size_t *ret_size)
{
	char *text = NULL;
	struct node *node;

	pthread_mutex_lock(&kernel->lock);
	kernel_make_due(kernel);
	node = tree_find(&kernel->root, path);
	if (node && node->kind == ATTRIBUTE && takes_lock(node->name))
		audit(kernel, "read %s\n", path);
	while (node && node->busy) {
		pthread_cond_wait(&kernel->changed, &kernel->lock);
		node = tree_find(&kernel->root, path);
	}
	if (node && node->kind == ATTRIBUTE) {
		text = memcpy(xcalloc(1, node->size + 1), node->text, node->size);
		*ret_size = node->size;
	}
	pthread_mutex_unlock(&kernel->lock);
	return text;
}
