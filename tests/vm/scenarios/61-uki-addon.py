"""A unified kernel image under systemd-boot: our words come as an addon; removal."""
import efi

RUN = efi.SYSTEMD_BOOT + f"{efi.UKI} --output=/boot/efi/EFI/Linux/debian.efi\numount /boot/efi\n"
ADDON = "/boot/efi/loader/addons/sriov-setup.addon.efi"


def scenario(t):
    with t.vm(efi="plain", files={"/etc/sriov.conf": efi.CONF}, run=RUN) as guest:
        guest.start()
        before = efi.apply(t, guest, "uki-addon")
        t.has(guest.sh(f"ukify inspect {ADDON}"), "iommu=pt sriov_setup.gen=1", "ukify reads our addon")
        guest.reboot()
        efi.has_words(t, guest, "uki-addon")
        efi.remove(t, guest, before)
