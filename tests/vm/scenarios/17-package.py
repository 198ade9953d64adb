"""The Debian package: installed, used as the README says, upgraded with a VF in use, removed, purged."""
import vm

CONF = 'pf = ( { match = { id = "8086:10c9"; }; vfs = 7; resource = "intel.com/82576_vf"; } );\n'
KERNEL = 'kernel = { passthrough = true; };\nmemlock = [ "containerd.service" ];\n'

# All files of others that a tool of ours could reach, with their content.
OTHERS = ("find /etc /boot /usr/lib /usr/sbin /usr/share /var/lib -xdev \\( -path '*sriov*' -o -path /var/lib/dpkg"
          " -o -path /var/lib/systemd -o -name 'ld.so.cache' -o -name database"
          " -o -path /boot/grub/grubenv -o -name 'initrd.img-*' \\) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum")
# dpkg's trigger makes it again when a hook comes or goes
INITRD = "lsinitramfs /boot/initrd.img-* | sort"
VFS = ("for i in 0 1 2 3 4 5 6; do readlink /sys/bus/pci/devices/0000:01:00.0/virtfn$i"
       " /sys/bus/pci/devices/0000:01:00.0/virtfn$i/driver; done")


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1), product=False,
              files={"/root/sriov-setup.deb": vm.script("deb").read_bytes()}) as guest:
        guest.start()
        guest.sh("update-initramfs -u >/run/initramfs.log 2>&1", 300)  # as this machine, not the builder, makes it
        guest.sh(f"{OTHERS} >/run/others.before; {INITRD} >/run/initrd.before")
        install(t, guest)
        use(t, guest)
        upgrade(t, guest)
        remove(t, guest)


def install(t, guest):
    guest.sh("dpkg -i /root/sriov-setup.deb")
    t.eq(guest.status("systemctl is-active sriov-setup sriov-setup-kargs")[1].split(), ["inactive"] * 2,
         "the installation starts nothing")
    t.eq(guest.status("systemctl is-enabled sriov-setup sriov-setup-kargs")[1].split(), ["disabled"] * 2,
         "and enables nothing")
    t.eq(guest.sh("sriov-setup check").strip(), "/etc/sriov.conf: ok", "the config that comes with it is right")
    t.eq(guest.sh("sriov-setup plan").strip(), "nothing to do", "and asks for nothing")


def use(t, guest):
    guest.sh(f"cat >/etc/sriov.conf <<'E'\n{KERNEL}{CONF}E\nsystemctl enable sriov-setup; "
             "systemctl start sriov-setup sriov-setup-kargs")
    t.eq(guest.sh(VFS).count("vfio-pci"), 7, "enabled and started it makes the VFs")
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
    guest.sh("date +%s.%N >/run/before-upgrade; dpkg-deb -R /root/sriov-setup.deb /root/next; "
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
    guest.sh("echo 'pf = ( { match = 7; } );' >>/etc/sriov.conf; dpkg -r sriov-setup")  # also with a mistake in it
    t.eq((guest.sh(VFS), holds(guest)), (before, True), "removed: VFs and their user are untouched")
    t.eq(guest.sh("find /etc /boot /run/sriov-setup /run/udev/rules.d -name '*sriov*' ! -type d ! -name lock"
                  " ! -path '*.wants/*'").split(), ["/etc/sriov.conf"], "only the config is left")
    t.ok("sriov" not in guest.sh("cat /boot/grub/grub.cfg"), "the boot loader is as it was")
    guest.sh("dpkg -P sriov-setup")
    t.eq((guest.sh(VFS), holds(guest)), (before, True), "purged: VFs and their user are untouched")
    t.eq(guest.sh("find / -xdev -name '*sriov*' -not -path '/proc/*' -not -path '/sys/*' -not -path '/root/*'"
                  " -not -path '*/modules/*' -not -path '/usr/include/*' -not -path '/usr/src/*'").split(), [],
         "nothing of ours is left")
    t.eq(guest.status(f"{OTHERS} >/run/others.after; diff /run/others.before /run/others.after"), (0, ""),
         "the files of others are the same to the byte")
    t.eq(guest.status(f"{INITRD} >/run/initrd.after; [ -s /run/initrd.after ] &&"
                      " diff /run/initrd.before /run/initrd.after"), (0, ""), "the initrd holds what it held")
