/* Entries of systemd-boot: our words go in and out again to the byte. */
#include "bootloader.h"
#include "fixture.h"
#include "kargs.h"
#include "log.h"

#include <errno.h>
#include <syslog.h>

#define ID "0123456789abcdef0123456789abcdef"
#define ENTRY "boot/loader/entries/" ID "-6.12.conf"
#define COUNTED "boot/loader/entries/" ID "-6.11+3-1.conf"
#define NAMED "boot/loader/entries/linux.conf"
#define FOREIGN "boot/loader/entries/windows.conf"
#define WORDS "etc/kernel/sriov-setup.cmdline"
#define BLOCK(words) " sriov_setup.begin " words
#define LOADER_INFO \
	"sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

static const struct bootloader *const bls = &bootloader_bls_plugin;

static int install(struct fixture *f, const char *words)
{
	_cleanup_(cmdline_done) struct cmdline c = {};
	int r;

	cmdline_parse(&c, words);
	r = bls->install(&f->root, &c, &(struct signing_key){});
	if (r >= 0)
		is_int(bls->refresh(&f->root, &c), 0, "verified");
	return r;
}

static void is_file(struct fixture *f, const char *path, const char *want,
		    const char *what)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	root_read_bytes(&f->root, &text, &size, "%s", path);
	is_string(text, want, "%s", what);
}

static void rename_entry(struct fixture *f, const char *from, const char *to)
{
	_cleanup_free_ char *a = xasprintf("%s/%s", f->path, from);
	_cleanup_free_ char *b = xasprintf("%s/%s", f->path, to);

	if (rename(a, b) < 0)
		abort();
}

/* Image builders make the entries last, and name the boot loader. */
static void test_no_entries(struct fixture *f)
{
	_cleanup_(cmdline_done) struct cmdline words = {}, none = {};

	is_int(bls->detect(&f->root), 0, "an image without entries is not known");
	cmdline_parse(&words, "iommu=pt sriov_setup.gen=1");
	is_int(bls->install(&f->root, &words, &(struct signing_key){}), 1,
	       "but may be named");
	ok(root_exists(&f->root, WORDS), "the plugin will find the words");
	is_int(bls->install(&f->root, &none, &(struct signing_key){}), 1, "and no more");
}

/* Each entry: as it is, and with the words "iommu=pt sriov_setup.gen=7". */
static void test_forms(struct fixture *f)
{
#define OURS BLOCK("iommu=pt sriov_setup.gen=7")
	static const struct {
		const char *what, *before, *after;
	} forms[] = {
		{ "plain", "title T\noptions root=/dev/x quiet\nlinux /l\n",
		  "title T\noptions root=/dev/x quiet" OURS "\nlinux /l\n" },
		{ "no end of line", "options a", "options a" OURS },
		{ "white space", "\toptions\t a \t\r\nlinux /l\n\n\n",
		  "\toptions\t a" OURS " \t\r\nlinux /l\n\n\n" },
		{ "no words yet", "options\n", "options" OURS "\n" },
		{ "two lines of options", "options a\n# x\noptions b\n",
		  "options a\n# x\noptions b" OURS "\n" },
		{ "words for init", "options a -- b -- c\n",
		  "options a" OURS " -- b -- c\n" },
		{ "a bare -- at the end", "options a --\n", "options a" OURS " --\n" },
		{ "--word", "options a --b\n", "options a --b" OURS "\n" },
		{ "a -- in another line", "options a\ntitle x -- y\n",
		  "options a" OURS "\ntitle x -- y\n" },
		{ "half of a block of ours", "options a sriov_setup.begin b\n",
		  "options a sriov_setup.begin b" OURS "\n" },
		{ "no options", "linux /l\noptionsx y\n", "linux /l\noptionsx y\n" },
	};
	_cleanup_(cmdline_done) struct cmdline words = {}, none = {};

	cmdline_parse(&words, "iommu=pt sriov_setup.gen=7");
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		fixture_write(f, ENTRY, forms[i].before);
		ok(bls->install(&f->root, &words, &(struct signing_key){}) >= 0, "%s",
		   forms[i].what);
		is_file(f, ENTRY, forms[i].after, "  with our words");
		is_int(bls->install(&f->root, &words, &(struct signing_key){}), 0,
		       "  again: nothing is written");
		ok(bls->install(&f->root, &none, &(struct signing_key){}) >= 0,
		   "  taken away");
		is_file(f, ENTRY, forms[i].before, "  as before, to the byte");
	}
}

static void test_entries(struct fixture *f)
{
	_cleanup_(cmdline_done) struct cmdline c = {}, none = {};

	fixture_write(f, ENTRY, "options a\n");
	fixture_write(f, COUNTED, "options b\n");
	fixture_write(f, NAMED, "machine-id " ID "\noptions c\n");
	fixture_write(f, FOREIGN, "options d\n");
	is_int(bls->read(&f->root, &c), -ENOENT, "no words yet");
	is_int(install(f, "iommu=pt sriov_setup.gen=1"), 1, "installed");
	is_file(f, WORDS, "sriov_setup.begin iommu=pt sriov_setup.gen=1\n",
		"for kernels to come");
	is_file(f, ENTRY, "options a" BLOCK("iommu=pt sriov_setup.gen=1") "\n",
		"by its name");
	is_file(f, COUNTED, "options b" BLOCK("iommu=pt sriov_setup.gen=1") "\n",
		"with boot counting");
	is_file(f, NAMED,
		"machine-id " ID "\noptions c" BLOCK("iommu=pt sriov_setup.gen=1") "\n",
		"by its machine-id");
	is_file(f, FOREIGN, "options d\n", "another system's stays as it is");
	is_int(install(f, "iommu=pt x=y sriov_setup.gen=2"), 1, "other words");
	is_file(f, ENTRY, "options a" BLOCK("iommu=pt x=y sriov_setup.gen=2") "\n",
		"replace the first");
	is_int(bls->read(&f->root, &c), 0, "read");
	ok(cmdline_has(&c, "x=y") && c.words.n == 3, "without the frame");
	ok(bls->refresh(&f->root, &none) < 0, "words that should be gone are seen");
	fixture_write(f, ENTRY, "options a\n");
	ok(bls->refresh(&f->root, &c) < 0, "an entry without our words is seen");
	is_int(install(f, ""), 1, "removed");
	is_file(f, COUNTED, "options b\n", "as before");
	ok(!root_exists(&f->root, WORDS), "nothing for kernels to come");
	fixture_write(f, WORDS, "iommu=pt\n");
	is_int(bls->read(&f->root, &c), -EBADMSG, "somebody rewrote our file");
	root_remove(&f->root, WORDS);
}

static void test_token(struct fixture *f)
{
	fixture_write(f, "etc/kernel/entry-token", "debian\n");
	fixture_write(f, "boot/loader/entries/debian-6.12.conf", "options e\n");
	install(f, "iommu=pt sriov_setup.gen=1");
	is_file(f, "boot/loader/entries/debian-6.12.conf",
		"options e" BLOCK("iommu=pt sriov_setup.gen=1") "\n",
		"by the entry token");
	is_file(f, ENTRY, "options a\n", "which replaces the machine-id");
	install(f, "");
	root_remove(&f->root, "etc/kernel/entry-token");
}

#define TRIED "boot/loader/entries/" ID "-6.12.sriov-setup+1.conf"
#define BOOTED "boot/loader/entries/" ID "-6.12.sriov-setup.conf"
#define SPENT "boot/loader/entries/" ID "-6.10+0-3.conf"

static int arm(struct fixture *f, const char *before, const char *words)
{
	_cleanup_(cmdline_done) struct cmdline b = {}, w = {};

	cmdline_parse(&b, before);
	cmdline_parse(&w, words);
	return bls->arm(&f->root, &b, &w, 2);
}

/* A second entry with one boot left, before the one that stays as it is. */
static void test_trial(struct fixture *f)
{
	_cleanup_(cmdline_done) struct cmdline c = {}, old = {};
	const char *first = "options a" BLOCK("iommu=pt sriov_setup.gen=1") "\n";

	cmdline_parse(&old, "iommu=pt sriov_setup.gen=1");
	fixture_write(f, SPENT, "options z\n");
	install(f, "iommu=pt sriov_setup.gen=1");
	is_int(arm(f, "iommu=pt sriov_setup.gen=1", "x=y sriov_setup.gen=2"), 1,
	       "a trial is armed");
	is_file(f, TRIED, "options a" BLOCK("x=y sriov_setup.gen=2") "\n",
		"in an entry of its own");
	is_file(f, "boot/loader/entries/" ID "-6.11.sriov-setup+1.conf",
		"options b" BLOCK("x=y sriov_setup.gen=2") "\n",
		"whose counter is not that of the other");
	is_file(f, ENTRY, first, "the other is as it was");
	ok(!root_exists(&f->root, "boot/loader/entries/" ID "-6.10.sriov-setup+1.conf"),
	   "an entry that never came up is not tried");
	ok(!root_exists(&f->root, "boot/loader/entries/windows.sriov-setup+1.conf"),
	   "nor another system's");
	is_int(bls->read(&f->root, &c), 0, "meanwhile what is installed");
	ok(cmdline_equal(&c, &old), "is what was");
	ok(bls->refresh(&f->root, &old) < 0, "that a trial is left over is seen");
	is_int(arm(f, "iommu=pt sriov_setup.gen=1", "x=z sriov_setup.gen=3"), 1,
	       "another trial");
	is_file(f, TRIED, "options a" BLOCK("x=z sriov_setup.gen=3") "\n",
		"takes its place");
	rename_entry(f, TRIED, BOOTED);
	is_int(install(f, "x=z sriov_setup.gen=3"), 1, "after the boot");
	is_file(f, ENTRY, "options a" BLOCK("x=z sriov_setup.gen=3") "\n",
		"the words are installed");
	ok(!root_exists(&f->root, BOOTED), "and the second entry is gone");
	install(f, "");
	is_file(f, ENTRY, "options a\n", "as before");
	root_remove(&f->root, SPENT);
	is_int(arm(f, "", "x=y sriov_setup.gen=4"), 1, "the first words of all");
	ok(!root_exists(&f->root, WORDS), "a kernel that is installed now has none");
	is_int(install(f, ""), 1, "taken back");
	ok(!root_exists(&f->root, TRIED), "without a trace");
}

static void test_foreign(struct fixture *f)
{
	_cleanup_(cmdline_done) struct cmdline c = {};
	_cleanup_free_ char *text = NULL;

	install(f, "iommu=pt sriov_setup.gen=1");
	arm(f, "iommu=pt sriov_setup.gen=1", "x=y sriov_setup.gen=2");
	fixture_write(f, "etc/kernel/cmdline", "root=/dev/y\n");
	is_int(bls->foreign(&f->root, &c), 0, "words of others");
	text = cmdline_print(&c);
	is_string(text, "b a c root=/dev/y", "from all of this system's entries");
	root_remove(&f->root, "etc/kernel/cmdline");
	install(f, "");
}

static void test_life(struct fixture *f)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	struct kernel_facts facts = { .offline = true };
	const struct bootloader *loader = NULL;

	is_int(bootloader_find(&loader, &f->root, NULL), 0, "an image with entries");
	is_string(loader->name, "bls-plugin", "is known by them");
	cmdline_parse(&wanted, "iommu=pt");
	is_int(kargs_apply(&f->root, &(struct kernel_config){}, &facts, &wanted,
			   &missing),
	       1, "kargs apply");
	is_file(f, ENTRY, "options a" BLOCK("iommu=pt sriov_setup.gen=1") "\n",
		"our words");
	is_int(kargs_remove(&f->root, &(struct kernel_config){}), 1, "kargs remove");
	is_file(f, ENTRY, "options a\n", "as before");
}

/* A partition elsewhere is found by what the boot loader says that it came from. */
static void test_other_mount_point(struct fixture *f)
{
	static const char uuid[] = "\6\0\0\0A\0B\0-\0001\0\0\0";
	_cleanup_free_ char *link = xasprintf("%s/dev/disk/by-partuuid/ab-1", f->path);

	fixture_write(f, "mnt/esp/loader/entries/" ID "-6.12.conf", "options y\n");
	fixture_write(f, "proc/self/mountinfo",
		      "2 1 8:1 / /mnt/stick rw - vfat /dev/sdb1 rw\n"
		      "3 1 8:2 / /mnt/esp rw - vfat /dev/sda2 rw\n");
	is_int(install(f, "iommu=pt"), -ENODEV, "a partition that nothing names");
	root_replace_bytes(&f->root, uuid, sizeof(uuid) - 1, 0644,
			   "sys/firmware/efi/efivars/"
			   "LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
	fixture_write(f, "dev/disk/by-partuuid/x", "");
	if (symlink("../../sda2", link) < 0)
		abort();
	is_int(install(f, "iommu=pt sriov_setup.gen=1"), 1, "and one that is named");
	is_file(f, "mnt/esp/loader/entries/" ID "-6.12.conf",
		"options y" BLOCK("iommu=pt sriov_setup.gen=1") "\n", "has its words");
	install(f, "");
	root_remove(&f->root, "dev/disk/by-partuuid/ab-1");
}

static void test_live(struct fixture *f)
{
	static const char info[] = "\6\0\0\0s\0y\0s\0t\0e\0m\0d\0-\0b\0o\0o\0t\0 \0"
				   "2\0005\0007\0\0\0";

	f->root.live = true;
	fixture_write(f, "proc/self/mountinfo",
		      "2 1 8:2 / /boot rw shared:1 - vfat /dev/sda2 rw\n");
	is_int(bls->detect(&f->root), 0, "entries, but another boot loader");
	root_replace_bytes(&f->root, info, sizeof(info) - 1, 0644, LOADER_INFO);
	ok(bls->detect(&f->root) > 90, "systemd-boot");
	fixture_write(f, "proc/self/mountinfo",
		      "2 1 8:2 / /boot rw - ext4 /dev/sda2 rw\n"
		      "3 2 8:2 / /boot/efi rw - vfat /dev/sda3 rw\n");
	is_int(install(f, "iommu=pt"), -ENODEV, "/boot is no partition of the firmware");
	fixture_write(f, "etc/fstab", "LABEL=ESP /efi vfat umask=0077\n");
	fixture_write(f, "proc/self/mountinfo",
		      "2 1 0:2 / /efi rw - autofs systemd-1 rw\n");
	ok(bls->detect(&f->root) > 90, "not mounted: still detected");
	is_int(install(f, "iommu=pt"), -ENODEV, "and refused");
	is_file(f, ENTRY, "options a\n", "nothing is written below it");
	test_other_mount_point(f);
	ok(!root_exists(&f->root, WORDS), "nor elsewhere");
}

int main(void)
{
	struct fixture f;

	fixture_open(&f);
	log_set_level(LOG_EMERG);
	fixture_write(&f, "etc/machine-id", ID "\n");
	fixture_write(&f, "boot/EFI/systemd/systemd-bootx64.efi", "MZ");
	test_no_entries(&f);
	test_forms(&f);
	test_entries(&f);
	test_trial(&f);
	test_foreign(&f);
	test_token(&f);
	test_life(&f);
	test_live(&f);
	fixture_close(&f);
	return done();
}
