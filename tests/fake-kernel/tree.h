/* tree.h: the files of a pretended /sys: directories, links and attributes. */
#pragma once

#include "util.h"

enum node_kind { DIRECTORY, LINK, ATTRIBUTE };

struct node {
	char *name;
	enum node_kind kind;
	struct node *parent, **children;
	size_t n_children;
	char *text; /* a link's target, an attribute's content */
	size_t size;
	bool writable;
	bool held; /* the node of a group is open */
	bool busy; /* a write is under way that holds the device lock */
};

/* NULL: none. Links are not followed: whoever mounts the tree does that. */
struct node *tree_find(struct node *root, const char *path);
/* Each makes what is missing of `path` below `parent`, and replaces what is there. */
struct node *tree_directory(struct node *parent, const char *path);
void tree_link(struct node *parent, const char *path, const char *format, ...)
	PRINTF(3, 4);
struct node *tree_attribute(struct node *parent, const char *path, const char *format,
			    ...) PRINTF(3, 4);
/* One that takes writes; what a write does is the kernel's business. */
void tree_control(struct node *parent, const char *path, const char *text);
void tree_remove(struct node *parent, const char *path);
