#!/bin/sh
# The program as a person calls it: exit status, what goes where, images below --root.
program=${builddir:-.}/sriov-setup
n=0 bad=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# run NAME STATUS PART COMMAND…: exit status and a part of the output must be as said
run() {
	name=$1 status=$2 part=$3
	shift 3
	"$@" >"$dir/out" 2>&1
	got=$?
	n=$((n + 1))
	if [ $got -eq "$status" ] && { [ -z "$part" ] || grep -qF -e "$part" "$dir/out"; }; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		echo "# exit status $got, wanted $status with: $part"
		sed 's/^/# /' "$dir/out"
		bad=1
	fi
}
image() { mkdir -p "$dir/image/etc" "$dir/image/usr/sbin"; }

run "--help" 0 "kargs status|print|apply|remove|rollback" "$program" --help
run "--version" 0 "sriov-setup " "$program" --version
run "no command" 1 "a command is missing" "$program"
run "a typo" 1 "unknown command 'aply'" "$program" aply
run "an unknown option" 1 "--quik" "$program" --quik plan
run "--json of a plan" 1 "--json is for status, claim and claims" "$program" --json plan
run "status --json of an image" 0 '"devices": []' "$program" --root="$dir" --json status
run "--count of nothing" 1 "--count=0: expected a number, 1 to 65535" "$program" --count=0 --owner=a claim x
run "claims of an image" 1 "leave --root out" "$program" --root="$dir" claims
run "attach to nothing" 1 "usage: sriov-setup attach ADDRESS" "$program" attach
run "too many words" 1 "usage: sriov-setup plan" "$program" plan now
run "export without a format" 1 "usage: sriov-setup export FORMAT" "$program" export
run "export of an unknown format" 1 "unknown format 'x'" "$program" export x
run "kargs with a typo" 1 "expected status|print|apply|remove|rollback" "$program" --root="$dir" kargs aply
run "--wait with nonsense" 1 "expected seconds" "$program" --wait=soon apply
run "--root that is not there" 1 "--root=/nonexistent" "$program" --root=/nonexistent plan
run "--config that is not there" 1 "cannot be read" "$program" --config=/nonexistent check
echo 'kernel = { passthrough = true; };' >"$dir/here.conf"
run "--config from here" 0 "$dir/here.conf: ok" sh -c "cd '$dir' && exec '$(readlink -f "$program")' --config=here.conf check"
run "an empty image" 0 "no config" "$program" --root="$dir" check
run "its plan" 0 "nothing to do" "$program" --root="$dir" plan
image
# shellcheck disable=SC2016 # it is the stand-in that expands
echo 'for x in /etc/default/grub.d/*.cfg; do . "$x"; done' >"$dir/image/usr/sbin/grub-mkconfig"
echo 'kernel = { iommu = "on"; passthrough = true; };' >"$dir/image/etc/sriov.conf"
run "a config is checked in an image" 0 "/etc/sriov.conf: ok" "$program" --root="$dir/image" check
run "plan of an image" 2 "kernel arguments: intel_iommu=on iommu=pt" "$program" --root="$dir/image" plan
run "apply to an image" 0 "next boot, by grub-dropin: intel_iommu=on iommu=pt" "$program" --root="$dir/image" apply
cp -a "$dir/image" "$dir/twice"
run "apply again" 0 "" "$program" --root="$dir/image" apply
run "changes nothing" 0 "" diff -r "$dir/image" "$dir/twice"
run "kargs status of an image" 0 "grub-dropin" "$program" --root="$dir/image" kargs status
run "kargs rollback in an image" 0 "(none of ours)" "$program" --root="$dir/image" kargs rollback
run "what was rolled back stays away" 0 "" "$program" --root="$dir/image" apply
run "and the plan says so" 0 "rolled back and are not tried again" "$program" --root="$dir/image" plan
run "kargs remove in an image" 0 "are gone" "$program" --root="$dir/image" kargs remove
run "leaves no file of ours" 1 "" grep -rl sriov_setup.gen "$dir/image"
echo 'kernel = { passthrough = true; extra = [ "a.b=c" ]; blacklist = [ "igbvf" ]; unsafe_interrupts = true; };' \
	>"$dir/image/etc/sriov.conf"
print() { run "kargs print --format=$1" 0 "$2" "$program" --root="$dir/image" kargs print --format="$1"; }
print cmdline "intel_iommu=on iommu=pt a.b=c"
# shellcheck disable=SC2016 # as GRUB's shell reads it
print grub 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on iommu=pt a.b=c"'
print bls "options intel_iommu=on iommu=pt a.b=c"
print bootc 'kargs = ["intel_iommu=on", "iommu=pt", "a.b=c"]'
print toml 'append = "intel_iommu=on iommu=pt a.b=c"'
run "kargs print in no format" 1 "expected cmdline" "$program" --root="$dir/image" kargs print --format=x
run "module options in an image" 0 "wrote /etc/modprobe.d/sriov-setup.conf" "$program" --root="$dir/image" apply
run "a blacklist" 0 "" grep -x "blacklist igbvf" "$dir/image/etc/modprobe.d/sriov-setup.conf"
run "and a parameter" 0 "" grep -x "options vfio_iommu_type1 allow_unsafe_interrupts=1" \
	"$dir/image/etc/modprobe.d/sriov-setup.conf"
mkdir -p "$dir/image/etc/systemd/system/b.service.d"
echo "[Unit]" >"$dir/image/etc/systemd/system/b.service.d/own.conf"
sed -i '$a memlock = [ "a@.service", "b.service" ];' "$dir/image/etc/sriov.conf"
run "memlock: the plan" 2 "lift the locked-memory limit of b.service" "$program" --root="$dir/image" plan
run "memlock" 0 "wrote /etc/systemd/system/a@.service.d/50-sriov-setup-memlock.conf" \
	"$program" --root="$dir/image" apply
run "its drop-in" 0 "" grep -x "LimitMEMLOCK=infinity" \
	"$dir/image/etc/systemd/system/b.service.d/50-sriov-setup-memlock.conf"
sed -i '$d' "$dir/image/etc/sriov.conf"
echo 'memlock = [ "a@.service" ];' >>"$dir/image/etc/sriov.conf"
run "without one of them" 0 "removed /etc/systemd/system/b.service.d" "$program" --root="$dir/image" apply
run "what others have there stays" 0 "own.conf" ls "$dir/image/etc/systemd/system/b.service.d"
run "then nothing is to do" 0 "nothing to do" "$program" --root="$dir/image" plan
echo 'oops' >>"$dir/image/etc/sriov.conf"
run "reset, also with a mistake in the config" 0 "removed /etc/modprobe.d/sriov-setup.conf" \
	"$program" --root="$dir/image" reset
run "leaves no folder" 1 "" test -e "$dir/image/etc/systemd/system/a@.service.d"
run "leaves no file" 1 "" sh -c "find '$dir/image' -name '*sriov[-_]setup*' -type f | grep ."
echo 'pf = ( { match = { id = "8086:1572"; }; vfs = 010; } );' >"$dir/image/etc/sriov.conf"
run "a mistake fails check" 1 "/etc/sriov.conf:1: number 010 is written with a leading zero" \
	"$program" --root="$dir/image" check
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$dir"
	cp "$program" "$dir/program"
	run "apply without root" 1 "run it as root" setpriv --reuid=65534 --clear-groups "$dir/program" apply
	run "plan without root" 0 "" setpriv --reuid=65534 --clear-groups "$dir/program" plan
fi
run "a full disk is a failure" 1 "" sh -c "'$program' --help >/dev/full"
echo "1..$n"
exit $bad
