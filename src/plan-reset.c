#include "planner.h"

static const struct function *find(const struct system *system, const char *address)
{
	for (size_t i = 0; i < system->n_functions; i++)
		if (streq(system->functions[i].address, address))
			return &system->functions[i];
	return NULL;
}

/* As if a rule wanted none. Others may have made VFs since, which are not ours to take.
 */
static void take_vfs(struct planner *p, const struct function *pf,
		     const struct made_item *item)
{
	char driver[] = DRIVER_NONE;
	const struct pf_rule none = { .driver = driver };

	if (pf->n_vfs == item->made)
		plan_no_vfs(&(struct task){ p, &none, pf });
	else if (pf->n_vfs)
		planner_problem(p, LOG_WARNING, pf, none.where,
				"has %zu VFs, and %u were made: they are left to who "
				"changed that",
				pf->n_vfs, item->made);
}

static void give_back(struct planner *p, const struct function *f,
		      const struct made_item *item)
{
	const struct where where = {};
	struct action *a;

	if (!streq(f->driver, item->driver))
		return;
	if (f->in_use && !planner_is_forced(p, f)) {
		planner_problem(p, LOG_ERR, f, where, "stays on %s because %s",
				item->driver, f->in_use);
		return;
	}
	a = planner_add(p, UNBIND, f, NONE, f->driver, NULL, where);
	a->disruptive = true;
	a->forced = planner_is_forced(p, f);
	planner_add(p, OVERRIDE, f, NONE, NULL, "", where);
	if (item->before)
		planner_add(p, BIND, f, NONE, item->before, NULL, where)->why =
			xstrdup("as it was");
}

static void take_mdev(struct planner *p, const struct function *f,
		      const struct made_item *item)
{
	const struct where where = {};
	struct action *a;

	if (!item->here)
		return;
	if (item->in_use && !planner_is_forced(p, f)) {
		planner_problem(p, LOG_ERR, f, where,
				"mediated device %s stays because %s", item->uuid,
				item->in_use);
		return;
	}
	a = planner_add(p, REMOVE_MDEV, f, NONE, NULL, item->uuid, where);
	a->disruptive = true;
	a->forced = planner_is_forced(p, f);
}

static void take_back(struct planner *p, const struct made *made,
		      const struct made_item *item, const char *only)
{
	const struct function *f = find(p->system, item->address);
	const char *pf = f && f->pf != NONE ? p->system->functions[f->pf].address : NULL;

	if (!f || (only && !streq(f->address, only) && !streq(pf, only)))
		return;
	if (item->uuid)
		take_mdev(p, f, item);
	else if (!item->driver)
		take_vfs(p, f, item);
	else if (!pf || !made_vfs(made, pf)) /* else it goes with them */
		give_back(p, f, item);
}

/* Mediated devices first: while they are there, what carries them is in use. */
struct plan plan_reset(const struct config *config, const struct system *system,
		       const struct made *made, const char *only)
{
	struct planner p = { .config = config, .system = system };

	for (size_t i = 0; i < made->n; i++)
		if (made->items[i].uuid)
			take_back(&p, made, &made->items[i], only);
	for (size_t i = 0; i < made->n; i++)
		if (!made->items[i].uuid)
			take_back(&p, made, &made->items[i], only);
	strings_done(&p.drivers);
	return p.plan;
}
