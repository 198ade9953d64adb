/* The config: what is read from good ones, and the exact complaint about bad ones. */
#include "config.h"
#include "fixture.h"

#include <errno.h>

static void test_good(void)
{
	_cleanup_(config_done) struct config c = {};
	struct fixture f;

	fixture_open(&f);
	fixture_write(
		&f, CONFIG_PATH,
		"kernel = { passthrough = true; iommu = \"on\"; extra = [ \"a=1\" ];\r\n"
		"  hugepages = ( { size = \"1G\"; count = 0x10; } ); };\n"
		"pf = ( { match = { interface = \"eno1\"; mac = \"AA:BB:CC:DD:EE:FF\"; "
		"address = \"1:02.3\"; };\n"
		"         vfs = 8; } );\n");
	ok(config_load(&c, &f.root, NULL) == -EINVAL,
	   "an address that is none is refused");
	fixture_write(
		&f, CONFIG_PATH,
		"kernel = { passthrough = true; iommu = \"on\"; extra = [ \"a=1\" ];\r\n"
		"  hugepages = ( { size = \"1G\"; count = 0x10; } ); };\n"
		"pf = ( { match = { interface = \"eno1\"; mac = \"AA:BB:CC:DD:EE:FF\"; "
		"address = \"01:02.3\"; };\n"
		"         vfs = 8; resource = \"a.example/b\"; required = true;\n"
		"         vf = ( { index = \"0-3,6\"; driver = \"native\"; } ); },\n"
		"       { match = { id = \"8086:10C9\"; slot = \"3\"; driver = \"igb\";\n"
		"                   serial = \"525400FFFF123456\"; }; vfs = \"max\"; } "
		");\n"
		"device = ( { match = { id = \"10de:1eb8\"; }; } );\n"
		"mdev = ( { match = { id = \"10de:1eb8\"; }; type = \"GRID T4-1Q\"; "
		"count = 2;\n"
		"           resource = \"nvidia.com/GRID_T4-1Q\"; } );\n"
		"export = { dir = \"/srv/snippets\"; external_resource_provider = true; "
		"};\n");
	is_int(config_load(&c, &f.root, NULL), 0, "a good one loads");
	ok(c.kernel.passthrough && c.kernel.iommu == IOMMU_ON, "kernel settings");
	is_int(c.kernel.hugepages[0].count, 16, "hexadecimal numbers");
	is_string(c.kernel.extra.items[0], "a=1", "extra words");
	is_int((long)c.n_pfs, 2, "two PF rules");
	is_string(c.pfs[0].match.address, "0000:01:02.3",
		  "a short address gets its domain");
	is_string(c.pfs[0].match.mac, "aa:bb:cc:dd:ee:ff", "a MAC address is lower case");
	is_int(c.pfs[0].where.line, 3, "a rule knows its line");
	is_string(c.pfs[0].where.file, "/etc/sriov.conf", "and its file");
	is_int((long)c.pfs[0].n_vf, 2, "two ranges");
	ok(c.pfs[0].vf[1].first == 6 && c.pfs[0].vf[1].last == 6,
	   "a single VF is a range");
	is_string(c.pfs[0].driver, "vfio-pci", "the driver's default");
	ok(c.pfs[0].required && !c.pfs[1].required, "required");
	is_int(c.pfs[1].vfs, VFS_MAX, "vfs = max");
	ok(c.pfs[1].match.vendor == 0x8086 && c.pfs[1].match.device == 0x10c9, "an ID");
	is_string(c.pfs[1].match.serial, "52-54-00-ff-ff-12-34-56", "a serial number");
	is_string(c.devices[0].driver, "vfio-pci", "a device's default driver");
	is_string(c.mdevs[0].type, "GRID T4-1Q", "a mediated device's type");
	is_string(c.export.dir, "/srv/snippets", "export.dir");
	ok(c.export.kubevirt && c.export.external_resource_provider, "export settings");
	fixture_close(&f);
}

static void kubevirt_is(const char *said, bool kubevirt, const char *what)
{
	_cleanup_(config_done) struct config c = {};
	struct fixture f;

	fixture_open(&f);
	fixture_write(&f, CONFIG_PATH, said);
	fixture_write(&f, CONFIG_PATH ".d/a.conf", "export = { libvirt = true; };");
	is_int(config_load(&c, &f.root, NULL), 0, "%s", what);
	is_int(c.export.kubevirt, kubevirt, "%s", what);
	fixture_close(&f);
}

static void test_harvester(void)
{
	_cleanup_(config_done) struct config c = {};
	struct fixture f;

	fixture_open(&f);
	fixture_write(&f, HARVESTER_RELEASE, "harvester: v1.6.0\n");
	fixture_write(&f, CONFIG_IMAGE_DIR "/a.conf",
		      "device = ( { match = { id = \"10de:1eb8\"; }; } );");
	fixture_write(&f, CONFIG_PATH,
		      "pf = ( { match = { interface = \"a\"; }; },\n"
		      "{ match = { interface = \"b\"; }; driver = \"vfio-pci\"; } );");
	is_int(config_load(&c, &f.root, NULL), 0, "a node of Harvester");
	is_string(c.pfs[0].driver, "leave", "the driver is left to its controller");
	is_string(c.pfs[1].driver, "vfio-pci", "unless the rule says one");
	is_string(c.devices[0].driver, "leave", "also a device's, and in an image");
	fixture_close(&f);
}

static void test_vf_values(void)
{
	_cleanup_(config_done) struct config c = {};
	struct fixture f;
	struct vf_values all;

	fixture_open(&f);
	fixture_write(
		&f, CONFIG_PATH,
		"pf = ( { match = { driver = \"igb\"; }; mtu = 9000; link = \"up\"; "
		"eswitch = \"switchdev\";\n"
		"  mac = \"stable\"; trust = true; vlan = 7;\n"
		"  sysfs = ( { attribute = \"power/control\"; value = \"on\"; } );\n"
		"  vf = ( { index = \"0-1,5\"; vlan = 100; qos = 3;\n"
		"           sysfs = ( { attribute = \"x\"; value = \"1\"; } ); },\n"
		"         { index = \"3\"; mac = \"52:54:00:00:00:0A\";\n"
		"           trust = false; } ); } );\n");
	is_int(config_load(&c, &f.root, NULL), 0, "values of VFs load");
	is_int(c.pfs[0].mtu, 9000, "mtu");
	ok(c.pfs[0].link_up, "link");
	is_int(c.pfs[0].eswitch.value[ESWITCH_MODE], ESWITCH_SWITCHDEV, "eswitch");
	is_string(c.pfs[0].sysfs.items[0].name, "power/control", "a PF's attribute");
	is_int(c.pfs[0].sysfs.items[0].where.line, 3, "it knows its line");
	all = c.pfs[0].values;
	ok(all.known == (VF_BIT(VF_MAC) | VF_BIT(VF_TRUST) | VF_BIT(VF_VLAN)) &&
		   all.value[VF_MAC] == VF_MAC_STABLE,
	   "what is not said is not known");
	is_int((long)c.pfs[0].n_vf, 3, "ranges");
	is_int((long)c.pfs[0].vf[1].values.value[VF_QOS], 3, "each range has the values");
	is_string(c.pfs[0].vf[1].sysfs.items[0].value, "1", "and the attributes");
	is_int((long)c.pfs[0].vf[2].values.value[VF_MAC], 0x52540000000a,
	       "a MAC address");
	ok(vf_knows(&c.pfs[0].vf[2].values, VF_TRUST) &&
		   c.pfs[0].vf[2].values.value[VF_TRUST] == 0,
	   "false is said");
	fixture_close(&f);
}

static void test_files(void)
{
	_cleanup_(config_done) struct config c = {};
	struct fixture f;

	fixture_open(&f);
	is_int(config_load(&c, &f.root, NULL), 0, "no file is no config");
	is_int((long)c.files.n, 0, "of no file");
	fixture_write(&f, "usr/lib/sriov-setup/10.conf",
		      "kernel = { iommu = \"leave\"; passthrough = true; };\n"
		      "pf = ( { match = { id = \"0000:0001\"; }; } );\n");
	fixture_write(&f, CONFIG_PATH,
		      "kernel = { iommu = \"on\"; };\n"
		      "pf = ( { match = { id = \"0000:0002\"; }; } );\n");
	fixture_write(&f, CONFIG_PATH ".d/20.conf",
		      "pf = ( { match = { id = \"0000:0004\"; }; } );\n");
	fixture_write(&f, CONFIG_PATH ".d/10.conf",
		      "pf = ( { match = { id = \"0000:0003\"; }; } );\n");
	fixture_write(&f, CONFIG_PATH ".d/readme", "not a config");
	fixture_write(&f, CONFIG_PATH ".d/.hidden.conf", "not a config");
	is_int(config_load(&c, &f.root, NULL), 0, "file, drop-ins, image");
	ok(c.kernel.iommu == IOMMU_ON && c.kernel.passthrough,
	   "the file overrules the image");
	is_int((long)c.n_pfs, 4, "all rules");
	ok(c.pfs[0].match.device == 2 && c.pfs[1].match.device == 3 &&
		   c.pfs[2].match.device == 4 && c.pfs[3].match.device == 1,
	   "the file's first, drop-ins by name, the image's last");
	fixture_close(&f);
}

/* One mistake each: the text, the line, a part of the complaint. */
static const struct bad {
	const char *text;
	int line;
	const char *part;
} bads[] = {
	{ "pf = (\n", 2, "syntax error" },
	{ "x = 1;\n", 1,
	  "unknown key 'x', expected one of: kernel, pf, device, mdev, export" },
	{ "kernel = { iomu = \"on\"; };\n", 1, "unknown key 'iomu' in kernel" },
	{ "kernel = { iommu = 1; };\n", 1, "iommu is no string" },
	{ "kernel = { iommu = \"yes\"; };\n", 1,
	  "expected \"auto\", \"on\" or \"leave\"" },
	{ "kernel = { passthrough = 1; };\n", 1, "expected true or false" },
	{ "kernel = 3;\n", 1, "kernel is no group" },
	{ "kernel = { extra = [ \"a;b\" ]; };\n", 1, "expected a kernel argument" },
	{ "kernel = { extra = [ \"a$(id)\" ]; };\n", 1, "expected a kernel argument" },
	{ "kernel = { extra = \"a\"; };\n", 1, "extra is no array" },
	{ "kernel = { hugepages = ( { size = \"1X\"; count = 1; } ); };\n", 1,
	  "a page size" },
	{ "kernel = { hugepages = ( { size = \"1G\"; } ); };\n", 1, "count is missing" },
	{ "kernel = { bootloader = \"gr ub\"; };\n", 1, "bootloader" },
	{ "kernel = { vfio_ids = \"all\"; };\n", 1,
	  "expected \"safe\", \"none\" or \"persistent\"" },
	{ "kernel = { secure_boot = { key = \"/k\"; }; };\n", 1,
	  "certificate is missing" },
	{ "kernel = { secure_boot = { key = \"k\"; certificate = \"/c\"; }; };\n", 1,
	  "expected an absolute path" },
	{ "pf = { };\n", 1, "pf is no list" },
	{ "pf = ( 3 );\n", 1, "is no group" },
	{ "pf = (\n{ vfs = 1; } );\n", 2, "match is missing" },
	{ "pf = ( { match = { }; } );\n", 1, "match is empty" },
	{ "pf = ( { match = { adress = \"01:00.0\"; }; } );\n", 1,
	  "unknown key 'adress' in match, did you mean 'address'?" },
	{ "pf = ( { match = { address = \"01:00.8\"; }; } );\n", 1,
	  "expected a PCI address" },
	{ "pf = ( { match = { address = \"01:20.0\"; }; } );\n", 1,
	  "expected a PCI address" },
	{ "pf = ( { match = { address = \"\"; }; } );\n", 1, "expected a PCI address" },
	{ "pf = ( { match = { id = \"8086\"; }; } );\n", 1, "vendor and device" },
	{ "pf = ( { match = { id = \"80861:572\"; }; } );\n", 1, "vendor and device" },
	{ "pf = ( { match = { mac = \"52:54:00:12:34\"; }; } );\n", 1, "a MAC address" },
	{ "pf = ( { match = { interface = \"a/b\"; }; } );\n", 1, "interface's name" },
	{ "pf = ( { match = { interface = \"abcdefghijklmnop\"; }; } );\n", 1,
	  "interface's name" },
	{ "pf = ( { match = { serial = \"12\"; }; } );\n", 1, "serial number" },
	{ "pf = ( { match = { driver = \"a/b\"; }; } );\n", 1, "driver" },
	{ "pf = ( { match = { slot = \"\"; }; } );\n", 1, "slot" },
	{ "pf = ( { match = { id = \"1:2\"; };\n vfs = 1; } );\n", 1,
	  "vendor and device" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vfs = 65536; } );\n", 2,
	  "from 0 to 65535" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vfs = \"all\"; } );\n", 2,
	  "\"max\"" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vfs = true; } );\n", 2,
	  "vfs is out of range" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n driver = \"x y\"; } );\n", 2,
	  "driver" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n resource = \"x\"; } );\n", 2,
	  "Kubernetes resource" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n resource = \"kubernetes.io/x\"; } "
	  ");\n",
	  2, "Kubernetes" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n resource = \"requests.a/x\"; } "
	  ");\n",
	  2, "Kubernetes" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n resource = \"a.b/x y\"; } );\n", 2,
	  "Kubernetes" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n resource = \"A.b/x\"; } );\n", 2,
	  "Kubernetes" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n required = \"yes\"; } );\n", 2,
	  "true or false" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n mtuu = 1; } );\n", 2,
	  "unknown key 'mtuu'" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { driver = \"none\"; } ); "
	  "} );\n",
	  2, "index is missing" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { index = \"3-1\"; } ); } "
	  ");\n",
	  2, "VF numbers" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { index = \"0-\"; } ); } "
	  ");\n",
	  2, "VF numbers" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { index = 3; } ); } );\n",
	  2, "index is no string" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { index = \"0-3\"; },\n{ "
	  "index = \"3\"; } ); } );\n",
	  3, "index 3-3 overlaps index 0-3 of line 2" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vfs = 2; vf = ( { index = \"2\"; "
	  "} ); } );\n",
	  2, "index 2 is not made by vfs = 2" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vfs = 0; vf = ( { index = \"0\"; "
	  "} ); } );\n",
	  2, "index 0 is not made by vfs = 0, they are counted from 0" },
	{ "pf = ( { match = { id = \"8086:1572\"; }; },\n { match = { id = "
	  "\"8086:1572\"; }; } );\n",
	  2, "the rule of line 1 has the same match" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n mac = \"52:54:00:00:00:01\"; } "
	  ");\n",
	  1, "mac, node_guid and port_guid are for one VF" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { index = \"0-1\"; mac = "
	  "\"52:54:00:00:00:01\"; } ); } );\n",
	  2, "mac, node_guid and port_guid are for one VF" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { index = \"0\"; mac = "
	  "\"53:54:00:00:00:01\"; } ); } );\n",
	  2, "\"stable\" or a unicast MAC address" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { index = \"0\"; mac = 3; "
	  "} ); } );\n",
	  2, "mac is no string" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vlan = 4095; } );\n", 2,
	  "from 0 to 4094" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vlan = \"100\"; } );\n", 2,
	  "vlan is out of range or no number" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n qos = 3; } );\n", 1,
	  "without vlan" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vlan = 1; qos = 8; } );\n", 2,
	  "from 0 to 7" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { index = \"1\"; "
	  "vlan_proto = \"802.1ad\"; } ); } );\n",
	  2, "without vlan" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vlan = 1; vlan_proto = "
	  "\"802.1Q\"; } );\n",
	  2, "expected \"802.1q\" or \"802.1ad\"" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n trust = \"on\"; } );\n", 2,
	  "expected true or false" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n spoof_check = 1; } );\n", 2,
	  "expected true or false" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n link_state = \"up\"; } );\n", 2,
	  "expected \"auto\", \"enable\" or \"disable\"" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n max_tx_rate = 10000001; } );\n", 2,
	  "from 0 to 10000000" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n max_tx_rate = 10;\n vf = ( { "
	  "index = \"1\";\n min_tx_rate = 11; } ); } );\n",
	  3, "min_tx_rate is above max_tx_rate" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n node_guid = "
	  "\"00:11:22:33:44:55:66:77\"; } );\n",
	  1, "are for one VF" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { index = \"1\"; port_guid "
	  "= \"00:11:22:33:44:55\"; } ); } );\n",
	  2, "expected a GUID" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n msix_count = 2049; } );\n", 2,
	  "from 0 to 2048" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n mtu = 67; } );\n", 2,
	  "from 68 to 65535" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n link = \"down\"; } );\n", 2,
	  "expected \"up\"" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n vf = ( { index = \"1\"; mtu = "
	  "1500; } ); } );\n",
	  2, "unknown key 'mtu'" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n sysfs = \"x\"; } );\n", 2,
	  "sysfs is no list" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n sysfs = ( { attribute = \"x\"; } "
	  "); } );\n",
	  2, "value is missing" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n sysfs = ( { value = \"x\"; } ); } "
	  ");\n",
	  2, "attribute is missing" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n sysfs = ( { attribute = \"../x\"; "
	  "value = \"x\"; } ); } );\n",
	  2, "a path below the device's folder" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n sysfs = ( { attribute = "
	  "\"/etc/x\"; value = \"x\"; } ); } );\n",
	  2, "a path below the device's folder" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n sysfs = ( { attribute = "
	  "\"sriov_numvfs\"; value = \"3\"; } ); } );\n",
	  2, "none that has a key of its own" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n sysfs = ( { attribute = "
	  "\"config\"; value = \"x\"; } ); } );\n",
	  2, "not the device's config space" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n sysfs = ( { attribute = "
	  "\"power/./config\"; value = \"x\"; } ); } );\n",
	  2, "a path below the device's folder" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n sysfs = ( { attribute = \"x\"; "
	  "value = \"\"; } ); } );\n",
	  2, "printable characters" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n nvme = { queues = 1; interrupts = "
	  "1; }; } );\n",
	  2, "nvme needs both, expected at least { queues = 2; interrupts = 1; }" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n nvme = { queues = 2; }; } );\n", 2,
	  "nvme needs both" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n pf_driver = \"vfio-pci\"; } );\n",
	  2, "pf_driver = \"vfio-pci\" makes no VFs" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n eswitch = \"on\"; } );\n", 2,
	  "expected \"legacy\" or \"switchdev\"" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n eswitch_encap = true; } );\n", 2,
	  "eswitch_encap is no string" },
	{ "pf = ( { match = { id = \"8086:1572\"; };\n eswitch_inline = \"l2\"; } );\n",
	  2, "expected \"none\", \"link\"" },
	{ "device = ( { match = { id = \"8086:1572\"; }; driver = \"native\"; } );\n", 1,
	  "is for VFs" },
	{ "mdev = ( { match = { id = \"8086:1572\"; }; type = \"x\"; } );\n", 1,
	  "resource is missing" },
	{ "export = { dir = \"relative\"; };\n", 1, "an absolute path" },
	{ "export = { dir = \"/a/../b\"; };\n", 1, "an absolute path" },
	{ "export = { dir = \"/sys/x\"; };\n", 1, "an absolute path" },
	{ "export = { dir = \"/a\\nb\"; };\n", 1, "an absolute path" },
	{ "memlock = [ \"a/b.service\" ];\n", 1, "a service of systemd" },
	{ "memlock = [ \"containerd\" ];\n", 1, "a service of systemd" },
	{ "export = { node = \"Node A\"; };\n", 1, "a Kubernetes node" },
	{ "export = { namespace = \"a.b\"; };\n", 1, "a Kubernetes namespace" },
	{ "device = ( { match = { id = \"8086:1572\"; }; advertise = \"x\"; } );\n", 1,
	  "advertise is not known" },
	{ "export = { kubvirt = true; };\n", 1, "unknown key 'kubvirt'" },
	{ "kernel = { };\nkernel = { };\n", 2, "duplicate" },
	{ "@include \"/etc/passwd\"\n", 1, "@include is not supported" },
	{ "\n  @include \"x\"\n", 2, "@include is not supported" },
	/* numbers on which libconfig's versions disagree, or which they corrupt */
	{ "x = 2147483648;\n", 1, "number 2147483648 is too large" },
	{ "x = 4294967296;\n", 1, "too large" },
	{ "x = 99999999999999999999;\n", 1, "too large" },
	{ "x = 5000000000L;\n", 1, "no whole number" },
	{ "x = 5L;\n", 1, "no whole number" },
	{ "x = 9223372036854775808L;\n", 1, "no whole number" },
	{ "x = 0x1FFFFFFFF;\n", 1, "too large" },
	{ "x = 0xFFFFFFFF;\n", 1, "too large" },
	{ "x = 010;\n", 1, "leading zero" },
	{ "x = 0b101;\n", 1, "no whole number" },
	{ "x = 0o17;\n", 1, "no whole number" },
	{ "x = -1;\n", 1, "negative" },
	{ "x = 1.5;\n", 1, "no whole number" },
	{ "/* x = 08;\n */ x = 1e3;\n", 2, "no whole number" },
};

/* Loads the text; the first line of complaint, NULL when there was none. */
static char *complaint(struct fixture *f)
{
	_cleanup_(config_done) struct config c = {};
	char *said;
	int r;

	capture_start();
	r = config_load(&c, &f->root, NULL);
	said = capture_end();
	if (r == 0) {
		free(said);
		return NULL;
	}
	said[strcspn(said, "\n")] = '\0';
	return said;
}

static void test_bad(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
		_cleanup_free_ char *place =
			xasprintf("sriov-setup: /etc/sriov.conf:%d: ", bads[i].line);
		_cleanup_free_ char *said = NULL;
		struct fixture f;

		fixture_open(&f);
		fixture_write(&f, CONFIG_PATH, bads[i].text);
		said = complaint(&f);
		if (!ok(said && startswith(said, place) && strstr(said, bads[i].part),
			"line %d: %s", bads[i].line, bads[i].part))
			tap_show("said", said);
		fixture_close(&f);
	}
}

static void odd_file(const char *what, const char *part,
		     void (*make)(struct fixture *f, const char *path))
{
	_cleanup_free_ char *path = NULL, *said = NULL;
	struct fixture f;

	fixture_open(&f);
	fixture_write(&f, "etc/other", "");
	path = xasprintf("%s/" CONFIG_PATH, f.path);
	make(&f, path);
	said = complaint(&f);
	if (!ok(said && strstr(said, part), "%s: %s", what, part))
		tap_show("said", said);
	fixture_close(&f);
}

static void make_fifo(struct fixture *f, const char *path)
{
	(void)f;
	if (mkfifo(path, 0600) < 0)
		abort();
}

static void make_folder(struct fixture *f, const char *path)
{
	(void)f;
	if (mkdir(path, 0700) < 0)
		abort();
}

static void make_large(struct fixture *f, const char *path)
{
	(void)path;
	fixture_write(f, CONFIG_PATH, "");
	if (truncate(path, ROOT_FILE_MAX) < 0)
		abort();
}

static void make_nul(struct fixture *f, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	(void)f;
	if (write(fd, "\n\nx = \0", 7) != 7)
		abort();
	close(fd);
}

static void make_dangling(struct fixture *f, const char *path)
{
	(void)path;
	fixture_write(f, CONFIG_PATH ".d/a", "");
	_cleanup_free_ char *link = xasprintf("%s/" CONFIG_PATH ".d/x.conf", f->path);

	if (symlink("nowhere", link) < 0)
		abort();
}

static void test_odd(void)
{
	odd_file("a FIFO", "is no regular file", make_fifo);
	odd_file("a folder", "is no regular file", make_folder);
	odd_file("1 MiB", "is too large", make_large);
	odd_file("a NUL byte", "/etc/sriov.conf:3: holds a NUL byte", make_nul);
	odd_file("a dangling drop-in", "x.conf: cannot be read", make_dangling);
}

/* Strings and comments may hold what looks like numbers or includes. */
static void test_not_bad(void)
{
	_cleanup_(config_done) struct config c = {};
	struct fixture f;

	fixture_open(&f);
	fixture_write(&f, CONFIG_PATH,
		      "# 010 @include\n// 99999999999\n/* -1\n 0x1FFFFFFFF */\n"
		      "kernel = { extra = [ \"a=010\", \"b=99999999999\" ]; };\n");
	is_int(config_load(&c, &f.root, NULL), 0,
	       "strings and comments are not checked as numbers");
	fixture_close(&f);
}

static void test_all_mistakes(void)
{
	_cleanup_(config_done) struct config c = {};
	_cleanup_free_ char *said = NULL;
	struct fixture f;

	fixture_open(&f);
	fixture_write(
		&f, CONFIG_PATH,
		"pf = ( { match = { id = \"x\"; };\n vfs = 70000;\n mtuu = 1; } );\n");
	capture_start();
	config_load(&c, &f.root, NULL);
	said = capture_end();
	ok(strstr(said, "conf:1: ") && strstr(said, "conf:2: ") &&
		   strstr(said, "conf:3: "),
	   "each mistake is told, not only the first");
	fixture_close(&f);
}

int main(void)
{
	test_good();
	kubevirt_is("", false, "libvirt alone turns kubevirt's default off");
	kubevirt_is("export = { kubevirt = true; };", true, "but not what was said");
	test_harvester();
	test_vf_values();
	test_files();
	test_bad();
	test_odd();
	test_not_bad();
	test_all_mistakes();
	return done();
}
