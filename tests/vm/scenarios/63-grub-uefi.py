"""GRUB on UEFI firmware: the drop-in, grub.cfg, removal."""
import efi

RUN = efi.MOUNT + """\
grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
update-grub
umount /boot/efi
"""


def scenario(t):
    with t.vm(efi="plain", files={"/etc/sriov.conf": efi.CONF}, run=RUN) as guest:
        guest.start()
        t.eq(guest.status("test -d /sys/firmware/efi")[0], 0, "the firmware is UEFI")
        guest.sh("update-grub")  # on UEFI it writes an entry for the firmware's setup
        before = efi.apply(t, guest, "grub-dropin")
        guest.reboot()
        efi.has_words(t, guest, "grub-dropin")
        efi.remove(t, guest, before)
