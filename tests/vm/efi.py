"""What the scenarios with UEFI firmware share: how a boot loader comes onto the disk, and the life of
our kernel arguments."""

CONF = "kernel = { passthrough = true; };\n"
CMDLINE = "root=/dev/vda1 ro console=ttyS0 quiet"
MOUNT = """\
systemd-machine-id-setup
mkdir -p /boot/efi
mount -t vfat /dev/vda2 /boot/efi
export SYSTEMD_RELAX_ESP_CHECKS=1 SYSTEMD_RELAX_XBOOTLDR_CHECKS=1
mkdir -p /etc/kernel/install.d
ln -s /dev/null /etc/kernel/install.d/50-dracut.install # the initrd in /boot is good
kernel=$(basename /boot/vmlinuz-*)
kernel=${kernel#vmlinuz-}
"""
SYSTEMD_BOOT = MOUNT + """\
bootctl install --esp-path=/boot/efi --no-variables --make-entry-directory=yes $install_options
echo timeout 0 >/boot/efi/loader/loader.conf
"""
UKI = f"ukify build --linux=/boot/vmlinuz-$kernel --initrd=/boot/initrd.img-$kernel --cmdline='{CMDLINE}'"


def files(guest):
    """Every file that a boot loader or its tools read, but for the seed that each boot renews."""
    return guest.sh("find /boot /etc/kernel /etc/default /var/lib/sriov-setup -type f ! -name random-seed "
                    "-exec sha256sum {} + 2>/dev/null | sort -k 2")


def has_words(t, guest, loader, told=False):
    """After a reboot: the words arrived. told: the run after the boot was already."""
    t.has(guest.sh("cat /proc/cmdline"), "iommu=pt sriov_setup.gen=1", "the second boot has our words")
    status = guest.sh("sriov-setup kargs status")
    t.has(status, f"boot loader:  {loader}\n", "the boot loader is still known")
    t.has(status, "state:        active", "and the words are in effect")
    if not told:
        said = "sriov-setup: kernel arguments of generation 1 are in effect\n/var/lib/sriov-setup/kargs\n"
        t.eq(guest.status("touch /var/mark; sleep 1; sriov-setup kargs apply; "
                          "find /boot /etc /var/lib/sriov-setup -newer /var/mark -type f")[1], said,
             "which is said and recorded, once")
    t.eq(guest.status("touch /var/mark; sleep 1; sriov-setup kargs apply; "
                      "find /boot /etc /var/lib/sriov-setup -newer /var/mark -type f"), (0, ""),
         "then nothing is written")


def apply(t, guest, loader):
    """Before the reboot; returns the files as they were."""
    before = files(guest)
    t.hasnt(guest.sh("cat /proc/cmdline"), "iommu=pt", "the first boot has no word of ours")
    t.has(guest.sh("sriov-setup kargs status"), f"boot loader:  {loader}\n", "the boot loader is known")
    t.has(guest.sh("sriov-setup kargs apply"), f"by {loader}: iommu=pt", "kargs apply")
    t.has(guest.sh("cat /run/reboot-required.pkgs"), "sriov-setup", "the reboot is signalled")
    return before


def remove(t, guest, before):
    guest.sh("sriov-setup kargs remove")
    t.eq(files(guest), before, "kargs remove: every file is as before")
