/*
 * Image builds for bootc: every *.toml in /usr/lib/bootc/kargs.d is part of the image,
 * and an install or upgrade applies the difference between the old and the new files to
 * the deployment (bootc docs/src/building/kernel-arguments.md). On the running machine
 * /usr is read-only, and nothing would apply the file: see bootloader-bootc-source.c.
 */
#include "bootloader.h"

#include "log.h"

#include <errno.h>

#define FOLDER "usr/lib/bootc"
#define FILE_NAME FOLDER "/kargs.d/50-sriov-setup.toml"
#define BEGIN "kargs = ["

static int kargsd_detect(const struct root *root)
{
	return !root->live && root_exists(root, FOLDER) ? 100 : 0;
}

static int kargsd_read(const struct root *root, struct cmdline *ret_ours)
{
	_cleanup_free_ char *text = NULL;
	char *list, *end;
	int r = root_read(root, &text, FILE_NAME);

	if (r < 0)
		return r;
	list = strstr(text, BEGIN);
	if (!list || !strchr(list, ']'))
		return log_error_errno(EBADMSG,
				       "/" FILE_NAME
				       " is not as we wrote it; remove it by hand");
	/* our words have no quotes: cmdline_word_is_safe() */
	while ((list = strchr(list, '"')) && (end = strchr(list + 1, '"'))) {
		*end = '\0';
		cmdline_add(ret_ours, list + 1);
		list = end + 1;
	}
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

const struct bootloader bootloader_bootc_kargsd = {
	.name = "bootc-kargsd",
	.detect = kargsd_detect,
	.read = kargsd_read,
	.install = kargsd_install,
};
