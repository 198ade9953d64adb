/* Kernel command lines as values, and which words are wanted for which machine. */
#include "cmdline.h"
#include "kernel-args.h"
#include "tap.h"

static struct cmdline line(const char *text)
{
	struct cmdline c = {};

	cmdline_parse(&c, text);
	return c;
}

static void print_is(const char *text, const char *want)
{
	struct cmdline c = line(text);
	_cleanup_free_ char *got = cmdline_print(&c);

	is_string(got, want, "parse '%s'", text);
	cmdline_done(&c);
}

static void has_is(const char *text, const char *word, bool want)
{
	struct cmdline c = line(text);

	ok(cmdline_has(&c, word) == want, "'%s' %s %s", text, want ? "has" : "has not",
	   word);
	cmdline_done(&c);
}

static void conflict_is(const char *text, const char *wanted_text, const char *want)
{
	struct cmdline c = line(text), wanted = line(wanted_text);
	const char *ours, *found = cmdline_conflict(&c, &wanted, &ours);

	is_string(found, want, "'%s' against %s", text, wanted_text);
	cmdline_done(&c);
	cmdline_done(&wanted);
}

static void safe_is(const char *word, bool want)
{
	const char *why;

	ok(cmdline_word_is_safe(word, &why) == want && !why == want, "'%s' is %s", word,
	   want ? "safe" : "refused");
}

static void test_words(void)
{
	print_is("", "");
	print_is("  a=1   b ", "a=1 b");
	print_is("a=\"x y\" b", "a=\"x y\" b");
	print_is("a b -- c", "a b");
	print_is("a --x", "a --x");
	has_is("quiet intel_iommu=on", "intel_iommu=on", true);
	has_is("intel-iommu=on", "intel_iommu=on", true);
	has_is("a=b-c", "a=b_c", false);
	has_is("intel_iommu=on,sm_on", "intel_iommu=on", false);
	safe_is("pci=realloc", true);
	safe_is("vfio_iommu_type1.x=1", true);
	safe_is("a;b", false);
	safe_is("a$(id)", false);
	safe_is("a\"b", false);
	safe_is("a b", false);
	safe_is("=1", false);
	safe_is("", false);
	safe_is("1a", false);
}

static void test_conflicts(void)
{
	conflict_is("quiet", "intel_iommu=on", NULL);
	conflict_is("intel_iommu=off", "intel_iommu=on", "intel_iommu=off");
	conflict_is("iommu=off", "intel_iommu=on", "iommu=off");
	conflict_is("amd_iommu=off", "iommu=pt", "amd_iommu=off");
	conflict_is("pci=noats,realloc=off", "pci=realloc", "pci=noats,realloc=off");
	conflict_is("pci=noats", "pci=realloc", NULL);
	conflict_is("hugepages=4", "hugepagesz=1G hugepages=2", "hugepages=4");
	conflict_is("iommu.passthrough=0", "iommu.passthrough=1", "iommu.passthrough=0");
}

/* What is wanted and missing for a config and a machine, "wanted | missing". */
static void wanted_is(const char *what, const struct kernel_config *config,
		      struct kernel_facts facts, const char *running, const char *ours,
		      const char *want)
{
	struct kernel_config kernel = *config;
	struct cmdline wanted = {}, missing = {};
	_cleanup_free_ char *a = NULL, *b = NULL, *got = NULL;

	kernel.where.file = "/etc/sriov.conf";
	facts.running = line(running);
	facts.ours = line(ours);
	kargs_wanted(&kernel, &facts, &wanted, &missing);
	a = cmdline_print(&wanted);
	b = cmdline_print(&missing);
	got = xasprintf("%s | %s", a, b);
	is_string(got, want, "%s", what);
	cmdline_done(&wanted);
	cmdline_done(&missing);
	cmdline_done(&facts.running);
	cmdline_done(&facts.ours);
}

static void test_wanted(void)
{
	const struct kernel_config automatic = {}, pt = { .passthrough = true },
				   on = { .iommu = IOMMU_ON },
				   leave = { .iommu = IOMMU_LEAVE },
				   busses = { .iommu = IOMMU_LEAVE,
					      .assign_busses = true };
	struct hugepages pages[] = { { (char *)"1G", 4 } };
	const struct kernel_config huge = { .hugepages = pages, .n_hugepages = 1 };
	const struct kernel_facts off = { .firmware_iommu = true };
	const struct kernel_facts works = { .firmware_iommu = true,
					    .iommu_groups = true };
	const struct kernel_facts identity = { .firmware_iommu = true,
					       .iommu_groups = true,
					       .passthrough = true };
	const struct kernel_facts amd = { .cpu = CPU_AMD, .firmware_iommu = true };
	const struct kernel_facts arm = { .cpu = CPU_ARM64, .iommu_groups = true };
	const struct kernel_facts bars = { .iommu_groups = true,
					   .vf_bars_unassigned = true };
	const struct kernel_facts crowded = { .vf_buses_missing = true };
	const struct kernel_facts image = { .offline = true };

	wanted_is("Intel, off", &automatic, off, "", "",
		  "intel_iommu=on | intel_iommu=on");
	wanted_is("Intel, no VT-d in the firmware", &automatic, (struct kernel_facts){},
		  "", "", " | ");
	wanted_is("Intel, works without us", &automatic, works, "", "", " | ");
	wanted_is("Intel, works because of us", &automatic, works, "intel_iommu=on",
		  "intel_iommu=on", "intel_iommu=on | ");
	wanted_is("the administrator's word is not doubled", &on, works, "intel_iommu=on",
		  "", " | ");
	wanted_is("on is literal", &on, works, "", "", "intel_iommu=on | ");
	wanted_is("leave", &leave, off, "", "", " | ");
	wanted_is("AMD knows no amd_iommu=on", &automatic, amd, "", "", " | ");
	wanted_is("AMD, passthrough", &pt, amd, "", "", "iommu=pt | iommu=pt");
	wanted_is("arm64, passthrough", &pt, arm, "", "",
		  "iommu.passthrough=1 | iommu.passthrough=1");
	wanted_is("identity already", &pt, identity, "", "", " | ");
	wanted_is("VF BARs without address", &automatic, bars, "", "",
		  "pci=realloc | pci=realloc");
	wanted_is("assign-busses is x86's", &busses, arm, "", "", " | ");
	wanted_is("assign-busses", &busses, crowded, "", "",
		  "pci=assign-busses | pci=assign-busses");
	wanted_is("assign-busses of an image", &busses, image, "", "",
		  "pci=assign-busses | ");
	wanted_is("huge pages stay together", &huge, works, "", "",
		  "hugepagesz=1G hugepages=4 | hugepagesz=1G hugepages=4");
	wanted_is("an image gets what may be needed", &automatic, image, "", "",
		  "intel_iommu=on | intel_iommu=on");
}

static void test_entry(void)
{
	_cleanup_(cmdline_done) struct cmdline c = {};
	_cleanup_free_ char *text = NULL;

	cmdline_parse_entry(&c, "title options x\noptions a b\n \toptions\tc -- d\n"
				"optionsx e\n#options f\noptions");
	text = cmdline_print(&c);
	is_string(text, "a b c", "the options of a boot loader entry");
}

static void test_shell(void)
{
	_cleanup_(cmdline_done) struct cmdline c = {};
	_cleanup_free_ char *text = NULL;

	cmdline_parse_shell(&c, "X=\"a b\"\n#X=c\n  X='d $Y `e`'\nXY=f\nX=", "X");
	text = cmdline_print(&c);
	is_string(text, "a b d", "words that a shell script assigns");
}

int main(void)
{
	test_words();
	test_conflicts();
	test_wanted();
	test_entry();
	test_shell();
	return done();
}
