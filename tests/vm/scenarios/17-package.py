"""The Debian package: installed and used by the README's commands, upgraded with a VF in use, removed, purged."""
import os
import pathlib
import re
import subprocess

import vm

TOP = pathlib.Path(__file__).resolve().parents[3]
README = TOP / "README.md"
PICTURE = TOP / "examples/status.svg"

CONF = 'pf = ( { match = { id = "8086:10c9"; }; vfs = 7; resource = "intel.com/82576_vf"; } );\n'
KERNEL = 'kernel = { passthrough = true; };\nmemlock = [ "containerd.service" ];\n'

# All files of others that a tool of ours could reach, with their content.
OTHERS = ("find /etc /boot /usr/lib /usr/sbin /usr/share /var/lib -xdev \\( -path '*sriov*' -o -path /var/lib/dpkg -o -path /var/lib/apt"
          " -o -path /var/lib/systemd -o -name 'ld.so.cache' -o -name database"
          " -o -path /boot/grub/grubenv -o -name 'initrd.img-*' \\) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum")
# dpkg's trigger makes it again when a hook comes or goes
INITRD = "lsinitramfs /boot/initrd.img-* | sort"
VFS = ("for i in 0 1 2 3 4 5 6; do readlink /sys/bus/pci/devices/0000:01:00.0/virtfn$i"
       " /sys/bus/pci/devices/0000:01:00.0/virtfn$i/driver; done")


def scenario(t):
    commands, config, status = blocks("Install on real hardware")
    # what "tests/packages out" makes, for the guest's release
    with t.vm(devices=vm.igb("igb0", 1), product=False,
              files={"/root/out/sriov-setup_0_amd64.deb": vm.script("deb").read_bytes()}) as guest:
        guest.start()
        guest.sh("update-initramfs -u >/run/initramfs.log 2>&1", 300)  # as this machine, not the builder, makes it
        guest.sh(f"mkdir /root/before; {OTHERS} >/root/before/others; {INITRD} >/root/before/initrd")
        follow(t, guest, commands, config)
        after_reboot(t, guest, status)
        use(t, guest)
        upgrade(t, guest)
        remove(t, guest)


def blocks(title):
    """The indented blocks of a section of the README, each as its lines."""
    section = re.search(rf"^## {title}\n(.*?)^## ", README.read_text(), re.M | re.S).group(1)
    return [re.sub("^    ", "", block, flags=re.M).splitlines()
            for block in re.findall(r"(?:^    .*\n)+", section, re.M)]


def indented(lines):
    return "".join(f"    {line}\n" for line in lines)


def follow(t, guest, commands, config):
    """Each command as it is there, in that order; what a person does otherwise is done for her."""
    results = {}
    commands = [line.split("  #")[0].strip() for line in commands]
    t.eq(commands[0], "tests/packages out", "README: packages are built into out")
    for command in commands[1:]:
        if command == "editor /etc/sriov.conf":
            idle(t, guest)
            guest.sh("cat >/etc/sriov.conf <<'E'\n" + "\n".join(config) + "\nE")
        else:
            results[command] = guest.status(f"cd /root; {command}", 300)
            good = {"sriov-setup doctor": [0, 2], "sriov-setup check && sriov-setup plan": [2]}.get(command, [0])
            t.ok(results[command][0] in good, f"README: {command}", results[command][1])
    t.has(results["sriov-setup doctor"][1], "ok         0000:01:00.0: up to 7 VFs of the card's 8, driver igb",
          "the doctor sees the card")
    t.has(results["sriov-setup check && sriov-setup plan"][1], "+ create 7 VFs on 0000:01:00.0", "the plan makes VFs")
    t.eq(results["sriov-setup status"][1].count("vfio-pci"), 7, "and status shows them on vfio-pci")


def idle(t, guest):
    t.eq(guest.status("systemctl is-active sriov-setup sriov-setup-kargs")[1].split(), ["inactive"] * 2,
         "the installation starts nothing")
    t.eq(guest.status("systemctl is-enabled sriov-setup sriov-setup-kargs")[1].split(), ["disabled"] * 2,
         "and enables nothing")
    t.eq(guest.sh("sriov-setup check").strip(), "/etc/sriov.conf: ok", "the config that comes with it is right")
    t.eq(guest.sh("sriov-setup plan").strip(), "nothing to do", "and asks for nothing")


def after_reboot(t, guest, status):
    guest.reboot()
    t.eq(guest.sh(VFS).count("vfio-pci"), 7, "after a reboot the VFs are on vfio-pci")
    guest.sh("echo >/sys/bus/pci/devices/0000:01:11.0/driver_override;"
             "echo 0000:01:11.0 >/sys/bus/pci/drivers/vfio-pci/unbind")
    screen = guest.sh("LC_ALL=C.UTF-8 script -qec 'sriov-setup status' /dev/null").replace("\r", "")
    t.has(screen, "\033[", "status has colours on a terminal")
    screen = [line.rstrip() for line in re.sub(r"\033\[[0-9;]*m|\^D\x08\x08", "", screen).splitlines()]
    dot = guest.sh("sriov-setup --format=dot status")
    if os.environ.get("UPDATE"):  # of README and picture
        README.write_text(README.read_text().replace(indented(status), indented(screen)))
        subprocess.run(["dot", "-Tsvg", "-o", PICTURE], input=dot, text=True, check=True)
    t.eq(screen, status, "and is as the README shows it")
    # another version of graphviz has other coordinates, but the same words
    words = re.findall(r"<text[^>]*>(.*?)</text>", PICTURE.read_text())
    t.eq(sorted(line for label in re.findall('label="(.*?)"', dot) for line in label.split("\\n")),
         sorted(word.replace("&#45;", "-").replace("&#39;", "'") for word in words), "and so is the picture")
    guest.sh("systemctl restart sriov-setup")
    t.has(guest.sh("sriov-setup plan"), "nothing to do", "a restart puts right what differs")


def use(t, guest):
    guest.sh(f"cat >/etc/sriov.conf <<'E'\n{KERNEL}{CONF}E\nsystemctl restart sriov-setup sriov-setup-kargs")
    t.eq(guest.sh(VFS).count("vfio-pci"), 7, "another config for the same VFs leaves them")
    t.has(guest.sh("sriov-setup plan"), "nothing to do", "and nothing is left to do")
    t.has(guest.sh("cat /boot/grub/grub.cfg"), "iommu=pt", "GRUB has the argument for the next boot")
    # a process that has a VF, as a virtual machine would
    guest.sh("group=$(basename $(readlink /sys/bus/pci/devices/0000:01:00.0/virtfn3/iommu_group)); "
             "setsid sleep 600 3<>/dev/vfio/$group >/dev/null 2>&1 & echo $! >/run/holder")
    tree = guest.sh("sriov-setup status")
    t.ok(any("VF 3 " in line and "sleep (process " in line for line in tree.splitlines()),
         "status names who uses a VF", tree)
    t.ok(sum(" VF " in line for line in tree.splitlines()) == 7, "and shows each", tree)


def holds(guest):
    return guest.status("kill -0 $(cat /run/holder)")[0] == 0


def upgrade(t, guest):
    before = guest.sh(VFS)
    guest.sh("date +%s.%N >/run/before-upgrade; dpkg-deb -R /root/out/sriov-setup_*.deb /root/next; "
             "sed -i 's/^Version: .*/Version: 99/' /root/next/DEBIAN/control; "
             "dpkg-deb -b /root/next /root/next.deb; "
             "systemctl show -P InvocationID sriov-setup >/run/invocation; dpkg -i --force-confold /root/next.deb")
    t.eq(guest.sh("dpkg-query -W -f '${Version}' sriov-setup"), "99", "the package is upgraded")
    t.eq(guest.sh("systemctl show -P InvocationID sriov-setup"), guest.sh("cat /run/invocation"),
         "the service was not started again")
    t.eq((guest.sh(VFS), holds(guest)), (before, True), "VFs and their user are untouched")
    t.eq(guest.sh("cat /etc/sriov.conf"), KERNEL + CONF, "and so is the config")
    t.eq(guest.sh("systemctl is-enabled sriov-setup").strip(), "enabled", "it stays enabled")


def remove(t, guest):
    before = guest.sh(VFS)
    guest.sh("echo 'pf = ( { match = 7; } );' >>/etc/sriov.conf")
    t.eq(guest.status("systemctl restart sriov-setup")[0], 1, "a mistake in the config fails the service")
    t.has(guest.sh("journalctl -b -x -u sriov-setup"), "Correct the line as the message says",
          "and journalctl -x explains it")
    guest.sh("dpkg -r sriov-setup")  # with the mistake in it
    t.eq((guest.sh(VFS), holds(guest)), (before, True), "removed: VFs and their user are untouched")
    t.eq(guest.sh("find /etc /boot /run/sriov-setup /run/udev/rules.d -name '*sriov*' ! -type d ! -name lock"
                  " ! -path '*.wants/*'").split(), ["/etc/sriov.conf"], "only the config is left")
    t.ok("sriov" not in guest.sh("cat /boot/grub/grub.cfg"), "the boot loader is as it was")
    guest.sh("dpkg -P sriov-setup")
    t.eq((guest.sh(VFS), holds(guest)), (before, True), "purged: VFs and their user are untouched")
    t.eq(guest.sh("find / -xdev -name '*sriov*' -not -path '/proc/*' -not -path '/sys/*' -not -path '/root/*'"
                  " -not -path '*/modules/*' -not -path '/usr/include/*' -not -path '/usr/src/*'").split(), [],
         "nothing of ours is left")
    t.eq(guest.status(f"{OTHERS} >/run/others.after; diff /root/before/others /run/others.after"), (0, ""),
         "the files of others are the same to the byte")
    t.eq(guest.status(f"{INITRD} >/run/initrd.after; [ -s /run/initrd.after ] &&"
                      " diff /root/before/initrd /run/initrd.after"), (0, ""), "the initrd holds what it held")
