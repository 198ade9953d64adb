"""The power goes away while kernel arguments are written: each file is old or new, the machine boots, and the next run
converges. Once at every flush that the disk was given, from a log of its writes; then by killing QEMU."""
import os
import shutil
import subprocess
import time

import writelog

CONF = 'kernel = { passthrough = true; };\n'
DROP_IN, GRUB_CFG = "/etc/default/grub.d/zz-sriov-setup.cfg", "/boot/grub/grub.cfg"
FULL = bool(os.environ.get("FULL"))
KILLS = 20 if FULL else 1


def tool(*args, good=(0,)):
    """What a tool for file systems says, or an error that says it too."""
    run = subprocess.run([str(arg) for arg in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=120)
    if run.returncode not in good:
        raise AssertionError(f"exit status {run.returncode} of {args}:\n{run.stdout}")
    return run.stdout


def look(disk, part):
    """The texts of the two files on the disk, in a copy of its first partition. As the boot does it, the journal is
    replayed; then there must be nothing to mend."""
    tool("dd", f"if={disk}", f"of={part}", "bs=1M", "skip=1", "conv=sparse", "status=none")
    tool("e2fsck", "-p", part, good=(0, 1))
    tool("e2fsck", "-fn", part)
    return tuple(tool("debugfs", "-R", f"cat {path}", part).split("\n", 1)[1] for path in (DROP_IN, GRUB_CFG))


def converges(t, guest, what):
    """Boots what the power cut left, and runs once more."""
    guest.start()
    words = guest.sh("cat /proc/cmdline")
    t.ok("root=" in words, f"{what}: the machine boots", words)
    guest.sh("sriov-setup kargs apply")
    t.ok(int(guest.sh(f"grep -c 'linux.*iommu=pt.*sriov_setup.gen=' {GRUB_CFG} || true")) > 0,
         "the next run leaves the words in grub.cfg")
    t.eq(guest.sh("ls -A /boot/grub /etc/default/grub.d /var/lib/sriov-setup | grep -c '^[.].*sriov' || true").strip(),
         "0", "and no leftovers")
    t.eq(guest.status("sriov-setup plan"), (0, "nothing to do\n"), "nothing is left to do")


def record(t):
    """A run on a disk whose writes are logged: the disk as it was before, and where in the log the run begins and ends."""
    guest = t.vm(files={"/etc/sriov.conf": CONF})
    guest.log = guest.dir / "writes"
    disk = guest.dir / "disk.raw"
    guest.raw_disk(disk)
    guest.start()
    guest.sh("sync")
    begin = writelog.end(guest.log)
    guest.sh("sriov-setup kargs apply")
    time.sleep(1)  # what is late to come is logged too
    end = writelog.end(guest.log)
    guest.kill()
    for _ in writelog.replay(guest.log, disk, 0, begin):
        pass
    return guest, disk, begin, end


def flushes(t):
    guest, disk, begin, end = record(t)
    part, states = guest.dir / "part.raw", {}
    points, old = 0, look(disk, part)
    new = old
    for points, _ in enumerate(writelog.replay(guest.log, disk, begin, end), 1):
        part.unlink()
        new = look(disk, part)
        if new not in states:
            states[new] = guest.dir / f"state{len(states)}.raw"
            tool("cp", "--sparse=always", disk, states[new])
    t.ok(points > 5, f"{points} flushes of one run are each the last: the file system is clean after its journal")
    t.ok("iommu=pt" not in "".join(old) and all("iommu=pt" in text for text in new),
         "before there is nothing of ours, after it there is", f"{old}\n{new}")
    t.eq([text for state in states for text, *good in zip(state, old, new) if text not in good], [],
         f"{DROP_IN} and {GRUB_CFG} are old or new at each of them")
    t.ok((old[0], new[1]) not in states, "and grub.cfg is never new where the drop-in is old")
    for number, image in enumerate(states.values(), 1):
        with t.vm(disk=image) as machine:
            converges(t, machine, f"state {number} of {len(states)} of the two")
    shutil.rmtree(guest.dir)


def kills(t):
    with t.vm(files={"/etc/sriov.conf": CONF}, cache="writethrough") as guest:
        guest.start()
        guest.sh("sync")
        guest.save("ready")
        began = time.monotonic()
        guest.sh("sriov-setup kargs apply")
        length = time.monotonic() - began
        guest.kill()
        for i in range(KILLS):
            guest.restore("ready")
            guest.start(load="ready")
            guest.sh("setsid sriov-setup kargs apply >/run/apply.log 2>&1 & echo")
            time.sleep(length * (i + 0.5) / KILLS)
            guest.kill()
            converges(t, guest, f"killed {i + 1} of {KILLS}")
            guest.kill()


def scenario(t):
    flushes(t)
    kills(t)
