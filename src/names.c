#include "names.h"

#include <pci/pci.h>

struct names {
	struct pci_access *access;
};

/* libpci's own handler of errors ends the process; looking up a name has none worth that.
 */
static void ignore(char *message, ...)
{
	(void)message;
}

struct names *names_open(void)
{
	struct names *names = xcalloc(1, sizeof(*names));

	/* no pci_init(): it probes the bus, and names need only the list of IDs */
	names->access = pci_alloc();
	names->access->warning = ignore;
	names->access->debug = ignore;
	return names;
}

void names_close(struct names **names)
{
	if (!*names)
		return;
	pci_free_name_list((*names)->access);
	pci_cleanup((*names)->access);
	free(*names);
	*names = NULL;
}

/* No number for an unknown name, no question to a name server. */
#define FLAGS PCI_LOOKUP_NO_NUMBERS

static char *lookup(const struct names *names, int what, unsigned vendor, unsigned device)
{
	char name[256];
	const char *found =
		!names ? NULL :
			 pci_lookup_name(names->access, name, sizeof(name), what | FLAGS,
					 (int)vendor, (int)device);

	return xstrdup(found);
}

char *names_vendor(const struct names *names, unsigned vendor)
{
	return lookup(names, PCI_LOOKUP_VENDOR, vendor, 0);
}

char *names_device(const struct names *names, unsigned vendor, unsigned device)
{
	return lookup(names, PCI_LOOKUP_DEVICE, vendor, device);
}
