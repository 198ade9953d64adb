/*
 * QEMU: the arguments for each function, a line each: research consumers §8. On q35 a
 * device is hot-plugged into a root port of its own, so each line brings one.
 */
#include "export.h"

#include <ctype.h>

/* "vf-0000-01-10-0": IDs start with a letter and take no ':' (id_wellformed()) */
static char *identifier(const char *prefix, const char *address)
{
	char *id = xasprintf("%s-%s", prefix, address);

	for (char *c = id; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '-';
	return id;
}

static void qemu_write(FILE *out, const struct export_input *input,
		       struct export_notes *notes)
{
	_cleanup_(offers_done) struct offers offers = {};
	const struct kernel_config *kernel = &input->config->kernel;
	const char *page = kernel->n_hugepages ? kernel->hugepages[0].size : NULL;
	_cleanup_free_ char *memory =
		xasprintf("The guest's memory in hugepages: -m 4G -machine "
			  "memory-backend=ram -object memory-backend-memfd,id=ram,"
			  "size=4G,hugetlb=on,hugetlbsize=%s",
			  page ? page : "");

	(void)notes;
	offers_make(&offers, input->config, input->system, input->names);
	export_comment(out, "Arguments for QEMU, written by sriov-setup; -machine q35. "
			    "Who runs QEMU needs /dev/vfio/GROUP");
	export_comment(out, "and a locked-memory limit of at least the guest's memory "
			    "and 1 GiB.");
	export_comment(out, "A guest that has a vfio-pci of its own (DPDK): -machine "
			    "q35,kernel-irqchip=split and, before");
	export_comment(out, "these, -device intel-iommu,intremap=on,caching-mode=on; "
			    "then the limit is the memory for each function.");
	if (page)
		export_comment(out, memory);
	for (size_t i = 0; i < offers.n; i++) {
		const struct offer *offer = &offers.items[i];
		const struct function *f = offer->function;
		_cleanup_free_ char *id = identifier("vf", f->address);
		_cleanup_free_ char *port = identifier("port", f->address);
		_cleanup_free_ char *text =
			xasprintf("%s, IOMMU group %d, NUMA node %d", offer->resource,
				  f->iommu_group, f->numa_node);

		export_comment(out, text);
		/* one byte; 0 is the root complex's */
		fprintf(out,
			"-device pcie-root-port,id=%s,bus=pcie.0,chassis=%zu "
			"-device vfio-pci,host=%s,id=%s,bus=%s\n",
			port, i % 255 + 1, f->address, id, port);
	}
}

const struct exporter export_qemu = {
	.name = "qemu",
	.help = "arguments for QEMU",
	.file = "qemu.args",
	.key = offsetof(struct export_config, qemu),
	.write = qemu_write,
};
