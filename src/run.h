/*
 * run.h: one run of `apply`: lock, wait, observe, plan, do, observe again, leave the
 * snippets.
 */
#pragma once

#include "config.h"
#include "root.h"

#define RUN_DIR "run/sriov-setup"

struct run_options {
	unsigned wait;      /* seconds for the configured PFs; 0: as they are */
	const char *device; /* only this PF or device; NULL: all */
	bool boot;          /* leave next-boot actions to sriov-setup-kargs.service */
};

/*
 * Returns an exit status: 0 done or nothing to do, 1 failure, 3 some things done and
 * others failed. Everything is logged.
 */
int run_apply(const struct config *config, const struct root *root,
	      const struct run_options *options);

/* What acts with the next boot or module load: kernel arguments and modprobe.d. */
int run_kargs(const struct config *config, const struct root *root);
/*
 * Takes back what runs of this boot made and nobody uses: VFs and bindings; of `only`, an
 * address, or (NULL) of all, and then also removes all files of ours: kernel arguments,
 * modprobe.d, udev rules, exports. 0, or a negative errno when something stays.
 */
int run_reset(const struct config *config, const struct root *root, const char *only);
