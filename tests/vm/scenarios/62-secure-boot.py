"""Secure Boot with keys of our own: an addon without signature is refused, a signed one is used; removal."""
import efi

RUN = """\
mkdir -p /etc/keys
cd /etc/keys
openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=sriov-setup-test -days 3650 -keyout db.key -out db.pem
boot=/usr/lib/systemd/boot/efi/systemd-bootx64.efi
sbsign --key db.key --cert db.pem --output $boot.signed $boot
# systemd-boot gives the keys to the firmware at its first start
install_options='--secure-boot-auto-enroll=yes --private-key=/etc/keys/db.key --certificate=/etc/keys/db.pem'
""" + efi.SYSTEMD_BOOT + f"""\
echo secure-boot-enroll force >>/boot/efi/loader/loader.conf
{efi.UKI} --secureboot-private-key=db.key --secureboot-certificate=db.pem --output=/boot/efi/EFI/Linux/debian.efi
cd /
umount /boot/efi
"""
ADDON = "/boot/efi/loader/addons/sriov-setup.addon.efi"
SIGNED = 'secure_boot = { key = "/etc/keys/db.key"; certificate = "/etc/keys/db.pem"; };'


def scenario(t):
    with t.vm(efi="secure", files={"/etc/sriov.conf": efi.CONF}, run=RUN) as guest:
        guest.start()
        t.has(guest.sh("bootctl status"), "Secure Boot: enabled", "Secure Boot is on")
        status, output = guest.status("sriov-setup kargs apply")
        t.eq(status, 1, "without a key kargs apply fails")
        t.has(output, "set kernel.secure_boot = {", "and says what to do")
        t.eq(guest.status("ls /boot/efi/loader/addons /var/lib/sriov-setup/kargs")[1].count("addon.efi"), 0,
             "nothing is written")
        # the firmware's own judgement; 61-uki-addon shows that such an addon works without Secure Boot
        guest.sh("mkdir -p /boot/efi/loader/addons; ukify build --cmdline=not_signed "
                 "--output=/boot/efi/loader/addons/other.addon.efi")
        guest.sh(f"sed -i 's|passthrough|{SIGNED} passthrough|' /etc/sriov.conf")
        before = efi.apply(t, guest, "uki-addon")
        new_certificate(t, guest)
        guest.reboot()
        t.hasnt(guest.sh("cat /proc/cmdline"), "not_signed", "the firmware refuses an addon without signature")
        efi.has_words(t, guest, "uki-addon")
        efi.remove(t, guest, before)


def new_certificate(t, guest):
    """The same words are signed again when the certificate is another."""
    verify = f"sbverify --cert /etc/keys/db.pem {ADDON}"
    t.eq(guest.status(verify)[0], 0, "the addon is signed")
    guest.sh("cp /etc/keys/db.pem /etc/keys/old.pem; openssl req -x509 -key /etc/keys/db.key -subj /CN=renewed "
             "-days 3650 -out /etc/keys/db.pem")
    t.has(guest.status("sriov-setup plan")[1], "another boot loader or certificate", "plan sees another certificate")
    t.has(guest.sh("sriov-setup kargs apply"), "are signed with another key now", "and kargs apply signs again")
    t.eq(guest.status(verify)[0], 0, "which the addon shows")
    guest.sh("mv /etc/keys/old.pem /etc/keys/db.pem; sriov-setup kargs apply")
    t.eq(guest.status("sriov-setup plan"), (0, "nothing to do\n"), "nothing is left to do")
