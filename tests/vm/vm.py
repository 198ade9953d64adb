"""A Debian guest under QEMU: its disk, its devices, commands inside it, QMP. Every wait has a deadline."""
import base64
import importlib.util
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("SRIOV_SETUP_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
                     / "sriov-setup-vm")
BOOT_DEADLINE = 300
LOST_TIMER = "rcu_preempt kthread timer wakeup didn't happen"
ICOUNT = 1  # 2^1 ns for an instruction: about what the emulation does on a quiet machine


class VMError(Exception):
    pass


class QEMUCrash(VMError):
    """QEMU itself gave up, as by "iotlb_to_section: Assertion", or lost a timer: it says nothing about the guest."""


def script(name, *args):
    """What one of the scripts of this folder prints: a path."""
    run = subprocess.run([HERE / name, *args], stdout=subprocess.PIPE, text=True, timeout=900)
    if run.returncode:
        raise VMError(f"tests/vm/{name} failed")
    return pathlib.Path(run.stdout.strip())


def load(name):
    """The module of a scenario."""
    spec = importlib.util.spec_from_file_location("scenario", HERE / "scenarios" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The disk of QEMU and libvirt as a root to change into; what is written there is gone with the boot.
MOUNT_VIRT = """\
mkdir -p /run/virt /virt && mount -L virt -o ro /run/virt
mkdir -p /run/virt-upper && mount -t tmpfs virt /run/virt-upper && mkdir /run/virt-upper/upper /run/virt-upper/work
mount -t overlay -o lowerdir=/run/virt,upperdir=/run/virt-upper/upper,workdir=/run/virt-upper/work virt /virt
for dir in dev proc sys run tmp boot lib/modules; do mount --rbind /$dir /virt/$dir || exit 1; done
"""


def root_port(name, number):
    return ["-device", f"pcie-root-port,id=rp-{name},chassis={number},slot={number}"]


def igb(name, number):
    """An 82576 with 7 VFs, PF 8086:10c9, VF 8086:10ca, behind a root port of its own."""
    return root_port(name, number) + [
        "-netdev", f"hubport,id=net-{name},hubid={number}",
        "-device", f"igb,id={name},bus=rp-{name},netdev=net-{name},mac=52:54:00:00:00:{number:02x}"]


def nvme(name, number, vfs=127):
    """An NVMe controller with VFs that have its own ID, 1b36:0010."""
    return root_port(name, number) + [
        "-device", f"nvme-subsys,id=sub-{name}",
        "-device", f"nvme,id={name},bus=rp-{name},subsys=sub-{name},serial={name},"
        f"max_ioqpairs={4 * vfs + 2},sriov_max_vfs={vfs},sriov_vq_flexible={2 * vfs},"
        f"sriov_vi_flexible={vfs},msix_qsize={4 * vfs + 4}"]


class VM:
    """One guest. files: {path: text or (text, mode)}; links: {path: target}; run: a script at the end
    of the offline customisation; kernel: boot without a boot loader, with these words; suite: Debian's
    release; icount: one CPU, and each instruction takes 2^icount ns, so that times repeat; iommu: QEMU's
    device for it, or "none"; efi: "plain", or "secure" for firmware that can do Secure Boot: with OVMF,
    on a disk with an EFI system partition but no boot loader. disk: a raw image that boots by itself,
    instead of ours; nothing is put onto it. virt: /virt is a root with QEMU, libvirt and busybox, to be
    used by chroot; it sees the guest's /dev, /proc, /sys, /run, /tmp, /boot and /lib/modules. log: a file
    that gets every write and flush to the disk, for writelog.py. threads: "single" runs the CPUs in turn, so that
    QEMU's "iotlb_to_section: Assertion", a race of its CPUs about hundreds of BARs, does not come."""

    def __init__(self, name, devices=(), files=None, links=None, run="", product=True, memory=1024,
                 icount=0, iommu="", kernel="", cache="unsafe", efi=None, suite="trixie",
                 disk=None, virt=False, log=None, threads="multi"):
        self.name, self.devices, self.memory, self.icount = name, list(devices), memory, icount
        self.kernel, self.cache, self.efi, self.tools = kernel, cache, efi, script("tools")
        # after OVMF the kernel's timer check fails through remapped interrupts: a panic
        self.iommu = iommu or f"intel-iommu,intremap={'off' if efi else 'on'},caching-mode=on"
        self.suite, self.log, self.threads = suite, log, threads
        self.virt = script("virt") if virt else None
        self.image = disk or script("image", "efi" if efi else "bios", suite)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}.", dir=CACHE))
        self.process = self.agent = self.monitor = None
        self.boot_id = ""
        self._make_overlay("raw" if disk else "qcow2")
        if not disk:
            self._customise(dict(files or {}), dict(links or {}), run, product)
        if efi:
            shutil.copy(self.tools / "usr/share/OVMF/OVMF_VARS_4M.fd", self.dir / "vars.fd")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.kill()
        if kind is None:
            shutil.rmtree(self.dir, ignore_errors=True)

    def _qemu(self, *args):
        return [str(HERE / "qemu"), str(self.tools), *args]

    def _make_overlay(self, form):
        self.disk = self.dir / "disk.qcow2"
        subprocess.run(self._qemu("--img", "create", "-q", "-f", "qcow2", "-F", form, "-b",
                                  str(self.image), str(self.disk)), check=True, timeout=60)

    def _customise(self, files, links, run, product):
        archive = self.dir / "files.tar"
        if product:
            shutil.copy(script("build", self.suite), archive)
        if run:
            files["/vmtest-customise"] = ("#!/bin/sh\nset -e\n" + run, 0o755)
        with tarfile.open(archive, "a" if product else "w") as tar:
            for path, content in files.items():
                text, mode = content if isinstance(content, tuple) else (content, 0o644)
                info = tarfile.TarInfo("." + path)
                data = text if isinstance(text, bytes) else text.encode()
                info.size, info.mode = len(data), mode
                tar.addfile(info, io.BytesIO(data))
            for path, target in links.items():
                info = tarfile.TarInfo("." + path)
                info.type, info.linkname = tarfile.SYMTYPE, target
                tar.addfile(info)
        console = self.dir / "customise.log"
        stem = str(self.image)[:-len(".qcow2")]
        subprocess.run(self._qemu(
            "-accel", "tcg,thread=multi", "-M", "q35", "-cpu", "max", "-smp", "2", "-m", "1024",
            "-display", "none", "-nodefaults", "-no-reboot", "-kernel", stem + ".vmlinuz",
            "-initrd", stem + ".initrd", "-serial", f"file:{console}",
            "-append", "root=/dev/vda1 rw console=ttyS0 quiet init=/usr/lib/vmtest/customise",
            "-drive", f"file={self.disk},format=qcow2,if=virtio,cache=unsafe",
            "-drive", f"file={archive},format=raw,if=virtio,readonly=on"), check=True, timeout=240,
            stdin=subprocess.DEVNULL)
        if "VMTEST CUSTOMISED" not in console.read_text(errors="replace"):
            raise VMError("customising the disk failed:\n" + tail(console))

    def _firmware(self):
        if not self.efi:
            return ["-M", "q35,kernel-irqchip=split"]
        secure = self.efi == "secure"
        code = self.tools / "usr/share/OVMF" / f"OVMF_CODE_4M{'.secboot' if secure else ''}.fd"
        return ["-M", f"q35,kernel-irqchip=split,smm={'on' if secure else 'off'}",
                "-global", f"driver=cfi.pflash01,property=secure,value={'on' if secure else 'off'}",
                "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
                "-drive", f"if=pflash,unit=1,format=raw,file={self.dir}/vars.fd"]

    def _drive(self):
        if not self.log:
            return ["-drive", f"file={self.disk},format=qcow2,if=virtio,cache={self.cache}"]
        self.log.touch()
        return ["-blockdev", f"qcow2,node-name=disk,file.driver=file,file.filename={self.disk}",
                "-blockdev", f"blklogwrites,node-name=logged,file=disk,log.driver=file,log.filename={self.log}",
                "-device", "virtio-blk-pci,drive=logged"]

    def raw_disk(self, path):
        """A copy of the disk, as it is now, without format or backing file."""
        subprocess.run(self._qemu("--img", "convert", "-O", "raw", str(self.disk), str(path)), check=True, timeout=240)

    def start(self, load=""):
        """Boots, or goes on from a snapshot of that name."""
        args = [*self._firmware(), "-cpu", "max", "-smp", "1" if self.icount else "2",
                "-m", str(self.memory), "-display", "none", "-nodefaults",
                *(["-device", self.iommu] if self.iommu != "none" else []),
                "-serial", f"file:{self.dir}/console.log",
                *self._drive(),
                *(["-drive", f"file={self.virt},format=raw,if=virtio,readonly=on"] if self.virt else []),
                "-device", "virtio-serial-pci",
                "-chardev", f"socket,id=agent,path={self.dir}/agent,server=on,wait=off",
                "-device", "virtserialport,chardev=agent,name=vmtest",
                "-qmp", f"unix:{self.dir}/qmp,server=on,wait=off"]
        args += (["-icount", f"shift={self.icount},sleep=off"] if self.icount else
                 ["-accel", f"tcg,thread={self.threads}"])
        if self.kernel:
            stem = str(self.image)[:-len(".qcow2")]
            args += ["-kernel", stem + ".vmlinuz", "-initrd", stem + ".initrd", "-append", self.kernel]
        if load:
            args += ["-loadvm", load]
        log = open(self.dir / "qemu.log", "wb")
        self.process = subprocess.Popen(self._qemu(*args, *self.devices), stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log)
        self.monitor = self._connect("qmp")
        self._receive(self.monitor, 30)
        self.qmp("qmp_capabilities")
        self.agent = self._connect("agent")
        if not load:
            self.wait_boot()
        return self

    def save(self, snapshot):
        """Keeps disk and memory under that name, for start() and restore()."""
        said = self.qmp("human-monitor-command", **{"command-line": f"savevm {snapshot}"})
        if said:
            raise VMError(f"savevm: {said}")

    def restore(self, snapshot):
        """The disk as it was; the machine is off."""
        subprocess.run(self._qemu("--img", "snapshot", "-a", snapshot, str(self.disk)), check=True, timeout=120)

    def _connect(self, name):
        end = time.monotonic() + 30
        while True:
            try:
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(str(self.dir / name))
                return Lines(sock)
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise VMError("QEMU does not run:\n" + tail(self.dir / "qemu.log"))
                time.sleep(0.1)

    def _receive(self, lines, seconds):
        line = lines.read(seconds)
        if line is None:
            if self.process.poll() == -signal.SIGABRT:
                raise QEMUCrash(f"{self.name}: QEMU crashed:\n{tail(self.dir / 'qemu.log')}")
            if LOST_TIMER in (self.dir / "console.log").read_text(errors="replace"):
                raise QEMUCrash(f"{self.name}: QEMU lost a timer:\n{self.console()}")
            raise VMError(f"{self.name}: no answer in {seconds} s; console:\n{self.console()}")
        return line

    def wait_boot(self, seconds=BOOT_DEADLINE):
        """Until the guest's agent says that it is there, in a boot that is not the last one."""
        end = time.monotonic() + seconds
        while True:
            line = self._receive(self.agent, max(1, end - time.monotonic()))
            if line.startswith("ready ") and line[6:] != self.boot_id:
                self.boot_id = line[6:]
                break
        # the agent may be there before the units that are looked at
        self.status("systemctl is-system-running --wait", BOOT_DEADLINE)
        if self.virt:
            self.sh(MOUNT_VIRT)

    def wait_console(self, text, seconds):
        """Until the console has said that, for a guest that answers nothing any more."""
        end = time.monotonic() + seconds
        while text not in (self.dir / "console.log").read_text(errors="replace"):
            if time.monotonic() > end:
                raise VMError(f"{self.name}: no {text!r} in {seconds} s; console:\n{self.console()}")
            time.sleep(0.2)

    def status(self, text, seconds=120):
        """Exit status and output of a shell script in the guest."""
        self.agent.sock.sendall(base64.b64encode(text.encode()) + b"\n")
        while True:
            line = self._receive(self.agent, seconds)
            if not line.startswith("ready "):
                break
        code, _, output = line.partition(" ")
        return int(code), base64.b64decode(output).decode(errors="replace")

    def sh(self, text, seconds=120):
        code, output = self.status(text, seconds)
        if code:
            raise VMError(f"exit status {code} of: {text}\n{output}")
        return output

    def reboot(self):
        self.status("systemctl --no-block reboot")
        self.wait_boot()

    def qmp(self, command, **arguments):
        self.monitor.sock.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self._receive(self.monitor, 60))
            if "error" in answer:
                raise VMError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def console(self):
        return tail(self.dir / "console.log")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


class Lines:
    """Lines of a socket, each with a deadline."""

    def __init__(self, sock):
        self.sock, self.rest = sock, b""

    def read(self, seconds):
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            self.sock.settimeout(max(0.1, end - time.monotonic()))
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                data = b""
            if not data:
                return None
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode(errors="replace").strip()


def tail(path, lines=40):
    try:
        return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(none)"
