"""examples/mkosi, built by mkosi and booted: config, service and kernel arguments are baked in."""
import vm


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1), efi="plain", disk=vm.script("mkosi")) as guest:
        guest.start()
        t.eq(guest.sh("ls /sys/bus/pci/drivers/vfio-pci | grep -c :").strip(), "4", "the image's VFs are bound")
        t.eq(guest.sh("systemctl show -P Result sriov-setup").strip(), "success", "by the service")
        t.eq(guest.sh("readlink /usr/lib/systemd/system/*.wants/sriov-setup.service").strip(),
             "../sriov-setup.service", "which is enabled by a symlink below /usr")
        t.has(guest.sh("cat /proc/cmdline"), "iommu=pt", "the kernel has the words of the config")
        t.eq(guest.sh("cat /sys/kernel/iommu_groups/0/type").strip(), "identity", "and they have their effect")
        t.has(guest.sh("sriov-setup plan"), "nothing to do", "nothing is left to do, now or for the next boot")
        t.hasnt(guest.sh("journalctl -b -o cat -u sriov-setup-kargs"), "next boot", "also for the late service")
