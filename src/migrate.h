/*
 * migrate.h: what other programs' files say of VFs, as lines of sriov.conf. Pure.
 *
 * Only what is understood is said; a value that could not stand between quotes is not.
 * VFs that others make get the kernel's own driver, so the rules say driver = "native".
 */
#pragma once

#include "system.h"

/*
 * The text of one file, by name without folder. Returns NULL: it is not about VFs or
 * VFIO; "": it is, and no line can be given; the caller frees it. The system tells VFs
 * from others, and the IDs of VFs.
 */
typedef char *migrate(const char *name, const char *text, const struct system *system);

migrate migrate_sysfs,     /* sysfs.conf(5) */
	migrate_script,    /* "echo N > …/sriov_numvfs", also in units */
	migrate_udev,      /* ATTR{…sriov_numvfs}="N" */
	migrate_netplan,   /* virtual-function-count */
	migrate_keyfile,   /* NetworkManager's [sriov] */
	migrate_link,      /* systemd.link(5)'s SR-IOVVirtualFunctions= */
	migrate_modprobe,  /* options vfio-pci ids= */
	migrate_driverctl, /* a file for each device */
	migrate_operator;  /* the SR-IOV network operator's record of a PF */
