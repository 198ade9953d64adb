/* plan-fixture.h: machines and configs made by hand, and the plan for them as text. */
#pragma once

#include "plan-print.h"
#include "tap.h"

#define FILE_NAME "/etc/sriov.conf"

static inline struct function *add_function(struct system *s, const char *address,
					    unsigned vendor, unsigned device,
					    const char *driver)
{
	struct function *f = array_add(s->functions, s->n_functions);

	*f = (struct function){
		.address = xstrdup(address),
		.vendor = vendor,
		.device = device,
		.class = 0x020000,
		.driver = xstrdup(driver),
		.iommu_group = (int)s->n_functions,
		.numa_node = NONE,
		.pf = NONE,
	};
	return f;
}

/* A PF of up to 8 VFs, whose driver's VFs have another ID. */
static inline struct function *add_pf(struct system *s, const char *address,
				      unsigned vendor, unsigned device,
				      const char *driver)
{
	struct function *f = add_function(s, address, vendor, device, driver);

	f->total_vfs = 8;
	f->vf_device = device + 1;
	f->vf_offset = 8;
	f->vf_stride = 1;
	f->autoprobe = true;
	return f;
}

static inline void add_vfs(struct system *s, int pf, unsigned n, const char *driver)
{
	for (unsigned i = 0; i < n; i++) {
		_cleanup_free_ char *address =
			xasprintf("%.8s01.%u", s->functions[pf].address, i);
		struct function *vf = add_function(s, address, s->functions[pf].vendor,
						   s->functions[pf].vf_device, driver);

		vf->pf = pf;
		vf->vf_index = i;
		*array_add(s->functions[pf].vfs, s->functions[pf].n_vfs) =
			(int)s->n_functions - 1;
	}
}

static inline struct netdev *add_netdev(struct function *f, const char *name, bool up)
{
	struct netdev *n = array_add(f->netdevs, f->n_netdevs);

	*n = (struct netdev){ .name = xstrdup(name), .up = up };
	return n;
}

static inline struct pf_rule *add_pf_rule(struct config *c, const char *address, int vfs,
					  const char *driver)
{
	struct pf_rule *rule = array_add(c->pfs, c->n_pfs);

	*rule = (struct pf_rule){
		.where = { FILE_NAME, 3 },
		.match = { .address = xstrdup(address), .vendor = -1, .device = -1 },
		.vfs = vfs,
		.driver = xstrdup(driver),
	};
	return rule;
}

/* Problems as "LEVEL ADDRESS: text", then actions, a line each, without their reasons. */
static inline char *plan_text(const struct config *c, const struct system *s)
{
	struct plan plan = plan_make(c, s);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < plan.n_problems; i++)
		fprintf(out, "%d %s: %s\n", plan.problems[i].level,
			plan.problems[i].pci ? plan.problems[i].pci : "-",
			plan.problems[i].text);
	for (size_t i = 0; i < plan.n_actions; i++) {
		_cleanup_free_ char *line = action_text(&plan.actions[i], false);

		fprintf(out, "%s\n", line);
	}
	fclose(out);
	plan_done(&plan);
	return text;
}

/* Frees both. */
static inline void plan_is(const char *what, struct config *c, struct system *s,
			   const char *want)
{
	_cleanup_free_ char *got = plan_text(c, s);

	is_string(got, want, "%s", what);
	config_done(c);
	system_done(s);
	*c = (struct config){};
	*s = (struct system){};
}
