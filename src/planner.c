#include "planner.h"

#include <stdarg.h>

struct action *planner_add(struct planner *p, enum verb verb, const struct function *f,
			   int vf, const char *name, const char *value,
			   struct where where)
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

void planner_problem(struct planner *p, int level, const struct function *f,
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

bool planner_is_forced(const struct planner *p, const struct function *f)
{
	return strings_contain(&p->config->force_in_use, f->address);
}

bool driver_is_vfio(const char *driver)
{
	return driver && strstr(driver, "vfio") != NULL;
}

void planner_need_driver(struct planner *p, const char *driver)
{
	if (!strings_contain(&p->drivers, driver))
		strings_add(&p->drivers, driver);
}

bool pf_rule_wants_vfio(const struct pf_rule *rule, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct vf_rule *vf = pf_rule_vf(rule, i);

		if (driver_is_vfio(vf && vf->driver ? vf->driver : rule->driver))
			return true;
	}
	return false;
}
