/*
 * Harvester: what its SRIOVNetworkDevice objects should say so that its controller leaves
 * the VFs of this host alone, and the commands for that: research consumers §6
 * (pcidevices' sriovdevice_controller.go: at spec.numVFs 0 it removes VFs).
 */
#include "export.h"
#include "plan.h"
#include "yaml-out.h"

#include <ctype.h>

/* A name of a Kubernetes object, which also needs no quoting in a shell. */
static bool is_plain(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) &&
		    *c != '-' && *c != '.')
			return false;
	return isalnum((unsigned char)*name);
}

static char *object_name(const char *node, const char *interface)
{
	char *name = xasprintf("%s-%s", node, interface);

	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return name;
}

/* "node-a-000001100": its PCIDevice of 0000:01:10.0 */
static char *pci_device_name(const char *node, const char *address)
{
	unsigned domain, bus, slot, function;

	return sscanf(address, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4 ?
		       xasprintf("%s-%04x%02x%02x%x", node, domain, bus, slot, function) :
		       NULL;
}

/* As its controller would fill it: pkg/apis/…/sriovnetworkdevice.go */
static void put_status(struct document *status, const struct system *system,
		       const struct function *pf, const char *node)
{
	struct document *addresses, *devices;

	document_put_string(status, "status",
			    pf->n_vfs ? "sriovNetworkDeviceEnabled" :
					"sriovNetworkDeviceDisabled");
	addresses = document_put_list(status, "vfAddresses");
	devices = document_put_list(status, "vfPCIDevices");
	for (size_t i = 0; i < pf->n_vfs; i++) {
		const char *address =
			pf->vfs[i] == NONE ? NULL : system->functions[pf->vfs[i]].address;
		_cleanup_free_ char *name =
			address ? pci_device_name(node, address) : NULL;

		if (!address)
			continue;
		document_add_string(addresses, address);
		document_add_string(devices, name);
	}
}

static void put_device(FILE *out, struct document *list, const struct system *system,
		       const struct function *pf, const char *node,
		       struct export_notes *notes)
{
	const char *interface = pf->netdevs[0].name;
	_cleanup_free_ char *name = object_name(node, interface), *command = NULL;
	struct document *device, *metadata, *spec;

	if (!is_plain(name)) {
		export_note(&notes->warnings,
			    "%s is left out: its interface has a name that Kubernetes "
			    "does not take",
			    pf->address);
		return;
	}
	command = xasprintf("kubectl patch sriovnetworkdevices %s --type merge -p "
			    "'{\"spec\":{\"numVFs\":%zu}}'",
			    name, pf->n_vfs);
	export_comment(out, command);
	device = document_add_map(list);
	document_put_string(device, "apiVersion", "devices.harvesterhci.io/v1beta1");
	document_put_string(device, "kind", "SRIOVNetworkDevice");
	metadata = document_put_map(device, "metadata");
	document_put_string(metadata, "name", name);
	document_put_string(document_put_map(metadata, "labels"), "nodename", node);
	/* harvesterhi: as their controller writes it */
	document_put_string(document_put_map(metadata, "annotations"),
			    "sriov.devices.harvesterhi.io/interface-name", interface);
	spec = document_put_map(device, "spec");
	document_put_string(spec, "address", pf->address);
	document_put_string(spec, "nodeName", node);
	document_put_number(spec, "numVFs", (long)pf->n_vfs);
	put_status(document_put_map(device, "status"), system, pf, node);
}

/* It unbinds each device on vfio-pci that nobody has claimed (unbindOrphanedPCIDevices).
 */
static void warn_of_drivers(const struct pf_rule *rule, const struct function *pf,
			    struct strings *warnings)
{
	for (unsigned i = 0; i < pf->n_vfs; i++)
		if (strstr(pf_rule_driver(rule, pf, i), "vfio")) {
			export_note(
				warnings,
				"%s: Harvester binds VFs by itself, and unbinds those "
				"that nobody has claimed; set driver = \"leave\" "
				"(%s:%d)",
				pf->address, rule->where.file, rule->where.line);
			return;
		}
}

static void harvester_write(FILE *out, const struct export_input *input,
			    struct export_notes *notes)
{
	_cleanup_(document_free) struct document *top = document_new(DOCUMENT_MAP);
	_cleanup_free_ char *node = export_node(input);
	struct document *list;

	if (!node) {
		export_note(&notes->errors, "this host has no name: set export.node");
		return;
	}
	document_put_string(top, "apiVersion", "v1");
	document_put_string(top, "kind", "List");
	list = document_put_list(top, "items");
	export_comment(out, "What Harvester's objects should say, written by "
			    "sriov-setup. The objects exist already:");
	for (size_t i = 0; i < input->system->n_functions; i++) {
		const struct function *pf = &input->system->functions[i];
		const struct pf_rule *rule = system_pf_rule(input->config, pf);

		if (!rule || pf->class >> 16 != 0x02)
			continue;
		warn_of_drivers(rule, pf, &notes->warnings);
		if (pf->n_netdevs)
			put_device(out, list, input->system, pf, node, notes);
		else
			export_note(&notes->warnings,
				    "%s is left out: it has no network interface here",
				    pf->address);
	}
	for (size_t i = 0; i < notes->warnings.n; i++) {
		_cleanup_free_ char *text =
			xasprintf("WARNING: %s", notes->warnings.items[i]);

		export_comment(out, text);
	}
	yaml_print(out, top);
}

const struct exporter export_harvester = {
	.name = "harvester",
	.help = "SRIOVNetworkDevices of Harvester, with commands to set them",
	.file = "harvester.yaml",
	.key = offsetof(struct export_config, harvester),
	.write = harvester_write,
};
