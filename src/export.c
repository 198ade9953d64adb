#include "export.h"

#include "plan.h"

#include <ctype.h>

const struct exporter *const exporters[] = { &export_config, &export_kubevirt,
					     &export_udev, NULL };

const struct exporter *export_find(const char *name)
{
	for (size_t i = 0; exporters[i]; i++)
		if (streq(exporters[i]->name, name))
			return exporters[i];
	return NULL;
}

/* Domains that the vendors' own device plugins and KubeVirt's examples use. */
static const struct domain {
	unsigned vendor;
	const char *name;
} domains[] = {
	{ 0x8086, "intel.com" },   { 0x15b3, "mellanox.com" },
	{ 0x10de, "nvidia.com" },  { 0x1002, "amd.com" },
	{ 0x1022, "amd.com" },     { 0x14e4, "broadcom.com" },
	{ 0x1b36, "redhat.com" },  { 0x144d, "samsung.com" },
	{ 0x1077, "marvell.com" }, { 0x177d, "marvell.com" },
	{ 0x1425, "chelsio.com" }, { 0x19ee, "netronome.com" },
	{ 0x1924, "amd.com" },     { 0x1d0f, "amazon.com" },
	{ 0x1af4, "virtio.org" },
};

/* An unknown vendor has a prefix of its own, so that equal names of two vendors stay two.
 */
static char *prefix_of(unsigned vendor)
{
	for (size_t i = 0; i < ARRAY_SIZE(domains); i++)
		if (domains[i].vendor == vendor)
			return xasprintf("%s/", domains[i].name);
	return xasprintf("pci-%04x.sriov-setup.io/", vendor);
}

/* virt-handler's socket path leaves 61 bytes for prefix/name: consumers §2 */
#define RESOURCE_MAX 61

/* Letters and digits stay; each run of others becomes one '_', none at the ends. */
static char *slug(const char *name, size_t max)
{
	char *s = xcalloc(max + 1, 1);
	size_t n = 0;

	for (; name && *name && n < max; name++) {
		if (isalnum((unsigned char)*name))
			s[n++] = *name;
		else if (n && s[n - 1] != '_')
			s[n++] = '_';
	}
	while (n && s[n - 1] == '_')
		n--;
	s[n] = '\0';
	return s;
}

/* From the IDs alone, so that it is the same on each node of a cluster. */
static char *default_resource(const struct names *names, const struct function *f,
			      const struct function *pf)
{
	_cleanup_free_ char *prefix = prefix_of(f->vendor);
	_cleanup_free_ char *name = names_device(names, f->vendor, f->device);
	_cleanup_free_ char *pf_name =
		name || !pf ? NULL : names_device(names, pf->vendor, pf->device);
	const char *suffix = pf_name ? "_VF" : "";
	size_t max = RESOURCE_MAX - strlen(prefix) - strlen(suffix);
	_cleanup_free_ char *short_name = slug(name ? name : pf_name, max);

	if (*short_name)
		return xasprintf("%s%s%s", prefix, short_name, suffix);
	return xasprintf("%s%04x_%04x", prefix, f->vendor, f->device);
}

static void offer(struct offers *offers, const struct function *f,
		  const struct function *pf, const char *resource, struct where where,
		  const struct names *names)
{
	*array_add(offers->items, offers->n) = (struct offer){
		.function = f,
		.resource = resource ? xstrdup(resource) : default_resource(names, f, pf),
		.where = where,
	};
}

void offers_make(struct offers *ret, const struct config *config,
		 const struct system *system, const struct names *names)
{
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];
		const struct function *pf =
			f->pf == NONE ? NULL : &system->functions[f->pf];
		int pf_rule = pf ? plan_pf_rule(config, pf) : NONE,
		    device = plan_device_rule(config, f);

		if (!f->driver || !strstr(f->driver, "vfio"))
			continue;
		if (pf_rule != NONE &&
		    streq(pf_rule_driver(&config->pfs[pf_rule], f->vf_index), f->driver))
			offer(ret, f, pf,
			      pf_rule_resource(&config->pfs[pf_rule], f->vf_index),
			      config->pfs[pf_rule].where, names);
		else if (device != NONE &&
			 streq(config->devices[device].driver, f->driver))
			offer(ret, f, NULL, config->devices[device].resource,
			      config->devices[device].where, names);
	}
}

void offers_done(struct offers *offers)
{
	for (size_t i = 0; i < offers->n; i++)
		free(offers->items[i].resource);
	free(offers->items);
	*offers = (struct offers){};
}
