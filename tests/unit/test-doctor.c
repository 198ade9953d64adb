/* The doctor on a host as a folder: each ill is found, and a healthy host is. */
#include "doctor.h"
#include "fixture.h"
#include "kargs-state.h"

#define ZEROS "0x0 0x0 0x0\n"
#define VFIO "lib/modules/6.12/kernel/drivers/vfio/pci/vfio-pci.ko.xz"
#define PF "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0"

static void healthy(struct fixture *f)
{
	fixture_open(f);
	f->root.live = true;
	fixture_write(f, "proc/cmdline", "quiet");
	fixture_write(f, "proc/cpuinfo", "vendor_id : GenuineIntel");
	fixture_write(f, "proc/interrupts", " 24: 0 IR-PCI-MSI 0-edge eth0");
	fixture_write(f, "proc/sys/kernel/osrelease", "6.12\n");
	fixture_write(f, "sys/kernel/iommu_groups/0/type", "DMA-FQ");
	fixture_write(f, "sys/firmware/acpi/tables/DMAR", "x");
	fixture_write(f, VFIO, "");
	fixture_write(f, "boot/config-6.12",
		      "#\nCONFIG_PCI_IOV=y\nCONFIG_VFIO=m\nCONFIG_VFIO_PCI=m\n"
		      "CONFIG_IOMMU_SUPPORT=y\n");
	fixture_write(f, "dev/kvm", "");
	fixture_write(f, "sys/devices/pci0000:00/0000:00:01.0/subordinate_bus_number",
		      "1");
	fixture_write(f, PF "/ari_enabled", "1");
	fixture_write(f, "sys/bus/pci/devices/nothing", "");
	if (symlinkat("../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0", f->root.fd,
		      "sys/bus/pci/devices/0000:01:00.0") < 0)
		abort();
}

/* The SR-IOV capability of the PF, behind another: TotalVFs. */
static void write_capability(struct fixture *f, uint8_t total)
{
	const unsigned char serial[] = { 0x03, 0, 0x01, 0x14 },
			    sriov[] = { 0x10, 0, 0x01, 0 };
	_cleanup_close_ int fd = -1;

	fixture_write(f, PF "/config", "");
	fd = root_openat(&f->root, O_WRONLY, PF "/config");
	if (ftruncate(fd, 4096) < 0 || pwrite(fd, serial, 4, 0x100) != 4 ||
	    pwrite(fd, sriov, 4, 0x140) != 4 || pwrite(fd, &total, 1, 0x14e) != 1)
		abort();
}

/* Is there a rule, which is for the kernel's own drivers? How many VFs does it want? */
static bool without_vfio;
static int wanted = VFS_UNSET;
static const char *driver = "igb";
static bool passthrough; /* is it asked for? */

/* A PF, and the bridge above it in a group of its own. */
static void diagnose(const char *what, struct fixture *f, unsigned vfs, int bridge_group,
		     enum finding_level want, const char *part)
{
	struct function functions[] = {
		{ .address = (char *)"0000:00:01.0",
		  .class = 0x060400,
		  .iommu_group = bridge_group,
		  .pf = NONE },
		{ .address = (char *)"0000:01:00.0",
		  .driver = (char *)driver,
		  .class = 0x020000,
		  .iommu_group = 1,
		  .total_vfs = vfs,
		  .vf_offset = 128,
		  .vf_stride = 2,
		  .pf = NONE },
	};
	struct system system = { .functions = functions, .n_functions = 2, .live = true };
	struct pf_rule rule = { .match = { .driver = (char *)driver },
				.vfs = wanted,
				.driver = (char *)"native" };
	struct config config = { .pfs = &rule,
				 .n_pfs = without_vfio,
				 .kernel = { .where = { .file = (char *)"x" },
					     .passthrough = passthrough } };
	_cleanup_(doctor_facts_done) struct doctor_facts facts = {};
	_cleanup_free_ char *text = NULL;
	struct findings findings;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	is_int(doctor_facts_read(&f->root, &system, &facts), 0, "%s: read", what);
	system.owners = owners_read(&f->root, &system);
	findings = doctor_judge(&config, &system, &facts);
	is_int(findings_print(&findings, out), want, "%s: judged", what);
	fclose(out);
	if (!ok(strstr(text, part) != NULL, "%s: says \"%s\"", what, part))
		printf("# %s\n", text);
	findings_done(&findings);
	owners_done(&system.owners);
	fixture_close(f);
}

static void remove_file(struct fixture *f, const char *path)
{
	if (root_remove(&f->root, "%s", path) != 1)
		abort();
}

static void ill(const char *what, const char *without, enum finding_level want,
		const char *part)
{
	struct fixture f;

	healthy(&f);
	remove_file(&f, without);
	diagnose(what, &f, 7, 0, want, part);
}

static void changed(const char *what, const char *path, const char *text,
		    enum finding_level want, const char *part)
{
	struct fixture f;

	healthy(&f);
	fixture_write(&f, path, text);
	diagnose(what, &f, 7, 0, want, part);
}

static void test_ills(void)
{
	struct fixture f;

	healthy(&f);
	diagnose("healthy", &f, 7, 0, FINDING_OK, "0000:01:00.0: up to 7 VFs");
	ill("no KVM", "dev/kvm", FINDING_ATTENTION, "no /dev/kvm");
	ill("no vfio-pci", VFIO, FINDING_BROKEN, "kernel 6.12 has no module vfio-pci");
	changed("no remapping", "proc/interrupts", " 24: 0 PCI-MSI", FINDING_BROKEN,
		"interrupts are not remapped");
	changed("the kernel", "boot/config-6.12", "\n# CONFIG_PCI_IOV is not set",
		FINDING_BROKEN, "without CONFIG_PCI_IOV");
	changed("lockdown", "sys/kernel/security/lockdown", "none [integrity]",
		FINDING_OK, "modules must be signed");
	changed("no ARI matters with many VFs only", PF "/ari_enabled", "0", FINDING_OK,
		"up to 7");
	healthy(&f);
	fixture_write(&f, PF "/ari_enabled", "0");
	diagnose("no ARI", &f, 8, 0, FINDING_ATTENTION, "no ARI");
	healthy(&f);
	diagnose("buses", &f, 127, 0, FINDING_ATTENTION,
		 "ends at bus 01, and its last VF would be on 02");
	healthy(&f);
	diagnose("no ACS", &f, 7, 1, FINDING_ATTENTION, "with bridge 0000:00:01.0");
	healthy(&f);
	diagnose("no SR-IOV", &f, 0, 0, FINDING_BROKEN, "no PCI function can make VFs");
	healthy(&f);
	fixture_write(&f, PF "/sriov_totalvfs", "7");
	fixture_write(&f, PF "/resource",
		      ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS
			      ZEROS ZEROS);
	fixture_write(&f, "sys/devices/pci0000:00/0000:00:01.0/resource",
		      ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS
			      ZEROS ZEROS ZEROS "0xfe800000 0xfe9fffff 0x200\n");
	diagnose(
		"no memory for VFs", &f, 7, 0, FINDING_BROKEN,
		"0000:01:00.0: no memory for its VFs; the bridge above it passes on 2048 "
		"KiB");
	healthy(&f);
	fixture_write(&f, PF "/resource",
		      ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS
		      "0xfe800000 0xfe81bfff 0x14220c\n" ZEROS ZEROS
		      "0xfe820000 0xfe83bfff 0x14220c\n");
	diagnose("memory for VFs", &f, 7, 0, FINDING_OK, "224 KiB for VFs");
	changed("Secure Boot",
		"sys/firmware/efi/efivars/"
		"SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		"1234\x01", FINDING_OK, "Secure Boot: modules");
	without_vfio = true;
	changed("no remapping matters to VFIO only", "proc/interrupts", " 24: 0 PCI-MSI",
		FINDING_OK, "up to 7");
	without_vfio = false;
}

/* Who sets the limit: the card's firmware, or the driver. */
static void test_limit(void)
{
	struct fixture f;

	healthy(&f);
	write_capability(&f, 8);
	diagnose("lowered by the driver", &f, 7, 0, FINDING_OK,
		 "0000:01:00.0: up to 7 VFs of the card's 8, driver igb");
	healthy(&f);
	write_capability(&f, 8);
	diagnose("to none", &f, 0, 0, FINDING_BROKEN,
		 "its driver igb allows 0 of the 8 VFs that the card has");
	healthy(&f);
	write_capability(&f, 0);
	diagnose("firmware that allows none", &f, 0, 0, FINDING_BROKEN,
		 "0000:01:00.0: the card's firmware allows 0 VFs\n"
		 "             -> raise it with the vendor's tool");
	without_vfio = true;
	wanted = 16;
	healthy(&f);
	write_capability(&f, 8);
	diagnose("too few by the driver", &f, 7, 0, FINDING_BROKEN,
		 "its driver igb allows 7 of the 8 VFs");
	driver = "mlx5_core";
	healthy(&f);
	write_capability(&f, 7);
	diagnose("too few by the firmware", &f, 7, 0, FINDING_BROKEN,
		 "allows 7 VFs\n             -> mlxconfig -d ADDRESS set SRIOV_EN=1 "
		 "NUM_OF_VFS=N");
	driver = "igb";
	wanted = VFS_UNSET;
	without_vfio = false;
}

static void test_arguments(void)
{
	struct fixture f;

	passthrough = true;
	changed("not in effect", "sys/kernel/iommu_groups/0/type", "DMA-FQ",
		FINDING_ATTENTION, "have no effect yet: iommu=pt\n");
	changed("in effect by other means", "sys/kernel/iommu_groups/0/type", "identity",
		FINDING_OK, "0000:01:00.0: up to 7 VFs");
	healthy(&f);
	fixture_write(&f, "sys/kernel/iommu_groups/0/type", "identity");
	fixture_write(&f, KARGS_STATE, "generation=1\nwords=iommu=pt\n");
	diagnose("ours, in effect", &f, 7, 0, FINDING_OK,
		 "arguments that are asked for are in effect: iommu=pt\n");
	passthrough = false;
}

/* No group: what the firmware has, in the words of each maker. */
static void without_groups(const char *what, const char *table, const char *cpuinfo,
			   const char *part)
{
	struct fixture f;

	healthy(&f);
	remove_file(&f, "sys/kernel/iommu_groups/0/type");
	if (unlinkat(f.root.fd, "sys/kernel/iommu_groups/0", AT_REMOVEDIR) < 0)
		abort();
	remove_file(&f, "sys/firmware/acpi/tables/DMAR");
	if (table)
		fixture_write(&f, table, "x");
	fixture_write(&f, "proc/cpuinfo", cpuinfo);
	diagnose(what, &f, 7, 0, FINDING_BROKEN, part);
}

static void test_iommu(void)
{
	without_groups("Intel, not used", "sys/firmware/acpi/tables/DMAR",
		       "vendor_id : GenuineIntel", "kernel = { iommu = \"on\"; }");
	without_groups("AMD, not used", "sys/firmware/acpi/tables/IVRS",
		       "vendor_id : AuthenticAMD", "look for iommu=off or amd_iommu=off");
	without_groups("arm64, not used", "sys/firmware/acpi/tables/IORT",
		       "CPU implementer : 0x41",
		       "the firmware has an IOMMU, and the kernel does not use it");
	without_groups("not there", NULL, "vendor_id : GenuineIntel", "turn on VT-d");
}

static void test_owners(void)
{
	changed("a unit in place of ours", "etc/systemd/system/sriov-setup.service",
		"[Service]\nExecStart=/usr/local/bin/vfs", FINDING_BROKEN,
		"takes the place of our unit");
	changed("ours, edited", "etc/systemd/system/sriov-setup.service",
		"[Service]\nExecStart=/usr/sbin/sriov-setup apply --boot", FINDING_OK,
		"up to 7");
	changed("the operator", "etc/sriov-operator/pci/0000:01:00.0", "{}",
		FINDING_ATTENTION, "export config");
	changed("netplan", "etc/netplan/a.yaml", "  virtual-function-count: 4",
		FINDING_ATTENTION, "netplan makes or binds VFs too: /etc/netplan/a.yaml");
	changed("the driver's own argument", "proc/cmdline", "quiet igb.max_vfs=7",
		FINDING_ATTENTION,
		"0000:01:00.0: the driver itself makes or binds VFs too: /proc/cmdline");
	changed("another driver's", "usr/lib/modprobe.d/x.conf", "options igbx max_vfs=7",
		FINDING_ATTENTION,
		"attention  the driver itself makes or binds VFs too: "
		"/usr/lib/modprobe.d/x.conf");
	changed("sysfsutils", "etc/sysfs.conf",
		"bus/pci/devices/0000:01:00.0/sriov_numvfs = 4", FINDING_ATTENTION,
		"0000:01:00.0: sysfsutils makes or binds VFs too: /etc/sysfs.conf");
	changed("a link file", "run/systemd/network/10-vf.link",
		"[Match]\nDriver=igb\n[Link]\nSR-IOVVirtualFunctions=4\n",
		FINDING_ATTENTION, "0000:01:00.0: systemd-udevd's .link file makes");
	changed("NetworkManager", "run/NetworkManager/system-connections/a.nmconnection",
		"[sriov]\ntotal-vfs=4\n", FINDING_ATTENTION, "NetworkManager makes");
	changed("the operator", "etc/sriov-operator/pci/0000:01:00.0", "{}",
		FINDING_ATTENTION, "0000:01:00.0: the SR-IOV network operator makes");
	changed("a comment", "etc/netplan/a.yaml", "# virtual-function-count: 4",
		FINDING_OK, "up to 7");
	changed("vfio-pci's IDs", "etc/modprobe.d/vfio.conf",
		"options vfio-pci ids=8086:10ca,10de:1eb8 disable_vga=1",
		FINDING_ATTENTION,
		"device = ( { match = { id = \"8086:10ca\"; }; }, { match = { id = "
		"\"10de:1eb8\"; }; } );");
	changed("IDs of others", "etc/modprobe.d/x.conf", "options x ids=a", FINDING_OK,
		"up to 7");
	changed("driverctl", "etc/driverctl.d/pci-0000:05:00.0", "vfio-pci\n",
		FINDING_ATTENTION,
		"{ match = { address = \"0000:05:00.0\"; }; driver = \"vfio-pci\"; }");
}

int main(void)
{
	test_ills();
	test_limit();
	test_arguments();
	test_iommu();
	test_owners();
	return done();
}
