/* The planner: for a machine and a config, the exact list. */
#include "plan-fixture.h"
#include "rules.h"

#include <errno.h>
#include <syslog.h>

/* One PF of an igb, whose VFs add_igb_vfs() makes. */
static struct system machine(void)
{
	struct system s = { .live = true };
	struct function *pf = add_function(&s, "0000:01:00.0", 0x8086, 0x10c9, "igb");

	pf->total_vfs = 7;
	pf->vf_device = 0x10ca;
	pf->vf_offset = 128;
	pf->vf_stride = 2;
	pf->autoprobe = true;
	return s;
}

static void add_igb_vfs(struct system *s, int pf, unsigned n, const char *driver)
{
	for (unsigned i = 0; i < n; i++) {
		_cleanup_free_ char *address =
			xasprintf("0000:01:1%u.%u", i / 4, i % 4 * 2);
		struct function *vf = add_function(s, address, 0x8086, 0x10ca, driver);

		vf->pf = pf;
		vf->vf_index = i;
		*array_add(s->functions[pf].vfs, s->functions[pf].n_vfs) =
			(int)s->n_functions - 1;
	}
}

static void add_range(struct pf_rule *rule, unsigned first, unsigned last,
		      const char *driver)
{
	*array_add(rule->vf, rule->n_vf) = (struct vf_rule){ .where = { FILE_NAME, 5 },
							     .first = first,
							     .last = last,
							     .driver = xstrdup(driver) };
}

static void plan_has(const char *what, struct config *c, struct system *s,
		     const char *part)
{
	_cleanup_free_ char *got = plan_text(c, s);

	ok(strstr(got, part) != NULL, "%s: has \"%s\"", what, part);
	if (!strstr(got, part))
		printf("# got: %s\n", got);
	config_done(c);
	system_done(s);
}

static void test_create(void)
{
	struct system s = machine();
	struct config c = {};

	add_pf_rule(&c, "0000:01:00.0", 2, "vfio-pci");
	plan_is("VFs are made with autoprobe off, reserved, bound", &c, &s,
		"load vfio-pci ids=8086:10ca\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 0\n"
		"create 2 VFs on 0000:01:00.0\n"
		"reserve 0000:01:00.0 VF 0 for vfio-pci\n"
		"reserve 0000:01:00.0 VF 1 for vfio-pci\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 1\n"
		"bind 0000:01:00.0 VF 0 to vfio-pci\n"
		"bind 0000:01:00.0 VF 1 to vfio-pci\n");

	s = machine();
	c = (struct config){};
	s.vfio_module_loaded = true;
	s.functions[0].autoprobe = false;
	add_range(add_pf_rule(&c, "0000:01:00.0", 3, "vfio-pci"), 1, 1, "native");
	add_range(&c.pfs[0], 2, 2, "none");
	plan_is("ranges; autoprobe goes back to what it was", &c, &s,
		"create 3 VFs on 0000:01:00.0\n"
		"reserve 0000:01:00.0 VF 0 for vfio-pci\n"
		"reserve 0000:01:00.0 VF 2 for none\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 1\n"
		"bind 0000:01:00.0 VF 0 to vfio-pci\n"
		"probe 0000:01:00.0 VF 1\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 0\n");

	s = machine();
	c = (struct config){};
	add_pf_rule(&c, "0000:01:00.0", VFS_MAX, "native");
	plan_is("native VFs need nothing but the count", &c, &s,
		"create 7 VFs on 0000:01:00.0\n");
}

static void test_existing(void)
{
	struct system s = machine();
	struct config c = {};

	s.vfio_module_loaded = true;
	add_igb_vfs(&s, 0, 2, "vfio-pci");
	add_pf_rule(&c, "0000:01:00.0", 2, "vfio-pci");
	plan_is("what is right stays", &c, &s, "");

	s = machine();
	c = (struct config){};
	s.vfio_module_loaded = true;
	add_igb_vfs(&s, 0, 2, "igbvf");
	s.functions[2].in_use = xstrdup("eth5 is up");
	add_pf_rule(&c, "0000:01:00.0", VFS_UNSET, "vfio-pci");
	plan_is("an idle VF is moved, a used one is not", &c, &s,
		"3 0000:01:10.2: is bound to igbvf, vfio-pci wanted; left alone because "
		"eth5 is up\n"
		"reserve 0000:01:00.0 VF 0 for vfio-pci\n"
		"unbind 0000:01:00.0 VF 0 from igbvf\n"
		"bind 0000:01:00.0 VF 0 to vfio-pci\n");

	s = machine();
	c = (struct config){ .gentle = true };
	add_igb_vfs(&s, 0, 1, "vfio-pci");
	add_pf_rule(&c, "0000:01:00.0", 1, "native");
	plan_has("a boot unbinds no VF that a VM may hold", &c, &s, "a VM may hold it");

	s = machine();
	c = (struct config){ .gentle = true };
	s.vfio_module_loaded = true;
	add_igb_vfs(&s, 0, 2, NULL);
	add_pf_rule(&c, "0000:01:00.0", 4, "vfio-pci");
	plan_has("a boot does not grow", &c, &s, "3 0000:01:00.0: has 2 VFs, 4 wanted");

	s = machine();
	c = (struct config){ .gentle = true };
	s.vfio_module_loaded = true;
	add_igb_vfs(&s, 0, 2, "vfio-pci");
	add_pf_rule(&c, "0000:01:00.0", 0, "vfio-pci");
	plan_is("nor shrink", &c, &s,
		"4 0000:01:00.0: has 2 VFs, 0 wanted; they stay: a boot takes none away, "
		"sriov-setup apply does when none is in use\n");
}

#define HELD "qemu-system-x86 (process 412) has it open in VFIO"

static struct system used_machine(struct config *c, int vfs)
{
	struct system s = machine();

	*c = (struct config){};
	s.vfio_module_loaded = true;
	add_igb_vfs(&s, 0, 2, "vfio-pci");
	add_pf_rule(c, "0000:01:00.0", vfs, "vfio-pci");
	return s;
}

static void test_count(void)
{
	struct config c;
	struct system s = used_machine(&c, 3);

	plan_is("another count: all unbound, none, the new count", &c, &s,
		"unbind 0000:01:00.0 VF 0 from vfio-pci\n"
		"unbind 0000:01:00.0 VF 1 from vfio-pci\n"
		"remove the 2 VFs of 0000:01:00.0\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 0\n"
		"create 3 VFs on 0000:01:00.0\n"
		"reserve 0000:01:00.0 VF 0 for vfio-pci\n"
		"reserve 0000:01:00.0 VF 1 for vfio-pci\n"
		"reserve 0000:01:00.0 VF 2 for vfio-pci\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 1\n"
		"bind 0000:01:00.0 VF 0 to vfio-pci\n"
		"bind 0000:01:00.0 VF 1 to vfio-pci\n"
		"bind 0000:01:00.0 VF 2 to vfio-pci\n");

	s = used_machine(&c, 0);
	plan_is("none", &c, &s,
		"unbind 0000:01:00.0 VF 0 from vfio-pci\n"
		"unbind 0000:01:00.0 VF 1 from vfio-pci\n"
		"remove the 2 VFs of 0000:01:00.0\n");

	for (int wanted = 0; wanted < 4; wanted += 3) {
		s = used_machine(&c, wanted);
		s.functions[2].in_use = xstrdup(HELD);
		_cleanup_free_ char *want =
			xasprintf("3 0000:01:00.0: has 2 VFs, %d wanted; they stay: VF 1 "
				  "(0000:01:10.2) is in use: " HELD "\n",
				  wanted);
		plan_is("not while one is used", &c, &s, want);
	}

	s = used_machine(&c, 0);
	s.functions[1].in_use = xstrdup("eth5 is up");
	s.functions[2].in_use = xstrdup(HELD);
	strings_add(&c.force_in_use, "0000:01:10.2");
	plan_has("force is for that device alone", &c, &s,
		 "they stay: VF 0 (0000:01:10.0) is in use: eth5 is up\n");

	s = used_machine(&c, 0);
	s.functions[2].in_use = xstrdup(HELD);
	strings_add(&c.force_in_use, "0000:01:10.2");
	plan_has("and takes it", &c, &s, "unbind 0000:01:00.0 VF 1 from vfio-pci\n");

	s = used_machine(&c, 0);
	s.functions[0].carries = xstrdup("the default route goes over eth0");
	plan_has("not where the host's route goes", &c, &s,
		 "they stay: the default route goes over eth0");

	s = used_machine(&c, 8);
	plan_is("nor for a count that cannot be", &c, &s,
		"3 0000:01:00.0: 8 VFs wanted, device and driver igb allow 7\n");

	s = used_machine(&c, 1);
	s.functions[0].asked = 1;
	plan_is("a driver that makes more is not asked again", &c, &s,
		"6 0000:01:00.0: 1 VFs wanted; its driver always makes all 2\n");
}

static void test_owners(void)
{
	struct config c;
	struct system s = used_machine(&c, 2);
	struct owner *owner = array_add(s.owners.items, s.owners.n);

	owner->name = "netplan";
	owner->file = xstrdup("/etc/netplan/a.yaml");
	strings_add(&owner->pfs, "0000:01:00.0");
	plan_is("somebody else makes VFs of the PF", &c, &s,
		"4 0000:01:00.0: netplan makes or binds its VFs too, see "
		"/etc/netplan/a.yaml: let one of them do it\n");

	s = used_machine(&c, VFS_UNSET);
	owner = array_add(s.owners.items, s.owners.n);
	owner->name = "netplan";
	strings_add(&owner->pfs, "0000:01:00.0");
	plan_is("which the config leaves to him", &c, &s, "");
}

/* A VF that exists already and should be elsewhere. */
static void test_move(void)
{
	struct config c;
	struct system s = used_machine(&c, 2);

	free(c.pfs[0].driver);
	c.pfs[0].driver = xstrdup("none");
	s.functions[1].in_use = xstrdup(HELD);
	plan_is("apply takes an idle VF from VFIO, a used one it names", &c, &s,
		"3 0000:01:10.0: is bound to vfio-pci, none wanted; left alone "
		"because " HELD "\n"
		"reserve 0000:01:00.0 VF 1 for none\n"
		"unbind 0000:01:00.0 VF 1 from vfio-pci\n");

	s = used_machine(&c, 2);
	free(c.pfs[0].driver);
	c.pfs[0].driver = xstrdup("native");
	s.functions[1].in_use = xstrdup(HELD);
	plan_is("and to its native driver, by its own ID", &c, &s,
		"3 0000:01:10.0: is bound to vfio-pci, native wanted; left alone "
		"because " HELD "\n"
		"free 0000:01:00.0 VF 1 for any driver\n"
		"unbind 0000:01:00.0 VF 1 from vfio-pci\n"
		"probe 0000:01:00.0 VF 1\n");

	s = used_machine(&c, 2);
	free(s.functions[1].driver);
	s.functions[1].driver = NULL;
	s.functions[1].in_use = xstrdup(HELD);
	strings_add(&c.force_in_use, "0000:01:10.0");
	plan_is("one whose driver waits for its user has none", &c, &s,
		"3 0000:01:10.0: is bound to no driver, vfio-pci wanted; left alone "
		"because " HELD "\n");
}

#define CLAIM "claimed by vm-a"

/* Promised to somebody who has not opened it yet. */
static struct system claimed_machine(struct config *c, int wanted)
{
	struct system s = used_machine(c, wanted);

	s.functions[1].in_use = xstrdup(CLAIM);
	s.functions[1].only_claimed = true;
	return s;
}

static void test_claimed(void)
{
	struct config c;
	struct system s = claimed_machine(&c, 0);

	plan_has("a claimed VF keeps the count", &c, &s,
		 "they stay: VF 0 (0000:01:10.0) is in use: " CLAIM "\n");

	s = claimed_machine(&c, 0);
	strings_add(&c.force_in_use, "0000:01:10.0");
	plan_has("force takes it", &c, &s, "remove the 2 VFs of 0000:01:00.0\n");

	s = claimed_machine(&c, 2);
	free(c.pfs[0].driver);
	c.pfs[0].driver = xstrdup("none");
	plan_has("it keeps its driver", &c, &s,
		 "3 0000:01:10.0: is bound to vfio-pci, none wanted; left alone "
		 "because " CLAIM "\n");

	s = claimed_machine(&c, 2);
	free(s.functions[1].driver);
	s.functions[1].driver = NULL;
	plan_is("or gets back the one that it has lost", &c, &s,
		"reserve 0000:01:00.0 VF 0 for vfio-pci\n"
		"bind 0000:01:00.0 VF 0 to vfio-pci\n");

	s = claimed_machine(&c, 0);
	free(s.functions[1].driver);
	s.functions[1].driver = NULL;
	strings_add(&c.force_in_use, "0000:01:10.0");
	plan_has("without a driver force takes it too", &c, &s,
		 "remove the 2 VFs of 0000:01:00.0\n");
}

static void test_unable(void)
{
	struct system s = machine();
	struct config c = {};

	add_pf_rule(&c, "0000:01:00.0", 8, "vfio-pci");
	plan_has("above the limit", &c, &s,
		 "8 VFs wanted, device and driver igb allow 7");

	s = machine();
	c = (struct config){};
	s.functions[0].iommu_group = NONE;
	add_pf_rule(&c, "0000:01:00.0", 1, "vfio-pci");
	plan_has("no IOMMU", &c, &s, "has no IOMMU group");

	s = machine();
	c = (struct config){};
	free(s.functions[0].driver);
	s.functions[0].driver = NULL;
	add_pf_rule(&c, "0000:01:00.0", 1, "native");
	plan_has("no driver", &c, &s, "has no driver");

	s = machine();
	c = (struct config){};
	free(s.functions[0].driver);
	s.functions[0].driver = xstrdup("vfio-pci");
	add_pf_rule(&c, "0000:01:00.0", 1, "vfio-pci");
	plan_has("the PF itself was caught", &c, &s, "take 8086:10c9 out of its ids=");

	s = machine();
	c = (struct config){};
	add_pf_rule(&c, "0000:09:00.0", 1, "vfio-pci");
	plan_is("a rule for another machine", &c, &s, "");

	s = machine();
	c = (struct config){};
	add_pf_rule(&c, "0000:09:00.0", 1, "vfio-pci")->required = true;
	plan_is("a required one", &c, &s, "3 -: required, but no PF matches\n");
}

static void test_vfio_ids(void)
{
	struct system s = machine();
	struct config c = {};
	struct function *nvme = add_function(&s, "0000:02:00.0", 0x1b36, 0x0010, "nvme");

	nvme->total_vfs = 4;
	nvme->vf_device = 0x0010;
	nvme->autoprobe = true;
	add_pf_rule(&c, "0000:01:00.0", 1, "vfio-pci");
	add_pf_rule(&c, "0000:02:00.0", 1, "vfio-pci");
	plan_has("a PF's own ID is left out", &c, &s,
		 "6 -: left out of vfio-pci's ids=: 1b36:0010 (a PF");

	s = machine();
	c = (struct config){};
	nvme = add_function(&s, "0000:03:00.0", 0x8086, 0x10c9, "igb");
	nvme->total_vfs = 7;
	nvme->vf_device = 0x10ca;
	add_pf_rule(&c, "0000:01:00.0", 1, "vfio-pci");
	plan_has("VFs of a PF without rule keep the ID out", &c, &s,
		 "8086:10ca (a PF without rule");

	s = machine();
	c = (struct config){};
	add_range(add_pf_rule(&c, "0000:01:00.0", 4, "vfio-pci"), 0, 0, "native");
	plan_has("a native VF keeps the ID out", &c, &s, "8086:10ca (some of its VFs");

	s = machine();
	c = (struct config){ .kernel.vfio_ids = VFIO_IDS_NONE };
	add_pf_rule(&c, "0000:01:00.0", 1, "vfio-pci");
	plan_has("vfio_ids = none", &c, &s, "load vfio-pci\n");
}

static void test_device(void)
{
	struct system s = machine();
	struct config c = {};

	add_function(&s, "0000:05:00.0", 0x10de, 0x1eb8, "nouveau");
	*array_add(c.devices, c.n_devices) = (struct device_rule){
		.where = { FILE_NAME, 9 },
		.match = { .vendor = 0x10de, .device = 0x1eb8 },
		.driver = xstrdup("vfio-pci"),
	};
	s.vfio_module_loaded = true;
	plan_is("a whole device", &c, &s,
		"reserve 0000:05:00.0 for vfio-pci\n"
		"unbind 0000:05:00.0 from nouveau\n"
		"bind 0000:05:00.0 to vfio-pci\n");

	s = machine();
	c = (struct config){};
	add_function(&s, "0000:05:00.0", 0x10de, 0x1eb8, "nouveau")->in_use =
		xstrdup("it is the boot display");
	*array_add(c.devices, c.n_devices) = (struct device_rule){
		.where = { FILE_NAME, 9 },
		.match = { .vendor = 0x10de, .device = 0x1eb8 },
		.driver = xstrdup("vfio-pci"),
	};
	plan_is("one that is used", &c, &s,
		"3 0000:05:00.0: stays on nouveau because it is the boot display\n");

	s = machine();
	c = (struct config){};
	add_function(&s, "0000:05:00.0", 0x10de, 0x1eb8, "nouveau")->in_use =
		xstrdup("it is the boot display");
	*array_add(c.devices, c.n_devices) = (struct device_rule){
		.where = { FILE_NAME, 9 },
		.match = { .vendor = 0x10de, .device = 0x1eb8 },
		.driver = xstrdup("vfio-pci"),
	};
	strings_add(&c.force_in_use, "0000:05:00.0");
	s.vfio_module_loaded = true;
	plan_has("and forced", &c, &s, "unbind 0000:05:00.0 from nouveau\n");

	s = machine();
	c = (struct config){ .gentle = true };
	add_function(&s, "0000:05:00.0", 0x10de, 0x1eb8, "vfio-pci");
	*array_add(c.devices, c.n_devices) = (struct device_rule){
		.where = { FILE_NAME, 9 },
		.match = { .vendor = 0x10de, .device = 0x1eb8 },
		.driver = xstrdup("nvgrace-gpu-vfio-pci"),
	};
	plan_has("one that a VM may hold", &c, &s, "a VM may hold it");
}

/* As the unit of one PF plans. */
static void test_one_pf(void)
{
	_cleanup_(plan_done) struct plan plan = {};
	struct system s = machine();
	struct config c = {};

	add_igb_vfs(&s, 0, 2, "igbvf");
	s.functions[2].in_use = xstrdup("eth5 is up");
	add_pf_rule(&c, "0000:01:00.0", VFS_UNSET, "vfio-pci");
	plan = plan_make(&c, &s);
	plan_keep(&plan, "0000:01:00.0");
	is_int((long)plan.n_problems, 1, "one PF: what is wrong with its VFs is kept");
	plan_keep(&plan, "0000:05:00.0");
	is_int((long)plan.n_problems, 0, "one device: what is wrong with others is not");
	plan_done(&plan);
	free(c.pfs[0].driver);
	s.vfio_module_loaded = true;
	c.pfs[0].driver = xstrdup("card-vfio-pci");
	plan = plan_make(&c, &s);
	plan_keep(&plan, "0000:05:00.0");
	is_int((long)plan.n_actions, 0, "one device: no module of others is loaded");
	plan_done(&plan);
	add_pf_rule(&c, "0000:99:00.0", 1, "vfio-pci")->required = true;
	plan = plan_make(&c, &s);
	plan_keep(&plan, "0000:05:00.0");
	is_int((long)plan.n_problems, 0, "one device: no other one is required");
	config_done(&c);
	system_done(&s);
}

static void add_link(struct system *s, int pf)
{
	s->functions[pf].link = xcalloc(1, sizeof(struct link));
	*s->functions[pf].link =
		(struct link){ .mtu = 1500, .permanent_mac = 0x525400000001 };
}

/* Two VFs on a driver as they are when all was set. */
static struct system machine_with_values(const char *driver)
{
	struct system s = machine();

	s.vfio_module_loaded = true;
	add_link(&s, 0);
	add_igb_vfs(&s, 0, 2, driver);
	for (int i = 1; i <= 2; i++) {
		vf_values_set(&s.functions[i].values, VF_MAC,
			      vf_stable_mac(0x525400000001, (unsigned)i - 1));
		vf_values_set(&s.functions[i].values, VF_VLAN, 100);
		vf_values_set(&s.functions[i].values, VF_QOS, 0);
		vf_values_set(&s.functions[i].values, VF_VLAN_PROTO, 0x8100);
	}
	return s;
}

static struct pf_rule *add_values(struct config *c, const char *driver)
{
	struct pf_rule *rule = add_pf_rule(c, "0000:01:00.0", 2, driver);

	vf_values_set(&rule->values, VF_MAC, VF_MAC_STABLE);
	vf_values_set(&rule->values, VF_VLAN, 100);
	return rule;
}

static void test_new_values(void)
{
	struct system s = machine();
	struct config c = {};
	struct pf_rule *rule = add_values(&c, "native");

	add_link(&s, 0);
	rule->mtu = 9000;
	rule->link_up = true;
	add_range(rule, 1, 1, "vfio-pci");
	vf_values_set(&rule->vf[0].values, VF_TRUST, 1);
	*array_add(rule->vf[0].sysfs.items, rule->vf[0].sysfs.n) =
		(struct attribute){ .name = xstrdup("power/control"),
				    .value = xstrdup("on") };
	s.vfio_module_loaded = true;
	plan_is("VFs are set up before any driver sees them", &c, &s,
		"set mtu of 0000:01:00.0 to 9000\n"
		"set link of 0000:01:00.0 to up\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 0\n"
		"create 2 VFs on 0000:01:00.0\n"
		"reserve 0000:01:00.0 VF 1 for vfio-pci\n"
		"set 0000:01:00.0 VF 0: mac 62:00:00:01:00:00, vlan 100, qos 0, "
		"vlan_proto 802.1q\n"
		"set 0000:01:00.0 VF 1: mac 62:00:00:01:00:01, vlan 100, qos 0, "
		"vlan_proto 802.1q, trust on\n"
		"write 0000:01:00.0 VF 1/power/control on\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 1\n"
		"probe 0000:01:00.0 VF 0\n"
		"bind 0000:01:00.0 VF 1 to vfio-pci\n");

	s = machine();
	c = (struct config){};
	add_values(&c, "vfio-pci");
	s.functions[0].link_error = xstrdup("it has no network interface here");
	plan_is("without an interface no VF is made that lacks its VLAN", &c, &s,
		"3 0000:01:00.0: what the rule says of link, MTU and VFs cannot be set: "
		"it has no network interface here\n"
		"load vfio-pci ids=8086:10ca\n");

	s = machine();
	c = (struct config){};
	add_link(&s, 0);
	s.functions[0].link->permanent_mac = 0;
	add_values(&c, "vfio-pci");
	plan_has("no permanent address", &c, &s, "VF 1 cannot get a stable one");
}

static void test_rates(void)
{
	struct system s = machine();
	struct config c = {};
	struct pf_rule *rule = add_pf_rule(&c, "0000:01:00.0", 1, "native");

	add_link(&s, 0);
	s.functions[0].link->up = true;
	rule->link_up = true;
	vf_values_set(&rule->values, VF_MAX_TX_RATE, 100);
	plan_is("a rate is set when the link has come back", &c, &s,
		"write 0000:01:00.0/sriov_drivers_autoprobe 0\n"
		"create 1 VFs on 0000:01:00.0\n"
		"set link of 0000:01:00.0 to running\n"
		"set 0000:01:00.0 VF 0: min_tx_rate 0 Mbit/s, max_tx_rate 100 Mbit/s\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 1\n"
		"probe 0000:01:00.0 VF 0\n");
}

static void test_eswitch(void)
{
	struct system s = machine();
	struct config c = {};
	struct pf_rule *rule = add_pf_rule(&c, "0000:01:00.0", 1, "none");

	rule->eswitch.value[ESWITCH_MODE] = ESWITCH_SWITCHDEV;
	rule->eswitch.value[ESWITCH_ENCAP] = 2;
	s.functions[0].eswitch.value[ESWITCH_MODE] = ESWITCH_LEGACY;
	plan_is("the eswitch changes before there are VFs", &c, &s,
		"set eswitch of 0000:01:00.0 to switchdev\n"
		"set eswitch_encap of 0000:01:00.0 to basic\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 0\n"
		"create 1 VFs on 0000:01:00.0\n"
		"reserve 0000:01:00.0 VF 0 for none\n"
		"write 0000:01:00.0/sriov_drivers_autoprobe 1\n");

	s = machine();
	c = (struct config){};
	rule = add_pf_rule(&c, "0000:01:00.0", 1, "none");
	rule->eswitch.value[ESWITCH_MODE] = ESWITCH_SWITCHDEV;
	s.functions[0].eswitch.value[ESWITCH_MODE] = ESWITCH_LEGACY;
	add_igb_vfs(&s, 0, 1, NULL);
	plan_has("most drivers want no VF then", &c, &s,
		 "3 0000:01:00.0: eswitch = \"switchdev\" wanted, found legacy; its "
		 "driver "
		 "changes that only while there are no VFs");

	s = machine();
	c = (struct config){};
	rule = add_pf_rule(&c, "0000:01:00.0", 1, "none");
	rule->eswitch.value[ESWITCH_MODE] = ESWITCH_SWITCHDEV;
	s.functions[0].eswitch.value[ESWITCH_MODE] = ESWITCH_LEGACY;
	add_igb_vfs(&s, 0, 1, NULL);
	free(s.functions[0].driver);
	s.functions[0].driver = xstrdup("mlx5_core");
	plan_is("mlx5 wants them unbound", &c, &s,
		"set eswitch of 0000:01:00.0 to switchdev\n");

	s = machine();
	c = (struct config){};
	rule = add_pf_rule(&c, "0000:01:00.0", 1, "vfio-pci");
	rule->eswitch.value[ESWITCH_MODE] = ESWITCH_SWITCHDEV;
	s.functions[0].eswitch.value[ESWITCH_MODE] = ESWITCH_LEGACY;
	s.vfio_module_loaded = true;
	add_igb_vfs(&s, 0, 1, "vfio-pci");
	free(s.functions[0].driver);
	s.functions[0].driver = xstrdup("mlx5_core");
	plan_has("and takes none from a VM", &c, &s, "only while no VF has a driver");

	s = machine();
	c = (struct config){};
	rule = add_pf_rule(&c, "0000:01:00.0", 0, "none");
	rule->eswitch.value[ESWITCH_MODE] = ESWITCH_LEGACY;
	plan_has("what is not told is not guessed", &c, &s,
		 "found unknown; it is not told");
}

static void test_found_values(void)
{
	struct system s = machine_with_values("vfio-pci");
	struct config c = {};

	vf_values_set(&add_values(&c, "vfio-pci")->values, VF_TRUST, 1);
	plan_is("what is right, or not reported, stays", &c, &s, "");

	s = machine_with_values("vfio-pci");
	c = (struct config){};
	add_values(&c, "vfio-pci");
	s.functions[2].values.value[VF_VLAN] = 0;
	plan_is("only what differs is set, also while it is used", &c, &s,
		"set 0000:01:00.0 VF 1: vlan 100, qos 0, vlan_proto 802.1q\n");

	s = machine_with_values("vfio-pci");
	c = (struct config){};
	add_values(&c, "vfio-pci");
	c.gentle = true;
	s.functions[1].values.value[VF_MAC] = 0;
	s.functions[1].values.value[VF_VLAN] = 0;
	plan_is("a MAC address is not taken from a VM's feet", &c, &s,
		"3 0000:01:10.0: mac 62:00:00:01:00:00 wanted, which only reaches a "
		"driver that is bound afterwards; a VM may hold it: stop its users, then "
		"unbind it from vfio-pci\n"
		"set 0000:01:00.0 VF 0: vlan 100, qos 0, vlan_proto 802.1q\n");

	s = machine_with_values("igbvf");
	c = (struct config){};
	add_values(&c, "native");
	s.functions[1].values.value[VF_MAC] = 0;
	plan_is("an idle driver is bound anew", &c, &s,
		"unbind 0000:01:00.0 VF 0 from igbvf\n"
		"set 0000:01:00.0 VF 0: mac 62:00:00:01:00:00\n"
		"bind 0000:01:00.0 VF 0 to igbvf\n");

	s = machine_with_values("igbvf");
	c = (struct config){};
	add_values(&c, "vfio-pci");
	s.functions[1].values.value[VF_MAC] = 0;
	plan_is("on the way to another driver", &c, &s,
		"reserve 0000:01:00.0 VF 0 for vfio-pci\n"
		"unbind 0000:01:00.0 VF 0 from igbvf\n"
		"set 0000:01:00.0 VF 0: mac 62:00:00:01:00:00\n"
		"bind 0000:01:00.0 VF 0 to vfio-pci\n"
		"reserve 0000:01:00.0 VF 1 for vfio-pci\n"
		"unbind 0000:01:00.0 VF 1 from igbvf\n"
		"bind 0000:01:00.0 VF 1 to vfio-pci\n");
}

static void test_same_mac(void)
{
	struct system s = machine();
	struct config c = {};
	struct pf_rule *rule = add_pf_rule(&c, "0000:01:00.0", 2, "native");

	add_link(&s, 0);
	add_range(rule, 0, 0, "native");
	add_range(rule, 1, 1, "native");
	vf_values_set(&rule->vf[0].values, VF_MAC, 0x525400000001);
	vf_values_set(&rule->vf[1].values, VF_MAC, 0x525400000002);
	*array_add(s.functions[0].netdevs, s.functions[0].n_netdevs) =
		(struct netdev){ .name = xstrdup("eth0"),
				 .mac = xstrdup("52:54:00:00:00:01") };
	plan_has("the address of an interface of the host", &c, &s,
		 "VF 0 is not given mac 52:54:00:00:00:01: eth0 of 0000:01:00.0 has it");

	s = machine();
	c = (struct config){};
	rule = add_pf_rule(&c, "0000:01:00.0", 2, "native");
	add_link(&s, 0);
	add_range(rule, 0, 0, "native");
	add_range(rule, 1, 1, "native");
	vf_values_set(&rule->vf[0].values, VF_MAC, 0x525400000002);
	vf_values_set(&rule->vf[1].values, VF_MAC, 0x525400000002);
	plan_has("the address of another VF", &c, &s,
		 "VF 1 is not given mac 52:54:00:00:00:02: VF 0 of 0000:01:00.0 has it");
}

static void found(struct function *f, const char *name, const char *value, int error)
{
	*array_add(f->sysfs, f->n_sysfs) = (struct found_attribute){
		.name = xstrdup(name), .value = xstrdup(value), .error = error
	};
}

static void test_sysfs(void)
{
	static const char *const names[] = { "same", "other", "secret", "gone", "away" };
	struct system s = machine();
	struct config c = {};
	struct pf_rule *rule = add_pf_rule(&c, "0000:01:00.0", 0, "native");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		*array_add(rule->sysfs.items, rule->sysfs.n) =
			(struct attribute){ .name = xstrdup(names[i]),
					    .value = xstrdup("1") };
	found(&s.functions[0], "same", "1", 0);
	found(&s.functions[0], "other", "2", 0);
	found(&s.functions[0], "secret", NULL, -EACCES);
	found(&s.functions[0], "gone", NULL, -ENOENT);
	found(&s.functions[0], "away", NULL, -ELOOP);
	plan_is("attributes of a PF are compared", &c, &s,
		"3 0000:01:00.0: has no attribute gone\n"
		"3 0000:01:00.0: has no attribute away of its own: a link leads "
		"elsewhere\n"
		"write 0000:01:00.0/other 1\n");
}

static void test_rules(void)
{
	struct system s = machine();
	struct config c = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	add_range(add_pf_rule(&c, "0000:01:00.0", 3, "vfio-pci"), 1, 6, "native");
	rules_write(out, &c, &s);
	fclose(out);
	ok(strstr(text, "KERNEL==\"0000:01:10.0\", GOTO=\"sriov_setup_0\"\n") != NULL,
	   "a range of VFs is named by address");
	ok(strstr(text, "ATTR{[drivers/pci:vfio-pci]bind}=\"$kernel\"\n") != NULL,
	   "the rule binds");
	ok(strstr(text, "0000:01:10.2") == NULL, "native VFs are not named");
	free(text);
	config_done(&c);
	system_done(&s);
}

int main(void)
{
	test_create();
	test_existing();
	test_count();
	test_move();
	test_claimed();
	test_owners();
	test_unable();
	test_vfio_ids();
	test_device();
	test_new_values();
	test_rates();
	test_eswitch();
	test_found_values();
	test_same_mac();
	test_sysfs();
	test_one_pf();
	test_rules();
	return done();
}
