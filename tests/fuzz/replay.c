/* replay: the fuzz targets without a fuzzer: every file of the corpus, once. TAP. */
#include "fuzz.h"
#include "tap.h"

typedef int target(const uint8_t *data, size_t size);
target fuzz_bootfile, fuzz_cmdline, fuzz_config, fuzz_ledger, fuzz_pe, fuzz_qmp,
	fuzz_sysfs;

static const struct {
	const char *name;
	target *run;
} targets[] = {
	{ "bootfile", fuzz_bootfile },
	{ "cmdline", fuzz_cmdline },
	{ "config", fuzz_config },
	{ "ledger", fuzz_ledger },
	{ "pe", fuzz_pe },
	{ "qmp", fuzz_qmp },
	{ "sysfs", fuzz_sysfs },
};

static void replay(const char *name, target *run)
{
	const char *srcdir = getenv("srcdir");
	_cleanup_free_ char *folder =
		xasprintf("%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name);
	_cleanup_(root_done) struct root root = { .fd = -1 };
	_cleanup_(strings_done) struct strings files = {};

	if (root_open(&root, folder) < 0 || root_list(&root, &files, ".") < 0)
		abort();
	for (size_t i = 0; i < files.n; i++) {
		_cleanup_free_ char *data = NULL;
		size_t size;

		/* a target that finds something ends this program */
		must(root_read_bytes(&root, &data, &size, "%s", files.items[i]) == 0 &&
			     run((const uint8_t *)data, size) == 0,
		     files.items[i]);
	}
	ok(files.n > 0, "%s: %zu inputs", name, files.n);
}

int main(void)
{
	_cleanup_free_ char *command = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		replay(targets[i].name, targets[i].run);
	command = xasprintf("rm -rf '%s'", fuzz_root()->path);
	return system(command) == 0 ? done() : 1;
}
