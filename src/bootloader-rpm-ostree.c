/*
 * rpm-ostree: "kargs" without options prints the command line of the deployment that
 * boots next; with options it makes a new deployment, whole or not at all, from that one
 * (rpm-ostree src/app/rpmostree-builtin-kargs.cxx). --append-if-missing and
 * --delete-if-present compare whole words, not keys, unlike "ostree admin kargs
 * edit-in-place" (research: kargs §B row 8, which is why plain ostree is not served).
 */
#include "bootloader.h"

#include "bootloader-tool.h"
#include "log.h"

#include <errno.h>

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

/* Three arguments: nothing to change */
static void make_arguments(struct strings *argv, const struct cmdline *current,
			   const struct cmdline *ours, const struct cmdline *target)
{
	strings_add(argv, TOOL);
	strings_add(argv, "kargs");
	strings_add(argv, "--unchanged-exit-77");
	for (size_t i = 0; i < ours->words.n; i++)
		if (!strings_contain(&target->words, ours->words.items[i]) &&
		    strings_contain(&current->words, ours->words.items[i]))
			add_option(argv, "--delete-if-present", ours->words.items[i]);
	for (size_t i = 0; i < target->words.n; i++)
		if (!strings_contain(&current->words, target->words.items[i]))
			add_option(argv, "--append-if-missing", target->words.items[i]);
}

/* The record names old and new words while the tool runs: a power cut loses none. */
static int change(const struct root *root, const struct strings *argv,
		  const struct cmdline *ours, const struct cmdline *target)
{
	_cleanup_(cmdline_done) struct cmdline both = {};
	int r;

	tool_unite(&both, ours);
	tool_unite(&both, target);
	r = tool_write_record(root, NAME, &both);
	if (r < 0)
		return r;
	r = tool_run_strings(root, argv);
	if (r < 0) {
		if (r != -ETIMEDOUT)
			tool_write_record(root, NAME, ours);
		return r;
	}
	return r == TOOL_UNCHANGED ? 0 : 1;
}

static int ostree_install(const struct root *root, const struct cmdline *words,
			  const struct signing_key *key)
{
	_cleanup_(cmdline_done) struct cmdline ours = {}, current = {}, foreign = {};
	_cleanup_(cmdline_done) struct cmdline target = {};
	_cleanup_(strings_done) struct strings argv = {};
	int recorded, changed = 0, r;

	(void)key;
	if (!root->live)
		return log_error_errno(EOPNOTSUPP, NAME " changes only the running "
							"machine; an image takes "
							"bootc-kargsd");
	r = tool_read_record(root, NAME, &ours);
	if (r == 0 || r == -ENOENT)
		r = read_current(root, &current);
	if (r < 0)
		return r;
	tool_find_foreign(&foreign, &current, &ours);
	tool_find_foreign(&target, words, &foreign);
	make_arguments(&argv, &current, &ours, &target);
	if (argv.n > 3)
		changed = change(root, &argv, &ours, &target);
	if (changed < 0)
		return changed;
	recorded = tool_write_record(root, NAME, &target);
	return recorded < 0 ? recorded : changed;
}

static int ostree_refresh(const struct root *root, const struct cmdline *words)
{
	_cleanup_(cmdline_done) struct cmdline current = {};
	int r = read_current(root, &current);

	if (r < 0)
		return r;
	for (size_t i = 0; i < words->words.n; i++)
		if (!strings_contain(&current.words, words->words.items[i]))
			return log_error_errno(EBADMSG,
					       NAME
					       " took %s but does not list it: look at "
					       "\"rpm-ostree kargs\"",
					       words->words.items[i]);
	return 0;
}

const struct bootloader bootloader_rpm_ostree = {
	.name = NAME,
	.detect = ostree_detect,
	.read = ostree_read,
	.install = ostree_install,
	.refresh = ostree_refresh,
};
