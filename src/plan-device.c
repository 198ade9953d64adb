#include "planner.h"

/* Bridges' drivers leave DMA to VFIO: driver_managed_dma. */
static bool is_bridge(const struct function *f)
{
	return f->class >> 8 == 0x0604 || streq(f->driver, "pcieport");
}

/* Does it keep the group from being viable, vfio_group_ioctl_get_status()? */
static bool is_in_the_way(const struct function *other, const struct function *f)
{
	return other != f && other->iommu_group == f->iommu_group && other->driver &&
	       !driver_is_vfio(other->driver) && !is_bridge(other);
}

/* Why a function must stay with its driver; NULL: it need not. The caller frees it. */
static char *why_it_stays(const struct planner *p, const struct function *f)
{
	if (f->n_vfs)
		return xstrdup("it has VFs");
	return f->in_use && !planner_is_forced(p, f) ? xstrdup(f->in_use) : NULL;
}

/* Does a rule of its own bring it to a vfio driver in this plan? */
static bool goes_to_vfio(const struct planner *p, const struct function *f)
{
	_cleanup_free_ char *stays = why_it_stays(p, f);
	const struct function *pf = f->pf == NONE ? f : &p->system->functions[f->pf];
	int pf_rule = plan_pf_rule(p->config, pf),
	    device = plan_device_rule(p->config, f);

	if (stays)
		return false;
	if (f->pf != NONE)
		return pf_rule != NONE &&
		       driver_is_vfio(
			       pf_rule_driver(&p->config->pfs[pf_rule], pf, f->vf_index));
	return pf_rule == NONE && device != NONE &&
	       driver_is_vfio(p->config->devices[device].driver);
}

/* Is the function one that `whole_group` adds, having no rule of its own? */
static bool is_added(const struct planner *p, const struct function *f)
{
	_cleanup_free_ char *stays = why_it_stays(p, f);

	return !stays && f->pf == NONE && plan_pf_rule(p->config, f) == NONE &&
	       plan_device_rule(p->config, f) == NONE;
}

/* "0000:25:00.1 (snd_hda_intel), …": the members that nothing takes to VFIO; NULL: none.
 * The caller frees it. */
static char *group_obstacles(const struct planner *p, const struct function *f,
			     bool whole_group)
{
	char *all = NULL;

	for (size_t i = 0; i < p->system->n_functions; i++) {
		const struct function *other = &p->system->functions[i];
		_cleanup_free_ char *stays = why_it_stays(p, other), *before = all;

		if (!is_in_the_way(other, f) || goes_to_vfio(p, other) ||
		    (whole_group && is_added(p, other))) {
			before = NULL;
			continue;
		}
		all = xasprintf("%s%s%s (%s%s%s)", all ? all : "", all ? ", " : "",
				other->address, other->driver, stays ? "; " : "",
				stays ? stays : "");
	}
	return all;
}

static bool group_is_free(struct planner *p, const struct function *f,
			  const struct device_rule *rule, int level)
{
	_cleanup_free_ char *obstacles =
		driver_is_vfio(rule->driver) ? group_obstacles(p, f, rule->whole_group) :
					       NULL;

	if (obstacles)
		planner_problem(
			p, level, f, rule->where,
			"%sshares IOMMU group %d with %s: no VM can use it before all "
			"of the group are on vfio-pci; give each a rule, or say "
			"whole_group = true",
			level == LOG_ERR ? "is left alone: it " : "", f->iommu_group,
			obstacles);
	return !obstacles;
}

static void take(struct planner *p, const struct function *f,
		 const struct device_rule *rule, const char *why)
{
	const char *driver = device_rule_driver(rule, f);
	struct action *a;

	planner_add(p, OVERRIDE, f, NONE, NULL, driver, rule->where);
	if (f->driver) {
		a = planner_add(p, UNBIND, f, NONE, f->driver, NULL, rule->where);
		a->why = xasprintf("%s%s", driver, why);
		a->forced = planner_is_forced(p, f);
		a->disruptive = a->forced || driver_is_vfio(f->driver);
	}
	planner_add(p, BIND, f, NONE, driver, NULL, rule->where)->why =
		xasprintf("%s%s", driver, why);
	planner_need_driver(p, driver);
}

/* Does an earlier function of the group take the others along? */
static bool is_led(const struct planner *p, const struct function *f)
{
	for (const struct function *other = p->system->functions; other < f; other++) {
		int rule = plan_device_rule(p->config, other);

		if (other->iommu_group == f->iommu_group && rule != NONE &&
		    p->config->devices[rule].whole_group)
			return true;
	}
	return false;
}

static void take_group(struct planner *p, const struct function *f,
		       const struct device_rule *rule)
{
	for (size_t i = 0; i < p->system->n_functions; i++) {
		const struct function *other = &p->system->functions[i];

		if (rule->whole_group && is_in_the_way(other, f) && is_added(p, other) &&
		    !is_led(p, f))
			take(p, other, rule, " wanted for the whole group");
	}
}

void plan_device(struct planner *p, const struct function *f,
		 const struct device_rule *rule)
{
	_cleanup_free_ char *stays = why_it_stays(p, f);
	const char *driver = device_rule_driver(rule, f);
	bool right = streq(f->driver, driver);

	if (streq(driver, DRIVER_LEAVE))
		return;
	if (f->iommu_group == NONE && driver_is_vfio(rule->driver))
		planner_problem(
			p, LOG_ERR, f, rule->where,
			"has no IOMMU group, so it cannot go to %s (sriov-setup kargs "
			"status)",
			driver);
	else if (!right && f->driver && stays)
		planner_problem(p, LOG_ERR, f, rule->where, "stays on %s because %s",
				f->driver, stays);
	else if (!right && driver_is_vfio(f->driver) && p->config->gentle)
		planner_problem(
			p, LOG_ERR, f, rule->where,
			"stays on %s, %s wanted; a VM may hold it, so a boot leaves it: "
			"sriov-setup apply takes it when nobody has it open",
			f->driver, driver);
	else if (group_is_free(p, f, rule, right ? LOG_WARNING : LOG_ERR)) {
		if (!right)
			take(p, f, rule, " wanted");
		take_group(p, f, rule);
	}
}
