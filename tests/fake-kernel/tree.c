#include "tree.h"

#include <stdarg.h>

static struct node *child(const struct node *parent, const char *name, size_t length)
{
	for (size_t i = 0; i < parent->n_children; i++) {
		struct node *n = parent->children[i];

		if (strncmp(n->name, name, length) == 0 && n->name[length] == '\0')
			return n;
	}
	return NULL;
}

static struct node *walk(struct node *node, const char *path, bool make)
{
	while (node && *path) {
		size_t length = strcspn(path, "/");

		if (length) {
			struct node *next = child(node, path, length);

			if (!next && make) {
				next = xcalloc(1, sizeof(*next));
				next->name = xstrndup(path, length);
				next->parent = node;
				*array_add(node->children, node->n_children) = next;
			}
			node = next;
		}
		path += length;
		path += *path == '/';
	}
	return node;
}

struct node *tree_find(struct node *root, const char *path)
{
	return walk(root, path, false);
}

struct node *tree_directory(struct node *parent, const char *path)
{
	return walk(parent, path, true);
}

static void set_text(struct node *node, enum node_kind kind, char *text)
{
	free(node->text);
	node->kind = kind;
	node->text = text;
	node->size = strlen(text);
}

static char *print(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		abort();
	return text;
}

void tree_link(struct node *parent, const char *path, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_text(walk(parent, path, true), LINK, print(format, args));
	va_end(args);
}

struct node *tree_attribute(struct node *parent, const char *path, const char *format,
			    ...)
{
	struct node *node = walk(parent, path, true);
	va_list args;

	va_start(args, format);
	set_text(node, ATTRIBUTE, print(format, args));
	va_end(args);
	return node;
}

void tree_control(struct node *parent, const char *path, const char *text)
{
	tree_attribute(parent, path, "%s", text)->writable = true;
}

static void node_free(struct node *node)
{
	for (size_t i = 0; i < node->n_children; i++)
		node_free(node->children[i]);
	free(node->children);
	free(node->name);
	free(node->text);
	free(node);
}

void tree_remove(struct node *parent, const char *path)
{
	struct node *node = walk(parent, path, false), *above;

	if (!node)
		return;
	above = node->parent;
	for (size_t i = 0; i < above->n_children; i++) {
		if (above->children[i] != node)
			continue;
		above->children[i] = above->children[--above->n_children];
		break;
	}
	node_free(node);
}
