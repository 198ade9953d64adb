/* Which back end a machine or an image gets, and where none is to be had. */
#include "bootloader-fixture.h"
#include "kargs.h"

#define ENTRY "boot/loader/entries/a-6.18.conf"
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
	_cleanup_free_ char *said = find(f, &name);

	(void)said;

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
	return kargs_apply(&f->root, &config, &facts, &wanted, &missing);
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
	test_elsewhere();
	test_proxmox();
	return done();
}
