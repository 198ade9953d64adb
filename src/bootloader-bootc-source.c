/*
 * bootc since 2026-04 with ostree 2026.1: "loader-entries set-options-for-source"
 * replaces the words of one source and leaves those of others; a new deployment is
 * staged, whole or not at all (bootc crates/lib/src/loader_entries.rs). bootc keeps who
 * owns what in the x-options-source-NAME keys of the entries, but those of a staged
 * deployment are not on disk before the shutdown: what we asked for last is in a record
 * of our own.
 *
 * It takes out by exact word, so a word that was there before us and that we claimed too
 * would go with ours: foreign words are left out.
 */
#include "bootloader.h"

#include "bootloader-tool.h"
#include "log.h"
#include "process.h"

#include <errno.h>

#define NAME "bootc-source"
#define TOOL "/usr/bin/bootc"
#define COMMAND TOOL, "loader-entries", "set-options-for-source"
#define PROBE_DEADLINE 10

/* What rpm-ostree has put in for us, rpm-ostree takes out: a later bootc waits for that.
 */
static int source_detect(const struct root *root)
{
	_cleanup_free_ char *errors = NULL;

	return root->live && !root_exists(root, "var/lib/sriov-setup/rpm-ostree") &&
			       root_exists(root, "run/ostree-booted") &&
			       tool_exists(root, TOOL) &&
			       process_run(
				       root,
				       (const char *const[]){ COMMAND, "--help", NULL },
				       PROBE_DEADLINE, NULL, &errors) == 0 ?
		       100 :
		       0;
}

static int source_read(const struct root *root, struct cmdline *ret_ours)
{
	return tool_read_record(root, NAME, ret_ours);
}

static int read_running(const struct root *root, struct cmdline *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = root_read(root, &text, "proc/cmdline");

	if (r < 0)
		return log_error_errno(r, "cannot read /proc/cmdline");
	cmdline_parse(ret, text);
	return 0;
}

static int set_options(const struct root *root, const struct cmdline *current,
		       const struct cmdline *ours, const struct cmdline *target)
{
	_cleanup_free_ char *text = cmdline_print(target);
	int r;

	(void)current;
	if (cmdline_equal(target, ours))
		return 0;
	r = target->words.n ? tool_run(root, NULL, COMMAND, "--source", "sriov-setup",
				       "--options", text) :
			      tool_run(root, NULL, COMMAND, "--source", "sriov-setup");
	return r < 0 ? r : 1;
}

static const struct tool_words source_words = { NAME, read_running, set_options };

static int source_install(const struct root *root, const struct cmdline *words,
			  const struct signing_key *key)
{
	(void)key;
	return tool_install(root, &source_words, words);
}

/* The deployment is written at the shutdown: until then this is all there is to see. */
static int source_refresh(const struct root *root, const struct cmdline *words)
{
	return words->words.n == 0 || root_exists(root, "run/ostree/staged-deployment") ?
		       0 :
		       log_error_errno(EBADMSG, "bootc staged no deployment");
}

const struct bootloader bootloader_bootc_source = {
	.name = NAME,
	.detect = source_detect,
	.read = source_read,
	.install = source_install,
	.refresh = source_refresh,
};
