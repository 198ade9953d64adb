#include "planner.h"

static const char *const names[N_NVME_RESOURCES] = {
	[NVME_QUEUES] = "queues",
	[NVME_INTERRUPTS] = "interrupts",
};

static void set(struct task *t, int vf, const char *name, const char *value, char *why)
{
	planner_add(t->planner, SET_NVME, t->pf, vf, name, value, t->rule->where)->why =
		why;
}

static void set_count(struct task *t, int vf, enum nvme_resource resource, unsigned count,
		      unsigned found)
{
	_cleanup_free_ char *text = xasprintf("%u", count);

	set(t, vf, names[resource], text, xasprintf("found %u", found));
}

static unsigned found_count(const struct nvme *nvme, size_t i, int resource)
{
	return i < nvme->n_vfs ? nvme->vfs[i].count[resource] : 0;
}

/* How many the PF must give up, so that the first `want` VFs get theirs; above own[]: too
 * many. */
static unsigned shortage(const struct nvme *nvme, const struct nvme_share *share,
			 int resource, unsigned want)
{
	unsigned long needed = nvme->own[resource];

	for (size_t i = 0; i < want || i < nvme->n_vfs; i++)
		needed += i < want ? share->count[resource] :
				     found_count(nvme, i, resource);
	return needed > nvme->flexible[resource] ?
		       (unsigned)(needed - nvme->flexible[resource]) :
		       0;
}

static bool is_possible(struct task *t, unsigned want)
{
	const struct nvme *nvme = t->pf->nvme;
	const struct nvme_share *share = &t->rule->nvme;
	bool possible = true;

	for (int i = 0; i < N_NVME_RESOURCES; i++) {
		unsigned most = nvme->most[i];

		if (shortage(nvme, share, i, want) > nvme->own[i])
			planner_problem(t->planner, LOG_ERR, t->pf, t->rule->where,
					"%u VFs with %u %s each wanted, the controller "
					"has %u to share out",
					want, share->count[i], names[i],
					nvme->flexible[i]);
		else if (share->count[i] > most)
			planner_problem(t->planner, LOG_ERR, t->pf, t->rule->where,
					"%u %s wanted, the controller gives a VF at most "
					"%u",
					share->count[i], names[i], most);
		else
			continue;
		possible = false;
	}
	return possible;
}

/* The PF gives up what it has too much of; that counts from its reset on, which takes all
 * VFs offline. */
static bool give_up(struct task *t, unsigned want)
{
	const struct function *pf = t->pf;
	bool short_of[N_NVME_RESOURCES], any = false;

	for (int i = 0; i < N_NVME_RESOURCES; i++)
		any |= short_of[i] = shortage(pf->nvme, &t->rule->nvme, i, want) > 0;
	if (!any)
		return true;
	if (pf->n_vfs || pf->in_use) {
		planner_problem(t->planner, LOG_ERR, pf, t->rule->where,
				"must give up queues or interrupts for its VFs and be "
				"reset for that; left alone because %s",
				pf->in_use ? pf->in_use : "it has VFs already");
		return false;
	}
	for (int i = 0; i < N_NVME_RESOURCES; i++)
		if (short_of[i])
			set_count(t, NONE, (enum nvme_resource)i,
				  pf->nvme->own[i] -
					  shortage(pf->nvme, &t->rule->nvme, i, want),
				  pf->nvme->own[i]);
	planner_add(t->planner, RESET, pf, NONE, NULL, NULL, t->rule->where)->why =
		xstrdup("what it gave up is free then");
	return true;
}

bool plan_nvme(struct task *t, unsigned want)
{
	if (!t->rule->nvme.count[NVME_QUEUES] || want == 0)
		return true;
	if (!t->pf->nvme) {
		planner_problem(t->planner, LOG_ERR, t->pf, t->rule->where,
				"its VFs get no queues and interrupts: %s",
				t->pf->nvme_error);
		return false;
	}
	return is_possible(t, want) && give_up(t, want);
}

/* Counts change while it is offline; no driver should see that. */
void plan_nvme_vf(struct task *t, unsigned i, const struct function *vf)
{
	const struct nvme *nvme = t->pf->nvme;
	const struct nvme_share *share = &t->rule->nvme;
	bool right = true, online;

	if (!share->count[NVME_QUEUES] || !nvme)
		return;
	online = vf && i < nvme->n_vfs && nvme->vfs[i].online;
	for (int k = 0; k < N_NVME_RESOURCES; k++)
		right &= found_count(nvme, i, k) == share->count[k];
	if (right && online)
		return;
	if (!right && vf && vf->driver) {
		planner_problem(t->planner, LOG_ERR, vf, t->rule->where,
				"%u queues and %u interrupts wanted, found %u and %u; "
				"they change while no driver is bound: stop its users, "
				"then unbind it from %s",
				share->count[NVME_QUEUES], share->count[NVME_INTERRUPTS],
				found_count(nvme, i, NVME_QUEUES),
				found_count(nvme, i, NVME_INTERRUPTS), vf->driver);
		return;
	}
	if (!right && online)
		set(t, (int)i, "state", "offline", NULL);
	for (int k = 0; k < N_NVME_RESOURCES; k++)
		if (found_count(nvme, i, k) != share->count[k])
			set_count(t, (int)i, (enum nvme_resource)k, share->count[k],
				  found_count(nvme, i, k));
	set(t, (int)i, "state", "online", NULL);
}
