/*
 * system.h: what the machine is: its PCI functions, as far as SR-IOV and binding go.
 *
 * Only attributes that take no lock in the kernel are read, so observing never blocks,
 * also while a PF is stuck: VFs are counted by their virtfnN links, never by sriov_numvfs
 * (sriov_numvfs_show() takes the device lock), IDs come from modalias, never from uevent
 * (uevent_show() takes it in 6.1).
 */
#pragma once

#include "config.h"
#include "kernel-args.h"
#include "mdev.h"
#include "netlink.h"
#include "owners.h"
#include "root.h"

#define NONE (-1) /* no such number, no such index */

/* Lines "ADDRESS VALUE": what sriov_drivers_autoprobe was before the run that works now
 */
#define AUTOPROBE_RECORD "run/sriov-setup/autoprobe"

#define BOOT_DISPLAY "it is the boot display" /* why it is in use */

struct netdev {
	char *name;
	char *mac; /* the permanent one; NULL while another is set (addr_assign_type) */
	bool up;   /* IFF_UP */
	char *master;          /* the bond or bridge that it belongs to; NULL: none */
	struct strings uppers; /* what is stacked on it, the master included */
};

/* What the config's sysfs = ( … ) names, as it is. */
struct found_attribute {
	char *name, *value; /* value NULL: cannot be read */
	int error;          /* why: -EACCES where it is write-only */
};

struct function {
	char *address;
	unsigned vendor, device, class; /* class: 24 bits, 0x020000 Ethernet */
	char *driver;                   /* NULL: none bound */
	int iommu_group;                /* NONE: no IOMMU works on it */
	int numa_node;
	/* PF */
	unsigned total_vfs; /* sriov_totalvfs; 0: no SR-IOV */
	unsigned vf_device; /* device ID of its VFs; the vendor is the PF's,
			       pci_iov_add_virtfn() */
	unsigned vf_offset, vf_stride;
	bool autoprobe; /* sriov_drivers_autoprobe */
	/* an interrupted run has left it changed; it was: */
	bool autoprobe_lost, autoprobe_was;
	struct link *link; /* NULL: no rule asks for it, or: */
	char *link_error;  /* why it cannot be read */
	int *vfs; /* indices into system.functions, by VF index; NONE: link dangles */
	size_t n_vfs;
	char *vfio_driver; /* of its VFs (a PF) or its own: the best that there is; NULL:
			      vfio-pci, or no rule asks */
	struct nvme *nvme; /* NULL: no rule asks for it, or: */
	char *nvme_error;  /* why it cannot be read */
	struct eswitch eswitch; /* as far as a rule asks and devlink tells */
	/* VF */
	int pf; /* index into system.functions, NONE: no VF */
	unsigned vf_index;
	struct vf_values values; /* what its rule asks for, as far as reported */
	/* PF or VF */
	struct found_attribute *sysfs;
	size_t n_sysfs;
	struct mdev_types mdevs; /* where a rule asks to make some */
	/* what a rule may match by, and what keeps us from touching it */
	struct netdev *netdevs;
	size_t n_netdevs;
	char *slot;   /* NULL: unknown */
	char *serial; /* NULL: unknown */
	char *parent; /* what it hangs on: a bridge's address or "pci0000:00"; NULL: not
			 asked for, see status-facts.h */
	char *in_use; /* why it must be left alone: "disk sda is mounted on /"; NULL: free
		       */
	bool only_claimed; /* that is a claim, and nobody has it open */
	char *carries;  /* what the host itself needs of it, so that a PF's count stays:
			   not that it is just up; NULL: nothing */
	unsigned asked; /* what its VFs were asked for with, by us; 0: others made them */
};

struct system {
	struct function *functions; /* sorted by address */
	size_t n_functions;
	char *hostname;          /* NULL: unknown */
	bool live;               /* false: an image, nothing was observed */
	struct strings drivers;  /* of PCI devices that are loaded or built in */
	bool vfio_module_loaded; /* vfio_pci: loaded or built in */
	bool unsafe_interrupts;  /* vfio_iommu_type1's allow_unsafe_interrupts is set */
	char *modprobe;          /* our file in modprobe.d; NULL: there is none */
	struct strings memlock;  /* services that have our drop-in */
	struct owners owners;    /* none, unless owners_read() was asked for them */
	struct kernel_facts kernel; /* zeroed where no kernel section asks or asked */
};

/*
 * Reads all functions below sys/bus/pci/devices. What only some configs need is read for
 * those: slot and serial where a rule matches by them, who has it open where a rule
 * would move the function (in VFIO only where the run is not gentle), link, values and
 * sysfs where the governing rule names them (netlink takes the kernel's rtnl lock). Below
 * --root nothing is observed. A device that vanishes meanwhile is left out, no error.
 */
int system_observe(struct system *ret, const struct root *root,
		   const struct config *config);
/* The same of only what rules match PFs and devices by; VFs have just their address, and
 * no use is looked for. */
int system_glance(struct system *ret, const struct root *root,
		  const struct config *config);
void system_done(struct system *system);

/* The rule that governs a PF: the first that matches; NULL: none. Pure. */
const struct pf_rule *system_pf_rule(const struct config *config,
				     const struct function *pf);
/* The rule's entry for one VF; NULL: none. Pure. */
const struct vf_rule *pf_rule_vf(const struct pf_rule *rule, unsigned vf_index);
/* All that the rule says of one VF. Pure. */
struct vf_values pf_rule_values(const struct pf_rule *rule, unsigned vf_index);
/* Does the rule say anything of the eswitch? Pure. */
bool pf_rule_names_eswitch(const struct pf_rule *rule);
/* Does the rule say something that goes through the PF's network interface? Pure. */
bool pf_rule_needs_link(const struct pf_rule *rule);

/* Does the function agree with every given part of the match? Pure. */
bool match_agrees(const struct match *match, const struct function *function);
