#!/usr/bin/env bash
# A tree below --root that is a trap: in the place of each file and folder that a run looks at or writes, a link
# that leads out, a FIFO, a socket, a device, a file where a folder is due, a mount. Whatever is there, nothing
# outside of the tree is read or changed, no program in it is run, and no run hangs or crashes.
command -v strace python3 >/dev/null || { echo "1..0 # SKIP no strace or no python3" && exit 0; }
strace -o /dev/null true 2>/dev/null || { echo "1..0 # SKIP strace may not trace here" && exit 0; }
if [ "${1:-}" != inside ] && unshare --mount true 2>/dev/null; then
	exec unshare --mount "$0" inside
fi
PYTHONPATH=$(readlink -f "${srcdir:-.}/tests/unit") exec python3 -B - "$(readlink -f "${builddir:-.}")" <<'END'
import os, pathlib, re, shutil, socket, stat, subprocess, sys, tempfile
import tap

program = pathlib.Path(sys.argv[1]) / "sriov-setup"
CONFIG = """kernel = { iommu = "on"; passthrough = true; unsafe_interrupts = true; blacklist = [ "igbvf" ]; };
pf = ( { match = { id = "8086:10c9"; }; vfs = 2; } ); memlock = [ "containerd.service" ];
"""
GRUBENV = "# GRUB Environment Block\n" + "#" * 999
# the marks of each boot loader; a program would leave a file outside if it were run
IMAGES = {
    "grub-dropin": {"usr/sbin/grub-mkconfig": "#!/bin/sh\n# /etc/default/grub.d\ntouch OUTSIDE/ran\n", "boot/grub/grub.cfg": "linux /vmlinuz\n",
                    "etc/default/grub": "GRUB_CMDLINE_LINUX=quiet\n", "etc/default/grub.d/kdump.cfg": "X=1\n"},
    "bootc-kargsd": {"usr/lib/bootc/kargs.d/10-own.toml": 'kargs = ["quiet"]\n'},
    "bls-plugin": {"efi/loader/entries/token-6.12.conf": "options root=/dev/x\n", "etc/kernel/entry-token": "token\n",
                   "etc/kernel/cmdline": "quiet\n"},
    "sdbootutil": {"usr/bin/sdbootutil": "#!/bin/sh\n# cmdline.d\ntouch OUTSIDE/ran\n"},
    "u-boot-menu": {"usr/share/u-boot-menu/read-config": "", "etc/default/u-boot": "U_BOOT_PARAMETERS=quiet\n",
                    "usr/sbin/u-boot-update": "#!/bin/sh\ntouch OUTSIDE/ran\n"},
    "elemental": {"oem/grubenv": GRUBENV, "etc/elemental/config.yaml": ""},
    "uki-addon": {"efi/EFI/Linux/debian.efi": "MZ", "usr/lib/systemd/boot/efi/addonx64.efi.stub": "MZ"},
}
COMMANDS = [["apply"], ["kargs", "status"], ["kargs", "remove"]]
if b"__asan_init" in program.read_bytes(): # ten times slower
    COMMANDS = COMMANDS[:1]
MAY_MOUNT = os.getuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0
DEVICE = "a device that nobody may open"


class Trap:
    """A tree, and a copy of it outside that a link in the tree leads to."""

    def __init__(self, work, files):
        self.top, self.outside, self.files = work / "root", work / "outside", files

    def build(self):
        for folder in (self.top, self.outside):
            shutil.rmtree(folder, ignore_errors=True)
            for name, text in {"etc/sriov.conf": CONFIG, "var/lib/x": "", "usr/lib/systemd/system/x": "", **self.files}.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text.replace("OUTSIDE", str(self.outside)))
                path.chmod(0o755 if text.startswith("#!") else 0o644)
        (self.outside / "mount").write_text("mounted\n")
        for path in self.outside.rglob("*"): # a first read changes a time of access that is older than the last change
            os.utime(path, (1, 2))

    def state(self):
        return {path: (os.lstat(path).st_mtime_ns, os.lstat(path).st_atime_ns if path.is_file() else 0) for path in self.outside.rglob("*")}

    def run(self, command, *before):
        try:
            result = subprocess.run([*before, program, f"--root={self.top}", *command], capture_output=True, text=True,
                                    errors="replace", timeout=30, check=False)
        except subprocess.TimeoutExpired:
            return "hangs"
        return None if result.returncode in (0, 1, 2, 3) else f"{result.returncode}: {result.stderr}"

    def paths(self):
        """What the commands look at, and the folders above."""
        self.build()
        found = set()
        for command in COMMANDS:
            log = self.top.parent / "log"
            self.run(command, "strace", "-f", "-y", "-e", "trace=file", "-o", str(log))
            for line in log.read_text(errors="replace").splitlines():
                for folder, name in re.findall(rf'<{self.top}(/[^>]*)?>, "([^"]+)"', line):
                    path = pathlib.PurePosixPath(folder.lstrip("/")) / name.lstrip("/")
                    found |= {str(path), *map(str, path.parents)}
        return {path for path in found if path != "." and ".." not in path}


def clear(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def listen(path):
    with socket.socket(socket.AF_UNIX) as server: # in its folder, as its name may be too long
        os.chdir(path.parent)
        server.bind(path.name)
        os.chdir("/")


TRICKS = {
    "an absolute link out": lambda trap, name, path: path.symlink_to(trap.outside / name),
    "a relative link out": lambda trap, name, path: path.symlink_to("../" * 20 + str(trap.outside / name).lstrip("/")),
    "a link to nothing": lambda trap, name, path: path.symlink_to("/nothing/at/all"),
    "a link to itself": lambda trap, name, path: path.symlink_to(path.name),
    "a FIFO": lambda trap, name, path: os.mkfifo(path),
    "a socket": lambda trap, name, path: listen(path),
    "a folder": lambda trap, name, path: path.mkdir(),
    "a file": lambda trap, name, path: path.write_text("x\n"),
}
if MAY_MOUNT:
    TRICKS["an endless device"] = lambda trap, name, path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    # no driver: to open it fails here, and would do something elsewhere: a tape rewinds, a watchdog starts
    TRICKS[DEVICE] = lambda trap, name, path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(511, 0))


def mount(trap, name, path):
    if path.is_dir():
        return ["-t", "tmpfs", "none", str(path)]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return ["--bind", str(trap.top.parent / "mounted"), str(path)]


def try_mount(trap, name, why):
    """Another file system in its place, which no rename can replace."""
    trap.build()
    (trap.top.parent / "mounted").write_text("x\n")
    path = trap.top / name
    try:
        arguments = mount(trap, name, path)
    except OSError:
        return
    subprocess.run(["mount", *arguments], check=True)
    said = [trap.run(command) for command in COMMANDS]
    subprocess.run(["umount", path], check=True)
    if any(said) or (trap.top.parent / "mounted").read_text() != "x\n":
        why.append(f"{name}, mounted: {said}")


def try_tricks(trap, name, why):
    for trick, make in TRICKS.items():
        trap.build()
        path = trap.top / name
        clear(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            make(trap, name, path)
        except OSError:
            continue
        before = trap.state()
        for command in COMMANDS:
            log = trap.top.parent / "log"
            said = trap.run(command, *(["strace", "-e", "trace=openat,openat2", "-o", log] if trick == DEVICE else []))
            if trick == DEVICE and "ENXIO" in log.read_text(errors="replace"):
                said = "opens the device"
            after = trap.state()
            if said or before != after:
                why.append(f"{name}, {trick}, {' '.join(command)}: {said} {[str(p) for p in after if after[p] != before.get(p)]}")
                break


with tempfile.TemporaryDirectory(prefix="sriov-setup-tricks.", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as work:
    seen = set()
    for loader, files in IMAGES.items():
        trap, why = Trap(pathlib.Path(work), files), []
        paths = trap.paths() - seen
        for name in sorted(paths):
            try_tricks(trap, name, why)
            if MAY_MOUNT:
                try_mount(trap, name, why)
        seen |= paths
        tap.ok(paths and not why, f"{loader}: {len(paths)} paths, {len(TRICKS) + MAY_MOUNT} tricks each", "\n".join(why))
tap.done()
END
