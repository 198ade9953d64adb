/*
 * The machine as it is, as a config: the first file of a host whose VFs somebody made
 * already. Only counts and drivers; what the rules say of MAC addresses and the like
 * would be read only for a rule that says it.
 */
#include "export.h"

static const char *driver_word(const struct function *f)
{
	if (!f->driver)
		return DRIVER_NONE;
	return strstr(f->driver, "vfio") ? f->driver : DRIVER_NATIVE;
}

/* Of VF `index`; NULL: the VF's link dangles. */
static const char *vf_word(const struct system *system, const struct function *pf,
			   size_t index)
{
	return pf->vfs[index] == NONE ? NULL :
					driver_word(&system->functions[pf->vfs[index]]);
}

/* An entry for each run of VFs whose driver is not that of the first. */
static void write_entries(FILE *out, const struct system *system,
			  const struct function *pf, const char *first)
{
	const char *separator = " vf = ( ";
	size_t last;

	for (size_t i = 1; i < pf->n_vfs; i = last + 1) {
		const char *word = vf_word(system, pf, i);

		last = i;
		while (last + 1 < pf->n_vfs && streq(word, vf_word(system, pf, last + 1)))
			last++;
		if (!word || streq(word, first))
			continue;
		fprintf(out, "%s{ index = \"%zu-%zu\"; driver = \"%s\"; }", separator, i,
			last, word);
		separator = ", ";
	}
	if (*separator == ',')
		fputs(" );", out);
}

static void write_name(FILE *out, const struct function *f, const struct names *names)
{
	_cleanup_free_ char *device = names_device(names, f->vendor, f->device);
	_cleanup_free_ char *text = xstrdup(device ? device : "unknown device");

	for (size_t i = 0; i < f->n_netdevs; i++) {
		_cleanup_free_ char *before = text;

		text = xasprintf("%s, %s", before, f->netdevs[i].name);
	}
	if (f->total_vfs) {
		_cleanup_free_ char *before = text;

		text = xasprintf("%s, up to %u VFs", before, f->total_vfs);
	}
	fputc('\t', out);
	export_comment(out, text);
}

static void write_pfs(FILE *out, const struct system *system, const struct names *names)
{
	const char *separator = "";

	fputs("pf = (\n", out);
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *pf = &system->functions[i];
		const char *word;

		if (!pf->total_vfs)
			continue;
		fputs(separator, out);
		write_name(out, pf, names);
		fprintf(out, "\t{ match = { address = \"%s\"; }; vfs = %zu;", pf->address,
			pf->n_vfs);
		word = pf->n_vfs ? vf_word(system, pf, 0) : NULL;
		if (word) {
			fprintf(out, " driver = \"%s\";", word);
			write_entries(out, system, pf, word);
		}
		fputs(" }", out);
		separator = ",\n";
	}
	fputs("\n);\n", out);
}

static void write_devices(FILE *out, const struct system *system,
			  const struct names *names)
{
	const char *separator = "";

	fputs("device = (\n", out);
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];

		if (f->pf != NONE || f->total_vfs || !f->driver ||
		    !strstr(f->driver, "vfio"))
			continue;
		fputs(separator, out);
		write_name(out, f, names);
		fprintf(out, "\t{ match = { address = \"%s\"; }; driver = \"%s\"; }",
			f->address, f->driver);
		separator = ",\n";
	}
	fputs("\n);\n", out);
}

static void config_write(FILE *out, const struct export_input *input,
			 struct export_notes *notes)
{
	(void)notes;
	fputs("# This machine as it was when \"sriov-setup export config\" ran.\n", out);
	write_pfs(out, input->system, input->names);
	write_devices(out, input->system, input->names);
}

const struct exporter export_config = {
	.name = "config",
	.help = "this machine as it is, as a first /etc/sriov.conf",
	.write = config_write,
};
