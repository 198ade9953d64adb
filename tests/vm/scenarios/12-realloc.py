"""VF BARs without an address: the failing write is explained, pci=realloc is added, the next boot works."""
import vm

CONF = 'kernel = { iommu = "auto"; };\npf = ( { match = { id = "1b36:0010"; }; vfs = 4; } );\n'
PF = "/sys/bus/pci/devices/0000:01:00.0"


def scenario(t):
    # Debian's kernel assigns them by itself; this word makes it like Fedora's, which does not
    with t.vm(devices=vm.nvme("nvme0", 1), files={"/etc/sriov.conf": CONF},
              run="sed -i 's/^GRUB_CMDLINE_LINUX=\"/&pci=realloc=off /' /etc/default/grub\n"
                  "update-grub 2>/dev/null\nsystemctl enable sriov-setup") as guest:
        guest.start()
        t.eq(guest.sh("systemctl show -P Result sriov-setup").strip(), "exit-code", "the service fails")
        journal = guest.sh("journalctl -b -o cat -u sriov-setup")
        t.has(journal, "cannot create 4 VFs on 0000:01:00.0", "it says which write failed")
        t.has(journal, "memory window", "and why")
        t.has(journal, "/etc/sriov.conf:2", "and which line asked for it")
        guest.status("systemctl start sriov-setup-kargs")
        t.has(guest.sh("journalctl -b -o cat -u sriov-setup-kargs"), "has pci=realloc=off, which contradicts pci=realloc",
              "the administrator's word is not overruled silently")
        guest.sh("sed -i 's/iommu = \"auto\"/pci_realloc = \"on\"/' /etc/sriov.conf")
        guest.sh("systemctl restart sriov-setup-kargs")
        guest.reboot()
        t.has(guest.sh("cat /proc/cmdline"), "pci=realloc sriov_setup.gen=", "where the config says so it is added")
        t.eq(guest.sh(f"ls -d {PF}/virtfn*/driver/module/drivers/pci:vfio-pci | wc -l").strip(), "4",
             "the next boot has its VFs")
