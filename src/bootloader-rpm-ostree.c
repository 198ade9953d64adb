/*
 * rpm-ostree: "kargs" without options prints the command line of the deployment that
 * boots next; with options it makes a new deployment, whole or not at all, from that one
 * (rpm-ostree src/app/rpmostree-builtin-kargs.cxx). --append-if-missing and
 * --delete-if-present compare whole words, not keys, unlike "ostree admin kargs
 * edit-in-place" (research: kargs §B row 8).
 */
#include "bootloader.h"

#include "bootloader-tool.h"

#define NAME "rpm-ostree"
#define TOOL "/usr/bin/rpm-ostree"

static int ostree_detect(const struct root *root)
{
	return root->live && root_exists(root, "run/ostree-booted") &&
			       tool_exists(root, TOOL) &&
			       !bootloader_bootc_source.detect(root) ?
		       100 :
		       0;
}

static int ostree_read(const struct root *root, struct cmdline *ret_ours)
{
	return tool_read_record(root, NAME, ret_ours);
}

static int read_current(const struct root *root, struct cmdline *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = tool_run(root, &text, TOOL, "kargs");

	if (r == 0)
		cmdline_parse(ret, text);
	return r;
}

static void add_option(struct strings *argv, const char *option, const char *word)
{
	_cleanup_free_ char *argument = xasprintf("%s=%s", option, word);

	strings_add(argv, argument);
}

static int change(const struct root *root, const struct cmdline *current,
		  const struct cmdline *ours, const struct cmdline *target)
{
	_cleanup_(strings_done) struct strings argv = {};
	int r;

	strings_add(&argv, TOOL);
	strings_add(&argv, "kargs");
	strings_add(&argv, "--unchanged-exit-77");
	for (size_t i = 0; i < ours->words.n; i++)
		if (!strings_contain(&target->words, ours->words.items[i]) &&
		    strings_contain(&current->words, ours->words.items[i]))
			add_option(&argv, "--delete-if-present", ours->words.items[i]);
	for (size_t i = 0; i < target->words.n; i++)
		if (!strings_contain(&current->words, target->words.items[i]))
			add_option(&argv, "--append-if-missing", target->words.items[i]);
	if (argv.n == 3)
		return 0;
	r = tool_run_strings(root, &argv);
	return r == TOOL_UNCHANGED ? 0 : r < 0 ? r : 1;
}

static const struct tool_words ostree_words = { NAME, read_current, change };

static int ostree_install(const struct root *root, const struct cmdline *words,
			  const struct signing_key *key)
{
	(void)key;
	return tool_install(root, &ostree_words, words);
}

static int ostree_refresh(const struct root *root, const struct cmdline *words)
{
	return tool_check(root, &ostree_words, words);
}

static int ostree_foreign(const struct root *root, struct cmdline *ret)
{
	return root->live ? read_current(root, ret) : 0;
}

const struct bootloader bootloader_rpm_ostree = {
	.name = NAME,
	.detect = ostree_detect,
	.read = ostree_read,
	.install = ostree_install,
	.refresh = ostree_refresh,
	.foreign = ostree_foreign,
};
