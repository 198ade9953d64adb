/* Documents for consumers: golden text and warnings. */
#include "export.h"
#include "tap.h"

static struct function *add_function(struct system *s, const char *address,
				     unsigned vendor, unsigned device, const char *driver)
{
	struct function *f = array_add(s->functions, s->n_functions);

	*f = (struct function){
		.address = xstrdup(address),
		.vendor = vendor,
		.device = device,
		.driver = xstrdup(driver),
		.iommu_group = (int)s->n_functions,
		.numa_node = NONE,
		.pf = NONE,
	};
	return f;
}

static void add_vf(struct system *s, const char *address, const char *driver)
{
	struct function *vf, *pf = &s->functions[0];

	vf = add_function(s, address, pf->vendor, pf->vf_device, driver);
	pf = &s->functions[0];
	vf->pf = 0;
	vf->vf_index = (unsigned)pf->n_vfs;
	*array_add(pf->vfs, pf->n_vfs) = (int)s->n_functions - 1;
}

static struct system machine(unsigned vendor, unsigned device, unsigned vf_device)
{
	struct system s = { .live = true };
	struct function *pf =
		add_function(&s, "0000:01:00.0", vendor, device, "native_pf");

	pf->total_vfs = 7;
	pf->vf_device = vf_device;
	return s;
}

static struct config config_of(const char *driver, const char *resource)
{
	struct config c = { .export = { .kubevirt = true } };

	*array_add(c.pfs, c.n_pfs) = (struct pf_rule){
		.where = { "/etc/sriov.conf", 1 },
		.match = { .address = xstrdup("0000:01:00.0"),
			   .vendor = -1,
			   .device = -1 },
		.vfs = VFS_UNSET,
		.driver = xstrdup(driver),
		.resource = xstrdup(resource),
	};
	return c;
}

static char *export_as(const char *name, const struct config *c, const struct system *s,
		       struct export_notes *notes)
{
	return export_document(export_find(name),
			       &(struct export_input){ c, s, NULL, NULL }, notes);
}

static char *snippet(const struct config *c, const struct system *s,
		     struct strings *warnings)
{
	struct export_notes notes = {};
	char *text = export_as("kubevirt", c, s, &notes);

	is_int((long)notes.errors.n, 0, "no error");
	*warnings = notes.warnings;
	return text;
}

/* The document without its comment lines. */
static void document_is(const char *what, const char *text, const char *want)
{
	const char *spec = strstr(text, "spec:");

	is_string(spec, want, "%s", what);
}

static void test_plain(void)
{
	struct system s = machine(0x8086, 0x10c9, 0x10ca);
	struct config c = config_of("vfio-pci", "intel.com/vf");
	_cleanup_free_ char *text = NULL;
	struct strings warnings = {};

	add_vf(&s, "0000:01:10.0", "vfio-pci");
	add_vf(&s, "0000:01:10.2", "vfio-pci");
	c.export.external_resource_provider = true;
	*array_add(c.mdevs, c.n_mdevs) = (struct mdev_rule){
		.match = { .vendor = 0x8086, .device = 0x10c9 },
		.type = xstrdup("GRID \"T4\": #1Q"),
		.resource = xstrdup("nvidia.com/x"),
	};
	text = snippet(&c, &s, &warnings);
	document_is("two VFs are one entry; mediated devices", text,
		    "spec:\n  configuration:\n    permittedHostDevices:\n      "
		    "pciHostDevices:\n"
		    "      - pciVendorSelector: \"8086:10ca\"\n        resourceName: "
		    "\"intel.com/vf\"\n"
		    "        externalResourceProvider: true\n      mediatedDevices:\n"
		    "      - mdevNameSelector: \"GRID \\\"T4\\\": #1Q\"\n        "
		    "resourceName: \"nvidia.com/x\"\n"
		    "        externalResourceProvider: true\n");
	is_int((long)warnings.n, 0, "and no warning");
	strings_done(&warnings);
	config_done(&c);
	system_done(&s);
}

static void test_warnings(void)
{
	struct system s = machine(0x1b36, 0x0010, 0x0010);
	struct config c = config_of("vfio-pci", NULL);
	_cleanup_free_ char *text = NULL;
	struct strings warnings = {};

	add_vf(&s, "0000:01:00.1", "vfio-pci");
	add_vf(&s, "0000:01:00.2", "vfio-pci");
	add_vf(&s, "0000:01:00.3", NULL);
	s.functions[2].iommu_group = s.functions[1].iommu_group;
	text = snippet(&c, &s, &warnings);
	ok(strstr(text, "resourceName: \"redhat.com/1b36_0010\"") != NULL,
	   "a default name from the IDs");
	ok(strstr(text, "# WARNING: 1b36:0010 also matches the PF 0000:01:00.0") != NULL,
	   "a selector that matches a PF is a comment");
	ok(strstr(text,
		  "also matches 1 functions that are kept for the host (0000:01:00.3)") !=
		   NULL,
	   "one that matches a device of the host too");
	ok(strstr(text, "0000:01:00.1 and 0000:01:00.2 share IOMMU group") != NULL,
	   "a shared group");
	is_int((long)warnings.n, 3, "each is a warning for the journal as well");
	strings_done(&warnings);
	config_done(&c);
	system_done(&s);
}

static void test_variant(void)
{
	struct system s = machine(0x15b3, 0x101d, 0x101e);
	struct config c = config_of("mlx5_vfio_pci", NULL);
	_cleanup_free_ char *text = NULL;
	struct strings warnings = {};

	add_vf(&s, "0000:01:00.1", "mlx5_vfio_pci");
	text = snippet(&c, &s, &warnings);
	document_is("a variant driver is invisible to KubeVirt", text,
		    "spec:\n  configuration:\n    permittedHostDevices: {}\n");
	ok(strstr(text, "KubeVirt only takes the driver vfio-pci") != NULL,
	   "and that is said");
	strings_done(&warnings);
	config_done(&c);
	system_done(&s);
}

static void test_clash(void)
{
	struct system s = machine(0x8086, 0x10c9, 0x10ca);
	struct config c = config_of("vfio-pci", "a.b/c");
	_cleanup_free_ char *text = NULL;
	struct strings warnings = {};

	add_vf(&s, "0000:01:10.0", "vfio-pci");
	add_vf(&s, "0000:01:10.2", "vfio-pci");
	*array_add(c.pfs[0].vf, c.pfs[0].n_vf) =
		(struct vf_rule){ .first = 1, .last = 1, .resource = xstrdup("a.b/d") };
	text = snippet(&c, &s, &warnings);
	ok(strstr(text, "8086:10ca has two resource names, a.b/c and a.b/d") != NULL,
	   "two names for one selector");
	strings_done(&warnings);
	config_done(&c);
	system_done(&s);
}

static bool has(const struct strings *notes, const char *a, const char *b)
{
	for (size_t i = 0; i < notes->n; i++)
		if (strstr(notes->items[i], a) && strstr(notes->items[i], b))
			return true;
	return false;
}

/* VFs 0 and 1 of one PF, VF 1 by a rule of its own in line 3. */
static void test_paths(void)
{
	struct system s = machine(0x8086, 0x10c9, 0x10ca);
	struct config c = config_of("vfio-pci", "a.b/c");
	struct export_notes notes = {};

	add_vf(&s, "0000:01:10.0", "vfio-pci");
	add_vf(&s, "0000:01:10.2", "vfio-pci");
	for (size_t i = 0; i < s.n_functions; i++)
		s.functions[i].class = 0x020000;
	*array_add(c.pfs[0].vf, c.pfs[0].n_vf) = (struct vf_rule){
		.where = { "/etc/sriov.conf", 3 }, .first = 1, .last = 1
	};
	c.export.where = (struct where){ "/etc/sriov.conf", 9 };
	c.export.device_plugin = true;
	_cleanup_free_ char *auto_kubevirt = export_as("kubevirt", &c, &s, &notes);
	ok(strstr(auto_kubevirt, "permittedHostDevices: {}") && !notes.errors.n,
	   "network VFs are the device plugin's where both are on");
	c.pfs[0].vf[0].advertise = ADVERTISE_KUBEVIRT;
	free(export_as("device-plugin", &c, &s, &notes));
	ok(has(&notes.errors, "by kubevirt (/etc/sriov.conf:3)",
	       "by device-plugin (/etc/sriov.conf:1)"),
	   "KubeVirt's selector reaches over: both rules are named");
	export_notes_done(&notes);
	c.pfs[0].vf[0].advertise = ADVERTISE_AUTO;
	c.export.libvirt = true;
	free(export_as("libvirt", &c, &s, &notes));
	ok(has(&notes.errors, "both device-plugin and libvirt", "/etc/sriov.conf:9"),
	   "libvirt and the device plugin for one rule");
	export_notes_done(&notes);
	c.export.libvirt = false;
	c.export.sriov_network = true;
	free(export_as("nad", &c, &s, &notes));
	ok(has(&notes.errors, "device_plugin and sriov_network", ":9"),
	   "the operator brings a plugin of its own");
	vf_values_set(&c.pfs[0].vf[0].values, VF_VLAN, 7);
	export_notes_done(&notes);
	free(export_as("nad", &c, &s, &notes));
	ok(has(&notes.errors, "VLAN 0 (/etc/sriov.conf:1)", "VLAN 7 (/etc/sriov.conf:3)"),
	   "two VLANs in one pool");
	export_notes_done(&notes);
	c.export.sriov_network = false;
	c.pfs[0].vf[0].resource = xstrdup("x.y/C");
	free(export_as("nad", &c, &s, &notes));
	ok(has(&notes.errors, "a.b/c (/etc/sriov.conf:1) and x.y/C (/etc/sriov.conf:3)",
	       "both be the network c"),
	   "two resources that would be one network");
	export_notes_done(&notes);
	free(export_as("device-plugin", &c, &s, &notes));
	is_int((long)notes.errors.n, 0, "which the device plugin tells apart");
	export_notes_done(&notes);
	config_done(&c);
	system_done(&s);
}

int main(void)
{
	test_paths();
	test_plain();
	test_warnings();
	test_variant();
	test_clash();
	return done();
}
