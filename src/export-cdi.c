/*
 * Container Device Interface: a VF by name for podman, docker, CRI-O and containerd:
 * research consumers §9. Below /run, since the numbers of groups are of this boot.
 */
#include "export.h"
#include "json.h"

#include <ctype.h>

#define DOMAIN "sriov-setup.local"

static char *with(const char *address, char replacement)
{
	char *text = xstrdup(address);

	for (char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = replacement;
	return text;
}

static void put_node(struct document *edits, const char *path)
{
	struct document *node = document_add_map(document_put_list(edits, "deviceNodes"));

	document_put_string(node, "path", path);
	document_put_string(node, "permissions", "rw");
}

static void put_device(struct document *devices, const struct offer *offer)
{
	const char *address = offer->function->address;
	_cleanup_free_ char *name = with(address, '-'), *variable = with(address, '_');
	_cleanup_free_ char *env = xasprintf("SRIOV_SETUP_VF_%s=%s", variable, address);
	_cleanup_free_ char *group =
		xasprintf("/dev/vfio/%d", offer->function->iommu_group);
	struct document *device = document_add_map(devices), *annotations, *edits;

	document_put_string(device, "name", name);
	annotations = document_put_map(device, "annotations");
	if (offer->pf)
		document_put_string(annotations, DOMAIN "/pf", offer->pf->address);
	document_put_string(annotations, DOMAIN "/resource", offer->resource);
	edits = document_put_map(device, "containerEdits");
	document_add_string(document_put_list(edits, "env"), env);
	put_node(edits, group);
}

/* 0.6.0 brought annotations; a loader refuses a lower version that uses them. */
static void cdi_write(FILE *out, const struct export_input *input,
		      struct export_notes *notes)
{
	_cleanup_(document_free) struct document *spec = document_new(DOCUMENT_MAP);
	_cleanup_(offers_done) struct offers offers = {};
	struct document *devices;

	offers_make(&offers, input->config, input->system, input->names);
	document_put_string(spec, "cdiVersion", "0.6.0");
	document_put_string(spec, "kind", DOMAIN "/vf");
	devices = document_put_list(spec, "devices");
	for (size_t i = 0; i < offers.n; i++)
		if (offers.items[i].function->iommu_group != NONE)
			put_device(devices, &offers.items[i]);
		else
			export_note(&notes->warnings,
				    "%s is left out: without an IOMMU group there is no "
				    "node in /dev/vfio",
				    offers.items[i].function->address);
	put_node(document_put_map(spec, "containerEdits"), "/dev/vfio/vfio");
	/* a loader refuses one without devices, pkg/cdi/spec.go */
	if (devices->n)
		json_print(out, spec);
}

const struct exporter export_cdi = {
	.name = "cdi",
	.help = "devices by name for container engines (CDI)",
	.file = "sriov-setup.json",
	.dir = "run/cdi",
	.key = offsetof(struct export_config, cdi),
	.write = cdi_write,
};
