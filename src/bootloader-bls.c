/*
 * systemd-boot with type #1 entries (the boot loader specification): a file per kernel in
 * loader/entries/, made by kernel-install(8). Our words stand in its "options" line
 * between two words that the kernel ignores, so that they can be taken out again without
 * a record: " sriov_setup.begin … sriov_setup.gen=N". The plugin 95-sriov-setup.install
 * puts those of /etc/kernel/sriov-setup.cmdline into the entries of kernels to come, and
 * cuts what a new entry got through /proc/cmdline.
 */
#include "bootloader.h"
#include "bootloader-tool.h"

#include "efi.h"
#include "log.h"

#include <errno.h>

#define WORDS "etc/kernel/sriov-setup.cmdline"
#define ENTRIES "loader/entries"
#define BEGIN "sriov_setup.begin"
#define END "sriov_setup.gen="
/* at the end of an entry's name: systemd-boot, which shows the highest version first,
 * puts it before the entry without (strverscmp_improved(): "s" is more than "conf") */
#define TRIAL ".sriov-setup"

static void cut_blocks(char *text)
{
	char *begin, *end;

	while ((begin = strstr(text, " " BEGIN " "))) {
		const char *next = strstr(begin + 1, " " BEGIN " ");

		end = strstr(begin, END);
		text = begin + 1;
		if (!end || (next && next < end) ||
		    memchr(begin, '\n', (size_t)(end - begin)))
			continue; /* half of one: somebody else's edit */
		end += strlen(END);
		end += strspn(end, "0123456789");
		memmove(begin, end, strlen(end) + 1);
		text = begin;
	}
}

/* The end of the last line of options, of which systemd-boot joins all; NULL: none. */
static const char *find_options(const char *text, const char **ret_end)
{
	const char *found = NULL;

	for (const char *line = text; *line;) {
		const char *key = line + strspn(line, " \t");
		size_t length = strcspn(line, "\n");

		if (startswith(key, "options") &&
		    strchr(" \t\n", key[strlen("options")])) {
			found = line;
			*ret_end = line + length;
		}
		line += length + (line[length] != '\0');
	}
	return found;
}

/* The entry with the block (NULL: without any); NULL when it has no options. */
static char *edit_entry(const char *text, const char *block)
{
	_cleanup_free_ char *copy = xstrdup(text);
	const char *options, *at, *dashes;

	cut_blocks(copy);
	options = find_options(copy, &at);
	if (!options)
		return NULL;
	if (!block)
		return steal_pointer(&copy);
	while (strchr(" \t\r", at[-1]))
		at--;
	/* what follows a bare "--" belongs to init */
	for (dashes = options; (dashes = strstr(dashes, " --")) && dashes < at; dashes++)
		if (dashes + 3 == at || dashes[3] == ' ') {
			at = dashes;
			break;
		}
	return xasprintf("%.*s %s%s", (int)(at - copy), copy, block, at);
}

/* By what kernel-install puts into an entry and its name: others' stay as they are. */
static bool is_of_this_system(const struct root *root, const char *name, const char *text)
{
	_cleanup_free_ char *id = NULL, *token = NULL, *prefix = NULL;

	/* machine-id(5): empty or "uninitialized" before the first boot */
	if (root_read(root, &id, "etc/machine-id") == 0 && strlen(id) != 32)
		free(steal_pointer(&id));
	if (root_read(root, &token, "etc/kernel/entry-token") < 0)
		token = xstrdup(id);
	prefix = xasprintf("%s-", token ? token : "");
	return (prefix[0] != '-' && startswith(name, prefix)) || (id && strstr(text, id));
}

#define CONF ".conf"

/*
 * systemd-boot counts the boots of an entry in its file's name, "NAME+LEFT-DONE.conf"
 * (systemd.io/AUTOMATIC_BOOT_ASSESSMENT). Returns how long NAME is, which is all of it
 * that is the same in each boot; *ret_spent: no boot is left.
 */
static size_t cut_counter(const char *name, bool *ret_spent)
{
	size_t length = strlen(name) - strlen(CONF), digits = length;

	*ret_spent = false;
	while (digits > 0 && strchr("0123456789-", name[digits - 1]))
		digits--;
	if (digits == 0 || name[digits - 1] != '+' || digits == length)
		return length;
	*ret_spent = strtoul(name + digits, NULL, 10) == 0;
	return digits - 1;
}

static bool is_trial(const char *name)
{
	bool spent;
	size_t length = cut_counter(name, &spent);

	return length > strlen(TRIAL) &&
	       strncmp(name + length - strlen(TRIAL), TRIAL, strlen(TRIAL)) == 0;
}

struct entry {
	const char *place, *name; /* "boot", "debian-6.12+3.conf" */
	const char *path, *text;
};

/* What is done with each entry of this system, with our block or for *ret; sums up what
 * it returns. */
typedef int entry_visitor(const struct root *root, const struct entry *entry,
			  const char *block, struct cmdline *ret);

static bool is_entry(const char *name)
{
	size_t length = strlen(name);

	return name[0] != '.' && length > strlen(CONF) &&
	       streq(name + length - strlen(CONF), CONF);
}

static int visit_folder(const struct root *root, const char *place, const char *block,
			struct cmdline *ret, entry_visitor *visit)
{
	_cleanup_(strings_done) struct strings names = {};
	int r, sum = 0;

	r = root_list(root, &names, "%s/" ENTRIES, place);
	if (r < 0)
		return log_error_errno(r, "cannot list /%s/" ENTRIES, place);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.items[i];
		_cleanup_free_ char *path = xasprintf("%s/" ENTRIES "/%s", place, name);
		_cleanup_free_ char *text = NULL;
		size_t size;

		if (!is_entry(name))
			continue;
		r = root_read_bytes(root, &text, &size, "%s", path);
		if (r < 0)
			return log_error_errno(r, "cannot read /%s", path);
		if (strlen(text) != size || !is_of_this_system(root, name, text))
			continue;
		r = visit(root, &(struct entry){ place, name, path, text }, block, ret);
		if (r < 0)
			return r;
		sum += r;
	}
	return sum;
}

static int visit_entries(const struct root *root, const char *block, struct cmdline *ret,
			 entry_visitor *visit)
{
	_cleanup_(strings_done) struct strings places = {};
	int sum = 0, r = efi_find_places(root, &places, ENTRIES);

	/* an image may get its entries later; the plugin is for them */
	if (r == -ENOENT && !root->live)
		return 0;
	for (size_t i = 0; r >= 0 && i < places.n; i++) {
		r = visit_folder(root, places.items[i], block, ret, visit);
		sum += r;
	}
	return r < 0 ? r : sum;
}

static int count_entry(const struct root *root, const struct entry *entry,
		       const char *block, struct cmdline *ret)
{
	(void)root;
	(void)entry;
	(void)block;
	(void)ret;
	return 1;
}

static int change_entry(const struct root *root, const struct entry *entry,
			const char *block, struct cmdline *ret)
{
	_cleanup_free_ char *new = edit_entry(entry->text, block);
	int r;

	(void)ret;
	if (is_trial(entry->name)) {
		r = root_remove(root, "%s", entry->path);
	} else if (!new) {
		log_warning("/%s has no options line: it boots without our words",
			    entry->path);
		return 0;
	} else {
		r = root_replace(root, new, 0644, "%s", entry->path);
	}
	return r < 0 ? log_error_errno(r, "cannot change /%s", entry->path) : r;
}

/* How many are as they should be; those without options cannot. */
static int check_entry(const struct root *root, const struct entry *entry,
		       const char *block, struct cmdline *ret)
{
	_cleanup_free_ char *right = edit_entry(entry->text, block);

	(void)root;
	(void)ret;
	if (is_trial(entry->name) || (right && !streq(right, entry->text)))
		return log_error_errno(EBADMSG, "/%s has not our words", entry->path);
	return right != NULL;
}

static int read_foreign(const struct root *root, const struct entry *entry,
			const char *block, struct cmdline *ret)
{
	_cleanup_free_ char *without = edit_entry(entry->text, NULL);

	(void)root;
	(void)block;
	if (without && !is_trial(entry->name))
		cmdline_parse_entry(ret, without);
	return 0;
}

/* A second entry before this one, for one boot. */
static int try_entry(const struct root *root, const struct entry *entry,
		     const char *block, struct cmdline *ret)
{
	_cleanup_free_ char *new = edit_entry(entry->text, block);
	bool spent;
	size_t length = cut_counter(entry->name, &spent);
	int r;

	(void)ret;
	if (!new || spent)
		return 0;
	r = root_replace(root, new, 0644, "%s/" ENTRIES "/%.*s" TRIAL "+1" CONF,
			 entry->place, (int)length, entry->name);
	return r < 0 ? log_error_errno(r, "cannot write an entry beside /%s",
				       entry->path) :
		       1;
}

/* NULL: nothing is to be there */
static char *print_block(const struct cmdline *words)
{
	_cleanup_free_ char *text = cmdline_print(words);

	return words->words.n ? xasprintf(BEGIN " %s", text) : NULL;
}

static int bls_detect(const struct root *root)
{
	_cleanup_free_ char *loader = NULL;

	if (!root->live)
		return visit_entries(root, NULL, NULL, count_entry) > 0 ? 90 : 0;
	if (efi_read_loader(root, &loader, "LoaderInfo") < 0 ||
	    !startswith(loader, "systemd-boot"))
		return 0;
	/* a partition that is not mounted is refused by install(), with the reason */
	return visit_entries(root, NULL, NULL, count_entry) != 0 ? 95 : 0;
}

static int bls_read(const struct root *root, struct cmdline *ret_ours)
{
	_cleanup_free_ char *text = NULL;
	int r = tool_read_ours(root, WORDS, &text);

	if (r < 0)
		return r;
	if (!startswith(text, BEGIN " "))
		return log_error_errno(
			EBADMSG, "/" WORDS " is not as we wrote it; remove it by hand");
	cmdline_parse(ret_ours, text + strlen(BEGIN " "));
	return 0;
}

static int bls_install(const struct root *root, const struct cmdline *words,
		       const struct signing_key *key)
{
	_cleanup_free_ char *block = print_block(words), *line = NULL;
	_cleanup_(strings_done) struct strings places = {};
	int changed, r = root->live ? efi_require_places(root, &places, ENTRIES) : 0;

	(void)key;
	if (r < 0)
		return r;
	line = xasprintf("%s\n", block ? block : "");
	changed =
		block ? root_replace(root, line, 0644, WORDS) : root_remove(root, WORDS);
	if (changed < 0)
		return log_error_errno(changed, "cannot write /" WORDS);
	r = visit_entries(root, block, NULL, change_entry);
	return r < 0 ? r : changed || r > 0;
}

static int bls_refresh(const struct root *root, const struct cmdline *words)
{
	_cleanup_free_ char *block = print_block(words);
	int r = visit_entries(root, block, NULL, check_entry);

	if (r == 0)
		return log_error_errno(ENOENT,
				       "no boot entry of this system has options");
	return r < 0 ? r : 0;
}

/* For the running system: what its entries say, and those of kernels to come will. */
static int bls_foreign(const struct root *root, struct cmdline *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = visit_entries(root, NULL, ret, read_foreign);

	if (root_read(root, &text, "etc/kernel/cmdline") == 0)
		cmdline_parse(ret, text);
	/* a partition that is not mounted is refused by install(), with the reason */
	return r == -ENODEV || r == -ENOENT ? 0 : r;
}

/*
 * Each entry gets a second one that has one boot left. systemd-boot takes that boot away
 * before it starts the kernel, and puts an entry without any to the end of its list; so
 * whatever becomes of that boot, the one after it is as before. What is not the default
 * now is not the default then.
 */
static int bls_arm(const struct root *root, const struct cmdline *before,
		   const struct cmdline *words, unsigned generation)
{
	_cleanup_free_ char *block = print_block(words);
	int r = bls_install(root, before, NULL);

	(void)generation;
	if (r < 0)
		return r;
	r = visit_entries(root, block, NULL, try_entry);
	if (r == 0)
		r = log_error_errno(ENOENT, "no boot entry of this system has options");
	if (r < 0)
		bls_install(root, before, NULL);
	return r < 0 ? r : 1;
}

const struct bootloader bootloader_bls_plugin = {
	.name = "bls-plugin",
	.detect = bls_detect,
	.read = bls_read,
	.install = bls_install,
	.refresh = bls_refresh,
	.foreign = bls_foreign,
	.arm = bls_arm,
};
