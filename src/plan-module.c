#include "planner.h"

#include "modprobe.h"

static const char *rule_keeps_from_vfio(const struct pf_rule *rule,
					const struct function *pf)
{
	unsigned n = rule->vfs >= 0 ? (unsigned)rule->vfs : pf->total_vfs;

	for (unsigned i = 0; i < n; i++)
		if (!streq(pf_rule_driver(rule, pf, i), DRIVER_VFIO))
			return "some of its VFs go to another driver";
	return NULL;
}

/* Why vfio-pci must not catch every device with the ID of this PF's VFs; NULL: it may. */
static const char *unsafe_vfio_id(const struct config *config,
				  const struct system *system, const struct function *pf)
{
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];
		const char *why;
		int rule;

		if (f->vendor != pf->vendor)
			continue;
		if (f->pf == NONE && f->device == pf->vf_device)
			return f->total_vfs ? "a PF has the same ID" :
					      "another device has the same ID";
		if (f->total_vfs == 0 || f->vf_device != pf->vf_device)
			continue;
		rule = plan_pf_rule(config, f);
		if (rule == NONE)
			return "a PF without rule makes such VFs too";
		why = rule_keeps_from_vfio(&config->pfs[rule], f);
		if (why)
			return why;
	}
	return NULL;
}

/*
 * IDs of VFs that no other device has itself, and all of whose PFs here are governed by
 * vfio rules (DESIGN §4.2); the others go to `left_out` as "vvvv:dddd (why)".
 */
static void plan_vfio_ids(const struct config *config, const struct system *system,
			  struct strings *ret_ids, struct strings *left_out)
{
	struct strings seen = {};

	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *pf = &system->functions[i];
		int rule = pf->total_vfs ? plan_pf_rule(config, pf) : NONE;
		_cleanup_free_ char *id = NULL, *said = NULL;
		const char *why;

		if (rule == NONE ||
		    !pf_rule_wants_vfio(&config->pfs[rule], pf->total_vfs))
			continue;
		id = xasprintf("%04x:%04x", pf->vendor, pf->vf_device);
		if (strings_contain(&seen, id))
			continue;
		strings_add(&seen, id);
		why = unsafe_vfio_id(config, system, pf);
		said = why ? xasprintf("%s (%s)", id, why) : NULL;
		strings_add(why ? left_out : ret_ids, why ? said : id);
	}
	strings_done(&seen);
}

static char *join(const struct strings *strings, const char *separator)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < strings->n; i++) {
		char *more =
			xasprintf("%s%s%s", all, i ? separator : "", strings->items[i]);

		free(all);
		all = more;
	}
	return all;
}

/* vfio-pci takes ids= only while it loads, vfio_pci_fill_ids(); nothing depends on them.
 */
static char *vfio_options(struct planner *p)
{
	_cleanup_free_ char *all = NULL, *out = NULL;
	struct strings ids = {}, left_out = {};
	char *options = NULL;

	if (p->config->kernel.vfio_ids != VFIO_IDS_NONE)
		plan_vfio_ids(p->config, p->system, &ids, &left_out);
	all = join(&ids, ",");
	out = join(&left_out, ", ");
	if (ids.n)
		options = xasprintf("ids=%s", all);
	if (left_out.n)
		planner_problem(p, LOG_INFO, NULL, (struct where){},
				"left out of vfio-pci's ids=: %s", out);
	strings_done(&ids);
	strings_done(&left_out);
	return options;
}

/* Modules come first in the list: the actions so far are moved behind them. */
void plan_modules(struct planner *p)
{
	struct action *rest = p->plan.actions;
	size_t n = p->plan.n_actions;

	p->plan.actions = NULL;
	p->plan.n_actions = 0;
	for (size_t i = 0; i < p->drivers.n; i++) {
		const char *driver = p->drivers.items[i];
		_cleanup_free_ char *options = NULL;

		if (strings_contain(&p->system->drivers, driver))
			continue;
		if (streq(driver, DRIVER_VFIO)) {
			if (p->system->vfio_module_loaded)
				continue;
			options = vfio_options(p);
		}
		planner_add(p, LOAD_MODULE, NULL, NONE, driver, options, (struct where){})
			->why = xstrdup("something is to be bound to it");
	}
	for (size_t i = 0; i < n; i++)
		*array_add(p->plan.actions, p->plan.n_actions) = rest[i];
	free(rest);
}

/* The parameter is writable at run time: vfio_iommu_type1.c, module_param_named(…,
 * S_IRUGO | S_IWUSR) */
void plan_unsafe_interrupts(struct planner *p)
{
	if (!p->config->kernel.unsafe_interrupts || p->system->unsafe_interrupts ||
	    !(strings_contain(&p->drivers, DRIVER_VFIO) || p->system->vfio_module_loaded))
		return;
	planner_add(p, WRITE, NULL, NONE,
		    "module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y",
		    p->config->kernel.where);
}

char *plan_modprobe(const struct config *config, const struct system *system)
{
	struct strings ids = {}, left_out = {};
	_cleanup_free_ char *all = NULL;

	plan_vfio_ids(config, system, &ids, &left_out);
	all = join(&ids, ",");
	strings_done(&ids);
	strings_done(&left_out);
	return modprobe_text(&config->kernel, all);
}

void plan_module_options(struct planner *p)
{
	_cleanup_free_ char *text = plan_modprobe(p->config, p->system);
	struct action *a;

	if (streq(text, p->system->modprobe ? p->system->modprobe : ""))
		return;
	a = planner_add(p, MODPROBE, NULL, NONE, NULL, text, p->config->kernel.where);
	a->when = NEXT_BOOT;
	a->why = xstrdup(*text ? "module options" : "not asked for any more");
}
