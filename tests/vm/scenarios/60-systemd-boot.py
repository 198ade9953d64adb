"""systemd-boot with type #1 entries: a trial by boot counting, words in the entries, also of later kernels; removal."""
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
    conf = efi.CONF.replace("};", "trial = true; };")
    with t.vm(efi="plain", files={"/etc/sriov.conf": conf}, run=RUN) as guest:
        guest.start()
        t.eq(guest.sh(f"ls {ENTRIES} | wc -l").strip(), "1", "there is one entry")
        status, output = guest.status("umount /boot/efi && sriov-setup kargs apply")
        t.eq((status, output.count("/boot/efi is in /etc/fstab but not mounted: mount it first")), (1, 1),
             "a boot partition that is not mounted is refused")
        t.eq(guest.sh("ls -A /boot/efi; ls /etc/kernel/sriov* 2>/dev/null || true; mount /boot/efi"), "",
             "and nothing is written below it")
        before = efi.apply(t, guest, "bls-plugin")
        t.has(guest.sh("sriov-setup kargs status"), "armed for one boot", "they are for a trial boot")
        t.eq(guest.sh(f"cd {ENTRIES}; grep -lr iommu=pt . | grep -c 'sriov-setup+1.conf'").strip(), "1",
             "an entry of its own has them")
        guest.reboot()
        good_trial(t, guest)
        efi.has_words(t, guest, "bls-plugin", told=True)
        later_kernel(t, guest)
        failed_trial(t, guest)
        efi.remove(t, guest, before)
        t.hasnt(add_kernel(guest), "sriov_setup", "after removal a new kernel does not inherit our words")


def good_trial(t, guest):
    t.has(guest.sh("cat /proc/cmdline"), "iommu=pt sriov_setup.gen=1", "the trial boot has our words")
    t.eq(guest.sh(f"cd {ENTRIES}; ls | grep sriov-setup").strip()[-17:], ".sriov-setup.conf",
         "systemd says that it came up")
    t.has(guest.sh("sriov-setup kargs apply"), "the trial boot came up", "and so do we")
    t.eq(guest.sh(f"cd {ENTRIES}; ls | grep -c sriov-setup || true").strip(), "0", "the second entry is gone")
    t.has(guest.sh(f"cat {ENTRIES}/*"), " sriov_setup.begin iommu=pt sriov_setup.gen=1", "the entry has our words")
    t.eq(guest.sh(f"grep -c ^options {ENTRIES}/*").strip(), "1", "in its one line of options")


def failed_trial(t, guest):
    guest.sh("sed -i 's/trial = true;/trial = true; extra = [ \"systemd.unit=halt.target\" ];/' /etc/sriov.conf")
    guest.sh("sriov-setup kargs apply; sync")
    guest.status("systemctl --no-block reboot")
    guest.wait_console("reboot: System halted", 120)
    guest.qmp("system_reset")
    guest.wait_boot()
    cmdline = guest.sh("cat /proc/cmdline")
    t.hasnt(cmdline, "halt.target", "after a boot that did not come up the words are gone")
    t.has(cmdline, "iommu=pt sriov_setup.gen=1", "those of before are there, installed for good")
    t.has(guest.sh("sriov-setup kargs apply"), "did not come up", "and that is said")
    t.eq(guest.sh(f"cd {ENTRIES}; ls | grep -c sriov-setup || true").strip(), "0", "the second entry is gone")


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
