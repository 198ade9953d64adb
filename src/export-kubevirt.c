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

/* Takes the selector. KubeVirt wants one entry for each pair, however many devices have
 * it. */
static void add_entry(struct entries *entries, char *selector, const char *resource)
{
	for (size_t i = 0; i < entries->n; i++)
		if (streq(entries->items[i].selector, selector) &&
		    streq(entries->items[i].resource, resource)) {
			free(selector);
			return;
		}
	*array_add(entries->items, entries->n) = (struct entry){ selector, resource };
}

static void sort_entries(struct entries *entries)
{
	if (entries->n)
		qsort(entries->items, entries->n, sizeof(struct entry), compare_entries);
}

static void entries_done(struct entries *entries)
{
	for (size_t i = 0; i < entries->n; i++)
		free(entries->items[i].selector);
	free(entries->items);
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

/* Sorted, so entries of one selector are neighbours. */
static void warn_of_names(const struct entries *entries, struct strings *warnings)
{
	for (size_t i = 1; i < entries->n; i++) {
		const struct entry *a = &entries->items[i - 1], *b = &entries->items[i];
		_cleanup_free_ char *text = NULL;

		if (!streq(a->selector, b->selector))
			continue;
		text = xasprintf(
			"%s has two resource names, %s and %s: KubeVirt silently takes "
			"the later one for all; give both rules the same resource",
			a->selector, a->resource, b->resource);
		add_warning(warnings, text);
	}
}

static const char *resource_at(const struct entries *pci, const struct entries *mdevs,
			       size_t i)
{
	return i < pci->n ? pci->items[i].resource : mdevs->items[i - pci->n].resource;
}

/* The same name twice is one pool with two selectors, which KubeVirt allows. */
static void warn_of_variables(const struct entries *pci, const struct entries *mdevs,
			      struct strings *warnings)
{
	for (size_t i = 0; i < pci->n + mdevs->n; i++)
		for (size_t j = i + 1; j < pci->n + mdevs->n; j++) {
			const char *a = resource_at(pci, mdevs, i);
			const char *b = resource_at(pci, mdevs, j);
			_cleanup_free_ char *env_a = env_name(a), *env_b = env_name(b);
			_cleanup_free_ char *text = NULL;

			if (streq(a, b) || !streq(env_a, env_b))
				continue;
			text = xasprintf("%s and %s give the same environment variable "
					 "PCI_RESOURCE_%s",
					 a, b, env_a);
			add_warning(warnings, text);
		}
}

/* virt-handler compares with this one name; variant drivers do not count. */
static bool is_visible(const struct function *f)
{
	return streq(f->driver, DRIVER_VFIO);
}

/*
 * virt-handler's device ID is the number of the IOMMU group, so a second member is lost.
 * One warning for each group, by its first member: without ACS a group may have hundreds.
 */
static void warn_of_groups(const struct offers *offers, struct strings *warnings)
{
	for (size_t i = 0; i < offers->n; i++) {
		const struct function *a = offers->items[i].function, *second = NULL;
		_cleanup_free_ char *text = NULL;
		size_t others = 0;

		if (a->iommu_group == NONE || !is_visible(a))
			continue;
		for (size_t j = 0; j < offers->n; j++) {
			const struct function *b = offers->items[j].function;

			if (b->iommu_group != a->iommu_group || !is_visible(b) || b == a)
				continue;
			if (j < i) /* said already */
				break;
			if (others++ == 0)
				second = b;
		}
		if (!second)
			continue;
		text = xasprintf(
			"%s and %s%s share IOMMU group %d (%zu devices): KubeVirt "
			"offers one device per group",
			a->address, second->address, others > 1 ? ", …" : "",
			a->iommu_group, others + 1);
		add_warning(warnings, text);
	}
}

static void collect(struct entries *ret, const struct offers *offers,
		    struct strings *warnings)
{
	for (size_t i = 0; i < offers->n; i++) {
		const struct function *f = offers->items[i].function;

		if (is_visible(f)) {
			add_entry(ret, selector_of(f), offers->items[i].resource);
			continue;
		}
		_cleanup_free_ char *text =
			xasprintf("functions on %s are left out: KubeVirt only takes the "
				  "driver vfio-pci",
				  f->driver);
		add_warning(warnings, text);
	}
	sort_entries(ret);
}

static bool mdev_is_here(const struct mdev_rule *rule, const struct system *system)
{
	for (size_t i = 0; i < system->n_functions; i++)
		if (match_agrees(&rule->match, &system->functions[i]))
			return true;
	return false;
}

static void collect_mdevs(struct entries *ret, const struct config *config,
			  const struct system *system)
{
	for (size_t i = 0; i < config->n_mdevs; i++) {
		const struct mdev_rule *rule = &config->mdevs[i];

		if (mdev_is_here(rule, system))
			add_entry(ret, xstrdup(rule->type), rule->resource);
	}
	sort_entries(ret);
}

static void put_list(struct document *map, const char *key, const char *selector_key,
		     const struct entries *entries, bool external)
{
	struct document *list = document_put_list(map, key);

	for (size_t i = 0; i < entries->n; i++) {
		struct document *entry = document_add_map(list);

		document_put_string(entry, selector_key, entries->items[i].selector);
		document_put_string(entry, "resourceName", entries->items[i].resource);
		if (external)
			document_put_bool(entry, "externalResourceProvider", true);
	}
}

/* A list that is left out is left alone by the patch; one of the two is always there. */
static struct document *make_patch(const struct entries *pci, const struct entries *mdevs,
				   bool external)
{
	struct document *patch = document_new(DOCUMENT_MAP), *devices;

	devices = document_put_map(
		document_put_map(document_put_map(patch, "spec"), "configuration"),
		"permittedHostDevices");
	if (pci->n || !mdevs->n)
		put_list(devices, "pciHostDevices", "pciVendorSelector", pci, external);
	if (mdevs->n)
		put_list(devices, "mediatedDevices", "mdevNameSelector", mdevs, external);
	return patch;
}

static void kubevirt_write(FILE *out, const struct config *config,
			   const struct system *system, const struct names *names,
			   struct strings *warnings)
{
	_cleanup_(entries_done) struct entries pci = {}, mdevs = {};
	_cleanup_(offers_done) struct offers offers = {};
	_cleanup_(document_free) struct document *patch = NULL;
	size_t first = warnings->n; /* the caller may have gathered others */

	offers_make(&offers, config, system, names);
	collect(&pci, &offers, warnings);
	collect_mdevs(&mdevs, config, system);
	for (size_t i = 0; i < pci.n; i++)
		warn_of_others(&pci.items[i], &offers, system, warnings);
	warn_of_names(&pci, warnings);
	warn_of_names(&mdevs, warnings);
	warn_of_variables(&pci, &mdevs, warnings);
	warn_of_groups(&offers, warnings);
	fputs(head, out);
	for (size_t i = first; i < warnings->n; i++)
		fprintf(out, "# WARNING: %s\n", warnings->items[i]);
	patch = make_patch(&pci, &mdevs, config->export.external_resource_provider);
	yaml_print(out, patch);
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
