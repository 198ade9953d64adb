"""systemd-boot with type #1 entries: words in the entries, also of kernels installed later; removal."""
import efi

RUN = efi.SYSTEMD_BOOT + f"""\
mkdir -p /etc/kernel
echo '{efi.CMDLINE}' >/etc/kernel/cmdline
kernel-install add "$kernel" "/boot/vmlinuz-$kernel"
rm /etc/kernel/cmdline # from now on kernel-install takes what is running
umount /boot/efi
"""
ENTRIES = "/boot/efi/loader/entries"


def scenario(t):
    with t.vm(efi="plain", files={"/etc/sriov.conf": efi.CONF}, run=RUN) as guest:
        guest.start()
        t.eq(guest.sh(f"ls {ENTRIES} | wc -l").strip(), "1", "there is one entry")
        status, output = guest.status("umount /boot/efi && sriov-setup kargs apply")
        t.eq((status, output.count("/boot/efi is in /etc/fstab but not mounted: mount it first")), (1, 1),
             "a boot partition that is not mounted is refused")
        t.eq(guest.sh("ls -A /boot/efi; ls /etc/kernel/sriov* 2>/dev/null || true; mount /boot/efi"), "",
             "and nothing is written below it")
        before = efi.apply(t, guest, "bls-plugin")
        t.has(guest.sh(f"cat {ENTRIES}/*"), " sriov_setup.begin iommu=pt sriov_setup.gen=1", "the entry has our words")
        t.eq(guest.sh(f"grep -c ^options {ENTRIES}/*").strip(), "1", "in its one line of options")
        guest.reboot()
        efi.has_words(t, guest, "bls-plugin")
        later_kernel(t, guest)
        efi.remove(t, guest, before)
        t.hasnt(add_kernel(guest), "sriov_setup", "after removal a new kernel does not inherit our words")


def add_kernel(guest):
    """The options of a kernel that is installed now."""
    guest.sh("kernel-install add 0.1-later /boot/vmlinuz-$(uname -r)")
    entry = guest.sh(f"cat {ENTRIES}/*0.1-later*.conf")
    guest.sh("kernel-install remove 0.1-later")
    return entry


def later_kernel(t, guest):
    entry = add_kernel(guest)
    t.has(entry, "root=/dev/vda1", "a kernel that is installed later takes what is running")
    t.eq((entry.count("iommu=pt"), entry.count("sriov_setup.begin iommu=pt sriov_setup.gen=1")), (1, 1),
         "and has our words once")
