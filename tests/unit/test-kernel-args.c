/* Which words a machine needs: a table of machines and wishes. */
#include "kernel-args.h"
#include "fixture.h"

static struct hugepages pages[] = { { (char *)"1G", 16 }, { (char *)"2M", 64 } };

struct test {
	const char *name;
	struct kernel_config config;
	struct kernel_facts facts;
	const char *running, *ours;
	const char *wanted, *missing;
};

#define SECTION .where = { "/etc/sriov.conf", 1 }
#define PT SECTION, .passthrough = true

static const struct test tests[] = {
	{ "no section, nothing",
	  { .passthrough = true },
	  { .cpu = CPU_INTEL },
	  "",
	  "",
	  "",
	  "" },
	{ "Intel, firmware but no groups",
	  { SECTION },
	  { .cpu = CPU_INTEL, .firmware_iommu = true },
	  "ro",
	  "",
	  "intel_iommu=on",
	  "intel_iommu=on" },
	{ "Intel, groups without us",
	  { SECTION },
	  { .cpu = CPU_INTEL, .firmware_iommu = true, .iommu_groups = true },
	  "ro",
	  "",
	  "",
	  "" },
	{ "Intel, groups through us: ours stays",
	  { SECTION },
	  { .cpu = CPU_INTEL, .firmware_iommu = true, .iommu_groups = true },
	  "ro intel_iommu=on",
	  "intel_iommu=on",
	  "intel_iommu=on",
	  "" },
	{ "Intel, no firmware table: auto cannot help",
	  { SECTION },
	  { .cpu = CPU_INTEL },
	  "",
	  "",
	  "",
	  "" },
	{ "Intel, on is literal",
	  { SECTION, .iommu = IOMMU_ON },
	  { .cpu = CPU_INTEL, .iommu_groups = true },
	  "ro",
	  "",
	  "intel_iommu=on",
	  "" },
	{ "Intel, on, but the administrator has it",
	  { SECTION, .iommu = IOMMU_ON },
	  { .cpu = CPU_INTEL, .iommu_groups = true },
	  "intel_iommu=on",
	  "",
	  "",
	  "" },
	{ "leave",
	  { SECTION, .iommu = IOMMU_LEAVE },
	  { .cpu = CPU_INTEL, .firmware_iommu = true },
	  "",
	  "",
	  "",
	  "" },
	{ "AMD never gets amd_iommu=on",
	  { SECTION, .iommu = IOMMU_ON },
	  { .cpu = CPU_AMD, .firmware_iommu = true },
	  "",
	  "",
	  "",
	  "" },
	{ "AMD passthrough",
	  { PT },
	  { .cpu = CPU_AMD, .iommu_groups = true },
	  "",
	  "",
	  "iommu=pt",
	  "iommu=pt" },
	{ "arm64 passthrough",
	  { PT },
	  { .cpu = CPU_ARM64, .iommu_groups = true },
	  "",
	  "",
	  "iommu.passthrough=1",
	  "iommu.passthrough=1" },
	{ "identity is there without us",
	  { PT },
	  { .cpu = CPU_AMD, .iommu_groups = true, .passthrough = true },
	  "",
	  "",
	  "",
	  "" },
	{ "identity through us",
	  { PT },
	  { .cpu = CPU_AMD, .iommu_groups = true, .passthrough = true },
	  "iommu=pt",
	  "iommu=pt",
	  "iommu=pt",
	  "" },
	{ "VF BARs without addresses",
	  { SECTION, .pci_realloc = REALLOC_AUTO },
	  { .cpu = CPU_AMD, .vf_bars_unassigned = true },
	  "",
	  "",
	  "pci=realloc",
	  "pci=realloc" },
	{ "… but realloc is there already",
	  { SECTION, .pci_realloc = REALLOC_AUTO },
	  { .cpu = CPU_AMD, .vf_bars_unassigned = true },
	  "pci=realloc",
	  "",
	  "",
	  "" },
	{ "assign-busses is x86's",
	  { SECTION, .assign_busses = true },
	  { .cpu = CPU_ARM64 },
	  "",
	  "",
	  "",
	  "" },
	{ "assign-busses where every VF has a bus",
	  { SECTION, .assign_busses = true },
	  { .cpu = CPU_AMD },
	  "",
	  "",
	  "",
	  "" },
	{ "assign-busses through us stays",
	  { SECTION, .assign_busses = true },
	  { .cpu = CPU_AMD },
	  "pci=assign-busses",
	  "pci=assign-busses",
	  "pci=assign-busses",
	  "" },
	{ "buses are missing, but nobody asked",
	  { SECTION },
	  { .cpu = CPU_AMD, .vf_buses_missing = true },
	  "",
	  "",
	  "",
	  "" },
	{ "assign-busses",
	  { SECTION, .assign_busses = true },
	  { .cpu = CPU_AMD, .vf_buses_missing = true },
	  "",
	  "",
	  "pci=assign-busses",
	  "pci=assign-busses" },
	{ "hugepages are one group",
	  { SECTION, .hugepages = pages, .n_hugepages = 2 },
	  { .cpu = CPU_AMD },
	  "",
	  "",
	  "hugepagesz=1G hugepages=16 hugepagesz=2M hugepages=64",
	  "hugepagesz=1G hugepages=16 hugepagesz=2M hugepages=64" },
	{ "hugepages with another count",
	  { SECTION, .hugepages = pages, .n_hugepages = 1 },
	  { .cpu = CPU_AMD },
	  "hugepagesz=1G hugepages=8",
	  "hugepagesz=1G hugepages=8",
	  "hugepagesz=1G hugepages=16",
	  "hugepagesz=1G hugepages=16" },
	{ "hugepages of the administrator",
	  { SECTION, .hugepages = pages, .n_hugepages = 1 },
	  { .cpu = CPU_AMD },
	  "hugepagesz=1G hugepages=16",
	  "",
	  "",
	  "" },
	{ "image: by wish only",
	  { PT },
	  { .offline = true },
	  "",
	  "",
	  "intel_iommu=on iommu=pt",
	  "intel_iommu=on iommu=pt" },
	{ "image for arm64",
	  { PT },
	  { .offline = true, .cpu = CPU_ARM64 },
	  "",
	  "",
	  "iommu.passthrough=1",
	  "iommu.passthrough=1" },
};

static void check(const struct test *t)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	_cleanup_free_ char *wanted_text = NULL, *missing_text = NULL;
	struct kernel_facts facts = t->facts;

	cmdline_parse(&facts.running, t->running);
	cmdline_parse(&facts.ours, t->ours);
	kargs_wanted(&t->config, &facts, &wanted, &missing);
	wanted_text = cmdline_print(&wanted);
	missing_text = cmdline_print(&missing);
	is_string(wanted_text, t->wanted, "%s: wanted", t->name);
	is_string(missing_text, t->missing, "%s: missing", t->name);
	kernel_facts_done(&facts);
}

static void check_extra(void)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	struct kernel_facts facts = { .cpu = CPU_AMD };
	struct kernel_config config = { PT };
	_cleanup_free_ char *text = NULL;

	strings_add(&config.extra, "iommu=pt");
	strings_add(&config.extra, "pci=noats");
	cmdline_parse(&facts.running, "pci=noaer");
	kargs_wanted(&config, &facts, &wanted, &missing);
	text = cmdline_print(&wanted);
	is_string(text, "iommu=pt pci=noats", "extra: no word twice");
	strings_done(&config.extra);
	kernel_facts_done(&facts);
}

#define PORT "sys/devices/pci0000:00/0000:00:01.0"

static bool lacks_buses(struct fixture *f, const char *vfs)
{
	_cleanup_(kernel_facts_done) struct kernel_facts facts = {};

	fixture_write(f, PORT "/0000:01:00.0/sriov_totalvfs", vfs);
	is_int(kernel_facts_read(&f->root, &facts), 0, "%s VFs", vfs);
	return facts.vf_buses_missing;
}

/* An 82576 behind a port that has one bus: VFs at 128 + 2 * n from function 0. */
static void test_buses(void)
{
	struct fixture f;
	_cleanup_free_ char *link = NULL;

	fixture_open(&f);
	f.root.live = true;
	fixture_write(&f, "proc/cmdline", "ro\n");
	fixture_write(&f, PORT "/subordinate_bus_number", "1\n");
	fixture_write(&f, PORT "/0000:01:00.0/sriov_offset", "128\n");
	fixture_write(&f, PORT "/0000:01:00.0/sriov_stride", "2\n");
	fixture_write(&f, "sys/bus/pci/devices/none/x", "");
	link = xasprintf("%s/sys/bus/pci/devices/0000:01:00.0", f.path);
	if (symlink("../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0", link) < 0)
		abort();
	ok(!lacks_buses(&f, "64"), "the last one is on bus 1");
	ok(lacks_buses(&f, "65"), "the last one would be on bus 2");
	ok(!lacks_buses(&f, "0"), "no VFs, no buses");
	fixture_close(&f);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		check(&tests[i]);
	check_extra();
	test_buses();
	return done();
}
