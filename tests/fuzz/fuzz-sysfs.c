/*
 * What /sys and the names of devices say: the plan, the report and every document are
 * made of it, and JSON stays JSON. Lines "path=text" below one PF; text of several lines
 * is joined by '|'.
 */
#include "fuzz.h"

#include "config.h"
#include "export.h"
#include "json.h"
#include "plan-print.h"
#include "plan.h"
#include "report.h"
#include "rules.h"

#define DEVICES "sys/bus/pci/devices/"
#define PF DEVICES "0000:01:00.0"
#define VF DEVICES "0000:01:10.0"

static const char conf[] =
	"pf = ( { match = { interface = \"eno1\"; }; vfs = 2; vlan = 5; },\n"
	"       { match = { slot = \"1\"; }; vfs = \"max\"; },\n"
	"       { match = { id = \"8086:10c9\"; }; vfs = 1; driver = \"native\"; } );\n"
	"device = ( { match = { serial = \"00-11-22-ff-ff-33-44-55\"; }; } );\n"
	"export = { kubevirt = true; device_plugin = true; nad = true; libvirt = true;\n"
	"	cdi = true; harvester = true; qemu = true; };\n";

static const struct file {
	const char *path, *text;
} tree[] = {
	{ PF "/modalias", "pci:v00008086d000010C9sv0sd0bc02sc00i00\n" },
	{ PF "/sriov_totalvfs", "7\n" },
	{ PF "/sriov_vf_device", "10ca\n" },
	{ PF "/sriov_offset", "" },
	{ PF "/sriov_stride", "" },
	{ PF "/numa_node", "" },
	{ PF "/sriov_drivers_autoprobe", "" },
	{ PF "/config", "" },
	{ PF "/net/eno1/flags", "" },
	{ PF "/net/eno1/address", "" },
	{ PF "/net/eno1/addr_assign_type", "" },
	{ PF "/boot_vga", "" },
	{ "sys/bus/pci/slots/1/address", "0000:01:00\n" },
	{ "sys/class/block/x", "" },
	{ "proc/cmdline", "\n" },
	{ "proc/self/mountinfo", "\n" },
	{ "proc/sys/kernel/hostname", "here\n" },
	{ "etc/sriov.conf", conf },
};

static void put_tree(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tree); i++)
		fuzz_put(tree[i].path, tree[i].text, strlen(tree[i].text));
	fuzz_link(PF "/driver", "../../drivers/igb");
	fuzz_link(PF "/virtfn0", "../0000:01:10.0");
	fuzz_link(VF "/driver", "../../drivers/vfio-pci");
	fuzz_link(VF "/iommu_group", "../../../kernel/iommu_groups/7");
}

/* What the last input wrote is as it was; the paths are forgotten. */
static void put_back(struct strings *written)
{
	for (size_t i = 0, k; i < written->n; i++) {
		for (k = 0; k < ARRAY_SIZE(tree); k++)
			if (streq(tree[k].path, written->items[i]))
				break;
		if (k == ARRAY_SIZE(tree)) { /* another way to write one of these */
			put_tree();
			break;
		}
		fuzz_put(tree[k].path, tree[k].text, strlen(tree[k].text));
	}
	strings_done(written);
}

/* Only files that are there already: a path of the input leads nowhere else. */
static void take_lines(char *text, struct strings *written)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		_cleanup_close_ int fd = -1;
		char *value = strchr(line, '=');
		_cleanup_free_ char *path = NULL;

		if (!value || strstr(line, ".."))
			continue;
		*value++ = '\0';
		for (char *c = value; *c; c++)
			*c = *c == '|' ? '\n' : *c;
		path = *line == '/' ? xstrdup(line + 1) : xasprintf(PF "/%s", line);
		if (strlen(path) > 200)
			continue;
		fd = root_openat(fuzz_root(), O_WRONLY | O_TRUNC | O_NOFOLLOW, "%s",
				 path);
		if (fd < 0)
			continue;
		must(write(fd, value, strlen(value)) >= 0, "written");
		strings_add(written, path);
	}
}

static void make_documents(const struct config *config, struct system *system,
			   const struct plan *plan)
{
	const struct export_input input = { config, system, NULL, NULL };
	_cleanup_(document_free) struct document *report = report_make(&input, plan),
						 *read = NULL;
	_cleanup_free_ char *text = NULL;
	const char *fault;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	json_print(out, report);
	fclose(out);
	must(json_parse(text, &read, &fault) == 0, "the report is JSON");
	for (size_t i = 0; exporters[i]; i++) {
		_cleanup_(export_notes_done) struct export_notes notes = {};
		_cleanup_free_ char *document = NULL;

		if (exporters[i]->current)
			continue;
		document = export_document(exporters[i], &input, &notes);
		must(strlen(document) < 1000000, "short");
	}
}

FUZZ(sysfs)
{
	_cleanup_free_ char *text = fuzz_text(data, size), *printed = NULL;
	_cleanup_(system_done) struct system system = {};
	_cleanup_(plan_done) struct plan plan = {};
	struct root root = *fuzz_root();
	static struct config config;
	static struct strings written;
	size_t length;
	FILE *out = open_memstream(&printed, &length);

	if (config.files.n == 0) {
		put_tree();
		must(config_load(&config, &root, NULL) == 0, "our config is right");
	}
	put_back(&written);
	take_lines(text, &written);
	root.live = true;
	if (system_observe(&system, &root, &config) == 0) {
		plan = plan_make(&config, &system);
		plan_print(&plan, out, false);
		rules_write(out, &config, &system);
		make_documents(&config, &system, &plan);
	}
	fclose(out);
	return 0;
}
