/* What NVMe VFs need to be usable: the PF's share, its reset, their own, in this order.
 */
#include "plan-fixture.h"

#define PF "0000:03:00.0"

/* A controller with 16 queues and 8 interrupts to share out, `own` of each its own. */
static struct function *add_controller(struct system *s, unsigned queues,
				       unsigned interrupts)
{
	struct function *pf = add_pf(s, PF, 0x1b36, 0x10, "nvme");

	s->vfio_module_loaded = true;
	pf->nvme = xcalloc(1, sizeof(struct nvme));
	*pf->nvme = (struct nvme){ .flexible = { 16, 8 },
				   .own = { queues, interrupts },
				   .most = { 4, 2 } };
	for (int i = 0; i < 8; i++)
		*array_add(pf->nvme->vfs, pf->nvme->n_vfs) =
			(struct nvme_vf){ .exists = true };
	return pf;
}

static struct pf_rule *add_nvme_rule(struct config *c, int vfs, const char *driver,
				     unsigned queues, unsigned interrupts)
{
	struct pf_rule *rule = add_pf_rule(c, PF, vfs, driver);

	rule->nvme = (struct nvme_share){ { queues, interrupts } };
	return rule;
}

static void test_create(void)
{
	struct system s = {};
	struct config c = {};

	add_controller(&s, 16, 8);
	add_nvme_rule(&c, 2, "native", 3, 1);
	plan_is("the PF gives up what is needed and is reset, VFs get theirs before a "
		"driver",
		&c, &s,
		"set queues of " PF " to 10\n"
		"set interrupts of " PF " to 6\n"
		"reset " PF "\n"
		"write " PF "/sriov_drivers_autoprobe 0\n"
		"create 2 VFs on " PF "\n"
		"set queues of " PF " VF 0 to 3\n"
		"set interrupts of " PF " VF 0 to 1\n"
		"set state of " PF " VF 0 to online\n"
		"set queues of " PF " VF 1 to 3\n"
		"set interrupts of " PF " VF 1 to 1\n"
		"set state of " PF " VF 1 to online\n"
		"write " PF "/sriov_drivers_autoprobe 1\n"
		"probe " PF " VF 0\n"
		"probe " PF " VF 1\n");

	add_controller(&s, 0, 0);
	s.functions[0].nvme->vfs[0].count[NVME_QUEUES] = 2;
	add_nvme_rule(&c, 1, "vfio-pci", 2, 1);
	plan_is("nothing is given up where enough is free, nor given twice", &c, &s,
		"write " PF "/sriov_drivers_autoprobe 0\n"
		"create 1 VFs on " PF "\n"
		"reserve " PF " VF 0 for vfio-pci\n"
		"set interrupts of " PF " VF 0 to 1\n"
		"set state of " PF " VF 0 to online\n"
		"write " PF "/sriov_drivers_autoprobe 1\n"
		"bind " PF " VF 0 to vfio-pci\n");
}

static void test_impossible(void)
{
	struct system s = {};
	struct config c = {};

	add_controller(&s, 16, 8);
	add_nvme_rule(&c, 8, "native", 3, 1);
	plan_is("more than there is", &c, &s,
		"3 " PF ": 8 VFs with 3 queues each wanted, the controller has 16 to "
		"share out\n");
	add_controller(&s, 16, 8);
	add_nvme_rule(&c, 1, "native", 5, 1);
	plan_is("more than one VF can have", &c, &s,
		"3 " PF ": 5 queues wanted, the controller gives a VF at most 4\n");
	add_controller(&s, 16, 8)->in_use = xstrdup("disk nvme0n1 is in use");
	add_nvme_rule(&c, 1, "native", 2, 1);
	plan_is("a disk in use is not reset", &c, &s,
		"3 " PF ": must give up queues or interrupts for its VFs and be reset "
		"for that; left alone because disk nvme0n1 is in use\n");
	add_pf(&s, PF, 0x1b36, 0x10, "nvme")->nvme_error = xstrdup("it is no NVMe");
	add_nvme_rule(&c, 1, "native", 2, 1);
	plan_is("one that does not tell", &c, &s,
		"3 " PF ": its VFs get no queues and interrupts: it is no NVMe\n");
}

static void test_existing(void)
{
	struct system s = {};
	struct config c = {};
	struct nvme_vf *vf;

	vf = add_controller(&s, 0, 0)->nvme->vfs;
	for (int i = 0; i < 3; i++)
		vf[i] = (struct nvme_vf){ true, true, { 2, 1 } };
	vf[1].online = false;
	vf[2].count[NVME_QUEUES] = 4;
	add_vfs(&s, 0, 3, NULL);
	add_nvme_rule(&c, 3, "none", 2, 1);
	plan_is("only what differs: counts change offline", &c, &s,
		"set state of " PF " VF 1 to online\n"
		"set state of " PF " VF 2 to offline\n"
		"set queues of " PF " VF 2 to 2\n"
		"set state of " PF " VF 2 to online\n");

	vf = add_controller(&s, 0, 0)->nvme->vfs;
	vf[0] = (struct nvme_vf){ true, false, { 2, 1 } };
	vf[1] = (struct nvme_vf){ true, true, { 3, 1 } };
	add_vfs(&s, 0, 2, "vfio-pci");
	add_nvme_rule(&c, 2, "vfio-pci", 2, 1);
	plan_is("one that has a driver keeps its counts, but comes online", &c, &s,
		"3 0000:03:01.1: 2 queues and 1 interrupts wanted, found 3 and 1; they "
		"change while no driver is bound: stop its users, then unbind it from "
		"vfio-pci\n"
		"set state of " PF " VF 0 to online\n");

	add_controller(&s, 16, 8);
	add_vfs(&s, 0, 1, NULL);
	add_nvme_rule(&c, 1, "none", 2, 1);
	plan_is("the PF is not reset under its VFs", &c, &s,
		"3 " PF ": must give up queues or interrupts for its VFs and be reset "
		"for that; left alone because it has VFs already\n");
}

int main(void)
{
	test_create();
	test_impossible();
	test_existing();
	return done();
}
