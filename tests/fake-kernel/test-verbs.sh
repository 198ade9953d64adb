#!/bin/sh
# What each command says, to the letter: verbs/NAME. UPDATE=yes writes them anew.
here=$(readlink -f "${srcdir:-.}/tests/fake-kernel")
builddir=$(readlink -f "${builddir:-.}")
if [ ! -x "$builddir/tests/fake-kernel/fake-kernel" ]; then
	echo "1..0 # SKIP built without libfuse3"
	exit 0
elif [ ! -w /dev/fuse ] || ! unshare --mount true 2>/dev/null; then
	echo "1..0 # SKIP mounting needs root and /dev/fuse"
	exit 0
elif ! cat /usr/share/misc/pci.ids /usr/share/hwdata/pci.ids 2>/dev/null | grep -q 82576; then
	echo "1..0 # SKIP no list of PCI names"
	exit 0
fi
if [ "${1:-}" = machine ]; then # nor is the testing machine to be seen: what is in /run/machine is
	shift
	for path in /proc/cmdline /proc/cpuinfo /proc/interrupts /proc/sys/kernel/osrelease /boot /etc; do
		[ ! -e $path ] || mount --bind "/run/machine$path" $path || exit
	done
	exec "$@"
elif [ "${1:-}" != inside ]; then
	script=$(readlink -f "$0")
	BUILD=$builddir exec "$here/with" igb "$script" inside
fi

export LC_ALL=C
n=0 bad=0 seen=
says() { # NAME ARGUMENT…: what it prints and its exit status; other versions of pci.ids have other names
	name=$1
	shift
	# other processes of this machine may have a /dev/vfio of another pretended one
	unshare --mount --pid --fork --mount-proc "$0" machine "$builddir/sriov-setup" --config=/run/sriov.conf "$@" >/run/output 2>&1
	echo "exit status $?" >>/run/output
	sed -i -e '/KVM is there/d' -e '/there is no \/dev\/kvm/,+1d' -e 's/82576 Gigabit Network Connection/8086:10c9/' -e "s|$image|/image|g" /run/output
	n=$((n + 1))
	seen="$seen $name"
	[ -z "${UPDATE:-}" ] || cp /run/output "$here/verbs/$name"
	if diff -u "$here/verbs/$name" /run/output >/run/diff; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' /run/diff
		bad=1
	fi
}
cat >/run/sriov.conf <<-EOF2
	kernel = { passthrough = true; };
	pf = (
	  { match = { driver = "ixgbe"; }; vfs = "max"; },
	  { match = { interface = "eno1"; }; vfs = 7; resource = "example.org/nic";
	    vf = ( { index = "5-6"; driver = "native"; } ); }
	);
	export = { node = "node-a"; };
EOF2
# the boot loader's and units' files are not to be those of the machine that tests
image=/run/image
mkdir -p $image/run $image/etc $image/usr/sbin
# shellcheck disable=SC2016 # it is the stand-in that expands
echo 'for x in /etc/default/grub.d/*.cfg; do . "$x"; done' >$image/usr/sbin/grub-mkconfig
cp /run/sriov.conf $image/run
sed -i '/kernel/d' /run/sriov.conf
printf 'pf = ( { match = { interface = "eno1"; }; %s } );\n' 'vfss = 7;' >/run/typo.conf
printf 'pf = ( { match = { interface = "eno1"; }; %s } );\n' 'vfs = 8; driver = "native";' >/run/many.conf
cat >/run/clash.conf <<-EOF2
	pf = ( { match = { interface = "eno1"; }; vfs = 7; vf = ( { index = "0"; advertise = "kubevirt"; } ); } );
	export = { device_plugin = true; };
EOF2
cat >/run/mistakes.conf <<-EOF2
	pf = ( { match = { interfaze = "eno1"; }; vfs = "all"; drivr = "vfio-pci"; mac = "52:54:00:00:00"; } );
	kernel = { iommu = "yes"; };
	exports = { };
EOF2
cat >/run/problems.conf <<-EOF2
	pf = (
	  { match = { interface = "eno1"; }; vfs = 8; },
	  { match = { interface = "eno2"; }; vfs = 8; required = true; }
	);
EOF2
: >/run/empty.conf
cat >/run/doctor.conf <<-EOF2
	kernel = { extra = [ "mitigations=auto" ]; };
	pf = ( { match = { driver = "igb"; }; vfs = 8; } );
EOF2

mkdir -p /run/machine/proc/sys/kernel /run/machine/etc /run/machine/boot
echo quiet >/run/machine/proc/cmdline
echo "vendor_id : GenuineIntel" >/run/machine/proc/cpuinfo
echo " 24: 0 IR-PCI-MSI 0-edge eth0" >/run/machine/proc/interrupts
echo 6.12-pretended >/run/machine/proc/sys/kernel/osrelease

says check check
says plan plan
says explain explain eno1
says apply apply --boot
says apply.again apply --boot
says plan.done plan
echo >/sys/bus/pci/devices/0000:01:11.0/driver_override
echo 0000:01:11.0 >/sys/bus/pci/drivers/vfio-pci/unbind
says status status
says status.json --json status
says status.dot --format=dot status
says export.config export config
says export export kubevirt
says claims claims
says release release 0000:01:10.0
says claim claim nothing.org/there --owner=vm-a
says detach detach 0000:01:10.0
says attach attach 0000:01:10.0 --qmp=/run/nobody
says typo expalin eno1
says typo.option --jason status
says explain.none explain eno9
says export.clash --config=/run/clash.conf export kubevirt
says plan.mistakes --config=/run/mistakes.conf plan
says plan.problems --config=/run/problems.conf plan
says plan.empty --config=/run/empty.conf plan
says status.empty --config=/run/empty.conf status
mkdir /run/machine/etc/driverctl.d /run/machine/etc/modprobe.d
echo "bus/pci/devices/0000:01:00.0/sriov_numvfs = 4" >/run/machine/etc/sysfs.conf
echo vfio-pci >/run/machine/etc/driverctl.d/pci-0000:05:00.0
echo options vfio-pci ids=8086:10ca >/run/machine/etc/modprobe.d/vfio.conf
says doctor --config=/run/doctor.conf doctor
rm -r /run/machine/etc/*
says kargs.plan --root=$image plan
says kargs --root=$image kargs apply
says kargs.status --root=$image kargs status
says kargs.print --root=$image kargs print
says reset --root=$image reset

tells() { # KIND ARGUMENT…: fails, and each error in the journal is of that kind, which the catalog explains
	kind=$1
	shift
	id=$(sed -n "s/^#define MESSAGE_$kind \"\(.*\)\"/\1/p" "$here/../../src/log.h")
	n=$((n + 1))
	"$here/journal" "$builddir/sriov-setup" "$@" >/run/output
	status=$?
	if [ $status -gt 0 ] && grep -q "^$id " /run/output && ! grep -qv "^$id " /run/output &&
		grep -qx -e "-- $id" "$here/../../conf/sriov-setup.catalog"; then
		echo "ok $n - in the journal, $kind: $(head -n 1 /run/output | cut -d ' ' -f 2-)"
	else
		echo "not ok $n - in the journal, $kind $id: $*"
		echo "# exit status $status"
		sed 's/^/# /' /run/output
		bad=1
	fi
}
rm -r $image/etc/default && touch $image/etc/default
mkdir -p /run/image2/etc/modprobe.d/sriov-setup.conf/full
echo 'kernel = { blacklist = [ "igbvf" ]; };' >/run/image2/etc/sriov.conf
for arguments in plna "--jsn status" "--config" "--json plan" "--root=/none plan" "explain nobody" "export foo" \
	"--root=$image claims" "claim x" "kargs aply" "--wait=soon apply"; do
	# shellcheck disable=SC2086 # several arguments
	tells USAGE $arguments
done
tells CONFIG --config=/run/typo.conf check
tells CONFIG --config=/run/none.conf apply --boot
tells PROBLEM --config=/run/many.conf apply --boot
tells EXPORT --config=/run/clash.conf export kubevirt
tells CLAIM --config=/run/sriov.conf claim nothing.org/there --owner=vm-a
tells CLAIM release 0000:01:10.0
tells CLAIM attach 0000:01:10.0 --qmp=/run/nobody
tells KARGS --root=$image --config=/run/sriov.conf kargs apply
tells FILES --root=/run/image2 apply

for verb in $("$builddir/sriov-setup" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
	case "$seen $verb" in
	*" $verb "*) ;;
	*)
		n=$((n + 1)) bad=1
		echo "not ok $n - $verb is shown"
		;;
	esac
done
echo "1..$n"
exit $bad
