#!/bin/bash
# Runs inside the image, after everything is installed. A mistake ends the build here, not a boot
# later: kiwi stops when this fails.
set -e
. /.profile # kiwi's own: kiwi_cmdline is kernelcmdline of config.xml

sriov-setup check
for word in $(sriov-setup kargs print); do
	# shellcheck disable=SC2154 # of /.profile
	case " $kiwi_cmdline " in
	*" $word "*) ;;
	*) echo "config.xml: kernelcmdline lacks $word" >&2 && exit 1 ;;
	esac
done

# what "systemctl enable" does. sriov-setup-kargs.service stays off: config.xml has the arguments.
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -sf /usr/lib/systemd/system/sriov-setup.service /etc/systemd/system/multi-user.target.wants/
