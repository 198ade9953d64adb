#include "mdev.h"

#define DEVICES "sys/bus/pci/devices"

void mdev_types_done(struct mdev_types *types)
{
	for (size_t i = 0; i < types->n; i++) {
		free(types->items[i].id);
		free(types->items[i].name);
		strings_done(&types->items[i].uuids);
	}
	free(types->items);
	*types = (struct mdev_types){};
}

void mdev_types_read(const struct root *root, const char *address, struct mdev_types *ret)
{
	struct strings ids = {};

	root_list(root, &ids, DEVICES "/%s/mdev_supported_types", address);
	for (size_t i = 0; i < ids.n; i++) {
		_cleanup_(root_done) struct root dir = { .fd = -1 };
		struct mdev_type *type;
		unsigned long available;

		if (root_enter(root, &dir, DEVICES "/%s/mdev_supported_types/%s", address,
			       ids.items[i]) < 0)
			continue;
		type = array_add(ret->items, ret->n);
		type->id = xstrdup(ids.items[i]);
		/* i915's types have no name */
		if (root_read(&dir, &type->name, "name") < 0)
			type->name = xstrdup(type->id);
		if (root_read_unsigned(&dir, &available, "available_instances") == 0)
			type->available = (unsigned)available;
		root_list(&dir, &type->uuids, "devices");
	}
	strings_done(&ids);
}

const struct mdev_type *mdev_types_find(const struct mdev_types *types, const char *name)
{
	for (size_t i = 0; i < types->n; i++)
		if (streq(types->items[i].name, name) || streq(types->items[i].id, name))
			return &types->items[i];
	return NULL;
}

/* FNV-1a, whose last step splitmix64's finalizer spreads over all bits. */
static uint64_t hash(const char *text, uint64_t seed)
{
	uint64_t h = 0xcbf29ce484222325 ^ seed;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
	h = (h ^ h >> 27) * 0x94d049bb133111eb;
	return h ^ h >> 31;
}

char *mdev_uuid(const char *address, const char *type, unsigned index)
{
	_cleanup_free_ char *text = xasprintf("%s/%s/%u", address, type, index);
	uint64_t a = hash(text, 1), b = hash(text, 2);

	return xasprintf("%08x-%04x-8%03x-%04x-%012llx", (unsigned)(a >> 32),
			 (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
			 (unsigned)(b >> 48 & 0x3fff) | 0x8000,
			 (unsigned long long)(b & 0xffffffffffff));
}
