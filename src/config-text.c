#include "config-text.h"

#include <ctype.h>

struct scanner {
	const char *at;
	int line;
	struct text_mistake *mistakes;
	size_t n;
};

static void mistake(struct scanner *s, char *text)
{
	*array_add(s->mistakes, s->n) = (struct text_mistake){ s->line, text };
}

static void skip_to(struct scanner *s, const char *end)
{
	for (; *s->at && strncmp(s->at, end, strlen(end)) != 0; s->at++)
		s->line += *s->at == '\n';
	if (*s->at && *end != '\n')
		s->at += strlen(end);
}

static void skip_string(struct scanner *s)
{
	for (s->at++; *s->at && *s->at != '"'; s->at++) {
		s->line += *s->at == '\n';
		if (*s->at == '\\' && s->at[1])
			s->at++;
	}
	if (*s->at)
		s->at++;
}

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_-*.+", c));
}

/* Names may hold digits but start with a letter or '*', so what starts otherwise is a
 * number. */
static void check_number(struct scanner *s, const char *word)
{
	const char *digits = word + (*word == '-' || *word == '+');
	unsigned long value;
	const char *fault = NULL;

	if (*word == '-')
		fault = "negative";
	else if (digits[0] == '0' && isdigit((unsigned char)digits[1]))
		fault = "written with a leading zero, which some read as octal";
	else if (parse_unsigned(digits, 0x7fffffff, &value) < 0)
		fault = strspn(digits, "0123456789") == strlen(digits) ||
					(startswith(digits, "0x") &&
					 strspn(digits + 2, "0123456789abcdefABCDEF") ==
						 strlen(digits) - 2) ?
				"too large" :
				"no whole number in decimal or 0x… notation";
	if (fault)
		mistake(s, xasprintf("number %s is %s, expected 0 to 2147483647", word,
				     fault));
}

static void check_word(struct scanner *s)
{
	const char *start = s->at;
	_cleanup_free_ char *word = NULL;

	while (word_char(*s->at))
		s->at++;
	word = xstrndup(start, (size_t)(s->at - start));
	if (isdigit((unsigned char)word[0]) || word[0] == '-' || word[0] == '+' ||
	    word[0] == '.')
		check_number(s, word);
}

size_t config_text_check(const char *text, struct text_mistake **ret)
{
	struct scanner s = { .at = text, .line = 1 };

	while (*s.at) {
		if (*s.at == '"')
			skip_string(&s);
		else if (*s.at == '#' || startswith(s.at, "//"))
			skip_to(&s, "\n");
		else if (startswith(s.at, "/*"))
			skip_to(&s, "*/");
		else if (*s.at == '@') {
			mistake(&s, xasprintf("@include is not supported, expected the "
					      "settings themselves "
					      "or a file in the drop-in folder"));
			skip_to(&s, "\n");
		} else if (word_char(*s.at))
			check_word(&s);
		else
			s.line += *s.at++ == '\n';
	}
	*ret = s.mistakes;
	return s.n;
}
