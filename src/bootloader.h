/*
 * bootloader.h: where kernel arguments live. One const struct and one file per
 * arrangement.
 *
 * All word arithmetic is in cmdline.c; a back end only knows where the string is and how
 * to make it stick. Back ends log; they return 0 or more, or a negative errno.
 */
#pragma once

#include "cmdline.h"
#include "config.h"
#include "root.h"

struct bootloader {
	const char *name; /* kernel.bootloader = "…" */
	/* How sure it is that this machine boots this way: 0 no … 100 certain. */
	int (*detect)(const struct root *root);
	/* The words that we installed earlier; -ENOENT: none. */
	int (*read)(const struct root *root, struct cmdline *ret_ours);
	/* Makes exactly these words ours, none: takes away all that is ours. What
	 * firmware verifies is signed when there is a key. 1 changed, 0 was right. */
	int (*install)(const struct root *root, const struct cmdline *words,
		       const struct signing_key *key);
	bool signs; /* install() uses the key */
	/* Makes it stick, and verifies what will be booted; NULL: nothing to do. Live
	 * only. */
	int (*refresh)(const struct root *root, const struct cmdline *words);
	/* Adds the words that others give to the next boot, as far as they can be read;
	 * NULL: unknown. */
	int (*foreign)(const struct root *root, struct cmdline *ret);
	/*
	 * Gives these words to the next boot only, and `before`, those of ours that are
	 * installed, to later ones; refreshes by itself. install() ends it. NULL: cannot.
	 * Live only.
	 */
	int (*arm)(const struct root *root, const struct cmdline *before,
		   const struct cmdline *words, unsigned generation);
};

extern const struct bootloader bootloader_bls_plugin;
extern const struct bootloader bootloader_bootc_kargsd;
extern const struct bootloader bootloader_bootc_source;
extern const struct bootloader bootloader_elemental;
extern const struct bootloader bootloader_grub_dropin;
extern const struct bootloader bootloader_grubby;
extern const struct bootloader bootloader_manual;
extern const struct bootloader bootloader_ostree;
extern const struct bootloader bootloader_rpm_ostree;
extern const struct bootloader bootloader_sdbootutil;
extern const struct bootloader bootloader_u_boot_menu;
extern const struct bootloader bootloader_uki_addon;

/*
 * Proxmox VE keeps several boot partitions, unmounted, and fills them itself by
 * "proxmox-boot-tool refresh": /etc/kernel/proxmox-boot-uuids lists them.
 */
bool bootloader_is_proxmox(const struct root *root);

/*
 * Why no boot loader of the running machine is ours to change: a container, a chroot,
 * Xen's dom0 (the IOMMU belongs to the hypervisor). NULL: there is no such reason.
 */
const char *bootloader_refusal(const struct root *root);

/* The one named (-ENOENT when there is none) or, for NULL, the surest. Logs. */
int bootloader_find(const struct bootloader **ret, const struct root *root,
		    const char *name);
