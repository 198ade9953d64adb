#!/bin/sh
# Each export format for machines built in documents.c: as the golden text says, and as the
# consumer's schema wants it. UPDATE=yes writes the golden texts anew.
here=${srcdir:-.}/tests
export LC_ALL=C # status draws with the locale's characters
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0 bad=0
for case in igb mixed hostile none; do
	for format in kubevirt kubevirt-patch device-plugin nad sriov-network harvester libvirt qemu cdi report status colours dot; do
		name=$case.$format
		case $name in none.report | none.status | none.colours | none.dot) continue ;; esac
		"${builddir:-.}/tests/unit/documents" $case $format >"$dir/$name" 2>"$dir/said"
		status=$?
		{ cat "$dir/$name" && sed 's/^/said: /' "$dir/said" && echo "exit status $status"; } >"$dir/all"
		# what is not to be used is not validated
		if [ $status -ne 0 ] || [ ! -s "$dir/$name" ]; then rm "$dir/$name"; fi
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
for format in cdi device-plugin; do # whose consumers take no empty one
	n=$((n + 1))
	if [ ! -e "$dir/none.$format" ]; then
		echo "ok $n - none.$format is no document"
	else
		echo "not ok $n - none.$format is no document"
		bad=1
	fi
done
rm -f "$dir/all" "$dir/said" "$dir/diff"
if command -v dot >/dev/null; then
	for case in igb mixed hostile; do
		n=$((n + 1))
		if dot -Tsvg "$dir/$case.dot" >"$dir/$case.svg" 2>"$dir/said" && [ ! -s "$dir/said" ]; then
			echo "ok $n - graphviz draws $case.dot"
		else
			sed 's/^/# /' "$dir/said"
			echo "not ok $n - graphviz draws $case.dot"
			bad=1
		fi
		rm -f "$dir/$case.svg" "$dir/said"
	done
else
	echo "ok $((n += 1)) - graphviz draws the pictures # SKIP it is not installed"
fi
rm -f "$dir"/*.status "$dir"/*.colours "$dir"/*.dot
if command -v python3 >/dev/null; then
	"${builddir:-.}/tests/unit/documents" none current >"$dir/cr.json"
	python3 -B "$here/unit/validate.py" "$dir" "$here/schemas" >"$dir/tap" || bad=1
	grep -E '^(not )?ok|^#' "$dir/tap" | sed -E "s/^((not )?ok) ([0-9]+)/\1/" | while read -r line; do echo "$line"; done
	grep -q '^1\.\.' "$dir/tap" || { echo "not ok - validate.py ran to its end" && bad=1; }
	echo "1..$((n + $(grep -cE '^(not )?ok' "$dir/tap")))"
else
	echo "ok - validation # SKIP python3 is not installed"
	echo "1..$((n + 1))"
fi
exit $bad
