/*
 * kernel.h: a pretended PCI core: functions, drivers and what becomes of them.
 *
 * Every change shows in the tree at once. The functions follow drivers/pci/iov.c,
 * drivers/pci/pci-driver.c and drivers/base/{bus,dd}.c; each names the one that it
 * imitates. They return 0 or a negative errno, as the kernel does.
 */
#pragma once

#include "tree.h"

#include <pthread.h>
#include <time.h>

struct driver {
	char *name, *module;
	struct strings ids; /* "8086:10ca", "*" */
	bool loaded;
	bool sriov;     /* has a sriov_configure() */
	bool keeps_vfs; /* its VFs outlive it, as nvme's do */
	bool netdevs;   /* makes a network interface for what it drives */
	bool up;        /* … and somebody takes each into use at once */
	bool needs_up;  /* makes no VFs while its interface is down, as bnxt_en does */
};

struct function {
	char *address;
	unsigned vendor, device, class;
	struct driver *driver;
	char *override;
	int group;         /* -1: no IOMMU */
	bool shares_group; /* no ACS above it: its VFs are in its group */
	/* PF */
	unsigned total, offset, stride, vf_device;
	bool autoprobe;
	struct function **vfs;
	size_t n_vfs;
	unsigned late_vfs; /* milliseconds from the write to the VFs: s390 */
	unsigned coming;   /* VFs that are counted but not there yet */
	struct timespec vfs_due;
	/* VF */
	struct function *pf;
	unsigned index;
	/* its interface, while it has a driver that makes one */
	char *net, *mac, *master, *upper;
	char *numa; /* NULL: a VF has its PF's, others none */
	unsigned ifindex;
	bool up;
	unsigned late;       /* milliseconds from bind to interface */
	struct timespec due; /* when the interface comes; 0: nothing is due */
	struct node *dir;
};

/* What happens at writes to paths, beside or instead of what is written. */
struct fault {
	char *path, *value;  /* patterns of fnmatch(3); NULL: any */
	unsigned nth, times; /* from the nth match on, so many times; 0: first, always */
	unsigned matches;
	int error;      /* positive errno to fail with */
	int make;       /* the driver makes so many VFs; -1: as asked */
	unsigned delay; /* milliseconds */
	bool hang;      /* until "release" */
	char *vanish;   /* this function is pulled out first */
};

struct kernel {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct node root;
	struct driver **drivers;
	size_t n_drivers;
	struct function **functions;
	size_t n_functions;
	struct fault *faults;
	size_t n_faults;
	bool no_iommu;
	int n_groups;
	unsigned n_netdevs;
	unsigned releases; /* how often hanging writes were let go */
	char *mounts;      /* what /proc/self/mountinfo should say */
	int audit;         /* a line for each write, and each read that takes a lock */
};

void kernel_init(struct kernel *kernel, int audit);

struct driver *kernel_driver(struct kernel *kernel, const char *name);
struct function *kernel_function(struct kernel *kernel, const char *address);

void driver_add(struct kernel *kernel, const struct driver *driver);
/* driver_attach(): takes all that is unbound and matches, as when it is registered. */
void driver_attach(struct kernel *kernel, struct driver *driver);
/* modprobe; options: NULL or "ids=…", which only vfio-pci knows. */
int module_insert(struct kernel *kernel, const char *module, const char *options);

/* Takes what its strings point to. Binds it: device_initial_probe(). */
struct function *function_add(struct kernel *kernel, const struct function *function);
void function_remove(struct kernel *kernel, struct function *function);

/* bind_store() */
int function_bind(struct kernel *kernel, struct function *function,
		  struct driver *driver);
void function_unbind(struct kernel *kernel, struct function *function);
/* device_attach(): the first driver that matches and accepts it. */
void function_probe(struct kernel *kernel, struct function *function);
void function_override(struct function *function, const char *driver);
/* IFF_UP of the netdev with that ifindex; -ENODEV */
int netdev_up(struct kernel *kernel, unsigned ifindex);
/* sriov_enable(), sriov_disable() */
void function_enable_vfs(struct kernel *kernel, struct function *pf, unsigned n);
void function_disable_vfs(struct kernel *kernel, struct function *pf);
/* Interfaces and VFs whose time has come. */
void kernel_make_due(struct kernel *kernel);

/* A line of a machine's description; control lines too. -EINVAL: not understood. */
int machine_line(struct kernel *kernel, char *line);

/*
 * What userspace does to the tree, by path. Both lock. A write is one line of the audit:
 * "RESULT PATH VALUE" with the result's name, "hangs" when it begins to hang; a read of
 * an attribute that takes the device lock is one too: "read PATH".
 */
int kernel_write(struct kernel *kernel, const char *path, const char *value);
/*
 * Nodes of groups, for /dev/vfio: DIRECTORY/GROUP, as vfio_group_fops_open() has it. An
 * open that is the second gets -EBUSY; close the same node. 0 for other paths.
 */
#define GROUPS "fake-vfio"
int kernel_open(struct kernel *kernel, const char *path);
void kernel_close(struct kernel *kernel, const char *path);

/* The content, for the caller to free, and its size; NULL: no such attribute. */
char *kernel_read(struct kernel *kernel, const char *path, size_t *ret_size);
