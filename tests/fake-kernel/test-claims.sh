#!/bin/sh
# Claims, VFs into and out of a pretended QEMU, and the report for programs: the program itself, on a pretended machine.
here=$(readlink -f "${srcdir:-.}/tests/fake-kernel")
builddir=$(readlink -f "${builddir:-.}")
if [ ! -x "$builddir/tests/fake-kernel/fake-kernel" ]; then
	echo "1..0 # SKIP built without libfuse3"
	exit 0
elif [ ! -w /dev/fuse ] || ! unshare --mount true 2>/dev/null; then
	echo "1..0 # SKIP mounting needs root and /dev/fuse"
	exit 0
elif ! command -v python3 >/dev/null; then
	echo "1..0 # SKIP no python3"
	exit 0
fi
if [ "${1:-}" != inside ] || [ ! -e "${FAKE_KERNEL:-}/audit" ]; then
	script=$(readlink -f "$0") machine=$(mktemp)
	trap 'rm -f "$machine"' EXIT
	cat >"$machine" <<-EOF
		driver igb ids=8086:10c9 sriov netdevs
		driver vfio-pci
		driver nvme ids=144d:a824 sriov
		function 0000:01:00.0 id=8086:10c9 vfs=64 vf_id=10ca offset=128 stride=2 net=eno1 numa=1
		function 0000:03:00.0 id=8086:10c9 vfs=2 vf_id=10ca offset=16 stride=2 net=eno2 shares_group
		function 0000:05:00.0 id=8086:10c9 vfs=2 vf_id=10ca offset=16 stride=2 net=eno3
		function 0000:06:00.0 id=8086:10c9 vfs=2 vf_id=10ca offset=16 stride=2 net=eno6 master=bond0
		function 0000:07:00.0 id=8086:10c9 vfs=2 vf_id=10ca offset=16 stride=2 net=eno7 master=mgmt-br
		function 0000:08:00.0 id=8086:10c9 vfs=2 vf_id=10ca offset=16 stride=2 net=eno8 upper=eno8.100
		function 0000:09:00.0 id=144d:a824 class=010802 vfs=2 vf_id=a824 disk=nvme0n1
	EOF
	BUILD=$builddir "$here/with" "$machine" "$script" inside
	exit
fi

n=0 bad=0
out=/run/output
# check NAME STATUS PART COMMAND…: exit status, and a part of what it says
check() {
	name=$1 status=$2 part=$3
	shift 3
	timeout 60 "$@" >$out 2>&1
	got=$?
	n=$((n + 1))
	if [ $got -eq "$status" ] && { [ -z "$part" ] || grep -qF -e "$part" $out; }; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		echo "# exit status $got, wanted $status with: $part"
		sed 's/^/# /' $out | cut -c 1-300 | tail -n 30
		bad=1
	fi
}
setup() { "$builddir/sriov-setup" --config=/run/test.conf "$@"; }
# mine NAME STATUS PART ARGUMENT…: of the program
mine() {
	name=$1 status=$2 part=$3
	shift 3
	check "$name" "$status" "$part" "$builddir/sriov-setup" --config=/run/test.conf "$@"
}
# somebody opens the group of a VF, as a VM does; a shell would open it twice
hold() {
	rm -f /run/held
	python3 -c "import os, time; os.open('/dev/vfio/$(basename "$(readlink "/sys/bus/pci/devices/$1/iommu_group")")', 2)
open('/run/held', 'w').close()
time.sleep(600)" &
	holder=$!
	timeout 60 sh -c 'until [ -e /run/held ]; do sleep 0.1; done'
}
end() { kill "$1" && wait "$1" 2>/dev/null; }
ledger=/run/sriov-setup/claims/ledger.json
vf=0000:01:10.0

# the groups that the fake kernel hands out one by one, at their place
mkdir /run/dev
mount --rbind /dev /run/dev && mount -t tmpfs -o mode=0755 dev /dev || exit 1
ln -s /run/dev/* /dev/
rm -f /dev/vfio
mkdir /dev/vfio
cat >/run/test.conf <<-EOF
	pf = ( { match = { interface = "eno1"; }; vfs = "max"; resource = "test/nic"; advertise = "claim"; },
	       { match = { interface = "eno2"; }; vfs = "max"; resource = "test/pair"; advertise = "claim"; },
	       { match = { interface = "eno3"; }; vfs = "max"; resource = "test/other"; advertise = "libvirt"; } );
	export = { kubevirt = false; };
EOF
setup apply --boot >/run/applied 2>&1
mount --bind /sys/fake-vfio /dev/vfio
check "each group has a node" 0 67 sh -c "find /dev/vfio -type f | wc -l"

# of a device in status --json: ADDRESS EXPRESSION, which is true; d is the device
reports() {
	check "report: $1 has $2" 0 True python3 -c "import json
d = [d for d in json.load(open('/run/report'))['devices'] if d['address'] == '$1'][0]
print($2)"
}

# what Harvester's network-device object holds, and why one has none
the_report() {
	echo "/dev/nvme0n1 partition 1 0 -2" >/run/swaps && mount --bind /run/swaps /proc/swaps
	hold 0000:01:10.6
	setup --json status >/run/report
	end $holder
	umount /proc/swaps
	reports 0000:01:00.0 "d['offered'] and d['reasons'] == [] and d['num_vfs'] == 64 and d['total_vfs'] == 64"
	reports 0000:01:00.0 "[v['address'] for v in d['vfs']][:3] == ['0000:01:10.0', '0000:01:10.2', '0000:01:10.4']"
	reports 0000:01:00.0 "all(v['iommu_group'] is not None and v['numa_node'] == 1 for v in d['vfs'])"
	reports 0000:01:00.0 "'python3' in d['vfs'][3]['in_use'] and d['vfs'][2]['in_use'] is None"
	reports 0000:06:00.0 "not d['offered'] and 'eno6 belongs to bond0' in d['reasons']"
	reports 0000:07:00.0 "'eno7 belongs to mgmt-br' in d['reasons'] and d['interfaces'][0]['master'] == 'mgmt-br'"
	reports 0000:08:00.0 "'eno8 carries eno8.100' in d['reasons'] and d['interfaces'][0]['uppers'] == ['eno8.100']"
	reports 0000:09:00.0 "not d['offered'] and 'nvme0n1' in d['in_use'] and d['in_use'] in d['reasons']"
	reports 0000:09:00.0 "d['numa_node'] is None and 'no rule is for it' in d['reasons'] and d['interfaces'] == []"
}

one_after_the_other() {
	mine "no owner" 1 "--owner=NAME is missing" claim test/nic
	mine "an owner of two lines" 1 "printable" claim test/nic --owner="$(printf 'a\nb')"
	mine "nothing of that name" 1 "no VF here is offered as x" claim x --owner=a
	mine "what others hand out" 1 "2 advertised to others" claim test/other --owner=a
	mine "a claim" 0 0000:01:10.0 claim test/nic --owner=a
	mine "as JSON" 0 '"address": "0000:01:10.2"' claim test/nic --owner=b --json
	mine "several" 0 0000:01:11.0 claim test/nic --owner=a --count=3
	mine "more than there are" 1 "test/nic: 64 wanted, 59 free, 5 claimed" claim test/nic --owner=c --count=64
	check "claims nothing" 1 "" grep -q '"c"' $ledger
	mine "one of a group" 0 0000:03:02.0 claim test/pair --owner=a
	mine "another owner does not get its neighbour" 1 "1 in one IOMMU group with a claimed one" \
		claim test/pair --owner=b
	mine "the same owner does" 0 0000:03:02.2 claim test/pair --owner=a
	mine "the list" 0 "0000:01:10.2  test/nic  claimed  b" claims
	mine "the list as JSON" 0 '"dead": false' claims --json
	mine "release by another" 1 "0000:01:10.2 is not claimed by a" release 0000:01:10.2 --owner=a
	mine "release" 0 "released 0000:01:10.2 of b" release 0000:01:10.2 --owner=b
	mine "release again" 1 "is not claimed" release 0000:01:10.2
	mine "release of an owner" 0 "released 0000:01:11.0 of a" release --owner=a
	mine "release of an owner again" 0 "" release --owner=a
	mine "release of nothing in particular" 1 "expected ADDRESS" release
	check "nothing is left" 0 "[]" cat $ledger
}

the_kernel_knows_better() {
	hold 0000:01:10.0
	mine "a VF in use is not handed out" 0 0000:01:10.2 claim test/nic --owner=a
	mine "it is counted" 1 "62 free, 1 in use, 1 claimed" claim test/nic --owner=b --count=64
	mkdir /run/var && mount --bind /run/var /var && mkdir -p /var/lib/cni/sriov/pci
	: >/var/lib/cni/sriov/pci/0000:01:10.4
	mine "one of sriov-cni is not handed out" 0 0000:01:10.6 claim test/nic --owner=c
	umount /var
	end $holder
	hold 0000:01:10.2
	mine "in use, it is not given back" 1 "stays claimed by a, a VM has it" release --owner=a
	mine "the list says so" 0 "claimed  a  (in use)" claims
	end $holder
	mine "free again, it is" 0 "released 0000:01:10.2" release --owner=a
}

owners_end() {
	sleep 600 &
	owner=$!
	mine "a claim of a process" 0 0000:01:10.0 claim test/nic --owner=p --pid=$owner
	mine "while it lives nothing is dead" 0 "" release --dead
	mine "and its claim stays" 0 "claimed  p" claims
	end $owner
	mine "its end shows" 0 "claimed  p  (dead)" claims
	mine "the dead give back" 0 "released 0000:01:10.0 of p" release --dead
	mine "the living keep theirs" 0 "claimed  c" claims
	mine "no such process" 1 "there is no such process" claim test/nic --owner=p --pid=$owner
	mine "a claim of another PF's VF" 0 0000:03:02.0 claim test/pair --owner=g
	echo "remove 0000:03:00.0" >/sys/fake-kernel
	mine "that is gone shows" 0 "claimed  g  (gone)" claims
	mine "release --dead forgets it" 0 "released 0000:03:02.0 of g" release --dead
	cp $ledger /run/ledger
	echo '[{}' >$ledger
	mine "a damaged ledger hands out nothing" 1 "was changed by others" claim test/nic --owner=a
	cp /run/ledger $ledger
}

# nobody NAME STATUS PART COMMAND…: by a user without rights
nobody() {
	name=$1 status=$2 part=$3
	shift 3
	check "$name" "$status" "$part" setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

without_rights() {
	# the folder of the build may be root's alone
	cp "$builddir/sriov-setup" /run/program
	program="/run/program --config=/run/test.conf"
	setup claim test/nic --owner=root >/run/given
	for verb in "claim test/nic --owner=n" "release --owner=root" claims "detach $vf" "attach $vf --qmp=/run/qmp"; do
		# shellcheck disable=SC2086 # words
		nobody "without rights: ${verb%% *}" 1 "run it as root" $program $verb
	done
	nobody "the ledger may be read, for status" 0 '"owner":' cat $ledger
	nobody "the lock cannot be taken" 66 "Permission denied" flock --nonblock /run/sriov-setup/claims/lock true
	nobody "nor the ledger be written" 1 "" test -w $ledger
	nobody "nor another be put there" 1 "Permission denied" ln -s /run/given /run/sriov-setup/claims/other
	nobody "nor the folder be changed for one of his own" 1 "" mv /run/sriov-setup /run/mine
	nobody "nor be made before us" 1 "" mkdir /run/sriov-setup.early
	setpriv --reuid=65534 --regid=65534 --clear-groups flock /run/sriov-setup/claims sleep 60 &
	locker=$!
	sleep 1
	check "who locks the folder bars nobody" 0 "released" timeout 20 "$builddir/sriov-setup" release --owner=root
	end $locker
}

odd_ledgers() {
	cp $ledger /run/ledger
	rm $ledger && mkfifo $ledger
	mine "a FIFO for a ledger" 1 "cannot use the ledger" claim test/nic --owner=a
	rm $ledger && truncate -s 4M $ledger
	mine "a huge one" 1 "File too large" claim test/nic --owner=a
	rm $ledger && ln -s /run/test.conf $ledger
	mine "a link to somewhere else" 1 "was changed by others" claim test/nic --owner=a
	check "which is left alone" 0 "resource" cat /run/test.conf
	rm $ledger && mkdir $ledger
	mine "a folder" 1 "Is a directory" claim test/nic --owner=a
	rmdir $ledger && cp /run/ledger $ledger
	mine "the right one again" 0 "" claims
}

# every third of them is killed at some moment
two_hundred_at_once() {
	mkdir /run/out
	i=0
	while [ $i -lt 200 ]; do
		limit=60
		[ $((i % 3)) != 0 ] || limit=$((i / 40)).$((i % 10))
		timeout -s KILL "$limit" "$builddir/sriov-setup" --config=/run/test.conf claim test/nic --owner="o$i" \
			>"/run/out/o$i" 2>>/run/errors &
		i=$((i + 1))
	done 2>/dev/null
	wait
	cat /run/out/* | sort >/run/handed
	setup claims >/run/list
	cut -d ' ' -f 1 /run/list | sort >/run/claimed
	check "200 at once, some killed: some got one" 0 "" test -s /run/handed
	check "none is handed out twice" 1 "" sh -c "uniq -d /run/handed | grep ."
	check "nor claimed twice" 1 "" sh -c "uniq -d /run/claimed | grep ."
	check "all that there are are claimed" 0 64 sh -c "wc -l </run/claimed"
	check "what was handed out is in the ledger with its owner" 0 "" sh -c "cd /run/out && grep . * |
		while IFS=: read -r owner address; do grep -q \"^\$address .* \$owner\\\$\" /run/list || exit 1; done"
	sed 's/.*claimed  //; s/ .*//' /run/list | sort -u >/run/owners
	while read -r owner; do setup release --owner="$owner"; done </run/owners >/run/released 2>&1
	check "all are given back" 0 "[]" cat $ledger
}

# worker NUMBER: a folder for each VF that it believes to have
worker() {
	round=0
	while [ $round -lt 6 ]; do
		limit=60
		[ $(((round + $1) % 3)) != 0 ] || limit=0.$1
		address=$(timeout -s KILL "$limit" "$builddir/sriov-setup" --config=/run/test.conf \
			claim test/nic --owner="w$1" --count=7)
		for vf in $address; do mkdir "/run/believed/$vf" || echo "$vf" >>/run/twice; done
		for vf in $address; do rmdir "/run/believed/$vf"; done
		timeout -s KILL "$limit" "$builddir/sriov-setup" release --owner="w$1"
		round=$((round + 1))
	done
	setup claims | grep -c "  w$1\$" >"/run/count$1"
	setup release --owner="w$1"
}

again_and_again() {
	mkdir /run/believed
	for i in 0 1 2 3 4 5 6 7 8 9; do
		worker $i 2>>/run/errors &
	done
	wait
	check "claims and releases in turn: no VF has two owners" 1 "" test -e /run/twice
	check "whoever is killed leaves all that he claimed or nothing" 1 "" grep -qvx -e 0 -e 7 -e 14 -e 21 \
		/run/count0 /run/count1 /run/count2 /run/count3 /run/count4 /run/count5 /run/count6
	check "at the end nothing is claimed" 0 "[]" cat $ledger
}

qemu() { # BEHAVIOUR
	[ -z "${qemu:-}" ] || end "$qemu"
	rm -f /run/qmp
	python3 "$here/qemu" /run/qmp "$1" &
	qemu=$!
	i=0
	while [ ! -S /run/qmp ] && [ $i -lt 100 ]; do sleep 0.1 && i=$((i + 1)); done
}

into_a_vm() {
	setup claim test/nic --owner=vm --count=2 >/run/given
	mine "attach without a socket" 1 "--qmp=SOCKET is missing" attach $vf
	mine "attach of what is not claimed" 1 "nobody has claimed it" attach 0000:01:11.0 --qmp=/run/qmp
	mine "attach without a QEMU" 1 "QEMU at /run/qmp: No such file or directory" attach $vf --qmp=/run/qmp
	qemu good
	mine "detach of what is not attached" 1 "it was not attached" detach $vf
	mine "attach" 0 "attached as vf-0000-01-10-0, and the guest uses it" attach $vf --qmp=/run/qmp
	mine "the list" 0 "$vf  test/nic  attached  vm  /run/qmp  (in use)" claims
	mine "with QEMU's process" 0 "\"qemu_pid\": $qemu" claims --json
	mine "attach again" 1 "a VM has it already" attach $vf --qmp=/run/qmp
	mine "no port is left for another" 1 "no free pcie-root-port" attach 0000:01:10.2 --qmp=/run/qmp
	mine "attached, it is not released" 1 "a VM has it" release $vf
	mine "detach" 0 "detached and released" detach $vf
	mine "detach again" 1 "nobody has claimed it" detach $vf
	mine "it can be claimed" 0 $vf claim test/nic --owner=vm
}

odd_guests() {
	qemu asleep
	mine "a guest without a driver" 3 "no driver in the guest took it in 1 s" attach $vf --qmp=/run/qmp --wait=1
	kill -KILL $qemu && wait $qemu 2>/dev/null
	qemu=
	mine "a QEMU that died, and no process is the owner's" 0 "attached  vm  /run/qmp  (dead)" claims
	mine "has given back what it had" 0 "detached and released" detach $vf
	setup claim test/nic --owner=vm >/run/given
	qemu busy
	setup attach $vf --qmp=/run/qmp 2>/run/attached
	mine "a guest that looks at the second request" 0 "detached and released" detach $vf --wait=20
	setup claim test/nic --owner=vm >/run/given
	qemu stuck
	setup attach $vf --qmp=/run/qmp 2>/run/attached
	mine "a guest that does not let go" 1 "has not let go of it" detach $vf --wait=2
	mine "keeps it" 0 "detaching  vm  /run/qmp  (in use)" claims
	qemu full
	mine "the end of its QEMU frees it for the next" 1 "no free pcie-root-port" attach $vf --qmp=/run/qmp
	mine "which leaves it claimed" 0 "$vf  test/nic  claimed  vm" claims
}

peer() { # BEHAVIOUR PART
	qemu "$1"
	mine "a peer: $1" 1 "$2" attach $vf --qmp=/run/qmp --wait=2
	cp $out /run/said
	mine "the VF stays claimed" 0 "$vf  test/nic  claimed  vm" claims
}

odd_peers() {
	peer deaf "no greeting"
	"$builddir/sriov-setup" attach $vf --qmp=/run/qmp --wait=30 2>/run/said &
	first=$!
	timeout 20 sh -c "until '$builddir/sriov-setup' claims | grep -q attaching; do sleep 0.1; done"
	mine "a second attach meanwhile" 1 "another attach is at it" attach $vf --qmp=/run/other
	mine "the list" 0 "$vf  test/nic  attaching  vm  /run/qmp" claims
	kill -KILL $first && wait $first 2>/dev/null
	mine "one that was killed bars nobody" 1 "No such file or directory" attach $vf --qmp=/run/other
	mine "and leaves a claim" 0 "$vf  test/nic  claimed  vm" claims
	peer garbage "it sent no JSON"
	peer deep "it sent no JSON"
	peer array "does not speak QMP"
	peer endless "a line without end"
	peer cut "the connection ended"
	peer drip "no greeting"
	peer other "answered what was not asked"
	peer flood "does not answer"
	peer control "?[2J??xxxx"
	check "neither control characters nor a text without end are shown" 0 "" \
		sh -c "! grep -q '[[:cntrl:]]' /run/said && test \$(wc -c </run/said) -lt 1000"
	end $qemu
	mine "a path that is too long" 1 "File name too long" attach $vf --qmp="/run/$(printf '%0120d' 0)"
	: >/run/plain
	mine "no socket" 1 "Connection refused" attach $vf --qmp=/run/plain
}

the_report
one_after_the_other
the_kernel_knows_better
owners_end
without_rights
odd_ledgers
two_hundred_at_once
again_and_again
into_a_vm
odd_guests
odd_peers
echo "1..$n"
exit $bad
