/* tap.h: the Test Anything Protocol in a page: ok, is_string, is_int, done. */
#pragma once

#include "util.h"

#include <stdarg.h>

static int tap_count, tap_failed;

static inline bool tap_line(bool good, const char *format, va_list args)
{
	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	vprintf(format, args);
	putchar('\n');
	tap_failed += !good;
	return good;
}

PRINTF(2, 3) static inline bool ok(bool good, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_line(good, format, args);
	va_end(args);
	return good;
}

/* Shows both, each line behind '#', when they differ. */
static inline void tap_show(const char *label, const char *text)
{
	printf("# %s:\n#   ", label);
	for (; text && *text; text++) {
		putchar(*text);
		if (*text == '\n' && text[1])
			printf("#   ");
	}
	puts(text ? "" : "(null)");
}

PRINTF(3, 4)
static inline bool is_string(const char *got, const char *want, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!tap_line(streq(got, want), format, args)) {
		tap_show("got", got);
		tap_show("want", want);
	}
	va_end(args);
	return streq(got, want);
}

PRINTF(3, 4) static inline bool is_int(long got, long want, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!tap_line(got == want, format, args))
		printf("# got %ld, want %ld\n", got, want);
	va_end(args);
	return got == want;
}

static inline int done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed > 0;
}
