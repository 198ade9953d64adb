#include "bootloader-tool.h"

#include "log.h"
#include "process.h"

#include <errno.h>

#define DEADLINE 300
#define RECORD "var/lib/sriov-setup/%s"

bool tool_exists(const struct root *root, const char *path)
{
	return root_exists(root, "%s", path + 1);
}

static int run(const struct root *root, const char *const argv[], bool may_be_unchanged,
	       char **ret_stdout)
{
	_cleanup_free_ char *errors = NULL;
	int r = process_run(root, argv, DEADLINE, ret_stdout, &errors);

	if (r == 0 || (r == TOOL_UNCHANGED && may_be_unchanged))
		return r;
	return log_error_errno(r < 0 ? r : EPROTO, "%s failed: %s", argv[0],
			       errors && *errors ? errors : "no output");
}

int tool_run_argv(const struct root *root, const char *const argv[], char **ret_stdout)
{
	return run(root, argv, false, ret_stdout);
}

int tool_run_strings(const struct root *root, const struct strings *argv)
{
	_cleanup_free_ const char **copy = xcalloc(argv->n + 1, sizeof(*copy));

	for (size_t i = 0; i < argv->n; i++)
		copy[i] = argv->items[i];
	return run(root, copy, true, NULL);
}

int tool_read_ours(const struct root *root, const char *path, char **ret)
{
	int r = root_read(root, ret, "%s", path);

	return r == 0 || r == -ENOENT ? r : log_error_errno(r, "cannot read /%s", path);
}

int tool_read_record(const struct root *root, const char *name, struct cmdline *ret)
{
	_cleanup_free_ char *text = NULL, *path = xasprintf(RECORD, name);
	int r = tool_read_ours(root, path, &text);

	if (r == 0)
		cmdline_parse(ret, text);
	return r;
}

int tool_write_record(const struct root *root, const char *name,
		      const struct cmdline *words)
{
	_cleanup_free_ char *text = cmdline_print(words), *line = xasprintf("%s\n", text);
	int r = words->words.n ? root_replace(root, line, 0644, RECORD, name) :
				 root_remove(root, RECORD, name);

	return r < 0 ? log_error_errno(r, "cannot write /" RECORD, name) : r;
}

void tool_read_others(const struct root *root, const char *folder, const char *ours,
		      void (*parse)(struct cmdline *ret, const char *text),
		      struct cmdline *ret)
{
	_cleanup_(strings_done) struct strings names = {};

	root_list(root, &names, "%s", folder);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *text = NULL;

		if (!streq(names.items[i], ours) &&
		    root_read(root, &text, "%s/%s", folder, names.items[i]) == 0)
			parse(ret, text);
	}
}

void tool_unite(struct cmdline *ret, const struct cmdline *words)
{
	for (size_t i = 0; i < words->words.n; i++)
		if (!strings_contain(&ret->words, words->words.items[i]))
			cmdline_add(ret, words->words.items[i]);
}

void tool_find_foreign(struct cmdline *ret, const struct cmdline *current,
		       const struct cmdline *ours)
{
	for (size_t i = 0; i < current->words.n; i++)
		if (!strings_contain(&ours->words, current->words.items[i]))
			cmdline_add(ret, current->words.items[i]);
}

/* The record names old and new words while the tool runs: a power cut loses none. */
static int change(const struct root *root, const struct tool_words *tool,
		  const struct cmdline *current, const struct cmdline *ours,
		  const struct cmdline *target)
{
	_cleanup_(cmdline_done) struct cmdline both = {};
	int recorded, changed;

	tool_unite(&both, ours);
	tool_unite(&both, target);
	recorded = tool_write_record(root, tool->name, &both);
	if (recorded < 0)
		return recorded;
	changed = tool->change(root, current, ours, target);
	if (changed < 0) {
		if (changed != -ETIMEDOUT)
			tool_write_record(root, tool->name, ours);
		return changed;
	}
	recorded = tool_write_record(root, tool->name, target);
	return recorded < 0 ? recorded : changed;
}

int tool_install(const struct root *root, const struct tool_words *tool,
		 const struct cmdline *words)
{
	_cleanup_(cmdline_done) struct cmdline ours = {}, current = {}, foreign = {};
	_cleanup_(cmdline_done) struct cmdline target = {};
	int r;

	if (!root->live)
		return log_error_errno(EOPNOTSUPP,
				       "%s changes only the running machine; an image "
				       "takes bootc-kargsd",
				       tool->name);
	r = tool_read_record(root, tool->name, &ours);
	if (r == 0 || r == -ENOENT)
		r = tool->read(root, &current);
	if (r < 0)
		return r;
	tool_find_foreign(&foreign, &current, &ours);
	tool_find_foreign(&target, words, &foreign);
	return change(root, tool, &current, &ours, &target);
}

int tool_check(const struct root *root, const struct tool_words *tool,
	       const struct cmdline *words)
{
	_cleanup_(cmdline_done) struct cmdline current = {};
	int r = tool->read(root, &current);

	if (r < 0)
		return r;
	for (size_t i = 0; i < words->words.n; i++)
		if (!strings_contain(&current.words, words->words.items[i]))
			return log_error_errno(EBADMSG, "%s took %s but does not list it",
					       tool->name, words->words.items[i]);
	return 0;
}
