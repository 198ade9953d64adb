#include "rules.h"

#include "plan.h"

/*
 * A VF is asked for at its first event, and once more when its native driver was faster
 * (its bind event); then never again, so that an administrator's later choice holds. The
 * property must be imported at every event, or the database entry is written without it.
 * Links and attributes below physfn are reached by path: a VF's parent is the bridge, not
 * the PF. That physfn can be missing at "add" is harmless, since "change" follows:
 * pci_iov_add_virtfn(). Events that somebody triggers (SYNTH_UUID) and reports of PCI
 * errors are not about VFs that come into being: a VF that is used by then must not be
 * touched.
 */
static const char head[] =
	"# Written by sriov-setup at each run; VFs that others create get their driver "
	"here.\n"
	"SUBSYSTEM!=\"pci\", GOTO=\"sriov_setup_end\"\n"
	"ACTION==\"remove\", GOTO=\"sriov_setup_end\"\n"
	"TEST!=\"physfn\", GOTO=\"sriov_setup_end\"\n"
	"IMPORT{db}=\"SRIOV_SETUP\"\n"
	"ENV{SYNTH_UUID}==\"?*\", GOTO=\"sriov_setup_end\"\n"
	"ENV{ERROR_EVENT}==\"?*\", GOTO=\"sriov_setup_end\"\n"
	"ENV{SRIOV_SETUP}==\"done\", GOTO=\"sriov_setup_end\"\n"
	"ACTION==\"bind\", ENV{SRIOV_SETUP}!=\"asked\", ENV{SRIOV_SETUP}=\"done\", "
	"GOTO=\"sriov_setup_end\"\n"
	"ACTION!=\"add|change|bind\", GOTO=\"sriov_setup_end\"\n"
	"TEST==\"/run/sriov-setup/busy\", GOTO=\"sriov_setup_end\"\n";

static const char tail[] = "LABEL=\"sriov_setup_end\"\n";

static void write_driver(FILE *out, size_t label, const char *driver)
{
	fprintf(out, "\nLABEL=\"sriov_setup_%zu\"\n", label);
	/* what is bound now, not what the event tells: one that is right is never unbound
	 */
	fprintf(out,
		"DRIVER==\"%s\", ENV{SRIOV_SETUP}=\"done\", GOTO=\"sriov_setup_end\"\n",
		driver);
	fputs("ACTION==\"bind\", ENV{SRIOV_SETUP}=\"done\"\n"
	      "ACTION!=\"bind\", ENV{SRIOV_SETUP}=\"asked\"\n",
	      out);
	fprintf(out, "ATTR{driver_override}=\"%s\"\n", driver);
	fputs("TEST==\"driver\", ATTR{driver/unbind}=\"$kernel\"\n", out);
	if (!streq(driver, DRIVER_NONE))
		fprintf(out, "ATTR{[drivers/pci:%s]bind}=\"$kernel\"\n", driver);
	fputs("GOTO=\"sriov_setup_end\"\n", out);
}

/* pci_iov_virtfn_bus(), pci_iov_virtfn_devfn(): routing ID of the PF + offset + stride ×
 * index */
static void write_vf_address(FILE *out, const struct function *pf, unsigned index)
{
	unsigned domain, bus, device, function, id;

	if (sscanf(pf->address, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		return;
	id = (bus << 8 | device << 3 | function) + pf->vf_offset + pf->vf_stride * index;
	fprintf(out, "%04x:%02x:%02x.%x", domain, id >> 8 & 0xff, id >> 3 & 0x1f, id & 7);
}

static bool same_driver_for_all(const struct pf_rule *rule, const struct function *pf)
{
	for (unsigned i = 1; i < pf->total_vfs; i++)
		if (!streq(pf_rule_driver(rule, pf, i), pf_rule_driver(rule, pf, 0)))
			return false;
	return true;
}

static size_t driver_label(struct strings *drivers, const char *driver)
{
	for (size_t i = 0; i < drivers->n; i++)
		if (streq(drivers->items[i], driver))
			return i;
	strings_add(drivers, driver);
	return drivers->n - 1;
}

/* One line per run of VFs with one driver; the index of a VF is told only by its address.
 */
static void write_ranges(FILE *out, struct strings *drivers, const struct pf_rule *rule,
			 const struct function *pf)
{
	for (unsigned i = 0; i < pf->total_vfs; i++) {
		const char *driver = pf_rule_driver(rule, pf, i);
		unsigned first = i;

		while (i + 1 < pf->total_vfs &&
		       streq(pf_rule_driver(rule, pf, i + 1), driver))
			i++;
		if (!driver_is_chosen(driver))
			continue;
		fputs("KERNEL==\"", out);
		for (unsigned j = first; j <= i; j++) {
			fputs(j > first ? "|" : "", out);
			write_vf_address(out, pf, j);
		}
		fprintf(out, "\", GOTO=\"sriov_setup_%zu\"\n",
			driver_label(drivers, driver));
	}
}

void rules_write(FILE *out, const struct config *config, const struct system *system)
{
	struct strings drivers = {};

	fputs(head, out);
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *pf = &system->functions[i];
		int r = plan_pf_rule(config, pf);
		const struct pf_rule *rule = r == NONE ? NULL : &config->pfs[r];

		if (!rule || rule->vfs == 0)
			continue;
		if (!same_driver_for_all(rule, pf))
			write_ranges(out, &drivers, rule, pf);
		else if (driver_is_chosen(pf_rule_driver(rule, pf, 0)))
			fprintf(out,
				"ATTR{physfn/uevent}==\"*PCI_SLOT_NAME=%s*\", "
				"GOTO=\"sriov_setup_%zu\"\n",
				pf->address,
				driver_label(&drivers, pf_rule_driver(rule, pf, 0)));
	}
	fputs("GOTO=\"sriov_setup_end\"\n", out);
	for (size_t i = 0; i < drivers.n; i++)
		write_driver(out, i, drivers.items[i]);
	fputs(tail, out);
	strings_done(&drivers);
}
