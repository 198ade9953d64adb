/*
 * openSUSE with systemd-boot or GRUB that reads boot loader entries: sdbootutil makes the
 * entries. Since 2026-03 (its commit ff5ea17) it adds what the files in
 * /etc/kernel/cmdline.d say to the one of /etc/kernel/cmdline, /usr/lib/kernel/cmdline
 * and /proc/cmdline that it finds first: create_boot_options(). "update-all-entries"
 * writes the entries of the running root's snapshot again, and PCR predictions with them.
 */
#include "bootloader.h"

#include "bootloader-tool.h"
#include "efi.h"
#include "log.h"

#include <errno.h>

#define TOOL "/usr/bin/sdbootutil"
#define DROPINS "etc/kernel/cmdline.d"
#define DROPIN_NAME "50-sriov-setup"
#define DROPIN DROPINS "/" DROPIN_NAME
#define LOADER_TYPE "etc/sysconfig/bootloader"
#define ENTRIES "loader/entries"

/* LOADER_TYPE="grub2-bls" or "systemd-boot"; the classic "grub2-efi" is pbl's */
static bool makes_entries(const struct root *root)
{
	_cleanup_free_ char *config = NULL;

	return root_read(root, &config, LOADER_TYPE) == 0 &&
	       (strstr(config, "\nLOADER_TYPE=\"grub2-bls\"") ||
		startswith(config, "LOADER_TYPE=\"grub2-bls\""));
}

static int sdbootutil_detect(const struct root *root)
{
	_cleanup_free_ char *script = NULL, *loader = NULL;

	if (root_read(root, &script, "%s", &TOOL[1]) < 0 || !strstr(script, "cmdline.d"))
		return 0;
	if (!root->live)
		return 92;
	if (efi_read_loader(root, &loader, "LoaderInfo") == 0 &&
	    startswith(loader, "systemd-boot"))
		return 97;
	return makes_entries(root) ? 90 : 0;
}

static int sdbootutil_read(const struct root *root, struct cmdline *ret_ours)
{
	_cleanup_free_ char *text = NULL;
	char *words;
	int r = tool_read_ours(root, DROPIN, &text);

	if (r < 0)
		return r;
	words = strchr(text, '\n');
	if (*text != '#' || !words)
		return log_error_errno(
			EBADMSG, "/" DROPIN " is not as we wrote it; remove it by hand");
	cmdline_parse(ret_ours, words);
	return 0;
}

static int sdbootutil_install(const struct root *root, const struct cmdline *words,
			      const struct signing_key *key)
{
	_cleanup_free_ char *text = cmdline_print(words), *content = NULL, *link = NULL;
	int r;

	(void)key;
	if (root->live && !root_exists(root, "etc/kernel/cmdline") &&
	    !root_exists(root, "usr/lib/kernel/cmdline"))
		return log_error_errno(
			ENOENT, "there is no /etc/kernel/cmdline, so sdbootutil would "
				"take the running command line with our words in it for "
				"good: write what you want to boot with there first");
	if (root_link_name(root, &link, DROPIN) == 0)
		return log_error_errno(ELOOP,
				       "/" DROPIN " is a symbolic link: remove it first");
	content = xasprintf("# Written by sriov-setup from /etc/sriov.conf\n%s\n", text);
	r = words->words.n ? root_replace(root, content, 0644, DROPIN) :
			     root_remove(root, DROPIN);
	return r < 0 ? log_error_errno(r, "cannot write /" DROPIN) : r;
}

/* 1: an entry of the running root's snapshot that is right; 0: of another; else logged */
static int check_entry(const struct root *root, const char *path, const char *snapshot,
		       const struct cmdline *words)
{
	_cleanup_(cmdline_done) struct cmdline options = {};
	_cleanup_free_ char *text = NULL;
	int r = root_read(root, &text, "%s", path);

	if (r < 0)
		return log_error_errno(r, "cannot read /%s", path);
	cmdline_parse_entry(&options, text);
	if (snapshot && !strings_contain(&options.words, snapshot))
		return 0;
	for (size_t i = 0; i < words->words.n; i++)
		if (!strings_contain(&options.words, words->words.items[i]))
			return log_error_errno(EBADMSG, "/%s lacks %s after " TOOL, path,
					       words->words.items[i]);
	for (size_t i = 0; words->words.n == 0 && i < options.words.n; i++)
		if (startswith(options.words.items[i], "sriov_setup.gen="))
			return log_error_errno(EBADMSG, "our words are still in /%s",
					       path);
	return 1;
}

static int check_entries(const struct root *root, const char *snapshot,
			 const struct cmdline *words)
{
	_cleanup_(strings_done) struct strings places = {};
	size_t right = 0;
	int r = efi_find_places(root, &places, ENTRIES);

	for (size_t i = 0; r >= 0 && i < places.n; i++) {
		_cleanup_(strings_done) struct strings names = {};

		root_list(root, &names, "%s/" ENTRIES, places.items[i]);
		for (size_t j = 0; r >= 0 && j < names.n; j++) {
			_cleanup_free_ char *path = xasprintf(
				"%s/" ENTRIES "/%s", places.items[i], names.items[j]);

			r = check_entry(root, path, snapshot, words);
			right += r > 0;
		}
	}
	if (r >= 0 && right == 0)
		return log_error_errno(ENOENT, "there is no boot entry for %s",
				       snapshot ? snapshot : "this system");
	return r < 0 ? r : 0;
}

static int sdbootutil_refresh(const struct root *root, const struct cmdline *words)
{
	_cleanup_(cmdline_done) struct cmdline running = {};
	_cleanup_free_ char *text = NULL;
	const char *snapshot = NULL;
	int r = tool_run(root, NULL, TOOL, "update-all-entries");

	if (r < 0)
		return r;
	r = root_read(root, &text, "proc/cmdline");
	if (r < 0)
		return log_error_errno(r, "cannot read /proc/cmdline");
	cmdline_parse(&running, text);
	for (size_t i = 0; i < running.words.n; i++)
		if (startswith(running.words.items[i], "rootflags="))
			snapshot = running.words.items[i];
	return check_entries(root, snapshot, words);
}

/* sdbootutil skips the lines that are comments */
static void parse_config(struct cmdline *ret, const char *text)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		_cleanup_free_ char *line = xstrndup(text, strcspn(text, "\n"));

		if (*line != '#')
			cmdline_parse(ret, line);
	}
}

static int sdbootutil_foreign(const struct root *root, struct cmdline *ret)
{
	_cleanup_free_ char *text = NULL;

	if (root_read(root, &text, "etc/kernel/cmdline") == 0 ||
	    root_read(root, &text, "usr/lib/kernel/cmdline") == 0)
		parse_config(ret, text);
	tool_read_others(root, DROPINS, DROPIN_NAME, parse_config, ret);
	return 0;
}

const struct bootloader bootloader_sdbootutil = {
	.name = "sdbootutil",
	.detect = sdbootutil_detect,
	.read = sdbootutil_read,
	.install = sdbootutil_install,
	.refresh = sdbootutil_refresh,
	.foreign = sdbootutil_foreign,
};
