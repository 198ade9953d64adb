"""The power goes away while kernel arguments are written: the machine boots, and the next run converges."""
import os
import time

CONF = 'kernel = { passthrough = true; };\n'
POINTS = 20 if os.environ.get("SRIOV_SETUP_FULL") else 4


def cut(guest, seconds):
    """From the snapshot: the write, and QEMU killed in the midst of it."""
    guest.restore("ready")
    guest.start(load="ready")
    guest.sh("setsid sriov-setup kargs apply >/run/apply.log 2>&1 & echo")
    time.sleep(seconds)
    guest.kill()


def scenario(t):
    with t.vm(files={"/etc/sriov.conf": CONF}, cache="writethrough") as guest:
        guest.start()
        guest.sh("sync")
        guest.save("ready")
        began = time.monotonic()
        guest.sh("sriov-setup kargs apply")
        length = time.monotonic() - began
        guest.kill()
        for i in range(POINTS):
            cut(guest, length * (i + 0.5) / POINTS)
            guest.start()
            words = guest.sh("cat /proc/cmdline")
            t.ok("root=" in words, f"cut {i + 1} of {POINTS}: the machine boots", words)
            guest.sh("sriov-setup kargs apply")
            t.ok(int(guest.sh("grep -c 'linux.*iommu=pt.*sriov_setup.gen=' /boot/grub/grub.cfg || true")) > 0,
                 "the next run leaves the words in grub.cfg")
            t.eq(guest.sh("ls -A /boot/grub /etc/default/grub.d /var/lib/sriov-setup | grep -c '^[.].*sriov' || true").strip(),
                 "0", "and no leftovers")
            t.eq(guest.status("sriov-setup plan"), (0, "nothing to do\n"), "nothing is left to do")
            guest.kill()
