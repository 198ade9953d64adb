/* Who uses a VF and where it hangs, told from a folder that stands for the machine. */
#include "fixture.h"
#include "status-facts.h"

static void make_link(struct fixture *f, const char *target, const char *path)
{
	if (symlinkat(target, f->root.fd, path) < 0)
		abort();
}

static struct function function(const char *address)
{
	return (struct function){ .address = xstrdup(address),
				  .driver = xstrdup("vfio-pci"),
				  .pf = NONE };
}

int main(void)
{
	struct system system = { .live = true };
	struct function *all;
	struct fixture f;

	fixture_open(&f);
	fixture_write(&f, "sys/bus/pci/devices/0000:09:00.0/no-link", "");
	make_link(&f, "../../../devices/pci0000:00/0000:00:01.0/0000:01:10.0",
		  "sys/bus/pci/devices/0000:01:10.0");
	make_link(&f, "../../../devices/pci0000:00/0000:02:00.0",
		  "sys/bus/pci/devices/0000:02:00.0");
	fixture_write(&f, "sys/devices/pci0000:00/0000:00:01.0/0000:01:10.0/driver", "");
	make_link(&f, "../../../../kernel/iommu_groups/12",
		  "sys/devices/pci0000:00/0000:00:01.0/0000:01:10.0/iommu_group");
	fixture_write(&f, "proc/412/comm", "qemu-system-x86\n");
	fixture_write(&f, "proc/412/fd/README", "");
	fixture_write(&f, "proc/7/fd/README", "");
	make_link(&f, "/dev/vfio/vfio", "proc/412/fd/3");
	make_link(&f, "/dev/vfio/12", "proc/412/fd/4");
	make_link(&f, "/dev/null", "proc/7/fd/0");
	*array_add(system.functions, system.n_functions) = function("0000:01:10.0");
	*array_add(system.functions, system.n_functions) = function("0000:02:00.0");
	*array_add(system.functions, system.n_functions) = function("0000:03:00.0");
	all = system.functions;
	status_facts_read(&system, &f.root);
	is_string(all[0].parent, "0000:00:01.0", "the bridge above");
	is_string(all[1].parent, "pci0000:00", "a root");
	is_string(all[2].parent, NULL, "nothing is known");
	is_string(all[0].in_use, "qemu-system-x86 (process 412)",
		  "the process that has the group");
	is_string(all[1].in_use, NULL, "one whose group nobody has");
	is_string(all[2].in_use, NULL, "free");
	system_done(&system);
	fixture_close(&f);
	return done();
}
