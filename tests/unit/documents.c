/*
 * documents CASE FORMAT: the document of a machine that is built here; FORMAT "current":
 * the KubeVirt CR that was there before. test-documents.sh compares and validates them.
 */
#include "export.h"
#include "json.h"
#include "report.h"
#include "status.h"

static struct function *add_function(struct system *s, const char *address,
				     unsigned vendor, unsigned device, unsigned class)
{
	struct function *f = array_add(s->functions, s->n_functions);

	*f = (struct function){
		.address = xstrdup(address),
		.vendor = vendor,
		.device = device,
		.class = class,
		.iommu_group = 10 + (int)s->n_functions,
		.numa_node = 0,
		.pf = NONE,
	};
	return f;
}

/* A PF, and VFs on vfio-pci at `format` with their numbers times `stride`. */
static void add_pf(struct system *s, const char *address, const char *interface,
		   unsigned vendor, unsigned device, unsigned vf_device, unsigned class,
		   unsigned n, const char *format, unsigned stride)
{
	struct function *pf = add_function(s, address, vendor, device, class);
	int index = (int)s->n_functions - 1;

	pf->driver = xstrdup(interface ? "igb" : "nvme");
	pf->total_vfs = 8;
	pf->vf_device = vf_device;
	if (interface)
		*array_add(pf->netdevs, pf->n_netdevs) =
			(struct netdev){ .name = xstrdup(interface),
					 .mac = xstrdup("52:54:00:00:00:01") };
	for (unsigned i = 0; i < n; i++) {
		_cleanup_free_ char *vf_address = xasprintf("%s%u", format, i * stride);
		struct function *vf =
			add_function(s, vf_address, vendor, vf_device, class);

		vf->driver = xstrdup("vfio-pci");
		vf->pf = index;
		vf->vf_index = i;
		pf = &s->functions[index];
		*array_add(pf->vfs, pf->n_vfs) = (int)s->n_functions - 1;
	}
}

static struct pf_rule *add_rule(struct config *c, int line, const char *address,
				const char *resource)
{
	struct pf_rule *rule = array_add(c->pfs, c->n_pfs);

	*rule = (struct pf_rule){
		.where = { "/etc/sriov.conf", line },
		.match = { .address = xstrdup(address), .vendor = -1, .device = -1 },
		.vfs = VFS_UNSET,
		.driver = xstrdup("vfio-pci"),
		.resource = xstrdup(resource),
	};
	return rule;
}

static void add_range(struct pf_rule *rule, unsigned first, unsigned last,
		      const char *resource)
{
	*array_add(rule->vf, rule->n_vf) = (struct vf_rule){
		.where = { rule->where.file, rule->where.line + 1 },
		.first = first,
		.last = last,
		.resource = xstrdup(resource),
	};
}

/* One card, all VFs in one pool, with attributes; name: of its interface. */
static void make_igb(struct system *s, struct config *c, const char *name)
{
	struct pf_rule *rule = add_rule(c, 1, "0000:01:00.0", "sriov.example.org/nic_vf");

	add_pf(s, "0000:01:00.0", name, 0x8086, 0x10c9, 0x10ca, 0x020000, 4,
	       "0000:01:10.", 2);
	vf_values_set(&rule->values, VF_VLAN, 100);
	vf_values_set(&rule->values, VF_QOS, 3);
	vf_values_set(&rule->values, VF_TRUST, 1);
	vf_values_set(&rule->values, VF_SPOOF_CHECK, 0);
	vf_values_set(&rule->values, VF_MAX_TX_RATE, 1000);
	vf_values_set(&rule->values, VF_LINK_STATE, 0);
}

/* Two cards that share a pool, VFs of one that have another, an NVMe disk, a GPU. */
static void make_mixed(struct system *s, struct config *c)
{
	add_pf(s, "0000:01:00.0", "eno1", 0x8086, 0x10c9, 0x10ca, 0x020000, 4,
	       "0000:01:10.", 2);
	add_pf(s, "0000:02:00.0", "eno2", 0x15b3, 0x101d, 0x101e, 0x020000, 2,
	       "0000:02:01.", 1);
	add_pf(s, "10000:03:00.0", NULL, 0x1b36, 0x0010, 0x0010, 0x010802, 2,
	       "10000:03:01.", 1);
	add_function(s, "0000:04:00.0", 0x10de, 0x1eb8, 0x030200)->driver =
		xstrdup("vfio-pci");
	add_range(add_rule(c, 1, "0000:01:00.0", "example.org/fast"), 1, 2,
		  "example.org/slow.one");
	add_rule(c, 5, "0000:02:00.0", "example.org/fast");
	add_rule(c, 6, "10000:03:00.0", "example.org/nvme");
	*array_add(c->devices, c->n_devices) = (struct device_rule){
		.where = { "/etc/sriov.conf", 7 },
		.match = { .vendor = 0x10de, .device = 0x1eb8 },
		.driver = xstrdup("vfio-pci"),
		.resource = xstrdup("nvidia.com/TU104GL_Tesla_T4"),
	};
	*array_add(c->kernel.hugepages, c->kernel.n_hugepages) =
		(struct hugepages){ .size = xstrdup("1G"), .count = 16 };
	*array_add(c->mdevs, c->n_mdevs) = (struct mdev_rule){
		.match = { .vendor = 0x10de, .device = 0x1eb8 },
		.type = xstrdup("GRID T4-1Q"),
		.resource = xstrdup("nvidia.com/GRID_T4-1Q"),
	};
}

/* No config has such a resource: field_resource(). The kernel takes such an interface. */
#define HOSTILE "a'\"<>&]]>--\\: #{}$(x)\xff\xc3\xa9%s\n- x"

static void make_hostile(struct system *s, struct config *c)
{
	make_igb(s, c, HOSTILE);
	free(c->pfs[0].resource);
	c->pfs[0].resource = xstrdup("e.org/" HOSTILE);
	add_range(&c->pfs[0], 1, 2, "e.org/other");
}

static void ask_for(struct export_config *e, const char *format)
{
	const struct exporter *exporter = export_find(format);

	*e = (struct export_config){ .where = { "/etc/sriov.conf", 9 } };
	e->node = xstrdup("node-a");
	if (exporter->file)
		*(bool *)((char *)e + exporter->key) = true;
	else
		e->kubevirt = true;
}

static void make(struct system *s, struct config *c, const char *name)
{
	if (streq(name, "igb"))
		make_igb(s, c, "eno1");
	else if (streq(name, "mixed"))
		make_mixed(s, c);
	else if (streq(name, "hostile"))
		make_hostile(s, c);
	else /* of a fleet's config, for another host */
		add_rule(c, 1, "0000:01:00.0", "sriov.example.org/nic_vf");
}

/* With a bond, a VLAN, a disk, a card without a rule, and somebody who uses a VF. */
static void make_lived_in(struct system *s, struct config *c, const char *name)
{
	struct function *vf;
	struct netdev *n;

	make(s, c, name);
	ask_for(&c->export, "kubevirt");
	add_pf(s, "0000:05:00.0", "eno5", 0x8086, 0x10c9, 0x10ca, 0x020000, 1,
	       "0000:05:10.", 2);
	n = &s->functions[s->n_functions - 2].netdevs[0];
	n->master = xstrdup("bond0");
	strings_add(&n->uppers, "bond0");
	strings_add(&n->uppers, "eno5.100");
	s->functions[s->n_functions - 2].in_use = xstrdup("disk sda is in use");
	s->functions[s->n_functions - 1].iommu_group = NONE;
	vf = &s->functions[s->functions[0].vfs[1]];
	vf_values_set(&vf->values, VF_MAC, 0x525400000001);
	vf_values_set(&vf->values, VF_VLAN, 100);
	vf->in_use = xstrdup("qemu-system-x86 (process 412)");
	s->functions[0].parent = xstrdup("0000:00:01.0");
	s->functions[s->n_functions - 2].parent = xstrdup("pci0000:00");
	/* another driver than its rule wants */
	vf = &s->functions[s->functions[0].vfs[2]];
	free(vf->driver);
	vf->driver = xstrdup("igbvf");
}

static int print_state(const char *name, const char *format)
{
	_cleanup_(document_free) struct document *report = NULL;
	_cleanup_(config_done) struct config c = {};
	_cleanup_(system_done) struct system s = { .live = true };
	_cleanup_(plan_done) struct plan plan = {};

	make_lived_in(&s, &c, name);
	plan = plan_make(&c, &s);
	if (streq(format, "report")) {
		report = report_make(&(struct export_input){ &c, &s, NULL, NULL }, &plan);
		json_print(stdout, report);
	} else if (streq(format, "dot"))
		status_dot(stdout, &(struct status_input){ &c, &s, NULL, &plan, false });
	else
		status_print(stdout, &(struct status_input){ &c, &s, NULL, &plan,
							     streq(format, "colours") });
	return 0;
}

static struct document *current_cr(void)
{
	static const char text[] =
		"{\"kind\":\"KubeVirt\",\"metadata\":{\"resourceVersion\":\"7\"},"
		"\"spec\":{\"configuration\":{\"developerConfiguration\":{"
		"\"featureGates\":[\"HostDevices\"]},\"permittedHostDevices\":{"
		"\"usb\":[{\"resourceName\":\"a.b/usb\",\"selectors\":[{\"vendor\":"
		"\"46f4\",\"product\":\"0001\"}]}],"
		"\"mediatedDevices\":[{\"mdevNameSelector\":\"i915-GVTg_V5_4\","
		"\"resourceName\":\"intel.com/gvt\"}],"
		"\"pciHostDevices\":[{\"pciVendorSelector\":\"1B36:0010\","
		"\"resourceName\":\"a.b/c\"},{\"pciVendorSelector\":\"1002:740f\","
		"\"resourceName\":\"amd.com/mi210\",\"externalResourceProvider\":"
		"true}]}}}}";
	struct document *document;
	const char *fault;

	return json_parse(text, &document, &fault) < 0 ? NULL : document;
}

int main(int argc, char *argv[])
{
	_cleanup_(document_free) struct document *current = current_cr();
	_cleanup_(export_notes_done) struct export_notes notes = {};
	_cleanup_(config_done) struct config c = {};
	_cleanup_(system_done) struct system s = { .live = true };
	_cleanup_free_ char *text = NULL;

	if (argc != 3)
		return 2;
	if (streq(argv[2], "current")) {
		json_print(stdout, current);
		return 0;
	}
	if (!export_find(argv[2]))
		return print_state(argv[1], argv[2]);
	make(&s, &c, argv[1]);
	ask_for(&c.export, argv[2]);
	text = export_document(export_find(argv[2]),
			       &(struct export_input){ &c, &s, NULL, current }, &notes);
	fputs(text, stdout);
	for (size_t i = 0; i < notes.warnings.n; i++)
		fprintf(stderr, "warning: %s\n", notes.warnings.items[i]);
	for (size_t i = 0; i < notes.errors.n; i++)
		fprintf(stderr, "error: %s\n", notes.errors.items[i]);
	return notes.errors.n ? 1 : 0;
}
