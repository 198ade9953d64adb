# fish completion of sriov-setup; tests/unit/test-man.sh compares the lists with the program's.
set -l commands plan apply check status doctor explain export kargs claim release claims attach detach reset
set -l options --config --root --wait --device --boot --force-in-use --format --owner --count --pid --dead --qmp --json --help --version
set -l verbs status print apply remove rollback
set -l formats cdi config device-plugin harvester kubevirt kubevirt-patch libvirt nad qemu sriov-network udev

complete -c sriov-setup -f
complete -c sriov-setup -n "not __fish_seen_subcommand_from $commands" -a "$commands"
complete -c sriov-setup -n "__fish_seen_subcommand_from export" -a "$formats"
complete -c sriov-setup -n "__fish_seen_subcommand_from kargs" -a "$verbs"
complete -c sriov-setup -n "__fish_seen_subcommand_from explain reset" \
    -a "(for pf in /sys/bus/pci/devices/*/sriov_totalvfs; basename (dirname \$pf); end)"
for option in $options
    switch $option
        case --config --root --qmp
            complete -c sriov-setup -l (string sub -s 3 -- $option) -r -F
        case --wait --device --force-in-use --format --owner --count --pid
            complete -c sriov-setup -l (string sub -s 3 -- $option) -x
        case '*'
            complete -c sriov-setup -l (string sub -s 3 -- $option)
    end
end
