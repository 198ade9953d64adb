#include "cmdline.h"

#include <ctype.h>

void cmdline_done(struct cmdline *cmdline)
{
	strings_done(&cmdline->words);
}

void cmdline_parse(struct cmdline *ret, const char *text)
{
	while (*text) {
		const char *start;
		bool quoted = false;

		while (isspace((unsigned char)*text))
			text++;
		start = text;
		for (; *text && (quoted || !isspace((unsigned char)*text)); text++)
			if (*text == '"')
				quoted = !quoted;
		if (text > start) {
			_cleanup_free_ char *word =
				xstrndup(start, (size_t)(text - start));

			if (streq(word, "--"))
				return;
			cmdline_add(ret, word);
		}
	}
}

/* The line's end, or the text's */
static const char *end_of_line(const char *line)
{
	return line + strcspn(line, "\n");
}

/* `c` is at "NAME…" of a line: what follows the name and a character of `next`, else
 * NULL. The caller frees it. */
static char *rest_of_line(const char *c, const char *name, const char *next)
{
	size_t length = strlen(name);

	if (!startswith(c, name) || !c[length] || !strchr(next, c[length]))
		return NULL;
	c += length + 1;
	return xstrndup(c, (size_t)(end_of_line(c) - c));
}

void cmdline_parse_entry(struct cmdline *ret, const char *text)
{
	for (; *text; text = end_of_line(text), text += *text != '\0') {
		_cleanup_free_ char *words =
			rest_of_line(text + strspn(text, " \t"), "options", " \t");

		if (words)
			cmdline_parse(ret, words);
	}
}

void cmdline_parse_shell(struct cmdline *ret, const char *text, const char *variable)
{
	for (; *text; text = end_of_line(text), text += *text != '\0') {
		_cleanup_free_ char *value =
			rest_of_line(text + strspn(text, " \t"), variable, "=");
		_cleanup_(cmdline_done) struct cmdline words = {};

		for (char *c = value; c && *c; c++)
			if (strchr("\"'", *c))
				*c = ' ';
		if (value)
			cmdline_parse(&words, value);
		for (size_t i = 0; i < words.words.n; i++)
			if (!strpbrk(words.words.items[i], "$`"))
				cmdline_add(ret, words.words.items[i]);
	}
}

char *cmdline_print(const struct cmdline *cmdline)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < cmdline->words.n; i++) {
		char *more =
			xasprintf("%s%s%s", text, i ? " " : "", cmdline->words.items[i]);

		free(text);
		text = more;
	}
	return text;
}

void cmdline_add(struct cmdline *cmdline, const char *word)
{
	strings_add(&cmdline->words, word);
}

void cmdline_append(struct cmdline *cmdline, const struct cmdline *more)
{
	for (size_t i = 0; i < more->words.n; i++)
		cmdline_add(cmdline, more->words.items[i]);
}

/* kernel/params.c, dash2underscore(): only names are compared this way */
static bool same_word(const char *a, const char *b)
{
	bool name = true;

	for (; *a && *b; a++, b++) {
		name = name && *a != '=';
		if (*a != *b && !(name && strchr("-_", *a) && strchr("-_", *b)))
			return false;
	}
	return *a == *b;
}

bool cmdline_has(const struct cmdline *cmdline, const char *word)
{
	for (size_t i = 0; i < cmdline->words.n; i++)
		if (same_word(cmdline->words.items[i], word))
			return true;
	return false;
}

bool cmdline_equal(const struct cmdline *a, const struct cmdline *b)
{
	if (a->words.n != b->words.n)
		return false;
	for (size_t i = 0; i < a->words.n; i++)
		if (!streq(a->words.items[i], b->words.items[i]))
			return false;
	return true;
}

/* The value of a word when its name is `key`, else NULL. */
static const char *value_of(const char *word, const char *key)
{
	const char *equals = strchr(word, '=');
	_cleanup_free_ char *name = NULL;

	if (!equals)
		return NULL;
	name = xstrndup(word, (size_t)(equals - word));
	return same_word(name, key) ? equals + 1 : NULL;
}

static bool list_has(const char *list, const char *part)
{
	size_t n = strlen(part);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strncmp(list, part, n) == 0 && (list[n] == ',' || list[n] == '\0'))
			return true;
	return false;
}

bool cmdline_has_value(const struct cmdline *cmdline, const char *key, const char *part)
{
	for (size_t i = 0; i < cmdline->words.n; i++) {
		const char *value = value_of(cmdline->words.items[i], key);

		if (value && list_has(value, part))
			return true;
	}
	return false;
}

bool cmdline_word_is_safe(const char *word, const char **ret_why)
{
	static const char others[] = "_.,:=@+/-";

	*ret_why = NULL;
	if (!isalpha((unsigned char)word[0]))
		*ret_why = "it must start with a letter";
	for (; *word && !*ret_why; word++)
		if (!isalnum((unsigned char)*word) && !strchr(others, *word))
			*ret_why = "only letters, digits and _.,:=@+/- are allowed";
	return !*ret_why;
}

/*
 * Foreign settings that ours could not undo (sticky in the kernel: off), or would
 * overrule without being asked (last wins). research: kargs §A.1, §A.3.
 */
static const struct conflict {
	const char *wanted_key, *wanted_value;
	const char *key, *value;
} conflicts[] = {
	{ "intel_iommu", "on", "intel_iommu", "off" },
	{ "intel_iommu", "on", "iommu", "off" },
	{ "iommu", "pt", "iommu", "off" },
	{ "iommu", "pt", "iommu", "nopt" },
	{ "iommu", "pt", "amd_iommu", "off" },
	{ "iommu", "pt", "intel_iommu", "off" },
	{ "iommu.passthrough", "1", "iommu.passthrough", "0" },
	{ "pci", "realloc", "pci", "realloc=off" },
};

static const char *find_value(const struct cmdline *words, const char *key,
			      const char *part)
{
	for (size_t i = 0; i < words->words.n; i++) {
		const char *value = value_of(words->words.items[i], key);

		if (value && list_has(value, part))
			return words->words.items[i];
	}
	return NULL;
}

static const char *find_hugepages(const struct cmdline *words)
{
	for (size_t i = 0; i < words->words.n; i++)
		if (value_of(words->words.items[i], "hugepages") ||
		    value_of(words->words.items[i], "hugepagesz"))
			return words->words.items[i];
	return NULL;
}

const char *cmdline_conflict(const struct cmdline *words, const struct cmdline *wanted,
			     const char **ret_wanted)
{
	const char *found;

	for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++) {
		const struct conflict *c = &conflicts[i];

		*ret_wanted = find_value(wanted, c->wanted_key, c->wanted_value);
		found = *ret_wanted ? find_value(words, c->key, c->value) : NULL;
		if (found)
			return found;
	}
	/* the first hugepages= wins and its order binds it to a size */
	*ret_wanted = find_hugepages(wanted);
	return *ret_wanted ? find_hugepages(words) : NULL;
}
