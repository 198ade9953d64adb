#include "kernel-args.h"

/* One word that a setting asks for. */
struct wish {
	bool asked;     /* the setting wants its effect */
	bool literal;   /* "on": the word itself, effect or not */
	bool effective; /* its effect is there now */
	const char *word;
};

/*
 * An effect that is there comes either from us, then our word stays, or from elsewhere,
 * then none is needed.
 */
static void consider(const struct wish *wish, const struct kernel_facts *facts,
		     struct cmdline *wanted, struct cmdline *missing)
{
	bool ours = cmdline_has(&facts->ours, wish->word);

	if (!wish->asked || (wish->effective && !ours && !wish->literal))
		return;
	if (cmdline_has(wanted, wish->word))
		return; /* kernel.extra says it once more */
	/* somebody else's word is not written twice, so that removal restores the machine
	 */
	if (!ours && cmdline_has(&facts->running, wish->word))
		return;
	cmdline_add(wanted, wish->word);
	if (!wish->effective)
		cmdline_add(missing, wish->word);
}

static void add_iommu(const struct kernel_config *config,
		      const struct kernel_facts *facts, struct cmdline *wanted,
		      struct cmdline *missing)
{
	/*
	 * AMD's IOMMU is on whenever the firmware has one, and amd_iommu=on does not
	 * exist; arm64's needs no word. In an image the CPU is not known: intel_iommu=on
	 * does nothing on others.
	 */
	struct wish on = {
		.asked = config->iommu == IOMMU_ON ||
			 (config->iommu == IOMMU_AUTO &&
			  (facts->firmware_iommu || facts->offline)),
		.literal = config->iommu == IOMMU_ON,
		.effective = facts->iommu_groups,
		.word = "intel_iommu=on",
	};
	struct wish passthrough = {
		.asked = config->passthrough,
		.effective = facts->passthrough,
		/* iommu=pt is x86's; arm64 takes the generic name. drivers/iommu/iommu.c
		 */
		.word = facts->cpu == CPU_ARM64 ? "iommu.passthrough=1" : "iommu=pt",
	};

	/* in an image it may have been set for any CPU; taking it back would cost a
	 * reboot */
	if (facts->cpu == CPU_INTEL || cmdline_has(&facts->ours, on.word))
		consider(&on, facts, wanted, missing);
	consider(&passthrough, facts, wanted, missing);
}

static void add_pci(const struct kernel_config *config, const struct kernel_facts *facts,
		    struct cmdline *wanted, struct cmdline *missing)
{
	const struct wish realloc = {
		.asked = config->pci_realloc != REALLOC_LEAVE,
		.literal = config->pci_realloc == REALLOC_ON,
		.effective = !facts->vf_bars_unassigned,
		.word = "pci=realloc",
	};
	const struct wish busses = {
		/* "assign-busses" is known to x86 only, pcibios_setup() */
		.asked = config->assign_busses && facts->cpu != CPU_ARM64,
		.literal = facts->offline,
		.effective = !facts->vf_buses_missing,
		.word = "pci=assign-busses",
	};

	consider(&realloc, facts, wanted, missing);
	consider(&busses, facts, wanted, missing);
}

static void add_literal(const char *word, const struct kernel_facts *facts,
			struct cmdline *wanted, struct cmdline *missing)
{
	const struct wish wish = {
		.asked = true,
		.literal = true,
		.effective = cmdline_has(&facts->running, word),
		.word = word,
	};

	consider(&wish, facts, wanted, missing);
}

static bool has_pair(const struct cmdline *cmdline, const char *first, const char *second)
{
	for (size_t i = 0; i + 1 < cmdline->words.n; i++)
		if (streq(cmdline->words.items[i], first) &&
		    streq(cmdline->words.items[i + 1], second))
			return true;
	return false;
}

void kargs_wanted(const struct kernel_config *config, const struct kernel_facts *facts,
		  struct cmdline *wanted, struct cmdline *missing)
{
	if (!config->where.file)
		return;
	add_iommu(config, facts, wanted, missing);
	add_pci(config, facts, wanted, missing);
	/* a count belongs to the size before it: one group of words, in order */
	for (size_t i = 0; i < config->n_hugepages; i++) {
		_cleanup_free_ char *size =
			xasprintf("hugepagesz=%s", config->hugepages[i].size);
		_cleanup_free_ char *count =
			xasprintf("hugepages=%u", config->hugepages[i].count);
		bool effective = has_pair(&facts->running, size, count);

		if (effective && !has_pair(&facts->ours, size, count))
			continue; /* somebody else's: not written twice */
		cmdline_add(wanted, size);
		cmdline_add(wanted, count);
		if (!effective) {
			cmdline_add(missing, size);
			cmdline_add(missing, count);
		}
	}
	for (size_t i = 0; i < config->extra.n; i++)
		add_literal(config->extra.items[i], facts, wanted, missing);
}
