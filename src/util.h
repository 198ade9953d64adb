/* util.h: memory, strings, cleanup attributes. Nothing here does I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))
#define PRINTF(format_, first_) __attribute__((format(printf, format_, first_)))
#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Ownership moves to the caller; the variable no longer frees it. */
#define steal_pointer(p)                    \
	({                                  \
		__typeof__(*(p)) p_ = *(p); \
		*(p) = NULL;                \
		p_;                         \
	})

static inline bool streq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool startswith(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/*
 * Allocation that ends the program when memory is out: the plan is complete before the
 * first write, so nothing is left half done.
 */
void *xcalloc(size_t n, size_t size);
void *xrealloc_array(void *p, size_t n, size_t size);
char *xstrdup(const char *s); /* NULL stays NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *format, ...) PRINTF(1, 2);
/* CLOCK_MONOTONIC, milliseconds */
long long now_ms(void);

/* Appends one zeroed element to an array that doubles when full; returns its address. */
#define array_add(array, count)                                          \
	((__typeof__(*(array)) *)array_grow((void **)&(array), &(count), \
					    sizeof(**(&(array)))))
void *array_grow(void **array, size_t *count, size_t size);

struct strings {
	char **items;
	size_t n;
};
void strings_add(struct strings *strings, const char *s);
bool strings_contain(const struct strings *strings, const char *s);
/* The one that was probably meant by s, a few letters off; NULL: none. */
const char *strings_nearest(const struct strings *strings, const char *s);
void strings_sort(struct strings *strings);
void strings_done(struct strings *strings);

/* Cuts trailing white space in place; returns s. */
char *strip_end(char *s);

/*
 * The whole of s as an unsigned number, decimal or 0x…: no sign, no space, no octal.
 * Returns 0, -EINVAL or -ERANGE (above max).
 */
int parse_unsigned(const char *s, unsigned long max, unsigned long *ret);
