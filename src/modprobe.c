#include "modprobe.h"

static void add_line(char **text, const char *what, const char *value)
{
	char *more = xasprintf("%s%s%s\n", *text, what, value);

	free(*text);
	*text = more;
}

char *modprobe_text(const struct kernel_config *config, const char *ids)
{
	char *text = xstrdup("");

	if (config->unsafe_interrupts)
		add_line(&text, "options vfio_iommu_type1 allow_unsafe_interrupts=", "1");
	if (config->vfio_ids == VFIO_IDS_PERSISTENT && ids && *ids)
		add_line(&text, "options vfio-pci ids=", ids);
	for (size_t i = 0; i < config->blacklist.n; i++)
		add_line(&text, "blacklist ", config->blacklist.items[i]);
	if (*text) {
		char *body = text;

		text = xasprintf("# Written by sriov-setup from /etc/sriov.conf; changes "
				 "are lost. "
				 "\"sriov-setup reset\" takes it away.\n%s",
				 body);
		free(body);
	}
	return text;
}
