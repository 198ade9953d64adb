#include "status.h"

#include "export.h"
#include "plan.h"

static void print_netdevs(FILE *out, const struct function *f)
{
	for (size_t i = 0; i < f->n_netdevs; i++)
		fprintf(out, "  %s", f->netdevs[i].name);
}

static void print_group(FILE *out, const struct function *f)
{
	if (f->iommu_group != NONE)
		fprintf(out, "  group %d", f->iommu_group);
	else
		fputs("  no IOMMU group", out);
	if (f->numa_node > 0)
		fprintf(out, "  node %d", f->numa_node);
}

static const char *resource_of(const struct offers *offers, const struct function *f)
{
	const struct offer *offer = offers_find(offers, f);

	return offer ? offer->resource : NULL;
}

static bool vf_is_right(const struct pf_rule *rule, const struct function *pf,
			const struct function *vf)
{
	const char *driver = pf_rule_driver(rule, pf, vf->vf_index);

	if (streq(driver, DRIVER_NATIVE))
		return !startswith(vf->driver ? vf->driver : "", "vfio");
	return streq(vf->driver, streq(driver, DRIVER_NONE) ? NULL : driver);
}

static void print_vf(FILE *out, const struct pf_rule *rule, const struct offers *offers,
		     const struct function *pf, const struct function *vf, bool last)
{
	const char *resource = resource_of(offers, vf);

	fprintf(out, "%s VF %-3u %s  %-12s", last ? "└─" : "├─", vf->vf_index,
		vf->address, vf->driver ? vf->driver : "(no driver)");
	print_group(out, vf);
	print_netdevs(out, vf);
	if (resource)
		fprintf(out, "  %s", resource);
	if (rule && !vf_is_right(rule, pf, vf))
		fprintf(out, "  ! %s wanted (%s:%d)",
			pf_rule_driver(rule, pf, vf->vf_index), rule->where.file,
			rule->where.line);
	fputc('\n', out);
}

static void print_function(FILE *out, const struct function *f, const struct names *names)
{
	_cleanup_free_ char *device = names_device(names, f->vendor, f->device);

	fprintf(out, "%s  %04x:%04x %s  %s", f->address, f->vendor, f->device,
		device ? device : "", f->driver ? f->driver : "(no driver)");
	print_netdevs(out, f);
	print_group(out, f);
}

static void print_pf(FILE *out, const struct config *config, const struct system *system,
		     const struct names *names, const struct offers *offers,
		     const struct function *pf)
{
	int index = plan_pf_rule(config, pf);
	const struct pf_rule *rule = index == NONE ? NULL : &config->pfs[index];
	unsigned want;

	print_function(out, pf, names);
	fprintf(out, "  %zu of %u VFs", pf->n_vfs, pf->total_vfs);
	if (rule)
		fprintf(out, "  %s:%d", rule->where.file, rule->where.line);
	else
		fputs("  no rule", out);
	want = !rule || rule->vfs == VFS_UNSET ? (unsigned)pf->n_vfs :
	       rule->vfs == VFS_MAX            ? pf->total_vfs :
						 (unsigned)rule->vfs;
	if (want != pf->n_vfs)
		fprintf(out, "  ! %u wanted", want);
	fputc('\n', out);
	for (size_t i = 0; i < pf->n_vfs; i++)
		if (pf->vfs[i] != NONE)
			print_vf(out, rule, offers, pf, &system->functions[pf->vfs[i]],
				 i + 1 == pf->n_vfs);
}

static void print_device(FILE *out, const struct config *config,
			 const struct names *names, const struct offers *offers,
			 const struct function *f, int index)
{
	const struct device_rule *rule = &config->devices[index];
	const char *resource = resource_of(offers, f);

	print_function(out, f, names);
	if (resource)
		fprintf(out, "  %s", resource);
	fprintf(out, "  %s:%d", rule->where.file, rule->where.line);
	if (!streq(f->driver, device_rule_driver(rule, f)))
		fprintf(out, "  ! %s wanted", device_rule_driver(rule, f));
	fputc('\n', out);
}

void status_print(FILE *out, const struct config *config, const struct system *system,
		  const struct names *names)
{
	struct offers offers = {};
	size_t shown = 0;

	offers_make(&offers, config, system, names);
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];
		int device = plan_device_rule(config, f);

		if (f->total_vfs || f->n_vfs)
			print_pf(out, config, system, names, &offers, f);
		else if (device != NONE)
			print_device(out, config, names, &offers, f, device);
		else
			continue;
		shown++;
	}
	if (shown == 0)
		fputs("no device here can make VFs (SR-IOV), and no rule governs "
		      "another\n",
		      out);
	offers_done(&offers);
}
