"""A kernel that no boot loader started: what to add is said, nothing is written, nothing is repeated."""
import vm

CONF = 'kernel = { passthrough = true; };\npf = ( { match = { id = "8086:10c9"; }; vfs = 1; } );\n'
WORDS = "root=LABEL=root ro console=ttyS0 no_timer_check "


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1), files={"/etc/sriov.conf": CONF}, kernel=WORDS,
              run="sha256sum /boot/grub/grub.cfg > /var/grub.before\nsystemctl enable sriov-setup") as guest:
        guest.start()
        guest.sh("systemctl start sriov-setup-kargs")
        said = guest.sh("journalctl -b -o cat -u sriov-setup-kargs")
        t.has(said, "add this to the kernel command line by hand: iommu=pt", "it says what to add")
        t.eq(guest.status("sha256sum -c --quiet /var/grub.before; test ! -e /etc/default/grub.d/zz-sriov-setup.cfg"),
             (0, ""), "GRUB, which lies on the disk too, is left alone")
        guest.reboot()
        guest.sh("systemctl start sriov-setup-kargs")
        said = guest.sh("journalctl -b -o cat -u sriov-setup-kargs")
        t.has(said, "did not take our kernel arguments", "that they never came is said once")
        guest.reboot()
        guest.sh("systemctl start sriov-setup-kargs")
        said = guest.sh("journalctl -b -o cat -u sriov-setup-kargs")
        t.ok("by hand" not in said and "did not take" not in said, "and not again", said)
        guest.kill()
        guest.kernel = WORDS + "iommu=pt sriov_setup.gen=1"
        guest.start()
        t.has(guest.sh("sriov-setup kargs status"), "active", "with the words by hand all is well")
