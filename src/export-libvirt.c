/*
 * libvirt: a hostdev network per pool of network VFs, a hostdev for each other function,
 * and what a VM with a vIOMMU (a DPDK worker) needs: research consumers §7. Always
 * managed='no': we bind, and libvirt must not give VFs back to the host's driver. All
 * text in it is ours or letters, digits and '-' (pool_object_name()): nothing needs
 * escaping.
 */
#include "export.h"
#include "pool.h"

#include <linux/if_ether.h>

/* libvirt's files hold one network or one domain, so these are parts to be cut out. */
static const char head[] =
	"<?xml version='1.0' encoding='UTF-8'?>\n"
	"<!-- Written by sriov-setup. For each network N of this file:\n"
	"       xmllint -xpath '/sriov-setup/network[name=\"N\"]' libvirt.xml > N.xml\n"
	"       virsh net-define N.xml && virsh net-autostart N && virsh net-start N\n"
	"     A hostdev goes below <devices> of a domain. -->\n"
	"<sriov-setup>\n";

static void write_address(FILE *out, const char *indent, const char *type,
			  const struct function *f)
{
	unsigned domain, bus, slot, function;

	if (sscanf(f->address, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4)
		fprintf(out,
			"%s<address%s domain='0x%04x' bus='0x%02x' slot='0x%02x' "
			"function='0x%x'/>\n",
			indent, type, domain, bus, slot, function);
}

/* Only VFs: libvirt sets MAC and VLAN through their PF. */
static bool is_network(const struct pool *pool)
{
	for (size_t i = 0; i < pool->n; i++)
		if (!pool->items[i]->pf)
			return false;
	return pool_is_network(pool);
}

static bool has_vlan(const struct pool *pool)
{
	return vf_knows(&pool->values, VF_VLAN) && pool->values.value[VF_VLAN];
}

/* Where a network has a VLAN, libvirt sets it anew, always as 802.1Q with priority 0
 * (virNetDevSendVfSetLinkRequest()). */
static void warn_of_tag(const struct pool *pool, struct strings *warnings)
{
	const struct vf_values *v = &pool->values;

	if (has_vlan(pool) &&
	    ((vf_knows(v, VF_QOS) && v->value[VF_QOS]) ||
	     (vf_knows(v, VF_VLAN_PROTO) && v->value[VF_VLAN_PROTO] != ETH_P_8021Q)))
		export_note(warnings,
			    "%s (%s:%d): libvirt sets VLAN %u without qos and as 802.1q "
			    "when a VM gets a VF",
			    pool->resource, pool->items[0]->where.file,
			    pool->items[0]->where.line, (unsigned)v->value[VF_VLAN]);
}

static void write_network(FILE *out, const struct pool *pool)
{
	_cleanup_free_ char *name = pool_object_name(pool);

	fprintf(out, "  <network>\n    <name>%s</name>\n", name);
	fputs("    <forward mode='hostdev' managed='no'>\n"
	      "      <driver name='vfio'/>\n",
	      out);
	for (size_t i = 0; i < pool->n; i++)
		write_address(out, "      ", " type='pci'", pool->items[i]->function);
	fputs("    </forward>\n", out);
	if (has_vlan(pool))
		fprintf(out, "    <vlan>\n      <tag id='%u'/>\n    </vlan>\n",
			(unsigned)pool->values.value[VF_VLAN]);
	fputs("  </network>\n", out);
}

static void write_hostdev(FILE *out, const char *indent, const struct offer *offer)
{
	fprintf(out,
		"%s<hostdev mode='subsystem' type='pci' managed='no'>\n"
		"%s  <driver name='vfio'/>\n%s  <source>\n",
		indent, indent, indent);
	_cleanup_free_ char *deeper = xasprintf("%s    ", indent);
	write_address(out, deeper, "", offer->function);
	fprintf(out, "%s  </source>\n%s</hostdev>\n", indent, indent);
}

#define GUEST_GIB 4u

/* In pages of the first size that the config reserves: fewer entries in the IOMMU's
 * tables, and DPDK in the host wants the same. "1G" is libvirt's size 1 of unit G. */
static void write_memory(FILE *out, const struct kernel_config *kernel, size_t functions)
{
	const char *size = kernel->n_hugepages ? kernel->hugepages[0].size : NULL;

	fprintf(out,
		"    <memory unit='GiB'>%u</memory>\n"
		"    <memtune>\n      <hard_limit unit='GiB'>%zu</hard_limit>\n"
		"    </memtune>\n",
		GUEST_GIB, functions * GUEST_GIB + 1);
	if (size)
		fprintf(out,
			"    <memoryBacking>\n      <hugepages>\n"
			"        <page size='%lu' unit='%s'/>\n"
			"      </hugepages>\n    </memoryBacking>\n",
			strtoul(size, NULL, 10), size + strlen(size) - 1);
}

/* One function of each pool. With a vIOMMU each has an address space of its own that pins
 * the guest's memory, and QEMU needs some for itself (libvirt's qemumemlocktest.c). */
static void write_worker(FILE *out, const struct pools *pools,
			 const struct kernel_config *kernel)
{
	fputs("  <!-- hard_limit: memory times the number of functions, and 1 GiB -->\n"
	      "  <domain type='kvm'>\n    <name>dpdk-worker</name>\n",
	      out);
	write_memory(out, kernel, pools->n);
	fputs("    <vcpu>4</vcpu>\n"
	      "    <os>\n      <type arch='x86_64' machine='q35'>hvm</type>\n    "
	      "</os>\n"
	      "    <features>\n      <acpi/>\n      <ioapic driver='qemu'/>\n"
	      "    </features>\n    <cpu mode='host-passthrough'/>\n    <devices>\n",
	      out);
	for (size_t i = 0; i < pools->n; i++) {
		const struct pool *pool = &pools->items[i];
		_cleanup_free_ char *name = pool_object_name(pool);

		/* by the model libvirt chooses the slot, before it asks the network what
		 * it is: others get one behind a bridge that makes them one IOMMU group
		 * in the guest (qemuDomainDeviceCalculatePCIConnectFlags()) */
		if (is_network(pool))
			fprintf(out,
				"      <interface type='network'>\n"
				"        <source network='%s'/>\n"
				"        <model type='virtio'/>\n      </interface>\n",
				name);
		else
			write_hostdev(out, "      ", pool->items[0]);
	}
	fputs("      <iommu model='intel'>\n"
	      "        <driver intremap='on' caching_mode='on' iotlb='on'/>\n"
	      "      </iommu>\n    </devices>\n  </domain>\n",
	      out);
}

static void libvirt_write(FILE *out, const struct export_input *input,
			  struct export_notes *notes)
{
	_cleanup_(offers_done) struct offers offers = {};
	_cleanup_(pools_done) struct pools pools = {};

	offers_make(&offers, input->config, input->system, input->names);
	pools_make(&pools, &offers, ADVERTISE_LIBVIRT, notes);
	pools_check_objects(&pools, &notes->errors);
	fputs(head, out);
	for (size_t i = 0; i < pools.n; i++) {
		const struct pool *pool = &pools.items[i];

		if (is_network(pool) && pool_has_one_vlan(pool, &notes->errors)) {
			warn_of_tag(pool, &notes->warnings);
			write_network(out, pool);
		}
		for (size_t j = 0; !is_network(pool) && j < pool->n; j++)
			write_hostdev(out, "  ", pool->items[j]);
	}
	if (pools.n)
		write_worker(out, &pools, &input->config->kernel);
	fputs("</sriov-setup>\n", out);
}

const struct exporter export_libvirt = {
	.name = "libvirt",
	.help = "hostdev networks, hostdevs and a DPDK worker's domain for libvirt",
	.file = "libvirt.xml",
	.key = offsetof(struct export_config, libvirt),
	.hands_out = true,
	.write = libvirt_write,
};
