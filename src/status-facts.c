#include "status-facts.h"

#include "inuse.h"
#include "netdev.h"

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

void status_facts_read(struct system *system, const struct root *root)
{
	read_parents(system, root);
	for (size_t i = 0; i < system->n_functions; i++)
		if (system->functions[i].n_vfs)
			read_values(system, root, &system->functions[i]);
	inuse_observe_holders(system, root);
}
