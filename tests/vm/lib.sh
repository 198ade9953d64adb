# Shared by the scripts of this folder: where the cache is, which mirror the host uses.
# shellcheck shell=bash
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # used by those who source this
source_dir=$(cd "$here/../.." && pwd)
cache=${SRIOV_SETUP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sriov-setup-vm}
suite=trixie # of QEMU, and of guests that ask for no other
mkdir -p "$cache"

say() { printf '%s\n' "$*" >&2; }

need_packages() {
	local missing=() package
	for package; do
		dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
	done
	[ ${#missing[@]} = 0 ] && return
	[ "$(id -u)" = 0 ] || { say "missing packages: ${missing[*]}"; return 1; }
	say "installing ${missing[*]}"
	apt-get -qq update >/dev/null
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# The archive that this host installs from: its apt configuration knows, we name none.
mirror() {
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | sort -u | head -n 1
}

# make_tree DIR PACKAGE…: a Debian tree, whole or absent
make_tree() {
	local dir=$1
	shift
	need_packages mmdebstrap debian-archive-keyring
	rm -rf "$dir.new"
	# a mirror's copy of unstable may be weeks old, which its signature does not forgive
	mmdebstrap --quiet --variant=minbase --aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--include="$(IFS=,; echo "$*")" "$suite" "$dir.new" \
		"deb $(mirror) $suite main" >&2
	mv "$dir.new" "$dir"
}
