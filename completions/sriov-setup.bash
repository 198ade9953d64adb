# bash completion of sriov-setup; tests/unit/test-man.sh compares the lists with the program's.
# shellcheck shell=bash
_sriov_setup() {
	local commands="plan apply check status doctor explain export kargs claim release claims attach detach reset"
	local options="--config --root --wait --device --boot --force-in-use --format --owner --count --pid --dead --qmp --json --help --version"
	local verbs="status print apply remove rollback"
	local formats="cdi config device-plugin harvester kubevirt kubevirt-patch libvirt nad qemu sriov-network udev"
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words
	local devices=(/sys/bus/pci/devices/*/sriov_totalvfs)

	devices=("${devices[@]%/sriov_totalvfs}")
	case $before in
	export) words=$formats ;;
	kargs) words=$verbs ;;
	explain | reset) words=${devices[*]##*/} ;;
	=) return ;; # of an option: bash's own completion of files
	*) words="$commands $options" ;;
	esac
	# shellcheck disable=SC2207 # the words have no blanks
	COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _sriov_setup sriov-setup
