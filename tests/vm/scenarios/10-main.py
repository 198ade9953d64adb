"""First boot without kernel arguments, reboot into lockdown, VFs on vfio-pci; second run writes nothing; removal."""
import re

import vm

CONF = """\
kernel = { passthrough = true; extra = [ "lockdown=integrity" ]; };
pf = ( { match = { id = "8086:10c9"; }; vfs = 7; driver = "vfio-pci"; resource = "intel.com/82576_vf"; } );
"""

# What a unit that is ordered after network-pre.target finds: must be VFs on vfio-pci already.
PROBE = """\
[Unit]
DefaultDependencies=no
After=network-pre.target
Before=shutdown.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'ls /sys/bus/pci/drivers/vfio-pci | grep -c : > /run/probe'
[Install]
WantedBy=multi-user.target
"""


def written_since(guest, mark):
    """Files below /etc, /boot, /var/lib/sriov-setup and /run/sriov-setup that are newer than a mark."""
    return guest.sh(f"find /etc /boot /var/lib/sriov-setup /run/sriov-setup /run/udev/rules.d -newer {mark} "
                    "-type f ! -name lock ! -name '*.lock' ! -name done")


# Every call of PID 1's children that ends with EPERM, EACCES or EAFNOSUPPORT, and what they open; but not systemd's own
# on its way to the program, as "(v-setup)" or by the number of an open file.
TRACE = r"""
cd /sys/kernel/tracing 2>/dev/null || { mount -t tracefs tracefs /sys/kernel/tracing && cd /sys/kernel/tracing; }
echo 'p:open do_sys_openat2 path=+0($arg2):ustring' >kprobe_events
cd events/raw_syscalls/sys_exit
echo '(ret == -1 || ret == -13 || ret == -97) && !(comm ~ "(*") && !(comm ~ "[0-9]*")' >filter
cd -
echo 1 >options/event-fork
echo 1 >set_event_pid
echo 8192 >buffer_size_kb
echo 1 >events/kprobes/open/enable
echo 1 >events/raw_syscalls/sys_exit/enable
"""
# What is asked although it may be denied: libsystemd asks for a larger buffer (SO_SNDBUFFORCE) and takes the smaller
# one; `kargs` looks for a chroot, which a unit is not in.
MAY_BE_DENIED = r'call (54 .*|257 denied, after .*"proc/1/root")$'


def denied(guest, commands):
    """What was denied to programs of ours and to the tools that they start, in units that these commands start."""
    guest.sh(TRACE)
    guest.sh(commands)
    trace = guest.sh("cd /sys/kernel/tracing; echo 0 >events/enable; cat trace; : >trace; : >kprobe_events")
    opened, found, runs = {}, [], 0
    for process, event, rest in re.findall(r"^ *(\S+) .*: (open|sys_exit): (.*)$", trace, re.M):
        if event == "open":
            opened[process] = rest
            runs += "etc/sriov.conf" in rest
        else:
            call = f"{process}: call {rest.split()[1]} denied, after {opened.get(process)}"
            found += [] if re.search(MAY_BE_DENIED, call) else [call]
    if runs < 2:
        raise AssertionError(f"our two units read their config, but the trace has not seen it:\n{trace}")
    return found


def scenario(t, **options):
    with t.vm(**options, devices=vm.igb("igb0", 1),
              files={"/etc/sriov.conf": CONF, "/etc/systemd/system/probe.service": PROBE},
              run="sha256sum /boot/grub/grub.cfg > /var/grub.before\n"
                  "systemctl enable sriov-setup probe") as guest:
        guest.start()
        versions = guest.sh("uname -r; systemctl --version | head -n 1").split()
        t.hasnt(guest.sh("systemctl --failed --plain --no-legend"), "sriov",
                f"none of our units fails on kernel {versions[0]}, {' '.join(versions[1:3])}")
        first_boot(t, guest)
        guest.reboot()
        second_boot(t, guest)
        removal(t, guest)
        guest.reboot()
        cmdline = guest.sh("cat /proc/cmdline")
        t.hasnt(cmdline, "iommu=pt", "after removal and reboot the words are gone")
        t.hasnt(cmdline, "sriov_setup.gen", "and so is the marker")


def first_boot(t, guest):
    t.hasnt(guest.sh("cat /proc/cmdline"), "iommu=pt", "the first boot has no word of ours")
    t.eq(guest.sh("systemctl is-enabled sriov-setup sriov-setup-kargs").split(), ["enabled"] * 2,
         "enabling the service enables the kernel-argument unit")
    guest.sh("systemctl start sriov-setup-kargs")  # waits for the boot's own run of it
    t.eq(guest.sh("systemctl show -P Result sriov-setup-kargs").strip(), "success", "the kargs unit succeeds")
    dropin = guest.sh("cat /etc/default/grub.d/zz-sriov-setup.cfg")
    t.has(dropin, "iommu=pt lockdown=integrity sriov_setup.gen=1", "the drop-in has the words and the marker")
    t.hasnt(dropin, "intel_iommu", "a kernel that uses its IOMMU already gets no intel_iommu=on")
    t.ok(int(guest.sh("grep -c 'linux.*iommu=pt' /boot/grub/grub.cfg")) > 0, "grub.cfg was generated")
    t.has(guest.sh("cat /run/reboot-required.pkgs"), "sriov-setup", "the reboot is signalled")
    t.has(guest.sh("sriov-setup kargs status"), "next reboot", "kargs status says so")


def second_boot(t, guest):
    t.has(guest.sh("cat /proc/cmdline"), "iommu=pt", "the second boot has the word")
    t.has(guest.sh("cat /sys/kernel/security/lockdown"), "[integrity]", "the kernel is locked down")
    t.eq(guest.sh("systemctl show -P Result sriov-setup").strip(), "success", "the service succeeds")
    t.eq(guest.sh("cat /run/probe").strip(), "7", "7 VFs were on vfio-pci before network-pre.target")
    t.eq(guest.sh("for i in 0 1 2 3 4 5 6; do basename $(readlink "
                  "/sys/bus/pci/devices/0000:01:00.0/virtfn$i/driver); done").split(), ["vfio-pci"] * 7,
         "each VF is bound")
    t.eq(guest.sh("cat /sys/bus/pci/devices/0000:01:00.0/sriov_drivers_autoprobe").strip(), "1",
         "autoprobe is as it was")
    t.eq(guest.sh("basename $(readlink /sys/bus/pci/devices/0000:01:00.0/driver)").strip(), "igb",
         "the PF keeps its driver")
    snippet = guest.sh("cat /run/sriov-setup/export/kubevirt.yaml")
    t.has(snippet, 'pciVendorSelector: "8086:10ca"', "the snippet has the VF's selector")
    t.has(snippet, 'resourceName: "intel.com/82576_vf"', "and the resource of the rule")
    t.has(guest.sh("journalctl -b -o verbose -u sriov-setup"), "PCI_DEVICE=0000:01:00.0",
          "journal lines carry the PCI address")
    t.has(guest.sh("journalctl -b -o verbose -u sriov-setup"), "CONFIG_LINE=2", "and the config's line")
    t.has(guest.sh("journalctl -b -u sriov-setup"), "8086:10ca", "vfio-pci was loaded with the VFs' ID")
    t.eq(guest.status("sriov-setup plan"), (0, "nothing to do\n"), "the plan is empty")
    guest.sh("systemctl start sriov-setup-kargs")
    t.eq(guest.sh("systemctl --failed --plain --no-legend"), "", "no unit failed")
    guest.sh("sleep 1; date +@%s > /var/mark; sleep 1; systemctl restart sriov-setup sriov-setup-kargs")
    t.eq(written_since(guest, "/var/mark"), "", "a second run writes nothing")
    t.hasnt(guest.sh("journalctl -b -u sriov-setup --since $(cat /var/mark)"), "bound", "and says nothing")
    t.has(guest.sh("sriov-setup status"), "VF 6", "status shows the VFs")
    t.eq(denied(guest, "systemctl restart sriov-setup sriov-setup-kargs"), [],
         "in their sandboxes nothing is denied to runs with nothing to do")
    t.eq(denied(guest, "sriov-setup reset; modprobe -r vfio-pci; systemctl restart sriov-setup sriov-setup-kargs"), [],
         "nor where everything is to do")


def removal(t, guest):
    guest.sh("sriov-setup kargs remove")
    t.eq(guest.status("sha256sum -c --quiet /var/grub.before"), (0, ""),
         "kargs remove restores grub.cfg byte for byte")
    t.eq(guest.status("test -e /etc/default/grub.d/zz-sriov-setup.cfg")[0], 1, "and removes the drop-in")
    t.eq(guest.status("test -e /var/lib/sriov-setup/kargs")[0], 1, "and removes its state")
    guest.sh("systemctl disable sriov-setup-kargs")
