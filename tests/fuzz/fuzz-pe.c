/* A PE image: a section is found or not, one more is added or refused. */
#include "fuzz.h"

#include "pe.h"

#include <errno.h>

FUZZ(pe)
{
	size_t room = size ? size : 1, section_size;
	char *image = xcalloc(1, room);
	const char *section;
	bool there;

	if (size)
		memcpy(image, data, size);
	pe_find_section(image, size, ".cmdline", &section, &section_size);
	/* one that is there stays the first of that name */
	there = pe_find_section(image, size, ".sriov", &section, &section_size) !=
		-ENOENT;
	if (pe_add_section(&image, &size, ".sriov", "iommu=pt") == 0)
		must(there || (pe_find_section(image, size, ".sriov", &section,
					       &section_size) == 0 &&
			       memcmp(section, "iommu=pt", 8) == 0),
		     "what was added is found");
	free(image);
	return 0;
}
