#!/usr/bin/env bash
# Every string of the config, and every one that a device or the list of names provides, with the syntax of every
# language that it is written into: refused with its line, or what was written means nothing else to the real parser.
command -v python3 >/dev/null || { echo "1..0 # SKIP no python3" && exit 0; }
PYTHONPATH=$(readlink -f "${srcdir:-.}/tests/unit") exec python3 -B - "$(readlink -f "${builddir:-.}")" "$(readlink -f "${srcdir:-.}")" <<'END'
import json, os, pathlib, re, shlex, shutil, subprocess, sys, tempfile
import xml.etree.ElementTree as xml
import tap
try:
    import tomllib, yaml
except ImportError:
    print("1..0 # SKIP no tomllib or PyYAML")
    sys.exit(0)

build, source = map(pathlib.Path, sys.argv[1:])
program = build / "sriov-setup"
fake = build / "tests/fake-kernel/fake-kernel"
PAYLOADS = {
    "command": 'a"; touch CANARY; echo "', "substitution": "a$(touch CANARY)", "backquotes": "a`touch CANARY`",
    "single quote": "a'; touch CANARY; '", "line": "a\nINJECTED=1\n[INJECTED]\nINJECTED: 1", "variable": "a${PATH}",
    "yaml": "a: {INJECTED: 1}", "yaml comment": "a #", "anchor": "&a *b !!python/object:os.system", "dashes": "a --- - x",
    "xml": "a</name><INJECTED/>", "entity": "&INJECTED;<!-- ]]>", "toml": 'a"]\nINJECTED = ["', "return": "a\rINJECTED=1",
    "unit": "a%n%i\\\nExecStart=/bin/touch CANARY", "path": "../../CANARY", "absolute": "/../CANARY", "format": "%s%n%x",
    "backslash": "a\\", "udev": 'a", RUN+="/bin/touch CANARY', "glob": "*[!x]?", "utf-8": "é\u202e", "escape": "\x1b[31m",
    "comma": "a,ids=1:2", "space": "a b", "long": "a" * 5000, "empty": "", "usual": "x1", "usual name": "test/nic",
}
MATCH = ("address", "interface", "mac", "id", "driver", "slot", "serial")
KEYS = {
    **{f"pf.match.{key}": f"pf = ( {{ match = {{ {key} = %s; }}; vfs = 7; }} );" for key in MATCH},
    **{f"pf.{key}": f'pf = ( {{ match = {{ interface = "eno1"; }}; vfs = 7; {key} = %s; }} );'
       for key in ("vfs", "driver", "resource", "advertise", "mac", "eswitch", "link", "vlan_proto", "link_state")},
    **{f"pf.vf.{key}": f'pf = ( {{ match = {{ interface = "eno1"; }}; vfs = 7; vf = ( {{ index = "0"; {key} = %s; }} ); }} );'
       for key in ("driver", "resource", "advertise")},
    "pf.vf.index": 'pf = ( { match = { interface = "eno1"; }; vfs = 7; vf = ( { index = %s; driver = "none"; } ); } );',
    "pf.sysfs": 'pf = ( { match = { interface = "eno1"; }; vfs = 7; sysfs = ( { attribute = %s; value = "1"; } ); } );',
    "device.resource": 'device = ( { match = { id = "8086:10c9"; }; resource = %s; } );',
    "device.driver": 'device = ( { match = { id = "1111:2222"; }; driver = %s; } );',
    "mdev.type": 'mdev = ( { match = { address = "0000:3b:00.0"; }; type = %s; count = 1; } );',
    "kernel.extra": "kernel = { extra = [ %s ]; };", "kernel.blacklist": "kernel = { blacklist = [ %s ]; };",
    "kernel.bootloader": "kernel = { passthrough = true; bootloader = %s; };",
    "kernel.hugepages": "kernel = { hugepages = ( { size = %s; count = 1; } ); };",
    "kernel.secure_boot": 'kernel = { secure_boot = { key = %s; certificate = "/x"; }; };',
    **{f"export.{key}": f'pf = ( {{ match = {{ interface = "eno1"; }}; vfs = 7; }} ); export = {{ {key} = %s; }};'
       for key in ("node", "namespace", "dir")},
    "memlock": "memlock = [ %s ];",
}
# each by itself, as some exclude others
DOCUMENTS = ("kubevirt.yaml", "device-plugin.json", "nad.yaml", "sriov-network.yaml", "harvester.yaml", "libvirt.xml", "qemu.args", "cdi.json",
             "udev.rules")


def quoted(text):
    return '"' + "".join({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\x1b": "\\x1b"}.get(c, c) for c in text) + '"'


def run(config, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, errors="replace", timeout=60, check=False)


def image(top, config):
    """A tree to write into, with GRUB."""
    for path, text in {"etc/sriov.conf": config, "boot/grub/grub.cfg": "", "usr/sbin/grub-mkconfig": "default/grub.d",
                       "etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'}.items():
        path = top / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def lines_are(path, pattern):
    wrong = [line for line in path.read_text().splitlines() if not re.fullmatch(pattern, line)]
    return f"{path}: {wrong}" if wrong else None


def shell_is_harmless(path, folder):
    result = subprocess.run(["sh", "-eu", "-c", '. "$0"; echo "${INJECTED-none}"', path], cwd=folder, capture_output=True, text=True,
                            env={"GRUB_CMDLINE_LINUX_DEFAULT": "quiet", "PATH": os.environ["PATH"]}, check=False)
    return None if result.stdout == "none\n" else f"{path}: {result.stdout}{result.stderr}"


def judge_image(top):
    """What an image build wrote."""
    for path in top.rglob("*"):
        if path.name == "CANARY":
            return f"{path} was made"
        if not path.is_file():
            continue
        why = None
        if "modprobe.d" in path.parts:
            why = lines_are(path, r"#.*|(options|blacklist) [A-Za-z0-9_.,:= -]+")
        elif "system" in path.parts:
            why = lines_are(path, r"#.*|\[Service\]|LimitMEMLOCK=infinity")
        elif path.name == "zz-sriov-setup.cfg":
            why = shell_is_harmless(path, top)
        if why:
            return why
    return None


def judge_print(top):
    """kargs print, in every format."""
    for form in ("cmdline", "grub", "bls", "bootc", "toml"):
        result = run(None, f"--root={top}", "kargs", "print", f"--format={form}")
        if result.returncode:
            continue
        if form in ("bootc", "toml") and list(tomllib.loads(result.stdout)) not in ([], ["kargs"], ["customizations"]):
            return f"{form}: {result.stdout}"
        if form == "grub":
            (top / "printed").write_text(result.stdout)
            why = shell_is_harmless(top / "printed", top)
            if why:
                return why
        if "INJECTED" in result.stdout:
            return f"{form}: {result.stdout}"
    return None


def has_key(value, key):
    if isinstance(value, dict):
        return key in value or any(has_key(v, key) for v in value.values())
    return isinstance(value, list) and any(has_key(v, key) for v in value)


def judge_documents(folder):
    """The exports and rules of a machine."""
    for path in sorted(folder.rglob("*")):
        text = path.read_text() if path.is_file() else ""
        if not text: # nothing was for that consumer, which was said
            continue
        if path.suffix == ".yaml":
            wrong = any(has_key(document, "INJECTED") for document in yaml.safe_load_all(text))
        elif path.suffix == ".json":
            wrong = has_key(json.loads(text or "{}"), "INJECTED")
        elif path.suffix == ".xml":
            wrong = xml.fromstring(text).iter("INJECTED") and any(True for _ in xml.fromstring(text).iter("INJECTED"))
        elif path.suffix == ".args":
            wrong = any(word.startswith(("INJECTED", "touch")) for word in shlex.split(text, comments=True))
        elif path.suffix == ".rules":
            wrong = lines_are(path, r'#.*||(([A-Z]+(\{[^}"]*\})?(==|!=|=|\+=|:=)"[^"]*")(, ?)?)+') or "RUN" in text
        else:
            continue
        if wrong:
            return f"{path.name}: {text}"
    return None


# what the machine itself says: no slash nor white space, which a name in /sys cannot have
DEVICE = [name for name in (re.sub(r"[\s/#]", "_", payload) for payload in PAYLOADS.values()) if name and len(name) < 200]
MACHINE = """driver igb ids=8086:10c9 sriov netdevs
driver vfio-pci
driver nvidia ids=10de:1eb8
function 0000:01:00.0 id=8086:10c9 vfs=2 vf_id=10ca offset=128 stride=2 net={name}
slot {name} 0000:01:00
function 0000:3b:00.0 id=10de:1eb8 class=030200 mdev=nvidia-222:{name}:3
"""
MACHINE_CONF = """pf = ( { match = { id = "8086:10c9"; }; vfs = 2; } );
mdev = ( { match = { address = "0000:3b:00.0"; }; type = "nvidia-222"; count = 1; resource = "test/mdev"; } );
"""
EXPORT = "for x in " + " ".join(DOCUMENTS) + "; do {} export ${{x%.*}} >{}/$x 2>>{}/said || rm {}/$x; done"
COMMANDS = ("plan", "apply --boot", "status", "--json status", "status --format=dot", "--json plan", "doctor", "--json doctor",
            "explain 0000:01:00.0", "claims", "export config", "export udev", "reset")


def judge_answers(folder):
    """What each command answers on one such machine."""
    for path in sorted(folder.glob("answer.*")):
        text, command = path.read_text(errors="surrogateescape"), COMMANDS[int(path.suffix[1:])]
        wrong = re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text) is not None
        if not wrong and "--json" in command:
            wrong = text and has_key(json.loads(text.splitlines()[0] if command.endswith("plan") else text), "INJECTED")
        if not wrong and "dot" in command and shutil.which("dot"):
            result = subprocess.run(["dot", "-Tsvg"], input=text.encode(errors="surrogateescape"), capture_output=True, check=False)
            wrong = result.returncode or b"<INJECTED" in result.stdout
        if not wrong and command == "export config":
            (folder / "config").write_text(text)
            wrong = subprocess.run([program, f"--config={folder}/config", "check"], capture_output=True, check=False).returncode
        if not wrong and command == "export udev":
            wrong = "RUN" in text
        if wrong:
            return f"{command}: {text!r}"
    status = (folder / "codes").read_text().split()
    return None if len(status) == len(COMMANDS) and set(status) <= {"0", "1", "2", "3"} else f"exit statuses {status}"


def device_strings(work):
    """The machine's own names: of interfaces, slots, types of mediated devices, and of the list of PCI names."""
    why = []
    for number, name in enumerate(DEVICE):
        folder = work / f"device{number}"
        folder.mkdir()
        (folder / "machine").write_text(MACHINE.format(name=name))
        (folder / "conf").write_text(MACHINE_CONF)
        (folder / "ids").write_text(f"8086  {name}\n\t10c9  {name}\n\t10ca  {name}\n10de  {name}\n\t1eb8  {name}\n")
        lines = [f"mount --bind {folder}/ids /usr/share/misc/pci.ids"]
        for index, command in enumerate(COMMANDS):
            lines.append(f"{program} --config={folder}/conf {command} >{folder}/answer.{index} 2>>{folder}/said; echo $? >>{folder}/codes")
            if command.startswith("apply"):
                lines.append(EXPORT.format(f"{program} --config={folder}/conf", folder, folder, folder))
        (folder / "script").write_text("\n".join(lines))
        result = subprocess.run([source / "tests/fake-kernel/with", folder / "machine", "sh", folder / "script"], cwd=folder,
                                env={**os.environ, "BUILD": str(build)}, capture_output=True, timeout=120, check=False)
        try:
            wrong = judge_answers(folder) or judge_documents(folder)
        except (ValueError, OSError, xml.ParseError, yaml.YAMLError) as error:
            wrong = f"{error} {result.stderr}"
        said = (folder / "said").read_text(errors="surrogateescape") if (folder / "said").exists() else ""
        if not wrong and (re.search(r"[\x00-\x08\x0b-\x1f\x7f]", said) or list(folder.rglob("CANARY"))):
            wrong = f"said {said!r}"
        why += [f"{name!r}: {wrong}"] if wrong else []
    return why


with tempfile.TemporaryDirectory(prefix="sriov-setup-hostile.") as work:
    work, accepted, table = pathlib.Path(work), {}, 0
    for key, form in KEYS.items():
        why = []
        for name, payload in PAYLOADS.items():
            config, top = form % quoted(payload) + "\n", work / "root"
            shutil.rmtree(top, ignore_errors=True)
            image(top, config)
            table += 1
            result = run(None, f"--root={top}", "check")
            if result.returncode not in (0, 1) or "\x1b" in result.stderr:
                why.append(f"{name}: {result.returncode}: {result.stderr!r}")
            elif result.returncode == 1 and "/etc/sriov.conf:1: " not in result.stderr and "kernel.bootloader" not in result.stderr:
                why.append(f"{name}: no line: {result.stderr}")
            elif result.returncode == 0:
                if not key.startswith("kernel") and key != "memlock":
                    accepted[f"{key}, {name}"] = config
                run(None, f"--root={top}", "apply")
                wrong = judge_image(top) or judge_print(top)
                why += [f"{name}: {wrong}"] if wrong else []
        tap.ok(not why, f"{key}: {len(PAYLOADS)} strings", "\n".join(why))
    print(f"# {table} strings tried, {len(accepted)} taken that reach documents")
    mounted = os.getuid() == 0 and fake.exists() and os.access("/dev/fuse", os.W_OK)
    if not mounted:
        tap.skip("documents", "needs root and /dev/fuse")
    else:
        script, folder = work / "run.sh", work / "documents"
        with open(script, "w", encoding="utf-8") as file:
            for number, config in enumerate(accepted.values()):
                (work / f"{number}.conf").write_text(config)
                (folder / str(number)).mkdir(parents=True)
                setup = f"{program} --config={work}/{number}.conf"
                place = f"{folder}/{number}"
                file.write(f"{setup} apply --boot 2>>{work}/said\n{EXPORT.format(setup, place, place, place)}\n")
        subprocess.run([source / "tests/fake-kernel/with", "igb", "sh", script], env={**os.environ, "BUILD": str(build)},
                       capture_output=True, timeout=300, check=False)
        why = [f"{name}: {wrong}" for number, name in enumerate(accepted)
               if (wrong := judge_documents(folder / str(number)))]
        written = sum(path.stat().st_size > 0 for path in folder.rglob("*.*"))
        tap.ok(not why and written > 5 * len(accepted), f"{written} documents of {len(accepted)} strings", "\n".join(why))
        tap.ok(not any("\x1b" in path.read_text(errors="replace") for path in work.rglob("said")), "no control characters in messages")
        why = device_strings(work)
        tap.ok(not why, f"{len(DEVICE)} names that a machine has, {len(COMMANDS)} commands each", "\n".join(why))
tap.done()
END
