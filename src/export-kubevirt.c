/*
 * KubeVirt's spec.configuration.permittedHostDevices. What it matches by, and what it
 * does not see: research consumers §2 (virt-handler's device_controller.go,
 * pci_device.go).
 */
#include "export.h"
#include "plan.h"
#include "yaml-out.h"

#include <ctype.h>

static const char head[] = "# Host devices that KubeVirt may give to VMs, written by "
			   "sriov-setup from /etc/sriov.conf.\n"
			   "# kubectl -n kubevirt patch kubevirt kubevirt --type merge "
			   "--patch-file kubevirt.yaml\n"
			   "# CAUTION: a merge patch replaces the whole list; entries of "
			   "others must be added here first.\n"
			   "# VMs ask for hostDevices by resourceName; that needs the "
			   "feature gate HostDevices.\n";

struct entry {
	char *selector;
	const char *resource;
};

struct entries {
	struct entry *items;
	size_t n;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->selector, y->selector);

	return r ? r : strcmp(x->resource, y->resource);
}

static char *selector_of(const struct function *f)
{
	return xasprintf("%04x:%04x", f->vendor, f->device);
}

static void add_entry(struct entries *entries, const struct offer *offer)
{
	_cleanup_free_ char *selector = selector_of(offer->function);

	for (size_t i = 0; i < entries->n; i++)
		if (streq(entries->items[i].selector, selector) &&
		    streq(entries->items[i].resource, offer->resource))
			return;
	*array_add(entries->items, entries->n) =
		(struct entry){ steal_pointer(&selector), offer->resource };
}

static void add_warning(struct strings *warnings, const char *text)
{
	if (!strings_contain(warnings, text))
		strings_add(warnings, text);
}

static bool is_offered(const struct offers *offers, const struct function *f)
{
	for (size_t i = 0; i < offers->n; i++)
		if (offers->items[i].function == f)
			return true;
	return false;
}

/* What the selector matches besides what is offered: KubeVirt knows no addresses. */
static void warn_of_others(const struct entry *entry, const struct offers *offers,
			   const struct system *system, struct strings *warnings)
{
	size_t kept = 0;
	const char *first = NULL;

	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];
		_cleanup_free_ char *selector = selector_of(f), *text = NULL;

		if (!streq(selector, entry->selector) || is_offered(offers, f))
			continue;
		if (f->total_vfs) {
			text = xasprintf("%s also matches the PF %s: should it ever be "
					 "bound to vfio-pci, "
					 "KubeVirt gives the whole device away",
					 entry->selector, f->address);
			add_warning(warnings, text);
		} else if (kept++ == 0) {
			first = f->address;
		}
	}
	if (kept) {
		_cleanup_free_ char *text =
			xasprintf("%s also matches %zu functions that are kept for the "
				  "host (%s%s): KubeVirt "
				  "would offer them, should they be bound to vfio-pci",
				  entry->selector, kept, first, kept > 1 ? ", …" : "");
		add_warning(warnings, text);
	}
}

/* The variable that a launcher pod gets: upper case, '/' and '.' become '_'. */
static char *env_name(const char *resource)
{
	char *name = xstrdup(resource);

	for (char *c = name; *c; c++)
		*c = *c == '/' || *c == '.' ? '_' : (char)toupper((unsigned char)*c);
	return name;
}

static void warn_of_clashes(const struct entries *entries, struct strings *warnings)
{
	for (size_t i = 0; i < entries->n; i++)
		for (size_t j = i + 1; j < entries->n; j++) {
			const struct entry *a = &entries->items[i],
					   *b = &entries->items[j];
			_cleanup_free_ char *env_a = env_name(a->resource),
					    *env_b = env_name(b->resource);
			_cleanup_free_ char *text = NULL;

			if (streq(a->selector, b->selector))
				text = xasprintf("%s has two resource names, %s and %s: "
						 "KubeVirt silently takes "
						 "the later one for all; give both rules "
						 "the same resource",
						 a->selector, a->resource, b->resource);
			else if (!streq(a->resource, b->resource) && streq(env_a, env_b))
				text = xasprintf("%s and %s give the same environment "
						 "variable PCI_RESOURCE_%s",
						 a->resource, b->resource, env_a);
			if (text)
				add_warning(warnings, text);
		}
}

/* virt-handler's device ID is the number of the IOMMU group, so a second member is lost.
 */
static void warn_of_groups(const struct offers *offers, struct strings *warnings)
{
	for (size_t i = 0; i < offers->n; i++) {
		const struct function *a = offers->items[i].function;

		for (size_t j = i + 1; j < offers->n && a->iommu_group != NONE; j++) {
			const struct function *b = offers->items[j].function;
			_cleanup_free_ char *text = NULL;

			if (a->iommu_group != b->iommu_group)
				continue;
			text = xasprintf("%s and %s share IOMMU group %d: KubeVirt "
					 "offers one device per group",
					 a->address, b->address, a->iommu_group);
			add_warning(warnings, text);
		}
	}
}

static void collect(struct entries *ret, const struct offers *offers,
		    struct strings *warnings)
{
	for (size_t i = 0; i < offers->n; i++) {
		const struct function *f = offers->items[i].function;

		if (streq(f->driver, DRIVER_VFIO)) {
			add_entry(ret, &offers->items[i]);
			continue;
		}
		_cleanup_free_ char *text =
			xasprintf("functions on %s are left out: KubeVirt only takes the "
				  "driver vfio-pci",
				  f->driver);
		add_warning(warnings, text);
	}
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(struct entry), compare_entries);
}

static void write_external(struct yaml *yaml, const struct config *config)
{
	if (!config->export.external_resource_provider)
		return;
	yaml_key(yaml, "externalResourceProvider");
	yaml_bool(yaml, true);
}

static bool mdev_is_here(const struct mdev_rule *rule, const struct system *system)
{
	for (size_t i = 0; i < system->n_functions; i++)
		if (match_agrees(&rule->match, &system->functions[i]))
			return true;
	return false;
}

static void write_mdevs(struct yaml *yaml, const struct config *config,
			const struct system *system)
{
	bool any = false;

	for (size_t i = 0; i < config->n_mdevs; i++) {
		const struct mdev_rule *rule = &config->mdevs[i];

		if (!mdev_is_here(rule, system))
			continue;
		if (!any) {
			yaml_key(yaml, "mediatedDevices");
			yaml_list(yaml);
		}
		any = true;
		yaml_map(yaml);
		yaml_key(yaml, "mdevNameSelector");
		yaml_string(yaml, rule->type);
		yaml_key(yaml, "resourceName");
		yaml_string(yaml, rule->resource);
		write_external(yaml, config);
		yaml_map_end(yaml);
	}
	if (any)
		yaml_list_end(yaml);
}

static void write_document(FILE *out, const struct config *config,
			   const struct system *system, const struct entries *entries)
{
	struct yaml *yaml = yaml_open(out);

	yaml_map(yaml);
	yaml_key(yaml, "spec");
	yaml_map(yaml);
	yaml_key(yaml, "configuration");
	yaml_map(yaml);
	yaml_key(yaml, "permittedHostDevices");
	yaml_map(yaml);
	yaml_key(yaml, "pciHostDevices");
	yaml_list(yaml);
	for (size_t i = 0; i < entries->n; i++) {
		yaml_map(yaml);
		yaml_key(yaml, "pciVendorSelector");
		yaml_string(yaml, entries->items[i].selector);
		yaml_key(yaml, "resourceName");
		yaml_string(yaml, entries->items[i].resource);
		write_external(yaml, config);
		yaml_map_end(yaml);
	}
	yaml_list_end(yaml);
	write_mdevs(yaml, config, system);
	for (int depth = 0; depth < 4; depth++)
		yaml_map_end(yaml);
	yaml_close(yaml);
}

static void kubevirt_write(FILE *out, const struct config *config,
			   const struct system *system, const struct names *names,
			   struct strings *warnings)
{
	struct entries entries = {};
	struct offers offers = {};

	offers_make(&offers, config, system, names);
	collect(&entries, &offers, warnings);
	for (size_t i = 0; i < entries.n; i++)
		warn_of_others(&entries.items[i], &offers, system, warnings);
	warn_of_clashes(&entries, warnings);
	warn_of_groups(&offers, warnings);
	fputs(head, out);
	for (size_t i = 0; i < warnings->n; i++)
		fprintf(out, "# WARNING: %s\n", warnings->items[i]);
	write_document(out, config, system, &entries);
	for (size_t i = 0; i < entries.n; i++)
		free(entries.items[i].selector);
	free(entries.items);
	offers_done(&offers);
}

static bool kubevirt_wanted(const struct export_config *config)
{
	return config->kubevirt;
}

const struct exporter export_kubevirt = {
	.name = "kubevirt",
	.help = "permittedHostDevices of KubeVirt's configuration",
	.file = "kubevirt.yaml",
	.wanted = kubevirt_wanted,
	.write = kubevirt_write,
};
