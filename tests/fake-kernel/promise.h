/* promise.h: what must hold for every run on every machine. */
#pragma once

#include "config.h"
#include "host.h"
#include "system.h"

/* A function of the machine, read from the tree without the product's help. */
struct view {
	char *address, *driver, *override, *group, *pf; /* NULL: none */
	unsigned vendor, device, vfs, total, offset, stride;
	bool autoprobe;
	const struct pf_rule *pf_rule; /* the rules that govern it: NULL: none */
	const struct device_rule *device_rule;
};

struct views {
	struct view *items;
	size_t n;
};

struct views views_read(const struct root *root, const struct config *config);
void views_done(struct views *views);
const struct view *views_find(const struct views *views, const char *address);

/* One run of the product, and the machine around it. */
struct trial {
	struct host *host;
	struct config *config;
	const char *device;   /* only this PF or device was asked for; NULL: all */
	struct system system; /* as the product saw it before */
	struct views before, after;
	struct strings audit;
	char *said;
	int status;
};

void trial_run(struct trial *trial, struct host *host, struct config *config,
	       const char *device);
void trial_done(struct trial *trial);

/*
 * The first promise that the run broke, as text for the caller to free; NULL: none.
 * - No write goes anywhere but to what a rule governs, and no lock-taking attribute is
 * read.
 * - What no rule governs is as it was; the udev rule for late VFs is in force.
 * - sriov_drivers_autoprobe is as it was, also after failures (unless its own write
 * fails).
 * - A run that succeeds leaves each governed PF with its VFs, each on its driver.
 * - A run that fails says so: an exit status, and a line with the address.
 */
char *trial_broken(const struct trial *trial);
/* The same for: the PFs that this line of the audit is not about are as their rules say.
 */
char *trial_untouched_by(const struct trial *trial, const char *line);
/* Also: another run writes nothing and says nothing that is not wrong. */
char *trial_broken_twice(struct host *host, struct config *config);
