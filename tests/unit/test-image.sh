#!/bin/sh
# --root=DIR as image builders use it: without root, blind to the building machine, repeatable;
# and the examples are what their tools can read.
program=${builddir:-.}/sriov-setup
srcdir=${srcdir:-.}
n=0 bad=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
# check NAME STATUS: 0 is good; what $dir/out holds explains the rest
check() {
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$dir/out"
		bad=1
	fi
}
skip() { n=$((n + 1)) && echo "ok $n - $1 # SKIP $2"; }

# a plain user owns the trees
cp "$program" "$dir/program"
plain=
if [ "$(id -u)" = 0 ]; then
	plain='setpriv --reuid=65534 --regid=65534 --clear-groups'
	$plain true || { echo "1..0 # SKIP no setpriv to become a plain user" && exit 0; }
fi
config='kernel = { iommu = "on"; passthrough = true; unsafe_interrupts = true; blacklist = [ "igbvf" ]; };
pf = ( { match = { id = "8086:10c9"; }; vfs = 2; } );'
# A PE image without sections, with room for two; the offsets are in test-bootloader-uki-addon.c.
make_stub() {
	put() { printf %b "$2" | dd of="$stub" bs=1 seek="$1" conv=notrunc status=none; }
	stub=$1
	truncate -s 1024 "$stub"
	put 0 'MZ'
	put 60 '\0100'       # where "PE" is
	put 64 'PE'
	put 84 '\0160'       # size of the optional header
	put 120 '\0000\0020' # alignment in memory
	put 124 '\0000\0002' # and in the file
	put 144 '\0000\0020' # size in memory
	put 148 '\0000\0002' # size of the headers
}
# image NAME LOADER: a tree with that boot loader's marks
image() {
	mkdir -p "$dir/$1/etc" "$dir/$1/usr/sbin" "$dir/$1/usr/lib/systemd/system" "$dir/$1/var/lib"
	echo "$config" >"$dir/$1/etc/sriov.conf"
	# shellcheck disable=SC2016 # it is the stand-in that expands
	case $2 in
	grub-dropin) echo 'for x in /etc/default/grub.d/*.cfg; do . "$x"; done' >"$dir/$1/usr/sbin/grub-mkconfig" ;;
	bootc-kargsd) mkdir "$dir/$1/usr/lib/bootc" ;;
	u-boot-menu) mkdir -p "$dir/$1/usr/share/u-boot-menu" && : >"$dir/$1/usr/share/u-boot-menu/read-config" ;;
	bls-plugin)
		mkdir -p "$dir/$1/efi/loader/entries" "$dir/$1/etc/kernel"
		echo token >"$dir/$1/etc/kernel/entry-token"
		echo 'options root=/dev/x' >"$dir/$1/efi/loader/entries/token-6.12.conf"
		;;
	uki-addon)
		mkdir -p "$dir/$1/efi/EFI/Linux" "$dir/$1/usr/lib/systemd/boot/efi"
		: >"$dir/$1/efi/EFI/Linux/debian.efi"
		for name in x64 aa64 ''; do make_stub "$dir/$1/usr/lib/systemd/boot/efi/addon$name.efi.stub"; done
		;;
	sdbootutil) mkdir -p "$dir/$1/usr/bin" && echo cmdline.d >"$dir/$1/usr/bin/sdbootutil" ;;
	elemental)
		mkdir -p "$dir/$1/oem" "$dir/$1/etc/elemental"
		printf '# GRUB Environment Block\n%999s' '' | tr ' ' '#' | sed '1s/#GRUB#Environment#/ GRUB Environment /' >"$dir/$1/oem/grubenv"
		;;
	esac
	case $2 in bootc-source | rpm-ostree | grubby)
		sed -i "s/kernel = {/& bootloader = \"$2\";/" "$dir/$1/etc/sriov.conf"
		;;
	esac
	[ -z "$plain" ] || chown -R 65534:65534 "$dir/$1"
}
loaders='grub-dropin bootc-kargsd bls-plugin uki-addon sdbootutil u-boot-menu elemental manual'
# names, modes, owners, contents; builders set the times themselves
bytes() { tar -C "$1" --sort=name --mtime=@0 -c . | sha256sum; }

# Each command on a tree of its own. What libraries do before the program opens the tree is not ours.
opened() { sed -n "\\|\"$dir/traced\".*O_PATH|,\$p" "$dir/trace"; }
# trace STATUS COMMAND…: reads nothing of the host's state, writes below the tree only
trace() {
	status=$1
	shift
	rm -f "$dir/trace"
	$plain strace -f -y -e trace=file -o "$dir/strace/log" "$dir/program" --root="$dir/traced" "$@" >"$dir/out" 2>&1
	got=$?
	mv "$dir/strace/log" "$dir/trace"
	[ $got -eq "$status" ]
	check "$*: exit status $status" $?
	opened >"$dir/out"
	grep -q "$dir/traced" "$dir/out"
	check "$*: the trace saw it" $?
	opened | grep -E '"/(proc|sys|run|boot|etc/kernel|var)(/|")|= [0-9]+</(proc|sys|run|boot|var)/' >"$dir/out"
	[ ! -s "$dir/out" ]
	check "$*: nothing of the building machine is looked at" $?
	opened | grep -E '^[0-9]+ +(open[a-z0-9]*\(.*O_(WRONLY|RDWR|CREAT|TRUNC)|(mkdir|mknod|rename|unlink|link|symlink|chmod|fchmod|chown|fchown|utime|truncate|rmdir)[a-z0-9]*\()' |
		grep -v "<$dir/traced[/>]" >"$dir/out"
	[ ! -s "$dir/out" ]
	check "$*: nothing is written outside the tree" $?
}
if ! command -v strace >/dev/null; then
	skip "traced" "strace is not installed"
elif grep -q __asan_init "$dir/program"; then
	skip "traced" "the sanitizers read /proc themselves"
elif ! strace -o /dev/null true 2>/dev/null; then
	skip "traced" "strace may not trace here"
else
	mkdir "$dir/strace" && chmod 777 "$dir/strace"
	image traced grub-dropin
	trace 0 check
	trace 2 plan
	trace 0 kargs print
	trace 0 kargs apply
	trace 0 kargs status
	trace 0 apply
	trace 0 kargs remove
	trace 0 reset
	for loader in $loaders; do
		rm -rf "$dir/traced"
		image traced "$loader"
		trace 0 kargs apply
	done
fi

for loader in $loaders; do
	image "$loader-1" "$loader" && image "$loader-2" "$loader" && bytes "$dir/$loader-1" >"$dir/empty"
	$plain "$dir/program" --root="$dir/$loader-1" apply >"$dir/out" 2>&1
	check "$loader: a plain user applies to a tree of theirs" $?
	[ "$(bytes "$dir/$loader-1")" != "$(cat "$dir/empty")" ]
	check "$loader: which changes it" $?
	case $loader in manual) ;; *) grep -rqs 'iommu=pt' "$dir/$loader-1" --exclude=kargs ;; esac
	check "$loader: the words are where it boots from" $?
	bytes "$dir/$loader-1" >"$dir/once"
	$plain "$dir/program" --root="$dir/$loader-1" apply >"$dir/out" 2>&1 &&
		[ "$(bytes "$dir/$loader-1")" = "$(cat "$dir/once")" ]
	check "$loader: a second run changes nothing" $?
done
for loader in bootc-source rpm-ostree grubby; do
	image $loader $loader
	$plain "$dir/program" --root="$dir/$loader" kargs apply >"$dir/out" 2>&1
	[ $? -eq 1 ] && grep -q "$loader changes only the running machine" "$dir/out"
	check "$loader: refuses an image, and says so" $?
	! grep -rl 'iommu=pt' "$dir/$loader" >>"$dir/out"
	check "$loader: which has no words then" $?
done
sleep 1.1 # another second, other process numbers
for loader in $loaders; do
	SOURCE_DATE_EPOCH=86400 $plain "$dir/program" --root="$dir/$loader-2" apply >"$dir/out" 2>&1
	[ "$(bytes "$dir/$loader-1")" = "$(bytes "$dir/$loader-2")" ] || diff -r "$dir/$loader-1" "$dir/$loader-2" >>"$dir/out"
	[ "$(bytes "$dir/$loader-1")" = "$(bytes "$dir/$loader-2")" ]
	check "$loader: the same tree at another time has the same bytes" $?
done

# another boot loader for the same tree: plan says so, and the words go along
image moved grub-dropin
"$dir/program" --root="$dir/moved" kargs apply >"$dir/out" 2>&1
sed -i 's/kernel = {/& bootloader = "u-boot-menu";/' "$dir/moved/etc/sriov.conf"
"$dir/program" --root="$dir/moved" plan >"$dir/out" 2>&1
grep -q 'another boot loader or certificate' "$dir/out"
check "plan: another boot loader" $?
"$dir/program" --root="$dir/moved" kargs apply >"$dir/out" 2>&1
[ ! -e "$dir/moved/etc/default/grub.d/zz-sriov-setup.cfg" ] &&
	grep -qr 'iommu=pt' "$dir/moved/usr/share/u-boot-menu/conf.d"
check "the words went along" $?
"$dir/program" --root="$dir/moved" plan >"$dir/out" 2>&1
! grep 'another boot loader' "$dir/out"
check "and that was it" $?

# enabling offline
image linked none && image enabled none
cp "${builddir:-.}"/units/*.service "$srcdir"/units/*.target "$dir/linked/usr/lib/systemd/system"
cp "${builddir:-.}"/units/*.service "$srcdir"/units/*.target "$dir/enabled/usr/lib/systemd/system"
if command -v systemctl >/dev/null; then
	wants=etc/systemd/system/multi-user.target.wants
	systemctl --root="$dir/enabled" enable sriov-setup >"$dir/out" 2>&1
	check "systemctl --root enables it" $?
	mkdir -p "$dir/linked/$wants"
	ln -s /usr/lib/systemd/system/sriov-setup.service "$dir/linked/$wants/"
	systemctl --root="$dir/linked" is-enabled sriov-setup >"$dir/out" 2>&1
	check "one symlink does" $?
	[ "$(readlink "$dir/linked/$wants/sriov-setup.service")" = "$(readlink "$dir/enabled/$wants/sriov-setup.service")" ]
	check "and it is the one that systemctl makes" $?
else
	skip "enabling" "systemctl is not installed"
fi

# the examples
examples=$srcdir/examples
for config in "$examples"/*.conf; do
	image example none
	cp "$config" "$dir/example/etc/sriov.conf"
	"$dir/program" --root="$dir/example" check >"$dir/out" 2>&1
	check "${config#"$examples/"} is right" $?
done
for script in "$examples"/*/*.sh "$examples"/*/mkosi.postinst*; do
	sh -n "$script" >"$dir/out" 2>&1
	check "${script#"$examples/"} is a shell script" $?
done
grep -rnE --exclude='*.svg' '[a-z]+://|^FROM [a-z]' "$examples" >"$dir/out"
[ ! -s "$dir/out" ]
check "they name no mirror and no registry" $?
# a Containerfile is built nowhere here: only what it takes from these sources is looked at
sed -n 's/^COPY \([a-z][^ ]*\) .*/\1/p' "$examples/bootc/Containerfile" | (cd "$srcdir" && xargs ls) >"$dir/out" 2>&1
check "bootc/Containerfile copies files that exist" $?
if command -v xmllint >/dev/null; then
	xmllint --noout "$examples/kiwi/config.xml" >"$dir/out" 2>&1
	check "kiwi/config.xml is well-formed" $?
else
	skip "kiwi/config.xml" "xmllint is not installed"
fi
if python3 -c 'import yaml' 2>/dev/null; then
	for file in "$examples"/harvester/*.yaml; do
		image yaml none
		python3 -c 'import sys, yaml; step = yaml.safe_load(open(sys.argv[1]))["stages"]["initramfs"][0]
assert step["systemctl"]["enable"] == ["sriov-setup"] and step["files"][0]["path"] == "/etc/sriov.conf", step
print(step["files"][0]["content"])' "$file" >"$dir/yaml/etc/sriov.conf" 2>"$dir/out"
		check "${file#"$examples/"} enables the service and writes a config" $?
		"$dir/program" --root="$dir/yaml" check >"$dir/out" 2>&1
		check "which is right" $?
	done
else
	skip "harvester" "no python3 with yaml"
fi
echo "1..$n"
exit $bad
