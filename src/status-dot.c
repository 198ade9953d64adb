#include "status.h"

#include "export.h"
#include "marks.h"

/* In a quoted string of dot's: its own escapes, and nothing that ends the line. */
static void put_text(FILE *out, const char *text)
{
	_cleanup_free_ char *line = document_line(text);

	for (const char *c = line; *c; c++) {
		if (*c == '"' || *c == '\\')
			fputc('\\', out);
		fputc(*c, out);
	}
}

static void put_node(FILE *out, const char *address, const char *style,
		     const struct strings *lines)
{
	fputs("\t\"", out);
	put_text(out, address);
	fprintf(out, "\" [%s, label=\"", style);
	put_text(out, address);
	for (size_t i = 0; i < lines->n; i++) {
		fputs("\\n", out);
		put_text(out, lines->items[i]);
	}
	fputs("\"];\n", out);
}

static void put_edge(FILE *out, const char *from, const char *to)
{
	fprintf(out, "\t\"%s\" -> \"%s\";\n", from, to);
}

static void add_line(struct strings *lines, const char *format, const char *text)
{
	if (text)
		export_note(lines, format, text);
}

static void put_function(FILE *out, const struct status_input *input,
			 const struct offers *offers, const struct function *f,
			 const struct strings *marks)
{
	const struct offer *offer = offers_find(offers, f);
	_cleanup_free_ char *name =
		f->pf == NONE ? names_device(input->names, f->vendor, f->device) : NULL;
	struct strings lines = {};

	add_line(&lines, "%s", name);
	if (f->pf != NONE)
		export_note(&lines, "VF %u", f->vf_index);
	for (size_t i = 0; i < f->n_netdevs; i++)
		add_line(&lines, "%s", f->netdevs[i].name);
	add_line(&lines, "driver %s", f->driver ? f->driver : "none");
	if (f->iommu_group != NONE)
		export_note(&lines, "IOMMU group %d", f->iommu_group);
	add_line(&lines, "%s", offer ? offer->resource : NULL);
	add_line(&lines, "in use: %s", f->in_use);
	for (size_t i = 0; i < marks->n; i++)
		add_line(&lines, "! %s", marks->items[i]);
	put_node(out, f->address,
		 marks->n     ? "style=filled, fillcolor=orange" :
		 offer        ? "style=filled, fillcolor=palegreen" :
		 f->total_vfs ? "style=filled, fillcolor=lightblue" :
				"style=solid",
		 &lines);
	strings_done(&lines);
}

static const struct function *find(const struct system *system, const char *address)
{
	for (size_t i = 0; address && i < system->n_functions; i++)
		if (streq(system->functions[i].address, address))
			return &system->functions[i];
	return NULL;
}

/* Up to the root; a bridge that is drawn already has its way up drawn too. */
static void put_way_up(FILE *out, const struct system *system, const struct function *f,
		       struct strings *drawn)
{
	const struct function *up;

	for (; f->parent; f = up) {
		struct strings lines = {};

		put_edge(out, f->parent, f->address);
		if (strings_contain(drawn, f->parent))
			return;
		strings_add(drawn, f->parent);
		up = find(system, f->parent);
		strings_add(&lines, up ? "bridge" : "root");
		put_node(out, f->parent, "shape=plaintext", &lines);
		strings_done(&lines);
		if (!up)
			return;
	}
}

static void put_vfs(FILE *out, const struct status_input *input,
		    const struct offers *offers, const struct marks *all,
		    const struct function *pf)
{
	for (size_t i = 0; i < pf->n_vfs; i++) {
		const struct function *vf =
			pf->vfs[i] == NONE ? NULL : &input->system->functions[pf->vfs[i]];
		struct strings marks = {};

		if (!vf)
			continue;
		marks = marks_find(all, pf->address, (int)i, vf->address);
		put_function(out, input, offers, vf, &marks);
		put_edge(out, pf->address, vf->address);
		strings_done(&marks);
	}
}

void status_dot(FILE *out, const struct status_input *input)
{
	_cleanup_(offers_done) struct offers offers = {};
	_cleanup_(marks_done) struct marks all = marks_make(input->plan);
	struct strings drawn = {};

	offers_make(&offers, input->config, input->system, input->names);
	fputs("digraph \"sriov-setup\" {\n\trankdir=LR;\n\tnode [shape=box];\n", out);
	for (size_t i = 0; i < input->system->n_functions; i++) {
		const struct function *f = &input->system->functions[i];
		struct strings marks = {};

		if (!f->total_vfs && !f->n_vfs &&
		    plan_device_rule(input->config, f) == NONE)
			continue;
		marks = marks_find(&all, f->address, NONE, f->address);
		put_function(out, input, &offers, f, &marks);
		put_way_up(out, input->system, f, &drawn);
		put_vfs(out, input, &offers, &all, f);
		strings_done(&marks);
	}
	fputs("}\n", out);
	strings_done(&drawn);
}
