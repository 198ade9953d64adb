#include "doctor.h"

#include "driver.h"
#include "plan.h"

#include <stdarg.h>
#include <syslog.h>

/* `next` is borrowed: a sentence, or NULL where all is well. */
PRINTF(4, 5)
static void say(struct findings *f, enum finding_level level, const char *next,
		const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	*array_add(f->items, f->n) = (struct finding){ level, text, xstrdup(next) };
}

static void judge_iommu(struct findings *f, const struct kernel_facts *k)
{
	if (k->iommu_groups)
		say(f, FINDING_OK, NULL, "the kernel uses the IOMMU");
	else if (!k->firmware_iommu)
		say(f, FINDING_BROKEN,
		    "turn on VT-d (Intel), AMD-Vi (AMD) or the SMMU in the firmware; a "
		    "virtual machine needs a virtual IOMMU",
		    "the firmware shows no IOMMU: no DMAR, IVRS or IORT table");
	else if (k->cpu == CPU_INTEL)
		say(f, FINDING_BROKEN,
		    "kernel = { iommu = \"on\"; }; then sriov-setup kargs apply, reboot",
		    "the firmware has an IOMMU, and the kernel does not use it");
	else
		say(f, FINDING_BROKEN,
		    "look for iommu=off or amd_iommu=off in /proc/cmdline, and for "
		    "errors of the IOMMU in the kernel log",
		    "the firmware has an IOMMU, and the kernel does not use it");
}

/* Without any rule the question is what the host could do. */
static bool is_vfio_wanted(const struct config *config)
{
	if (config->n_pfs == 0)
		return true;
	for (size_t i = 0; i < config->n_pfs; i++) {
		const struct pf_rule *rule = &config->pfs[i];

		if (strstr(rule->driver, "vfio"))
			return true;
		for (size_t j = 0; j < rule->n_vf; j++)
			if (rule->vf[j].driver && strstr(rule->vf[j].driver, "vfio"))
				return true;
	}
	return config->n_devices > 0;
}

static void judge_interrupts(struct findings *f, const struct config *config,
			     const struct system *system,
			     const struct doctor_facts *facts)
{
	const struct kernel_facts *k = &facts->kernel;

	if (!is_vfio_wanted(config) || !k->iommu_groups ||
	    (k->cpu != CPU_INTEL && k->cpu != CPU_AMD))
		return;
	if (facts->remapping)
		say(f, FINDING_OK, NULL, "interrupts are remapped");
	else if (system->unsafe_interrupts)
		say(f, FINDING_ATTENTION, "trust every guest, or turn on x2APIC there",
		    "interrupts are not remapped, and VFIO works without");
	else
		say(f, FINDING_BROKEN,
		    "turn on interrupt remapping (x2APIC) in the firmware; or, where "
		    "every guest is trusted, kernel = { unsafe_interrupts = true; };",
		    "interrupts are not remapped, so VFIO refuses every device");
}

static void judge_build(struct findings *f, const struct doctor_facts *facts)
{
	static const char *const needed[] = { "PCI_IOV", "VFIO", "VFIO_PCI",
					      "IOMMU_SUPPORT" };
	size_t lacking = 0;

	if (!facts->build_config)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		_cleanup_free_ char *line = xasprintf("\nCONFIG_%s=", needed[i]);

		if (strstr(facts->build_config, line))
			continue;
		lacking++;
		say(f, FINDING_BROKEN, "boot a kernel that has it",
		    "the kernel was built without CONFIG_%s", needed[i]);
	}
	if (!lacking)
		say(f, FINDING_OK, NULL, "the kernel was built with SR-IOV and VFIO");
}

static void judge_kernel(struct findings *f, const struct config *config,
			 const struct doctor_facts *facts)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	_cleanup_free_ char *words = NULL;

	judge_build(f, facts);
	if (facts->vfio_there)
		say(f, FINDING_OK, NULL, "vfio-pci is there");
	else
		say(f, FINDING_BROKEN,
		    "install the package with this kernel's further modules",
		    "kernel %s has no module vfio-pci", facts->release);
	if (facts->kvm)
		say(f, FINDING_OK, NULL, "KVM is there");
	else
		say(f, FINDING_ATTENTION,
		    "for virtual machines: VT-x or AMD-V (SVM) in the firmware; DPDK and "
		    "containers need none",
		    "there is no /dev/kvm");
	if (facts->secure_boot)
		say(f, FINDING_OK, NULL,
		    "Secure Boot: modules from elsewhere than the kernel's packages need "
		    "a key that the firmware trusts, and so does an addon of a unified "
		    "kernel image");
	if (facts->lockdown && !strstr(facts->lockdown, "[none]"))
		say(f, FINDING_OK, NULL, "kernel lockdown: modules must be signed");
	kargs_wanted(&config->kernel, &facts->kernel, &wanted, &missing);
	words = cmdline_print(missing.words.n ? &missing : &wanted);
	if (wanted.words.n && !missing.words.n)
		say(f, FINDING_OK, NULL,
		    "kernel arguments that are asked for are in effect: %s", words);
	if (missing.words.n)
		say(f, FINDING_ATTENTION, "sriov-setup kargs apply, then reboot",
		    "kernel arguments that are asked for have no effect yet: %s", words);
}

/* The kernel's pci_iov_virtfn_bus() of the last VF. */
static unsigned last_vf_bus(const struct function *pf)
{
	unsigned bus = 0, device = 0, function = 0;
	const char *at = pf->address + strlen(pf->address) - strlen("00:00.0");

	sscanf(at, "%2x:%2x.%1x", &bus, &device, &function);
	return (bus << 8) + (device << 3) + function + pf->vf_offset +
	       pf->vf_stride * (pf->total_vfs - 1);
}

/* ", 224 KiB of the bridge's 1024 KiB"; the caller frees it. */
static char *memory_text(const struct doctor_pf *d)
{
	if (!d->vf_memory)
		return xstrdup("");
	return d->window ? xasprintf(", %llu KiB for VFs of the bridge's %llu KiB",
				     (unsigned long long)d->vf_memory / 1024,
				     (unsigned long long)d->window / 1024) :
			   xasprintf(", %llu KiB for VFs",
				     (unsigned long long)d->vf_memory / 1024);
}

/* Who allows fewer VFs than are wanted, or none: the driver, or the card's firmware. */
static void judge_limit(struct findings *f, const struct config *config,
			const struct function *pf, const struct doctor_pf *d)
{
	const struct pf_rule *rule = system_pf_rule(config, pf);
	const char *more = driver_find(pf->driver)->more_vfs;
	int wanted = rule && rule->vfs > 0 ? rule->vfs : 0;

	if (d->in_card == NONE || (pf->total_vfs && wanted <= (int)pf->total_vfs))
		return;
	if (d->in_card > (int)pf->total_vfs)
		say(f, FINDING_ATTENTION,
		    "look at the driver's parameters, or use another version of it",
		    "%s: its driver %s allows %u of the %d VFs that the card has",
		    pf->address, pf->driver ? pf->driver : "(none)", pf->total_vfs,
		    d->in_card);
	else
		say(f, FINDING_ATTENTION,
		    more ? more :
			   "raise it with the vendor's tool or in the firmware's "
			   "settings of the card, then switch the machine off and on",
		    "%s: the card's firmware allows %u VFs", pf->address, pf->total_vfs);
}

static void judge_pf(struct findings *f, const struct config *config,
		     const struct system *system, const struct doctor_pf *d)
{
	const struct function *pf = &system->functions[d->function];
	_cleanup_free_ char *memory = memory_text(d), *more = NULL;
	size_t before = f->n;

	judge_limit(f, config, pf, d);
	if (!pf->total_vfs)
		return;
	if (d->in_card > (int)pf->total_vfs)
		more = xasprintf(" of the card's %d", d->in_card);
	if (d->last_bus != NONE && last_vf_bus(pf) >> 8 > (unsigned long)d->last_bus)
		say(f, FINDING_ATTENTION,
		    "ask for fewer VFs, or kernel = { assign_busses = true; }; (x86)",
		    "%s: its bridge ends at bus %02lx, and its last VF would be on %02x",
		    pf->address, (unsigned long)d->last_bus, last_vf_bus(pf) >> 8);
	if (!d->ari_unknown && !d->ari && pf->total_vfs > 7)
		say(f, FINDING_ATTENTION,
		    "turn on ARI in the firmware, or use a slot of the CPU's own",
		    "%s: its slot has no ARI, so its VFs take more buses", pf->address);
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *other = &system->functions[i];

		if (pf->iommu_group != NONE && other != pf &&
		    other->iommu_group == pf->iommu_group && other->class >> 8 == 0x0604)
			say(f, FINDING_ATTENTION,
			    "turn on ACS in the firmware, or use another slot",
			    "%s: shares IOMMU group %d with bridge %s, which lacks ACS",
			    pf->address, pf->iommu_group, other->address);
	}
	if (f->n == before)
		say(f, FINDING_OK, NULL, "%s: up to %u VFs%s, driver %s%s", pf->address,
		    pf->total_vfs, more ? more : "", pf->driver ? pf->driver : "(none)",
		    memory);
}

static void judge_pfs(struct findings *f, const struct config *config,
		      const struct system *system, const struct doctor_facts *facts)
{
	bool able = false;

	for (size_t i = 0; i < facts->n_pfs; i++)
		able |= system->functions[facts->pfs[i].function].total_vfs > 0;
	if (!able)
		say(f, FINDING_BROKEN,
		    "turn on SR-IOV in the firmware of host and card (for example "
		    "mlxconfig SRIOV_EN=1), and look whether the card has it: lspci -vv",
		    "no PCI function can make VFs");
	if (facts->kernel.vf_bars_unassigned)
		say(f, FINDING_BROKEN,
		    "turn on Above 4G Decoding in the firmware, or kernel = { "
		    "pci_realloc = \"on\"; };",
		    "the VFs of a PF got no memory window from the firmware");
	for (size_t i = 0; facts->kernel.vf_bars_unassigned && i < facts->n_pfs; i++)
		if (!facts->pfs[i].vf_memory &&
		    system->functions[facts->pfs[i].function].total_vfs)
			say(f, FINDING_BROKEN,
			    "a slot behind a bridge with a larger window may do as well",
			    "%s: no memory for its VFs; the bridge above it passes on "
			    "%llu KiB",
			    system->functions[facts->pfs[i].function].address,
			    (unsigned long long)facts->pfs[i].window / 1024);
	for (size_t i = 0; i < facts->n_pfs; i++)
		judge_pf(f, config, system, &facts->pfs[i]);
}

/* What the planner says that it cannot put right. */
static void judge_plan(struct findings *f, const struct config *config,
		       const struct system *system)
{
	_cleanup_(plan_done) struct plan plan = {};
	struct system alone = *system; /* owns nothing */

	alone.owners = (struct owners){}; /* judge_owners() tells more of them */
	plan = plan_make(config, &alone);

	for (size_t i = 0; i < plan.n_problems; i++) {
		const struct problem *p = &plan.problems[i];
		_cleanup_free_ char *next =
			p->where.file ? xasprintf("see the rule, %s:%d", p->where.file,
						  p->where.line) :
					NULL;

		if (p->level <= LOG_WARNING)
			say(f, p->level <= LOG_ERR ? FINDING_BROKEN : FINDING_ATTENTION,
			    next, "%s%s%s", p->pci ? p->pci : "", p->pci ? ": " : "",
			    p->text);
	}
}

static void judge_owners(struct findings *f, const struct system *system,
			 const struct doctor_facts *facts)
{
	if (facts->replaced)
		say(f, FINDING_BROKEN,
		    "move what it does to sriov.conf, then remove it: systemctl "
		    "daemon-reload",
		    "/etc/systemd/system/sriov-setup.service takes the place of our "
		    "unit");
	for (size_t i = 0; i < system->owners.n; i++) {
		const struct owner *o = &system->owners.items[i];
		_cleanup_free_ char *next =
			xasprintf("let one of them do it; %s%s",
				  *o->rules ? "in sriov.conf: " :
					      "sriov-setup export config prints what is "
					      "there as rules",
				  o->rules);

		say(f, FINDING_ATTENTION, next, "%s%s%s makes or binds VFs too: %s",
		    o->pfs.n ? o->pfs.items[0] : "", o->pfs.n ? ": " : "", o->name,
		    o->file);
	}
}

struct findings doctor_judge(const struct config *config, const struct system *system,
			     const struct doctor_facts *facts)
{
	struct findings f = {};

	judge_iommu(&f, &facts->kernel);
	judge_interrupts(&f, config, system, facts);
	judge_kernel(&f, config, facts);
	judge_pfs(&f, config, system, facts);
	judge_plan(&f, config, system);
	judge_owners(&f, system, facts);
	return f;
}

void findings_done(struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		free(findings->items[i].text);
		free(findings->items[i].next);
	}
	free(findings->items);
}

enum finding_level findings_print(const struct findings *findings, FILE *out)
{
	static const char *const words[] = { "ok", "attention", "broken" };
	enum finding_level worst = FINDING_OK;

	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *f = &findings->items[i];

		if (f->level > worst)
			worst = f->level;
		fprintf(out, "%-10s %s\n", words[f->level], f->text);
		if (f->next)
			fprintf(out, "%-10s   -> %s\n", "", f->next);
	}
	return worst;
}
