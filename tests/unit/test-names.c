/* Names are those that stand in the list of IDs. */
#include "names.h"
#include "tap.h"

#include <unistd.h>

#define LIST "/usr/share/misc/pci.ids"
#define EACH 7 /* device of the list is asked for */

int main(void)
{
	_cleanup_(names_close) struct names *names = names_open();
	_cleanup_free_ char *line = NULL, *none = NULL;
	FILE *list = fopen(LIST, "re");
	unsigned vendor = 0, device, n = 0, good = 0;
	size_t room = 0;

	if (!list) {
		puts("1..0 # SKIP no " LIST);
		return 0;
	}
	while (getline(&line, &room, list) > 0 && *line != 'C') {
		_cleanup_free_ char *name = NULL;

		if (*line != '\t' && sscanf(line, "%4x  ", &vendor) == 1)
			continue;
		if (*line != '\t' || line[1] == '\t' ||
		    sscanf(line, "\t%4x  ", &device) != 1 || n++ % EACH)
			continue;
		name = names_device(names, vendor, device);
		if (streq(name, strip_end(line + strlen("\t10c9  "))))
			good++;
		else
			printf("# %04x:%04x is \"%s\", found \"%s\"\n", vendor, device,
			       line + strlen("\t10c9  "), name ? name : "nothing");
	}
	fclose(list);
	ok(n > 1000 && good == (n + EACH - 1) / EACH, "%u of %u names", good, n);
	none = names_device(names, 0x8086, 0xfffe);
	ok(!none, "an unknown device has none");
	return done();
}
