/* Kernel arguments below a root: drop-in, state, once per generation, removal. */
#include "fixture.h"
#include "kargs.h"

#define DROPIN "etc/default/grub.d/zz-sriov-setup.cfg"
#define STATE "var/lib/sriov-setup/kargs"

static struct fixture image(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_write(&f, "usr/sbin/grub-mkconfig",
		      "#!/bin/sh\nfor x in /etc/default/grub.d/*.cfg; do . $x; done\n");
	return f;
}

static const struct kernel_config defaults = {};

static int apply(struct fixture *f, const char *words)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	_cleanup_(kernel_facts_done) struct kernel_facts facts = {};
	char *said;
	int r;

	capture_start();
	r = kernel_facts_read(&f->root, &facts);
	if (r == 0) {
		cmdline_parse(&wanted, words);
		r = kargs_apply(&f->root, &defaults, &facts, &wanted, &missing);
	}
	said = capture_end();
	free(said);
	return r;
}

static void file_is(struct fixture *f, const char *path, const char *want)
{
	_cleanup_free_ char *text = NULL;

	root_read(&f->root, &text, "%s", path);
	is_string(text, want, "%s", path);
}

static void test_dropin(void)
{
	struct fixture f = image();
	struct stat before, after;
	_cleanup_free_ char *path = xasprintf("%s/" DROPIN, f.path), *command = NULL;
	char *said;

	is_int(apply(&f, ""), 0, "nothing wanted, nothing written");
	ok(!root_exists(&f.root, STATE), "not even a state");
	is_int(apply(&f, "iommu=pt pci=realloc"), 1, "words are installed");
	file_is(&f, DROPIN,
		"# Written by sriov-setup from /etc/sriov.conf; changes are lost.\n"
		"# \"sriov-setup kargs remove\" takes it away.\n"
		"GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt "
		"pci=realloc sriov_setup.gen=1\"");
	file_is(&f, STATE,
		"generation=1\nwords=iommu=pt pci=realloc\nprevious=\nrejected=\n"
		"loader=grub-dropin\ncertificate=\nboot_id=image\ntrial=0\ntold=0");
	command = xasprintf("sh -n '%s'", path);
	is_int(system(command), 0, "the drop-in is a shell script");
	stat(path, &before);
	is_int(apply(&f, "iommu=pt pci=realloc"), 0, "the second run has nothing to do");
	stat(path, &after);
	ok(before.st_ino == after.st_ino, "and writes nothing");
	is_int(apply(&f, "iommu=pt"), 1, "other words are another generation");
	file_is(&f, STATE,
		"generation=2\nwords=iommu=pt\nprevious=iommu=pt pci=realloc\nrejected=\n"
		"loader=grub-dropin\ncertificate=\nboot_id=image\ntrial=0\ntold=0");
	is_int(apply(&f, ""), 1, "words that are not asked for any more go");
	ok(!root_exists(&f.root, DROPIN), "with the drop-in");
	apply(&f, "iommu=pt");
	capture_start();
	is_int(kargs_remove(&f.root, &defaults), 1, "remove");
	said = capture_end();
	free(said);
	ok(!root_exists(&f.root, DROPIN) && !root_exists(&f.root, STATE),
	   "takes all of ours");
	fixture_close(&f);
}

static void test_interrupted(void)
{
	struct fixture f = image();

	fixture_write(&f, STATE, "generation=4\nwords=iommu=pt\nboot_id=\ntold=0\n");
	is_int(apply(&f, "iommu=pt"), 1, "an interrupted attempt is finished");
	ok(root_exists(&f.root, DROPIN), "with its drop-in");
	fixture_close(&f);
}

static void test_manual(void)
{
	struct fixture f;

	fixture_open(&f);
	is_int(apply(&f, "iommu=pt"), 1, "without a known boot loader it is said once");
	is_int(apply(&f, "iommu=pt"), 0, "and not again");
	ok(!root_exists(&f.root, DROPIN),
	   "nothing is written for a loader that is not there");
	fixture_close(&f);
}

static void test_hostile(void)
{
	struct fixture f = image();
	_cleanup_free_ char *link = xasprintf("%s/" DROPIN, f.path);

	fixture_write(&f, "etc/default/grub.d/other.cfg", "# theirs\n");
	if (symlink("other.cfg", link) < 0)
		abort();
	ok(apply(&f, "iommu=pt") < 0,
	   "a symbolic link in the drop-in's place is refused");
	file_is(&f, "etc/default/grub.d/other.cfg", "# theirs");
	fixture_close(&f);
}

int main(void)
{
	test_dropin();
	test_interrupted();
	test_manual();
	test_hostile();
	return done();
}
