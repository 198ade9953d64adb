#include "bootloader.h"

#include "log.h"

#include <errno.h>

static const struct bootloader *const bootloaders[] = {
	&bootloader_uki_addon,
	&bootloader_bls_plugin,
	&bootloader_grub_dropin,
	&bootloader_manual,
};

static int find_named(const struct bootloader **ret, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(bootloaders); i++)
		if (streq(bootloaders[i]->name, name)) {
			*ret = bootloaders[i];
			return 0;
		}
	log_error("kernel.bootloader = \"%s\" is not known, expected \"auto\" or one of:",
		  name);
	for (size_t i = 0; i < ARRAY_SIZE(bootloaders); i++)
		log_error("  %s", bootloaders[i]->name);
	return -ENOENT;
}

int bootloader_find(const struct bootloader **ret, const struct root *root,
		    const char *name)
{
	const struct bootloader *best = NULL, *rival = NULL;
	int surest = 0;

	if (name)
		return find_named(ret, name);
	for (size_t i = 0; i < ARRAY_SIZE(bootloaders); i++) {
		int sure = bootloaders[i]->detect(root);

		if (sure > surest) {
			best = bootloaders[i];
			rival = NULL;
			surest = sure;
		} else if (sure && sure == surest) {
			rival = bootloaders[i];
		}
	}
	if (rival) {
		log_error("both %s and %s could boot this machine: name one as "
			  "kernel.bootloader",
			  best->name, rival->name);
		return -ENOTUNIQ;
	}
	*ret = best;
	return 0;
}
