#include "export.h"

#include "plan.h"

#include <ctype.h>
#include <stdarg.h>

const struct exporter *const exporters[] = {
	&export_config,        &export_kubevirt, &export_kubevirt_patch,
	&export_device_plugin, &export_nad,      &export_sriov_network,
	&export_harvester,     &export_libvirt,  &export_qemu,
	&export_cdi,           &export_udev,     NULL
};

const struct exporter *export_find(const char *name)
{
	for (size_t i = 0; exporters[i]; i++)
		if (streq(exporters[i]->name, name))
			return exporters[i];
	return NULL;
}

bool export_wanted(const struct exporter *exporter, const struct export_config *config)
{
	return exporter->file && *(const bool *)((const char *)config + exporter->key);
}

void export_notes_done(struct export_notes *notes)
{
	strings_done(&notes->warnings);
	strings_done(&notes->errors);
}

void export_note(struct strings *notes, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	if (!strings_contain(notes, text))
		strings_add(notes, text);
}

void export_comment(FILE *out, const char *text)
{
	_cleanup_free_ char *line = document_line(text);

	fprintf(out, "# %s\n", line);
}

char *export_node(const struct export_input *input)
{
	const char *name = input->config->export.node ? input->config->export.node :
							input->system->hostname;
	char *node = xstrdup(name);

	for (char *c = node; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return node;
}

char *export_document(const struct exporter *exporter, const struct export_input *input,
		      struct export_notes *notes)
{
	_cleanup_(offers_done) struct offers offers = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	if (exporter->hands_out) {
		offers_make(&offers, input->config, input->system, input->names);
		offers_check(&offers, input->config, &notes->errors);
	}
	exporter->write(out, input, notes);
	fclose(out);
	return text;
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

/* Network controllers and processing accelerators: DP pkg/types/types.go */
static bool plugin_serves(const struct function *f)
{
	unsigned base = f->class >> 16;

	return (base == 0x02 || base == 0x12) && streq(f->driver, DRIVER_VFIO);
}

static void choose_path(struct offer *offer, const struct config *config,
			enum advertise said)
{
	const struct export_config *e = &config->export;
	bool plugin = (e->device_plugin || e->nad || e->sriov_network) &&
		      plugin_serves(offer->function);
	bool kubernetes = plugin || e->kubevirt;

	offer->path = said != ADVERTISE_AUTO ? said :
		      plugin                 ? ADVERTISE_DEVICE_PLUGIN :
		      e->kubevirt            ? ADVERTISE_KUBEVIRT :
		      e->libvirt             ? ADVERTISE_LIBVIRT :
					       ADVERTISE_AUTO;
	offer->ambiguous = said == ADVERTISE_AUTO && kubernetes && e->libvirt;
}

static void offer_device(struct offers *offers, const struct function *f,
			 const struct config *config, const struct device_rule *rule,
			 const struct names *names)
{
	struct offer *offer = array_add(offers->items, offers->n);

	*offer = (struct offer){
		.function = f,
		.resource = rule->resource ? xstrdup(rule->resource) :
					     default_resource(names, f, NULL),
		.where = rule->where,
	};
	choose_path(offer, config, rule->advertise);
}

/* The VFs of a PF have the same IDs, so they share the default name. */
static char *default_resource_vf(const struct offers *offers, const struct names *names,
				 const struct function *f, const struct function *pf)
{
	const struct offer *last = offers->n ? &offers->items[offers->n - 1] : NULL;

	return last && last->pf == pf &&
			       !pf_rule_resource(last->pf_rule,
						 last->function->vf_index) ?
		       xstrdup(last->resource) :
		       default_resource(names, f, pf);
}

static void offer_vf(struct offers *offers, const struct function *f,
		     const struct function *pf, const struct config *config,
		     const struct pf_rule *rule, const struct names *names)
{
	const struct vf_rule *vf = pf_rule_vf(rule, f->vf_index);
	const char *said = pf_rule_resource(rule, f->vf_index);
	char *resource = said ? xstrdup(said) : default_resource_vf(offers, names, f, pf);
	struct offer *offer = array_add(offers->items, offers->n);

	*offer = (struct offer){
		.function = f,
		.pf = pf,
		.pf_rule = rule,
		.resource = resource,
		.where = vf ? vf->where : rule->where,
	};
	choose_path(offer, config,
		    vf && vf->advertise != ADVERTISE_AUTO ? vf->advertise :
							    rule->advertise);
}

/* How many got a number of a resource so far. */
struct counts {
	struct count {
		char *resource;
		unsigned n;
	} * items;
	size_t n;
};

/* From the last on, which is the most likely. */
static unsigned next_number(struct counts *counts, const char *resource)
{
	size_t i = counts->n;

	while (i > 0 && !streq(counts->items[i - 1].resource, resource))
		i--;
	if (i == 0) {
		*array_add(counts->items, counts->n) =
			(struct count){ .resource = xstrdup(resource) };
		i = counts->n;
	}
	return counts->items[i - 1].n++;
}

/* The last offer gets its number; it goes where the function is not on that driver. */
static void settle_offer(struct offers *offers, struct counts *counts, const char *driver)
{
	struct offer *offer = &offers->items[offers->n - 1];

	offer->number = next_number(counts, offer->resource);
	if (streq(offer->function->driver, driver))
		return;
	free(offer->resource);
	*offer = (struct offer){};
	offers->n--;
}

static bool same_kind(const struct offer *a, const struct offer *b)
{
	const struct function *f = a->function, *g = b->function;

	return f->vendor == g->vendor && f->device == g->device && a->path == b->path &&
	       a->ambiguous == b->ambiguous && a->where.line == b->where.line &&
	       streq(a->where.file, b->where.file) && streq(a->resource, b->resource) &&
	       streq(f->driver, g->driver);
}

/* From the last kind on, which is the most likely. */
static void find_kinds(struct offers *offers)
{
	for (size_t i = 0; i < offers->n; i++) {
		struct offer *offer = &offers->items[i];
		size_t kind = offers->n_kinds;

		while (kind > 0 &&
		       !same_kind(&offers->items[offers->kinds[kind - 1]], offer))
			kind--;
		offer->kind = kind > 0 ? kind - 1 : offers->n_kinds;
		if (kind == 0)
			*array_add(offers->kinds, offers->n_kinds) = i;
	}
}

void offers_make(struct offers *ret, const struct config *config,
		 const struct system *system, const struct names *names)
{
	struct counts counts = {};

	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];
		const struct function *pf =
			f->pf == NONE ? NULL : &system->functions[f->pf];
		int pf_rule = pf ? plan_pf_rule(config, pf) : NONE;
		int device = plan_device_rule(config, f);
		const char *driver =
			pf_rule != NONE ?
				pf_rule_driver(&config->pfs[pf_rule], pf, f->vf_index) :
			device != NONE ? device_rule_driver(&config->devices[device], f) :
					 NULL;

		if (!driver || !strstr(driver, "vfio"))
			continue;
		if (pf_rule != NONE)
			offer_vf(ret, f, pf, config, &config->pfs[pf_rule], names);
		else
			offer_device(ret, f, config, &config->devices[device], names);
		settle_offer(ret, &counts, driver);
	}
	for (size_t i = 0; i < counts.n; i++)
		free(counts.items[i].resource);
	free(counts.items);
	find_kinds(ret);
}

void offers_done(struct offers *offers)
{
	for (size_t i = 0; i < offers->n; i++)
		free(offers->items[i].resource);
	free(offers->items);
	free(offers->kinds);
	*offers = (struct offers){};
}

static int compare_function(const void *function, const void *offer)
{
	const struct function *a = function, *b = ((const struct offer *)offer)->function;

	return (a > b) - (a < b);
}

/* Offers stand in the order of struct system's functions. */
const struct offer *offers_find(const struct offers *offers, const struct function *f)
{
	return offers->n ? bsearch(f, offers->items, offers->n, sizeof(struct offer),
				   compare_function) :
			   NULL;
}

const char *const advertise_names[N_ADVERTISE] = { "nobody", "kubevirt", "device-plugin",
						   "libvirt", "claim" };

/* A KubeVirt entry takes every function with its IDs; a resource name is served by one
 * plugin, the last that registers (kubelet). */
static void check_pair(const struct offer *a, const struct offer *b,
		       struct strings *errors)
{
	const struct function *f = a->function, *g = b->function;

	if (a->path != ADVERTISE_KUBEVIRT || b->path == ADVERTISE_KUBEVIRT ||
	    b->path == ADVERTISE_AUTO)
		return;
	if (f->vendor == g->vendor && f->device == g->device)
		export_note(errors,
			    "%04x:%04x is advertised by kubevirt (%s:%d) and by %s "
			    "(%s:%d): KubeVirt selects by these IDs alone and would "
			    "give away the functions of both rules; set the same "
			    "advertise in both",
			    f->vendor, f->device, a->where.file, a->where.line,
			    advertise_names[b->path], b->where.file, b->where.line);
	else if (b->path == ADVERTISE_DEVICE_PLUGIN && streq(a->resource, b->resource))
		export_note(errors,
			    "%s is advertised by kubevirt (%s:%d) and by device-plugin "
			    "(%s:%d): kubelet keeps one plugin per name; set another "
			    "resource in one of the rules",
			    a->resource, a->where.file, a->where.line, b->where.file,
			    b->where.line);
}

void offers_check(const struct offers *offers, const struct config *config,
		  struct strings *errors)
{
	const struct export_config *e = &config->export;

	if (e->device_plugin && e->sriov_network)
		export_note(errors,
			    "device_plugin and sriov_network are both on (%s:%d): the "
			    "operator runs a device plugin with a config of its own; "
			    "turn one off",
			    e->where.file, e->where.line);
	for (size_t i = 0; i < offers->n_kinds; i++) {
		const struct offer *o = &offers->items[offers->kinds[i]];

		if (o->ambiguous)
			export_note(errors,
				    "both %s and libvirt would hand out what the rule at "
				    "%s:%d offers (export is at %s:%d): turn one off, or "
				    "set advertise in the rule",
				    advertise_names[o->path], o->where.file,
				    o->where.line, e->where.file, e->where.line);
		for (size_t j = 0; j < offers->n_kinds; j++)
			check_pair(o, &offers->items[offers->kinds[j]], errors);
	}
}
