#include "export.h"

#include "plan.h"

#include <ctype.h>

const struct exporter *const exporters[] = { &export_kubevirt, &export_udev, NULL };

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

static const char *domain_of(unsigned vendor)
{
	for (size_t i = 0; i < ARRAY_SIZE(domains); i++)
		if (domains[i].vendor == vendor)
			return domains[i].name;
	return "sriov-setup.io";
}

/* virt-handler's socket path leaves 61 bytes for prefix/name: consumers §2 */
#define RESOURCE_MAX 61

/* Letters and digits stay; each run of others becomes one '_', none at the ends. */
static void append_name(char *resource, const char *name)
{
	size_t n = strlen(resource), start = n;

	for (; *name && n < RESOURCE_MAX; name++) {
		if (isalnum((unsigned char)*name))
			resource[n++] = *name;
		else if (n > start && resource[n - 1] != '_')
			resource[n++] = '_';
	}
	while (n > start && resource[n - 1] == '_')
		n--;
	resource[n] = '\0';
}

/* From the IDs alone, so that it is the same on each node of a cluster. */
static char *default_resource(const struct names *names, const struct function *f,
			      const struct function *pf)
{
	_cleanup_free_ char *name = names_device(names, f->vendor, f->device);
	_cleanup_free_ char *of_pf = NULL;
	char *resource = xcalloc(RESOURCE_MAX + 1, 1);

	snprintf(resource, RESOURCE_MAX, "%s/", domain_of(f->vendor));
	if (!name && pf) {
		of_pf = names_device(names, pf->vendor, pf->device);
		name = of_pf ? xasprintf("%s VF", of_pf) : NULL;
	}
	if (!name)
		name = xasprintf("%04x_%04x", f->vendor, f->device);
	append_name(resource, name);
	return resource;
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
