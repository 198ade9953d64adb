#include "bootloader.h"

#include "efi.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/*
 * The order is in what detect() returns (research: kargs §E).
 * Running: ostree's tools 100, elemental 99, uki-addon 98, sdbootutil 97 and bls-plugin
 * 95 (the loader says that it is systemd-boot), the three of GRUB 90, u-boot-menu 50.
 * Below --root: bootc-kargsd 100, elemental 99, sdbootutil 92, grub-dropin, uki-addon and
 * bls-plugin 90, u-boot-menu 50; what works only on the running machine 0.
 */
static const struct bootloader *const bootloaders[] = {
	&bootloader_bls_plugin,  &bootloader_bootc_kargsd, &bootloader_bootc_source,
	&bootloader_elemental,   &bootloader_grub_dropin,  &bootloader_grubby,
	&bootloader_ostree,      &bootloader_rpm_ostree,   &bootloader_sdbootutil,
	&bootloader_u_boot_menu, &bootloader_uki_addon,    &bootloader_manual,
};

bool bootloader_is_proxmox(const struct root *root)
{
	_cleanup_free_ char *uuids = NULL;

	return root_read(root, &uuids, "etc/kernel/proxmox-boot-uuids") == 0 && *uuids;
}

/* systemd's running_in_chroot() compares the same */
static bool is_chroot(const struct root *root)
{
	_cleanup_close_ int fd = root_openat(root, O_PATH, "proc/1/root");
	struct stat first, ours;

	return fd >= 0 && fstat(fd, &first) == 0 && fstat(root->fd, &ours) == 0 &&
	       (first.st_dev != ours.st_dev || first.st_ino != ours.st_ino);
}

const char *bootloader_refusal(const struct root *root)
{
	_cleanup_free_ char *xen = NULL;

	if (!root->live)
		return NULL;
	if (root_exists(root, "run/systemd/container") ||
	    root_exists(root, "run/.containerenv") || root_exists(root, ".dockerenv"))
		return "this is a container, and the boot loader is its host's: run it "
		       "there";
	if (is_chroot(root))
		return "this is a chroot, where what boots the machine cannot be seen: "
		       "use --root=DIR from outside";
	if (root_read(root, &xen, "proc/xen/capabilities") == 0 &&
	    strstr(xen, "control_d"))
		return "this is Xen's dom0: the IOMMU belongs to the hypervisor, which "
		       "has a command line of its own";
	return NULL;
}

static int find_named(const struct bootloader **ret, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(bootloaders); i++)
		if (streq(bootloaders[i]->name, name)) {
			*ret = bootloaders[i];
			return 0;
		}
	log_error("kernel.bootloader = \"%s\" is not known, expected \"auto\" or one of:",
		  name);
	for (size_t i = 0; i < ARRAY_SIZE(bootloaders); i++)
		log_error("  %s", bootloaders[i]->name);
	return -ENOENT;
}

/* The surest one. -ENOTUNIQ: two are; logged. */
static int find_surest(const struct bootloader **ret, const struct root *root,
		       int *ret_sure)
{
	const struct bootloader *rival = NULL;

	*ret_sure = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bootloaders); i++) {
		int sure = bootloaders[i]->detect(root);

		if (sure > *ret_sure) {
			*ret = bootloaders[i];
			rival = NULL;
			*ret_sure = sure;
		} else if (sure && sure == *ret_sure) {
			rival = bootloaders[i];
		}
	}
	if (!rival)
		return 0;
	return log_error_errno(ENOTUNIQ,
			       "both %s and %s could boot this machine: name one as "
			       "kernel.bootloader",
			       (*ret)->name, rival->name);
}

/* Its tool writes the entries itself, from the administrator's /etc/kernel/cmdline. */
static bool is_proxmox_by_hand(const struct root *root)
{
	_cleanup_free_ char *loader = NULL;

	return root->live && bootloader_is_proxmox(root) &&
	       efi_read_loader(root, &loader, "LoaderInfo") == 0 &&
	       startswith(loader, "systemd-boot");
}

int bootloader_find(const struct bootloader **ret, const struct root *root,
		    const char *name)
{
	const struct bootloader *found = NULL;
	const char *refusal;
	int sure, r;

	if (name)
		return find_named(ret, name);
	refusal = bootloader_refusal(root);
	if (refusal)
		return log_error_errno(EOPNOTSUPP, "%s; or name a kernel.bootloader",
				       refusal);
	if (is_proxmox_by_hand(root)) {
		log_info(
			"Proxmox with systemd-boot: kernel arguments are in "
			"/etc/kernel/cmdline, followed by \"proxmox-boot-tool refresh\"");
		*ret = &bootloader_manual;
		return 0;
	}
	r = find_surest(&found, root, &sure);
	if (r == 0)
		r = root_trouble(root);
	if (r < 0)
		return r;
	if (root->live && sure < 99 && root_exists(root, "run/ostree-booted"))
		return log_error_errno(
			EOPNOTSUPP, "this is an ostree system without rpm-ostree, and "
				    "bootc, where there is one, has no loader-entries: "
				    "nothing here can change its kernel arguments and "
				    "take them back");
	*ret = found;
	return 0;
}
