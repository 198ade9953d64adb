/* Which back end a machine or an image gets, and where none is to be had. */
#include "bootloader-fixture.h"
#include "kargs.h"

#define ENTRY "boot/loader/entries/a-6.18.conf"
#define DROPIN "etc/default/grub.d/zz-sriov-setup.cfg"
#define MKCONFIG "for x in /etc/default/grub.d/*.cfg; do . $x; done\n"

static char *find(struct fixture *f, const char **ret_name)
{
	const struct bootloader *loader = NULL;
	int r;

	log_set_level(LOG_INFO);
	capture_start();
	r = bootloader_find(&loader, &f->root, NULL);
	log_set_level(LOG_EMERG);
	*ret_name = r < 0 ? NULL : loader->name;
	return capture_end();
}

static void finds(struct fixture *f, const char *want)
{
	const char *name;

	free(find(f, &name));
	is_string(name, want, "%s", want);
}

static void refuses(struct fixture *f, const char *why)
{
	const char *name;
	_cleanup_free_ char *said = find(f, &name);

	ok(!name && strstr(said, why), "refused: %s", why);
	if (name || !strstr(said, why))
		tap_show("said", said);
}

static void debian(struct fixture *f)
{
	fixture_write(f, "proc/cmdline", "BOOT_IMAGE=/vmlinuz ro\n");
	fixture_write(f, "usr/sbin/grub-mkconfig", MKCONFIG);
	fixture_write(f, "boot/grub/grub.cfg", "linux\n");
}

static void fedora(struct fixture *f)
{
	fixture_write(f, "usr/sbin/grubby", "");
	fixture_write(f, ENTRY, "options ro\n");
}

static void test_machines(void)
{
	struct fixture f;

	machine(&f);
	finds(&f, "manual");
	fixture_write(&f, "usr/share/u-boot-menu/read-config", "");
	fixture_write(&f, "boot/extlinux/extlinux.conf", "");
	finds(&f, "u-boot-menu");
	debian(&f);
	finds(&f, "grub-dropin");
	fedora(&f);
	refuses(&f, "both grub-dropin and grubby could boot this machine: name one as "
		    "kernel.bootloader");
	root_remove(&f.root, "usr/sbin/grub-mkconfig");
	finds(&f, "grubby");
	fixture_write(&f, "usr/bin/sdbootutil", "cmdline.d\n");
	write_loader(&f, "systemd-boot 257");
	finds(&f, "sdbootutil");
	fixture_write(&f, "etc/cos/bootargs.cfg", "");
	fixture_write(&f, "oem/x", "");
	finds(&f, "elemental");
	fixture_close(&f);
}

static void test_ostree(void)
{
	struct fixture f;

	machine(&f);
	fixture_write(&f, "run/ostree-booted", "");
	fixture_write(&f, "usr/lib/bootc/kargs.d/10.toml", "");
	fedora(&f);
	refuses(&f, "an ostree system without rpm-ostree");
	install_tool(&f, "usr/bin", "rpm-ostree");
	finds(&f, "rpm-ostree");
	install_tool(&f, "usr/bin", "bootc");
	finds(&f, "bootc-source");
	fixture_write(&f, "var/lib/sriov-setup/rpm-ostree", "iommu=pt\n");
	finds(&f, "rpm-ostree");
	fixture_close(&f);
}

static void test_images(void)
{
	struct fixture f;

	fixture_open(&f);
	fedora(&f);
	fixture_write(&f, "run/systemd/container", "");
	finds(&f, "manual");
	fixture_write(&f, "usr/share/u-boot-menu/read-config", "");
	finds(&f, "u-boot-menu");
	debian(&f);
	finds(&f, "grub-dropin");
	fixture_write(&f, "usr/bin/sdbootutil", "cmdline.d\n");
	finds(&f, "sdbootutil");
	fixture_write(&f, "usr/lib/bootc/kargs.d/10.toml", "");
	finds(&f, "bootc-kargsd");
	fixture_close(&f);
}

static int apply(struct fixture *f, const char *words)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	_cleanup_(kernel_facts_done) struct kernel_facts facts = {};
	const struct kernel_config config = {};

	cmdline_parse(&wanted, words);
	kernel_facts_read(&f->root, &facts); /* what is there of them */
	return kargs_apply(&f->root, &config, &facts, &wanted, &missing);
}

static void entry_is(struct fixture *f, const char *want)
{
	_cleanup_free_ char *text = NULL;

	root_read(&f->root, &text, ENTRY);
	is_string(text, want, "the boot entry");
}

/* The whole way: detection, record, tool, failure, removal. */
static void test_kargs(void)
{
	struct fixture f;

	machine(&f);
	install_tool(&f, "usr/sbin", "grubby");
	fixture_write(&f, ENTRY, "options ro pci=noaer quiet\n");
	fixture_write(&f, "proc/sys/kernel/random/boot_id", "first\n");
	is_int(apply(&f, "pci=realloc"), 1, "apply");
	entry_is(&f, "options ro quiet pci=noaer pci=realloc sriov_setup.gen=1");
	ok(root_exists(&f.root, "run/reboot-required"), "a reboot is asked for");
	is_int(apply(&f, "pci=realloc"), 0, "again");
	is_int((long)count_calls(&f), 1, "no tool is run again");
	set_failing(&f, "--args=");
	ok(apply(&f, "iommu=pt") < 0, "the tool fails");
	set_failing(&f, NULL);
	entry_is(&f, "options ro quiet pci=noaer pci=realloc sriov_setup.gen=1");
	is_int(apply(&f, "pci=realloc"), 0, "the old words are still the ones recorded");
	is_int(apply(&f, "iommu=pt"), 1, "it works again");
	entry_is(&f, "options ro pci=noaer quiet iommu=pt sriov_setup.gen=2");
	is_int(kargs_remove(&f.root, &(struct kernel_config){}), 1, "remove");
	entry_is(&f, "options ro pci=noaer quiet");
	is_int(kargs_remove(&f.root, &(struct kernel_config){}), 0,
	       "and nothing is left to remove");
	fixture_close(&f);
}

static void sd_boot(struct fixture *f)
{
	fixture_write(f, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	fixture_write(f, "etc/kernel/entry-token", "a\n");
	fixture_write(f, ENTRY, "options ro quiet\n");
	fixture_write(f, "proc/self/mountinfo",
		      "2 1 8:2 / /boot rw - vfat /dev/sda2 rw\n");
	fixture_write(f, "proc/cmdline", "initrd=\\initrd ro quiet\n");
	write_loader(f, "systemd-boot 257");
}

static void start_with_grub(struct fixture *f)
{
	machine(f);
	fixture_write(f, "proc/cmdline", "BOOT_IMAGE=/vmlinuz ro\n");
	install_tool(f, "usr/sbin", "grub-mkconfig");
	install_tool(f, "usr/bin", "grub-script-check");
	fixture_write(f, "etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n");
	fixture_write(f, "boot/grub/grub.cfg",
		      "### BEGIN /etc/grub.d/10_linux ###\n\tlinux\t/vmlinuz ro quiet\n");
	fixture_write(f, "proc/sys/kernel/random/boot_id", "first\n");
	is_int(apply(f, "iommu=pt"), 1, "words by GRUB");
	ok(root_exists(&f->root, DROPIN), "the drop-in has them");
}

static char *apply_without_effect(struct fixture *f)
{
	_cleanup_(cmdline_done) struct cmdline words = {};
	_cleanup_(kernel_facts_done) struct kernel_facts facts = {};

	cmdline_parse(&words, "iommu=pt");
	is_int(kernel_facts_read(&f->root, &facts), 0, "facts");
	log_set_level(LOG_WARNING);
	capture_start();
	is_int(kargs_apply(&f->root, &(struct kernel_config){}, &facts, &words, &words),
	       0, "words without effect");
	log_set_level(LOG_EMERG);
	return capture_end();
}

/* Words that arrive and do nothing: one line, and never again a reboot for them. */
static void test_without_effect(void)
{
	struct fixture f;
	size_t calls;
	char *said;

	start_with_grub(&f);
	root_remove(&f.root, "run/reboot-required");
	fixture_write(&f, "proc/sys/kernel/random/boot_id", "second\n");
	fixture_write(&f, "proc/cmdline",
		      "BOOT_IMAGE=/vmlinuz iommu=pt sriov_setup.gen=1\n");
	calls = count_calls(&f);
	said = apply_without_effect(&f);
	ok(strstr(said, "arrived but have no effect: iommu=pt"), "which is said");
	for (int boot = 3; boot < 6; boot++) {
		_cleanup_free_ char *id = xasprintf("%d\n", boot);

		fixture_write(&f, "proc/sys/kernel/random/boot_id", id);
		free(said);
		said = apply_without_effect(&f);
		is_string(said, "", "once");
	}
	free(said);
	ok(count_calls(&f) == calls, "no tool is run for it");
	ok(!root_exists(&f.root, "run/reboot-required"), "no reboot is asked for");
	fixture_close(&f);
}

/* The machine gets another boot loader: the words follow, and nothing stays behind. */
static void test_moved(void)
{
	struct fixture f;

	start_with_grub(&f);
	sd_boot(&f);
	is_int(apply(&f, "iommu=pt"), 1, "the same words, now by systemd-boot");
	entry_is(&f, "options ro quiet sriov_setup.begin iommu=pt sriov_setup.gen=2");
	ok(!root_exists(&f.root, DROPIN), "GRUB's drop-in is gone");
	is_int(apply(&f, "iommu=pt"), 0, "and that was it");
	fixture_write(&f, "proc/cmdline", "ro iommu=pt sriov_setup.gen=2\n");
	root_remove(&f.root, "sys/firmware/efi/efivars/"
			     "LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
	is_int(apply(&f, "iommu=pt"), 0, "words that arrive are left where they are");
	entry_is(&f, "options ro quiet sriov_setup.begin iommu=pt sriov_setup.gen=2");
	fixture_write(&f, "proc/cmdline", "ro\n");
	is_int(apply(&f, "iommu=pt"), 1, "those that do not go along");
	entry_is(&f, "options ro quiet");
	write_loader(&f, "systemd-boot 257");
	is_int(apply(&f, "iommu=pt"), 1, "and come back");
	is_int(kargs_remove(&f.root, &(struct kernel_config){}), 1, "remove");
	entry_is(&f, "options ro quiet");
	fixture_close(&f);
}

/* An image is built for one boot loader and booted by another. */
static void test_image_moved(void)
{
	struct fixture f;

	machine(&f);
	f.root.live = false;
	fixture_write(&f, "usr/lib/bootc/kargs.d/10.toml", "");
	is_int(apply(&f, "iommu=pt"), 1, "an image for bootc");
	f.root.live = true;
	fixture_write(&f, "proc/sys/kernel/random/boot_id", "first\n");
	sd_boot(&f);
	fixture_write(&f, "proc/cmdline", "ro iommu=pt sriov_setup.gen=1\n");
	is_int(apply(&f, "iommu=pt"), 0, "booted with its words: nothing to do");
	entry_is(&f, "options ro quiet");
	fixture_write(&f, "proc/cmdline", "ro quiet\n");
	is_int(apply(&f, "iommu=pt"), 1, "booted without them: they are installed here");
	entry_is(&f, "options ro quiet sriov_setup.begin iommu=pt sriov_setup.gen=2");
	ok(root_exists(&f.root, "usr/lib/bootc/kargs.d/50-sriov-setup.toml"),
	   "the image keeps its own");
	is_int(kargs_remove(&f.root, &(struct kernel_config){}), 1, "remove");
	entry_is(&f, "options ro quiet");
	fixture_close(&f);
}

/* Where the old words cannot be taken out, nothing new is written. */
static void test_moved_but_stuck(void)
{
	_cleanup_free_ char *path = NULL, *said = NULL;
	struct fixture f;

	start_with_grub(&f);
	sd_boot(&f);
	fixture_write(&f, "etc/fstab", "LABEL=boot /boot ext4\n");
	fixture_write(&f, "proc/self/mountinfo",
		      "2 1 8:2 / /efi rw - vfat /dev/sda2 rw\n");
	fixture_write(&f, "efi/loader/entries/a-6.18.conf", "options ro quiet\n");
	log_set_level(LOG_ERR);
	capture_start();
	ok(apply(&f, "iommu=pt") < 0, "GRUB's drop-in is out of reach");
	said = capture_end();
	log_set_level(LOG_EMERG);
	ok(strstr(said, "the words that grub-dropin has are still there"),
	   "which is said");
	root_read(&f.root, &path, "efi/loader/entries/a-6.18.conf");
	is_string(path, "options ro quiet", "the new boot loader has nothing yet");
	fixture_close(&f);
}

/* What a back end reads of others stops the run, whichever it is. */
static void test_contradiction(void)
{
	_cleanup_free_ char *said = NULL;
	struct fixture f;

	machine(&f);
	sd_boot(&f);
	fixture_write(&f, ENTRY, "options ro iommu=off\n");
	log_set_level(LOG_ERR);
	capture_start();
	is_int(apply(&f, "iommu=pt"), -EEXIST, "an entry that turns the IOMMU off");
	said = capture_end();
	log_set_level(LOG_EMERG);
	ok(strstr(said, "has iommu=off, which contradicts iommu=pt"), "which is said");
	entry_is(&f, "options ro iommu=off");
	fixture_close(&f);
}

static void test_elsewhere(void)
{
	const struct bootloader *loader = NULL;
	struct fixture f;

	machine(&f);
	debian(&f);
	fixture_write(&f, "proc/xen/capabilities", "control_d\n");
	refuses(&f, "Xen's dom0");
	fixture_write(&f, "proc/xen/capabilities", "");
	finds(&f, "grub-dropin");
	fixture_write(&f, "proc/1/root/etc/hostname", "outside\n");
	refuses(&f, "this is a chroot");
	fixture_write(&f, "run/systemd/container", "lxc\n");
	refuses(&f, "this is a container");
	is_int(bootloader_find(&loader, &f.root, "grub-dropin"), 0,
	       "who names one gets it");
	is_int(apply(&f, ""), 0, "where nothing is asked for, nothing is wrong");
	ok(apply(&f, "iommu=pt") < 0, "what is asked for cannot be done");
	fixture_close(&f);
}

static void test_proxmox(void)
{
	struct fixture f;

	machine(&f);
	debian(&f);
	fixture_write(&f, "etc/kernel/proxmox-boot-uuids", "1234-ABCD\n");
	finds(&f, "grub-dropin");
	write_loader(&f, "systemd-boot 257");
	finds(&f, "manual");
	fixture_close(&f);
}

int main(void)
{
	log_set_level(LOG_EMERG);
	test_machines();
	test_ostree();
	test_images();
	test_kargs();
	test_contradiction();
	test_without_effect();
	test_moved();
	test_image_moved();
	test_moved_but_stuck();
	test_elsewhere();
	test_proxmox();
	return done();
}
