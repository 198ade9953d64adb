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

static void clear(void)
{
	static const char *const files[] = {
		"modalias",
		"sriov_totalvfs",
		"sriov_vf_device",
		"sriov_offset",
		"sriov_stride",
		"numa_node",
		"sriov_drivers_autoprobe",
		"config",
		"net/eno1/flags",
		"net/eno1/address",
		"net/eno1/addr_assign_type",
		"boot_vga",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = xasprintf(PF "/%s", files[i]);

		fuzz_put(path, "", 0);
	}
	fuzz_put(PF "/modalias", "pci:v00008086d000010C9sv0sd0bc02sc00i00\n", 41);
	fuzz_put(PF "/sriov_totalvfs", "7\n", 2);
	fuzz_put(PF "/sriov_vf_device", "10ca\n", 5);
	fuzz_link(PF "/driver", "../../drivers/igb");
	fuzz_link(PF "/virtfn0", "../0000:01:10.0");
	fuzz_link(VF "/driver", "../../drivers/vfio-pci");
	fuzz_link(VF "/iommu_group", "../../../kernel/iommu_groups/7");
	fuzz_put("sys/bus/pci/slots/1/address", "0000:01:00\n", 11);
	fuzz_put("sys/class/block/x", "", 0);
	fuzz_put("proc/cmdline", "\n", 1);
	fuzz_put("proc/self/mountinfo", "\n", 1);
	fuzz_put("proc/sys/kernel/hostname", "here\n", 5);
	fuzz_put("etc/sriov.conf", conf, strlen(conf));
}

/* Only files that are there already: a path of the input leads nowhere else. Is one of
 * them another now? */
static bool take_lines(char *text)
{
	bool taken = false;
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
		if (fd >= 0)
			must(write(fd, value, strlen(value)) >= 0, "written");
		taken |= fd >= 0;
	}
	return taken;
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
	_cleanup_(config_done) struct config config = {};
	_cleanup_(system_done) struct system system = {};
	_cleanup_(plan_done) struct plan plan = {};
	struct root root = *fuzz_root();
	static bool is_clear;
	size_t length;
	FILE *out = open_memstream(&printed, &length);

	if (!is_clear)
		clear();
	is_clear = !take_lines(text);
	root.live = true;
	must(config_load(&config, &root, NULL) == 0, "our config is right");
	if (system_observe(&system, &root, &config) == 0) {
		plan = plan_make(&config, &system);
		plan_print(&plan, out, false);
		rules_write(out, &config, &system);
		make_documents(&config, &system, &plan);
	}
	fclose(out);
	return 0;
}
