#include "planner.h"

#include "driver.h"

#include <search.h>

int plan_pf_rule(const struct config *config, const struct function *pf)
{
	const struct pf_rule *rule = system_pf_rule(config, pf);

	return rule ? (int)(rule - config->pfs) : NONE;
}

int plan_device_rule(const struct config *config, const struct function *function)
{
	if (function->pf != NONE)
		return NONE;
	for (size_t i = 0; i < config->n_devices; i++)
		if (match_agrees(&config->devices[i].match, function))
			return (int)i;
	return NONE;
}

/* "auto-vfio" is what was found for this function or its VFs. */
static const char *resolve(const char *driver, const struct function *f)
{
	return !streq(driver, DRIVER_AUTO_VFIO) ? driver :
	       f->vfio_driver                   ? f->vfio_driver :
						  DRIVER_VFIO;
}

const char *pf_rule_driver(const struct pf_rule *rule, const struct function *pf,
			   unsigned vf_index)
{
	const struct vf_rule *vf = pf_rule_vf(rule, vf_index);

	return resolve(vf && vf->driver ? vf->driver : rule->driver, pf);
}

const char *device_rule_driver(const struct device_rule *rule,
			       const struct function *function)
{
	return resolve(rule->driver, function);
}

unsigned pf_rule_count(const struct pf_rule *rule, const struct function *pf)
{
	unsigned want = (unsigned)rule->vfs;

	if (rule->vfs == VFS_UNSET)
		return (unsigned)pf->n_vfs;
	if (rule->vfs == VFS_MAX || (want && driver_find(pf->driver)->makes_all))
		return pf->total_vfs;
	/* more than it was told: it would do so again */
	return pf->asked && want == pf->asked && pf->n_vfs > want ? (unsigned)pf->n_vfs :
								    want;
}

const char *pf_rule_resource(const struct pf_rule *rule, unsigned vf_index)
{
	const struct vf_rule *vf = pf_rule_vf(rule, vf_index);

	return vf && vf->resource ? vf->resource : rule->resource;
}

static void plan_required(struct planner *p)
{
	for (size_t i = 0; p->system->live && i < p->config->n_pfs; i++) {
		const struct pf_rule *rule = &p->config->pfs[i];
		bool found = !rule->required;

		for (size_t j = 0; j < p->system->n_functions && !found; j++)
			found = plan_pf_rule(p->config, &p->system->functions[j]) ==
				(int)i;
		if (!found)
			planner_problem(p, LOG_ERR, NULL, rule->where,
					"required, but no PF matches");
	}
	for (size_t i = 0; p->system->live && i < p->config->n_devices; i++) {
		const struct device_rule *rule = &p->config->devices[i];
		bool found = !rule->required;

		for (size_t j = 0; j < p->system->n_functions && !found; j++)
			found = plan_device_rule(p->config, &p->system->functions[j]) ==
				(int)i;
		if (!found)
			planner_problem(p, LOG_ERR, NULL, rule->where,
					"required, but no device matches");
	}
}

static void need_vfio_drivers(struct planner *p, const struct pf_rule *rule,
			      const struct function *pf)
{
	for (unsigned i = 0; i < pf->total_vfs; i++)
		if (driver_is_vfio(pf_rule_driver(rule, pf, i)))
			planner_need_driver(p, pf_rule_driver(rule, pf, i));
}

/*
 * KubeVirt's device plugin compares the driver's name with vfio-pci (pkg/virt-handler/
 * device-manager/pci_device.go), so what is on a variant driver is not handed out at all.
 * True: it was told.
 */
static bool tell_kubevirt(struct planner *p, const struct function *f, struct where where,
			  const char *driver, enum advertise advertise)
{
	if (!driver_is_vfio(driver) || streq(driver, DRIVER_VFIO) ||
	    !(advertise == ADVERTISE_KUBEVIRT ||
	      (advertise == ADVERTISE_AUTO && p->config->export.kubevirt)))
		return false;
	planner_problem(p, LOG_WARNING, f, where,
			"what is on %s cannot go to KubeVirt, which takes vfio-pci "
			"only: say driver = \"vfio-pci\", or advertise = \"libvirt\" "
			"or \"claim\"",
			driver);
	return true;
}

/* The first VF of this kind speaks for all. */
static void tell_kubevirt_of_vfs(struct planner *p, const struct function *pf,
				 const struct pf_rule *rule)
{
	bool told = false;

	for (unsigned i = 0; i < pf_rule_count(rule, pf) && !told; i++) {
		const struct vf_rule *vf = pf_rule_vf(rule, i);

		told = tell_kubevirt(
			p, pf, vf ? vf->where : rule->where, pf_rule_driver(rule, pf, i),
			vf && vf->advertise ? vf->advertise : rule->advertise);
	}
}

const char plan_left[] = "left to Harvester's controller, which binds what somebody "
			 "claims; driver = \"vfio-pci\" in the rule binds all the same";

/* Is the driver somebody else's matter, on a node where that needs a word? */
static void tell_left(struct planner *p, const struct function *f, const char *driver,
		      const struct where *where, const char *what)
{
	if (p->config->harvester && streq(driver, DRIVER_LEAVE))
		planner_problem(p, LOG_INFO, f, *where, "%s %s", what, plan_left);
}

/* The module must be there for VFs that others create, also when there is nothing to bind
 * yet. */
static void plan_function(struct planner *p, const struct function *f)
{
	int pf_rule = plan_pf_rule(p->config, f), device_rule;

	if (pf_rule != NONE) {
		const struct pf_rule *rule = &p->config->pfs[pf_rule];

		plan_pf(&(struct task){ p, rule, f });
		tell_kubevirt_of_vfs(p, f, rule);
		if (rule->vfs != 0)
			tell_left(p, f, rule->driver, &rule->where, "its VFs are");
		if (pf_rule_wants_vfio(rule, f->total_vfs) && rule->vfs != 0 &&
		    f->iommu_group != NONE)
			need_vfio_drivers(p, rule, f);
		return;
	}
	device_rule = plan_device_rule(p->config, f);
	if (device_rule != NONE) {
		const struct device_rule *rule = &p->config->devices[device_rule];

		tell_kubevirt(p, f, rule->where, device_rule_driver(rule, f),
			      rule->advertise);
		tell_left(p, f, rule->driver, &rule->where, "is");
		plan_device(p, f, rule);
	}
}

static void plan_restore(struct planner *p, const struct function *f)
{
	struct action *a;

	if (!f->autoprobe_lost)
		return;
	a = planner_add(p, WRITE, f, NONE, "sriov_drivers_autoprobe",
			f->autoprobe_was ? "1" : "0", (struct where){});
	a->always = true;
	a->why = xstrdup("a run that was interrupted left it");
}

static void plan_memlock(struct planner *p)
{
	const struct strings *wanted = &p->config->memlock, *found = &p->system->memlock;

	for (size_t i = 0; i < wanted->n + found->n; i++) {
		bool want = i < wanted->n;
		const char *unit = want ? wanted->items[i] : found->items[i - wanted->n];
		struct action *a;

		if (strings_contain(want ? found : wanted, unit))
			continue;
		a = planner_add(p, MEMLOCK, NULL, NONE, unit, want ? "infinity" : "",
				p->config->kernel.where);
		a->when = NEXT_BOOT;
		a->why = xstrdup(want ? "memlock names it" : "not asked for any more");
	}
}

static void plan_boot_args(struct planner *p)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	_cleanup_free_ char *words = NULL;
	struct action *a;
	bool same;

	kargs_wanted(&p->config->kernel, &p->system->kernel, &wanted, &missing);
	same = cmdline_equal(&wanted, &p->system->kernel.ours);
	if (same && !p->system->kernel.stale)
		return;
	words = cmdline_print(&wanted);
	if (wanted.words.n && cmdline_equal(&wanted, &p->system->kernel.rejected)) {
		planner_problem(
			p, LOG_INFO, NULL, p->config->kernel.where,
			"kernel arguments were rolled back and are not tried again: %s",
			words);
		return;
	}
	a = planner_add(p, BOOT_ARGS, NULL, NONE, NULL, words, p->config->kernel.where);
	a->when = NEXT_BOOT;
	a->why = xstrdup(same            ? "another boot loader or certificate" :
			 missing.words.n ? "not in effect" :
					   "not asked for any more");
}

struct plan plan_make(const struct config *config, const struct system *system)
{
	struct planner p = { .config = config, .system = system };

	plan_required(&p);
	for (size_t i = 0; i < system->n_functions; i++)
		plan_function(&p, &system->functions[i]);
	for (size_t i = 0; i < system->n_functions; i++)
		plan_restore(&p, &system->functions[i]);
	plan_mdevs(&p);
	plan_modules(&p);
	plan_unsafe_interrupts(&p);
	plan_module_options(&p);
	plan_memlock(&p);
	plan_boot_args(&p);
	strings_done(&p.drivers);
	tdestroy(p.macs, free);
	return p.plan;
}

static void action_done(struct action *action)
{
	free(action->function);
	free(action->name);
	free(action->value);
	free(action->why);
}

static void problem_done(struct problem *problem)
{
	free(problem->pci);
	free(problem->pf);
	free(problem->text);
}

/* A module goes with what is bound to its driver; vfio-pci serves VFs that others create
 * too. What stands before `index` may be gone already. */
static bool is_kept(const struct plan *plan, size_t index, const char *address)
{
	const struct action *a = &plan->actions[index];

	if (a->function)
		return streq(a->function, address);
	if (a->verb != LOAD_MODULE || streq(a->name, DRIVER_VFIO))
		return true;
	for (size_t i = index + 1; i < plan->n_actions; i++) {
		const struct action *b = &plan->actions[i];

		if (b->verb == BIND && streq(b->function, address) &&
		    streq(b->name, a->name))
			return true;
	}
	return false;
}

void plan_keep(struct plan *plan, const char *address)
{
	size_t actions = 0, problems = 0;

	for (size_t i = 0; i < plan->n_actions; i++) {
		struct action *a = &plan->actions[i];

		if (!is_kept(plan, i, address))
			action_done(a);
		else
			plan->actions[actions++] = *a;
	}
	plan->n_actions = actions;
	for (size_t i = 0; i < plan->n_problems; i++) {
		struct problem *p = &plan->problems[i];

		/* nor what is required elsewhere */
		if (p->pci ? !streq(p->pci, address) && !streq(p->pf, address) :
			     p->level <= LOG_ERR)
			problem_done(p);
		else
			plan->problems[problems++] = *p;
	}
	plan->n_problems = problems;
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_actions; i++)
		action_done(&plan->actions[i]);
	for (size_t i = 0; i < plan->n_problems; i++)
		problem_done(&plan->problems[i]);
	free(plan->actions);
	free(plan->problems);
	*plan = (struct plan){};
}
