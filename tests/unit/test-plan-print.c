/* The plan's text: what becomes one line, what does not, and what is counted. */
#include "plan-print.h"
#include "tap.h"

#include <syslog.h>

#define PF "0000:01:00.0"

static struct action *add(struct plan *plan, enum verb verb, const char *function, int vf,
			  const char *name, const char *value)
{
	struct action *a = array_add(plan->actions, plan->n_actions);

	*a = (struct action){ .verb = verb,
			      .function = xstrdup(function),
			      .vf = vf,
			      .name = xstrdup(name),
			      .value = xstrdup(value) };
	return a;
}

/* Compares without the blanks that align the reasons. */
static void prints(const char *what, struct plan *plan, bool colour, const char *want)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	char *to;

	is_int(plan_print(plan, out, colour), 0, "%s: printed", what);
	fclose(out);
	to = text;
	for (const char *from = text; *from; from++)
		if (from[0] != ' ' || (from[1] != ' ' && from[1] != '\033'))
			*to++ = *from;
	*to = '\0';
	is_string(text, want, "%s", what);
	plan_done(plan);
}

static void test_runs(void)
{
	struct plan plan = {};

	add(&plan, CREATE_VFS, PF, NONE, NULL, "4")->where =
		(struct where){ "/etc/sriov.conf", 3 };
	for (int i = 0; i < 4; i++)
		add(&plan, BIND, PF, i, i == 2 ? "igbvf" : "vfio-pci", NULL)->why =
			xstrdup("wanted");
	for (int i = 0; i < 2; i++)
		add(&plan, BIND, "0000:01:00.1", i, "vfio-pci", NULL);
	prints("runs of one PF", &plan, false,
	       "+ create 4 VFs on " PF " # (/etc/sriov.conf:3)\n"
	       "+ bind VFs 0-1,3 of " PF " to vfio-pci # wanted\n"
	       "+ bind " PF " VF 2 to igbvf # wanted\n\n"
	       "+ bind VFs 0-1 of 0000:01:00.1 to vfio-pci\n"
	       "7 to do now\n");
}

static void test_order(void)
{
	struct plan plan = {};

	for (int i = 0; i < 2; i++) {
		add(&plan, OVERRIDE, PF, i, NULL, "vfio-pci");
		add(&plan, UNBIND, PF, i, "igbvf", NULL);
		add(&plan, BIND, PF, i, "vfio-pci", NULL);
	}
	prints("the same steps for each VF", &plan, false,
	       "+ reserve VFs 0-1 of " PF " for vfio-pci\n"
	       "- unbind VFs 0-1 of " PF " from igbvf\n"
	       "+ bind VFs 0-1 of " PF " to vfio-pci\n"
	       "6 to do now\n");

	add(&plan, PROBE, PF, 0, NULL, NULL);
	add(&plan, WRITE, PF, NONE, "sriov_drivers_autoprobe", "1");
	add(&plan, PROBE, PF, 1, NULL, NULL);
	prints("nothing moves over an action on the PF", &plan, false,
	       "+ probe " PF " VF 0\n"
	       "~ write " PF "/sriov_drivers_autoprobe 1\n"
	       "+ probe " PF " VF 1\n"
	       "3 to do now\n");

	add(&plan, OVERRIDE, PF, 0, NULL, "a");
	add(&plan, OVERRIDE, PF, 1, NULL, "b");
	add(&plan, OVERRIDE, PF, 1, NULL, "a");
	prints("nor over one on the same VF", &plan, false,
	       "+ reserve " PF " VF 0 for a\n"
	       "+ reserve " PF " VF 1 for b\n"
	       "+ reserve " PF " VF 1 for a\n"
	       "3 to do now\n");
}

static void test_values(void)
{
	struct plan plan = {};

	for (int i = 0; i < 2; i++)
		vf_values_set(&add(&plan, SET_VF, PF, i, NULL, NULL)->values, VF_MAC,
			      0x525400000000 + (unsigned)i);
	vf_values_set(&add(&plan, SET_VF, PF, 2, NULL, NULL)->values, VF_VLAN, 7);
	prints("addresses differ", &plan, false,
	       "~ set VFs 0-1 of " PF ": mac 52:54:00:00:00:00, and so on\n"
	       "~ set " PF " VF 2: vlan 7\n"
	       "3 to do now\n");
}

static void test_marks(void)
{
	struct plan plan = {};
	struct action *a;

	a = add(&plan, UNBIND, "0000:05:00.0", NONE, "igb", NULL);
	a->disruptive = true;
	a->why = xstrdup("vfio-pci wanted");
	a = add(&plan, MODPROBE, NULL, NONE, NULL, "");
	a->when = NEXT_BOOT;
	a = add(&plan, BOOT_ARGS, NULL, NONE, NULL, "iommu=pt");
	a->when = NEXT_BOOT;
	a->why = xstrdup("not in effect");
	*array_add(plan.problems, plan.n_problems) =
		(struct problem){ .level = LOG_ERR, .text = xstrdup("required") };
	*array_add(plan.problems, plan.n_problems) =
		(struct problem){ .level = LOG_INFO, .text = xstrdup("said only") };
	prints("disruptive, later, problems", &plan, false,
	       "error: required\n"
	       "note: said only\n"
	       "! unbind 0000:05:00.0 from igb # takes it from who may use it; "
	       "vfio-pci wanted\n\n"
	       "- remove /etc/modprobe.d/sriov-setup.conf # from the module's next load "
	       "on\n"
	       "+ kernel arguments: iommu=pt # not in effect; needs a reboot\n"
	       "2 for later, 1 disruptive, 1 error\n");

	prints("nothing", &plan, true, "nothing to do\n");
	add(&plan, PROBE, PF, NONE, NULL, NULL);
	prints("colour", &plan, true, "\033[32m+ probe " PF "\033[0m\n1 to do now\n");
}

int main(void)
{
	test_runs();
	test_order();
	test_values();
	test_marks();
	return done();
}
