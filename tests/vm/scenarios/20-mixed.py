"""Two igb ports and NVMe with VFs of the PF's own ID: only the selected VFs are bound; NVMe VFs are usable."""
import vm

CONF = """\
pf = (
  { match = { mac = "52:54:00:00:00:01"; driver = "igb"; };
    vfs = 4; driver = "auto-vfio"; resource = "intel.com/igb_vf";
    vf = ( { index = "2"; driver = "native"; }, { index = "3"; driver = "none"; } ); },
  { match = { id = "1b36:0010"; }; vfs = 6; nvme = { queues = 2; interrupts = 1; };
    vf = ( { index = "4"; driver = "none"; }, { index = "5"; driver = "native"; } ); }
);
export = { dir = "/srv/snip-pets/by.host"; };
"""
MANY = """\
pf = ( { match = { id = "8086:10c9"; }; vfs = "max"; }, { match = { id = "1b36:0010"; }; vfs = "max"; } );
"""
PFS = {"0000:01:00.0": 7, "0000:02:00.0": 7, "0000:03:00.0": 127}


def drivers(guest, pf):
    return guest.sh(f"cd /sys/bus/pci/devices/{pf}; for i in $(seq 0 130); do test -e virtfn$i || break; "
                    "readlink virtfn$i/driver || echo -; done | sed 's|.*/||'").split()


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1) + vm.igb("igb1", 2) + vm.nvme("nvme0", 3)
              + vm.root_port("plain", 4) + ["-device", "e1000e,bus=rp-plain"],
              files={"/etc/sriov.conf": CONF, "/root/many.conf": MANY},
              run="systemctl enable sriov-setup\necho 'tmpfs /srv/snip-pets tmpfs defaults 0 0' >> /etc/fstab") as guest:
        guest.start()
        t.eq(guest.sh("systemctl show -P Result sriov-setup").strip(), "success", "the service succeeds")
        guest.sh("for i in $(seq 100); do test -e /sys/bus/pci/devices/0000:01:00.0/virtfn2/driver && break; "
                 "sleep 0.2; done")  # udev loads the native driver's module in its own time
        t.eq(drivers(guest, "0000:01:00.0"), ["vfio-pci", "vfio-pci", "igbvf", "-"],
             "VF ranges get their drivers: vfio-pci, native, none")
        t.eq(drivers(guest, "0000:02:00.0"), [], "the port without a rule has no VF")
        t.eq(drivers(guest, "0000:03:00.0"), ["vfio-pci"] * 4 + ["-", "nvme"], "NVMe VFs are bound by address")
        t.eq(guest.sh("for i in $(seq 50); do grep live /sys/bus/pci/devices/0000:03:00.0/virtfn5/nvme/*/state && break; "
                      "sleep 0.2; done").strip(), "live", "an NVMe VF with queues and interrupts works with its driver")
        t.eq(guest.sh("basename $(readlink /sys/bus/pci/devices/0000:03:00.0/driver)").strip(), "nvme",
             "the NVMe PF, which has the ID of its VFs, keeps its driver")
        journal = guest.sh("journalctl -b -u sriov-setup")
        t.has(journal, "left out of vfio-pci's ids=: 8086:10ca (some of its VFs go to another driver), "
              "1b36:0010 (a PF has the same ID)", "the journal says which IDs were left out, and why")
        t.has(journal, "1b36:0010 also matches the PF 0000:03:00.0", "the snippet's warning is in the journal")
        t.eq(guest.sh("findmnt -no TARGET -T /srv/snip-pets/by.host/kubevirt.yaml").strip(), "/srv/snip-pets",
             "the snippet is on the mount of export.dir, which the unit waited for")
        snippet = guest.sh("cat /srv/snip-pets/by.host/kubevirt.yaml")
        t.has(snippet, "# WARNING: 1b36:0010 also matches the PF 0000:03:00.0", "and a comment of the snippet")
        t.has(snippet, "# WARNING: 8086:10ca also matches 2 functions that are kept for the host",
              "so is the host's own VF")
        t.eq(guest.status("sriov-setup plan"), (0, "nothing to do\n"), "the plan is empty")
        t.eq(guest.sh("dmesg | grep -c 'nvme.*timeout' || true").strip(), "0", "no NVMe VF was probed")
        links = guest.sh("cd /run/sriov-setup/by-resource/intel.com/igb_vf; for i in *; do echo $i $(readlink $i); done")
        t.eq(links, "0 /sys/bus/pci/devices/0000:01:10.0\n1 /sys/bus/pci/devices/0000:01:10.2\n",
             "links by resource lead to the VFs that are offered")
        many(t, guest)
        stub(t, guest)
        matches(t, guest)


def many(t, guest):
    code, said = guest.status("sriov-setup --config=/root/many.conf apply")
    t.ok(code == 0, "the counts of all grow to what there is", said)
    t.eq([drivers(guest, pf) for pf in PFS], [["vfio-pci"] * n for n in PFS.values()], "127 + 7 + 7 VFs are bound")
    t.eq(guest.status("sriov-setup --config=/root/many.conf plan"), (0, "nothing to do\n"), "the plan is empty")
    t.eq(guest.status("sriov-setup reset")[0], 0, "reset takes them back")
    t.eq([drivers(guest, pf) for pf in PFS], [[]] * 3, "all")


def stub(t, guest):
    guest.sh("""echo 'pf = ( { match = { address = "0000:02:00.0"; }; vfs = 2; pf_driver = "pci-pf-stub"; } );' > /tmp/stub.conf
        ip link set $(ls /sys/bus/pci/devices/0000:02:00.0/net) down""")
    code, said = guest.status("sriov-setup --config=/tmp/stub.conf apply")
    t.eq(code, 0, "a PF goes to pci-pf-stub")
    t.eq(drivers(guest, "0000:02:00.0"), ["vfio-pci"] * 2, f"and makes VFs: {said}")


def matches(t, guest):
    for match in ('address = "01:00.0"', 'interface = "enp1s0"', 'driver = "nvme"'):
        guest.sh(f"echo 'pf = ( {{ match = {{ {match}; }}; vfs = 8; }} );' > /tmp/match.conf")
        plan = guest.status("sriov-setup --config=/tmp/match.conf plan")[1]
        t.ok("VFs, 8 wanted" in plan or "8 VFs wanted" in plan, f"match by {match}", plan)
    # QEMU's igb has no serial number; its e1000e has
    serial = guest.sh("lspci -vvs 04:00.0 | sed -n 's/.*Device Serial Number //p'").strip()
    slot = guest.sh("lspci -vvs 04:00.0 | sed -n 's/.*Physical Slot: //p'").strip()
    t.ok(serial and slot, "the e1000e has a serial number and a slot", f"{serial!r} {slot!r}")
    for match in (f'serial = "{serial}"', f'slot = "{slot}"'):
        guest.sh(f"echo 'device = ( {{ match = {{ {match}; }}; }} );' > /tmp/match.conf")
        t.has(guest.status("sriov-setup --config=/tmp/match.conf plan")[1], "bind 0000:04:00.0 to vfio-pci",
              f"match by {match}")
