#!/bin/sh
# The manual pages say what the program knows, no less and no more: what it knows it says itself,
# in --help and in "expected one of:" of each unknown key.
program=${builddir:-.}/sriov-setup
man=${srcdir:-.}/man
n=0 bad=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# same NAME WANTED GOT: two sets of words
same() {
	n=$((n + 1))
	words "$2" >"$dir/wanted"
	words "$3" >"$dir/got"
	if [ -s "$dir/wanted" ] && diff -u "$dir/wanted" "$dir/got" >"$dir/diff"; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$dir/diff"
		bad=1
	fi
}
# shellcheck disable=SC2086 # one word a line
words() { printf '%s\n' $1 | tr -d , | sort -u; }
# known CONFIG…: the keys that the program expects in place of "x"; of several groups the last
known() {
	printf '%s\n' "$1" >"$dir/x.conf"
	"$program" --config="$dir/x.conf" check 2>&1 | sed -n "s/.*unknown key 'x'.* one of: //p" | tail -n 1
}
# section PAGE TITLE: its lines
section() { sed -n "/^\.S[hs] $2\$/,/^\.S[hs] /p" "$man/$1"; }
keys() { section sriov.conf.5 "$1" | sed -n 's/^\.It Ic \([a-z_]*\) .*/\1/p'; }

top=$(known 'x = 1;')
same "sections of the config" "$top" \
	"$(sed -n 's/^\.Ql \([a-z]*\) = [[{(].*/\1/p' "$man/sriov.conf.5" | grep -vx -e match -e vf)"
kernel="$(known 'kernel = { x = 1; };') $(known 'kernel = { hugepages = ( { x = 1; } ); };')
	$(known 'kernel = { secure_boot = { x = 1; }; };')"
match=$(known 'pf = ( { match = { x = 1; }; } );')
pf="$(known 'pf = ( { x = 1; } );') $(known 'pf = ( { sysfs = ( { x = 1; } ); } );')
	$(known 'pf = ( { nvme = { x = 1; }; } );')"
vf=$(known 'pf = ( { vf = ( { x = 1; } ); } );')
device=$(known 'device = ( { x = 1; } );')
mdev=$(known 'mdev = ( { x = 1; } );')
export=$(known 'export = { x = 1; };')
same "keys of kernel" "$kernel" "$(keys KERNEL)"
same "keys of match" "$match" "$(keys MATCH)"
same "keys of pf" "$pf" "$(keys PF)"
# the values of VFs are explained once, in pf
words "$pf" >"$dir/pf"
own=$(words "$vf" | grep -vxFf "$dir/pf")
same "keys of vf that pf has not" "$own" "$(words "$(keys VF)" | grep -vxFf "$dir/pf")"
same "no others in vf" "$vf" "$vf $(keys VF)"
same "keys of device" "$device" "$(keys DEVICE)"
same "keys of mdev" "$mdev" "$(keys MDEV)"
same "keys of export" "$export" "$(keys EXPORT)"
all="$top $kernel $match $pf $vf $device $mdev $export"
examples=$(sed -n '/^\.Bd/,/^\.Ed/p' "$man/sriov.conf.5" | grep -oE '[a-z_]+ = ' | tr -d ' =')
for key in $(words "$all"); do
	case $key in address | interface | mac | driver | serial) continue ;; esac # in MATCH's text
	echo "$examples" | grep -qx "$key" || missing="${missing-} $key"
done
same "each key is in an example" ok "ok${missing-}"

# the commands and options of --help; the verbs of kargs and the formats are indented as commands
"$program" --help >"$dir/help"
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$dir/help")
options=$(grep -oE -e '--[a-z][a-z-]*' "$dir/help")
same "commands" "$commands" \
	"$(section sriov-setup.8 DESCRIPTION | sed '/^The options/,$d' |
		awk '/^\.Bl/ { depth++ } /^\.El/ { depth-- } depth == 1 && /^\.It Cm/ { print $3 }')"
same "options" "$options" "$(sed -n 's/^\.It.* Fl \\-\([a-z-]*\).*/--\1/p' "$man/sriov-setup.8")"
verbs=$(sed -n 's/^  kargs \([a-z|]*\) .*/\1/p' "$dir/help" | tr '|' ' ')
same "verbs of kargs" "$verbs" \
	"$(sed -n 's/^\.It Cm kargs //p' "$man/sriov-setup.8" | tr -s '|' '\n' | grep -oE '[a-z]{4,}')"
formats=$(sed -n '/^Formats of export:/,/^$/s/^  \([a-z-]*\) .*/\1/p' "$dir/help")
same "formats of export" "$formats" \
	"$(section sriov-setup.8 DESCRIPTION | awk '/^\.Bl/ { depth++ } /^\.El/ { depth-- }
		depth == 2 && /^\.It Cm/ { print $3 }')"
echo 'kernel = { bootloader = "x"; };' >"$dir/x.conf"
same "boot loaders" "$("$program" --root="$dir" --config=/x.conf check 2>&1 | sed -n 's/^sriov-setup:   //p')" \
	"$(section sriov-setup.8 'KERNEL ARGUMENTS' | sed -n 's/^\.It \([a-z-]*\) Ta .*/\1/p')"

# the completions have each list on a line of its own
for file in "${srcdir:-.}"/completions/*; do
	list() { sed -n "s/.*\<$1[=(\" ][(\" ]*\([a-z -]*\)[)\"]*\$/\1/p" "$file" | head -n 1; }
	same "${file##*/}: commands" "$commands" "$(list commands)"
	same "${file##*/}: options" "$options" "$(list options)"
	same "${file##*/}: verbs" "$verbs" "$(list verbs)"
	same "${file##*/}: formats" "$formats" "$(list formats)"
done

same "and in the manual page" "$(sed -n 's/^-- //p' "${srcdir:-.}/conf/sriov-setup.catalog")" \
	"$(section sriov-setup.8 MESSAGES | sed -n 's/^\.It Sy \([0-9a-f]*\)$/\1/p')"
same "kinds of failure in the catalog" \
	"$(sed -n 's/^#define MESSAGE_[A-Z_]* "\(.*\)"/\1/p' "${srcdir:-.}/src/log.h")" \
	"$(sed -n 's/^-- //p' "${srcdir:-.}/conf/sriov-setup.catalog")"
if command -v journalctl >/dev/null; then
	mkdir -p "$dir/root/usr/lib/systemd/catalog" "$dir/root/var/lib/systemd/catalog"
	cp "${srcdir:-.}/conf/sriov-setup.catalog" "$dir/root/usr/lib/systemd/catalog"
	same "journalctl takes the catalog" ok "ok $(journalctl --root="$dir/root" --update-catalog 2>&1)"
fi

for page in "$man"/*.[58]; do
	if command -v mandoc >/dev/null; then
		same "mandoc likes ${page##*/}" ok "ok $(mandoc -Tlint -Wwarning "$page")"
	elif command -v groff >/dev/null; then
		same "groff likes ${page##*/}" ok "ok $(groff -ww -mdoc -Tutf8 "$page" 2>&1 >/dev/null)"
	fi
done
echo "1..$n"
exit $bad
