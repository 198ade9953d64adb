/*
 * Image builds for bootc: every *.toml in /usr/lib/bootc/kargs.d is part of the image,
 * and an install or upgrade applies the difference between the old and the new files to
 * the deployment (bootc docs/src/building/kernel-arguments.md). On the running machine
 * /usr is read-only, and nothing would apply the file: see bootloader-bootc-source.c.
 */
#include "bootloader.h"

#include "bootloader-tool.h"
#include "log.h"

#include <errno.h>

#define FOLDER "usr/lib/bootc"
#define KARGSD FOLDER "/kargs.d"
#define NAME "50-sriov-setup.toml"
#define FILE_NAME KARGSD "/" NAME
#define BEGIN "kargs = ["

static int kargsd_detect(const struct root *root)
{
	return !root->live && root_exists(root, FOLDER) ? 100 : 0;
}

/* The strings of a list of TOML, which is at its '[' */
static void parse_list(struct cmdline *ret, const char *list)
{
	size_t length = strcspn(list, "]");
	const char *end;

	/* words of ours have no quotes in them: cmdline_word_is_safe() */
	while ((list = memchr(list, '"', length)) && (end = strchr(list + 1, '"'))) {
		_cleanup_free_ char *word = xstrndup(list + 1, (size_t)(end - list - 1));

		cmdline_add(ret, word);
		list = end + 1;
		length = strcspn(list, "]");
	}
}

static int kargsd_read(const struct root *root, struct cmdline *ret_ours)
{
	_cleanup_free_ char *text = NULL;
	const char *list;
	int r = tool_read_ours(root, FILE_NAME, &text);

	if (r < 0)
		return r;
	list = strstr(text, BEGIN);
	if (!list || !strchr(list, ']'))
		return log_error_errno(EBADMSG,
				       "/" FILE_NAME
				       " is not as we wrote it; remove it by hand");
	parse_list(ret_ours, list + strlen(BEGIN));
	return 0;
}

static int kargsd_install(const struct root *root, const struct cmdline *words,
			  const struct signing_key *key)
{
	_cleanup_free_ char *list = xstrdup(""), *content = NULL;
	int r;

	(void)key;
	if (root->live)
		return log_error_errno(EROFS,
				       "bootc-kargsd is for image builds (--root); "
				       "the running machine takes bootc-source or "
				       "rpm-ostree");
	for (size_t i = 0; i < words->words.n; i++) {
		char *more = xasprintf("%s%s\"%s\"", list, i ? ", " : "",
				       words->words.items[i]);

		free(list);
		list = more;
	}
	content = xasprintf(
		"# Written by sriov-setup from /etc/sriov.conf; changes are lost.\n" BEGIN
		"%s]\n",
		list);
	r = words->words.n ? root_replace(root, content, 0644, FILE_NAME) :
			     root_remove(root, FILE_NAME);
	return r < 0 ? log_error_errno(r, "cannot write /" FILE_NAME) : r;
}

/* bootc has nothing but kargs and match-architectures in these files */
static void parse_file(struct cmdline *ret, const char *text)
{
	const char *key = strstr(text, "kargs"), *list = key ? strchr(key, '[') : NULL;

	if (list)
		parse_list(ret, list);
}

static int kargsd_foreign(const struct root *root, struct cmdline *ret)
{
	tool_read_others(root, KARGSD, NAME, parse_file, ret);
	return 0;
}

const struct bootloader bootloader_bootc_kargsd = {
	.name = "bootc-kargsd",
	.detect = kargsd_detect,
	.read = kargsd_read,
	.install = kargsd_install,
	.foreign = kargsd_foreign,
};
