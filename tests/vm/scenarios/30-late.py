"""VFs that others create are bound by the udev rule; a PF gets its VFs whenever it comes, goes and comes again."""
import vm

CONF = """\
pf = ( { match = { address = "0000:01:00.0"; }; driver = "vfio-pci"; },
       { match = { id = "8086:10c9"; }; vfs = 3; } );
"""
PF = "/sys/bus/pci/devices/0000:01:00.0"
LATE = "/sys/bus/pci/devices/0000:02:00.0"


def bound(guest, pf, driver="vfio-pci"):
    return guest.sh(f"for v in {pf}/virtfn*; do basename $(readlink $v/driver || echo -); done"
                    ).split().count(driver)


def wait_bound(guest, pf, count, seconds=30):
    guest.sh(f"for i in $(seq {seconds * 5}); do n=0; for v in {pf}/virtfn*; do "
             "test \"$(basename $(readlink $v/driver || echo -))\" = vfio-pci && n=$((n+1)); done; "
             f"test $n = {count} && break; sleep 0.2; done", seconds + 30)


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1) + vm.root_port("hot", 2), files={"/etc/sriov.conf": CONF},
              run="systemctl enable sriov-setup") as guest:
        guest.start()
        t.eq(guest.sh("systemctl show -P Result sriov-setup").strip(), "success", "the service succeeds")
        t.eq(guest.sh(f"ls -d {PF}/virtfn* 2>/dev/null | wc -l").strip(), "0", "no count: no VF is made")
        t.eq(guest.sh("lsmod | grep -c '^vfio_pci '").strip(), "1", "vfio-pci is loaded for VFs to come")
        by_others(t, guest, "with the native driver away", "modprobe -r igbvf")
        by_others(t, guest, "with the native driver loaded first", "modprobe igbvf")
        for _ in range(5):
            guest.sh(f"echo 0 > {PF}/sriov_numvfs; echo 7 > {PF}/sriov_numvfs")
            wait_bound(guest, PF, 7)
            t.eq(bound(guest, PF), 7, "again and again no VF is lost")
        moved = guest.sh(f"udevadm settle; v=$(basename $(readlink {PF}/virtfn3)); cd /sys/bus/pci; echo $v > drivers/vfio-pci/unbind; "
                         "echo > devices/$v/driver_override; echo $v > drivers/igbvf/bind; udevadm settle; sleep 1; "
                         "basename $(readlink devices/$v/driver)")
        t.eq(moved.strip(), "igbvf", "what an administrator binds otherwise later is left alone")
        units = guest.sh("systemctl list-units --all --plain --no-legend 'sriov-setup@*' | cut -d' ' -f1 | sort -u").split()
        t.ok(all(unit == "sriov-setup@0000:01:00.0.service" for unit in units), "no unit is started for a VF", units)
        hot_add(t, guest)


def by_others(t, guest, how, prepare):
    guest.sh(f"{prepare}; echo 0 > {PF}/sriov_numvfs; echo 4 > {PF}/sriov_numvfs")
    wait_bound(guest, PF, 4)
    t.eq(bound(guest, PF), 4, f"VFs made by hand are bound by the rule, {how}")


def hot_add(t, guest):
    guest.sh("udevadm monitor -k -s pci > /tmp/events 2>&1 & sleep 1")
    guest.qmp("netdev_add", type="hubport", id="net-late", hubid=9)
    guest.qmp("device_add", driver="igb", id="late", bus="rp-hot", netdev="net-late", mac="52:54:00:00:00:09")
    guest.sh("for i in $(seq 150); do test -e /sys/bus/pci/devices/0000:02:00.0/virtfn2/driver && break; sleep 0.2; done")
    t.eq(bound(guest, "/sys/bus/pci/devices/0000:02:00.0"), 3, "a hot-added PF gets its VFs, bound")
    t.has(guest.sh("journalctl -b -u 'sriov-setup@*'"), "created 3 VFs", "by its own unit")
    t.hasnt(guest.sh("udevadm settle; sleep 1; cat /tmp/events"), "unbind", "each bound once: the rule leaves alone what is right")
    guest.sh("modprobe -r igb; sleep 30; modprobe igb")
    comes_back(t, guest, "so does one whose driver was unloaded with its VFs there, and comes 30 s later")
    pulled_out(t, guest)
    guest.qmp("device_del", id="late")
    guest.sh(f"for i in $(seq 150); do test -e {LATE} || break; sleep 0.2; done; test ! -e {LATE}")
    t.eq(guest.status("sriov-setup apply")[0], 0, "unplugged with its VFs, it is missed by nobody")
    guest.qmp("device_add", driver="igb", id="late", bus="rp-hot", netdev="net-late", mac="52:54:00:00:00:09")
    comes_back(t, guest, "plugged in once more, it gets them again")


def comes_back(t, guest, what):
    guest.sh(f"for i in $(seq 150); do test -e {LATE}/virtfn2/driver && break; sleep 0.2; done")
    t.eq(bound(guest, LATE), 3, what)


def pulled_out(t, guest):
    """While apply is at work, which is stopped as soon as its child makes VFs."""
    code, said = guest.status(f"""
        systemctl stop sriov-setup@0000:02:00.0; echo 0 > {LATE}/sriov_numvfs
        sriov-setup apply > /tmp/said 2>&1 & apply=$!
        until test -e {LATE}/virtfn0; do :; done; kill -STOP $apply
        until test -e {LATE}/virtfn2; do sleep 0.1; done; sleep 1
        echo 1 > {LATE}/remove; kill -CONT $apply; wait $apply; code=$?; cat /tmp/said; exit $code""")
    t.eq(code, 3, "a PF that is removed while it is set up: a failure")
    t.has(said, "0000:02:00.0 has vanished", "it is named")
    t.hasnt(said, "cannot", "once")
    guest.sh("echo 1 > /sys/bus/pci/rescan")
    comes_back(t, guest, "back again, its unit sets it up")
