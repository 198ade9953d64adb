#!/bin/sh
# A run that finds everything right: it writes nothing, starts nothing, opens no libkmod. Judged from its system calls.
top=$(readlink -f "${srcdir:-.}")
program=$(readlink -f "${builddir:-.}")/sriov-setup
if ! command -v strace >/dev/null || ! command -v python3 >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
	echo "1..0 # SKIP strace does not work here, or there is no python3"
	exit 0
elif ! unshare --mount true 2>/dev/null; then
	echo "1..0 # SKIP mounting needs root"
	exit 0
fi
if [ "${1:-}" != inside ]; then
	work=$(mktemp -d "${TMPDIR:-/tmp}/sriov-setup-noop.XXXXXX") || exit 1
	trap 'rm -rf "$work"' EXIT
	"$top/tests/bench/machine" 2 3 "$work" || exit 1
	work=$work unshare --mount "$(readlink -f "$0")" inside
	exit
fi
mount --bind "$work/sys" /sys && mount -t tmpfs run /run || exit 1

changes='/^(write|pwrite|sendfile|copy_file|rename|unlink|mkdir|rmdir|symlink|link|truncate|ftruncate|f?chmod|f?chown'
changes="$changes|mknod|utime|f?setxattr|mount|f?sync|send|init_module|finit_module|execve|fork|vfork|clone)"
n=0 bad=0
# expect NAME ARGUMENT…: a first run, then one in which nothing changes
expect() {
	name=$1
	shift
	n=$((n + 1))
	"$program" "$@" >"$work/first" 2>&1
	strace -f -z -o "$work/calls" -e "trace=$changes" "$program" "$@" >"$work/said" 2>&1
	status=$?
	strace -f -o "$work/opens" -e trace=/open "$program" "$@" >/dev/null 2>&1
	# the program itself; the lock is opened for writing and stays as it is
	if [ $status -eq 0 ] && [ "$(grep -vc '+++' "$work/calls")" -eq 1 ] && [ ! -s "$work/said" ] &&
		! grep -E 'O_(WRONLY|RDWR|CREAT|TRUNC)' "$work/opens" | grep -v '"lock"' &&
		! grep -E 'libkmod|libcrypto' "$work/opens"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$work/first" "$work/calls" "$work/said"
		bad=1
	fi
}

expect "apply at boot" "--config=$work/sriov.conf" apply --boot
expect "one PF" "--config=$work/sriov.conf" apply --boot --device=0000:00:00.0

# an image with GRUB, whose tools would be started for an argument that is new
image=$work/image
mkdir -p "$image/etc" "$image/usr/sbin"
# shellcheck disable=SC2016 # it is the stand-in that expands
echo 'for x in /etc/default/grub.d/*.cfg; do . "$x"; done; exit 1' >"$image/usr/sbin/grub-mkconfig"
echo 'kernel = { passthrough = true; };' >"$image/etc/sriov.conf"
expect "an image" "--root=$image" apply
expect "its kernel arguments" "--root=$image" kargs apply
n=$((n + 1))
if grep -q iommu "$image/etc/default/grub.d/"*sriov-setup*; then
	echo "ok $n - which was given its arguments"
else
	echo "not ok $n - which was given its arguments"
	find "$image" -type f | sed 's/^/# /'
	bad=1
fi
echo "1..$n"
exit $bad
