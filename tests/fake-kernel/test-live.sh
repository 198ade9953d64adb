#!/bin/sh
# The program itself, as it is installed, with a pretended machine for the running one.
here=$(readlink -f "${srcdir:-.}/tests/fake-kernel")
builddir=$(readlink -f "${builddir:-.}")
if [ ! -x "$builddir/tests/fake-kernel/fake-kernel" ]; then
	echo "1..0 # SKIP built without libfuse3"
	exit 0
elif [ ! -w /dev/fuse ] || ! unshare --mount true 2>/dev/null; then
	echo "1..0 # SKIP mounting needs root and /dev/fuse"
	exit 0
fi
if [ "${1:-}" != inside ]; then
	script=$(readlink -f "$0")
	BUILD=$builddir exec "$here/with" igb "$script" inside
fi

n=0 bad=0
check() { # NAME STATUS COMMAND…
	name=$1 status=$2
	shift 2
	n=$((n + 1))
	[ ! -e /run/output ] || mv /run/output /run/output.before
	"$@" >"/run/output" 2>&1
	result=$?
	if [ $result -eq "$status" ]; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		echo "# exit status $result, want $status"
		sed 's/^/# /' /run/output
		bad=1
	fi
}
# shellcheck disable=SC2317 # called by check
setup() { "$builddir/sriov-setup" --config=/run/igb.conf "$@"; }
# shellcheck disable=SC2317 # called by check
writes() { test "$(grep -c '^ok ' "$FAKE_KERNEL/audit")" -eq "$1"; }

# root takes no config of others, as this tree may be
cp "$here/machines/igb.conf" /run/igb.conf && chown 0:0 /run/igb.conf && chmod 644 /run/igb.conf
check "plan: something to do" 2 setup plan
check "plan writes nothing" 0 test ! -s "$FAKE_KERNEL/audit"
check "apply" 0 setup apply --boot
check "seven VFs are on vfio-pci" 0 test "$(find /sys/bus/pci/drivers/vfio-pci/ -name '0000:*' | wc -l)" -eq 7
check "with 17 writes" 0 writes 17
check "plan: nothing to do" 0 setup plan
check "apply again" 0 setup apply --boot
check "without a write" 0 writes 17
check "status" 0 setup status
check "the snippet names the VFs" 0 grep -q 8086:10ca /run/sriov-setup/export/kubevirt.yaml
check "status --json names a VF" 0 sh -c "'$builddir/sriov-setup' --config=/run/igb.conf --json status |
	grep -q '\"address\": \"0000:01:11.4\"'"
check "a format that the config does not ask for" 0 sh -c \
	"'$builddir/sriov-setup' --config=/run/igb.conf export device-plugin | grep -q '0000:01:00.0#0-6'"
cat >/run/clash.conf <<-EOF
	pf = ( { match = { interface = "eno1"; }; vfs = 7;
		vf = ( { index = "0"; advertise = "kubevirt"; } ); } );
	export = { device_plugin = true; cdi = true; };
EOF
sed 's/advertise = "kubevirt";//' /run/clash.conf >/run/no-clash.conf
check "before they clash there is a file" 0 "$builddir/sriov-setup" --config=/run/no-clash.conf apply --boot
check "of the device plugin's" 0 test -e /run/sriov-setup/export/device-plugin.json
check "two that would hand out one VF fail the run" 1 "$builddir/sriov-setup" --config=/run/clash.conf apply --boot
check "naming both rules" 0 grep -q "by kubevirt (/run/clash.conf:2) and by device-plugin (/run/clash.conf:1)" \
	/run/output.before
check "their file is not there" 1 test -e /run/sriov-setup/export/device-plugin.json
check "others' are" 0 grep -q 0000-01-11-4 /run/cdi/sriov-setup.json
check "a file that is not asked for any more goes" 0 setup apply --boot
check "from /run/cdi too" 1 test -e /run/cdi/sriov-setup.json
# shellcheck disable=SC2317 # called by check
draw() { setup --format=dot status >/run/dot && if command -v dot >/dev/null; then dot -Tsvg /run/dot >/run/svg; fi; }
check "status --format=dot can be drawn" 0 draw
# progress: on a terminal, and for systemd; not among the lines of a log
again() { echo 0 >/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs; }
# shellcheck disable=SC2317 # called by check
terminal() {
	script -qec "'$builddir/sriov-setup' --config='$here/machines/igb.conf' apply --boot" /run/terminal </dev/null &&
		grep -q 'of [0-9]*: create 7 VFs on 0000:01:00.0' /run/terminal && grep -q 'done, 1[0-9] changes made' /run/terminal
}
# shellcheck disable=SC2317 # called by check
told() {
	python3 - "$builddir/sriov-setup" --config="$here/machines/igb.conf" apply --boot <<-'EOF'
		import os, socket, subprocess, sys
		os.environ["NOTIFY_SOCKET"] = "/run/notify"
		listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		listener.bind("/run/notify")
		run = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE)
		said = []
		listener.settimeout(30)
		while not said or "changes made" not in said[-1]:
		    said.append(listener.recv(4096).decode())
		run.wait()
		sys.exit(run.returncode or not any("STATUS=" in s and "create 7 VFs" in s for s in said)
		         or b" of " in run.stderr.read())
	EOF
}
again
check "a terminal shows what is being done" 0 terminal
again
check "systemd is told, and the log is not" 0 told
# a run that hangs in the kernel: VFs go away and their count is written, which never ends
again
echo 'fault *sriov_numvfs* hang' >/sys/fake-kernel
setup apply --boot >/dev/null 2>&1 &
# shellcheck disable=SC2317 # called by check
hangs() { for _ in $(seq 100); do grep -q '^hangs.*sriov_numvfs 7' "$FAKE_KERNEL/audit" && return; sleep 0.1; done; false; }
check "a PF is stuck" 0 hangs
check "status does not wait for it" 0 timeout 4 "$builddir/sriov-setup" --config="$here/machines/igb.conf" status
check "and shows it" 0 grep -q "0000:01:00.0 .*7 VFs wanted" /run/output.before
check "nor does status --json" 0 timeout 4 "$builddir/sriov-setup" --config="$here/machines/igb.conf" --json status
echo release >/sys/fake-kernel
wait
# a node of Harvester, whose controller binds what is claimed there
cp -a /etc /run/etc && : >/run/etc/harvester-release.yaml && mount --bind /run/etc /etc
cat >/run/harvester.conf <<-EOF
	pf = ( { match = { interface = "eno1"; }; vfs = 7; vf = ( { index = "6"; driver = "vfio-pci"; } ); } );
	export = { harvester = true; };
EOF
# shellcheck disable=SC2317 # called by check
harvester() { "$builddir/sriov-setup" --config=/run/harvester.conf "$@"; }
# shellcheck disable=SC2317 # called by check
bound() { test "$(find "/sys/bus/pci/drivers/$1/" -name '0000:*' | wc -l)" -eq "$2"; }
echo clear >/sys/fake-kernel
again
check "on Harvester: apply" 0 harvester apply --boot
check "binds the VF whose rule names a driver" 0 bound vfio-pci 1
check "and leaves the others to the kernel" 0 bound igbvf 6
echo 0000:01:10.0 >/sys/bus/pci/drivers/igbvf/unbind
echo vfio-pci >/sys/bus/pci/devices/0000:01:10.0/driver_override
echo 0000:01:10.0 >/sys/bus/pci/drivers/vfio-pci/bind
echo 0000:01:10.2 >/sys/bus/pci/drivers/igbvf/unbind
check "what its controller has bound is no work for us" 0 harvester plan
check "which is said" 0 grep -q "0000:01:00.0: its VFs are left to Harvester's controller" /run/output.before
check "nor for apply" 0 harvester apply
check "it is bound still" 0 bound vfio-pci 2
check "nor is what it has unbound" 0 bound igbvf 4
check "explain" 0 harvester explain eno1
check "says it too" 0 grep -q "its VFs are left to Harvester's controller" /run/output.before
check "only what we bind is offered" 0 sh -c \
	"'$builddir/sriov-setup' --config=/run/harvester.conf --json status | grep -c '\"resource\": \"' | grep -qx 1"
umount /etc
check "elsewhere a rule that names no driver means vfio-pci" 2 harvester plan
cp /run/igb.conf /run/other.conf
for way in "chmod 646" "chmod 664" "chown 1000:0"; do
	chown 0:1000 /run/other.conf && chmod 644 /run/other.conf && $way /run/other.conf
	check "$way: root refuses a config that others may change" 1 "$builddir/sriov-setup" --config=/run/other.conf check
	check "and says so" 0 grep -q "^sriov-setup: /run/other.conf: others than root may change it" /run/output.before
done
echo "1..$n"
exit $bad
