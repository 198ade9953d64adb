"""A broken config: the boot goes on, the unit says file and line, nothing is written."""
import vm

CONF = """\
kernel = { passthrough = true; };
pf = ( { match = { id = "8086:10c9"; };
         vfss = 7; } );
"""


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1), files={"/etc/sriov.conf": CONF},
              run="systemctl enable sriov-setup") as guest:
        guest.start()
        guest.status("systemctl start sriov-setup-kargs")
        t.eq(guest.sh("systemctl is-active multi-user.target").strip(), "active", "the boot reaches multi-user")
        t.eq(guest.sh("systemctl show -P Result sriov-setup").strip(), "exit-code", "the unit fails")
        journal = guest.sh("journalctl -b -u sriov-setup -o verbose")
        t.has(journal, "/etc/sriov.conf:3: unknown key 'vfss'", "the journal says file, line and what")
        t.has(journal, "CONFIG_LINE=3", "also as a field")
        t.eq(guest.sh("ls -d /sys/bus/pci/devices/*/virtfn* 2>/dev/null | wc -l").strip(), "0", "no VF is made")
        t.eq(guest.sh("ls /etc/default/grub.d /var/lib/sriov-setup 2>/dev/null | grep -c sriov-setup.cfg || true").strip(),
             "0", "no kernel argument is written")
        t.eq(guest.status("sriov-setup check")[0], 1, "check fails")
        guest.sh("sed -i s/vfss/vfs/ /etc/sriov.conf")
        t.has(guest.sh("sriov-setup check"), "/etc/sriov.conf: ok", "after the repair check succeeds")
        guest.sh("systemctl restart sriov-setup")
        t.eq(guest.sh("ls /sys/bus/pci/drivers/vfio-pci | grep -c :").strip(), "7", "and the service works")
