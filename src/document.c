#include "document.h"

struct document *document_new(enum document_kind kind)
{
	struct document *document = xcalloc(1, sizeof(*document));

	document->kind = kind;
	return document;
}

/* Bytes of the character at `s`, 0 for none; RFC 3629: no overlong forms, no surrogates,
 * and none that YAML takes for unprintable. */
static size_t character(const unsigned char *s)
{
	unsigned value;
	size_t n = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;

	if (n == 0 || *s > 0xf4)
		return 0;
	value = n == 1 ? *s : *s & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3fu);
	}
	if ((n == 3 && value < 0x800) || (n == 4 && value < 0x10000) ||
	    value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	if ((value >= 0x80 && value < 0xa0) || value == 0x2028 || value == 0x2029)
		return 0;
	return value >= 0xfffe && value <= 0xffff ? 0 : n;
}

char *document_clean(const char *text)
{
	char *copy = xstrdup(text);

	for (char *c = copy; *c;) {
		size_t n = character((const unsigned char *)c);

		if (n == 0)
			*c = '?';
		c += n ? n : 1;
	}
	return copy;
}

char *document_line(const char *text)
{
	char *line = document_clean(text);

	for (unsigned char *c = (unsigned char *)line; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		if (*c == 0xc2 && c[1] < 0xa0) /* U+0080 to U+009F */
			c[0] = c[1] = '?';
	}
	return line;
}

struct document *document_string(const char *text)
{
	struct document *document = document_new(text ? DOCUMENT_STRING : DOCUMENT_NULL);

	document->text = text ? document_clean(text) : NULL;
	return document;
}

struct document *document_number(long number)
{
	struct document *document = document_new(DOCUMENT_NUMBER);

	document->text = xasprintf("%ld", number);
	return document;
}

struct document *document_bool(bool truth)
{
	struct document *document = document_new(DOCUMENT_BOOL);

	document->truth = truth;
	return document;
}

struct document *document_copy(const struct document *document)
{
	struct document *copy = document_new(document->kind);

	copy->truth = document->truth;
	copy->text = xstrdup(document->text);
	copy->key = xstrdup(document->key);
	for (size_t i = 0; i < document->n; i++)
		document_add(copy, document_copy(document->items[i]));
	return copy;
}

void document_free(struct document **document)
{
	struct document *d = *document;

	for (size_t i = 0; d && i < d->n; i++)
		document_free(&d->items[i]);
	if (d) {
		free(d->items);
		free(d->text);
		free(d->key);
	}
	free(d);
	*document = NULL;
}

struct document *document_add(struct document *list, struct document *value)
{
	*array_add(list->items, list->n) = value;
	return value;
}

struct document *document_put(struct document *map, const char *key,
			      struct document *value)
{
	free(value->key);
	value->key = document_clean(key);
	return document_add(map, value);
}

struct document *document_put_map(struct document *map, const char *key)
{
	return document_put(map, key, document_new(DOCUMENT_MAP));
}

struct document *document_put_list(struct document *map, const char *key)
{
	return document_put(map, key, document_new(DOCUMENT_LIST));
}

void document_put_string(struct document *map, const char *key, const char *text)
{
	document_put(map, key, document_string(text));
}

void document_put_number(struct document *map, const char *key, long number)
{
	document_put(map, key, document_number(number));
}

void document_put_bool(struct document *map, const char *key, bool truth)
{
	document_put(map, key, document_bool(truth));
}

struct document *document_add_map(struct document *list)
{
	return document_add(list, document_new(DOCUMENT_MAP));
}

void document_add_string(struct document *list, const char *text)
{
	document_add(list, document_string(text));
}

static const struct document *member(const struct document *map, const char *key)
{
	for (size_t i = 0; map->kind == DOCUMENT_MAP && i < map->n; i++)
		if (streq(map->items[i]->key, key))
			return map->items[i];
	return NULL;
}

const struct document *document_at(const struct document *map, const char *const *path)
{
	while (map && *path)
		map = member(map, *path++);
	return map;
}

const char *document_text(const struct document *map, const char *key)
{
	const struct document *value = member(map, key);

	return value && value->kind == DOCUMENT_STRING ? value->text : NULL;
}
