#include "status-facts.h"

#include "ledger.h"
#include "netdev.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>

#define DEVICES "sys/bus/pci/devices"

/* "../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0": the last part but one */
static void read_parents(struct system *system, const struct root *root)
{
	_cleanup_close_ int dir = root_openat(root, O_PATH | O_DIRECTORY, DEVICES);

	for (size_t i = 0; i < system->n_functions; i++) {
		struct function *f = &system->functions[i];
		char path[PATH_MAX], *end;
		ssize_t n = readlinkat(dir, f->address, path, sizeof(path) - 1);

		path[n < 0 ? 0 : n] = '\0';
		end = strrchr(path, '/');
		if (!end)
			continue;
		*end = '\0';
		end = strrchr(path, '/');
		if (end && strchr(end, ':'))
			f->parent = xstrdup(end + 1);
	}
}

static void read_values(struct system *system, const struct root *root,
			struct function *pf)
{
	_cleanup_(link_done) struct link link = {};
	unsigned ifindex;

	if (pf->link || pf->n_netdevs == 0 ||
	    netdev_of_pf(root, pf->address, &ifindex) < 0 ||
	    netlink_read(ifindex, &link) < 0)
		return;
	for (size_t i = 0; i < pf->n_vfs && i < link.n_vfs; i++)
		if (pf->vfs[i] != NONE)
			system->functions[pf->vfs[i]].values = link.vfs[i];
}

/* All functions of that group: /dev/vfio/GROUP is open for all of them. */
static void note_user(struct system *system, const char *group, const char *comm,
		      const char *pid)
{
	for (size_t i = 0; i < system->n_functions; i++) {
		struct function *f = &system->functions[i];
		_cleanup_free_ char *own = xasprintf("%d", f->iommu_group);

		if (streq(own, group) && !f->in_use && f->driver &&
		    strstr(f->driver, "vfio"))
			f->in_use = xasprintf("%s (process %s)", comm, pid);
	}
}

static void read_user(struct system *system, const struct root *root, const char *pid)
{
	static const char prefix[] = "/dev/vfio/";
	_cleanup_close_ int dir =
		root_openat(root, O_PATH | O_DIRECTORY, "proc/%s/fd", pid);
	_cleanup_free_ char *comm = NULL;
	struct strings fds = {};

	root_list(root, &fds, "proc/%s/fd", pid);
	for (size_t i = 0; i < fds.n; i++) {
		char path[PATH_MAX], *group;
		ssize_t n = readlinkat(dir, fds.items[i], path, sizeof(path) - 1);

		path[n < 0 ? 0 : n] = '\0';
		group = strstr(path, prefix); /* also from a chroot's own /dev */
		if (!group)
			continue;
		if (!comm && root_read(root, &comm, "proc/%s/comm", pid) < 0)
			break;
		note_user(system, group + strlen(prefix), comm, pid);
	}
	strings_done(&fds);
}

/* Who was promised it, and who has it. */
static void read_claims(struct system *system, const struct root *root)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };

	if (ledger_read(&ledger, root) < 0)
		return;
	for (size_t i = 0; i < system->n_functions; i++) {
		struct function *f = &system->functions[i];
		const struct claim *claim = ledger_find(&ledger, f->address);
		_cleanup_free_ char *user = f->in_use;

		if (claim)
			f->in_use = xasprintf("claimed by %s%s%s", claim->owner,
					      user ? "; " : "", user ? user : "");
		else
			steal_pointer(&user);
	}
}

void status_facts_read(struct system *system, const struct root *root)
{
	struct strings pids = {};

	read_parents(system, root);
	for (size_t i = 0; i < system->n_functions; i++)
		if (system->functions[i].n_vfs)
			read_values(system, root, &system->functions[i]);
	root_list(root, &pids, "proc");
	for (size_t i = 0; i < pids.n; i++)
		if (isdigit((unsigned char)*pids.items[i]))
			read_user(system, root, pids.items[i]);
	strings_done(&pids);
	read_claims(system, root);
}
