"""An initramfs made by initramfs-tools: bound before the root disk is mounted; absent unless asked for."""
import vm

CONF = 'pf = ( { match = { id = "8086:10c9"; }; vfs = 2; } );\n'
ASK = "echo SRIOV_SETUP=y >/etc/initramfs-tools/conf.d/sriov-setup"
FILES = "lsinitramfs /boot/initrd.img-$(uname -r) | grep -E 'sbin/sriov-setup$|etc/sriov.conf|/vfio-pci.ko|/igb.ko' | wc -l"
LOG = "/run/initramfs/sriov-setup.log"


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1), files={"/etc/sriov.conf": CONF},
              run="systemctl enable sriov-setup") as guest:
        guest.start()
        t.eq(guest.status(f"test -e {LOG}")[0], 1, "nobody asked: no run in the initramfs")
        guest.sh(f"{ASK}; update-initramfs -u", 400)
        t.eq(guest.sh(FILES).strip(), "4", "asked: program, config, vfio-pci and the PF's driver are in it")
        guest.reboot()
        t.has(guest.sh(f"cat {LOG}"), "created 2 VFs", "its log is there after the boot")
        order = guest.sh("journalctl -b -k -o cat --no-pager | grep -nE 'in the initramfs|EXT4-fs.*mounted' | head -n 2")
        t.has(order.split("\n")[0], "exit status 0 in the initramfs", "and ends before the root disk is mounted")
        bound(t, guest)
        t.eq(guest.sh("systemctl list-units --all --no-legend 'sriov-setup@*'").strip(), "",
             "no unit of a single PF was started")
        broken(t, guest)


def bound(t, guest):
    t.eq(guest.sh("ls /sys/bus/pci/drivers/vfio-pci | grep -c :").strip(), "2", "the VFs are bound")
    t.eq(guest.sh("systemctl show -P Result sriov-setup").strip(), "success", "the service then succeeds")
    t.hasnt(guest.sh("journalctl -b -u sriov-setup -o cat"), "created", "and has nothing to do")
    t.has(guest.sh("systemctl show -P StatusText sriov-setup"), "0 changes", "as it says")


def broken(t, guest):
    """A config that is wrong in the initramfs only: the boot goes on, and the service does the work."""
    guest.sh("cp -p /etc/sriov.conf /root/; echo 'nonsense = 1;' >/etc/sriov.conf; update-initramfs -u; "
             "mv /root/sriov.conf /etc/", 400)
    guest.reboot()
    t.has(guest.sh(f"cat {LOG}"), "/etc/sriov.conf:1", "a mistake in the initramfs is in its log")
    t.has(guest.sh("journalctl -b -k -o cat"), "exit status 1 in the initramfs", "the kernel's log says so")
    t.eq(guest.sh("ls /sys/bus/pci/drivers/vfio-pci | grep -c :").strip(), "2", "the service does it later")
