/*
 * kernel-args.h: which words the kernel command line needs, by what is in effect. Pure,
 * but for kernel_facts_read().
 */
#pragma once

#include "cmdline.h"
#include "config.h"
#include "root.h"

enum cpu { CPU_INTEL, CPU_AMD, CPU_ARM64, CPU_OTHER };

struct kernel_facts {
	bool offline; /* an image: nothing below was observed */
	enum cpu cpu;
	bool firmware_iommu;     /* there is a DMAR, IVRS or IORT table */
	bool iommu_groups;       /* the kernel uses an IOMMU */
	bool passthrough;        /* most groups' default domain is the identity */
	bool vf_bars_unassigned; /* a PF's VF BARs have no address: not enough MMIO window
				  */
	bool stale; /* ours are with another boot loader or certificate than the config
		     * names */
	bool vf_buses_missing; /* the last VF of a PF is beyond the last bus of its bridge
				*/
	struct cmdline running; /* /proc/cmdline */
	struct cmdline ours; /* installed by us for the next boot, without the marker */
	struct cmdline rejected; /* rolled back: not to be tried again */
};

/* Below --root only `ours` and `rejected` are read. Returns 0, or a negative errno. */
int kernel_facts_read(const struct root *root, struct kernel_facts *ret);
/* For words of an image: x86's are harmless on each of its CPUs, arm64's are others. */
enum cpu kernel_facts_image_cpu(const struct root *root);
void kernel_facts_done(struct kernel_facts *facts);

/*
 * `wanted`: all words that should be ours. "auto" judges by effect: a word whose effect
 * is there without us is not wanted, one that we installed stays. `missing`: those whose
 * effect is absent now. research: kargs §A.
 */
void kargs_wanted(const struct kernel_config *config, const struct kernel_facts *facts,
		  struct cmdline *wanted, struct cmdline *missing);
