#include "explain.h"

#include "plan.h"

const struct function *explain_find(const struct system *system, const char *name)
{
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];

		if (streq(f->address, name) ||
		    (startswith(f->address, "0000:") && streq(f->address + 5, name)))
			return f;
		for (size_t j = 0; j < f->n_netdevs; j++)
			if (streq(f->netdevs[j].name, name))
				return f;
	}
	return NULL;
}

/* One part of a match; the caller frees `found`. */
static void part(FILE *out, const char *key, const char *wanted, char *found)
{
	if (wanted)
		fprintf(out, "    %-10s wanted %s, found %s\n", key, wanted,
			found ? found : "none");
	free(found);
}

/* "eno1, eno2" or their MAC addresses; the caller frees it. */
static char *netdev_words(const struct function *f, bool mac)
{
	char *all = NULL;

	for (size_t i = 0; i < f->n_netdevs; i++) {
		const char *word = mac ? f->netdevs[i].mac : f->netdevs[i].name;
		char *more = xasprintf("%s%s%s", all ? all : "", all ? ", " : "",
				       word ? word : "none");

		free(all);
		all = more;
	}
	return all;
}

static void print_match(FILE *out, const struct match *m, const struct function *f)
{
	_cleanup_free_ char *id =
		m->vendor < 0 ? NULL : xasprintf("%04x:%04x", m->vendor, m->device);

	part(out, "address", m->address, xstrdup(f->address));
	part(out, "interface", m->interface, netdev_words(f, false));
	part(out, "mac", m->mac, netdev_words(f, true));
	part(out, "id", id, xasprintf("%04x:%04x", f->vendor, f->device));
	part(out, "driver", m->driver, xstrdup(f->driver));
	part(out, "slot", m->slot, xstrdup(f->slot));
	part(out, "serial", m->serial, xstrdup(f->serial));
}

/* Returns whether the rule governs: it matches, and none before did. */
static bool print_rule(FILE *out, const char *kind, const struct where *where,
		       const struct match *match, const struct function *f,
		       const struct where *governing)
{
	bool agrees = match_agrees(match, f);

	fprintf(out, "  %s:%d: %s rule ", where->file, where->line, kind);
	if (agrees && !governing)
		fputs("governs it\n", out);
	else if (agrees)
		fprintf(out, "matches too, but %s:%d comes first\n", governing->file,
			governing->line);
	else
		fputs("does not match\n", out);
	print_match(out, match, f);
	return agrees && !governing;
}

static void print_left(FILE *out, const struct config *config, const struct function *f)
{
	const struct pf_rule *rule = system_pf_rule(config, f);
	int device = rule ? NONE : plan_device_rule(config, f);

	if (rule && streq(rule->driver, DRIVER_LEAVE))
		fprintf(out, "  its VFs are %s\n", plan_left);
	else if (device != NONE && streq(config->devices[device].driver, DRIVER_LEAVE))
		fprintf(out, "  it is %s\n", plan_left);
}

void explain_print(FILE *out, const struct config *config, const struct system *system,
		   const struct function *f)
{
	const struct where *governing = NULL;
	bool is_pf = f->total_vfs || f->n_vfs;

	fprintf(out, "%s: ", f->address);
	if (f->pf != NONE) {
		fprintf(out, "VF %u of %s, whose rule governs it:\n", f->vf_index,
			system->functions[f->pf].address);
		explain_print(out, config, system, &system->functions[f->pf]);
		return;
	}
	if (is_pf)
		fprintf(out, "a PF of up to %u VFs\n", f->total_vfs);
	else
		fputs("makes no VFs, so pf rules do not look at it\n", out);
	for (size_t i = 0; is_pf && i < config->n_pfs; i++)
		if (print_rule(out, "pf", &config->pfs[i].where, &config->pfs[i].match, f,
			       governing))
			governing = &config->pfs[i].where;
	/* a pf rule goes before all device rules: plan_function() */
	for (size_t i = 0; i < config->n_devices; i++)
		if (print_rule(out, "device", &config->devices[i].where,
			       &config->devices[i].match, f, governing))
			governing = &config->devices[i].where;
	if (config->harvester && governing)
		print_left(out, config, f);
	if (!governing)
		fputs("  no rule governs it: it is left alone\n", out);
}
