/* The rules of this boot, as a document to look at; `apply` writes them where udev reads.
 */
#include "export.h"
#include "rules.h"

static void udev_write(FILE *out, const struct export_input *input,
		       struct export_notes *notes)
{
	(void)notes;
	rules_write(out, input->config, input->system);
}

const struct exporter export_udev = {
	.name = "udev",
	.help = "udev rules that bind VFs which others create",
	.write = udev_write,
};
