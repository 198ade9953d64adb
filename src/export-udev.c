/* The rules of this boot, as a document to look at; `apply` writes them where udev reads.
 */
#include "export.h"
#include "rules.h"

static void udev_write(FILE *out, const struct config *config,
		       const struct system *system, const struct names *names,
		       struct strings *warnings)
{
	(void)names;
	(void)warnings;
	rules_write(out, config, system);
}

const struct exporter export_udev = {
	.name = "udev",
	.help = "udev rules that bind VFs which others create",
	.write = udev_write,
};
