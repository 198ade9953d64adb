/*
 * document.h: a document as a tree, whatever it is printed as. Pure.
 *
 * A tree owns all below it. Text that is no UTF-8 (the kernel takes any bytes as the name
 * of an interface) is kept with '?' for each byte that does not fit.
 */
#pragma once

#include "util.h"

enum document_kind {
	DOCUMENT_NULL,
	DOCUMENT_BOOL,
	DOCUMENT_NUMBER,
	DOCUMENT_STRING,
	DOCUMENT_LIST,
	DOCUMENT_MAP
};

struct document {
	enum document_kind kind;
	bool truth;
	char *text; /* a string, or a number as it is written */
	char *key;  /* of a member of a map */
	struct document **items;
	size_t n;
};

/* The text as a tree would keep it; the caller frees it. */
char *document_clean(const char *text);
/* The same without control characters: one line that no terminal takes for a command. */
char *document_line(const char *text);
struct document *document_new(enum document_kind kind);
struct document *document_string(const char *text); /* NULL: a DOCUMENT_NULL */
struct document *document_number(long number);
struct document *document_bool(bool truth);
struct document *document_copy(const struct document *document);
void document_free(struct document **document);

/* Both take the value, and return it. Each key is put once. */
struct document *document_put(struct document *map, const char *key,
			      struct document *value);
struct document *document_add(struct document *list, struct document *value);

/* A new map or list as a member. */
struct document *document_put_map(struct document *map, const char *key);
struct document *document_put_list(struct document *map, const char *key);
void document_put_string(struct document *map, const char *key, const char *text);
void document_put_number(struct document *map, const char *key, long number);
void document_put_bool(struct document *map, const char *key, bool truth);
/* A new map as an element. */
struct document *document_add_map(struct document *list);
void document_add_string(struct document *list, const char *text);

/* The member at the end of a path of keys, ended by NULL; NULL: there is none. */
const struct document *document_at(const struct document *map, const char *const *path);
/* The text of a member that is a string; NULL: there is none. */
const char *document_text(const struct document *map, const char *key);
