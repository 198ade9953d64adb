/*
 * efi.h: what the firmware and its boot loader tell the kernel, and the partitions that
 * they read: the EFI system partition (ESP) and the extended boot partition, which
 * systemd-boot reads too.
 */
#pragma once

#include "root.h"

/*
 * A variable of the boot loader interface (systemd.io/BOOT_LOADER_INTERFACE): LoaderInfo
 * "systemd-boot 257", StubInfo "systemd-stub 257". Other characters than ASCII become
 * '?'. -ENOENT: none, also below --root, whose machine does not run.
 */
int efi_read_loader(const struct root *root, char **ret, const char *name);
/* The firmware runs only what is signed. */
bool efi_secure_boot(const struct root *root);

/*
 * Those of "efi", "boot" and "boot/efi" that have `folder` and are boot partitions: on
 * the running machine FAT is mounted there, the one format that every firmware reads;
 * below --root the folder is enough. What mounts itself when it is looked at does so.
 * Also, on the running machine, the partition that the boot loader names, wherever it is
 * mounted. -ENOENT: none; -ENODEV: none, and one of the three is in /etc/fstab, but not
 * mounted.
 */
int efi_find_places(const struct root *root, struct strings *ret, const char *folder);
/* The same; none is -ENODEV, logged with what to do. */
int efi_require_places(const struct root *root, struct strings *ret, const char *folder);
