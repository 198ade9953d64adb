#include "doctor.h"

#include "capability.h"
#include "efi.h"

#include <endian.h>
#include <fcntl.h>

#define UNIT "etc/systemd/system/sriov-setup.service"

/* Many a guide has its readers write a unit of that name. A drop-in has another path. */
static bool is_unit_replaced(const struct root *root)
{
	_cleanup_free_ char *text = NULL;

	return root_read(root, &text, UNIT) == 0 && !strstr(text, "sriov-setup apply");
}

/*
 * Sizes of some lines of a resource file: "start end flags". Of a PF the lines 7 to 12
 * are its VFs' BARs (PCI_IOV_RESOURCES), of a bridge 14 and 15 its memory windows
 * (PCI_BRIDGE_RESOURCES + 1); resource_show().
 */
static uint64_t sum_sizes(const char *text, int first, int last)
{
	uint64_t sum = 0;

	for (int line = 0; *text && line <= last; line++) {
		unsigned long long start, end;

		if (line >= first && sscanf(text, "%llx %llx", &start, &end) == 2 && end)
			sum += end - start + 1;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return sum;
}

static void read_memory(const struct root *root, const char *address, struct doctor_pf *d)
{
	_cleanup_free_ char *own = NULL, *bridge = NULL;

	if (root_read(root, &own, "sys/bus/pci/devices/%s/resource", address) == 0)
		d->vf_memory = sum_sizes(own, 7, 12);
	if (d->last_bus != NONE &&
	    root_read(root, &bridge, "sys/bus/pci/devices/%s/../resource", address) == 0)
		d->window = sum_sizes(bridge, 14, 15);
}

/* TotalVFs, at 0Eh; where it is 0, sriov_init() leaves the function without attributes */
static int read_total(const struct root *root, const struct function *f)
{
	_cleanup_close_ int fd =
		root_openat(root, O_RDONLY, "sys/bus/pci/devices/%s/config", f->address);
	unsigned position = capability_find(fd, CAPABILITY_SRIOV);
	uint16_t total;

	return position && pread(fd, &total, 2, position + 0x0e) == 2 ? le16toh(total) :
									NONE;
}

static void read_pf(const struct root *root, const struct function *pf, int index,
		    struct doctor_facts *facts)
{
	int in_card = pf->pf == NONE ? read_total(root, pf) : NONE;
	unsigned long bus, ari;
	struct doctor_pf *d;

	if (!pf->total_vfs && in_card == NONE)
		return;
	d = array_add(facts->pfs, facts->n_pfs);
	*d = (struct doctor_pf){ .function = index,
				 .in_card = in_card,
				 .last_bus = NONE };
	/* the parent of where the link leads to */
	if (root_read_unsigned(root, &bus,
			       "sys/bus/pci/devices/%s/../subordinate_bus_number",
			       pf->address) == 0)
		d->last_bus = (long)bus;
	d->ari_unknown =
		root_read_unsigned(root, &ari, "sys/bus/pci/devices/%s/ari_enabled",
				   pf->address) < 0;
	d->ari = !d->ari_unknown && ari;
	read_memory(root, pf->address, d);
}

/* Loaded or built in, or a file of this kernel's modules, compressed or not. */
static bool is_vfio_there(const struct root *root, const char *release)
{
	bool there = root_exists(root, "sys/bus/pci/drivers/vfio-pci");
	struct strings names = {};

	root_list(root, &names, "lib/modules/%s/kernel/drivers/vfio/pci", release);
	for (size_t i = 0; i < names.n; i++)
		there |= startswith(names.items[i], "vfio-pci.ko");
	strings_done(&names);
	return there;
}

int doctor_facts_read(const struct root *root, const struct system *system,
		      struct doctor_facts *ret)
{
	_cleanup_free_ char *interrupts = NULL;
	int r = kernel_facts_read(root, &ret->kernel);

	if (r < 0)
		return r;
	r = root_read(root, &ret->release, "proc/sys/kernel/osrelease");
	if (r < 0)
		return r;
	ret->kvm = root_exists(root, "dev/kvm");
	ret->vfio_there = is_vfio_there(root, ret->release);
	/* the names of interrupt chips below remapping: "IR-PCI-MSI", irq_remapping.c */
	if (root_read(root, &interrupts, "proc/interrupts") == 0)
		ret->remapping = strstr(interrupts, " IR-") != NULL;
	ret->secure_boot = efi_secure_boot(root);
	root_read(root, &ret->lockdown, "sys/kernel/security/lockdown");
	root_read(root, &ret->build_config, "boot/config-%s", ret->release);
	for (size_t i = 0; i < system->n_functions; i++)
		read_pf(root, &system->functions[i], (int)i, ret);
	ret->replaced = is_unit_replaced(root);
	return 0;
}

void doctor_facts_done(struct doctor_facts *facts)
{
	free(facts->pfs);
	free(facts->release);
	free(facts->lockdown);
	free(facts->build_config);
	kernel_facts_done(&facts->kernel);
}
