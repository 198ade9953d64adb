/* Who uses a function: what a host as a folder shows of routes, stacks of disks, VFIO. */
#include "fixture.h"
#include "inuse.h"
#include "ledger.h"

#include <errno.h>

#define NVME "0000:05:00.0"
#define SUBSYSTEM "sys/devices/virtual/nvme-subsystem/nvme-subsys1"
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
		      "21 1 259:2 / /data rw - ext4 /dev/nvme1n1 rw");
	fixture_write(&f, SUBSYSTEM "/nvme1n1/dev", "259:2");
	fixture_link(&f, "../../devices/virtual/nvme-subsystem/nvme-subsys1/nvme1n1",
		     "sys/class/block/nvme1n1");
	fixture_link(&f, "../../devices/virtual/nvme-subsystem/nvme-subsys1",
		     "sys/class/nvme-subsystem/nvme-subsys1");
	fixture_link(&f, "../../../pci0000:00/" NVME "/nvme/nvme1", SUBSYSTEM "/nvme1");
	use_is("a disk of several paths is of each controller", &f, &s, 0,
	       "disk nvme1n1 is mounted on /data", "disk nvme1n1 is mounted on /data");

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

static void open_is(const char *what, struct fixture *f, struct system *s,
		    const char *in_use)
{
	const bool which[] = { false, true };

	inuse_observe(s, &f->root);
	inuse_observe_open(s, &f->root, which, false);
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
	open_is("on no VFIO driver", &f, &s, NULL);

	s = machine(&f);
	fixture_link(&f, "../../../kernel/iommu_groups/7",
		     "sys/bus/pci/devices/0000:06:00.0/iommu_group");
	fixture_write(&f, "dev/vfio/7", "");
	open_is("a group that can be opened", &f, &s, NULL);

	s = machine(&f);
	fixture_link(&f, "../../../bus/pci/drivers/vfio-pci",
		     "sys/bus/pci/devices/0000:06:00.0/driver");
	open_is("no /dev/vfio", &f, &s,
		"/dev/vfio does not tell whether it is open: No such file or directory");

	s = machine(&f);
	fixture_link(&f, "../../../bus/pci/drivers/vfio-pci",
		     "sys/bus/pci/devices/0000:06:00.0/driver");
	fixture_write(&f, "sys/bus/pci/devices/0000:06:00.0/vfio-dev/vfio3/dev", "");
	fixture_write(&f, "proc/412/comm", "cloud-hyperviso\n");
	fixture_link(&f, "/dev/vfio/devices/vfio3", "proc/412/fd/9");
	open_is("a character device, kernel without groups", &f, &s,
		"cloud-hyperviso (process 412) has it open in VFIO");

	s = machine(&f);
	fixture_link(&f, "../../../bus/pci/drivers/vfio-pci",
		     "sys/bus/pci/devices/0000:06:00.0/driver");
	fixture_link(&f, "anon_inode:[vfio-device]", "proc/412/fd/9");
	fixture_write(&f, "proc/412/fdinfo/9",
		      "pos:\t0\nvfio-device-syspath: "
		      "/sys/devices/pci0000:00/0000:06:00.0\n");
	open_is("who has only the device left", &f, &s,
		"it (process 412) has it open in VFIO");
}

static void claim(struct fixture *f, unsigned long pid)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };
	struct claim *claim;

	fixture_write(f, "run/README", "");
	if (ledger_open(&ledger, &f->root) < 0)
		abort();
	claim = ledger_add(&ledger);
	claim->address = xstrdup("0000:06:00.0");
	claim->resource = xstrdup("a.b/c");
	claim->owner = xstrdup("vm-a");
	claim->life.pid = pid;
	if (ledger_write(&ledger, &f->root) < 0)
		abort();
}

static void test_claims(void)
{
	struct fixture f;
	struct system s = machine(&f);

	claim(&f, 0);
	inuse_observe(&s, &f.root);
	ok(s.functions[1].only_claimed, "a claim is known as one");
	open_is("one that nobody has open", &f, &s, "claimed by vm-a");

	s = machine(&f);
	claim(&f, 413); /* there is no such process */
	open_is("a claim of who has ended", &f, &s, NULL);

	s = machine(&f);
	claim(&f, 0);
	fixture_link(&f, "../../../bus/pci/drivers/vfio-pci",
		     "sys/bus/pci/devices/0000:06:00.0/driver");
	fixture_link(&f, "../../../kernel/iommu_groups/7",
		     "sys/bus/pci/devices/0000:06:00.0/iommu_group");
	fixture_write(&f, "proc/412/comm", "qemu-system-x86\n");
	fixture_link(&f, "/dev/vfio/7", "proc/412/fd/9");
	s.functions[1].driver = xstrdup("vfio-pci");
	inuse_observe(&s, &f.root);
	inuse_observe_holders(&s, &f.root);
	ok(!s.functions[1].only_claimed, "more than a claim is known as more");
	open_is("a claim, and who has it open", &f, &s,
		"claimed by vm-a; qemu-system-x86 (process 412)");
}

static void test_children(void)
{
	struct fixture f;
	struct system s = machine(&f);

	fixture_link(&f, "../../../devices/pci0000:00/0000:06:00.0/storage-a",
		     "sys/bus/vdpa/devices/storage-a");
	use_is("a vDPA device", &f, &s, 1, "it carries the vDPA device storage-a", NULL);

	s = machine(&f);
	fixture_link(&f, "../../../devices/pci0000:00/0000:06:00.0/83b8f4f2",
		     "sys/bus/mdev/devices/83b8f4f2");
	use_is("a mediated device", &f, &s, 1, "it carries the mediated device 83b8f4f2",
	       NULL);

	s = machine(&f);
	fixture_link(&f, "../../../devices/vdpasim_mgmt/vdpa0",
		     "sys/bus/vdpa/devices/vdpa0");
	use_is("one of another", &f, &s, 1, NULL, NULL);
}

#define IOMEM                                       \
	"00000000-0009ffff : System RAM\n"          \
	"2800000000-3fffffffff : PCI Bus 0000:00\n" \
	"  2800000000-2fffffffff : 0000:05:00.0\n"  \
	"    2800000000-2800ffffff : nvme\n"        \
	"  3000000000-30ffffffff : 0000:06:00.0\n"

static void test_framebuffer(void)
{
	struct fixture f;
	struct system s = machine(&f);

	fixture_write(&f, "proc/iomem",
		      IOMEM "    3000000000-3001fa3fff : BOOTFB\n"
			    "      3000000000-3001fa3fff : simpledrm\n");
	use_is("the screen of the boot", &f, &s, 1, "it is the boot display", NULL);

	s = machine(&f);
	fixture_write(&f, "proc/iomem", IOMEM "    3000000000-3001fa3fff : efifb\n");
	use_is("that of another function", &f, &s, 0, NULL, NULL);

	s = machine(&f);
	fixture_write(&f, "proc/iomem", IOMEM "  3100000000-3101fa3fff : BOOTFB\n");
	use_is("one that lies in no function's BAR", &f, &s, 1, NULL, NULL);
}

static void test_rdma(void)
{
	static const char *const nodes[] = { "infiniband_verbs/uverbs3",
					     "infiniband_mad/umad3" };
	const bool which[] = { false, true };
	struct fixture f;

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		struct system s = machine(&f);
		_cleanup_free_ char *file =
			xasprintf("sys/bus/pci/devices/0000:06:00.0/%s/dev", nodes[i]);
		_cleanup_free_ char *node =
			xasprintf("/dev/infiniband%s", strrchr(nodes[i], '/'));

		fixture_write(&f,
			      "sys/bus/pci/devices/0000:06:00.0/infiniband_verbs/uverbs3/"
			      "dev",
			      "");
		fixture_write(&f, file, "");
		fixture_write(&f, "proc/90/comm", "ib_write_bw\n");
		fixture_link(&f, "/dev/infiniband/uverbs4", "proc/90/fd/3");
		inuse_observe_open(&s, &f.root, which, true);
		is_string(s.functions[1].in_use, NULL, "RDMA of another function");
		fixture_link(&f, node, "proc/90/fd/4");
		open_is(nodes[i], &f, &s,
			"ib_write_bw (process 90) has its RDMA device open");
	}
}

int main(void)
{
	test_disks();
	test_interfaces();
	test_vfio();
	test_claims();
	test_children();
	test_framebuffer();
	test_rdma();
	return done();
}
