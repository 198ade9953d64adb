/* Whole devices with what shares their IOMMU group; mediated devices. */
#include "plan-fixture.h"

#define GPU "0000:25:00.0"
#define SOUND "0000:25:00.1"

static struct device_rule *add_device_rule(struct config *c, const char *address,
					   bool whole_group)
{
	struct device_rule *rule = array_add(c->devices, c->n_devices);

	*rule = (struct device_rule){
		.where = { FILE_NAME, 7 },
		.match = { .address = xstrdup(address), .vendor = -1, .device = -1 },
		.driver = xstrdup("vfio-pci"),
		.whole_group = whole_group,
	};
	return rule;
}

/* A GPU, its sound and the bridge above in one group. */
static void add_card(struct system *s)
{
	struct function *bridge = add_function(s, "0000:24:00.0", 0x10de, 1, "shpchp");

	bridge->class = 0x060400;
	add_function(s, GPU, 0x10de, 0x1eb8, "nouveau");
	add_function(s, SOUND, 0x10de, 0x10f8, "snd_hda_intel");
	for (int i = 0; i < 3; i++)
		s->functions[i].iommu_group = 7;
	s->vfio_module_loaded = true;
}

#define TAKE(address, driver)                  \
	"reserve " address " for vfio-pci\n"   \
	"unbind " address " from " driver "\n" \
	"bind " address " to vfio-pci\n"

static void test_group(void)
{
	struct system s = {};
	struct config c = {};

	add_card(&s);
	add_device_rule(&c, GPU, false);
	plan_is("what is in the way is listed; bridges are not", &c, &s,
		"3 " GPU ": is left alone: it shares IOMMU group 7 with " SOUND
		" (snd_hda_intel): no VM can use it before all of the group are on "
		"vfio-pci; give each a rule, or say whole_group = true\n");
	add_card(&s);
	add_device_rule(&c, GPU, true);
	plan_is("the whole group", &c, &s,
		TAKE(GPU, "nouveau") TAKE(SOUND, "snd_hda_intel"));
	add_card(&s);
	add_device_rule(&c, GPU, false);
	add_device_rule(&c, SOUND, false);
	plan_is("a rule for each", &c, &s,
		TAKE(GPU, "nouveau") TAKE(SOUND, "snd_hda_intel"));
	add_card(&s);
	free(s.functions[2].driver);
	s.functions[2].driver = NULL;
	add_device_rule(&c, GPU, false);
	plan_is("one without driver is not in the way", &c, &s, TAKE(GPU, "nouveau"));
	add_card(&s);
	s.functions[2].in_use = xstrdup("disk sda is in use");
	add_device_rule(&c, GPU, true);
	add_device_rule(&c, SOUND, true);
	plan_is("what is in use stays, and with it the group", &c, &s,
		"3 " GPU ": is left alone: it shares IOMMU group 7 with " SOUND
		" (snd_hda_intel; disk sda is in use): no VM can use it before all of "
		"the group are on vfio-pci; give each a rule, or say whole_group = true\n"
		"3 " SOUND ": stays on snd_hda_intel because disk sda is in use\n");
}

static void test_group_later(void)
{
	struct system s = {};
	struct config c = {};

	add_card(&s);
	free(s.functions[1].driver);
	s.functions[1].driver = xstrdup("vfio-pci");
	add_device_rule(&c, GPU, true);
	plan_is("one that is right takes the rest of its group along", &c, &s,
		TAKE(SOUND, "snd_hda_intel"));
	add_card(&s);
	add_function(&s, "0000:25:00.2", 0x10de, 0x1ad8, "xhci_hcd")->iommu_group = 7;
	add_device_rule(&c, GPU, true);
	add_device_rule(&c, SOUND, true);
	plan_is("what goes along does so once", &c, &s,
		TAKE(GPU, "nouveau") TAKE("0000:25:00.2", "xhci_hcd")
			TAKE(SOUND, "snd_hda_intel"));
	add_card(&s);
	s.functions[1].in_use = xstrdup("it is the boot display");
	add_device_rule(&c, GPU, true);
	plan_is("the boot display stays", &c, &s,
		"3 " GPU ": stays on nouveau because it is the boot display\n");
}

static struct mdev_type *add_type(struct function *f, const char *id, const char *name,
				  unsigned available)
{
	struct mdev_type *type = array_add(f->mdevs.items, f->mdevs.n);

	*type = (struct mdev_type){ .id = xstrdup(id),
				    .name = xstrdup(name),
				    .available = available };
	return type;
}

static void add_mdev_rule(struct config *c, const char *type, unsigned count)
{
	*array_add(c->mdevs, c->n_mdevs) = (struct mdev_rule){
		.where = { FILE_NAME, 9 },
		.match = { .vendor = 0x10de, .device = 0x1eb8 },
		.type = xstrdup(type),
		.count = count,
		.resource = xstrdup("nvidia.com/GRID_T4-1Q"),
	};
}

#define UUID_0 "344c36c0-d3d9-8c5a-a8c5-2a36dcec31ed"
#define UUID_1 "c07042cd-bab0-8986-8cc1-10a18ee43ebd"
#define CREATE(uuid) "create mediated device nvidia-222/" uuid " on " GPU "\n"

static void test_mdevs(void)
{
	struct system s = {};
	struct config c = {};
	struct mdev_type *type;

	add_function(&s, GPU, 0x10de, 0x1eb8, "nvidia");
	add_type(&s.functions[0], "nvidia-222", "GRID T4-1Q", 16);
	add_mdev_rule(&c, "GRID T4-1Q", 2);
	add_mdev_rule(&c, "GRID T4-1Q", 9);
	plan_is("made, with UUIDs that stay; the first rule counts", &c, &s,
		CREATE(UUID_0) CREATE(UUID_1));
	add_function(&s, GPU, 0x10de, 0x1eb8, "nvidia");
	type = add_type(&s.functions[0], "nvidia-222", "GRID T4-1Q", 15);
	strings_add(&type->uuids, UUID_0);
	add_mdev_rule(&c, "GRID T4-1Q", 2);
	plan_is("what is there counts", &c, &s, CREATE(UUID_1));
	add_function(&s, GPU, 0x10de, 0x1eb8, "nvidia");
	add_type(&s.functions[0], "nvidia-222", "GRID T4-1Q", 1);
	add_mdev_rule(&c, "nvidia-222", 0);
	plan_is("0: others make them", &c, &s, "");
	add_function(&s, GPU, 0x10de, 0x1eb8, "nvidia");
	add_type(&s.functions[0], "nvidia-222", "GRID T4-1Q", 1);
	add_mdev_rule(&c, "GRID T4-1Q", 3);
	plan_is("as many as there is room for", &c, &s,
		"3 " GPU ": 3 mediated devices GRID T4-1Q wanted, found 0, and no more "
		"than 1 can be added\n" CREATE(UUID_0));
	add_function(&s, GPU, 0x10de, 0x1eb8, "nvidia");
	add_type(&s.functions[0], "nvidia-230", "GRID T4-16Q", 1);
	add_mdev_rule(&c, "GRID T4-1Q", 3);
	plan_is("another type", &c, &s,
		"3 " GPU ": has no type of mediated devices \"GRID T4-1Q\", but: GRID "
		"T4-16Q\n");
	add_function(&s, GPU, 0x10de, 0x1eb8, "nouveau");
	add_mdev_rule(&c, "GRID T4-1Q", 3);
	plan_is("none at all", &c, &s,
		"3 " GPU ": offers no mediated devices: its driver nouveau makes none\n");
}

static void test_auto_vfio(void)
{
	struct system s = {};
	struct config c = {};

	add_pf(&s, "0000:41:00.0", 0x15b3, 0x101d, "mlx5_core");
	s.functions[0].vfio_driver = xstrdup("mlx5_vfio_pci");
	add_pf_rule(&c, "0000:41:00.0", 1, "auto-vfio");
	plan_is("auto-vfio: the driver that is made for the VFs", &c, &s,
		"load mlx5_vfio_pci\n"
		"write 0000:41:00.0/sriov_drivers_autoprobe 0\n"
		"create 1 VFs on 0000:41:00.0\n"
		"reserve 0000:41:00.0 VF 0 for mlx5_vfio_pci\n"
		"write 0000:41:00.0/sriov_drivers_autoprobe 1\n"
		"bind 0000:41:00.0 VF 0 to mlx5_vfio_pci\n");
	add_pf(&s, "0000:41:00.0", 0x15b3, 0x101d, "mlx5_core");
	s.functions[0].vfio_driver = xstrdup("mlx5_vfio_pci");
	strings_add(&s.drivers, "mlx5_vfio_pci");
	add_vfs(&s, 0, 1, "mlx5_vfio_pci");
	add_pf_rule(&c, "0000:41:00.0", 1, "auto-vfio");
	plan_is("and nothing once they are there", &c, &s, "");
	for (int claim = 0; claim < 2; claim++) {
		add_pf(&s, "0000:41:00.0", 0x15b3, 0x101d, "mlx5_core");
		s.functions[0].vfio_driver = xstrdup("mlx5_vfio_pci");
		strings_add(&s.drivers, "mlx5_vfio_pci");
		add_vfs(&s, 0, 1, "mlx5_vfio_pci");
		c.export.kubevirt = true;
		add_pf_rule(&c, "0000:41:00.0", 1, "auto-vfio")->advertise =
			claim ? ADVERTISE_CLAIM : ADVERTISE_AUTO;
		plan_is(claim ? "not where others hand them out" :
				"KubeVirt would never hand them out",
			&c, &s,
			claim ? "" :
				"4 0000:41:00.0: what is on mlx5_vfio_pci cannot go to "
				"KubeVirt, which takes vfio-pci only: say driver = "
				"\"vfio-pci\", or advertise = \"libvirt\" or "
				"\"claim\"\n");
	}
	add_function(&s, GPU, 0x8086, 0x56c0, "xe_vfio_pci")->vfio_driver =
		xstrdup("xe_vfio_pci");
	free(add_device_rule(&c, GPU, false)->driver);
	c.devices[0].driver = xstrdup("auto-vfio");
	c.devices[0].advertise = ADVERTISE_KUBEVIRT;
	plan_is("nor a whole device", &c, &s,
		"4 " GPU ": what is on xe_vfio_pci cannot go to KubeVirt, which takes "
		"vfio-pci only: say driver = \"vfio-pci\", or advertise = \"libvirt\" or "
		"\"claim\"\n");
	add_function(&s, GPU, 0x10de, 0x1eb8, "nouveau");
	free(add_device_rule(&c, GPU, false)->driver);
	c.devices[0].driver = xstrdup("auto-vfio");
	strings_add(&s.drivers, "vfio-pci");
	plan_is("vfio-pci where none is", &c, &s, TAKE(GPU, "nouveau"));
}

static void test_left(void)
{
	struct system s = {};
	struct config c = { .harvester = true };
	struct device_rule *rule = add_device_rule(&c, GPU, true);

	add_card(&s);
	free(rule->driver);
	rule->driver = xstrdup("leave");
	plan_is("a device that is left to Harvester", &c, &s,
		"6 " GPU ": is left to Harvester's controller, which binds what somebody "
		"claims; driver = \"vfio-pci\" in the rule binds all the same\n");
}

int main(void)
{
	test_left();
	test_auto_vfio();
	test_group();
	test_group_later();
	test_mdevs();
	return done();
}
