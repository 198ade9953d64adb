#include "plan.h"

#include <stdarg.h>
#include <syslog.h>

/* One run of the planner: what it reads, what it fills. */
struct planner {
	const struct config *config;
	const struct system *system;
	struct plan plan;
	struct strings drivers; /* vfio drivers that something is to be bound to */
};

/* One PF and the rule that governs it. */
struct task {
	struct planner *planner;
	const struct pf_rule *rule;
	const struct function *pf;
};

static struct action *add(struct planner *p, enum verb verb, const struct function *f,
			  int vf, const char *name, const char *value, struct where where)
{
	struct action *a = array_add(p->plan.actions, p->plan.n_actions);

	*a = (struct action){
		.verb = verb,
		.function = f ? xstrdup(f->address) : NULL,
		.vf = vf,
		.name = xstrdup(name),
		.value = xstrdup(value),
		.where = where,
	};
	return a;
}

static void problem(struct planner *p, int level, const struct function *f,
		    struct where where, const char *format, ...) PRINTF(5, 6);

static void problem(struct planner *p, int level, const struct function *f,
		    struct where where, const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	*array_add(p->plan.problems, p->plan.n_problems) = (struct problem){
		.level = level,
		.pci = f ? xstrdup(f->address) : NULL,
		.pf = f && f->pf != NONE ? xstrdup(p->system->functions[f->pf].address) :
					   NULL,
		.text = text,
		.where = where,
	};
}

int plan_pf_rule(const struct config *config, const struct function *pf)
{
	if (pf->total_vfs == 0 && pf->n_vfs == 0)
		return NONE;
	for (size_t i = 0; i < config->n_pfs; i++)
		if (match_agrees(&config->pfs[i].match, pf))
			return (int)i;
	return NONE;
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

static const struct vf_rule *vf_rule(const struct pf_rule *rule, unsigned vf_index)
{
	for (size_t i = 0; i < rule->n_vf; i++)
		if (vf_index >= rule->vf[i].first && vf_index <= rule->vf[i].last)
			return &rule->vf[i];
	return NULL;
}

const char *pf_rule_driver(const struct pf_rule *rule, unsigned vf_index)
{
	const struct vf_rule *vf = vf_rule(rule, vf_index);

	return vf && vf->driver ? vf->driver : rule->driver;
}

const char *pf_rule_resource(const struct pf_rule *rule, unsigned vf_index)
{
	const struct vf_rule *vf = vf_rule(rule, vf_index);

	return vf && vf->resource ? vf->resource : rule->resource;
}

static struct where vf_where(const struct pf_rule *rule, unsigned vf_index)
{
	const struct vf_rule *vf = vf_rule(rule, vf_index);

	return vf ? vf->where : rule->where;
}

static bool is_vfio(const char *driver)
{
	return driver && strstr(driver, "vfio") != NULL;
}

static bool is_named(const char *driver)
{
	return !streq(driver, DRIVER_NATIVE) && !streq(driver, DRIVER_NONE);
}

static void need_driver(struct planner *p, const char *driver)
{
	if (!strings_contain(&p->drivers, driver))
		strings_add(&p->drivers, driver);
}

static void bind_vf(struct task *t, unsigned i, const char *driver)
{
	struct action *a =
		add(t->planner, BIND, t->pf, (int)i, driver, NULL, vf_where(t->rule, i));

	a->why = xasprintf("%s wanted", driver);
	need_driver(t->planner, driver);
}

static void override_vf(struct task *t, unsigned i, const char *driver)
{
	add(t->planner, OVERRIDE, t->pf, (int)i, NULL, driver, vf_where(t->rule, i));
}

static void set_autoprobe(struct task *t, bool value, bool always, const char *why)
{
	struct action *a = add(t->planner, WRITE, t->pf, NONE, "sriov_drivers_autoprobe",
			       value ? "1" : "0", t->rule->where);

	a->always = always;
	a->why = xstrdup(why);
}

/*
 * The order of the lines is the order of the actions. A VF's driver probes inside the
 * sriov_numvfs write, so autoprobe is off while VFs appear; an override before autoprobe
 * comes back keeps native drivers off (pci_device_can_probe() lets only an override pass
 * before).
 */
static void create_vfs(struct task *t, unsigned want)
{
	bool named = false, native = false, autoprobe = t->pf->autoprobe;
	_cleanup_free_ char *count = xasprintf("%u", want);

	for (unsigned i = 0; i < want; i++) {
		const char *driver = pf_rule_driver(t->rule, i);

		native |= streq(driver, DRIVER_NATIVE);
		named |= !streq(driver, DRIVER_NATIVE);
	}
	if (autoprobe == named)
		set_autoprobe(t, !named, false,
			      named ? "VFs get their driver by name" :
				      "VFs get their native driver");
	add(t->planner, CREATE_VFS, t->pf, NONE, NULL, count, t->rule->where)->why =
		xasprintf("%u VFs wanted, found none", want);
	for (unsigned i = 0; i < want; i++)
		if (!streq(pf_rule_driver(t->rule, i), DRIVER_NATIVE))
			override_vf(t, i, pf_rule_driver(t->rule, i));
	if (named && (autoprobe || native))
		set_autoprobe(t, true, true,
			      autoprobe ? "as it was" : "for the native VFs");
	for (unsigned i = 0; i < want; i++) {
		const char *driver = pf_rule_driver(t->rule, i);

		if (is_named(driver))
			bind_vf(t, i, driver);
		else if (named && streq(driver, DRIVER_NATIVE))
			add(t->planner, PROBE, t->pf, (int)i, NULL, NULL,
			    vf_where(t->rule, i))
				->why = xstrdup("native driver wanted");
	}
	if (native && !autoprobe)
		set_autoprobe(t, false, true, "as it was");
}

static void keep_vf(struct task *t, const struct function *vf, const char *driver)
{
	struct planner *p = t->planner;
	struct where where = vf_where(t->rule, vf->vf_index);

	if (is_vfio(vf->driver))
		problem(p, LOG_ERR, vf, where,
			"is bound to %s, %s wanted; a VM may hold it: stop its users, "
			"then unbind it",
			vf->driver, driver);
	else
		problem(p, LOG_ERR, vf, where,
			"is bound to %s, %s wanted; left alone because %s", vf->driver,
			driver, vf->in_use);
}

/* A VF that exists already: nothing where it is right or was left to the kernel. */
static void correct_vf(struct task *t, const struct function *vf)
{
	const char *driver = pf_rule_driver(t->rule, vf->vf_index);
	struct planner *p = t->planner;
	bool native = streq(driver, DRIVER_NATIVE);

	if (streq(vf->driver, is_named(driver) ? driver : NULL) ||
	    (native && !is_vfio(vf->driver)))
		return;
	if (vf->driver && (vf->in_use || is_vfio(vf->driver))) {
		keep_vf(t, vf, driver);
		return;
	}
	override_vf(t, vf->vf_index, driver);
	if (vf->driver)
		add(p, UNBIND, t->pf, (int)vf->vf_index, vf->driver, NULL,
		    vf_where(t->rule, vf->vf_index))
			->why = xasprintf("%s wanted", driver);
	if (is_named(driver))
		bind_vf(t, vf->vf_index, driver);
}

static bool lacks_iommu(const struct task *t, const struct function *vf)
{
	const char *driver = pf_rule_driver(t->rule, vf->vf_index);

	return is_vfio(driver) && vf->iommu_group == NONE && !streq(vf->driver, driver);
}

static void no_iommu(struct task *t)
{
	problem(t->planner, LOG_ERR, t->pf, t->rule->where,
		"has no IOMMU group, so no VF can go to vfio-pci: turn on VT-d or AMD-Vi "
		"in the firmware and the IOMMU in the kernel (sriov-setup kargs status)");
}

static bool wants_vfio(const struct pf_rule *rule, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (is_vfio(pf_rule_driver(rule, i)))
			return true;
	return false;
}

/* Whether VFs can be made and bound at all; each reason is one problem. */
static bool pf_is_able(struct task *t, unsigned want)
{
	const struct function *pf = t->pf;
	struct planner *p = t->planner;
	struct where where = t->rule->where;

	if (want > pf->total_vfs)
		problem(p, LOG_ERR, pf, where,
			"%u VFs wanted, device and driver %s allow %u", want,
			pf->driver ? pf->driver : "(none)", pf->total_vfs);
	else if (!pf->driver)
		problem(p, LOG_ERR, pf, where, "has no driver: load its driver first");
	else if (is_vfio(pf->driver))
		problem(p, LOG_ERR, pf, where,
			"the PF itself is bound to %s: take %04x:%04x out of its ids= "
			"and reboot",
			pf->driver, pf->vendor, pf->device);
	else if (wants_vfio(t->rule, want) && pf->iommu_group == NONE)
		no_iommu(t);
	else
		return true;
	return false;
}

/* One that cannot get its driver keeps what it has. */
static void correct_vfs(struct task *t)
{
	bool lacking = false;

	for (size_t i = 0; i < t->pf->n_vfs; i++) {
		const struct function *vf;

		if (t->pf->vfs[i] == NONE)
			continue;
		vf = &t->planner->system->functions[t->pf->vfs[i]];
		if (lacks_iommu(t, vf))
			lacking = true;
		else
			correct_vf(t, vf);
	}
	if (lacking)
		no_iommu(t);
}

static void plan_pf(struct task *t)
{
	const struct function *pf = t->pf;
	struct where where = t->rule->where;
	unsigned have = (unsigned)pf->n_vfs, want = (unsigned)t->rule->vfs;

	if (t->rule->vfs == VFS_MAX)
		want = pf->total_vfs;
	if (t->rule->vfs == VFS_UNSET)
		want = have;
	if (have == 0 && want > 0) {
		if (pf_is_able(t, want))
			create_vfs(t, want);
		return;
	}
	if (have < want)
		problem(t->planner, LOG_ERR, pf, where,
			"has %u VFs, %u wanted; the kernel only grows from 0: write 0 to "
			"its "
			"sriov_numvfs when no VF is used, or reboot",
			have, want);
	else if (have > want)
		problem(t->planner, LOG_WARNING, pf, where,
			"has %u VFs, %u wanted; they are kept", have, want);
	correct_vfs(t);
}

/* Others in the IOMMU group that keep it from being viable,
 * vfio_group_ioctl_get_status(). */
static void check_group(struct planner *p, const struct function *f, struct where where)
{
	for (size_t i = 0; i < p->system->n_functions; i++) {
		const struct function *other = &p->system->functions[i];

		if (other == f || other->iommu_group != f->iommu_group ||
		    !other->driver || is_vfio(other->driver) ||
		    streq(other->driver, "pcieport"))
			continue;
		problem(p, LOG_WARNING, f, where,
			"shares IOMMU group %d with %s on driver %s: no VM can use it "
			"before that is on "
			"vfio-pci too",
			f->iommu_group, other->address, other->driver);
	}
}

static void plan_device(struct planner *p, const struct function *f,
			const struct device_rule *rule)
{
	struct action *a;

	if (f->iommu_group == NONE && is_vfio(rule->driver))
		problem(p, LOG_ERR, f, rule->where,
			"has no IOMMU group, so it cannot go to %s (sriov-setup kargs "
			"status)",
			rule->driver);
	else if (streq(f->driver, rule->driver))
		check_group(p, f, rule->where);
	else if (f->n_vfs)
		problem(p, LOG_ERR, f, rule->where, "has VFs, so it stays on %s",
			f->driver);
	else if (f->driver && f->in_use)
		problem(p, LOG_ERR, f, rule->where, "stays on %s because %s", f->driver,
			f->in_use);
	else if (is_vfio(f->driver))
		problem(p, LOG_ERR, f, rule->where,
			"stays on %s, %s wanted; a VM may hold it: stop its users, then "
			"unbind it",
			f->driver, rule->driver);
	else {
		check_group(p, f, rule->where);
		add(p, OVERRIDE, f, NONE, NULL, rule->driver, rule->where);
		if (f->driver)
			add(p, UNBIND, f, NONE, f->driver, NULL, rule->where)->why =
				xasprintf("%s wanted", rule->driver);
		a = add(p, BIND, f, NONE, rule->driver, NULL, rule->where);
		a->why = xasprintf("%s wanted", rule->driver);
		need_driver(p, rule->driver);
	}
}

static const char *rule_keeps_from_vfio(const struct pf_rule *rule,
					const struct function *pf)
{
	unsigned n = rule->vfs >= 0 ? (unsigned)rule->vfs : pf->total_vfs;

	for (unsigned i = 0; i < n; i++)
		if (!streq(pf_rule_driver(rule, i), DRIVER_VFIO))
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

		if (rule == NONE || !wants_vfio(&config->pfs[rule], pf->total_vfs))
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
		problem(p, LOG_INFO, NULL, (struct where){},
			"left out of vfio-pci's ids=: %s", out);
	strings_done(&ids);
	strings_done(&left_out);
	return options;
}

/* Modules come first in the list: the actions so far are moved behind them. */
static void plan_modules(struct planner *p)
{
	struct action *rest = p->plan.actions;
	size_t n = p->plan.n_actions;

	p->plan.actions = NULL;
	p->plan.n_actions = 0;
	for (size_t i = 0; i < p->drivers.n; i++) {
		const char *driver = p->drivers.items[i];
		_cleanup_free_ char *options = NULL;

		if (streq(driver, DRIVER_VFIO)) {
			if (p->system->vfio_module_loaded)
				continue;
			options = vfio_options(p);
		}
		add(p, LOAD_MODULE, NULL, NONE, driver, options, (struct where){})->why =
			xstrdup("something is to be bound to it");
	}
	for (size_t i = 0; i < n; i++)
		*array_add(p->plan.actions, p->plan.n_actions) = rest[i];
	free(rest);
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
			problem(p, LOG_ERR, NULL, rule->where,
				"required, but no PF matches");
	}
	for (size_t i = 0; p->system->live && i < p->config->n_devices; i++) {
		const struct device_rule *rule = &p->config->devices[i];
		bool found = !rule->required;

		for (size_t j = 0; j < p->system->n_functions && !found; j++)
			found = plan_device_rule(p->config, &p->system->functions[j]) ==
				(int)i;
		if (!found)
			problem(p, LOG_ERR, NULL, rule->where,
				"required, but no device matches");
	}
}

/* The module must be there for VFs that others create, also when there is nothing to bind
 * yet. */
static void plan_function(struct planner *p, const struct function *f)
{
	int pf_rule = plan_pf_rule(p->config, f), device_rule;

	if (pf_rule != NONE) {
		const struct pf_rule *rule = &p->config->pfs[pf_rule];

		plan_pf(&(struct task){ p, rule, f });
		if (wants_vfio(rule, f->total_vfs) && rule->vfs != 0 &&
		    f->iommu_group != NONE)
			need_driver(p, DRIVER_VFIO);
		return;
	}
	device_rule = plan_device_rule(p->config, f);
	if (device_rule != NONE)
		plan_device(p, f, &p->config->devices[device_rule]);
}

/* The parameter is writable at run time: vfio_iommu_type1.c, module_param_named(…,
 * S_IRUGO | S_IWUSR) */
static void plan_unsafe_interrupts(struct planner *p)
{
	if (!p->config->kernel.unsafe_interrupts || p->system->unsafe_interrupts ||
	    !(strings_contain(&p->drivers, DRIVER_VFIO) || p->system->vfio_module_loaded))
		return;
	add(p, WRITE, NULL, NONE,
	    "module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y",
	    p->config->kernel.where);
}

static void plan_boot_args(struct planner *p)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	_cleanup_free_ char *words = NULL;
	struct action *a;

	if (!p->config->kernel.where.file)
		return;
	kargs_wanted(&p->config->kernel, &p->system->kernel, &wanted, &missing);
	if (cmdline_equal(&wanted, &p->system->kernel.ours))
		return;
	words = cmdline_print(&wanted);
	a = add(p, BOOT_ARGS, NULL, NONE, NULL, words, p->config->kernel.where);
	a->when = NEXT_BOOT;
	a->why = xstrdup(missing.words.n ? "not in effect" : "not asked for any more");
}

struct plan plan_make(const struct config *config, const struct system *system)
{
	struct planner p = { .config = config, .system = system };

	plan_required(&p);
	for (size_t i = 0; i < system->n_functions; i++)
		plan_function(&p, &system->functions[i]);
	plan_modules(&p);
	plan_unsafe_interrupts(&p);
	plan_boot_args(&p);
	strings_done(&p.drivers);
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

		if (p->pci && !streq(p->pci, address) && !streq(p->pf, address))
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

static char *action_target(const struct action *a)
{
	if (!a->function)
		return xstrdup("");
	return a->vf == NONE ? xstrdup(a->function) :
			       xasprintf("%s VF %d", a->function, a->vf);
}

char *action_text(const struct action *a, bool done)
{
	_cleanup_free_ char *target = action_target(a);

	switch (a->verb) {
	case LOAD_MODULE:
		return xasprintf("%s %s%s%s", done ? "loaded" : "load", a->name,
				 a->value ? " " : "", a->value ? a->value : "");
	case WRITE:
		return xasprintf("%s %s%s%s %s", done ? "wrote" : "write", target,
				 *target ? "/" : "", a->name, a->value);
	case CREATE_VFS:
		return xasprintf("%s %s VFs on %s", done ? "created" : "create", a->value,
				 target);
	case OVERRIDE:
		return xasprintf("%s %s for %s", done ? "reserved" : "reserve", target,
				 a->value);
	case UNBIND:
		return xasprintf("%s %s from %s", done ? "unbound" : "unbind", target,
				 a->name);
	case BIND:
		return xasprintf("%s %s to %s", done ? "bound" : "bind", target, a->name);
	case PROBE:
		return xasprintf("%s %s", done ? "probed" : "probe", target);
	case BOOT_ARGS:
		return xasprintf("kernel arguments: %s", *a->value ? a->value : "(none)");
	case N_VERBS:
		break;
	}
	abort();
}

static void print_where(FILE *out, const char *why, const struct where *where)
{
	if (why || where->file)
		fputs("  #", out);
	if (why)
		fprintf(out, " %s", why);
	if (where->file)
		fprintf(out, " (%s:%d)", where->file, where->line);
	fputc('\n', out);
}

int plan_print(const struct plan *plan, FILE *out)
{
	for (size_t i = 0; i < plan->n_problems; i++) {
		const struct problem *p = &plan->problems[i];

		fprintf(out, "%s %s%s%s",
			p->level <= LOG_ERR     ? "error:" :
			p->level == LOG_WARNING ? "warning:" :
						  "note:",
			p->pci ? p->pci : "", p->pci ? ": " : "", p->text);
		print_where(out, NULL, &p->where);
	}
	for (size_t i = 0; i < plan->n_actions; i++) {
		const struct action *a = &plan->actions[i];
		_cleanup_free_ char *text = action_text(a, false);

		fprintf(out, "%c %-52s", a->disruptive ? '!' : '+', text);
		print_where(out, a->why, &a->where);
	}
	if (plan->n_actions == 0 && plan->n_problems == 0)
		fputs("nothing to do\n", out);
	return ferror(out) ? -1 : 0;
}
