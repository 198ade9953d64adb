#!/bin/sh
# Each export format for machines built in documents.c: as the golden text says, and as the
# consumer's schema wants it. UPDATE=yes writes the golden texts anew.
here=${srcdir:-.}/tests
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0 bad=0
for case in igb mixed hostile; do
	for format in kubevirt kubevirt-patch device-plugin nad sriov-network harvester libvirt qemu cdi report; do
		name=$case.$format
		"${builddir:-.}/tests/unit/documents" $case $format >"$dir/$name" 2>"$dir/said"
		status=$?
		{ cat "$dir/$name" && sed 's/^/said: /' "$dir/said" && echo "exit status $status"; } >"$dir/all"
		# what is not to be used is not validated
		[ $status -eq 0 ] || rm "$dir/$name"
		[ -z "${UPDATE:-}" ] || cp "$dir/all" "$here/documents/$name"
		n=$((n + 1))
		if diff -u "$here/documents/$name" "$dir/all" >"$dir/diff"; then
			echo "ok $n - $name"
		else
			echo "not ok $n - $name"
			sed 's/^/# /' "$dir/diff"
			bad=1
		fi
	done
done
rm -f "$dir/all" "$dir/said" "$dir/diff"
if command -v python3 >/dev/null; then
	python3 "$here/unit/validate.py" "$dir" "$here/schemas" >"$dir/tap" || bad=1
	grep -E '^(not )?ok|^#' "$dir/tap" | sed -E "s/^((not )?ok) ([0-9]+)/\1/" | while read -r line; do echo "$line"; done
	grep -q '^1\.\.' "$dir/tap" || { echo "not ok - validate.py ran to its end" && bad=1; }
	echo "1..$((n + $(grep -cE '^(not )?ok' "$dir/tap")))"
else
	echo "ok - validation # SKIP python3 is not installed"
	echo "1..$((n + 1))"
fi
exit $bad
