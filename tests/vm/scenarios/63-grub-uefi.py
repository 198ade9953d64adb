"""GRUB on UEFI firmware; words that arrive and never have an effect: said once, no loop; removal."""
import efi

RUN = efi.MOUNT + """\
grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
update-grub
umount /boot/efi
"""


def scenario(t):
    with t.vm(efi="plain", iommu="none", files={"/etc/sriov.conf": efi.CONF}, run=RUN) as guest:
        guest.start()
        t.eq(guest.status("test -d /sys/firmware/efi")[0], 0, "the firmware is UEFI")
        guest.sh("update-grub")  # on UEFI it writes an entry for the firmware's setup
        before = efi.apply(t, guest, "grub-dropin")
        guest.reboot()
        without_effect(t, guest)
        efi.remove(t, guest, before)


def without_effect(t, guest):
    """This machine has no IOMMU, so iommu=pt does nothing."""
    t.has(guest.sh("cat /proc/cmdline"), "iommu=pt sriov_setup.gen=1", "the second boot has our words")
    t.has(guest.sh("sriov-setup kargs status"), "booted, but without effect", "kargs status sees no effect")
    t.has(guest.sh("sriov-setup kargs apply"), "arrived but have no effect: iommu=pt", "which is said")
    guest.reboot()
    t.eq(guest.status("touch /var/mark; sleep 1; sriov-setup kargs apply; "
                      "find /boot /etc /var/lib/sriov-setup -newer /var/mark -type f"), (0, ""),
         "in the boot after that nothing is said, and nothing written")
    t.eq(guest.status("ls /run/reboot-required /run/sriov-setup/reboot-required")[1].count("No such file"), 2,
         "no reboot is asked for")
