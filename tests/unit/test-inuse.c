/* Who uses a function: what a host as a folder shows of routes, stacks of disks, VFIO. */
#include "fixture.h"
#include "inuse.h"

#include <errno.h>

#define NVME "0000:05:00.0"
#define BLOCK "sys/devices/pci0000:00/" NVME "/nvme/nvme0/nvme0n1"

static void fixture_link(struct fixture *f, const char *target, const char *path)
{
	_cleanup_free_ char *folder =
		xasprintf("%.*s/.made", (int)(strrchr(path, '/') - path), path);

	fixture_write(f, folder, "");
	if (symlinkat(target, f->root.fd, path) < 0)
		abort();
}

/* An NVMe function with a disk, and a network function with eth0, both idle. */
static struct system machine(struct fixture *f)
{
	struct system s = { .live = true, .n_functions = 2 };
	struct netdev *n;

	fixture_open(f);
	fixture_write(f, "proc/self/mountinfo", "20 1 259:10 / / rw - ext4 /dev/vda1 rw");
	fixture_write(f, BLOCK "/dev", "259:1");
	fixture_link(f, "../../devices/pci0000:00/" NVME "/nvme/nvme0/nvme0n1",
		     "sys/class/block/nvme0n1");
	s.functions = xcalloc(2, sizeof(struct function));
	s.functions[0] = (struct function){ .address = xstrdup(NVME), .pf = NONE };
	s.functions[1] = (struct function){
		.address = xstrdup("0000:06:00.0"),
		.pf = NONE,
		.iommu_group = 7,
	};
	n = array_add(s.functions[1].netdevs, s.functions[1].n_netdevs);
	n->name = xstrdup("eth0");
	return s;
}

static void use_is(const char *what, struct fixture *f, struct system *s, int function,
		   const char *in_use, const char *carries)
{
	inuse_observe(s, &f->root);
	inuse_observe_disks(s, &f->root);
	is_string(s->functions[function].in_use, in_use, "%s", what);
	is_string(s->functions[function].carries, carries,
		  "%s: what the host needs of it", what);
	system_done(s);
	fixture_close(f);
}

static void test_disks(void)
{
	struct fixture f;
	struct system s = machine(&f);

	use_is("an idle disk", &f, &s, 0, NULL, NULL);

	s = machine(&f);
	fixture_write(&f, "proc/self/mountinfo",
		      "20 1 259:1 / /srv rw - ext4 /dev/root rw");
	use_is("by its number", &f, &s, 0, "disk nvme0n1 is mounted on /srv",
	       "disk nvme0n1 is mounted on /srv");

	s = machine(&f);
	fixture_write(&f, "proc/self/mountinfo",
		      "20 1 0:9 / /a rw - btrfs /dev/nvme0n1 rw");
	use_is("by its name", &f, &s, 0, "disk nvme0n1 is mounted on /a",
	       "disk nvme0n1 is mounted on /a");

	s = machine(&f);
	fixture_write(&f, BLOCK "/holders/md0", "");
	fixture_write(&f, "sys/class/block/md0/holders/dm-0", "");
	fixture_write(&f, "sys/class/block/dm-0/dev", "253:0");
	fixture_write(&f, "proc/self/mountinfo",
		      "20 1 253:0 / /srv rw - ext4 /dev/mapper/v rw");
	use_is("through md and LVM", &f, &s, 0, "disk dm-0 is mounted on /srv",
	       "disk dm-0 is mounted on /srv");

	s = machine(&f);
	fixture_write(&f, BLOCK "/holders/dm-0", "");
	use_is("stacked, not mounted", &f, &s, 0, "disk nvme0n1 carries dm-0",
	       "disk nvme0n1 carries dm-0");

	s = machine(&f);
	fixture_write(&f, "proc/swaps", "Filename Type\n/dev/nvme0n1   partition 1\n");
	use_is("swap", &f, &s, 0, "disk nvme0n1 is swap", "disk nvme0n1 is swap");
}

#define ROUTES "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
#define NOWHERE "00000000000000000000000000000000"

static void test_interfaces(void)
{
	struct fixture f;
	struct system s = machine(&f);

	s.functions[1].netdevs[0].up = true;
	use_is("an interface that is up", &f, &s, 1, "eth0 is up", NULL);

	s = machine(&f);
	s.functions[1].netdevs[0].master = xstrdup("bond0");
	use_is("a bond", &f, &s, 1, "eth0 belongs to bond0", "eth0 belongs to bond0");

	s = machine(&f);
	strings_add(&s.functions[1].netdevs[0].uppers, "macvtap0");
	use_is("a macvtap", &f, &s, 1, "eth0 carries macvtap0", "eth0 carries macvtap0");

	s = machine(&f);
	fixture_write(&f, "proc/self/net/route",
		      ROUTES "eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\n");
	use_is("the default route", &f, &s, 1, "the default route goes over eth0",
	       "the default route goes over eth0");

	s = machine(&f);
	fixture_write(&f, "proc/self/net/route",
		      ROUTES "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n");
	use_is("another route", &f, &s, 1, NULL, NULL);

	s = machine(&f);
	fixture_write(&f, "proc/self/net/ipv6_route",
		      NOWHERE " 00 " NOWHERE " 00 fe80000000000000 00000400 00000001 "
			      "00000000 00000003     eth0\n");
	use_is("that of IPv6", &f, &s, 1, "the default route goes over eth0",
	       "the default route goes over eth0");

	s = machine(&f);
	fixture_write(&f, "proc/self/net/ipv6_route",
		      NOWHERE " 00 " NOWHERE " 00 fe80000000000000 ffffffff 00000001 "
			      "00000000 00200200     eth0\n");
	use_is("one that rejects", &f, &s, 1, NULL, NULL);
}

static void vfio_is(const char *what, struct fixture *f, struct system *s,
		    const char *in_use)
{
	const bool which[] = { false, true };

	inuse_observe_vfio(s, &f->root, which);
	is_string(s->functions[1].in_use, in_use, "%s", what);
	system_done(s);
	fixture_close(f);
}

/* EBUSY, which a folder cannot give, is for the fake kernel and the VM. */
static void test_vfio(void)
{
	struct fixture f;
	struct system s = machine(&f);

	fixture_link(&f, "../../../kernel/iommu_groups/7",
		     "sys/bus/pci/devices/0000:06:00.0/iommu_group");
	vfio_is("on no VFIO driver", &f, &s, NULL);

	s = machine(&f);
	fixture_link(&f, "../../../kernel/iommu_groups/7",
		     "sys/bus/pci/devices/0000:06:00.0/iommu_group");
	fixture_write(&f, "dev/vfio/7", "");
	vfio_is("a group that can be opened", &f, &s, NULL);

	s = machine(&f);
	fixture_link(&f, "../../../bus/pci/drivers/vfio-pci",
		     "sys/bus/pci/devices/0000:06:00.0/driver");
	vfio_is("no /dev/vfio", &f, &s,
		"/dev/vfio does not tell whether it is open: No such file or directory");

	s = machine(&f);
	fixture_link(&f, "../../../bus/pci/drivers/vfio-pci",
		     "sys/bus/pci/devices/0000:06:00.0/driver");
	fixture_write(&f, "sys/bus/pci/devices/0000:06:00.0/vfio-dev/vfio3/dev", "");
	fixture_write(&f, "proc/412/comm", "cloud-hyperviso\n");
	fixture_link(&f, "/dev/vfio/devices/vfio3", "proc/412/fd/9");
	vfio_is("a character device, kernel without groups", &f, &s,
		"cloud-hyperviso (process 412) has it open in VFIO");

	s = machine(&f);
	fixture_link(&f, "../../../bus/pci/drivers/vfio-pci",
		     "sys/bus/pci/devices/0000:06:00.0/driver");
	fixture_link(&f, "anon_inode:[vfio-device]", "proc/412/fd/9");
	fixture_write(&f, "proc/412/fdinfo/9",
		      "pos:\t0\nvfio-device-syspath: "
		      "/sys/devices/pci0000:00/0000:06:00.0\n");
	vfio_is("who has only the device left", &f, &s,
		"it (process 412) has it open in VFIO");
}

int main(void)
{
	test_disks();
	test_interfaces();
	test_vfio();
	return done();
}
