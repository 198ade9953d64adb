"""kernel.trial: GRUB gives the words to one boot; one that comes up keeps them, one that does not loses them."""
import vm

CONF = """\
kernel = { passthrough = true; trial = true; };
pf = ( { match = { id = "8086:10c9"; }; vfs = 1; } );
"""


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1), files={"/etc/sriov.conf": CONF},
              run="sha256sum /boot/grub/grub.cfg > /var/grub.before\n"
                  "systemctl enable sriov-setup") as guest:
        guest.start()
        guest.sh("systemctl start sriov-setup-kargs")
        t.has(guest.sh("sriov-setup kargs status"), "armed for one boot", "the words are armed, not installed")
        guest.reboot()
        guest.sh("systemctl start sriov-setup-kargs")
        t.has(guest.sh("cat /proc/cmdline"), "iommu=pt sriov_setup.gen=1", "the trial boot has them")
        t.has(guest.sh("journalctl -b -u sriov-setup-kargs"), "the trial boot came up", "it came up, and says so")
        t.eq(guest.status("test -e /etc/grub.d/01_sriov-setup")[0], 1, "the trial's script is gone")
        guest.reboot()
        t.has(guest.sh("cat /proc/cmdline"), "iommu=pt", "the next boot has them for good")
        failed_trial(t, guest)
        guest.sh("sriov-setup kargs remove")
        t.eq(guest.status("sha256sum -c --quiet /var/grub.before"), (0, ""), "removal restores grub.cfg")


def failed_trial(t, guest):
    # A word that keeps the boot from coming up: systemd waits in its emergency shell, and somebody
    # turns the machine off and on.
    guest.sh("sed -i 's/trial = true;/trial = true; extra = [ \"systemd.unit=halt.target\" ];/' /etc/sriov.conf")
    guest.sh("systemctl restart sriov-setup-kargs")
    t.has(guest.sh("sriov-setup kargs status"), "armed for one boot", "other words are armed")
    guest.status("systemctl --no-block reboot")
    guest.wait_console("reboot: System halted", 120)
    guest.qmp("system_reset")
    guest.wait_boot()
    guest.sh("systemctl start sriov-setup-kargs")
    cmdline = guest.sh("cat /proc/cmdline")
    t.hasnt(cmdline, "halt.target", "after a boot that did not come up the words are gone")
    t.has(cmdline, "iommu=pt", "those of before are there")
    t.has(guest.sh("journalctl -b -u sriov-setup-kargs"), "did not come up", "the journal says so")
    guest.sh("systemctl restart sriov-setup-kargs")
    t.hasnt(guest.sh("sriov-setup kargs status"), "armed", "they are not tried again")
