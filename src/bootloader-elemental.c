/*
 * Elemental and Harvester: GRUB loads /oem/grubenv and puts a variable of it on the
 * command line: third_party_kernel_args where the image's bootargs.cfg names it
 * (Harvester), else extra_cmdline (elemental-toolkit's grub.cfg). Others have words in it
 * too, so ours are appended, and taken out one by one.
 *
 * A GRUB environment block has 1024 bytes: a header, NAME=VALUE lines, '#' to the end
 * (GRUB manual, "Environment block"). grub2-editenv writes it in place; here it is
 * replaced, whole or not at all. /var does not outlive a boot everywhere there, so what
 * is ours is said in the block itself, in variables that nobody else reads.
 */
#include "bootloader.h"

#include "bootloader-tool.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define BLOCK "oem/grubenv"
#define BLOCK_SIZE 1024
#define HEADER "# GRUB Environment Block\n"
#define RECORD "sriov_setup_words"
#define MADE "sriov_setup_made" /* there was no block before us */

static int elemental_detect(const struct root *root)
{
	return (root_exists(root, "etc/cos/bootargs.cfg") ||
		root_exists(root, "etc/elemental")) &&
			       root_exists(root, "oem") ?
		       99 :
		       0;
}

static const char *variable_name(const struct root *root)
{
	static const char harvester[] = "third_party_kernel_args";
	_cleanup_free_ char *cos = NULL, *elemental = NULL;

	root_read(root, &cos, "etc/cos/bootargs.cfg");
	root_read(root, &elemental, "etc/elemental/bootargs.cfg");
	return (cos && strstr(cos, harvester)) ||
			       (elemental && strstr(elemental, harvester)) ?
		       harvester :
		       "extra_cmdline";
}

/* The lines, without the '#' at the end; -ENOENT: no block. */
static int read_block(const struct root *root, char **ret)
{
	_cleanup_free_ char *text = NULL;
	char *end;
	size_t size;
	int r = root_read_bytes(root, &text, &size, BLOCK);

	if (r < 0)
		return r == -ENOENT ? r : log_error_errno(r, "cannot read /" BLOCK);
	/* a backslash before a line's end continues the value */
	if (size != BLOCK_SIZE || !startswith(text, HEADER) || strstr(text, "\\\n"))
		return log_error_errno(EBADMSG,
				       "/" BLOCK " is no GRUB environment block "
				       "of %d bytes with simple values",
				       BLOCK_SIZE);
	end = strrchr(text, '\n') + 1;
	if (end[strspn(end, "#")])
		return log_error_errno(EBADMSG, "/" BLOCK " does not end in '#'");
	*end = '\0';
	*ret = steal_pointer(&text);
	return 0;
}

/* The line of a variable; NULL: none. */
static char *find_variable(char *lines, const char *name)
{
	size_t length = strlen(name);

	for (char *line = lines; *line; line = strchr(line, '\n') + 1)
		if (strncmp(line, name, length) == 0 && line[length] == '=')
			return line;
	return NULL;
}

/* Its value, or NULL; the caller frees it. */
static char *get_variable(char *lines, const char *name)
{
	const char *line = find_variable(lines, name);
	const char *value = line ? line + strlen(name) + 1 : NULL;

	return value ? xstrndup(value, strcspn(value, "\n")) : NULL;
}

/* Sets it where it stands, else at the end; NULL takes it away. */
static void set_variable(char **lines, const char *name, const char *value)
{
	char *line = find_variable(*lines, name), *rest, *changed;

	if (!line)
		line = *lines + strlen(*lines);
	rest = line + (*line ? strcspn(line, "\n") + 1 : 0);
	changed = value ? xasprintf("%.*s%s=%s\n%s", (int)(line - *lines), *lines, name,
				    value, rest) :
			  xasprintf("%.*s%s", (int)(line - *lines), *lines, rest);
	free(*lines);
	*lines = changed;
}

/* Takes one word out of a value, with the white space before it or, at its start, after.
 */
static void cut_word(char *value, const char *word)
{
	size_t length = strlen(word);

	for (char *at = value; (at = strstr(at, word)); at++) {
		char *end = at + length;

		if ((at > value && at[-1] != ' ') || (*end && *end != ' '))
			continue;
		if (at > value)
			at--;
		else
			end += *end == ' ';
		memmove(at, end, strlen(end) + 1);
		return;
	}
}

/* The value with `words` in the place of `ours`; NULL: the variable is not needed. */
static char *edit_value(const char *old, const struct cmdline *ours,
			const struct cmdline *words)
{
	_cleanup_free_ char *value = xstrdup(old ? old : ""), *all = cmdline_print(ours);
	_cleanup_free_ char *more = cmdline_print(words);
	bool only_ours = !old || (ours->words.n && streq(value, all));

	for (size_t i = ours->words.n; i > 0; i--)
		cut_word(value, ours->words.items[i - 1]);
	if (words->words.n == 0)
		return only_ours ? NULL : steal_pointer(&value);
	/* the space also tells an empty variable of others from one of ours */
	return xasprintf("%s%s%s", value, only_ours ? "" : " ", more);
}

static mode_t block_mode(const struct root *root)
{
	_cleanup_close_ int fd = root_openat(root, O_PATH, BLOCK);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_mode & 07777 : 0644;
}

static int write_block(const struct root *root, const char *lines)
{
	char block[BLOCK_SIZE + 1];
	size_t size = strlen(lines);
	int r;

	if (size > BLOCK_SIZE)
		return log_error_errno(ENOSPC,
				       "/" BLOCK " would have %zu bytes, of %d that GRUB "
				       "reads: shorten what else is in it",
				       size, BLOCK_SIZE);
	memcpy(block, lines, size);
	memset(block + size, '#', BLOCK_SIZE - size);
	block[BLOCK_SIZE] = '\0';
	r = root_replace(root, block, block_mode(root), BLOCK);
	return r < 0 ? log_error_errno(r, "cannot write /" BLOCK) : r;
}

static int elemental_read(const struct root *root, struct cmdline *ret_ours)
{
	_cleanup_free_ char *lines = NULL, *words = NULL;
	int r = read_block(root, &lines);

	if (r < 0)
		return r;
	words = get_variable(lines, RECORD);
	if (!words)
		return -ENOENT;
	cmdline_parse(ret_ours, words);
	return 0;
}

/* Below an /oem that is not mounted nothing would read the block. */
static bool oem_is_missing(const struct root *root)
{
	_cleanup_free_ char *mounts = NULL;

	return root->live && root_read(root, &mounts, "proc/self/mountinfo") == 0 &&
	       !strstr(mounts, " /oem ");
}

static void edit_block(char **lines, const char *name, const struct cmdline *words)
{
	_cleanup_(cmdline_done) struct cmdline ours = {}, theirs = {}, foreign = {};
	_cleanup_(cmdline_done) struct cmdline target = {};
	_cleanup_free_ char *old = get_variable(*lines, name), *value = NULL;
	_cleanup_free_ char *record = get_variable(*lines, RECORD), *text = NULL;

	cmdline_parse(&ours, record ? record : "");
	cmdline_parse(&theirs, old ? old : "");
	tool_find_foreign(&foreign, &theirs, &ours);
	tool_find_foreign(&target, words, &foreign);
	value = edit_value(old, &ours, &target);
	text = target.words.n ? cmdline_print(&target) : NULL;
	set_variable(lines, name, value);
	set_variable(lines, RECORD, text);
}

static int elemental_install(const struct root *root, const struct cmdline *words,
			     const struct signing_key *key)
{
	_cleanup_free_ char *lines = NULL;
	int r;

	(void)key;
	if (oem_is_missing(root))
		return log_error_errno(ENODEV, "/oem is not mounted: mount it first");
	r = read_block(root, &lines);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT) {
		if (words->words.n == 0)
			return 0;
		lines = xstrdup(HEADER MADE "=1\n");
	}
	edit_block(&lines, variable_name(root), words);
	if (words->words.n == 0 && streq(lines, HEADER MADE "=1\n")) {
		r = root_remove(root, BLOCK);
		return r < 0 ? log_error_errno(r, "cannot remove /" BLOCK) : r;
	}
	if (words->words.n == 0)
		set_variable(&lines, MADE, NULL);
	return write_block(root, lines);
}

static int elemental_refresh(const struct root *root, const struct cmdline *words)
{
	_cleanup_close_ int fd = root_openat(root, O_RDONLY | O_DIRECTORY, "oem");

	(void)words;
	/* GRUB replays no journal */
	if (fd < 0 || syncfs(fd) < 0)
		return log_error_errno(fd < 0 ? fd : errno, "cannot flush /oem");
	return 0;
}

/* What the image itself says is on /proc/cmdline. */
static int elemental_foreign(const struct root *root, struct cmdline *ret)
{
	_cleanup_free_ char *lines = NULL, *value = NULL;
	int r = read_block(root, &lines);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	value = get_variable(lines, variable_name(root));
	cmdline_parse(ret, value ? value : "");
	return 0;
}

const struct bootloader bootloader_elemental = {
	.name = "elemental",
	.detect = elemental_detect,
	.read = elemental_read,
	.install = elemental_install,
	.refresh = elemental_refresh,
	.foreign = elemental_foreign,
};
