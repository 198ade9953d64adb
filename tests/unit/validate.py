"""validate.py FOLDER SCHEMAS: the documents CASE.FORMAT in a folder, each against its consumer's
schema, and broken variants of them, which the same validation must refuse. Prints TAP."""
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import tap

folder, schemas = sys.argv[1:]


def text_of(case, kind):
    with open(os.path.join(folder, case + "." + kind), encoding="utf-8") as file:
        return file.read()


def cases(kind):
    return [n[: -len(kind) - 1] for n in sorted(os.listdir(folder)) if n.endswith("." + kind)]


def strict(schema):
    """A mistyped key must fail: objects whose properties are known have no others."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    new = {k: strict(v) for k, v in schema.items()}
    if isinstance(new.get("properties"), dict) and "additionalProperties" not in new:
        new["additionalProperties"] = bool(new.get("x-kubernetes-preserve-unknown-fields"))
    return new


def custom_resource(name):
    with open(os.path.join(schemas, name), encoding="utf-8") as file:
        crd = yaml.safe_load(file)
    schema = strict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    schema["additionalProperties"] = False
    schema.setdefault("properties", {}).update(
        apiVersion={"const": crd["spec"]["group"] + "/" + crd["spec"]["versions"][0]["name"]},
        kind={"const": crd["spec"]["names"]["kind"]},
        metadata={
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "pattern": r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", "maxLength": 253},
                "namespace": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "additionalProperties": False,
        },
    )
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    return schema


def faults(document, schema, resolver=None):
    cls = jsonschema.Draft7Validator
    validator = cls(schema, resolver=resolver) if resolver else cls(schema)
    return [e.message for e in validator.iter_errors(document)]


def changed(document, path, value=None):
    """A copy with one member set, or removed where there is no value."""
    new = copy.deepcopy(document)
    at = new
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return new


def items(kind, name, schema, broken):
    """The items of a List; `broken`: (path, value) of variants of the first."""
    for case in cases(kind):
        document = yaml.safe_load(text_of(case, kind))
        mine = [i for i in document["items"] if i["kind"] == name]
        if case not in ("hostile", "none"):
            tap.ok(mine, f"{case}.{kind} has a {name}")
        wrong = [w for i in mine for w in faults(i, schema)]
        tap.ok(document["kind"] == "List" and not wrong, f"{case}.{kind}: {name} by its schema", wrong)
        names = [i["metadata"]["name"] for i in mine]
        tap.ok(len(set(names)) == len(names), f"{case}.{kind}: each {name} has its own name", names)
        for path, value in broken if case == "igb" else ():
            tap.ok(faults(changed(mine[0], path, value), schema), f"{kind}: refuses {path} = {value}")


def check_kubernetes():
    items("nad", "NetworkAttachmentDefinition", custom_resource("nad.yaml"),
          [(("spec", "config"), {"type": "sriov"}), (("metadata", "name"), "a_b"), (("kind",), "Network")])
    items("sriov-network", "SriovNetworkNodePolicy", custom_resource("sriovnetworknodepolicies.yaml"),
          [(("spec", "numVFs"), 4), (("spec", "resourceName"), None), (("spec", "deviceType"), "vfio")])
    items("sriov-network", "SriovNetwork", custom_resource("sriovnetworks.yaml"),
          [(("spec", "vlan"), 4095), (("spec", "trust"), "true"), (("spec", "vlans"), 1)])
    items("harvester", "SRIOVNetworkDevice", custom_resource("sriovnetworkdevices.yaml"),
          [(("spec", "numVFS"), 4), (("spec", "numVFs"), "4"), (("spec", "address"), 1)])
    for case in cases("nad"):
        for nad in yaml.safe_load(text_of(case, "nad"))["items"]:
            config = json.loads(nad["spec"]["config"])
            tap.ok(config["type"] == "sriov" and isinstance(config["vlan"], int), f"{case}.nad says a VLAN", config)


def check_kubevirt():
    with open(os.path.join(schemas, "kubevirt.yaml"), encoding="utf-8") as file:
        schema = strict(yaml.safe_load(file))
    for kind in ("kubevirt", "kubevirt-patch"):
        for case in cases(kind):
            devices = yaml.safe_load(text_of(case, kind))["spec"]["configuration"]["permittedHostDevices"]
            tap.ok(not faults(devices, schema), f"{case}.{kind} by its schema", faults(devices, schema))
            entry = ("pciHostDevices", 0)
            for path, value in ((entry + ("pciAddress",), "0000:01:10.0"), (entry + ("resourceName",), None),
                                ) if devices.get("pciHostDevices") else ():
                tap.ok(faults(changed(devices, path, value), schema), f"{case}.{kind}: refuses {path} = {value}")


def merged(document, patch):
    """RFC 7386: kubectl patch --type merge."""
    if not isinstance(patch, dict):
        return patch
    new = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            new.pop(key, None)
        else:
            new[key] = merged(new.get(key), value)
    return new


def check_patch():
    """The CR of others, with our patch: theirs stay, but for the same selector, and ours are there."""
    with open(os.path.join(folder, "cr.json"), encoding="utf-8") as file:
        before = json.load(file)
    keys = (("pciHostDevices", "pciVendorSelector"), ("mediatedDevices", "mdevNameSelector"))
    for case in cases("kubevirt-patch"):
        after = merged(before, json.loads(text_of(case, "kubevirt-patch")))
        new = after["spec"]["configuration"]["permittedHostDevices"]
        old = before["spec"]["configuration"]["permittedHostDevices"]
        ours = yaml.safe_load(text_of(case, "kubevirt"))["spec"]["configuration"]["permittedHostDevices"]
        for key, selector in keys:
            mine = ours.get(key, [])
            taken = [e[selector].lower() for e in mine]
            theirs = [e for e in old[key] if e[selector].lower() not in taken]
            tap.ok(theirs and new[key] == theirs + mine, f"{case}.kubevirt-patch keeps the {key} of others", new[key])
        new.update({key: old[key] for key, _ in keys})
        tap.ok(after == before, f"{case}.kubevirt-patch changes nothing else", after)


def check_json():
    with open(os.path.join(schemas, "device-plugin.json"), encoding="utf-8") as file:
        schema = json.load(file)
    for case in [c for c in cases("device-plugin") if c != "hostile"]:
        document = json.loads(text_of(case, "device-plugin"))
        tap.ok(not faults(document, schema), f"{case}.device-plugin by its schema", faults(document, schema))
        names = [(r["resourcePrefix"], r["resourceName"]) for r in document["resourceList"]]
        tap.ok(len(set(names)) == len(names), f"{case}.device-plugin: each pool has its own name", names)
        first = ("resourceList", 0)
        for path, value in ((first + ("deviceType",), "vfio"), (first + ("sriovMode",), True),
                            (first + ("selectors",), None), (("resourceList",), [])):
            tap.ok(faults(changed(document, path, value), schema), f"{case}.device-plugin: refuses {path} = {value}")
    with open(os.path.join(schemas, "cdi.json"), encoding="utf-8") as file:
        # its loader refuses unknown members, the schema does not say so
        schema = strict(json.load(file))
    with open(os.path.join(schemas, "defs.json"), encoding="utf-8") as file:
        defs = strict(json.load(file))
    resolver = jsonschema.RefResolver("file:///cdi.json", schema, store={
        "file:///defs.json": defs, "defs.json": defs, "file:///cdi.json": schema})
    for case in cases("cdi"):
        document = json.loads(text_of(case, "cdi"))
        wrong = faults(document, schema, resolver)
        tap.ok(not wrong, f"{case}.cdi by its schema", wrong)
        names = [d["name"] for d in document["devices"]]
        tap.ok(all(re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", n) for n in names),
               f"{case}.cdi: names that its loader takes", names)
        for path, value in ((("kind",), None), (("device",), []), (("devices", 0, "name"), 1),
                            (("devices", 0, "containerEdits", "deviceNodes", 0, "path"), None)):
            tap.ok(faults(changed(document, path, value), schema, resolver), f"{case}.cdi: refuses {path} = {value}")


def relaxng(rng, text):
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(text)
        file.flush()
        return subprocess.run(["xmllint", "--noout", "--relaxng", rng, file.name], capture_output=True,
                              text=True, timeout=60, check=False)


def check_libvirt():
    import xml.etree.ElementTree as tree

    rngs = "/usr/share/libvirt/schemas"
    for case in cases("libvirt"):
        top = tree.fromstring(text_of(case, "libvirt"))
        tap.ok(top.tag == "sriov-setup", f"{case}.libvirt is XML")
        if not shutil.which("xmllint") or not os.path.exists(rngs):
            tap.skip(f"{case}.libvirt by libvirt's grammar", "xmllint or libvirt's schemas are not installed")
            continue
        domain = top.find("domain")
        if case == "none":
            tap.ok(len(top) == 0, "none.libvirt holds nothing")
            continue
        for hostdev in top.findall("hostdev"):
            domain.find("devices").append(hostdev)
        for element, grammar in [(n, "network") for n in top.findall("network")] + [(domain, "domain")]:
            text = tree.tostring(element, encoding="unicode")
            result = relaxng(f"{rngs}/{grammar}.rng", text)
            tap.ok(result.returncode == 0, f"{case}.libvirt: {grammar} by libvirt's grammar", result.stderr)
            for old, new in (("managed=\"no\"", "managed=\"perhaps\""), ("vfio", "uio"), ("<source", "<sauce")):
                broken = text.replace(old, new)
                if broken != text:
                    broken = broken.replace("</source", "</sauce") if "sauce" in new else broken
                    result = relaxng(f"{rngs}/{grammar}.rng", broken)
                    tap.ok(result.returncode != 0, f"{case}.libvirt: {grammar} with {new} is refused")


def check_report():
    """The members that report.h promises, and no others."""
    interfaces = [{"name", "mac", "up", "master", "uppers"}]
    both = {"address", "driver", "iommu_group", "numa_node", "in_use", "differs", "interfaces", "rule", "resource",
            "advertised"}
    vf = both | {"index", "mac", "vlan"}
    device = both | {"vendor", "device", "class", "name", "slot", "serial", "total_vfs", "vf_device", "num_vfs",
                     "offered", "reasons", "vfs"}
    for case in cases("report"):
        report = json.loads(text_of(case, "report"))
        wrong = [d for d in report["devices"] if set(d) != device]
        wrong += [v for d in report["devices"] for v in d["vfs"] if set(v) != vf]
        wrong += [i for d in report["devices"] for i in d["interfaces"] if set(i) not in interfaces]
        wrong += [r for r in report["resources"] if set(r) != {"name", "advertised", "count", "numa_nodes"}]
        tap.ok(not wrong and set(report) == {"version", "node", "devices", "resources", "conflicts"},
               f"{case}.report has what it promises", wrong)


def check_qemu():
    line = re.compile(r"-device pcie-root-port,id=port-[-0-9a-f]+,bus=pcie\.0,chassis=\d+ "
                      r"-device vfio-pci,host=[0-9a-f:.]+,id=vf-[-0-9a-f]+,bus=port-[-0-9a-f]+")
    for case in cases("qemu"):
        wrong = [t for t in text_of(case, "qemu").splitlines() if not t.startswith("# ") and not line.fullmatch(t)]
        tap.ok(not wrong, f"{case}.qemu holds arguments and comments", wrong)


try:
    import jsonschema
    import yaml
except ImportError:
    jsonschema = yaml = None
for check in (check_kubernetes, check_kubevirt, check_patch, check_json):
    if jsonschema:
        check()
    else:
        tap.skip(check.__name__, "python3-jsonschema and python3-yaml are not installed")
check_libvirt()
check_qemu()
check_report()
tap.done()
