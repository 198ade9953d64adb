/*
 * GRUB of Debian and Ubuntu: files in /etc/default/grub.d are sourced as shell after
 * /etc/default/grub (a Debian patch of grub-mkconfig). Only GRUB_CMDLINE_LINUX_DEFAULT is
 * extended, so that recovery entries boot without our words.
 */
#include "bootloader.h"

#include "bootloader-tool.h"
#include "log.h"

#include <errno.h>

#define DROPINS "etc/default/grub.d"
/* after the files of others: a later plain assignment would lose ours */
#define DROPIN_NAME "zz-sriov-setup.cfg"
#define DROPIN DROPINS "/" DROPIN_NAME
#define GRUB_CFG "boot/grub/grub.cfg"
#define NEW_CFG "boot/grub/.grub.cfg.sriov-setup"
#define BEGIN "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT "
/* a trial boot: grub-mkconfig puts its output before the menu entries */
#define TRIAL "etc/grub.d/01_sriov-setup"
#define TRIAL_VARIABLE "sriov_setup_kargs"
#define TRIAL_BEGIN "set " TRIAL_VARIABLE "=\""
#define GRUBENV "boot/grub/grubenv"

/* A mount point in fstab that nothing is mounted on: writing would go below it. */
static bool boot_is_missing(const struct root *root)
{
	_cleanup_free_ char *fstab = NULL, *mounts = NULL;
	char device[256], where[256], *line, *rest;

	if (!root->live || root_read(root, &fstab, "etc/fstab") < 0 ||
	    root_read(root, &mounts, "proc/self/mountinfo") < 0)
		return false;
	for (rest = fstab; (line = strsep(&rest, "\n"));)
		if (sscanf(line, "%255s %255s", device, where) == 2 && device[0] != '#' &&
		    streq(where, "/boot") && !strstr(mounts, " /boot "))
			return true;
	return false;
}

static int grub_detect(const struct root *root)
{
	_cleanup_free_ char *script = NULL, *cmdline = NULL;

	/* GRUB's linux command puts BOOT_IMAGE= first; a kernel that was started without
	 * it was started by something else, whatever lies in /boot */
	if (root->live && (root_read(root, &cmdline, "proc/cmdline") < 0 ||
			   !strstr(cmdline, "BOOT_IMAGE=")))
		return 0;
	if (root_read(root, &script, "usr/sbin/grub-mkconfig") < 0 ||
	    !strstr(script, "default/grub.d"))
		return 0;
	/* a /boot that is not mounted is refused by install(), with a reason */
	return root_exists(root, GRUB_CFG) || !root->live || boot_is_missing(root) ? 90 :
										     0;
}

/* The words between `begin` and the next quote. */
static int read_words(const struct root *root, const char *path, const char *begin,
		      struct cmdline *ret)
{
	_cleanup_free_ char *text = NULL;
	char *words, *end;
	int r = tool_read_ours(root, path, &text);

	if (r < 0)
		return r;
	words = strstr(text, begin);
	end = words ? strchr(words + strlen(begin), '"') : NULL;
	if (!end)
		return log_error_errno(
			EBADMSG, "/%s is not as we wrote it; remove it by hand", path);
	*end = '\0';
	cmdline_parse(ret, words + strlen(begin));
	return 0;
}

/* While a trial is armed, its script has the words that are installed for good. */
static int grub_read(const struct root *root, struct cmdline *ret_ours)
{
	return root_exists(root, TRIAL) ? read_words(root, TRIAL, TRIAL_BEGIN, ret_ours) :
					  read_words(root, DROPIN, BEGIN, ret_ours);
}

static void parse_config(struct cmdline *ret, const char *text)
{
	cmdline_parse_shell(ret, text, "GRUB_CMDLINE_LINUX");
	cmdline_parse_shell(ret, text, "GRUB_CMDLINE_LINUX_DEFAULT");
}

static int grub_foreign(const struct root *root, struct cmdline *ret)
{
	_cleanup_free_ char *text = NULL;

	if (root_read(root, &text, "etc/default/grub") == 0)
		parse_config(ret, text);
	tool_read_others(root, DROPINS, DROPIN_NAME, parse_config, ret);
	return 0;
}

static int write_dropin(const struct root *root, const char *words)
{
	_cleanup_free_ char *content = NULL, *link = NULL;
	int r;

	if (boot_is_missing(root))
		return log_error_errno(
			ENODEV, "/boot is in /etc/fstab but not mounted: mount it first");
	if (root_link_name(root, &link, DROPIN) == 0)
		return log_error_errno(ELOOP,
				       "/" DROPIN " is a symbolic link: remove it first");
	content = xasprintf(
		"# Written by sriov-setup from /etc/sriov.conf; changes are lost.\n"
		"# \"sriov-setup kargs remove\" takes it away.\n" BEGIN "%s\"\n",
		words);
	r = *words ? root_replace(root, content, 0644, DROPIN) :
		     root_remove(root, DROPIN);
	return r < 0 ? log_error_errno(r, "cannot write /" DROPIN) : r;
}

static int grub_install(const struct root *root, const struct cmdline *words,
			const struct signing_key *key)
{
	_cleanup_free_ char *text = cmdline_print(words);
	int written = write_dropin(root, text), removed;

	(void)key;
	if (written < 0)
		return written;
	removed = root_remove(root, TRIAL);
	if (removed < 0)
		return log_error_errno(removed, "cannot remove /" TRIAL);
	return written || removed;
}

/* What one generated grub.cfg says of our words. */
struct entries {
	size_t all, with_ours; /* "linux" lines; those of normal entries with all of our
				  words */
	size_t normal, marked; /* normal entries of 10_linux; any entry with our marker */
};

static void read_entries(const char *cfg, const struct cmdline *words,
			 struct entries *ret)
{
	_cleanup_free_ char *copy = xstrdup(cfg);
	char *rest = copy, *line;
	bool generated = false;

	*ret = (struct entries){};
	while ((line = strsep(&rest, "\n"))) {
		_cleanup_(cmdline_done) struct cmdline found = {};
		bool has_all = true;

		/*
		 * grub-mkconfig frames each script's part. Only 10_linux and its like
		 * take our words; an entry of 40_custom or os-prober's other system never
		 * has them.
		 */
		if (startswith(line, "### BEGIN "))
			generated = strstr(line, "_linux");
		line += strspn(line, " \t");
		if (!startswith(line, "linux\t") && !startswith(line, "linux "))
			continue;
		cmdline_parse(&found, line);
		ret->all++;
		ret->marked += strstr(line, "sriov_setup.gen=") != NULL;
		if (!generated || cmdline_has(&found, "single") ||
		    cmdline_has(&found, "recovery"))
			continue;
		ret->normal++;
		for (size_t i = 0; i < words->words.n; i++)
			has_all = has_all && cmdline_has(&found, words->words.items[i]);
		ret->with_ours += has_all;
	}
}

/* Judges the new file, since grub-mkconfig exits 0 also when our words were lost. */
static int check_new(const char *before, const char *now, const struct cmdline *words)
{
	struct entries old, new;

	read_entries(before, words, &old);
	read_entries(now, words, &new);
	if (new.all == 0 || new.all < old.all)
		return log_error_errno(EBADMSG,
				       "grub-mkconfig made %zu boot entries, there are "
				       "%zu now; kept the old ones",
				       new.all, old.all);
	if (words->words.n && new.normal == 0)
		return log_error_errno(
			EBADMSG, "grub-mkconfig made no normal boot entry for Linux");
	if (words->words.n == 0 && new.marked)
		return log_error_errno(EBADMSG, "our words are still in %zu boot entries",
				       new.marked);
	if (new.with_ours != new.normal)
		return log_error_errno(
			EBADMSG,
			"%zu of %zu boot entries lack our words: does a later file in "
			"/etc/default/grub.d assign GRUB_CMDLINE_LINUX_DEFAULT?",
			new.normal - new.with_ours, new.normal);
	return 0;
}

/* The new file in the place of the old one; Proxmox's tool makes it in each partition. */
static int put_in_place(const struct root *root)
{
	int r;

	if (bootloader_is_proxmox(root))
		return tool_run(root, NULL, "/usr/sbin/proxmox-boot-tool", "refresh");
	r = root_move(root, NEW_CFG, GRUB_CFG);
	return r < 0 ? log_error_errno(r, "cannot replace /" GRUB_CFG) : 0;
}

/*
 * update-grub truncates grub.cfg in place and never calls fsync: a power cut leaves a
 * "grub>" prompt. So a new file is made beside it, checked, and renamed over it.
 */
static int grub_refresh(const struct root *root, const struct cmdline *words)
{
	_cleanup_free_ char *before = NULL, *now = NULL;
	int r;

	r = root_read(root, &before, GRUB_CFG);
	if (r < 0)
		return log_error_errno(r, "cannot read /" GRUB_CFG);
	r = tool_run(root, NULL, "/usr/sbin/grub-mkconfig", "-o", "/" NEW_CFG);
	if (r == 0)
		r = tool_run(root, NULL, "/usr/bin/grub-script-check", "/" NEW_CFG);
	if (r == 0) {
		r = root_read(root, &now, NEW_CFG);
		if (r < 0)
			log_error_errno(r, "cannot read /" NEW_CFG);
	}
	if (r == 0)
		r = check_new(before, now, words);
	if (r == 0)
		r = put_in_place(root);
	root_remove(root, NEW_CFG);
	root_remove(root,
		    NEW_CFG ".new"); /* grub-mkconfig's own leftover when it fails */
	return r;
}

/* Where GRUB cannot write its environment block, a trial would never end. */
static int refuse_unwritable_environment(const struct root *root)
{
	static const char script[] =
		"test -z \"$(grub-probe -t abstraction /boot/grub)\" && "
		"case $(grub-probe -t fs /boot/grub) in "
		"ext2|xfs|fat) ;; *) false;; esac";

	if (tool_run(root, NULL, "/bin/sh", "-c", script) == 0)
		return 0;
	return log_error_errno(
		EOPNOTSUPP, "GRUB cannot write to /boot/grub (LVM, RAID or such a file "
			    "system), so it cannot try arguments for one boot: set "
			    "kernel.trial = false");
}

/*
 * GRUB itself takes the flag away before it boots, so whatever becomes of that boot, the
 * one after it has the old words again. The generation is the flag: an old one arms
 * nothing.
 */
static int write_trial(const struct root *root, const struct cmdline *before,
		       const struct cmdline *words, unsigned generation)
{
	_cleanup_free_ char *old = cmdline_print(before), *new = cmdline_print(words);
	_cleanup_free_ char *script = xasprintf(
		"#!/bin/sh\n"
		"# Written by sriov-setup: its kernel arguments are tried for one boot.\n"
		"cat <<'E'\n" TRIAL_BEGIN "%s\"\n"
		"if [ \"$sriov_setup_try\" = \"%u\" ]; then\n"
		"  set " TRIAL_VARIABLE "=\"%s\"\n"
		"  set sriov_setup_try=\n"
		"  save_env sriov_setup_try\n"
		"fi\nE\n",
		old, generation, new);
	int r = root_replace(root, script, 0755, TRIAL);

	return r < 0 ? log_error_errno(r, "cannot write /" TRIAL) : 0;
}

static int grub_arm(const struct root *root, const struct cmdline *before,
		    const struct cmdline *words, unsigned generation)
{
	_cleanup_(cmdline_done) struct cmdline variable = {};
	_cleanup_free_ char *flag = xasprintf("sriov_setup_try=%u", generation);
	int r = refuse_unwritable_environment(root);

	cmdline_add(&variable, "$" TRIAL_VARIABLE);
	if (r == 0)
		r = write_trial(root, before, words, generation);
	if (r == 0)
		r = write_dropin(root, "\\$" TRIAL_VARIABLE);
	if (r >= 0)
		r = grub_refresh(root, &variable);
	if (r >= 0)
		r = tool_run(root, NULL, "/usr/bin/grub-editenv", "/" GRUBENV, "set",
			     flag);
	if (r < 0)
		grub_install(root, before, NULL);
	return r < 0 ? r : 1;
}

const struct bootloader bootloader_grub_dropin = {
	.name = "grub-dropin",
	.detect = grub_detect,
	.read = grub_read,
	.install = grub_install,
	.refresh = grub_refresh,
	.foreign = grub_foreign,
	.arm = grub_arm,
};
