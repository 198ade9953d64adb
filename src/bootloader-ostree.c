/*
 * ostree without rpm-ostree or bootc. Of its two ways to change the command line of a
 * deployment "ostree admin kargs edit-in-place" only appends, and by key (research: kargs
 * §B row 8). "ostree admin instutil set-kargs" writes all words of the default deployment
 * anew, whole or not at all; its help calls it not stable, so the entry is read again
 * after it. The words are in boot/loader/entries, where ostree keeps a deployment's.
 */
#include "bootloader.h"

#include "bootloader-tool.h"
#include "log.h"

#include <errno.h>

#define NAME "ostree"
#define TOOL "/usr/bin/ostree"
#define ENTRIES "boot/loader/entries"
/* of the deployment, which ostree adds itself */
#define OWN_WORD "ostree="

static int ostree_detect(const struct root *root)
{
	return root->live && root_exists(root, "run/ostree-booted") &&
			       tool_exists(root, TOOL) &&
			       !tool_exists(root, "/usr/bin/rpm-ostree") &&
			       !tool_exists(root, "/usr/bin/bootc") ?
		       100 :
		       0;
}

static int ostree_read(const struct root *root, struct cmdline *ret_ours)
{
	return tool_read_record(root, NAME, ret_ours);
}

/* "version N" of an entry: the default deployment has the highest. */
static unsigned long version_of(const char *text)
{
	const char *line =
		startswith(text, "version ") ? text : strstr(text, "\nversion ");

	return line ? strtoul(strchr(line, ' '), NULL, 10) : 0;
}

/* The text of the default deployment's entry; the caller frees it. */
static int read_entry(const struct root *root, char **ret)
{
	_cleanup_(strings_done) struct strings names = {};
	_cleanup_free_ char *found = NULL;

	root_list(root, &names, ENTRIES);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *text = NULL;

		if (!startswith(names.items[i], "ostree-") ||
		    root_read(root, &text, ENTRIES "/%s", names.items[i]) < 0 ||
		    (found && version_of(text) <= version_of(found)))
			continue;
		free(found);
		found = steal_pointer(&text);
	}
	if (!found)
		return log_error_errno(ENOENT, "there is no entry of ostree's in "
					       "/" ENTRIES);
	*ret = steal_pointer(&found);
	return 0;
}

static int read_current(const struct root *root, struct cmdline *ret)
{
	_cleanup_(cmdline_done) struct cmdline all = {};
	_cleanup_free_ char *text = NULL;
	int r = read_entry(root, &text);

	if (r < 0)
		return r;
	if (strstr(text, " -- "))
		return log_error_errno(EOPNOTSUPP, "the boot entry has words for init "
						   "after \"--\", which would be lost");
	cmdline_parse_entry(&all, text);
	for (size_t i = 0; i < all.words.n; i++)
		if (!startswith(all.words.items[i], OWN_WORD))
			cmdline_add(ret, all.words.items[i]);
	return 0;
}

static int set_words(const struct root *root, const struct cmdline *current,
		     const struct cmdline *ours, const struct cmdline *target)
{
	_cleanup_(cmdline_done) struct cmdline all = {};
	_cleanup_(strings_done) struct strings argv = {};
	const char *const command[] = { TOOL, "admin", "instutil", "set-kargs" };
	int r;

	tool_find_foreign(&all, current, ours);
	cmdline_append(&all, target);
	if (cmdline_equal(&all, current))
		return 0;
	/* ostree asserts that the deployment is written already */
	if (root_exists(root, "run/ostree/staged-deployment"))
		return log_error_errno(EBUSY, "ostree has staged a deployment, whose "
					      "words cannot be changed: reboot first");
	for (size_t i = 0; i < ARRAY_SIZE(command); i++)
		strings_add(&argv, command[i]);
	for (size_t i = 0; i < all.words.n; i++) {
		_cleanup_free_ char *option =
			xasprintf("--append=%s", all.words.items[i]);

		strings_add(&argv, option);
	}
	r = tool_run_strings(root, &argv);
	return r < 0 ? r : 1;
}

static const struct tool_words ostree_words = { NAME, read_current, set_words };

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

const struct bootloader bootloader_ostree = {
	.name = NAME,
	.detect = ostree_detect,
	.read = ostree_read,
	.install = ostree_install,
	.refresh = ostree_refresh,
	.foreign = ostree_foreign,
};
