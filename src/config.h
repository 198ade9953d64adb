/*
 * config.h: what the administrator wants: /etc/sriov.conf and its drop-ins.
 *
 * NULL and -1 mean "not said". The structs own their strings.
 */
#pragma once

#include "eswitch.h"
#include "nvme.h"
#include "root.h"
#include "util.h"
#include "vf.h"

#define CONFIG_PATH "etc/sriov.conf"
#define CONFIG_IMAGE_DIR "usr/lib/sriov-setup"

/* Where something was said, for every message about it. */
struct where {
	const char *file; /* as the user would name it: "/etc/sriov.conf"; owned by struct
			     config */
	int line;
};

enum iommu_wish { IOMMU_AUTO, IOMMU_ON, IOMMU_LEAVE };
enum realloc_wish { REALLOC_AUTO, REALLOC_ON, REALLOC_LEAVE };
enum vfio_ids { VFIO_IDS_SAFE, VFIO_IDS_NONE, VFIO_IDS_PERSISTENT };

struct hugepages {
	char *size; /* "2M", "1G": as the kernel's hugepagesz= takes it */
	unsigned count;
};

/* PEM files on the machine that runs us, also for an image; both or none */
struct signing_key {
	char *key, *certificate;
};

/* kernel = { … }: what needs the next boot */
struct kernel_config {
	struct where where;            /* file NULL: there is no such section */
	enum iommu_wish iommu;         /* iommu = "auto" | "on" | "leave" */
	bool passthrough;              /* iommu=pt, iommu.passthrough=1 */
	enum realloc_wish pci_realloc; /* pci_realloc = "auto" | "on" | "leave" */
	bool assign_busses;            /* pci=assign-busses (x86) */
	bool unsafe_interrupts;        /* vfio_iommu_type1.allow_unsafe_interrupts=1 */
	struct hugepages *hugepages;   /* hugepages = ( { size = "1G"; count = 16; } ) */
	size_t n_hugepages;
	struct strings extra;     /* extra = [ "word", … ] */
	struct strings blacklist; /* blacklist = [ "igbvf", … ]: modules that never load
				     by alias */
	bool trial; /* new words are tried for one boot first, where the boot loader can
		     */
	char *bootloader;       /* NULL: "auto" */
	enum vfio_ids vfio_ids; /* vfio_ids = "safe" | "none" | "persistent": also in
				   modprobe.d */
	struct signing_key
		secure_boot; /* secure_boot = { key = "/…"; certificate = "/…"; } */
};

/* Every part that is given must agree. At least one is given. */
struct match {
	char *address;      /* "0000:01:00.0", lower case, with domain */
	char *interface;    /* name of a netdev of the function */
	char *mac;          /* permanent address, "aa:bb:cc:dd:ee:ff", lower case */
	int vendor, device; /* id = "8086:1572" */
	char *driver;       /* bound driver */
	char *slot;         /* physical slot, name in /sys/bus/pci/slots */
	char *serial; /* PCIe device serial number "aa-bb-cc-dd-ee-ff-00-11", lower case
		       */
};

/* the count is left to others; VFs that appear get their driver */
#define VFS_UNSET (-1)
/* "max": sriov_totalvfs */
#define VFS_MAX (-2)
#define VFS_LIMIT 65535

/*
 * Drivers as the user names them: "vfio-pci" (default of a rule, but on a Harvester
 * node), "native" (let the kernel probe), "leave" (the same for a new VF; the driver of
 * one that exists is somebody else's matter), "none" (leave unbound), "auto-vfio" (the
 * vfio driver that knows the device best: one that can migrate it, else vfio-pci), or any
 * driver's name.
 */
#define DRIVER_VFIO "vfio-pci"
#define DRIVER_AUTO_VFIO "auto-vfio"
#define DRIVER_NATIVE "native"
#define DRIVER_NONE "none"
#define DRIVER_LEAVE "leave"

/* Is it more than what the kernel does by itself? */
static inline bool driver_is_chosen(const char *driver)
{
	return !streq(driver, DRIVER_NATIVE) && !streq(driver, DRIVER_LEAVE);
}

/* sysfs = ( { attribute = "…"; value = "…"; } ): a file below the function's own folder
 */
struct attribute {
	struct where where;
	char *name, *value;
};

struct attributes {
	struct attribute *items;
	size_t n;
};

/* Who hands a function out: advertise = "auto" | "kubevirt" | "device-plugin" |
 * "libvirt" | "claim" */
enum advertise {
	ADVERTISE_AUTO,
	ADVERTISE_KUBEVIRT,
	ADVERTISE_DEVICE_PLUGIN, /* of SR-IOV networks, also the operator's */
	ADVERTISE_LIBVIRT,
	ADVERTISE_CLAIM, /* sriov-setup claim */
	N_ADVERTISE
};

/* vf = ( { index = "0-3"; … } ): VFs that differ from the rest of their PF */
struct vf_rule {
	struct where where;
	unsigned first, last;
	struct vf_values values; /* what is not known is the PF rule's */
	struct attributes sysfs;
	char *driver;             /* NULL: the PF rule's */
	char *resource;           /* NULL: the PF rule's */
	enum advertise advertise; /* ADVERTISE_AUTO: the PF rule's */
};

/* pf = ( { … } ): the first rule that matches a PF governs it */
struct pf_rule {
	struct where where;
	struct match match;
	bool required;   /* it is an error when no PF matches */
	int vfs;         /* 0…VFS_LIMIT, VFS_UNSET, VFS_MAX */
	char *pf_driver; /* NULL: the one that it has */
	char *driver;    /* of its VFs; never NULL */
	char *resource;  /* "vendor.example/name"; NULL: made from the vendor's and
			    device's names */
	enum advertise advertise;
	unsigned mtu; /* 0: not said */
	bool link_up; /* link = "up" */
	struct eswitch eswitch;
	struct nvme_share nvme;  /* of every VF */
	struct vf_values values; /* of every VF; VF_MAC_STABLE is the only MAC here */
	struct attributes sysfs; /* of the PF itself */
	struct vf_rule *vf;      /* ranges do not overlap */
	size_t n_vf;
};

/* device = ( { … } ): a whole function that is no VF of this host */
struct device_rule {
	struct where where;
	struct match match;
	bool required;
	char *driver;     /* never NULL, never "native" or "none" */
	bool whole_group; /* others of its IOMMU group that no rule governs go along */
	char *resource;
	enum advertise advertise;
};

/* mdev = ( { … } ): mediated devices, made and listed in the snippets */
struct mdev_rule {
	struct where where;
	struct match match;
	char *type;     /* "GRID T4-1Q": the name in mdev_supported_types */
	unsigned count; /* on each parent; 0: others make them */
	char *resource; /* never NULL */
};

struct export_config {
	struct where where; /* file NULL: there is no such section */
	bool kubevirt;      /* default true, where libvirt is not on; all others false */
	bool kubevirt_said; /* some file does not leave it to the default */
	bool device_plugin, nad, sriov_network, harvester, libvirt, qemu, cdi;
	char *node;                      /* name in Kubernetes; NULL: the host's */
	char *namespace;                 /* of networks; NULL: "default" */
	bool external_resource_provider; /* default false */
	char *dir;                       /* absolute; NULL: /run/sriov-setup/export */
};

/* On each node of Harvester and nowhere else (its package/harvester-os/Dockerfile) */
#define HARVESTER_RELEASE "etc/harvester-release.yaml"

struct config {
	struct strings
		files; /* that were read, in order; owns the names in struct where */
	struct kernel_config kernel;
	struct pf_rule *pfs;
	size_t n_pfs;
	struct device_rule *devices;
	size_t n_devices;
	struct mdev_rule *mdevs;
	size_t n_mdevs;
	struct export_config export;
	struct strings memlock; /* units whose processes may lock all memory */
	/* HARVESTER_RELEASE is there: the controller of that system binds what somebody
	 * claims, and unbinds the rest; a rule that names no driver says "leave" */
	bool harvester;
	/* of this run only, said on the command line */
	bool gentle;      /* --boot: take nothing from who may be using it */
	bool keep_counts; /* a change has just failed: put right what there is */
	struct strings force_in_use; /* addresses: take these also from their users */
};

/*
 * Reads `path` (NULL: CONFIG_PATH) below the root, then path.d/<name>.conf in name order;
 * where path is NULL also CONFIG_IMAGE_DIR/<name>.conf. Settings: the image's, overruled
 * by the file, overruled by its drop-ins. Rules: the file's first, then the drop-ins',
 * then the image's. A missing file is an empty one, except a `path` that was given
 * (-ENOENT). Logs one line "file:line: what is wrong, what was expected" for every
 * mistake and then returns -EINVAL; `ret` is then empty.
 */
int config_load(struct config *ret, const struct root *root, const char *path);
void config_done(struct config *config);
/* Adds what one file says, whose name is config->files'. How many mistakes there are,
 * each logged. */
size_t config_parse(struct config *config, const char *file, const char *text);
