#include "made.h"

struct made made_read(const struct root *root)
{
	_cleanup_free_ char *text = NULL;
	struct made made = {};
	char *rest, *line;

	if (root_read(root, &text, MADE_PATH) < 0)
		return made;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		char address[32], name[64], before[64];
		struct made_item item = {};

		if (sscanf(line, "driver %31s %63s %63s", address, name, before) == 3) {
			item.driver = xstrdup(name);
			item.before = streq(before, "-") ? NULL : xstrdup(before);
		} else if (sscanf(line, "mdev %31s %63s", address, name) == 2) {
			item.uuid = xstrdup(name);
		} else if (sscanf(line, "vfs %31s %u %u", address, &item.asked,
				  &item.made) != 3) {
			continue;
		}
		item.address = xstrdup(address);
		*array_add(made.items, made.n) = item;
	}
	return made;
}

static void item_done(struct made_item *item)
{
	free(item->address);
	free(item->driver);
	free(item->before);
	free(item->uuid);
	free(item->in_use);
}

void made_done(struct made *made)
{
	for (size_t i = 0; i < made->n; i++)
		item_done(&made->items[i]);
	free(made->items);
	*made = (struct made){};
}

static struct made_item *find(const struct made *made, const char *address, bool vfs)
{
	for (size_t i = 0; i < made->n; i++)
		if (streq(made->items[i].address, address) &&
		    !made->items[i].driver == vfs && !made->items[i].uuid)
			return &made->items[i];
	return NULL;
}

const struct made_item *made_vfs(const struct made *made, const char *address)
{
	return find(made, address, true);
}

static int made_write(const struct made *made, const struct root *root)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	for (size_t i = 0; i < made->n; i++) {
		const struct made_item *item = &made->items[i];

		if (item->uuid)
			fprintf(out, "mdev %s %s\n", item->address, item->uuid);
		else if (item->driver)
			fprintf(out, "driver %s %s %s\n", item->address, item->driver,
				item->before ? item->before : "-");
		else if (item->made)
			fprintf(out, "vfs %s %u %u\n", item->address, item->asked,
				item->made);
	}
	fclose(out);
	return *text ? root_replace(root, text, 0644, MADE_PATH) :
		       root_remove(root, MADE_PATH);
}

int made_note_vfs(const struct root *root, const char *address, unsigned asked,
		  unsigned made)
{
	_cleanup_(made_done) struct made all = made_read(root);
	struct made_item *item = find(&all, address, true);

	if (!item) {
		item = array_add(all.items, all.n);
		item->address = xstrdup(address);
	}
	item->asked = asked;
	item->made = made;
	return made_write(&all, root);
}

int made_note_driver(const struct root *root, const char *address, const char *driver,
		     const char *before)
{
	_cleanup_(made_done) struct made all = made_read(root);
	struct made_item *item = find(&all, address, false);

	if (!item && !driver)
		return 0;
	if (!item) {
		item = array_add(all.items, all.n);
		item->address = xstrdup(address);
		item->before = xstrdup(before);
	}
	free(item->driver);
	item->driver = xstrdup(driver);
	return made_write(&all, root);
}

int made_note_mdev(const struct root *root, const char *address, const char *uuid,
		   bool made)
{
	_cleanup_(made_done) struct made all = made_read(root);
	struct made_item *item = NULL;

	for (size_t i = 0; i < all.n && !item; i++)
		if (streq(all.items[i].address, address) &&
		    streq(all.items[i].uuid, uuid))
			item = &all.items[i];
	if (!item == !made)
		return 0;
	if (item) {
		item_done(item);
		*item = all.items[--all.n];
	} else {
		*array_add(all.items, all.n) =
			(struct made_item){ .address = xstrdup(address),
					    .uuid = xstrdup(uuid) };
	}
	return made_write(&all, root);
}
