#!/bin/bash
# shellcheck disable=SC2154 # moddir, initdir, systemdsystemunitdir, SYSTEMCTL: dracut sets them
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
	local attribute
	hostonly='' instmods vfio vfio-pci vfio_iommu_type1
	# the drivers of the PFs of this machine
	for attribute in /sys/bus/pci/devices/*/sriov_totalvfs; do
		[ -e "$attribute" ] || continue
		hostonly='' instmods "$(cat "${attribute%/*}/modalias")"
	done
}

install() {
	inst_multiple sriov-setup rm
	inst_libdir_file 'libkmod.so.2*' # opened when a module is to be loaded
	inst_multiple -o /etc/sriov.conf '/etc/sriov.conf.d/*.conf' '/usr/lib/sriov-setup/*.conf' \
		/etc/harvester-release.yaml # what kind of node it is decides how the config is read
	inst_rules 60-sriov-setup.rules
	inst_simple "$systemdsystemunitdir/sriov-setup.service"
	inst_simple "$systemdsystemunitdir/sriov-ready.target"
	inst_simple "$moddir/initrd.conf" "$systemdsystemunitdir/sriov-setup.service.d/initrd.conf"
	$SYSTEMCTL -q --root "$initdir" add-wants initrd.target sriov-setup.service
}
