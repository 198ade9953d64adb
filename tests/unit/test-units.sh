#!/bin/sh
# Units and rules as systemd sees them.
if ! command -v systemd-analyze >/dev/null; then
	echo "1..0 # SKIP systemd-analyze is not installed"
	exit 0
fi
n=0 bad=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
check() {
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; bad=1; fi
}
# the program may not be installed here: any executable does for the check
for unit in "${builddir:-.}"/units/*.service "${srcdir:-.}"/units/*.target; do
	sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" >"$dir/$(basename "$unit")"
done
for unit in "$dir"/*; do
	name=$(basename "$unit")
	case $name in *@*) name=${name%@*}@0000:01:00.0.service && cp "$unit" "$dir/$name" ;; esac
	output=$(SYSTEMD_UNIT_PATH="$dir:" systemd-analyze verify --man=no "$dir/$name" 2>&1 | grep -F sriov)
	test -z "$output"
	check "$name is clean" $?
	[ -z "$output" ] || echo "$output" | sed 's/^/# /'
done
exposure() { # UNIT, at most so many tenths
	score=$(systemd-analyze security --offline=true --no-pager "$dir/$1" |
		sed -n 's/.*Overall exposure level.*: \([0-9.]*\).*/\1/p')
	echo "# exposure of $1: $score"
	systemd-analyze security --offline=true --threshold="$2" "$dir/$1" >/dev/null
	check "the exposure of $1 is at most $2 tenths" $?
}
exposure sriov-setup.service 25
exposure sriov-setup@0000:01:00.0.service 25
exposure sriov-setup-kargs.service 55
if udevadm verify --help >/dev/null 2>&1; then
	udevadm verify --no-summary "${srcdir:-.}/units/60-sriov-setup.rules"
	check "udev takes the rules" $?
else
	n=$((n + 1))
	echo "ok $n - udev takes the rules # SKIP this udevadm has no verify"
fi
echo "1..$n"
exit $bad
