"""Consumers: libvirt takes a network and a domain; a VF goes into a second-level VM, a DPDK guest, and comes back."""
import vm

CONF = """\
pf = ( { match = { address = "0000:01:00.0"; }; vfs = 4; driver = "vfio-pci"; link = "up"; mac = "stable";
         resource = "test/vm"; advertise = "claim";
         vf = ( { index = "2-3"; resource = "test/libvirt"; advertise = "libvirt"; } ); } );
export = { kubevirt = false; libvirt = true; };
"""
HUGE_CONF = CONF + 'kernel = { hugepages = ( { size = "2M"; count = 512; } ); };\n'
INNER_CONF = """\
device = ( { match = { id = "8086:10ca"; }; driver = "vfio-pci"; required = true; } );
export = { kubevirt = false; };
"""
# What the second-level VM does by itself; it says on the console how far it is.
INNER_INIT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run
for module in /modules/*igbvf.ko; do insmod $module; done
echo "INNER READY"
until name=$(ls /sys/class/net | grep -v -x lo); do sleep 1; done
device=$(readlink -f /sys/class/net/$name/device)
echo "INNER NIC $(basename $(readlink $device/driver)) $(cat /sys/class/net/$name/address)"
ip address add 10.9.0.2/24 dev $name; ip link set $name up
ping -c 20 -w 60 10.9.0.1 >/run/ping; cat /run/ping
grep -q "bytes from 10.9.0.1" /run/ping && echo "INNER PING works"
ip link set $name down
for module in /modules/*; do insmod $module 2>/dev/null; done
sriov-setup apply --boot; echo "INNER APPLY $?"
sriov-setup plan; echo "INNER PLAN $?"
echo "INNER DRIVER $(basename $(readlink $device/driver)) $(ls /dev/vfio)"
while [ -e $device ]; do sleep 1; done
echo "INNER GONE"
sleep 100000
"""
INNER = """\
set -e
mkdir /run/inner && cd /run/inner
mkdir -p bin modules proc sys dev run etc usr/sbin
cp /virt/usr/bin/busybox bin/
n=10
for file in $(modprobe -D igbvf; modprobe -D vfio_iommu_type1; modprobe -D vfio-pci); do
	case $file in
	*.ko.xz) /virt/usr/bin/busybox xzcat $file >modules/$n-$(basename $file .xz) ;;
	*.ko) cp $file modules/$n-$(basename $file) ;;
	esac
	n=$((n + 1))
done
cp /usr/sbin/sriov-setup usr/sbin/
for file in $(ldd /usr/sbin/sriov-setup | grep -o '/[^ ]*'); do cp -L --parents $file .; done
cp /etc/inner.conf etc/sriov.conf && cp /etc/inner.init init && chmod +x init
find . | /virt/usr/bin/cpio --quiet -o -H newc >/run/inner.cpio
"""
# The emulated CPU has AMD's virtualisation: with kvm_amd the second level is about as fast as the first.
QEMU = """\
setsid chroot /virt qemu-system-x86_64 -M q35,kernel-irqchip=split -accel kvm -accel tcg -cpu max -m 256 \\
	-nodefaults -display none -no-reboot -device intel-iommu,intremap=on,caching-mode=on \\
	-device pcie-root-port,id=hp0,chassis=1,slot=1 -device pcie-root-port,id=hp1,chassis=2,slot=2 \\
	-device e1000e,bus=hp0 -serial file:/run/inner.log -qmp unix:/run/inner.qmp,server=on,wait=off \\
	-kernel $(ls /boot/vmlinuz-*) -initrd /run/inner.cpio \\
	-append 'console=ttyS0 panic=-1 no_timer_check intel_iommu=on iommu=pt quiet' </dev/null >/run/inner.qemu 2>&1 &
"""
VF = "0000:01:10.0"


def wait_inner(t, guest, text, what, seconds=120):
    code = guest.status(f"for i in $(seq {seconds}); do grep '{text}' /run/inner.log && exit 0; sleep 1; done; exit 1",
                        seconds + 60)[0]
    return t.ok(code == 0, what, guest.status("cat /run/inner.qemu; tail -n 40 /run/inner.log; dmesg | tail -n 20")[1]
                if code else "")


# Only the emulator that is used is asked what it can, which is most of the time a define takes.
LIBVIRT = """\
set -e
modprobe kvm_amd || true
mount --bind /dev/null /virt/usr/bin/qemu-system-i386
cd /run
sed -n "/<network>/,/<.network>/p" sriov-setup/export/libvirt.xml >network.xml
sriov-setup --config=/etc/huge.conf export libvirt | sed -n "/<domain /,/<.domain>/p" >domain.xml
setsid chroot /virt libvirtd -d >/run/libvirtd.log 2>&1 </dev/null
"""
# All VFs; it opens their groups, which nobody else may have then.
ARGUMENTS = """\
printf 'info qtree\\nquit\\n' | timeout 60 chroot /virt qemu-system-x86_64 -M q35 -accel tcg -m 64 -nodefaults \\
	-display none -S -monitor stdio $(sriov-setup export qemu | grep -v '^#') 2>&1
"""


def scenario(t):
    with t.vm(devices=vm.igb("igb0", 1), virt=True, memory=1536,
              files={"/etc/sriov.conf": CONF, "/etc/huge.conf": HUGE_CONF,
                     "/etc/inner.conf": INNER_CONF, "/etc/inner.init": INNER_INIT}) as guest:
        guest.start()
        t.eq(guest.status("sriov-setup apply --boot")[0], 0, "the VFs are made")
        libvirt(t, guest)
        code, said = guest.status(ARGUMENTS)
        t.ok(code == 0 and said.count('dev: vfio-pci, id "vf-0000-01-1') == 4,
             "QEMU takes the arguments of export qemu", said)
        guest.sh(INNER)
        guest.sh(QEMU)
        into_the_vm(t, guest)
        out_of_the_vm(t, guest)


def libvirt(t, guest):
    virsh = "timeout 100 chroot /virt virsh -q -c qemu:///system"
    guest.sh(LIBVIRT)
    guest.sh(f"for i in $(seq 60); do {virsh} list >/dev/null 2>&1 && exit 0; sleep 1; done; cat /run/libvirtd.log; exit 1", 200)
    code, said = guest.status(f"{virsh} net-define --validate /run/network.xml && {virsh} net-start libvirt", 150)
    t.ok(code == 0, "virsh net-define and net-start take the network", said)
    t.has(guest.status(f"{virsh} net-dumpxml libvirt", 120)[1], "bus='0x01' slot='0x10' function='0x4'",
          "and it has its VFs")
    code, said = guest.status(f"{virsh} define --validate /run/domain.xml", 150)
    t.ok(code == 0, "virsh define takes the DPDK worker's domain", said)
    said = guest.status(f"{virsh} dumpxml dpdk-worker", 120)[1]
    t.has(said, "<iommu model='intel'>", "with its vIOMMU")
    t.has(said, "<page size='2048' unit='KiB'/>", "and the hugepages of the config")
    t.hasnt(said, "pcie-to-pci-bridge", "its VF gets a port of its own")
    guest.status("pkill -x libvirtd; umount /virt/usr/bin/qemu-system-i386")


def into_the_vm(t, guest):
    t.eq(guest.status("sriov-setup claim test/libvirt --owner=inner")[0], 1, "what libvirt has is not claimed")
    t.eq(guest.status("sriov-setup claim test/vm --owner=inner"), (0, VF + "\n"), "claim")
    guest.sh("ip address add 10.9.0.1/24 dev $(ls /sys/bus/pci/devices/0000:01:00.0/net)")
    if not wait_inner(t, guest, "INNER READY", "the second-level VM boots", 200):
        return
    code, said = guest.status(f"sriov-setup attach {VF} --qmp=/run/inner.qmp --wait=100", 150)
    t.eq((code, said), (0, f"sriov-setup: {VF}: attached as vf-0000-01-10-0, and the guest uses it\n"), "attach")
    t.has(guest.sh("sriov-setup claims"), f"{VF}  test/vm  attached  inner  /run/inner.qmp  (in use)", "claims says so")
    t.eq(guest.status("sriov-setup release --owner=inner")[0], 1, "it is not released while the VM has it")
    t.eq(guest.status("sriov-setup plan"), (0, "nothing to do\n"), "nor is it in the way of a plan")
    wait_inner(t, guest, "INNER NIC igbvf 62:00:00:01:00:00", "its kernel sees the NIC, with the address of the config")
    wait_inner(t, guest, "INNER PING works", "and exchanges packets with the PF")
    wait_inner(t, guest, "INNER APPLY 0", "there as in a DPDK guest, the program applies a device rule")
    wait_inner(t, guest, "INNER PLAN 0", "has nothing left to do")
    wait_inner(t, guest, "INNER DRIVER vfio-pci [0-9]", "and the VF is on vfio-pci behind the vIOMMU")


def out_of_the_vm(t, guest):
    code, said = guest.status(f"sriov-setup detach {VF} --wait=100", 150)
    t.eq((code, said), (0, f"sriov-setup: {VF}: detached and released\n"), "detach")
    wait_inner(t, guest, "INNER GONE", "the guest has let go of it", 30)
    t.has(guest.sh("sriov-setup claims"), "no VF is claimed", "it is claimed by nobody")
    t.eq(guest.status("sriov-setup claim test/vm --owner=next"), (0, VF + "\n"), "and is there for the next")
    t.eq(guest.sh(f"basename $(readlink /sys/bus/pci/devices/{VF}/driver)").strip(), "vfio-pci", "on its driver still")
    t.eq(guest.status("kill $(pgrep -f inner.qmp); sleep 2; sriov-setup plan"), (0, "nothing to do\n"),
         "when the VM has ended there is nothing to do")
