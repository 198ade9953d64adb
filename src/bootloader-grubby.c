/*
 * GRUB of Fedora and RHEL: an entry per kernel in /boot/loader/entries, which
 * "grubby --update-kernel=ALL" edits, and with them kernelopts in grubenv, in newer
 * versions /etc/default/grub and /etc/kernel/cmdline, from which entries of kernels to
 * come are made. Read in rhboot/grubby, grubby-bls: update_args(), update_bls_fragment().
 *
 * --args=KEY=VALUE takes out every other word of that key, and --remove-args one that is
 * the same. So foreign words of our keys go along in one call, before ours; where entries
 * differ in them we refuse, since the call is the same for all. What grubby edits is
 * saved before, since it moves the words that it takes out and puts back: who has not
 * been touched since gets his own text again.
 */
#include "bootloader.h"

#include "bootloader-tool.h"
#include "log.h"
#include "saved.h"

#include <errno.h>

#define NAME "grubby"
#define TOOL "/usr/sbin/grubby"
#define EDITENV "/usr/bin/grub2-editenv"
#define ENTRIES "boot/loader/entries"
#define GRUBENV "boot/grub2/grubenv"
/* a variable in grubenv; saved and restored like a file */
#define KERNELOPTS "kernelopts"
#define BEFORE "var/lib/sriov-setup/grubby.before"
#define AFTER "var/lib/sriov-setup/grubby.after"

struct entry {
	char *name;
	struct cmdline options;
};

struct entries {
	struct entry *items;
	size_t n;
};

static void entries_done(struct entries *entries)
{
	for (size_t i = 0; i < entries->n; i++) {
		free(entries->items[i].name);
		cmdline_done(&entries->items[i].options);
	}
	free(entries->items);
}

/* What follows a key at a line's start; NULL: no such line. The caller frees it. */
static char *find_line(const char *text, const char *key)
{
	for (size_t length; *text; text += length + (text[length] != '\0')) {
		length = strcspn(text, "\n");
		if (startswith(text, key))
			return xstrndup(text + strlen(key), length - strlen(key));
	}
	return NULL;
}

static bool is_entry(const char *name)
{
	size_t length = strlen(name);

	return length > 5 && streq(name + length - 5, ".conf");
}

/* RHEL 8: "options $kernelopts $tuned_params"; the first is a variable in grubenv. */
static void parse_options(const struct root *root, const char *text, struct cmdline *ret)
{
	_cleanup_free_ char *options = find_line(text, "options "), *env = NULL;
	_cleanup_free_ char *value = NULL;

	if (!options)
		return;
	cmdline_parse(ret, options);
	if (!cmdline_has(ret, "$" KERNELOPTS) || root_read(root, &env, GRUBENV) < 0)
		return;
	value = find_line(env, KERNELOPTS "=");
	if (value)
		cmdline_parse(ret, value);
}

static int read_entries(const struct root *root, struct entries *ret)
{
	_cleanup_(strings_done) struct strings names = {};
	int r = root_list(root, &names, ENTRIES);

	if (r < 0)
		return log_error_errno(r, "cannot list /" ENTRIES);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *text = NULL;
		struct entry *entry;

		if (!is_entry(names.items[i]))
			continue;
		r = root_read(root, &text, ENTRIES "/%s", names.items[i]);
		if (r < 0)
			return log_error_errno(r, "cannot read /" ENTRIES "/%s",
					       names.items[i]);
		entry = array_add(ret->items, ret->n);
		entry->name = xstrdup(names.items[i]);
		parse_options(root, text, &entry->options);
	}
	return ret->n ? 0 :
			log_error_errno(ENOENT, "there is no boot entry in /" ENTRIES);
}

static int save_all(const struct root *root, struct saved *ret)
{
	_cleanup_(strings_done) struct strings names = {};
	_cleanup_free_ char *env = NULL, *value = NULL;
	int r = saved_add(ret, root, "etc/default/grub");

	if (root_read(root, &env, GRUBENV) == 0 &&
	    (value = find_line(env, KERNELOPTS "=")))
		saved_add_text(ret, KERNELOPTS, value);
	if (r == 0)
		r = saved_add(ret, root, "etc/kernel/cmdline");
	if (r == 0)
		r = root_list(root, &names, ENTRIES);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_free_ char *path = xasprintf(ENTRIES "/%s", names.items[i]);

		if (is_entry(names.items[i]))
			r = saved_add(ret, root, path);
	}
	return r < 0 ? log_error_errno(r, "cannot save what grubby edits") : 0;
}

/* grubby takes the key up to the last '=': arg%=* */
static bool takes_out(const char *argument, const char *word)
{
	const char *equals = strrchr(argument, '=');
	size_t length = equals ? (size_t)(equals - argument) : strlen(argument);

	return strncmp(word, argument, length) == 0 &&
	       (word[length] == '\0' || word[length] == '=');
}

static bool any_takes_out(const struct cmdline *arguments, const char *word)
{
	for (size_t i = 0; i < arguments->words.n; i++)
		if (takes_out(arguments->words.items[i], word))
			return true;
	return false;
}

/* The words of an entry that must go along, in their order: a word that goes along takes
 * out more. */
static void find_companions(const struct cmdline *options, const struct cmdline *words,
			    struct cmdline *ret)
{
	size_t before;

	do {
		_cleanup_(cmdline_done) struct cmdline found = {}, all = {};

		before = ret->words.n;
		tool_unite(&all, words);
		tool_unite(&all, ret);
		for (size_t i = 0; i < options->words.n; i++)
			if (any_takes_out(&all, options->words.items[i]))
				cmdline_add(&found, options->words.items[i]);
		cmdline_done(ret);
		*ret = found;
		found = (struct cmdline){};
	} while (ret->words.n != before);
}

/* grubby is a shell script, and gives words to sed */
static int refuse_special(const struct cmdline *words)
{
	for (size_t i = 0; i < words->words.n; i++)
		if (strpbrk(words->words.items[i], "\"'&\\|*?["))
			return log_error_errno(EINVAL,
					       "the boot entries have %s, which grubby "
					       "would spoil; it needs to be moved with "
					       "our words of that key",
					       words->words.items[i]);
	return 0;
}

/* The companions of every entry, which must be the same. */
static int find_common(const struct entries *entries, const struct cmdline *ours,
		       const struct cmdline *words, struct cmdline *ret)
{
	for (size_t i = 0; i < entries->n; i++) {
		_cleanup_(cmdline_done) struct cmdline foreign = {}, found = {};

		tool_find_foreign(&foreign, &entries->items[i].options, ours);
		find_companions(&foreign, words, &found);
		if (i == 0) {
			*ret = found;
			found = (struct cmdline){};
		} else if (!cmdline_equal(ret, &found)) {
			_cleanup_free_ char *first = cmdline_print(ret);
			_cleanup_free_ char *other = cmdline_print(&found);

			return log_error_errno(
				ENOTUNIQ,
				"boot entry %s has \"%s\" where %s has \"%s\", and "
				"grubby would make them the same: do so yourself first",
				entries->items[0].name, first, entries->items[i].name,
				other);
		}
	}
	return refuse_special(ret);
}

static int run_grubby(const struct root *root, const char *option,
		      const struct cmdline *words)
{
	_cleanup_free_ char *text = cmdline_print(words);
	_cleanup_free_ char *argument = xasprintf("%s=%s", option, text);

	return tool_run(root, NULL, TOOL, "--update-kernel=ALL", argument);
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void split_words(char *text, struct strings *ret)
{
	char *word;

	while ((word = strsep(&text, " \t\n\"'")))
		if (*word)
			strings_add(ret, word);
	qsort(ret->items, ret->n, sizeof(*ret->items), compare_words);
}

/* The same words, in any order and however quoted */
static bool same_words(const char *a, const char *b)
{
	_cleanup_(strings_done) struct strings of_a = {}, of_b = {};
	_cleanup_free_ char *copy_a = xstrdup(a), *copy_b = xstrdup(b);

	split_words(copy_a, &of_a);
	split_words(copy_b, &of_b);
	return cmdline_equal(&(struct cmdline){ of_a }, &(struct cmdline){ of_b });
}

static int restore(const struct root *root, const struct saved_file *file)
{
	_cleanup_free_ char *setting = NULL;
	int r;

	if (streq(file->path, KERNELOPTS)) {
		setting = xasprintf(KERNELOPTS "=%s", file->text);
		return tool_run(root, NULL, EDITENV, "/" GRUBENV, "set", setting);
	}
	r = saved_restore(file, root);
	return r < 0 ? log_error_errno(r, "cannot restore /%s", file->path) : 0;
}

/*
 * An older grubby makes the variable where there was none, and leaves it there; no entry
 * reads it then.
 */
static void drop_kernelopts(const struct root *root, const struct saved *before)
{
	_cleanup_(entries_done) struct entries entries = {};
	_cleanup_(saved_done) struct saved now = {};

	if (before->n == 0 || saved_find(before, KERNELOPTS) ||
	    save_all(root, &now) < 0 || !saved_find(&now, KERNELOPTS) ||
	    read_entries(root, &entries) < 0)
		return;
	for (size_t i = 0; i < entries.n; i++)
		if (strings_contain(&entries.items[i].options.words, "$" KERNELOPTS))
			return;
	tool_run(root, NULL, EDITENV, "/" GRUBENV, "unset", KERNELOPTS);
}

/* Takes our words out; the old text comes back where nobody else has changed it. */
static int take_out(const struct root *root, const struct cmdline *ours)
{
	_cleanup_(saved_done) struct saved before = {}, after = {}, now = {}, left = {};
	int r = saved_read(&before, root, BEFORE);

	if (r == 0)
		r = saved_read(&after, root, AFTER);
	if (r < 0 && r != -ENOENT)
		log_warning_errno(r,
				  "/" BEFORE " is lost, the order of words may change");
	r = save_all(root, &now);
	if (r == 0)
		r = run_grubby(root, "--remove-args", ours);
	if (r == 0)
		r = save_all(root, &left);
	for (size_t i = 0; r >= 0 && i < before.n; i++) {
		const struct saved_file *old = &before.files[i];
		const struct saved_file *made = saved_find(&after, old->path);
		const struct saved_file *was = saved_find(&now, old->path);
		const struct saved_file *is = saved_find(&left, old->path);

		if (was && is &&
		    ((made && streq(made->text, was->text)) ||
		     same_words(old->text, is->text)))
			r = restore(root, old);
	}
	drop_kernelopts(root, &before);
	return r < 0 ? r : 0;
}

static int put_in(const struct root *root, const struct cmdline *ours,
		  const struct cmdline *companions)
{
	_cleanup_(saved_done) struct saved before = {}, after = {};
	_cleanup_(cmdline_done) struct cmdline arguments = {};
	int r = save_all(root, &before);

	if (r < 0)
		return r;
	root_remove(root, AFTER);
	r = saved_write(&before, root, BEFORE);
	if (r < 0)
		return log_error_errno(r, "cannot write /" BEFORE);
	r = tool_write_record(root, NAME, ours);
	if (r < 0)
		return r;
	tool_unite(&arguments, companions);
	tool_unite(&arguments, ours);
	r = run_grubby(root, "--args", &arguments);
	if (r == 0)
		r = save_all(root, &after);
	if (r < 0)
		return r;
	r = saved_write(&after, root, AFTER);
	return r < 0 ? log_error_errno(r, "cannot write /" AFTER) : 0;
}

static int grubby_detect(const struct root *root)
{
	_cleanup_(strings_done) struct strings names = {};
	bool found = false;

	if (!root->live || !tool_exists(root, TOOL) ||
	    root_exists(root, "run/ostree-booted"))
		return 0;
	root_list(root, &names, ENTRIES);
	for (size_t i = 0; i < names.n; i++)
		found = found || is_entry(names.items[i]);
	return found ? 90 : 0;
}

static int grubby_read(const struct root *root, struct cmdline *ret_ours)
{
	return tool_read_record(root, NAME, ret_ours);
}

static bool all_have(const struct entries *entries, const struct cmdline *words,
		     const char **ret_name)
{
	for (size_t i = 0; i < entries->n; i++)
		for (size_t j = 0; j < words->words.n; j++)
			if (!strings_contain(&entries->items[i].options.words,
					     words->words.items[j])) {
				*ret_name = entries->items[i].name;
				return false;
			}
	return true;
}

/* The files as they were, ours among them; those that were not there go. */
static void put_back(const struct root *root, const struct saved *was)
{
	for (size_t i = 0; i < was->n; i++)
		restore(root, &was->files[i]);
	drop_kernelopts(root, was);
	if (!saved_find(was, BEFORE))
		root_remove(root, BEFORE);
	if (!saved_find(was, AFTER))
		root_remove(root, AFTER);
}

static int change(const struct root *root, const struct cmdline *ours,
		  const struct cmdline *target, const struct cmdline *companions)
{
	_cleanup_(saved_done) struct saved was = {};
	int r = save_all(root, &was);

	if (r == 0)
		r = saved_add(&was, root, BEFORE);
	if (r == 0)
		r = saved_add(&was, root, AFTER);
	if (r < 0)
		return r;
	if (ours->words.n)
		r = take_out(root, ours);
	if (r == 0 && target->words.n)
		r = put_in(root, target, companions);
	if (r < 0) {
		put_back(root, &was);
		tool_write_record(root, NAME, ours);
		return r;
	}
	if (target->words.n == 0) {
		root_remove(root, BEFORE);
		root_remove(root, AFTER);
		r = tool_write_record(root, NAME, target);
	}
	return r < 0 ? r : 1;
}

static int grubby_install(const struct root *root, const struct cmdline *words,
			  const struct signing_key *key)
{
	_cleanup_(cmdline_done) struct cmdline ours = {}, companions = {}, target = {};
	_cleanup_(entries_done) struct entries entries = {};
	const char *name;
	int r;

	(void)key;
	if (!root->live)
		return log_error_errno(EOPNOTSUPP,
				       NAME " changes only the running machine");
	r = tool_read_record(root, NAME, &ours);
	if (r == 0 || r == -ENOENT)
		r = read_entries(root, &entries);
	if (r == 0)
		r = find_common(&entries, &ours, words, &companions);
	if (r < 0)
		return r;
	tool_find_foreign(&target, words, &companions);
	if (cmdline_equal(&target, &ours) && all_have(&entries, &target, &name))
		return 0;
	return change(root, &ours, &target, &companions);
}

/* A file from which entries of later kernels are made; grubby's versions differ in what
 * they keep. */
static void warn_of_gap(const struct root *root, const char *path,
			const struct cmdline *words)
{
	_cleanup_free_ char *text = NULL;

	if (root_read(root, &text, "%s", path) < 0)
		return;
	for (size_t i = 0; i < words->words.n; i++)
		if (!strstr(text, words->words.items[i])) {
			log_warning("/%s lacks %s, which this grubby does not write "
				    "there: kernels to come may lack it too",
				    path, words->words.items[i]);
			return;
		}
}

static int grubby_refresh(const struct root *root, const struct cmdline *words)
{
	_cleanup_(entries_done) struct entries entries = {};
	const char *name;
	int r = read_entries(root, &entries);

	if (r < 0)
		return r;
	if (!all_have(&entries, words, &name))
		return log_error_errno(EBADMSG, "boot entry %s lacks our words", name);
	for (size_t i = 0; words->words.n == 0 && i < entries.n; i++) {
		_cleanup_free_ char *text = cmdline_print(&entries.items[i].options);

		if (strstr(text, "sriov_setup.gen="))
			return log_error_errno(EBADMSG,
					       "our words are still in boot entry %s",
					       entries.items[i].name);
	}
	warn_of_gap(root, "etc/kernel/cmdline", words);
	warn_of_gap(root, "etc/default/grub", words);
	return 0;
}

static int grubby_foreign(const struct root *root, struct cmdline *ret)
{
	_cleanup_(entries_done) struct entries entries = {};
	int r = root->live ? read_entries(root, &entries) : 0;

	for (size_t i = 0; i < entries.n; i++)
		cmdline_append(ret, &entries.items[i].options);
	return r;
}

const struct bootloader bootloader_grubby = {
	.name = NAME,
	.detect = grubby_detect,
	.read = grubby_read,
	.install = grubby_install,
	.refresh = grubby_refresh,
	.foreign = grubby_foreign,
};
