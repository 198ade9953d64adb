/*
 * KubeVirt's spec.configuration.permittedHostDevices. What it matches by, and what it
 * does not see: research consumers §2 (virt-handler's device_controller.go,
 * pci_device.go).
 */
#include "export.h"
#include "json.h"
#include "plan.h"
#include "yaml-out.h"

#include <ctype.h>
#include <strings.h>

static const char head[] = "# Host devices that KubeVirt may give to VMs, written by "
			   "sriov-setup from /etc/sriov.conf.\n"
			   "# kubectl -n kubevirt patch kubevirt kubevirt --type merge "
			   "--patch-file kubevirt.yaml\n"
			   "# CAUTION: a merge patch replaces the whole list; export "
			   "kubevirt-patch keeps the entries of others.\n"
			   "# VMs ask for hostDevices by resourceName; that needs the "
			   "feature gate HostDevices.\n";

struct entry {
	char *selector;
	const char *resource;
	const struct function *like; /* one that the selector matches; NULL: an mdev's */
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
static void add_entry(struct entries *entries, char *selector, const char *resource,
		      const struct function *like)
{
	for (size_t i = 0; i < entries->n; i++)
		if (streq(entries->items[i].selector, selector) &&
		    streq(entries->items[i].resource, resource)) {
			free(selector);
			return;
		}
	*array_add(entries->items, entries->n) =
		(struct entry){ selector, resource, like };
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

/* What the selector matches besides what is offered: KubeVirt knows no addresses. */
static void warn_of_others(const struct entry *entry, const struct offers *offers,
			   const struct system *system, struct strings *warnings)
{
	size_t kept = 0;
	const char *first = NULL;

	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];
		_cleanup_free_ char *text = NULL;

		if (f->vendor != entry->like->vendor ||
		    f->device != entry->like->device || offers_find(offers, f))
			continue;
		if (f->total_vfs) {
			text = xasprintf("%s also matches the PF %s: should it ever be "
					 "bound to vfio-pci, "
					 "KubeVirt gives the whole device away",
					 entry->selector, f->address);
			export_note(warnings, "%s", text);
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
		export_note(warnings, "%s", text);
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
		export_note(warnings, "%s", text);
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
			export_note(warnings, "%s", text);
		}
}

/* virt-handler compares with this one name; variant drivers do not count. */
static bool is_visible(const struct function *f)
{
	return streq(f->driver, DRIVER_VFIO);
}

static int compare_groups(const void *a, const void *b)
{
	const struct function *f = *(const struct function *const *)a,
			      *g = *(const struct function *const *)b;

	if (f->iommu_group != g->iommu_group)
		return f->iommu_group < g->iommu_group ? -1 : 1;
	return (f > g) - (f < g);
}

/* What virt-handler sees, by group, in a group by address; the caller frees it. */
static const struct function **by_group(const struct offers *offers, size_t *ret_n)
{
	const struct function **all = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < offers->n; i++) {
		const struct function *f = offers->items[i].function;

		if (offers->items[i].path == ADVERTISE_KUBEVIRT &&
		    f->iommu_group != NONE && is_visible(f))
			*array_add(all, *ret_n) = f;
	}
	if (*ret_n)
		qsort(all, *ret_n, sizeof(*all), compare_groups);
	return all;
}

/*
 * virt-handler's device ID is the number of the IOMMU group, so a second member is lost.
 * One warning for each group: without ACS a group may have hundreds.
 */
static void warn_of_groups(const struct offers *offers, struct strings *warnings)
{
	size_t n;
	_cleanup_free_ const struct function **all = by_group(offers, &n);

	for (size_t first = 0, next; first < n; first = next) {
		for (next = first + 1;
		     next < n && all[next]->iommu_group == all[first]->iommu_group;)
			next++;
		if (next == first + 1)
			continue;
		export_note(warnings,
			    "%s and %s%s share IOMMU group %d (%zu devices): KubeVirt "
			    "offers one device per group",
			    all[first]->address, all[first + 1]->address,
			    next > first + 2 ? ", …" : "", all[first]->iommu_group,
			    next - first);
	}
}

static void collect(struct entries *ret, const struct offers *offers,
		    struct strings *warnings)
{
	for (size_t i = 0; i < offers->n_kinds; i++) {
		const struct offer *offer = &offers->items[offers->kinds[i]];
		const struct function *f = offer->function;

		if (offer->path != ADVERTISE_KUBEVIRT)
			continue;
		if (is_visible(f)) {
			add_entry(ret, selector_of(f), offer->resource, f);
			continue;
		}
		_cleanup_free_ char *text =
			xasprintf("functions on %s are left out: KubeVirt only takes the "
				  "driver vfio-pci",
				  f->driver);
		export_note(warnings, "%s", text);
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
			add_entry(ret, xstrdup(rule->type), rule->resource, NULL);
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

/* A list that is left out is left alone by the patch; an empty one would take from all
 * other nodes what they offer. */
static struct document *make_patch(const struct entries *pci, const struct entries *mdevs,
				   bool external)
{
	struct document *patch = document_new(DOCUMENT_MAP), *devices;

	devices = document_put_map(
		document_put_map(document_put_map(patch, "spec"), "configuration"),
		"permittedHostDevices");
	if (pci->n)
		put_list(devices, "pciHostDevices", "pciVendorSelector", pci, external);
	if (mdevs->n)
		put_list(devices, "mediatedDevices", "mdevNameSelector", mdevs, external);
	return patch;
}

/* The lists of this host, with what is to be known of them. */
static struct document *host_patch(const struct export_input *input,
				   struct export_notes *notes)
{
	_cleanup_(entries_done) struct entries pci = {}, mdevs = {};
	_cleanup_(offers_done) struct offers offers = {};

	offers_make(&offers, input->config, input->system, input->names);
	collect(&pci, &offers, &notes->warnings);
	collect_mdevs(&mdevs, input->config, input->system);
	for (size_t i = 0; i < pci.n; i++)
		warn_of_others(&pci.items[i], &offers, input->system, &notes->warnings);
	warn_of_names(&pci, &notes->warnings);
	warn_of_names(&mdevs, &notes->warnings);
	warn_of_variables(&pci, &mdevs, &notes->warnings);
	warn_of_groups(&offers, &notes->warnings);
	return make_patch(&pci, &mdevs, input->config->export.external_resource_provider);
}

static void kubevirt_write(FILE *out, const struct export_input *input,
			   struct export_notes *notes)
{
	_cleanup_(document_free) struct document *patch = host_patch(input, notes);

	fputs(head, out);
	for (size_t i = 0; i < notes->warnings.n; i++) {
		_cleanup_free_ char *text =
			xasprintf("WARNING: %s", notes->warnings.items[i]);

		export_comment(out, text);
	}
	yaml_print(out, patch);
}

const struct exporter export_kubevirt = {
	.name = "kubevirt",
	.help = "permittedHostDevices of KubeVirt's configuration",
	.file = "kubevirt.yaml",
	.key = offsetof(struct export_config, kubevirt),
	.hands_out = true,
	.write = kubevirt_write,
};

static const struct document *list_of(const struct document *kubevirt, const char *key)
{
	const char *const path[] = { "spec", "configuration", "permittedHostDevices", key,
				     NULL };

	return document_at(kubevirt, path);
}

/* KubeVirt compares selectors without regard to case (common.go). */
static const struct document *entry_like(const struct document *list,
					 const struct document *entry, const char *key)
{
	const char *selector = document_text(entry, key);

	for (size_t i = 0; list && selector && i < list->n; i++) {
		const char *other = document_text(list->items[i], key);

		if (other && strcasecmp(other, selector) == 0)
			return list->items[i];
	}
	return NULL;
}

/* What others have, in their order; then ours. Ours replaces theirs of one selector. */
static void put_merged(struct document *devices, const char *key,
		       const char *selector_key, const struct document *ours,
		       const struct document *theirs, struct strings *warnings)
{
	struct document *list = document_put_list(devices, key);

	for (size_t i = 0; theirs && i < theirs->n; i++) {
		const struct document *entry = theirs->items[i];
		const struct document *mine = entry_like(ours, entry, selector_key);
		const char *name = document_text(entry, "resourceName");

		if (!mine)
			document_add(list, document_copy(entry));
		else if (!streq(name, document_text(mine, "resourceName")))
			export_note(
				warnings,
				"%s was %s in the CR and becomes %s: VMs that ask for "
				"the old name find none",
				document_text(mine, selector_key),
				name ? name : "nameless",
				document_text(mine, "resourceName"));
	}
	for (size_t i = 0; ours && i < ours->n; i++)
		document_add(list, document_copy(ours->items[i]));
}

/* An entry of others that would give away what somebody else hands out here. */
static void check_theirs(const struct document *theirs, const struct export_input *input,
			 struct strings *errors)
{
	_cleanup_(offers_done) struct offers offers = {};

	offers_make(&offers, input->config, input->system, input->names);
	for (size_t i = 0; theirs && i < theirs->n; i++)
		for (size_t j = 0; j < offers.n_kinds; j++) {
			const struct offer *o = &offers.items[offers.kinds[j]];
			_cleanup_free_ char *selector = selector_of(o->function);
			const char *other =
				document_text(theirs->items[i], "pciVendorSelector");

			if (o->path != ADVERTISE_KUBEVIRT && o->path != ADVERTISE_AUTO &&
			    other && strcasecmp(other, selector) == 0)
				export_note(errors,
					    "the CR has an entry for %s, which another "
					    "consumer hands out here (%s:%d): remove it, "
					    "or set advertise = \"kubevirt\"",
					    selector, o->where.file, o->where.line);
		}
}

/* With the version that was read, so that a CR that changed meanwhile refuses the patch.
 */
static void kubevirt_patch_write(FILE *out, const struct export_input *input,
				 struct export_notes *notes)
{
	static const char *const metadata[] = { "metadata", NULL };
	_cleanup_(document_free) struct document *host = host_patch(input, notes);
	_cleanup_(document_free) struct document *patch = document_new(DOCUMENT_MAP);
	const struct document *pci = list_of(host, "pciHostDevices"),
			      *mdevs = list_of(host, "mediatedDevices"),
			      *meta = document_at(input->current, metadata);
	struct document *devices;

	if (!streq(document_text(input->current, "kind"), "KubeVirt")) {
		export_note(&notes->errors,
			    "stdin holds no KubeVirt object: kubectl -n kubevirt get "
			    "kubevirt kubevirt -o json | sriov-setup export "
			    "kubevirt-patch");
		return;
	}
	if (meta && document_text(meta, "resourceVersion"))
		document_put_string(document_put_map(patch, "metadata"),
				    "resourceVersion",
				    document_text(meta, "resourceVersion"));
	check_theirs(list_of(input->current, "pciHostDevices"), input, &notes->errors);
	devices = document_put_map(
		document_put_map(document_put_map(patch, "spec"), "configuration"),
		"permittedHostDevices");
	put_merged(devices, "pciHostDevices", "pciVendorSelector", pci,
		   list_of(input->current, "pciHostDevices"), &notes->warnings);
	if (mdevs)
		put_merged(devices, "mediatedDevices", "mdevNameSelector", mdevs,
			   list_of(input->current, "mediatedDevices"), &notes->warnings);
	json_print(out, patch);
}

const struct exporter export_kubevirt_patch = {
	.name = "kubevirt-patch",
	.help = "the same as a merge patch that keeps what the CR on stdin has",
	.hands_out = true,
	.current = "kubectl -n kubevirt get kubevirt kubevirt -o json",
	.write = kubevirt_patch_write,
};
