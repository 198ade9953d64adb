/* For each row of the table of drivers the plan that comes of it. */
#include "driver.h"
#include "plan-fixture.h"

#define PF "0000:01:00.0"

static void makes_a_vf(const char *what, struct config *c, struct system *s,
		       const char *first, const char *count)
{
	_cleanup_free_ char *want = xasprintf("%swrite " PF "/sriov_drivers_autoprobe 0\n"
					      "create %s VFs on " PF "\n",
					      first, count);
	_cleanup_free_ char *got = plan_text(c, s);

	ok(startswith(got, want), "%s", what);
	if (!startswith(got, want)) {
		tap_show("got", got);
		tap_show("want first", want);
	}
}

static void test_bnxt(void)
{
	struct system s = {};
	struct config c = {};
	struct function *pf = add_pf(&s, PF, 0x14e4, 0x16d8, "bnxt_en");

	add_netdev(pf, "eno1", false);
	add_pf_rule(&c, PF, 1, "none");
	makes_a_vf("bnxt_en: the link first", &c, &s, "set link of " PF " to up\n", "1");
	pf->netdevs[0].up = true;
	makes_a_vf("bnxt_en: which is up", &c, &s, "", "1");
	pf->netdevs[0].up = false;
	free(pf->driver);
	pf->driver = xstrdup("igb");
	makes_a_vf("others do not need it", &c, &s, "", "1");
	add_vfs(&s, 0, 1, NULL);
	free(s.functions[0].driver);
	s.functions[0].driver = xstrdup("bnxt_en");
	plan_is("nor bnxt_en, once there are VFs", &c, &s, "");
}

static void patience_is(const char *driver, unsigned seconds)
{
	struct system s = {};
	struct config c = {};
	struct plan plan;

	add_pf(&s, PF, 0x8086, 0x1592, driver);
	add_pf_rule(&c, PF, 1, "native");
	plan = plan_make(&c, &s);
	is_int(plan.actions[0].patience, seconds, "%s: %s may say \"not ready\"", driver,
	       "so long it");
	plan_done(&plan);
	config_done(&c);
	system_done(&s);
}

static void test_qat(void)
{
	static const char *const names[] = { "4xxx",  "420xx", "6xxx",
					     "c3xxx", "c6xx",  "dh895xcc" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct system s = {};
		struct config c = {};

		add_pf(&s, PF, 0x8086, 0x4940, names[i]);
		add_pf_rule(&c, PF, 3, "none");
		makes_a_vf(names[i], &c, &s,
			   "6 " PF ": 3 VFs wanted; its driver always makes all 8\n",
			   "8");
		add_vfs(&s, 0, 8, NULL);
		plan_is("all of them are as wanted", &c, &s,
			"6 " PF ": 3 VFs wanted; its driver always makes all 8\n");
	}
}

static void refuses(const char *driver, const char *word)
{
	struct system s = {};
	struct config c = {};
	_cleanup_free_ char *none = NULL, *few = NULL, *enough = NULL;

	add_pf(&s, PF, 0x15b3, 0x1003, driver);
	add_pf_rule(&c, PF, 4, "none");
	none = plan_text(&c, &s);
	ok(startswith(none, "3 " PF ": 4 VFs wanted, found 0: ") && strstr(none, word),
	   "%s: makes none this way, and says which way it does", driver);
	ok(!strstr(none, "create"), "%s: so it is not asked to", driver);
	add_vfs(&s, 0, 2, NULL);
	few = plan_text(&c, &s);
	ok(startswith(few, "3 " PF ": has 2 VFs, 4 wanted; ") && strstr(few, word),
	   "%s: nor for more", driver);
	c.pfs[0].vfs = 2;
	enough = plan_text(&c, &s);
	is_string(enough, "", "%s: as many as it made are right", driver);
	config_done(&c);
	system_done(&s);
}

static void test_nvidia(void)
{
	struct system s = {};
	struct config c = {};

	add_pf(&s, PF, 0x10de, 0x25b6, "nvidia");
	add_vfs(&s, 0, 2, "nvidia");
	add_pf_rule(&c, PF, 2, "vfio-pci");
	s.vfio_module_loaded = true;
	plan_is("nvidia: a vGPU's VF stays on its driver", &c, &s,
		"3 " PF ": its VFs are not given to vfio-pci: a vGPU lives in NVIDIA's "
		"own driver, which a VF that is taken from it loses: ask for driver = "
		"\"native\"\n");
	add_pf(&s, PF, 0x10de, 0x25b6, "nvidia");
	add_vfs(&s, 0, 2, "nvidia");
	add_pf_rule(&c, PF, 2, "native");
	plan_is("and is right there", &c, &s, "");
}

static void test_pf_driver(void)
{
	struct system s = {};
	struct config c = {};

	add_pf(&s, PF, 0x1d0f, 0x53, NULL);
	add_pf_rule(&c, PF, 2, "none")->pf_driver = xstrdup("pci-pf-stub");
	plan_is("a PF without driver gets the one that is asked for", &c, &s,
		"6 " PF ": its VFs are planned once it is bound to pci-pf-stub\n"
		"load pci-pf-stub\n"
		"reserve " PF " for pci-pf-stub\n"
		"bind " PF " to pci-pf-stub\n");
	add_netdev(add_pf(&s, PF, 0x8086, 0x10c9, "igb"), "eno1", true);
	s.functions[0].in_use = xstrdup("eno1 is up");
	add_pf_rule(&c, PF, 2, "none")->pf_driver = xstrdup("pci-pf-stub");
	plan_is("one that is used stays", &c, &s,
		"3 " PF ": stays on igb, pci-pf-stub wanted, because eno1 is up\n");
	add_pf(&s, PF, 0x8086, 0x10c9, "igb");
	add_vfs(&s, 0, 1, NULL);
	add_pf_rule(&c, PF, 2, "none")->pf_driver = xstrdup("pci-pf-stub");
	plan_is("as does one with VFs", &c, &s,
		"3 " PF ": stays on igb, pci-pf-stub wanted, because it has VFs\n");
	add_pf(&s, PF, 0x8086, 0x10c9, "pci-pf-stub");
	add_pf_rule(&c, PF, 1, "none")->pf_driver = xstrdup("pci-pf-stub");
	makes_a_vf("once it is there, it makes VFs", &c, &s, "", "1");
	config_done(&c);
	system_done(&s);
}

static void test_eswitch(void)
{
	is_int(driver_find("ice")->eswitch, ESWITCH_NO_VFS, "ice: eswitch before VFs");
	is_int(driver_find("mlx5_core")->eswitch, ESWITCH_UNBOUND_VFS,
	       "mlx5_core: with VFs unbound");
	is_int(driver_find("bnxt_en")->eswitch, ESWITCH_ANY_TIME, "bnxt_en: any time");
	is_int(driver_find(NULL)->eswitch, ESWITCH_NO_VFS, "without driver: before VFs");
}

static void test_capability(void)
{
	ok(driver_may_need_link(NULL, -1), "a PF that is told by its address may be any");
	ok(driver_may_need_link("bnxt_en", -1) && driver_may_need_link(NULL, 0x14e4),
	   "one of that driver or vendor may need its link");
	ok(!driver_may_need_link("igb", -1) && !driver_may_need_link(NULL, 0x8086),
	   "others do not");
}

int main(void)
{
	test_bnxt();
	patience_is("ice", 30);
	patience_is("i40e", 30);
	patience_is("igb", 10);
	test_qat();
	refuses("mlx4_core", "num_vfs=8");
	refuses("enic", "UCS");
	refuses("gim", "vf_num");
	refuses("nvidia", "sriov-manage -e");
	test_nvidia();
	test_pf_driver();
	test_eswitch();
	test_capability();
	return done();
}
