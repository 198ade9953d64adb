#!/bin/sh
# The kernel-install plugin in a folder of its own: /etc/kernel is named in it, so a copy is used.
plugin=${srcdir:-.}/kernel-install/95-sriov-setup.install
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
n=0 bad=0
mkdir -p "$work/boot/loader/entries"
sed "s|/etc/kernel|$work|g" "$plugin" >"$work/plugin"
entries=$work/boot/loader/entries
ours='sriov_setup.begin iommu=pt sriov_setup.gen=2'

is() { # NAME GOT WANT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then echo "ok $n - $1"; else
		bad=1
		printf 'not ok %d - %s\n# got:  %s\n# want: %s\n' $n "$1" "$2" "$3"
	fi
}
install() { # what kernel-install sets
	KERNEL_INSTALL_LAYOUT=${layout-bls} KERNEL_INSTALL_BOOT_ROOT=$work/boot KERNEL_INSTALL_ENTRY_TOKEN=token \
		sh "$work/plugin" "${command-add}" 6.12 /nowhere /vmlinuz
}
entry() { # NAME TEXT: what the plugin makes of an entry
	printf '%s\n' "$2" >"$entries/$1"
	install
	cat "$entries/$1"
}

is "no words of ours" "$(entry token-6.12.conf 'options a')" 'options a'
is "none, but those of this boot came along" \
	"$(entry token-6.12.conf 'options a sriov_setup.begin x sriov_setup.gen=12 b')" 'options a b'
echo "$ours" >"$work/sriov-setup.cmdline"
is "our words" "$(entry token-6.12.conf 'options    a b')" "options    a b $ours"
is "twice" "$(entry token-6.12.conf "options a $ours")" "options a $ours"
is "those of this boot are replaced" \
	"$(entry token-6.12.conf 'options a sriov_setup.begin x y sriov_setup.gen=1')" "options a $ours"
is "words for init stay last" "$(entry token-6.12.conf 'options a --b -- c -- d')" "options a --b $ours -- c -- d"
is "other lines stay" "$(entry token-6.12.conf 'title x -- options
options a
linux /y')" "title x -- options
options a $ours
linux /y"
rm "$entries/token-6.12.conf"
is "boot counting" "$(entry token-6.12+3.conf 'options a')" "options a $ours"
is "another kernel" "$(entry token-6.12+deb13.conf 'options a')" "options a"
is "removal of a kernel" "$(command=remove entry token-6.12.conf 'options a')" "options a"
echo x >"$entries/token-6.12.sriov-setup+1.conf"
echo x >"$entries/token-6.11.sriov-setup+1.conf"
(command=remove install)
is "a kernel's removal takes the entry of its trial boot along" "$(cd "$entries" && echo *sriov-setup*)" \
	token-6.11.sriov-setup+1.conf
is "another layout" "$(layout=uki entry token-6.12.conf 'options a')" "options a"
rm -r "${work:?}/boot"
install
is "no folder is no failure" $? 0
mkdir -p "$entries/.token-6.12.conf.sriov-setup" "$work/boot"
echo 'options a' >"$entries/token-6.12.conf"
install 2>"$work/stderr"
is "an entry that cannot be written is none either" "$?" 0
is "and stays" "$(cat "$entries/token-6.12.conf")" 'options a'
is "which is said" "$(grep -c 'sriov-setup: cannot change' "$work/stderr")" 1
echo "1..$n"
exit $bad
