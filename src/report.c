#include "report.h"

#include "marks.h"

static void put_hex(struct document *map, const char *key, unsigned number, int digits)
{
	_cleanup_free_ char *text = xasprintf("%0*x", digits, number);

	document_put_string(map, key, text);
}

static void put_unless_none(struct document *map, const char *key, int number)
{
	document_put(map, key,
		     number == NONE ? document_new(DOCUMENT_NULL) :
				      document_number(number));
}

static void put_rule(struct document *map, const struct where *where)
{
	_cleanup_free_ char *text =
		where ? xasprintf("%s:%d", where->file, where->line) : NULL;

	document_put_string(map, "rule", text);
}

static void put_interfaces(struct document *map, const struct function *f)
{
	struct document *list = document_put_list(map, "interfaces");

	for (size_t i = 0; i < f->n_netdevs; i++) {
		const struct netdev *n = &f->netdevs[i];
		struct document *interface = document_add_map(list), *uppers;

		document_put_string(interface, "name", n->name);
		document_put_string(interface, "mac", n->mac);
		document_put_bool(interface, "up", n->up);
		document_put_string(interface, "master", n->master);
		uppers = document_put_list(interface, "uppers");
		for (size_t j = 0; j < n->uppers.n; j++)
			document_add_string(uppers, n->uppers.items[j]);
	}
}

static void put_differs(struct document *map, const struct marks *marks,
			const char *function, int vf, const char *own)
{
	struct strings found = marks_find(marks, function, vf, own);
	struct document *list =
		document_new(marks->known ? DOCUMENT_LIST : DOCUMENT_NULL);

	for (size_t i = 0; i < found.n; i++)
		document_add_string(list, found.items[i]);
	document_put(map, "differs", list);
	strings_done(&found);
}

static void put_mac_and_vlan(struct document *map, const struct vf_values *values)
{
	const struct vf_values mac = vf_values_only(values, VF_BIT(VF_MAC));
	_cleanup_free_ char *text = vf_values_text(&mac);

	document_put_string(map, "mac",
			    vf_knows(values, VF_MAC) ? text + strlen("mac ") : NULL);
	put_unless_none(map, "vlan",
			vf_knows(values, VF_VLAN) ? (int)values->value[VF_VLAN] : NONE);
}

static void put_offer(struct document *map, const struct offer *offer)
{
	document_put_string(map, "resource", offer ? offer->resource : NULL);
	document_put_string(map, "advertised",
			    offer && offer->path != ADVERTISE_AUTO ?
				    advertise_names[offer->path] :
				    NULL);
}

static bool is_advertised(const struct offer *offer)
{
	return offer && offer->path != ADVERTISE_AUTO;
}

/* Returns whether somebody hands out one of them. */
static bool put_vfs(struct document *map, const struct function *pf,
		    const struct pf_rule *rule, const struct system *system,
		    const struct offers *offers, const struct marks *marks)
{
	struct document *list = document_put_list(map, "vfs");
	bool any = false;

	for (size_t i = 0; i < pf->n_vfs; i++) {
		const struct function *vf =
			pf->vfs[i] == NONE ? NULL : &system->functions[pf->vfs[i]];
		const struct vf_rule *own = rule ? pf_rule_vf(rule, (unsigned)i) : NULL;
		const struct offer *offer = vf ? offers_find(offers, vf) : NULL;
		struct document *entry;

		if (!vf)
			continue;
		entry = document_add_map(list);
		document_put_number(entry, "index", (long)i);
		document_put_string(entry, "address", vf->address);
		document_put_string(entry, "driver", vf->driver);
		put_unless_none(entry, "iommu_group", vf->iommu_group);
		put_unless_none(entry, "numa_node", vf->numa_node);
		put_mac_and_vlan(entry, &vf->values);
		document_put_string(entry, "in_use", vf->in_use);
		put_differs(entry, marks, pf->address, (int)i, vf->address);
		put_interfaces(entry, vf);
		put_rule(entry, own ? &own->where : rule ? &rule->where : NULL);
		put_offer(entry, offer);
		any |= is_advertised(offer);
	}
	return any;
}

static void put_reasons(struct document *map, const struct function *f,
			const struct where *rule, const struct pf_rule *pf_rule)
{
	struct strings reasons = {};
	struct document *list = document_put_list(map, "reasons");

	for (size_t i = 0; i < f->n_netdevs; i++) {
		const struct netdev *n = &f->netdevs[i];

		if (n->master)
			export_note(&reasons, "%s belongs to %s", n->name, n->master);
		for (size_t j = 0; j < n->uppers.n; j++)
			if (!streq(n->uppers.items[j], n->master))
				export_note(&reasons, "%s carries %s", n->name,
					    n->uppers.items[j]);
	}
	if (f->in_use)
		export_note(&reasons, "%s", f->in_use);
	if (!rule)
		export_note(&reasons, "no rule is for it");
	else if (pf_rule && pf_rule->vfs == 0)
		export_note(&reasons, "its rule wants no VFs");
	else if (pf_rule && f->n_vfs == 0)
		export_note(&reasons, "it has no VFs yet");
	if (f->iommu_group == NONE)
		export_note(&reasons, "no IOMMU works on it");
	for (size_t i = 0; i < reasons.n; i++)
		document_add_string(list, reasons.items[i]);
	strings_done(&reasons);
}

static void put_device(struct document *list, const struct export_input *input,
		       const struct offers *offers, const struct function *f,
		       const struct marks *marks)
{
	_cleanup_free_ char *name = names_device(input->names, f->vendor, f->device);
	const struct pf_rule *pf_rule = system_pf_rule(input->config, f);
	int index = plan_device_rule(input->config, f);
	const struct where *rule = pf_rule       ? &pf_rule->where :
				   index != NONE ? &input->config->devices[index].where :
						   NULL;
	struct document *device = document_add_map(list);
	const struct offer *offer = offers_find(offers, f);
	bool any;

	document_put_string(device, "address", f->address);
	put_hex(device, "vendor", f->vendor, 4);
	put_hex(device, "device", f->device, 4);
	put_hex(device, "class", f->class, 6);
	document_put_string(device, "name", name);
	document_put_string(device, "driver", f->driver);
	put_unless_none(device, "iommu_group", f->iommu_group);
	put_unless_none(device, "numa_node", f->numa_node);
	document_put_string(device, "slot", f->slot);
	document_put_string(device, "serial", f->serial);
	put_rule(device, rule);
	document_put_string(device, "in_use", f->in_use);
	put_differs(device, marks, f->address, NONE, f->address);
	put_interfaces(device, f);
	document_put_number(device, "total_vfs", f->total_vfs);
	put_hex(device, "vf_device", f->vf_device, 4);
	document_put_number(device, "num_vfs", (long)f->n_vfs);
	put_reasons(device, f, rule, pf_rule);
	put_offer(device, offer);
	any = put_vfs(device, f, pf_rule, input->system, offers, marks);
	document_put_bool(device, "offered", any || is_advertised(offer));
}

static bool same_resource(const struct offer *a, const struct offer *b)
{
	return a->path == b->path && streq(a->resource, b->resource);
}

static void put_node(struct document *nodes, int node)
{
	_cleanup_(document_free) struct document *number = document_number(node);

	for (size_t i = 0; i < nodes->n; i++)
		if (streq(nodes->items[i]->text, number->text))
			return;
	document_add(nodes, steal_pointer(&number));
}

/* One entry, at the first kind of offer with it. */
static void put_resource(struct document *list, const struct offers *offers, size_t kind)
{
	const struct offer *o = &offers->items[offers->kinds[kind]];
	struct document *entry, *nodes;
	long count = 0;

	for (size_t i = 0; i < kind; i++)
		if (same_resource(&offers->items[offers->kinds[i]], o))
			return;
	entry = document_add_map(list);
	document_put_string(entry, "name", o->resource);
	document_put_string(entry, "advertised",
			    is_advertised(o) ? advertise_names[o->path] : NULL);
	nodes = document_new(DOCUMENT_LIST);
	for (size_t i = offers->kinds[kind]; i < offers->n; i++) {
		const struct offer *other = &offers->items[i];

		if (other->kind != kind && !same_resource(other, o))
			continue;
		count++;
		if (other->function->numa_node != NONE)
			put_node(nodes, other->function->numa_node);
	}
	document_put_number(entry, "count", count);
	document_put(entry, "numa_nodes", nodes);
}

struct document *report_make(const struct export_input *input, const struct plan *plan)
{
	struct document *top = document_new(DOCUMENT_MAP), *list;
	_cleanup_(offers_done) struct offers offers = {};
	_cleanup_(marks_done) struct marks marks = marks_make(plan);
	_cleanup_free_ char *node = export_node(input);
	struct strings conflicts = {};

	offers_make(&offers, input->config, input->system, input->names);
	offers_check(&offers, input->config, &conflicts);
	document_put_number(top, "version", 1);
	document_put_string(top, "node", node);
	list = document_put_list(top, "devices");
	for (size_t i = 0; i < input->system->n_functions; i++) {
		const struct function *f = &input->system->functions[i];

		if (f->total_vfs || f->n_vfs ||
		    plan_device_rule(input->config, f) != NONE)
			put_device(list, input, &offers, f, &marks);
	}
	list = document_put_list(top, "resources");
	for (size_t i = 0; i < offers.n_kinds; i++)
		put_resource(list, &offers, i);
	list = document_put_list(top, "conflicts");
	for (size_t i = 0; i < conflicts.n; i++)
		document_add_string(list, conflicts.items[i]);
	strings_done(&conflicts);
	return top;
}
