/* Kernel arguments below a root of our own: drop-in, state, idempotence, removal. */
#include "kargs-state.h"
#include "kargs.h"
#include "log.h"
#include "tap.h"

#include <ftw.h>
#include <sys/stat.h>
#include <syslog.h>

#define DROPIN "etc/default/grub.d/zz-sriov-setup.cfg"
#define STATE "var/lib/sriov-setup/kargs"

static int unlink_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static const struct kernel_config defaults = {};

static int apply(const struct root *root, const char *running, const char *wanted)
{
	_cleanup_(cmdline_done) struct cmdline w = {}, missing = {};
	_cleanup_(kernel_facts_done) struct kernel_facts facts = { .offline = true };
	int r = kernel_facts_read(root, &facts);

	cmdline_parse(&facts.running, running);
	cmdline_parse(&w, wanted);
	return r < 0 ? r : kargs_apply(root, &defaults, &facts, &w, &missing);
}

static void is_ours(const struct root *root, const char *want)
{
	_cleanup_(kargs_state_done) struct kargs_state state;
	_cleanup_(cmdline_done) struct cmdline c = {};
	_cleanup_free_ char *text = NULL, *record = NULL;

	if (bootloader_grub_dropin.read(root, &c) == 0)
		text = cmdline_print(&c);
	is_string(text, want, "the drop-in's words");
	kargs_state_read(root, &state);
	record = cmdline_print(&state.words);
	ok(!want ? *record == '\0' : startswith(want, record), "the record agrees");
}

static long long changed(const struct root *root, const char *path)
{
	_cleanup_free_ char *full = xasprintf("%s/%s", root->path, path);
	struct stat st;

	return stat(full, &st) < 0 ? -1 :
				     st.st_mtim.tv_sec * 1000000000LL +
					     st.st_mtim.tv_nsec + (long long)st.st_ino;
}

static void test_life(const struct root *root)
{
	long long dropin, state;

	is_int(apply(root, "", ""), 0, "nothing wanted, nothing there");
	ok(!root_exists(root, "var") && !root_exists(root, "etc/default/grub.d"),
	   "nothing written");
	is_int(apply(root, "", "intel_iommu=on iommu=pt"), 1, "first words");
	is_ours(root, "intel_iommu=on iommu=pt sriov_setup.gen=1");
	dropin = changed(root, DROPIN);
	state = changed(root, STATE);
	is_int(apply(root, "", "intel_iommu=on iommu=pt"), 0, "again");
	ok(dropin == changed(root, DROPIN) && state == changed(root, STATE),
	   "the second run writes nothing");
	is_int(apply(root, "", "iommu=pt"), 1, "other words");
	is_ours(root, "iommu=pt sriov_setup.gen=2");
	is_int(apply(root, "", ""), 1, "not wanted any more");
	is_ours(root, NULL);
	is_int(apply(root, "", "iommu=pt"), 1, "and again wanted");
	is_ours(root, "iommu=pt sriov_setup.gen=4");
	is_int(kargs_remove(root, &defaults), 1, "remove");
	is_ours(root, NULL);
	ok(!root_exists(root, STATE), "no state stays");
	is_int(kargs_remove(root, &defaults), 0, "remove again");
}

static void test_rollback(const struct root *root)
{
	is_int(kargs_rollback(root, &defaults), 0, "nothing to go back to");
	apply(root, "", "iommu=pt");
	apply(root, "", "iommu=pt hugepagesz=1G hugepages=4");
	is_ours(root, "iommu=pt hugepagesz=1G hugepages=4 sriov_setup.gen=2");
	is_int(kargs_rollback(root, &defaults), 1, "rollback");
	is_ours(root, "iommu=pt sriov_setup.gen=3");
	is_int(apply(root, "", "iommu=pt hugepagesz=1G hugepages=4"), 0,
	       "what was rolled back is not tried again");
	is_ours(root, "iommu=pt sriov_setup.gen=3");
	is_int(apply(root, "", "iommu=pt hugepagesz=1G hugepages=2"), 1,
	       "another wish is");
	is_ours(root, "iommu=pt hugepagesz=1G hugepages=2 sriov_setup.gen=4");
	kargs_remove(root, &defaults);
}

/* What the administrator's GRUB files say counts, also where no kernel runs. */
static void test_foreign(const struct root *root)
{
	root_replace(root, "GRUB_CMDLINE_LINUX='quiet iommu=off'\n", 0644,
		     "etc/default/grub");
	ok(apply(root, "", "iommu=pt") < 0, "a contradiction in /etc/default/grub");
	root_replace(root,
		     "# GRUB_CMDLINE_LINUX=iommu=off\nGRUB_CMDLINE_LINUX=\"$X quiet\"\n",
		     0644, "etc/default/grub");
	is_int(apply(root, "", "iommu=pt"), 1, "a comment is none");
	kargs_remove(root, &defaults);
}

static void test_refusals(const struct root *root)
{
	_cleanup_free_ char *link = xasprintf("%s/" DROPIN, root->path);

	ok(apply(root, "ro iommu=off", "iommu=pt") < 0, "a contradiction");
	ok(apply(root, "", "iommu=$(reboot)") < 0, "shell in a word");
	is_ours(root, NULL);
	ok(symlink("/etc/passwd", link) == 0 && apply(root, "", "iommu=pt") < 0,
	   "a link in our place");
	ok(!root_exists(root, STATE), "the failed attempt left no record");
	unlink(link);
}

static void test_orphan(const struct root *root)
{
	apply(root, "", "iommu=pt");
	root_remove(root, STATE);
	is_int(apply(root, "", ""), 1, "a lost record: the orphan is taken away");
	is_ours(root, NULL);
	root_remove(root, STATE);
	root_replace(root, "GRUB_CMDLINE_LINUX_DEFAULT=\n", 0644, DROPIN);
	ok(apply(root, "", "iommu=pt") < 0, "somebody rewrote our file: left alone");
	root_remove(root, DROPIN);
}

/* What refresh() checks needs a real grub-mkconfig; here the detection. */
static void test_bootloader(const struct root *root)
{
	const struct bootloader *loader = NULL;

	is_int(bootloader_find(&loader, root, NULL), 0, "detected");
	is_string(loader->name, "grub-dropin", "by grub-mkconfig");
	is_int(bootloader_find(&loader, root, "manual"), 0, "named");
	is_string(loader->name, "manual", "manual");
	ok(bootloader_find(&loader, root, "lilo") < 0, "no such name");
	root_replace(root, "#!/bin/sh\n", 0755, "usr/sbin/grub-mkconfig");
	is_int(bootloader_find(&loader, root, NULL), 0,
	       "a grub-mkconfig without drop-ins");
	is_string(loader->name, "manual", "is done by hand");
}

int main(void)
{
	char path[] = "/tmp/test-kargs.XXXXXX";
	struct root root;

	if (!mkdtemp(path) || root_open(&root, path) < 0)
		return 99;
	log_set_level(LOG_EMERG);
	root_replace(&root, "for x in ${sysconfdir}/default/grub.d/*.cfg\n", 0755,
		     "usr/sbin/grub-mkconfig");
	test_life(&root);
	test_rollback(&root);
	test_foreign(&root);
	test_refusals(&root);
	test_orphan(&root);
	test_bootloader(&root);
	root_done(&root);
	nftw(path, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
	return done();
}
