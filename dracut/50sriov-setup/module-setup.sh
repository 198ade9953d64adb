#!/bin/bash
# Only when asked for (add_dracutmodules+=" sriov-setup "): VFs are needed that early only where
# the root disk is on one, or where a driver must never see them.

check() {
	require_binaries sriov-setup || return 1
	return 255
}

depends() {
	echo systemd udev-rules
}

installkernel() {
	local modalias
	hostonly='' instmods vfio vfio-pci vfio_iommu_type1
	# the drivers of the PFs of this machine
	for modalias in /sys/bus/pci/devices/*/sriov_totalvfs; do
		[ -e "$modalias" ] || continue
		hostonly='' instmods "$(cat "${modalias%/*}/modalias")"
	done
}

install() {
	# shellcheck disable=SC2154 # dracut sets these
	inst_multiple sriov-setup rm
	inst_multiple -o /etc/sriov.conf '/etc/sriov.conf.d/*.conf' '/usr/lib/sriov-setup/*.conf'
	inst_rules 60-sriov-setup.rules
	# shellcheck disable=SC2154
	inst_simple "$systemdsystemunitdir/sriov-setup.service"
	inst_simple "$systemdsystemunitdir/sriov-ready.target"
	inst_simple "$moddir/initrd.conf" "$systemdsystemunitdir/sriov-setup.service.d/initrd.conf"
	# shellcheck disable=SC2154
	$SYSTEMCTL -q --root "$initdir" add-wants initrd.target sriov-setup.service
}
