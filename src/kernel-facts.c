#include "kargs-state.h"
#include "kernel-args.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/utsname.h>

/* The first lines of cpuinfo name the vendor; the file of a large host is far over a
 * megabyte. */
static enum cpu read_cpu(const struct root *root)
{
	_cleanup_close_ int fd = root_openat(root, O_RDONLY, "proc/cpuinfo");
	struct utsname machine;
	char text[512];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	if (strstr(text, "GenuineIntel"))
		return CPU_INTEL;
	if (strstr(text, "AuthenticAMD") || strstr(text, "HygonGenuine"))
		return CPU_AMD;
	return uname(&machine) == 0 && streq(machine.machine, "aarch64") ? CPU_ARM64 :
									   CPU_OTHER;
}

/*
 * Most groups, not any: a driver forces single devices to the identity, also where the
 * default is translation (intel/iommu.c, device_def_domain_type(): Azalia sound,
 * graphics).
 */
static void read_groups(const struct root *root, struct kernel_facts *facts)
{
	struct strings groups = {};
	size_t identities = 0;

	root_list(root, &groups, "sys/kernel/iommu_groups");
	facts->iommu_groups = groups.n > 0;
	for (size_t i = 0; i < groups.n; i++) {
		_cleanup_free_ char *type = NULL;

		root_read(root, &type, "sys/kernel/iommu_groups/%s/type",
			  groups.items[i]);
		identities += streq(type, "identity");
	}
	facts->passthrough = identities > groups.n / 2;
	strings_done(&groups);
}

/* Lines 7 to 12 of `resource` are the VF BARs, PCI_IOV_RESOURCES; all zero: no address
 * found. */
static bool bars_unassigned(const char *resource)
{
	for (int line = 0; line < 13; line++) {
		unsigned long long start, end, flags;

		if (sscanf(resource, "%llx %llx %llx", &start, &end, &flags) != 3)
			return line > 7;
		if (line >= 7 && (start || end))
			return false;
		resource += strcspn(resource, "\n");
		resource += *resource == '\n';
	}
	return true;
}

static bool read_attribute(const struct root *root, const char *address, const char *name,
			   unsigned long *ret)
{
	return root_read_unsigned(root, ret, "sys/bus/pci/devices/%s/%s", address,
				  name) == 0;
}

/* pci_iov_virtfn_bus() of the last VF, which sriov_enable() compares with the bus. */
static bool buses_missing(const struct root *root, const char *address, unsigned long vfs)
{
	unsigned long offset, stride, last;
	unsigned bus, device, function;

	return sscanf(address, "%*x:%x:%x.%x", &bus, &device, &function) == 3 &&
	       read_attribute(root, address, "sriov_offset", &offset) &&
	       read_attribute(root, address, "sriov_stride", &stride) &&
	       read_attribute(root, address, "../subordinate_bus_number", &last) &&
	       bus + ((device * 8 + function + offset + stride * (vfs - 1)) >> 8) > last;
}

static void read_pfs(const struct root *root, struct kernel_facts *facts)
{
	struct strings devices = {};

	root_list(root, &devices, "sys/bus/pci/devices");
	for (size_t i = 0; i < devices.n; i++) {
		const char *address = devices.items[i];
		_cleanup_free_ char *resource = NULL;
		unsigned long vfs;

		if (!read_attribute(root, address, "sriov_totalvfs", &vfs) || !vfs)
			continue;
		if (root_read(root, &resource, "sys/bus/pci/devices/%s/resource",
			      address) == 0)
			facts->vf_bars_unassigned |= bars_unassigned(resource);
		facts->vf_buses_missing |= buses_missing(root, address, vfs);
	}
	strings_done(&devices);
}

enum cpu kernel_facts_image_cpu(const struct root *root)
{
	/* the dynamic loader tells them apart */
	return root_exists(root, "lib/ld-linux-aarch64.so.1") ? CPU_ARM64 : CPU_INTEL;
}

int kernel_facts_read(const struct root *root, struct kernel_facts *ret)
{
	_cleanup_(kargs_state_done) struct kargs_state state;
	_cleanup_free_ char *text = NULL;
	int r;

	*ret = (struct kernel_facts){ .offline = !root->live };
	r = kargs_state_read(root, &state);
	if (r < 0)
		return r;
	cmdline_append(&ret->ours, &state.words);
	cmdline_append(&ret->rejected, &state.rejected);
	if (ret->offline) {
		ret->cpu = kernel_facts_image_cpu(root);
		return 0;
	}
	r = root_read(root, &text, "proc/cmdline");
	if (r < 0)
		return r;
	cmdline_parse(&ret->running, text);
	ret->cpu = read_cpu(root);
	ret->firmware_iommu = root_exists(root, "sys/firmware/acpi/tables/DMAR") ||
			      root_exists(root, "sys/firmware/acpi/tables/IVRS") ||
			      root_exists(root, "sys/firmware/acpi/tables/IORT");
	read_groups(root, ret);
	read_pfs(root, ret);
	return root_trouble(root);
}

void kernel_facts_done(struct kernel_facts *facts)
{
	cmdline_done(&facts->running);
	cmdline_done(&facts->ours);
	cmdline_done(&facts->rejected);
}
