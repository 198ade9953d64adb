"""VFs in use: a real QEMU has one open; others are in a bridge, in a namespace, under the default route."""
import time

import vm

CONF = """\
pf = (
  { match = { address = "0000:01:00.0"; }; vfs = 4; },
  { match = { address = "0000:02:00.0"; }; vfs = 2; driver = "native"; }
);
"""
PF = "/sys/bus/pci/devices/0000:0%d:00.0"
HELD = "0000:01:10.0"


def drivers(guest, port):
    return guest.sh(f"for v in {PF % port}/virtfn*; do test -e $v || continue; "
                    "basename $(readlink $v/driver || echo -); done").split()


def config(guest, old, new):
    guest.sh(f"sed -i 's/{old}/{new}/' /etc/sriov.conf")


def timed(guest, text):
    """Exit status, output, seconds."""
    start = time.monotonic()
    code, said = guest.status(text)
    return code, said, time.monotonic() - start


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1) + vm.igb("igb1", 2), files={"/etc/sriov.conf": CONF}, virt=True) as guest:
        guest.start()
        t.eq(guest.status("sriov-setup apply")[0], 0, "VFs are made")
        idle(t, guest)
        pid = hold(guest)
        held(t, guest, pid)
        forced(t, guest, pid)
        released(t, guest, pid)
        interfaces(t, guest)
        reset(t, guest)


def idle(t, guest):
    config(guest, "vfs = 4", "vfs = 7")
    code, plan = guest.status("sriov-setup plan")
    t.eq(code, 2, "VFs on vfio-pci that nobody has open may go")
    t.has(plan, "! unbind VFs 0-3 of 0000:01:00.0 from vfio-pci", "the plan says what it takes away")
    code, said = guest.status("sriov-setup apply --boot")
    t.has(said, "has 4 VFs, 7 wanted; they stay: a boot takes none away", "a boot takes nothing away")
    t.eq((code, drivers(guest, 1)), (1, ["vfio-pci"] * 4), "which is a failure there")
    t.eq(guest.status("sriov-setup apply")[0], 0, "apply grows")
    t.eq(drivers(guest, 1), ["vfio-pci"] * 7, "from 4 to 7 VFs")
    config(guest, "vfs = 7", "vfs = 4")
    t.eq(guest.status("sriov-setup apply")[0], 0, "apply shrinks")
    t.eq(drivers(guest, 1), ["vfio-pci"] * 4, "from 7 to 4")


def hold(guest):
    """A QEMU that has VF 0 and runs nothing; its process."""
    guest.sh("chroot /virt qemu-system-x86_64 -machine q35,accel=tcg -m 64 -S -display none -nodefaults "
             f"-device vfio-pci,host={HELD} -daemonize -pidfile /run/holder.pid")
    return guest.sh("cat /run/holder.pid").strip()


def held(t, guest, pid):
    user = f"VF 0 ({HELD}) is in use: qemu-system-x86 (process {pid}) has it open in VFIO"
    guest.sh("touch /tmp/mark; sleep 1")
    for count in (6, 2, 0):
        config(guest, "0000:01:00.0\"; }; vfs = [0-9]", f"0000:01:00.0\"; }}; vfs = {count}")
        t.has(guest.status("sriov-setup plan")[1], user, f"{count} VFs: the plan says what is in the way")
        code, said, seconds = timed(guest, "sriov-setup apply")
        t.eq(code, 1, f"{count} VFs: apply refuses")
        t.has(said, user, f"{count} VFs: and says why")
        t.ok(seconds < 20, f"{count} VFs: at once", seconds)
    code, said, seconds = timed(guest, "sriov-setup reset 0000:01:00.0")
    t.eq(code, 1, "reset refuses")
    t.has(said, user, "and says why")
    t.ok(seconds < 20, "at once", seconds)
    config(guest, "vfs = 0; }", "vfs = 4; driver = \"native\"; }")
    code, said = guest.status("sriov-setup apply")
    t.has(said, f"{HELD}: is bound to vfio-pci, native wanted; left alone because qemu-system-x86 (process {pid})",
          "no other driver for the one in use")
    t.eq(drivers(guest, 1)[0], "vfio-pci", "it stays where it is")
    config(guest, "vfs = 4; driver = \"native\"; }", "vfs = 4; }")
    t.eq(guest.status("sriov-setup apply")[0], 0, "what was idle comes back")
    t.eq(drivers(guest, 1), ["vfio-pci"] * 4, "all as before")
    t.eq(guest.status(f"kill -0 {pid}")[0], 0, "the VM has run all the time")


def forced(t, guest, pid):
    config(guest, "vfs = 4", "vfs = 6")
    code, said = guest.status(f"sriov-setup --boot --force-in-use={HELD} apply")
    t.eq(code, 1, "a boot never forces")
    code, said, seconds = timed(guest, f"sriov-setup --force-in-use={HELD} apply")
    t.ok(code in (1, 3), "forced, but the VM does not let go: a failure", code)
    t.has(said, "cannot unbind 0000:01:00.0 VF 0 from vfio-pci (somebody uses it)", "that is said")
    t.ok(15 < seconds < 60, "after the deadline", seconds)
    t.eq(drivers(guest, 1)[1:], ["vfio-pci"] * 3, "the VFs that were idle have their driver again")
    code, said, seconds = timed(guest, "sriov-setup plan; sriov-setup status; sriov-setup apply")
    t.ok(seconds < 30, "nothing hangs while the kernel still waits for the VM", seconds)
    t.has(said, f"process {pid}", "and the VM is named again")


def released(t, guest, pid):
    guest.sh(f"kill {pid}; for i in $(seq 100); do kill -0 {pid} 2>/dev/null || break; sleep 0.1; done")
    t.eq(guest.status("sriov-setup apply")[0], 0, "when the VM has gone the count changes")
    t.eq(drivers(guest, 1), ["vfio-pci"] * 6, "to 6 VFs")
    config(guest, "vfs = 6", "vfs = 0")
    t.eq((guest.status("sriov-setup apply")[0], drivers(guest, 1)), (0, []), "and to none")
    t.eq(guest.status("sriov-setup plan"), (0, "nothing to do\n"), "the plan is empty")


def interfaces(t, guest):
    guest.sh(f"for i in $(seq 100); do ls {PF % 2}/virtfn1/net && break; sleep 0.1; done; udevadm settle")
    names = [guest.sh(f"ls {PF % 2}/virtfn{i}/net").strip() for i in (0, 1)]
    pf = guest.sh(f"ls {PF % 2}/net").strip()
    guest.sh(f"ip link set {pf} up")
    config(guest, "vfs = 2", "vfs = 3")
    uses = (
        (f"ip link set {names[0]} up", f"{names[0]} is up", f"ip link set {names[0]} down"),
        (f"ip link add br7 type bridge; ip link set {names[0]} master br7", f"{names[0]} belongs to br7",
         "ip link del br7"),
        (f"ip route add default dev {pf}", f"the default route goes over {pf}",
         "ip route del default"),
        (f"ip link add link {names[1]} name tap7 type macvtap", f"{names[1]} carries tap7", "ip link del tap7"),
        (f"unshare -n sleep 600 >/dev/null 2>&1 </dev/null & echo $! >/tmp/other; sleep 1; "
         f"ip link set {names[1]} netns $(cat /tmp/other)", "its interface is in another network namespace",
         f"kill $(cat /tmp/other); for i in $(seq 100); do ls {PF % 2}/virtfn1/net | grep -q . && break; sleep 0.1; done"),
    )
    for use, why, end in uses:
        guest.sh(use)
        code, plan = guest.status("sriov-setup plan")
        t.has(plan, why, f"in use: {why}")
        t.eq(code, 1, "which the plan calls an error")
        guest.sh(end)
    t.eq(guest.status("sriov-setup apply")[0], 0, "without all that the count changes")
    t.eq(drivers(guest, 2), ["igbvf"] * 3, "to 3 VFs on their native driver")


def reset(t, guest):
    guest.sh(f"echo 2 > {PF % 1}/sriov_numvfs")
    t.eq(guest.status("sriov-setup reset")[0], 0, "reset")
    t.eq(len(drivers(guest, 2)), 0, "takes back what was made")
    t.eq(len(drivers(guest, 1)), 2, "and leaves the VFs of others")
