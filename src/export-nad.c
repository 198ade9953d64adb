/*
 * NetworkAttachmentDefinitions for sriov-cni, one per pool of network VFs: research
 * consumers §4 (sriov-cni's docs/configuration-reference.md, multus' k8sclient.go).
 */
#include "export.h"
#include "json.h"
#include "pool.h"
#include "yaml-out.h"

static const char *const cni_keys[N_VF_KEYS] = {
	[VF_VLAN] = "vlan",
	[VF_QOS] = "vlanQoS",
	[VF_VLAN_PROTO] = "vlanProto",
	[VF_MIN_TX_RATE] = "min_tx_rate",
	[VF_MAX_TX_RATE] = "max_tx_rate",
	[VF_SPOOF_CHECK] = "spoofchk",
	[VF_TRUST] = "trust",
	[VF_LINK_STATE] = "link_state",
};

static char *cni_config(const struct pool *pool, const char *name)
{
	_cleanup_(document_free) struct document *config = document_new(DOCUMENT_MAP);

	document_put_string(config, "cniVersion", "1.0.0");
	document_put_string(config, "name", name);
	document_put_string(config, "type", "sriov");
	pool_put_values(config, pool, cni_keys);
	document_put_map(config, "ipam"); /* none: DHCP cannot serve a VF on vfio-pci */
	return json_text(config);
}

static void put_network(struct document *list, const struct pool *pool,
			const char *namespace)
{
	_cleanup_free_ char *name = pool_object_name(pool);
	_cleanup_free_ char *config = cni_config(pool, name);
	_cleanup_free_ char *resource = xasprintf("%s/%s", pool->prefix, pool->name);
	struct document *nad = document_add_map(list), *metadata;

	document_put_string(nad, "apiVersion", "k8s.cni.cncf.io/v1");
	document_put_string(nad, "kind", "NetworkAttachmentDefinition");
	metadata = document_put_map(nad, "metadata");
	document_put_string(metadata, "name", name);
	document_put_string(metadata, "namespace", namespace);
	document_put_string(document_put_map(metadata, "annotations"),
			    "k8s.v1.cni.cncf.io/resourceName", resource);
	document_put_string(document_put_map(nad, "spec"), "config", config);
}

static void nad_write(FILE *out, const struct export_input *input,
		      struct export_notes *notes)
{
	const char *namespace = input->config->export.namespace;
	_cleanup_(document_free) struct document *top = document_new(DOCUMENT_MAP);
	_cleanup_(offers_done) struct offers offers = {};
	_cleanup_(pools_done) struct pools pools = {};
	struct document *list;

	offers_make(&offers, input->config, input->system, input->names);
	pools_make(&pools, &offers, ADVERTISE_DEVICE_PLUGIN, notes);
	pools_check_objects(&pools, &notes->errors);
	document_put_string(top, "apiVersion", "v1");
	document_put_string(top, "kind", "List");
	list = document_put_list(top, "items");
	for (size_t i = 0; i < pools.n; i++)
		if (pool_is_network(&pools.items[i]) &&
		    pool_has_one_vlan(&pools.items[i], &notes->errors))
			put_network(list, &pools.items[i],
				    namespace ? namespace : "default");
	export_comment(out, "Networks for Multus, written by sriov-setup: kubectl apply "
			    "-f nad.yaml");
	for (size_t i = 0; i < notes->warnings.n; i++)
		export_comment(out, notes->warnings.items[i]);
	yaml_print(out, top);
}

const struct exporter export_nad = {
	.name = "nad",
	.help = "NetworkAttachmentDefinitions for Multus and sriov-cni",
	.file = "nad.yaml",
	.key = offsetof(struct export_config, nad),
	.hands_out = true,
	.write = nad_write,
};
