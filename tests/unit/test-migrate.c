/* What others' files say of VFs, as rules; each is one that the program itself can read.
 */
#include "fixture.h"
#include "migrate.h"

/* A PF with a VF, as igb's are. */
static const struct system *machine(void)
{
	static struct function functions[] = {
		{ .address = (char *)"0000:01:00.0",
		  .vendor = 0x8086,
		  .device = 0x10c9,
		  .vf_device = 0x10ca,
		  .total_vfs = 7,
		  .pf = NONE },
		{ .address = (char *)"0000:01:10.4", .pf = 0, .vf_index = 2 },
	};
	static const struct system system = { .functions = functions, .n_functions = 2 };

	return &system;
}

static void is_config(const char *rules, const char *what)
{
	_cleanup_(config_done) struct config config = {};
	struct fixture f;

	fixture_open(&f);
	fixture_write(&f, CONFIG_PATH, rules);
	is_int(config_load(&config, &f.root, NULL), 0, "%s: is a config", what);
	fixture_close(&f);
}

static void says(const char *what, migrate *convert, const char *name, const char *text,
		 const char *want)
{
	_cleanup_free_ char *rules = convert(name, text, machine());

	if (!want) {
		ok(rules == NULL, "%s: is not about VFs", what);
		return;
	}
	is_string(rules, want, "%s", what);
	if (rules && *rules)
		is_config(rules, what);
}

static void test_paths(void)
{
	says("sysfs.conf", migrate_sysfs, "sysfs.conf",
	     "# class/net/eno2/device/sriov_numvfs = 9\n"
	     "class/net/eno1/device/sriov_numvfs = 8\n"
	     "bus/pci/devices/0000:02:00.0/sriov_numvfs=4\n",
	     "pf = ( { match = { interface = \"eno1\"; }; vfs = 8; driver = \"native\"; "
	     "}, "
	     "{ match = { address = \"0000:02:00.0\"; }; vfs = 4; driver = \"native\"; } "
	     ");");
	says("sysfs.conf of others", migrate_sysfs, "sysfs.conf", "vm/x = 8\n", NULL);
	says("a pattern", migrate_sysfs, "x", "class/net/en*/device/sriov_numvfs = 8\n",
	     "");
	says("a unit", migrate_script, "x.service",
	     "ExecStart=/bin/sh -c 'echo 8 > /sys/class/net/eth0/device/sriov_numvfs'",
	     "pf = ( { match = { interface = \"eth0\"; }; vfs = 8; driver = \"native\"; "
	     "} );");
	says("a quoted number", migrate_script, "x",
	     "echo \"6\" >\"/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs\" || true",
	     "pf = ( { match = { address = \"0000:01:00.0\"; }; vfs = 6; driver = "
	     "\"native\"; } );");
	says("a variable", migrate_script, "x",
	     "echo $n >/sys/class/net/$i/device/sriov_numvfs", "");
	says("a udev rule", migrate_udev, "70-sriov.rules",
	     "ACTION==\"add\", SUBSYSTEM==\"net\", ENV{ID_NET_DRIVER}==\"i40e\", "
	     "ATTR{device/sriov_numvfs}=\"8\"\n"
	     "KERNEL==\"0000:01:00.0\", ATTR{sriov_numvfs}=\"2\"\n",
	     "pf = ( { match = { driver = \"i40e\"; }; vfs = 8; driver = \"native\"; }, "
	     "{ "
	     "match = { address = \"0000:01:00.0\"; }; vfs = 2; driver = \"native\"; } "
	     ");");
}

static void test_netplan(void)
{
	says("netplan", migrate_netplan, "a.yaml",
	     "network:\n  version: 2\n  ethernets:\n    eno1:\n      mtu: 9000\n"
	     "      virtual-function-count: 8 # more\n"
	     "      embedded-switch-mode: \"switchdev\"\n    eno3:\n"
	     "      dhcp4: true\n    fast:\n"
	     "      match:\n        macaddress: '52:54:00:00:00:01'\n"
	     "      set-name: fast\n      virtual-function-count: 4\n"
	     "      macaddress: 52:54:00:00:00:99\n"
	     "  vlans:\n    vlan1:\n      id: 15\n      link: eno1\n",
	     "pf = ( { match = { interface = \"eno1\"; }; vfs = 8; driver = \"native\"; "
	     "eswitch = \"switchdev\"; }, { match = { mac = \"52:54:00:00:00:01\"; }; "
	     "vfs = "
	     "4; driver = \"native\"; } );");
	says("a MAC address to set", migrate_netplan, "a.yaml",
	     "network:\n  ethernets:\n    e:\n      macaddress: 52:54:00:00:00:99\n"
	     "      virtual-function-count: 4\n",
	     "pf = ( { match = { interface = \"e\"; }; vfs = 4; driver = \"native\"; } "
	     ");");
	says("without VFs", migrate_netplan, "a.yaml",
	     "network:\n  ethernets:\n    e:\n      # virtual-function-count: 4\n", NULL);
	says("in flow style", migrate_netplan, "a.yaml",
	     "network: { ethernets: { e: { virtual-function-count: 4 } } }\n", "");
}

static void test_sections(void)
{
	says("NetworkManager", migrate_keyfile, "a.nmconnection",
	     "[connection]\nid=x\ninterface-name=eno1\n\n[sriov]\ntotal-vfs=4\n"
	     "vf.0=mac=00:11:22:33:44:55 spoof-check=false trust=true vlans=100.3.ad\n"
	     "vf.3=max-tx-rate=100\n",
	     "pf = ( { match = { interface = \"eno1\"; }; vfs = 4; driver = \"native\"; "
	     "vf = "
	     "( { index = \"0\"; mac = \"00:11:22:33:44:55\"; spoof_check = false; trust "
	     "= "
	     "true; vlan = 100; qos = 3; vlan_proto = \"802.1ad\"; }, { index = \"3\"; "
	     "max_tx_rate = 100; } ); } );");
	says("without probing", migrate_keyfile, "a.nmconnection",
	     "[connection]\ninterface-name=e\n[sriov]\ntotal-vfs=2\nautoprobe-drivers="
	     "0\n",
	     "pf = ( { match = { interface = \"e\"; }; vfs = 2; driver = \"none\"; } );");
	says("a connection without VFs", migrate_keyfile, "a.nmconnection",
	     "[connection]\ninterface-name=e\ntotal-vfs=2\n", NULL);
	says("of any interface", migrate_keyfile, "a.nmconnection",
	     "[sriov]\ntotal-vfs=2\n", "");
	says(".link", migrate_link, "10-a.link",
	     "[Match]\nPermanentMACAddress=52:54:00:00:00:01\n[Link]\nName=x\n"
	     "SR-IOVVirtualFunctions=2\n[SR-IOV]\nVirtualFunction=0\nVLANId=7\n"
	     "MACAddress=52:54:00:00:00:02\nTrust=yes\nLinkState=yes\n[SR-IOV]\n"
	     "VirtualFunction=1\nVLANProtocol=802.1ad\nVLANId=8\nMACSpoofCheck=no\n",
	     "pf = ( { match = { mac = \"52:54:00:00:00:01\"; }; vfs = 2; driver = "
	     "\"native\"; vf = ( { index = \"0\"; vlan = 7; mac = \"52:54:00:00:00:02\"; "
	     "trust "
	     "= true; link_state = \"enable\"; }, { index = \"1\"; vlan_proto = "
	     "\"802.1ad\"; "
	     "vlan = 8; spoof_check = false; } ); } );");
	says(".link by path", migrate_link, "10-a.link",
	     "[Match]\nPath=pci-0000:01:00.0\n[Link]\nSR-IOVVirtualFunctions=2\n",
	     "pf = ( { match = { address = \"0000:01:00.0\"; }; vfs = 2; driver = "
	     "\"native\"; "
	     "} );");
	says("a name only", migrate_link, "10-a.link",
	     "[Match]\nMACAddress=x\n[Link]\nName=y\n", NULL);
}

static void test_binders(void)
{
	says("ids=", migrate_modprobe, "vfio.conf",
	     "options vfio-pci ids=10de:1eb8,8086:10ca disable_vga=1\n",
	     "device = ( { match = { id = \"10de:1eb8\"; }; } );\n"
	     "pf = ( { match = { id = \"8086:10c9\"; }; } );");
	says("our own ids=", migrate_modprobe, "sriov-setup.conf",
	     "options vfio-pci ids=8086:10ca\n", NULL);
	says("other options", migrate_modprobe, "x.conf", "options x ids=a\n", NULL);
	says("driverctl", migrate_driverctl, "pci-0000:05:00.0", "vfio-pci",
	     "device = ( { match = { address = \"0000:05:00.0\"; }; driver = "
	     "\"vfio-pci\"; } "
	     ");");
	says("driverctl, of a VF", migrate_driverctl, "pci-0000:01:10.4", "vfio-pci",
	     "pf = ( { match = { address = \"0000:01:00.0\"; }; driver = \"native\"; vf "
	     "= ( { "
	     "index = \"2\"; driver = \"vfio-pci\"; } ); } );");
	says("driverctl of another bus", migrate_driverctl, "vmbus-x", "uio_hv_generic",
	     NULL);
	says("the operator", migrate_operator, "0000:01:00.0",
	     "{\"pciAddress\":\"0000:01:00.0\",\"numVfs\":4,\"eSwitchMode\":\"legacy\","
	     "\"vfGroups\":[{\"vfRange\":\"eno1#0-1\",\"deviceType\":\"vfio-pci\"},"
	     "{\"vfRange\":\"2-3\",\"deviceType\":\"netdevice\"}]}",
	     "pf = ( { match = { address = \"0000:01:00.0\"; }; vfs = 4; driver = "
	     "\"native\"; "
	     "vf = ( { index = \"0-1\"; driver = \"vfio-pci\"; } ); } );");
	says("the operator, damaged", migrate_operator, "0000:01:00.0", "{", "");
	says("the operator's other files", migrate_operator, "x.yaml", "{}", NULL);
}

int main(void)
{
	test_paths();
	test_netplan();
	test_sections();
	test_binders();
	return done();
}
