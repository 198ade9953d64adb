/*
 * What the SR-IOV network operator needs to take over VFs that exist: per PF and pool a
 * SriovNetworkNodePolicy with externallyManaged, and per pool a SriovNetwork: research
 * consumers §5 (doc/design/externally-manage-pf.md, pkg/webhook/validate.go).
 */
#include "export.h"
#include "pool.h"
#include "yaml-out.h"

#include <ctype.h>

#define API "sriovnetwork.openshift.io/v1"
#define NAMESPACE "sriov-network-operator"

static const char *const network_keys[N_VF_KEYS] = {
	[VF_VLAN] = "vlan",
	[VF_QOS] = "vlanQoS",
	[VF_VLAN_PROTO] = "vlanProto",
	[VF_MIN_TX_RATE] = "minTxRate",
	[VF_MAX_TX_RATE] = "maxTxRate",
	[VF_SPOOF_CHECK] = "spoofChk",
	[VF_TRUST] = "trust",
	[VF_LINK_STATE] = "linkState",
};

static struct document *add_object(struct document *list, const char *kind,
				   const char *name)
{
	struct document *object = document_add_map(list), *metadata;

	document_put_string(object, "apiVersion", API);
	document_put_string(object, "kind", kind);
	metadata = document_put_map(object, "metadata");
	document_put_string(metadata, "name", name);
	document_put_string(metadata, "namespace", NAMESPACE);
	return document_put_map(object, "spec");
}

/* Node and address make the policy's name unique in the cluster. */
static char *policy_name(const struct pool *pool, const struct function *pf,
			 const char *node, const char *range)
{
	_cleanup_free_ char *object = pool_object_name(pool);
	char *name = xasprintf("%s-%s-%s-%s", node, object, pf->address, range);

	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '-';
	return name;
}

/* `range`: NULL for all VFs of the PF. Only pfNames takes a range, and just one. */
static void put_policy(struct document *list, const struct pool *pool,
		       const struct function *pf, const char *node, const char *range)
{
	_cleanup_free_ char *name = policy_name(pool, pf, node, range ? range : "all");
	struct document *spec = add_object(list, "SriovNetworkNodePolicy", name),
			*selector;

	document_put_bool(spec, "externallyManaged", true);
	document_put_string(document_put_map(spec, "nodeSelector"),
			    "kubernetes.io/hostname", node);
	document_put_string(spec, "resourceName", pool->name);
	document_put_number(spec, "numVfs", (long)pf->n_vfs);
	document_put_string(spec, "deviceType", DRIVER_VFIO);
	selector = document_put_map(spec, "nicSelector");
	document_add_string(document_put_list(selector, "rootDevices"), pf->address);
	if (range) {
		_cleanup_free_ char *text =
			xasprintf("%s#%s", pf->netdevs[0].name, range);

		document_add_string(document_put_list(selector, "pfNames"), text);
	}
}

static void put_policies(struct document *list, const struct pool *pool,
			 const struct function *pf, const char *node,
			 struct export_notes *notes)
{
	_cleanup_free_ char *ranges = pool_range(pool, pf);
	_cleanup_free_ char *all = xasprintf("0-%zu", pf->n_vfs - 1);
	char *rest = ranges, *part;

	if (streq(ranges, all) || pf->n_vfs == 1) {
		put_policy(list, pool, pf, node, NULL);
		return;
	}
	if (pf->n_netdevs == 0 || strchr(pf->netdevs[0].name, '#')) {
		export_note(
			&notes->errors,
			"%s: %s has only some VFs of %s, and the operator selects VFs "
			"by an interface name, which that PF does not have (%s:%d)",
			pool->resource, ranges, pf->address, pool->items[0]->where.file,
			pool->items[0]->where.line);
		return;
	}
	while ((part = strsep(&rest, ","))) {
		_cleanup_free_ char *range = strchr(part, '-') ?
						     xstrdup(part) :
						     xasprintf("%s-%s", part, part);

		put_policy(list, pool, pf, node, range);
	}
}

static void put_pool(struct document *list, const struct pool *pool,
		     const struct export_input *input, const char *node,
		     struct export_notes *notes)
{
	const char *namespace = input->config->export.namespace;
	_cleanup_free_ char *name = pool_object_name(pool);
	size_t n;
	const struct function **pfs;
	struct document *spec;

	if (!pool_is_network(pool)) {
		export_note(&notes->warnings,
			    "%s is left out: the operator is for network devices",
			    pool->resource);
		return;
	}
	if (!pool_has_one_vlan(pool, &notes->errors))
		return;
	pfs = pool_pfs(pool, &n);
	for (size_t i = 0; i < n; i++)
		put_policies(list, pool, pfs[i], node, notes);
	free(pfs);
	spec = add_object(list, "SriovNetwork", name);
	document_put_string(spec, "resourceName", pool->name);
	document_put_string(spec, "networkNamespace", namespace ? namespace : "default");
	pool_put_values(spec, pool, network_keys);
}

static void sriov_network_write(FILE *out, const struct export_input *input,
				struct export_notes *notes)
{
	_cleanup_(document_free) struct document *top = document_new(DOCUMENT_MAP);
	_cleanup_(offers_done) struct offers offers = {};
	_cleanup_(pools_done) struct pools pools = {};
	_cleanup_free_ char *node = export_node(input);
	struct document *list;

	if (!node) {
		export_note(&notes->errors, "this host has no name: set export.node");
		return;
	}
	offers_make(&offers, input->config, input->system, input->names);
	pools_make(&pools, &offers, ADVERTISE_DEVICE_PLUGIN, notes);
	pools_check_objects(&pools, &notes->errors);
	document_put_string(top, "apiVersion", "v1");
	document_put_string(top, "kind", "List");
	list = document_put_list(top, "items");
	for (size_t i = 0; i < pools.n; i++)
		put_pool(list, &pools.items[i], input, node, notes);
	export_comment(out, "Policies and networks for the SR-IOV network operator, "
			    "written by sriov-setup, which makes");
	export_comment(out, "the VFs at boot. The operator puts its own prefix before "
			    "resourceName (openshift.io).");
	for (size_t i = 0; i < notes->warnings.n; i++)
		export_comment(out, notes->warnings.items[i]);
	yaml_print(out, top);
}

const struct exporter export_sriov_network = {
	.name = "sriov-network",
	.help = "policies and networks for the SR-IOV network operator",
	.file = "sriov-network.yaml",
	.key = offsetof(struct export_config, sriov_network),
	.hands_out = true,
	.write = sriov_network_write,
};
