#include "status.h"

#include "export.h"
#include "marks.h"
#include "plan-print.h"
#include "table.h"

enum column {
	DEVICE,
	VFS,
	DRIVER,
	INTERFACE,
	GROUP,
	NODE,
	MAC,
	VLAN,
	RESOURCE,
	USER,
	DIFFERS,
	RULE,
	NAME,
	N_COLUMNS
};

static const char *const columns[] = {
	[DEVICE] = "DEVICE",     [VFS] = "VFS",
	[DRIVER] = "DRIVER",     [INTERFACE] = "INTERFACE",
	[GROUP] = "IOMMU",       [NODE] = "NUMA",
	[MAC] = "MAC",           [VLAN] = "VLAN",
	[RESOURCE] = "RESOURCE", [USER] = "IN USE",
	[DIFFERS] = "DIFFERS",   [RULE] = "RULE",
	[NAME] = "NAME",
};

/* The strings in one line; the caller frees it. */
static char *join(const struct strings *strings, const char *before)
{
	char *line = NULL;

	for (size_t i = 0; i < strings->n; i++) {
		char *longer = xasprintf("%s%s%s", line ? line : before, line ? "; " : "",
					 strings->items[i]);

		free(line);
		line = longer;
	}
	return line;
}

static void set_number(struct table_row *row, enum column column, int number)
{
	_cleanup_free_ char *text = number == NONE ? NULL : xasprintf("%d", number);

	table_set(row, column, text);
}

static void set_rule(struct table_row *row, const struct where *where)
{
	_cleanup_free_ char *text = xasprintf("%s:%d", where->file, where->line);

	table_set(row, RULE, text);
}

/* What PFs, VFs and devices have in common. */
static void set_function(struct table_row *row, const struct status_input *input,
			 const struct offers *offers, const struct function *f,
			 const struct strings *marks)
{
	const struct offer *offer = offers_find(offers, f);
	struct strings interfaces = {};
	_cleanup_free_ char *names = NULL, *differs = join(marks, "! ");

	for (size_t i = 0; i < f->n_netdevs; i++)
		strings_add(&interfaces, f->netdevs[i].name);
	names = join(&interfaces, "");
	strings_done(&interfaces);
	table_set(row, DRIVER, f->driver ? f->driver : "-");
	table_set(row, INTERFACE, names);
	table_set(row, RESOURCE, offer ? offer->resource : NULL);
	table_set(row, USER, f->in_use);
	table_set(row, DIFFERS, differs);
	if (f->iommu_group == NONE)
		table_set(row, GROUP, "none");
	else
		set_number(row, GROUP, f->iommu_group);
	set_number(row, NODE, f->numa_node);
	if (input->colour && marks->n)
		table_colour(row, "brown");
}

static void add_vf(struct table *table, struct table_row *parent,
		   const struct status_input *input, const struct offers *offers,
		   const struct marks *all, const struct function *pf,
		   const struct function *vf)
{
	struct strings marks =
		marks_find(all, pf->address, (int)vf->vf_index, vf->address);
	_cleanup_free_ char *name = xasprintf("%s VF %u", vf->address, vf->vf_index);
	struct table_row *row = table_add(table, parent);
	const struct vf_values *values = &vf->values;

	table_set(row, DEVICE, name);
	set_function(row, input, offers, vf, &marks);
	if (vf_knows(values, VF_MAC) && values->value[VF_MAC]) {
		struct vf_values mac = vf_values_only(values, VF_BIT(VF_MAC));
		_cleanup_free_ char *text = vf_values_text(&mac);

		table_set(row, MAC, text + strlen("mac "));
	}
	if (vf_knows(values, VF_VLAN) && values->value[VF_VLAN])
		set_number(row, VLAN, (int)values->value[VF_VLAN]);
	strings_done(&marks);
}

static struct table_row *add_function(struct table *table,
				      const struct status_input *input,
				      const struct offers *offers,
				      const struct marks *all, const struct function *f,
				      const struct where *rule)
{
	struct strings marks = marks_find(all, f->address, NONE, f->address);
	_cleanup_free_ char *name = names_device(input->names, f->vendor, f->device),
			    *ids = xasprintf("%04x:%04x", f->vendor, f->device);
	struct table_row *row = table_add(table, NULL);

	table_set(row, DEVICE, f->address);
	set_function(row, input, offers, f, &marks);
	if (f->n_netdevs)
		table_set(row, MAC, f->netdevs[0].mac);
	if (rule)
		set_rule(row, rule);
	table_set(row, NAME, name ? name : ids);
	strings_done(&marks);
	return row;
}

static void add_pf(struct table *table, const struct status_input *input,
		   const struct offers *offers, const struct marks *marks,
		   const struct function *pf)
{
	const struct pf_rule *rule = system_pf_rule(input->config, pf);
	struct table_row *row =
		add_function(table, input, offers, marks, pf, rule ? &rule->where : NULL);
	_cleanup_free_ char *count = xasprintf("%zu of %u", pf->n_vfs, pf->total_vfs);

	table_set(row, VFS, count);
	if (!rule)
		table_set(row, RULE, "none");
	for (size_t i = 0; i < pf->n_vfs; i++)
		if (pf->vfs[i] != NONE)
			add_vf(table, row, input, offers, marks, pf,
			       &input->system->functions[pf->vfs[i]]);
}

/* What is about the machine, not about one of its functions. */
static void print_rest(FILE *out, const struct plan *plan)
{
	for (size_t i = 0; plan && i < plan->n_actions; i++) {
		_cleanup_free_ char *text = NULL;

		if (plan->actions[i].function)
			continue;
		text = action_text(&plan->actions[i], false);
		fprintf(out, "! to do%s: %s\n",
			plan->actions[i].when == NEXT_BOOT ? " for the next boot" : "",
			text);
	}
}

void status_print(FILE *out, const struct status_input *input)
{
	_cleanup_(offers_done) struct offers offers = {};
	_cleanup_(marks_done) struct marks marks = marks_make(input->plan);
	_cleanup_(table_free) struct table *table =
		table_new(columns, N_COLUMNS, input->colour);
	size_t shown = 0;

	offers_make(&offers, input->config, input->system, input->names);
	for (size_t i = 0; i < input->system->n_functions; i++) {
		const struct function *f = &input->system->functions[i];
		int device = plan_device_rule(input->config, f);

		if (f->total_vfs || f->n_vfs)
			add_pf(table, input, &offers, &marks, f);
		else if (device != NONE)
			add_function(table, input, &offers, &marks, f,
				     &input->config->devices[device].where);
		else
			continue;
		shown++;
	}
	if (shown)
		table_print(table, out);
	else
		fputs("no device here can make VFs (SR-IOV), and no rule governs "
		      "another\n",
		      out);
	print_rest(out, input->plan);
}
