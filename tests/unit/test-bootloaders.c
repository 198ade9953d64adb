/* Each back end that goes through a tool or belongs to one distribution: its life, and
 * the words of others. */
#include "bootloader-fixture.h"

#include <errno.h>

static void file_is(struct fixture *f, const char *path, const char *want)
{
	_cleanup_free_ char *text = NULL;

	root_read(&f->root, &text, "%s", path);
	is_string(text, want, "/%s", path);
}

/* The words of others that are read for the next boot; ours may be among them. */
static void foreign_are(struct fixture *f, const struct bootloader *loader,
			const char *want)
{
	_cleanup_(cmdline_done) struct cmdline found = {};
	_cleanup_free_ char *text = NULL;

	is_int(loader->foreign(&f->root, &found), 0, "%s: words of others", loader->name);
	text = cmdline_print(&found);
	is_string(text, want, "%s: they are these", loader->name);
}

static void test_kargsd(void)
{
	const struct bootloader *loader = &bootloader_bootc_kargsd;
	struct fixture f;

	machine(&f);
	f.root.live = false;
	fixture_write(&f, "usr/lib/bootc/kargs.d/10-theirs.toml",
		      "kargs = [\"pci=noaer\"]\n");
	fixture_write(&f, "usr/lib/bootc/kargs.d/20-theirs.toml",
		      "# words\nmatch-architectures = [\"x86_64\"]\nkargs = [\n"
		      "  \"iommu=off\",\n  \"quiet\"\n]\n");
	is_int(loader->detect(&f.root), 100, "an image for bootc");
	foreign_are(&f, loader, "pci=noaer iommu=off quiet");
	lead_life(&f, loader, FIRST, SECOND);
	put(&f, loader, "intel_iommu=on,sm_on iommu=pt");
	file_is(&f, "usr/lib/bootc/kargs.d/50-sriov-setup.toml",
		"# Written by sriov-setup from /etc/sriov.conf; changes are lost.\n"
		"kargs = [\"intel_iommu=on,sm_on\", \"iommu=pt\"]");
	ours_are(&f, loader, "intel_iommu=on,sm_on iommu=pt");
	f.root.live = true;
	is_int(loader->detect(&f.root), 0, "not on the running machine");
	ok(put(&f, loader, FIRST) < 0, "even when it is named");
	fixture_close(&f);
}

static void ostree(struct fixture *f, const char *kargs)
{
	machine(f);
	fixture_write(f, "run/ostree-booted", "");
	fixture_write(f, "kargs", kargs);
	fixture_write(f, "proc/cmdline", kargs);
}

static void test_rpm_ostree(void)
{
	const struct bootloader *loader = &bootloader_rpm_ostree;
	struct fixture f;

	ostree(&f, "root=UUID=1 pci=noaer pci=noats quiet\n");
	install_tool(&f, "usr/bin", "rpm-ostree");
	is_int(loader->detect(&f.root), 100, "rpm-ostree");
	foreign_are(&f, loader, "root=UUID=1 pci=noaer pci=noats quiet");
	lead_life(&f, loader, FIRST, SECOND);
	put(&f, loader, FIRST);
	file_is(&f, "kargs", "root=UUID=1 pci=noaer pci=noats quiet " FIRST);
	fixture_write(&f, "kargs", "root=UUID=1 iommu=pt pci=noaer\n");
	put(&f, loader, FIRST);
	file_is(&f, "kargs",
		"root=UUID=1 iommu=pt pci=noaer pci=realloc "
		"sriov_setup.gen=1");
	put(&f, loader, "");
	fixture_write(&f, "kargs", "root=UUID=1 iommu=pt pci=noaer\n");
	put(&f, loader, FIRST);
	ours_are(&f, loader, "pci=realloc sriov_setup.gen=1");
	put(&f, loader, "");
	file_is(&f, "kargs", "root=UUID=1 iommu=pt pci=noaer");
	f.root.live = false;
	ok(put(&f, loader, FIRST) < 0 && loader->detect(&f.root) == 0, "not in an image");
	fixture_close(&f);
}

#define DEPLOYED "boot/loader/entries/ostree-2.conf"
#define TAIL " ostree=/ostree/boot.1/debian/f00/0\n"

static void test_ostree(void)
{
	const struct bootloader *loader = &bootloader_ostree;
	struct fixture f;

	ostree(&f, "");
	install_tool(&f, "usr/bin", "ostree");
	ok(put(&f, loader, FIRST) < 0, "no deployment");
	fixture_write(&f, "boot/loader/entries/ostree-1.conf",
		      "title D\nversion 1\noptions root=UUID=1 iommu=off" TAIL);
	fixture_write(&f, DEPLOYED,
		      "title D\nversion 2\noptions root=UUID=1 pci=noaer quiet" TAIL);
	is_int(loader->detect(&f.root), 100, "plain ostree");
	foreign_are(&f, loader, "root=UUID=1 pci=noaer quiet");
	lead_life(&f, loader, FIRST, SECOND);
	put(&f, loader, FIRST);
	file_is(&f, DEPLOYED,
		"title D\nversion 2\noptions root=UUID=1 pci=noaer quiet " FIRST
		" ostree=/ostree/boot.1/debian/f00/0");
	fixture_write(&f, "run/ostree/staged-deployment", "");
	is_int(put(&f, loader, SECOND), -EBUSY, "what is staged cannot be changed");
	root_remove(&f.root, "run/ostree/staged-deployment");
	put(&f, loader, "");
	fixture_write(&f, DEPLOYED, "version 2\noptions iommu=pt" TAIL);
	put(&f, loader, FIRST);
	ours_are(&f, loader, "pci=realloc sriov_setup.gen=1");
	put(&f, loader, "");
	file_is(&f, DEPLOYED,
		"version 2\noptions iommu=pt ostree=/ostree/boot.1/debian/f00/0");
	fixture_write(&f, DEPLOYED, "version 2\noptions a -- b" TAIL);
	is_int(put(&f, loader, FIRST), -EOPNOTSUPP, "words for init would be lost");
	install_tool(&f, "usr/bin", "bootc");
	is_int(loader->detect(&f.root), 0, "bootc's deployments are bootc's");
	fixture_close(&f);
}

/* Debian's own ostree on a deployment that it made, of a system that has only a kernel.
 */
static void test_ostree_itself(void)
{
	const char *named = getenv("OSTREE"), *srcdir = getenv("srcdir");
	const char *tool = named ? named : "/usr/bin/ostree";
	const struct bootloader *loader = &bootloader_ostree;
	_cleanup_free_ char *command = NULL;
	struct fixture f;

	if (access(tool, X_OK) < 0 || geteuid() != 0) {
		printf("ok %d # SKIP no ostree, or not root\n", ++tap_count);
		return;
	}
	ostree(&f, "root=UUID=1\n");
	command = xasprintf("'%s/tests/unit/stand-in/deploy-with-ostree' '%s' '%s'",
			    srcdir ? srcdir : ".", tool, f.path);
	if (system(command) != 0)
		abort();
	foreign_are(&f, loader, "root=UUID=1 pci=noaer pci=noats");
	is_int(put(&f, loader, FIRST), 1, "ostree itself: install");
	foreign_are(&f, loader, "root=UUID=1 pci=noaer pci=noats " FIRST);
	is_int(put(&f, loader, FIRST), 0, "ostree itself: again");
	is_int(put(&f, loader, SECOND), 1, "ostree itself: other words");
	foreign_are(&f, loader, "root=UUID=1 pci=noaer pci=noats " SECOND);
	is_int(put(&f, loader, ""), 1, "ostree itself: remove");
	foreign_are(&f, loader, "root=UUID=1 pci=noaer pci=noats");
	fixture_close(&f);
}

static void test_bootc_source(void)
{
	const struct bootloader *loader = &bootloader_bootc_source;
	struct fixture f;

	ostree(&f, "root=UUID=1 pci=noaer iommu=pt\n");
	install_tool(&f, "usr/bin", "rpm-ostree");
	install_tool(&f, "usr/bin", "bootc");
	is_int(loader->detect(&f.root), 100, "bootc with loader-entries");
	is_int(bootloader_rpm_ostree.detect(&f.root), 0, "goes before rpm-ostree");
	fixture_write(&f, "run/ostree/staged-deployment", "");
	fixture_write(&f, "old-bootc", "");
	is_int(loader->detect(&f.root), 0, "an older bootc");
	is_int(bootloader_rpm_ostree.detect(&f.root), 100, "leaves it to rpm-ostree");
	root_remove(&f.root, "old-bootc");
	put(&f, loader, FIRST);
	ours_are(&f, loader, "pci=realloc sriov_setup.gen=1");
	put(&f, loader, "");
	file_is(&f, "kargs", "root=UUID=1 pci=noaer iommu=pt");
	fixture_write(&f, "kargs", "root=UUID=1 pci=noaer\n");
	fixture_write(&f, "proc/cmdline", "root=UUID=1 pci=noaer\n");
	lead_life(&f, loader, FIRST, SECOND);
	put_without_power(&f, loader, FIRST, "late");
	fixture_write(&f, "proc/cmdline", "root=UUID=1 pci=noaer " FIRST "\n");
	is_int(put(&f, loader, ""), 1, "what was staged when the power was cut");
	file_is(&f, "kargs", "root=UUID=1 pci=noaer");
	fixture_close(&f);
}

#define ENTRIES "boot/loader/entries/"
#define ENTRY(version, options) \
	"title Fedora " version "\nlinux /vmlinuz-" version "\noptions " options "\n"

static void fedora(struct fixture *f)
{
	machine(f);
	install_tool(f, "usr/sbin", "grubby");
	install_tool(f, "usr/bin", "grub2-editenv");
	fixture_write(f, ENTRIES "a-6.17.conf",
		      ENTRY("6.17", "root=UUID=1 ro pci=noaer rhgb"));
	fixture_write(f, ENTRIES "a-6.18.conf",
		      ENTRY("6.18", "root=UUID=1 ro pci=noaer rhgb"));
}

static void test_grubby(void)
{
	const struct bootloader *loader = &bootloader_grubby;
	struct fixture f;

	fedora(&f);
	is_int(loader->detect(&f.root), 90, "grubby with entries");
	foreign_are(&f, loader,
		    "root=UUID=1 ro pci=noaer rhgb root=UUID=1 ro pci=noaer rhgb");
	lead_life(&f, loader, FIRST, SECOND);
	put(&f, loader, FIRST);
	file_is(&f, ENTRIES "a-6.17.conf",
		"title Fedora 6.17\nlinux /vmlinuz-6.17\noptions root=UUID=1 ro rhgb "
		"pci=noaer " FIRST);
	put(&f, loader, "");
	/* what it takes along goes also where it was not */
	fixture_write(&f, "etc/kernel/cmdline", "root=UUID=1 ro\n");
	put(&f, loader, FIRST);
	put(&f, loader, "");
	file_is(&f, "etc/kernel/cmdline", "root=UUID=1 ro");
	fixture_write(&f, "etc/kernel/cmdline", "root=UUID=1 ro  pci=noaer rhgb\n");
	fixture_write(&f, "etc/default/grub",
		      "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX=\"pci=noaer rhgb\"\n");
	lead_life(&f, loader, FIRST, SECOND);
	put(&f, loader, FIRST);
	fixture_write(&f, ENTRIES "a-6.19.conf", ENTRY("6.19", "root=UUID=1 " FIRST));
	put(&f, loader, "");
	file_is(&f, ENTRIES "a-6.19.conf",
		"title Fedora 6.19\nlinux /vmlinuz-6.19\noptions root=UUID=1");
	file_is(&f, ENTRIES "a-6.17.conf",
		"title Fedora 6.17\nlinux /vmlinuz-6.17\noptions root=UUID=1 ro "
		"pci=noaer rhgb");
	fixture_close(&f);
}

/* The old words are out already when the new ones cannot be put in. */
static void test_grubby_halfway(void)
{
	const struct bootloader *loader = &bootloader_grubby;
	_cleanup_free_ char *installed = NULL;
	struct fixture f;

	fedora(&f);
	put(&f, loader, FIRST);
	installed = take_picture(&f);
	set_failing(&f, "--args=");
	ok(put(&f, loader, SECOND) < 0, "grubby: half-way");
	set_failing(&f, NULL);
	is_as_before(&f, loader, installed, "all that it did is undone");
	fixture_close(&f);
}

static void test_grubby_foreign(void)
{
	const struct bootloader *loader = &bootloader_grubby;
	struct fixture f;

	fedora(&f);
	fixture_write(&f, ENTRIES "a-6.17.conf",
		      ENTRY("6.17", "root=UUID=1 iommu=pt pci=noaer quiet"));
	fixture_write(&f, ENTRIES "a-6.18.conf",
		      ENTRY("6.18", "root=UUID=1 iommu=pt pci=noaer quiet"));
	lead_life(&f, loader, "pci=realloc sriov_setup.gen=1", "sriov_setup.gen=2");
	fixture_write(&f, ENTRIES "a-6.17.conf", ENTRY("6.17", "pci=\\\"a&b\\\""));
	fixture_write(&f, ENTRIES "a-6.18.conf", ENTRY("6.18", "pci=\\\"a&b\\\""));
	is_int(put(&f, loader, FIRST), -EINVAL, "what a shell would spoil");
	fixture_write(&f, ENTRIES "a-6.18.conf", ENTRY("6.18", "root=UUID=1 pci=noats"));
	ok(put(&f, loader, FIRST) == -ENOTUNIQ && count_calls(&f) > 0,
	   "entries that differ in our keys are refused");
	fixture_close(&f);
}

#define GRUBENV_PADDING 1024

static void write_block(struct fixture *f, const char *path, const char *lines)
{
	char block[GRUBENV_PADDING + 1];
	size_t size = strlen(lines);

	memset(block, '#', GRUBENV_PADDING);
	memcpy(block, lines, size);
	block[GRUBENV_PADDING] = '\0';
	fixture_write(f, path, block);
}

static void test_grubby_kernelopts(void)
{
	const struct bootloader *loader = &bootloader_grubby;
	struct fixture f;

	fedora(&f);
	write_block(&f, "boot/grub2/grubenv",
		    "# GRUB Environment Block\nsaved_entry=a-6.18\n");
	lead_life(&f, loader, FIRST, SECOND);
	write_block(
		&f, "boot/grub2/grubenv",
		"# GRUB Environment Block\nsaved_entry=a-4.18\nkernelopts=root=UUID=1 "
		"pci=noaer ro\n");
	root_remove(&f.root, ENTRIES "a-6.17.conf");
	fixture_write(&f, ENTRIES "a-6.18.conf",
		      ENTRY("4.18", "$kernelopts $tuned_params"));
	lead_life(&f, loader, FIRST, SECOND);
	fixture_close(&f);
}

#define ESP "boot/efi/loader/entries/"

static void test_sdbootutil(void)
{
	const struct bootloader *loader = &bootloader_sdbootutil;
	struct fixture f;

	machine(&f);
	install_tool(&f, "usr/bin", "sdbootutil");
	fixture_write(&f, "proc/self/mountinfo",
		      "30 1 8:1 / /boot/efi rw - vfat /dev/sda1 rw\n");
	fixture_write(&f, "proc/cmdline", "root=UUID=1 rootflags=subvol=@/2\n");
	fixture_write(&f, ESP "a-6.18-2.conf",
		      "options    root=UUID=1 rootflags=subvol=@/2 pci=noaer\n");
	fixture_write(&f, ESP "a-6.17-1.conf", "options    rootflags=subvol=@/1\n");
	ok(put(&f, loader, FIRST) < 0, "without /etc/kernel/cmdline it would never end");
	fixture_write(&f, "etc/kernel/cmdline",
		      "root=UUID=1 rootflags=subvol=@/2 pci=noaer\n");
	fixture_write(&f, "usr/lib/kernel/cmdline", "not=read\n");
	fixture_write(&f, "etc/kernel/cmdline.d/10-theirs", "# iommu=off\nquiet\n");
	foreign_are(&f, loader, "root=UUID=1 rootflags=subvol=@/2 pci=noaer quiet");
	root_remove(&f.root, "etc/kernel/cmdline.d/10-theirs");
	root_remove(&f.root, "usr/lib/kernel/cmdline");
	is_int(loader->detect(&f.root), 0, "a classic GRUB beside it");
	fixture_write(&f, "etc/sysconfig/bootloader", "LOADER_TYPE=\"grub2-bls\"\n");
	is_int(loader->detect(&f.root), 90, "GRUB with entries");
	write_loader(&f, "systemd-boot 257");
	is_int(loader->detect(&f.root), 97, "systemd-boot");
	lead_life(&f, loader, FIRST, SECOND);
	put(&f, loader, FIRST);
	file_is(&f, ESP "a-6.18-2.conf",
		"options    root=UUID=1 rootflags=subvol=@/2 pci=noaer " FIRST);
	file_is(&f, ESP "a-6.17-1.conf", "options    rootflags=subvol=@/1");
	fixture_close(&f);
}

#define MENU "boot/extlinux/extlinux.conf"
#define FRAGMENT "usr/share/u-boot-menu/conf.d/90-sriov-setup.conf"

static void append_is(struct fixture *f, const char *want)
{
	_cleanup_free_ char *text = NULL;
	char *line;

	root_read(&f->root, &text, MENU);
	line = text ? strstr(text, "append ") : NULL;
	if (line)
		line[strcspn(line, "\n")] = '\0';
	is_string(line, want, "the first entry");
}

/* The life of the fragment, and that the default of each case stays what it was. */
static void test_menu(struct fixture *f, const char *fstab_root)
{
	_cleanup_free_ char *want = xasprintf("append %s ro quiet " FIRST, fstab_root);
	const struct bootloader *loader = &bootloader_u_boot_menu;

	lead_life(f, loader, FIRST, SECOND);
	put(f, loader, FIRST);
	append_is(f, want);
	fixture_write(f, "etc/kernel/cmdline", "root=LABEL=x rootwait pci=noaer\n");
	put(f, loader, FIRST);
	append_is(f, "append root=LABEL=x rootwait pci=noaer " FIRST);
	fixture_write(f, "etc/default/u-boot", "U_BOOT_PARAMETERS=\"ro splash\"\n");
	put(f, loader, FIRST);
	free(want);
	want = xasprintf("append %s ro splash " FIRST, fstab_root);
	append_is(f, want);
	foreign_are(f, loader, "ro splash root=LABEL=x rootwait pci=noaer");
	put(f, loader, "");
	fixture_write(f, "etc/u-boot-menu/conf.d/theirs.conf",
		      "U_BOOT_PARAMETERS=\"ro theirs\"\n");
	ok(put(f, loader, FIRST) < 0 && !root_exists(&f->root, FRAGMENT),
	   "a later file of the administrator wins, and that is said");
}

static void debian(struct fixture *f)
{
	machine(f);
	fixture_write(f, "proc/cmdline", "BOOT_IMAGE=/vmlinuz ro\n");
	install_tool(f, "usr/sbin", "grub-mkconfig");
	install_tool(f, "usr/bin", "grub-script-check");
	fixture_write(f, "etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n");
	fixture_write(f, "boot/grub/grub.cfg",
		      "### BEGIN /etc/grub.d/10_linux ###\n"
		      "\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro  quiet\n"
		      "\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro single \n");
	is_int(bootloader_grub_dropin.detect(&f->root), 90, "GRUB with drop-ins");
}

static void test_grub_dropin(void)
{
	struct fixture f;

	debian(&f);
	fixture_write(&f, "etc/default/grub.d/theirs.cfg", "# theirs\n");
	lead_life(&f, &bootloader_grub_dropin, FIRST, SECOND);
	fixture_close(&f);
}

static void test_proxmox(void)
{
	const struct bootloader *loader = &bootloader_grub_dropin;
	struct fixture f;

	debian(&f);
	install_tool(&f, "usr/sbin", "proxmox-boot-tool");
	fixture_write(&f, "etc/kernel/proxmox-boot-uuids", "1234-ABCD\n");
	is_int(put(&f, loader, FIRST), 1, "Proxmox with GRUB");
	file_is(&f, "esp/grub/grub.cfg",
		"### BEGIN /etc/grub.d/10_linux ###\n"
		"\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro  quiet " FIRST "\n"
		"\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro single");
	ok(!root_exists(&f.root, "boot/grub/.grub.cfg.sriov-setup"), "nothing is left");
	set_failing(&f, "/esp/");
	ok(put(&f, loader, SECOND) < 0, "a boot partition cannot be written");
	ours_are(&f, loader, FIRST);
	fixture_close(&f);
}

static void test_u_boot_menu(void)
{
	struct fixture f;

	machine(&f);
	install_tool(&f, "usr/sbin", "u-boot-update");
	fixture_write(&f, "usr/share/u-boot-menu/read-config", "");
	is_int(bootloader_u_boot_menu.detect(&f.root), 0,
	       "a machine that U-Boot does not boot");
	fixture_write(&f, "usr/share/u-boot-menu/conf.d/10-theirs.conf", "# none\n");
	fixture_write(&f, MENU,
		      "default l0\n\nlabel l0\n\tlinux /boot/vmlinuz-6.1\n\tappend "
		      "root=/dev/fstab ro quiet\n\nlabel l0r\n\tlinux "
		      "/boot/vmlinuz-6.1\n\tappend root=/dev/fstab ro single\n");
	is_int(bootloader_u_boot_menu.detect(&f.root), 50, "u-boot-menu");
	test_menu(&f, "root=/dev/fstab");
	fixture_close(&f);
}

static void test_u_boot_menu_itself(void)
{
	const char *named = getenv("U_BOOT_UPDATE"), *srcdir = getenv("srcdir");
	const char *script = named ? named : "/usr/sbin/u-boot-update";
	_cleanup_free_ char *command = NULL;
	struct fixture f;

	if (access(script, R_OK) < 0) {
		printf("ok %d # SKIP u-boot-menu is not installed\n", ++tap_count);
		return;
	}
	machine(&f);
	command = xasprintf("'%s/tests/unit/stand-in/adapt-u-boot-update' '%s' '%s'",
			    srcdir ? srcdir : ".", script, f.path);
	if (system(command) != 0)
		abort();
	fixture_write(&f, "etc/fstab", "/dev/fstab / ext4 defaults 0 1\n");
	fixture_write(&f, "usr/share/u-boot-menu/conf.d/10-theirs.conf", "# none\n");
	put(&f, &bootloader_u_boot_menu, "");
	test_menu(&f, "root=/dev/fstab");
	fixture_close(&f);
}

static void test_elemental(void)
{
	const struct bootloader *loader = &bootloader_elemental;
	struct fixture f;
	_cleanup_free_ char *full = xcalloc(1, 1024);

	machine(&f);
	fixture_write(&f, "etc/cos/bootargs.cfg",
		      "set kernelcmd=\"iommu=pt $third_party_kernel_args\"\n");
	fixture_write(&f, "oem/99_custom.yaml", "name: x\n");
	fixture_write(&f, "proc/self/mountinfo", "29 1 8:1 / / rw - ext4 /dev/sda3 rw\n");
	is_int(loader->detect(&f.root), 99, "Harvester");
	ok(put(&f, loader, FIRST) < 0, "/oem is not mounted");
	fixture_write(&f, "proc/self/mountinfo",
		      "30 1 8:1 / /oem rw - ext4 /dev/sda1 rw\n");
	f.root.live = false; /* there is no tool that could fail */
	lead_life(&f, loader, FIRST, SECOND);
	write_block(&f, "oem/grubenv",
		    "# GRUB Environment Block\nthird_party_kernel_args=multipath=off  "
		    "pci=noaer\nstate=1\n");
	lead_life(&f, loader, FIRST, SECOND);
	foreign_are(&f, loader, "multipath=off pci=noaer");
	write_block(&f, "oem/grubenv", "# GRUB Environment Block\n");
	lead_life(&f, loader, FIRST, SECOND);
	write_block(&f, "oem/grubenv",
		    "# GRUB Environment Block\nthird_party_kernel_args=\n");
	lead_life(&f, loader, FIRST, SECOND);
	write_block(&f, "oem/grubenv",
		    "# GRUB Environment Block\nthird_party_kernel_args=iommu=pt x\n");
	lead_life(&f, loader, "pci=realloc sriov_setup.gen=1", "sriov_setup.gen=2");
	memset(full, 'x', 1000);
	memcpy(full, "# GRUB Environment Block\nlong=", 30);
	full[1000] = '\n';
	write_block(&f, "oem/grubenv", full);
	is_int(put(&f, loader, FIRST), -ENOSPC, "no room in the block");
	fixture_write(&f, "oem/grubenv", "# GRUB Environment Block\n");
	is_int(put(&f, loader, FIRST), -EBADMSG, "a block that is cut off");
	fixture_close(&f);
}

static void test_elemental_shared(void)
{
	const struct bootloader *loader = &bootloader_elemental;
	_cleanup_free_ char *text = NULL;
	struct fixture f;

	machine(&f);
	f.root.live = false;
	fixture_write(&f, "etc/elemental/config.yaml", "x: y\n");
	write_block(&f, "oem/grubenv", "# GRUB Environment Block\n");
	write_block(&f, "oem/grubenv",
		    "# GRUB Environment Block\nextra_cmdline=more=iommu=pt " FIRST
		    " theirs\nsriov_setup_words=" FIRST "\nsriov_setup_made=1\n");
	put(&f, loader, "");
	root_read(&f.root, &text, "oem/grubenv");
	write_block(&f, "wanted",
		    "# GRUB Environment Block\nextra_cmdline=more=iommu=pt theirs\n");
	file_is(&f, "wanted", text);
	fixture_close(&f);
}

int main(void)
{
	test_kargsd();
	test_rpm_ostree();
	test_ostree();
	test_ostree_itself();
	test_bootc_source();
	test_grubby();
	test_grubby_halfway();
	test_grubby_foreign();
	test_grubby_kernelopts();
	test_sdbootutil();
	test_grub_dropin();
	test_proxmox();
	test_u_boot_menu();
	test_u_boot_menu_itself();
	test_elemental();
	test_elemental_shared();
	return done();
}
