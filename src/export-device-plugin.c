/*
 * config.json of the SR-IOV network device plugin: research consumers §3 (README,
 * docs/config-file, pkg/types/types.go). Unknown keys are ignored there and
 * "deviceType": "vfio" ends it, so nothing is written that it does not read.
 */
#include "export.h"
#include "json.h"
#include "pool.h"

static bool is_network(const struct offer *offer)
{
	return offer->function->class >> 16 == 0x02;
}

static void put_hex(struct document *map, const char *key, unsigned number)
{
	_cleanup_free_ char *text = xasprintf("%04x", number);

	document_add_string(document_put_list(map, key), text);
}

static bool same_selector(const struct offer *a, const struct offer *b)
{
	return a->function->vendor == b->function->vendor &&
	       a->function->device == b->function->device && !a->pf == !b->pf;
}

/*
 * One entry per PF: the plugin takes the first that names it (deviceSelectors.go). By the
 * PF's address, which needs no interface name, and no interface.
 */
static void put_root_devices(struct document *selector, const struct pool *pool,
			     const struct offer *like)
{
	struct document *list = document_put_list(selector, "rootDevices");
	size_t n;
	const struct function **pfs = pool_pfs(pool, &n);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *range = pool_range(pool, pfs[i]), *text = NULL;

		if (pfs[i]->vendor != like->pf->vendor ||
		    pfs[i]->vf_device != like->pf->vf_device)
			continue;
		text = xasprintf("%s#%s", pfs[i]->address, range);
		document_add_string(list, text);
	}
	free(pfs);
}

static void put_addresses(struct document *selector, const struct pool *pool,
			  const struct offer *like)
{
	struct document *list = document_put_list(selector, "pciAddresses");

	for (size_t i = 0; i < pool->n; i++)
		if (same_selector(pool->items[i], like))
			document_add_string(list, pool->items[i]->function->address);
}

/* A selector for each vendor, device and way to name the functions. */
static void put_selectors(struct document *resource, const struct pool *pool)
{
	struct document *list = document_put_list(resource, "selectors");
	_cleanup_free_ const struct offer **firsts = NULL;
	size_t n_firsts = 0;

	for (size_t i = 0; i < pool->n; i++) {
		const struct offer *offer = pool->items[i];
		struct document *selector;
		size_t j = 0;

		while (j < n_firsts && !same_selector(firsts[j], offer))
			j++;
		if (j < n_firsts)
			continue;
		*array_add(firsts, n_firsts) = offer;
		selector = document_add_map(list);
		put_hex(selector, "vendors", offer->function->vendor);
		put_hex(selector, "devices", offer->function->device);
		document_add_string(document_put_list(selector, "drivers"), DRIVER_VFIO);
		/* accelerators have no rootDevices: types.go */
		if (offer->pf && is_network(offer))
			put_root_devices(selector, pool, offer);
		else
			put_addresses(selector, pool, offer);
	}
}

static void put_pool(struct document *list, const struct pool *pool,
		     struct export_notes *notes)
{
	unsigned base = pool->items[0]->function->class >> 16;
	struct document *resource;

	for (size_t i = 0; i < pool->n; i++)
		if (pool->items[i]->function->class >> 16 != base) {
			export_note(
				&notes->errors,
				"%s holds devices of two classes, %s (%s:%d) and %s "
				"(%s:%d): give them resources of their own",
				pool->resource, pool->items[0]->function->address,
				pool->items[0]->where.file, pool->items[0]->where.line,
				pool->items[i]->function->address,
				pool->items[i]->where.file, pool->items[i]->where.line);
			return;
		}
	if (base != 0x02 && base != 0x12) {
		export_note(&notes->errors,
			    "%s: the device plugin serves network and accelerator "
			    "devices only, %s is of class %06x (%s:%d); set advertise = "
			    "\"kubevirt\"",
			    pool->resource, pool->items[0]->function->address,
			    pool->items[0]->function->class, pool->items[0]->where.file,
			    pool->items[0]->where.line);
		return;
	}
	resource = document_add_map(list);
	document_put_string(resource, "resourcePrefix", pool->prefix);
	document_put_string(resource, "resourceName", pool->name);
	document_put_string(resource, "deviceType",
			    base == 0x02 ? "netDevice" : "accelerator");
	put_selectors(resource, pool);
}

static void device_plugin_write(FILE *out, const struct export_input *input,
				struct export_notes *notes)
{
	_cleanup_(document_free) struct document *top = document_new(DOCUMENT_MAP);
	_cleanup_(offers_done) struct offers offers = {};
	_cleanup_(pools_done) struct pools pools = {};
	struct document *list = document_put_list(top, "resourceList");

	offers_make(&offers, input->config, input->system, input->names);
	pools_make(&pools, &offers, ADVERTISE_DEVICE_PLUGIN, notes);
	for (size_t i = 0; i < pools.n; i++)
		put_pool(list, &pools.items[i], notes);
	/* with an empty list the plugin ends, cmd/sriovdp/main.go */
	if (list->n)
		json_print(out, top);
}

const struct exporter export_device_plugin = {
	.name = "device-plugin",
	.help = "config.json of the SR-IOV network device plugin",
	.file = "device-plugin.json",
	.key = offsetof(struct export_config, device_plugin),
	.hands_out = true,
	.write = device_plugin_write,
};
