#!/bin/sh
# The design's promises that a compiler does not check: pure files do no I/O and log nothing;
# each external library is used by exactly one file.
src=${srcdir:-.}/src
n=0 bad=0
check() { # NAME, then a command whose success is good
	name=$1
	shift
	n=$((n + 1))
	if "$@"; then echo "ok $n - $name"; else echo "not ok $n - $name"; bad=1; fi
}
# shellcheck disable=SC2317 # called by check
none() { ! grep -nE "$1" "$2"; }

for file in driver plan plan-device plan-mdev plan-module plan-nvme plan-pf plan-print plan-reset planner doctor explain marks vf eswitch cmdline pe kernel-args rules config-text config-fields document pool report migrate status status-dot export export-config export-cdi export-device-plugin export-harvester \
	export-kubevirt export-libvirt export-nad export-qemu export-sriov-network export-udev; do
	check "$file.c is pure" none \
		'include ("log.h"|"root.h"|<(fcntl|sys/stat|dirent|sys/socket)\.h>)|root_(read|write|replace|list)|fopen' \
		"$src/$file.c"
done
for library in libconfig.h:config libudev.h:wait systemd/:log libkmod.h:module pci/pci.h:names yaml.h:yaml-out json-c/:json netlink/:netlink libsmartcols:table; do
	users=$(grep -lE "include <${library%:*}" "$src"/*.c)
	check "only ${library#*:}.c uses <${library%:*}>" test "$users" = "$src/${library#*:}.c"
done
for header in "$src"/*.h; do
	check "$(basename "$header") stands alone" sh -c \
		"echo '#include \"$(basename "$header")\"' | ${CC:-cc} -D_GNU_SOURCE -std=gnu11 -I$src -fsyntax-only -x c -"
done
echo "1..$n"
exit $bad
