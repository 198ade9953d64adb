/*
 * Debian's u-boot-menu (arm64 boards): u-boot-update sources /etc/default/u-boot, then
 * /usr/share/u-boot-menu/conf.d/ (where packages belong: u-boot-update(8)), then
 * /etc/u-boot-menu/conf.d/, and writes /boot/extlinux/extlinux.conf. It fills in its
 * defaults after that, and only where nothing was set: a fragment that just appends would
 * lose "ro quiet", or what /etc/kernel/cmdline says, and the root= of that. So ours sets
 * what would have been the default. Read in 4.2.2. Its rescue entries get our words too.
 */
#include "bootloader.h"

#include "bootloader-tool.h"
#include "log.h"
#include "saved.h"

#include <errno.h>
#include <fcntl.h>

#define TOOL "/usr/sbin/u-boot-update"
#define PACKAGES "usr/share/u-boot-menu/conf.d"
#define FRAGMENT_NAME "90-sriov-setup.conf"
#define FRAGMENT PACKAGES "/" FRAGMENT_NAME
#define MENU "boot/extlinux/extlinux.conf"
#define BEGIN "U_BOOT_PARAMETERS=\"${U_BOOT_PARAMETERS:-ro quiet} "
#define DEFAULTS                                                                      \
	"# Written by sriov-setup from /etc/sriov.conf; changes are lost.\n"          \
	"if [ -z \"${U_BOOT_PARAMETERS}\" ] && [ -f /etc/kernel/cmdline ]; then\n"    \
	"\tU_BOOT_PARAMETERS=\"$(sed -e 's/root=[^[:space:]]*//' "                    \
	"-e 's/^[[:space:]]*//' /etc/kernel/cmdline)\"\n"                             \
	"\tU_BOOT_ROOT=\"${U_BOOT_ROOT:-$(sed -re 's/.*(root=[^[:space:]]*).*/\\1/' " \
	"/etc/kernel/cmdline)}\"\n"                                                   \
	"fi\n"

static int menu_detect(const struct root *root)
{
	_cleanup_free_ char *script = NULL;
	bool sourced = root_exists(root, "usr/share/u-boot-menu/read-config") ||
		       (root_read(root, &script, "%s", &TOOL[1]) == 0 &&
			strstr(script, "/usr/share/u-boot-menu/conf.d"));

	return sourced && (!root->live || root_exists(root, MENU)) ? 50 : 0;
}

static int menu_read(const struct root *root, struct cmdline *ret_ours)
{
	_cleanup_free_ char *text = NULL;
	char *words, *end;
	int r = tool_read_ours(root, FRAGMENT, &text);

	if (r < 0)
		return r;
	words = strstr(text, BEGIN);
	end = words ? strchr(words + strlen(BEGIN), '"') : NULL;
	if (!end)
		return log_error_errno(EBADMSG,
				       "/" FRAGMENT
				       " is not as we wrote it; remove it by hand");
	*end = '\0';
	cmdline_parse(ret_ours, words + strlen(BEGIN));
	return 0;
}

static int menu_install(const struct root *root, const struct cmdline *words,
			const struct signing_key *key)
{
	_cleanup_free_ char *text = cmdline_print(words), *content = NULL, *link = NULL;
	int r;

	(void)key;
	if (root_link_name(root, &link, FRAGMENT) == 0)
		return log_error_errno(ELOOP, "/" FRAGMENT
					      " is a symbolic link: remove it first");
	content = xasprintf(DEFAULTS BEGIN "%s\"\n", text);
	r = words->words.n ? root_replace(root, content, 0644, FRAGMENT) :
			     root_remove(root, FRAGMENT);
	return r < 0 ? log_error_errno(r, "cannot write /" FRAGMENT) : r;
}

static int check_menu(const struct root *root, const struct cmdline *words)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	size_t entries = 0;
	int r = root_read(root, &text, MENU);

	if (r < 0)
		return log_error_errno(r, "cannot read /" MENU);
	for (rest = text; (line = strsep(&rest, "\n"));) {
		_cleanup_(cmdline_done) struct cmdline found = {};

		line += strspn(line, " \t");
		if (!startswith(line, "append "))
			continue;
		entries++;
		cmdline_parse(&found, line + strlen("append "));
		for (size_t i = 0; i < words->words.n; i++)
			if (!strings_contain(&found.words, words->words.items[i]))
				return log_error_errno(
					EBADMSG,
					"/" MENU " lacks %s: does /etc/default/u-boot "
					"turn u-boot-update off, or a file in "
					"/etc/u-boot-menu/conf.d assign "
					"U_BOOT_PARAMETERS?",
					words->words.items[i]);
		if (words->words.n == 0 && strstr(line, "sriov_setup.gen="))
			return log_error_errno(EBADMSG, "our words are still in /" MENU);
	}
	return entries ? 0 : log_error_errno(EBADMSG, "/" MENU " has no boot entry");
}

static int menu_refresh(const struct root *root, const struct cmdline *words)
{
	_cleanup_(saved_done) struct saved before = {};
	_cleanup_close_ int fd = -1;
	int r = saved_add(&before, root, MENU);

	if (r < 0)
		return log_error_errno(r, "cannot read /" MENU);
	r = tool_run(root, NULL, TOOL);
	if (r == 0)
		r = check_menu(root, words);
	for (size_t i = 0; r < 0 && i < before.n; i++)
		if (saved_restore(&before.files[i], root) < 0)
			log_error("/" MENU " could not be put back");
	/* it renames without fsync, and U-Boot replays no journal */
	fd = root_openat(root, O_RDONLY, MENU);
	if (r == 0 && (fd < 0 || syncfs(fd) < 0))
		r = log_error_errno(fd < 0 ? fd : errno, "cannot flush /" MENU);
	return r;
}

static void parse_config(struct cmdline *ret, const char *text)
{
	cmdline_parse_shell(ret, text, "U_BOOT_PARAMETERS");
}

static int menu_foreign(const struct root *root, struct cmdline *ret)
{
	_cleanup_free_ char *text = NULL, *defaults = NULL;

	if (root_read(root, &text, "etc/default/u-boot") == 0)
		parse_config(ret, text);
	if (root_read(root, &defaults, "etc/kernel/cmdline") == 0)
		cmdline_parse(ret, defaults);
	tool_read_others(root, PACKAGES, FRAGMENT_NAME, parse_config, ret);
	tool_read_others(root, "etc/u-boot-menu/conf.d", "", parse_config, ret);
	return 0;
}

const struct bootloader bootloader_u_boot_menu = {
	.name = "u-boot-menu",
	.detect = menu_detect,
	.read = menu_read,
	.install = menu_install,
	.refresh = menu_refresh,
	.foreign = menu_foreign,
};
