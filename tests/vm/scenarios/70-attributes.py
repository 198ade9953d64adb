"""VF attributes over netlink on two igb ports: set before binding, compared later, refused by name."""
import json
import re

import vm

CONF = """\
pf = (
  { match = { address = "0000:01:00.0"; };
    vfs = 4; driver = "vfio-pci"; mtu = 1400; link = "up"; mac = "stable"; spoof_check = false;
    sysfs = ( { attribute = "d3cold_allowed"; value = "0"; } );
    vf = ( { index = "1"; mac = "52:54:00:aa:00:01"; vlan = 100; qos = 3; trust = true; spoof_check = true;
             sysfs = ( { attribute = "d3cold_allowed"; value = "0"; } ); },
           { index = "2"; driver = "native"; max_tx_rate = 100; } ); },
  { match = { address = "0000:02:00.0"; };
    vfs = 2; driver = "none";
    vf = ( { index = "0"; vlan = 7; vlan_proto = "802.1ad"; link_state = "disable"; trust = true; } ); }
);
"""
PF = "/sys/bus/pci/devices/0000:0%d:00.0"


def vfs(guest, port):
    """What iproute2 says of the VFs: the judge who shares no code with us."""
    name = guest.sh(f"ls {PF % port}/net").split()[0]
    return json.loads(guest.sh(f"ip -d -j link show dev {name}"))[0]


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1) + vm.igb("igb1", 2), files={"/etc/sriov.conf": CONF}) as guest:
        guest.start()
        code, plan = guest.status("sriov-setup plan")
        t.eq(code, 2, "there is something to do")
        t.ok(plan.index("create 4 VFs") < plan.index("set 0000:01:00.0 VF 1: mac 52:54:00:aa:00:01, vlan 100, qos 3")
             < plan.index("bind 0000:01:00.0 VF 1"), "VFs are set up between making and binding", plan)
        code = guest.status("systemctl start sriov-setup")[0]
        said = guest.sh("journalctl -b -o cat -u sriov-setup")
        t.eq(code, 1, "in the unit's sandbox; what a driver refuses is a failure")
        good_port(t, guest)
        bad_port(t, guest, said)
        corrected(t, guest)
        moved_mac(t, guest)
        eswitch(t, guest)


def good_port(t, guest):
    link = vfs(guest, 1)
    t.eq(link["mtu"], 1400, "the MTU of the PF")
    t.has(link["flags"], "UP", "the PF is up")
    vf = link["vfinfo_list"]
    t.eq([v["address"] for v in vf], ["62:00:00:01:00:00", "52:54:00:aa:00:01", "62:00:00:01:00:02", "62:00:00:01:00:03"],
         "MAC addresses: stable ones and one by name")
    t.eq([(v.get("vlan_list", [{}])[0].get("vlan"), v.get("vlan_list", [{}])[0].get("qos")) for v in vf][1], (100, 3),
         "VLAN and priority")
    t.eq([v["spoofchk"] for v in vf], [False, True, False, False], "spoof checking, as the nearest rule says")
    t.eq([v["trust"] for v in vf], [False, True, False, False], "trust; not said is not touched")
    t.eq(vf[2]["rate"]["max_tx"], 100, "the rate, which igb takes only while the link is up")
    t.eq(guest.sh(f"cat {PF % 1}/d3cold_allowed {PF % 1}/virtfn1/d3cold_allowed").split(), ["0", "0"],
         "sysfs attributes of PF and VF")
    guest.sh(f"for i in $(seq 100); do ls {PF % 1}/virtfn2/net && break; sleep 0.1; done")
    t.eq(guest.sh(f"cat {PF % 1}/virtfn2/net/*/address").strip(), "62:00:00:01:00:02",
         "a native driver found its address when it was bound")


def bad_port(t, guest, said):
    t.has(said, "cannot set 0000:02:00.0 VF 0: link_state disable (", "the value that igb cannot set is named")
    t.has(said, "cannot set 0000:02:00.0 VF 0: vlan 7, qos 0, vlan_proto 802.1ad", "so is the protocol it does not know")
    t.has(said, "/etc/sriov.conf:10", "with file and line")
    t.eq(vfs(guest, 2)["vfinfo_list"][0]["trust"], True, "what came beside it was set")


def corrected(t, guest):
    guest.sh(r"sed -i 's/ vlan_proto = .802.1ad.; link_state = .disable.;//' /etc/sriov.conf")
    t.eq(guest.status("sriov-setup apply")[0], 0, "with the config corrected all is done")
    t.eq(vfs(guest, 2)["vfinfo_list"][0]["vlan_list"][0]["vlan"], 7, "and set")
    t.eq(guest.status("sriov-setup plan"), (0, "nothing to do\n"), "the plan is empty")
    guest.sh("ip monitor link > /tmp/monitor 2>&1 < /dev/null & echo $! > /tmp/pid; sleep 1")
    t.eq(guest.status("sriov-setup apply")[0], 0, "a second run succeeds")
    guest.sh("sleep 1; kill $(cat /tmp/pid)")
    t.eq(guest.sh("cat /tmp/monitor"), "", "and sets nothing: the kernel reports no change of any link")
    guest.sh(f"ip link set $(ls {PF % 1}/net) vf 3 vlan 9; ip link set $(ls {PF % 1}/net) vf 1 vlan 9")
    plan = guest.status("sriov-setup plan")[1]
    t.eq(re.sub("  +#.*", "", plan), "~ set 0000:01:00.0 VF 1: vlan 100, qos 3, vlan_proto 802.1q\n1 to do now\n",
         "only what was said and differs is planned")
    t.eq(guest.status("sriov-setup apply")[0], 0, "a VLAN is set while vfio-pci has the VF")
    t.eq(vfs(guest, 1)["vfinfo_list"][1]["vlan_list"][0]["vlan"], 100, "and is there")


def moved_mac(t, guest):
    guest.sh(f"ip link set $(ls {PF % 1}/net) vf 0 mac 52:54:00:bb:00:00; ip link set $(ls {PF % 1}/net) vf 2 mac 52:54:00:bb:00:02")
    guest.sh(f"ip link set $(ls {PF % 1}/virtfn2/net) down")
    code, said = guest.status("sriov-setup apply --boot")
    t.eq(code, 3, "a MAC address that cannot be set is a failure")
    t.has(said, "a VM may hold it", "a boot leaves that of a VF on vfio-pci alone")
    t.eq([v["address"] for v in vfs(guest, 1)["vfinfo_list"]][::2], ["52:54:00:bb:00:00", "62:00:00:01:00:02"],
         "that of an idle VF is set")
    t.eq(guest.status("sriov-setup apply")[0], 0, "an administrator's run asks VFIO")
    t.eq(vfs(guest, 1)["vfinfo_list"][0]["address"], "62:00:00:01:00:00", "and sets that of one that nobody has open")
    guest.sh(f"for i in $(seq 100); do ls {PF % 1}/virtfn2/net && break; sleep 0.1; done")
    t.eq(guest.sh(f"cat {PF % 1}/virtfn2/net/*/address").strip(), "62:00:00:01:00:02", "and its driver has seen it")


def eswitch(t, guest):
    guest.sh("echo 0 > /sys/bus/pci/devices/0000:02:00.0/sriov_numvfs")
    rule = "pf = ( {{ match = {{ address = \"0000:02:00.0\"; }}; eswitch = \"{}\"; vfs = 1; driver = \"none\"; }} );"
    guest.sh(f"echo '{rule.format('legacy')}' > /tmp/legacy.conf; echo '{rule.format('switchdev')}' > /tmp/switchdev.conf")
    t.hasnt(guest.status("sriov-setup --config=/tmp/legacy.conf plan")[1], "eswitch", "a driver without eswitch is legacy")
    code, said = guest.status("sriov-setup --config=/tmp/switchdev.conf apply")
    t.ok(code in (1, 3), "a driver without eswitch cannot change it", code)
    t.has(said, "cannot set eswitch of 0000:02:00.0 to switchdev", "and that is said")
    t.eq(guest.sh("ls -d /sys/bus/pci/devices/0000:02:00.0/virtfn* | wc -l 2>&1").split()[-1], "0",
         "no VF is made where it cannot be as wanted")
