"""An AMD IOMMU: no word that its driver does not know; iommu=pt arrives and has its effect."""
import vm

CONF = """\
kernel = { iommu = "on"; passthrough = true; };
pf = ( { match = { id = "8086:10c9"; }; vfs = 2; } );
"""


def scenario(t):
    # interrupt remapping does not work on it under software emulation
    with t.vm(devices=vm.igb("igb0", 1), files={"/etc/sriov.conf": CONF}, iommu="amd-iommu,intremap=off",
              run="systemctl enable sriov-setup") as guest:
        guest.start()
        t.ok("ivhd" in guest.sh("ls /sys/class/iommu"), "there is an AMD IOMMU")
        guest.sh("systemctl start sriov-setup-kargs")
        dropin = guest.sh("cat /etc/default/grub.d/zz-sriov-setup.cfg")
        t.has(dropin, "iommu=pt", "passthrough is asked for")
        t.hasnt(dropin, "amd_iommu", "amd_iommu=on does not exist and is not written")
        t.hasnt(dropin, "intel_iommu", "and Intel's word is not")
        guest.reboot()
        t.has(guest.sh("sriov-setup kargs status"), "active", "it arrived and has its effect")
        guest.sh("systemctl start sriov-setup-kargs")
        t.has(guest.sh("journalctl -b -u sriov-setup-kargs"), "generation 1 are in effect", "which is said once")
