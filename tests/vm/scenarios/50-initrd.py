"""An initrd made by dracut with 50sriov-setup: the VFs are bound before the root disk is mounted."""
import vm

CONF = 'pf = ( { match = { id = "8086:10c9"; }; vfs = 2; } );\n'


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1), files={"/etc/sriov.conf": CONF},
              run="systemctl enable sriov-setup") as guest:
        guest.start()
        guest.sh("dracut --force --no-compress --add sriov-setup --add-drivers 'virtio_blk virtio_pci ext4' "
                 "/boot/initrd.img-$(uname -r) $(uname -r)", 400)
        guest.reboot()
        t.eq(guest.sh("ls /sys/bus/pci/drivers/vfio-pci | grep -c :").strip(), "2", "the VFs are bound")
        order = guest.sh("journalctl -b -o cat --no-pager | grep -nE 'created 2 VFs|Switching root|Switch Root' "
                         "| head -n 2")
        t.has(order.split("\n")[0], "created 2 VFs", "before the root was switched")
        t.eq(guest.sh("systemctl show -P Result sriov-setup").strip(), "success", "the service then succeeds")
        t.hasnt(guest.sh("journalctl -b -u sriov-setup -o cat | sed -n '/Switch/,$p'"), "bound",
                "and has nothing to do")
