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

char *names_device(const struct names *names, unsigned vendor, unsigned device)
{
	char name[256];

	if (!names)
		return NULL;
	/* no number for an unknown name, no question to a name server */
	return xstrdup(pci_lookup_name(names->access, name, sizeof(name),
				       PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS,
				       (int)vendor, (int)device));
}
