#include "names.h"

#include <pci/pci.h>
#include <setjmp.h>

struct names {
	struct pci_access *access;
};

static jmp_buf escape; /* libpci hands its handlers nothing of ours */

/*
 * pci_alloc() sets no handlers, and pci_load_name_list() calls `error` for a damaged
 * pci.ids. It must not return (PCI_NONRET), and libpci's own ends the process.
 */
__attribute__((noreturn)) static void leave(char *message, ...)
{
	(void)message;
	longjmp(escape, 1);
}

static void ignore(char *message, ...)
{
	(void)message;
}

struct names *names_open(void)
{
	struct names *names = xcalloc(1, sizeof(*names));

	/* no pci_init(): it probes the bus, and names need only the list of IDs */
	names->access = pci_alloc();
	names->access->error = leave;
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

static const char *lookup(struct pci_access *access, char *name, int size,
			  unsigned vendor, unsigned device)
{
	if (setjmp(escape))
		return NULL;
	/* no number for an unknown name, no question to a name server */
	return pci_lookup_name(access, name, size,
			       PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS, (int)vendor,
			       (int)device);
}

char *names_device(const struct names *names, unsigned vendor, unsigned device)
{
	const char *found;
	char name[256];

	if (!names)
		return NULL;
	found = lookup(names->access, name, sizeof(name), vendor, device);
	if (!found) /* the first question reads the list: what stands before any damage is
		       good */
		found = lookup(names->access, name, sizeof(name), vendor, device);
	return xstrdup(found);
}
