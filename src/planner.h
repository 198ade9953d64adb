/*
 * planner.h: what the parts of the planner share while one plan is made. Only plan*.c
 * include it.
 */
#pragma once

#include "plan.h"

#include <syslog.h>

/* A MAC address that an interface has or a VF is to get. */
struct taken_mac {
	uint64_t mac;
	const struct function *function; /* that of the interface, or the VF's PF */
	const char *netdev;              /* NULL: the VF's */
	unsigned vf;
};

/* One run of the planner: what it reads, what it fills. */
struct planner {
	const struct config *config;
	const struct system *system;
	struct plan plan;
	struct strings drivers; /* vfio drivers that something is to be bound to */
	void *macs; /* tsearch()'s tree of struct taken_mac; NULL: not looked at yet */
};

/* One PF and the rule that governs it. */
struct task {
	struct planner *planner;
	const struct pf_rule *rule;
	const struct function *pf;
};

/* Appends to the plan. The strings are copied; the action is valid until the next call.
 */
struct action *planner_add(struct planner *p, enum verb verb, const struct function *f,
			   int vf, const char *name, const char *value,
			   struct where where);
/* `f` NULL: about the rule at `where`. Level: see struct problem. */
void planner_problem(struct planner *p, int level, const struct function *f,
		     struct where where, const char *format, ...) PRINTF(5, 6);
/* Something is to be bound to this driver. */
void planner_need_driver(struct planner *p, const char *driver);

/* --force-in-use names it. */
bool planner_is_forced(const struct planner *p, const struct function *f);

bool driver_is_vfio(const char *driver);
/* Does the rule bind one of its first `n` VFs to a vfio driver? */
bool pf_rule_wants_vfio(const struct pf_rule *rule, unsigned n);

/* One file each; in the order in which they add to the plan. */
void plan_pf(struct task *t);
/* Removes the PF's VFs, or says why they stay. */
void plan_no_vfs(struct task *t);
/* NVMe: what the PF must give up for that many VFs; false: they cannot be made. Then for
 * each VF, which is NULL while it is not made. */
bool plan_nvme(struct task *t, unsigned want);
void plan_nvme_vf(struct task *t, unsigned i, const struct function *vf);
void plan_device(struct planner *p, const struct function *f,
		 const struct device_rule *rule);
void plan_mdevs(struct planner *p);
/* Puts the modules before all other actions. */
void plan_modules(struct planner *p);
void plan_unsafe_interrupts(struct planner *p);
void plan_module_options(struct planner *p);
