#include "planner.h"

/* Others in the IOMMU group that keep it from being viable,
 * vfio_group_ioctl_get_status(). */
static void check_group(struct planner *p, const struct function *f, struct where where)
{
	for (size_t i = 0; i < p->system->n_functions; i++) {
		const struct function *other = &p->system->functions[i];

		if (other == f || other->iommu_group != f->iommu_group ||
		    !other->driver || driver_is_vfio(other->driver) ||
		    streq(other->driver, "pcieport"))
			continue;
		planner_problem(
			p, LOG_WARNING, f, where,
			"shares IOMMU group %d with %s on driver %s: no VM can use it "
			"before that is on "
			"vfio-pci too",
			f->iommu_group, other->address, other->driver);
	}
}

void plan_device(struct planner *p, const struct function *f,
		 const struct device_rule *rule)
{
	struct action *a;

	if (f->iommu_group == NONE && driver_is_vfio(rule->driver))
		planner_problem(
			p, LOG_ERR, f, rule->where,
			"has no IOMMU group, so it cannot go to %s (sriov-setup kargs "
			"status)",
			rule->driver);
	else if (streq(f->driver, rule->driver))
		check_group(p, f, rule->where);
	else if (f->n_vfs)
		planner_problem(p, LOG_ERR, f, rule->where, "has VFs, so it stays on %s",
				f->driver);
	else if (f->driver && f->in_use)
		planner_problem(p, LOG_ERR, f, rule->where, "stays on %s because %s",
				f->driver, f->in_use);
	else if (driver_is_vfio(f->driver))
		planner_problem(
			p, LOG_ERR, f, rule->where,
			"stays on %s, %s wanted; a VM may hold it: stop its users, then "
			"unbind it",
			f->driver, rule->driver);
	else {
		check_group(p, f, rule->where);
		planner_add(p, OVERRIDE, f, NONE, NULL, rule->driver, rule->where);
		if (f->driver)
			planner_add(p, UNBIND, f, NONE, f->driver, NULL, rule->where)
				->why = xasprintf("%s wanted", rule->driver);
		a = planner_add(p, BIND, f, NONE, rule->driver, NULL, rule->where);
		a->why = xasprintf("%s wanted", rule->driver);
		planner_need_driver(p, rule->driver);
	}
}
