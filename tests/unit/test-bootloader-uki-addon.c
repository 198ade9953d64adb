/* The addon of a UKI: what is written where, read back, refused, taken away. */
#include "bootloader.h"
#include "efi.h"
#include "fixture.h"
#include "kargs.h"
#include "log.h"
#include "pe.h"

#include <errno.h>
#include <syslog.h>

#define ADDON "efi/loader/addons/sriov-setup.addon.efi"
#define MOUNTED \
	"1 1 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /efi rw - vfat /dev/sda2 rw\n"
#define VARIABLES "sys/firmware/efi/efivars/"
#define STUB_INFO VARIABLES "StubInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define SECURE_BOOT VARIABLES "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static const struct bootloader *const uki = &bootloader_uki_addon;

/* A PE image with one section of 16 bytes and room for `room` more. */
static void make_stub(struct fixture *f, unsigned room)
{
	char image[1024 + 512] = "MZ";
	const struct {
		unsigned at, value;
	} fields[] = {
		{ 0x3c, 0x40 },                       /* where "PE" is */
		{ 0x40 + 6, 1 },                      /* sections */
		{ 0x40 + 20, 112 },                   /* size of the optional header */
		{ 0x58 + 32, 4096 },                  /* alignment in memory */
		{ 0x58 + 36, 512 },                   /* and in the file */
		{ 0x58 + 56, 8192 },                  /* size in memory */
		{ 0x58 + 60, 0xc8 + 40 + 40 * room }, /* size of the headers */
		{ 0xc8 + 8, 16 },                     /* the section: size in memory */
		{ 0xc8 + 12, 4096 },                  /* where in memory */
		{ 0xc8 + 16, 512 },                   /* size in the file */
		{ 0xc8 + 20, 1024 },                  /* where in the file */
	};

	memcpy(image + 0x40, "PE\0", 4);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		image[fields[i].at] = (char)fields[i].value;
		image[fields[i].at + 1] = (char)(fields[i].value >> 8);
	}
	memcpy(image + 0xc8, ".sdmagic", 8);
	memcpy(image + 1024, "this is the stub", 16);
	root_replace_bytes(&f->root, image, sizeof(image), 0644,
			   "usr/lib/systemd/boot/efi/addon%s.efi.stub",
#if defined(__x86_64__)
			   "x64"
#elif defined(__aarch64__)
			   "aa64"
#else
			   ""
#endif
	);
}

static int install(struct fixture *f, const char *words)
{
	_cleanup_(cmdline_done) struct cmdline c = {};

	cmdline_parse(&c, words);
	return uki->install(&f->root, &c, &(struct signing_key){});
}

static void is_read(struct fixture *f, const char *want)
{
	_cleanup_(cmdline_done) struct cmdline c = {};
	_cleanup_free_ char *text = NULL;

	if (uki->read(&f->root, &c) == 0)
		text = cmdline_print(&c);
	is_string(text, want, "read back: %s", want ? want : "nothing");
}

static void is_section(struct fixture *f, const char *name, const char *want)
{
	_cleanup_free_ char *image = NULL, *text = NULL;
	const char *content;
	size_t size, length;

	if (root_read_bytes(&f->root, &image, &size, ADDON) == 0 &&
	    pe_find_section(image, size, name, &content, &length) == 0)
		text = xstrndup(content, length);
	ok(text && startswith(text, want), "section %s", name);
}

static void test_addon(struct fixture *f)
{
	_cleanup_(cmdline_done) struct cmdline none = {};
	_cleanup_free_ char *image = NULL;
	size_t size;

	is_read(f, NULL);
	is_int(install(f, "iommu=pt sriov_setup.gen=1"), 1, "an addon is written");
	is_read(f, "iommu=pt sriov_setup.gen=1");
	is_section(f, ".sdmagic", "this is the stub");
	is_section(f, ".sbat", "sbat,1,");
	is_section(f, ".cmdline", "iommu=pt sriov_setup.gen=1");
	is_int(install(f, "iommu=pt sriov_setup.gen=1"), 0, "and not again");
	is_int(install(f, "iommu=pt"), 1, "other words");
	is_read(f, "iommu=pt");
	ok(uki->refresh(&f->root, &none) < 0, "it is verified");

	root_read_bytes(&f->root, &image, &size, ADDON);
	is_int((long)size % 512, 0, "whole sectors");
	for (size_t cut = 0; cut < size; cut += 37) {
		_cleanup_(cmdline_done) struct cmdline c = {};

		root_replace_bytes(&f->root, image, cut, 0644, ADDON);
		if (cut < 2048 && uki->read(&f->root, &c) >= 0)
			ok(false, "a damaged addon of %zu bytes is seen", cut);
	}
	ok(install(f, "iommu=pt") == 1, "and replaced");
	is_int(install(f, ""), 1, "removed");
	ok(!root_exists(&f->root, ADDON), "it is gone");
	is_int(install(f, ""), 0, "nothing to remove");
	make_stub(f, 1);
	ok(install(f, "iommu=pt") < 0 && !root_exists(&f->root, ADDON),
	   "a stub without room for two sections");
	make_stub(f, 8);
}

static void test_foreign(struct fixture *f)
{
	_cleanup_(cmdline_done) struct cmdline c = {};
	_cleanup_free_ char *image = NULL, *text = NULL;
	size_t size;

	install(f, "iommu=off quiet");
	root_read_bytes(&f->root, &image, &size, ADDON);
	install(f, "iommu=pt");
	root_replace_bytes(&f->root, image, size, 0644, "efi/loader/addons/other.efi");
	root_replace_bytes(&f->root, image, size - 600, 0644,
			   "efi/loader/addons/torn.efi");
	root_replace_bytes(&f->root, image, size, 0644, "efi/EFI/Linux/x.efi");
	is_int(uki->foreign(&f->root, &c), 0, "words of others");
	text = cmdline_print(&c);
	is_string(text, "iommu=off quiet iommu=off quiet", "of an addon and a UKI");
	root_remove(&f->root, "efi/loader/addons/other.efi");
	root_remove(&f->root, "efi/loader/addons/torn.efi");
	root_remove(&f->root, "efi/EFI/Linux/x.efi");
	install(f, "");
}

static void test_life(struct fixture *f)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	struct kernel_facts facts = { .offline = true };
	const struct bootloader *loader = NULL;

	is_int(bootloader_find(&loader, &f->root, NULL), 0, "an image with a UKI");
	is_string(loader->name, "uki-addon", "is known by it");
	cmdline_parse(&wanted, "iommu=pt");
	is_int(kargs_apply(&f->root, &(struct kernel_config){}, &facts, &wanted,
			   &missing),
	       1, "kargs apply");
	is_read(f, "iommu=pt sriov_setup.gen=1");
	is_int(kargs_remove(&f->root, &(struct kernel_config){}), 1, "kargs remove");
	ok(!root_exists(&f->root, ADDON), "it is gone");
}

static void test_places(struct fixture *f)
{
	root_remove(&f->root, "efi/EFI/Linux/debian.efi");
	fixture_write(f, "boot/EFI/Linux/debian.efi", "MZ");
	is_int(install(f, "iommu=pt"), 1, "two boot partitions");
	ok(!root_exists(&f->root, ADDON) &&
		   root_exists(&f->root, "boot/loader/addons/sriov-setup.addon.efi"),
	   "the UKI's one is it");
	install(f, "");
	root_remove(&f->root, "boot/EFI/Linux/debian.efi");
	is_int(install(f, "iommu=pt"), 1, "no UKI in its folder");
	ok(root_exists(&f->root, ADDON), "the first one is it");
	install(f, "");
}

/* The running machine, as it looks in /proc and /sys. */
static void test_live(struct fixture *f)
{
	static const char stub_info[] = "\6\0\0\0s\0y\0s\0t\0e\0m\0d\0-\0s\0t\0u\0b\0 "
					"\0002\0005\0007\0\0\0";
	static const char lone_info[] = "\6\0\0\0G\0R\0U\0B\0\0\0";
	_cleanup_free_ char *text = NULL;

	f->root.live = true;
	fixture_write(f, "proc/self/mountinfo", MOUNTED);
	is_int(uki->detect(&f->root), 0, "no StubInfo: a UKI that is not booted");
	root_replace_bytes(&f->root, lone_info, sizeof(lone_info) - 1, 0644, STUB_INFO);
	is_int(uki->detect(&f->root), 0, "another stub");
	root_replace_bytes(&f->root, stub_info, sizeof(stub_info) - 1, 0644, STUB_INFO);
	efi_read_loader(&f->root, &text, "StubInfo");
	is_string(text, "systemd-stub 257", "StubInfo is read");
	ok(uki->detect(&f->root) > 90, "systemd-stub");

	fixture_write(f, "proc/self/mountinfo", "1 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	is_int(install(f, "iommu=pt"), -ENODEV, "no partition is mounted");
	fixture_write(f, "etc/fstab",
		      "#LABEL=x /boot vfat\nLABEL=ESP /efi vfat umask=0077\n");
	capture_start();
	log_set_level(LOG_ERR);
	is_int(install(f, "iommu=pt"), -ENODEV, "it is in fstab but not mounted");
	log_set_level(LOG_EMERG);
	text = (free(text), capture_end());
	ok(strstr(text, "/efi is in /etc/fstab but not mounted"), "and that is said");
	ok(!root_exists(&f->root, ADDON), "nothing is written below it");

	fixture_write(f, "proc/self/mountinfo", MOUNTED);
	root_replace_bytes(&f->root, "\6\0\0\0\1", 5, 0644, SECURE_BOOT);
	capture_start();
	log_set_level(LOG_ERR);
	is_int(install(f, "iommu=pt"), -ENOKEY, "Secure Boot without a key");
	log_set_level(LOG_EMERG);
	text = (free(text), capture_end());
	ok(strstr(text, "kernel.secure_boot = {"), "what to do is said");
	ok(!root_exists(&f->root, ADDON), "nothing is written");
	root_replace_bytes(&f->root, "\6\0\0\0\0", 5, 0644, SECURE_BOOT);
	is_int(install(f, "iommu=pt"), 1, "Secure Boot is off");
}

int main(void)
{
	struct fixture f;

	fixture_open(&f);
	log_set_level(LOG_EMERG);
	make_stub(&f, 8);
	fixture_write(&f, "efi/EFI/Linux/debian.efi", "MZ");
	test_addon(&f);
	test_foreign(&f);
	test_life(&f);
	test_places(&f);
	test_live(&f);
	fixture_close(&f);
	return done();
}
