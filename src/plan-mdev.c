#include "planner.h"

static char *type_names(const struct mdev_types *types)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < types->n; i++) {
		char *more =
			xasprintf("%s%s%s", all, i ? ", " : "", types->items[i].name);

		free(all);
		all = more;
	}
	return all;
}

static void create_mdevs(struct planner *p, const struct function *f,
			 const struct mdev_rule *rule, const struct mdev_type *type)
{
	size_t have = type->uuids.n;

	if (have + type->available < rule->count)
		planner_problem(p, LOG_ERR, f, rule->where,
				"%u mediated devices %s wanted, found %zu, and no more "
				"than %u can be added",
				rule->count, rule->type, have, type->available);
	for (unsigned i = 0, made = 0;
	     have + made < rule->count && made < type->available; i++) {
		_cleanup_free_ char *uuid = mdev_uuid(f->address, rule->type, i);

		if (strings_contain(&type->uuids, uuid))
			continue;
		made++;
		planner_add(p, CREATE_MDEV, f, NONE, type->id, uuid, rule->where)->why =
			xasprintf("%u %s wanted, found %zu", rule->count, rule->type,
				  have);
	}
}

static bool is_said_before(const struct planner *p, size_t index,
			   const struct function *f)
{
	for (size_t i = 0; i < index; i++)
		if (streq(p->config->mdevs[i].type, p->config->mdevs[index].type) &&
		    match_agrees(&p->config->mdevs[i].match, f))
			return true;
	return false;
}

/* Of several functions that match (a GPU and its VFs have one ID) some may have no types.
 */
static void plan_rule(struct planner *p, size_t index)
{
	const struct mdev_rule *rule = &p->config->mdevs[index];
	const struct function *without = NULL;
	bool any = false;

	for (size_t i = 0; i < p->system->n_functions; i++) {
		const struct function *f = &p->system->functions[i];
		const struct mdev_type *type = mdev_types_find(&f->mdevs, rule->type);
		_cleanup_free_ char *names = NULL;

		if (!match_agrees(&rule->match, f) || is_said_before(p, index, f))
			continue;
		any |= f->mdevs.n > 0;
		if (!f->mdevs.n) {
			without = f;
		} else if (type) {
			create_mdevs(p, f, rule, type);
		} else {
			names = type_names(&f->mdevs);
			planner_problem(p, LOG_ERR, f, rule->where,
					"has no type of mediated devices \"%s\", but: %s",
					rule->type, names);
		}
	}
	if (without && !any)
		planner_problem(p, LOG_ERR, without, rule->where,
				"offers no mediated devices: its driver %s makes none%s",
				without->driver ? without->driver : "(none)",
				without->pf == NONE && without->total_vfs ?
					", or only on its VFs once they exist" :
					"");
}

void plan_mdevs(struct planner *p)
{
	for (size_t i = 0; i < p->config->n_mdevs; i++)
		if (p->config->mdevs[i].count)
			plan_rule(p, i);
}
