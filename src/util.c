#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <time.h>

static void *must(void *p)
{
	if (p)
		return p;
	fputs("sriov-setup: out of memory\n", stderr);
	abort();
}

void *xcalloc(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size));
}

void *xrealloc_array(void *p, size_t n, size_t size)
{
	return must(reallocarray(p, n ? n : 1, size));
}

char *xstrdup(const char *s)
{
	return s ? must(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	return must(strndup(s, n));
}

long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *s;
	int n;

	va_start(args, format);
	n = vasprintf(&s, format, args);
	va_end(args);
	return must(n < 0 ? NULL : s);
}

void *array_grow(void **array, size_t *count, size_t size)
{
	/* Full exactly when the count is a power of two (or zero). */
	if ((*count & (*count - 1)) == 0)
		*array = xrealloc_array(*array, *count ? *count * 2 : 1, size);
	return memset((char *)*array + (*count)++ * size, 0, size);
}

void strings_add(struct strings *strings, const char *s)
{
	*array_add(strings->items, strings->n) = xstrdup(s);
}

bool strings_contain(const struct strings *strings, const char *s)
{
	for (size_t i = 0; i < strings->n; i++)
		if (streq(strings->items[i], s))
			return true;
	return false;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Letters to put in, take out or change, from a to b; Levenshtein's distance. */
static size_t count_edits(const char *a, const char *b)
{
	size_t width = strlen(b) + 1, last;
	_cleanup_free_ size_t *row = xcalloc(width, sizeof(size_t));

	for (size_t j = 0; j < width; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		last = row[0]++;
		for (size_t j = 1; j < width; j++) {
			size_t best = last + (a[i] != b[j - 1]);

			last = row[j];
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = last + 1 < best ? last + 1 : best;
		}
	}
	return row[width - 1];
}

const char *strings_nearest(const struct strings *strings, const char *s)
{
	size_t least = (strlen(s) + 2) / 3 + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < strings->n; i++) {
		size_t edits = count_edits(s, strings->items[i]);

		if (edits < least) {
			least = edits;
			nearest = strings->items[i];
		}
	}
	return nearest;
}

void strings_sort(struct strings *strings)
{
	if (strings->n)
		qsort(strings->items, strings->n, sizeof(char *), compare_strings);
}

void strings_done(struct strings *strings)
{
	for (size_t i = 0; i < strings->n; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct strings){};
}

char *strip_end(char *s)
{
	size_t n = strlen(s);

	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

int parse_unsigned(const char *s, unsigned long max, unsigned long *ret)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	unsigned long value;
	char *end;

	if (hex ? !isxdigit((unsigned char)s[2]) : !isdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	value = strtoul(hex ? s + 2 : s, &end, hex ? 16 : 10);
	if (*end)
		return -EINVAL;
	if (errno || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}
