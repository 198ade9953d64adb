#include "module.h"

#include <errno.h>
#include <libkmod.h>

static void unref_kmod(struct kmod_ctx **ctx)
{
	kmod_unref(*ctx);
}

static void unref_list(struct kmod_list **list)
{
	kmod_module_unref_list(*list);
}

/* "vfio-pci" is made by vfio_pci */
static char *module_of_driver(const char *driver)
{
	char *name = xstrdup(driver);

	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

int module_load(const char *name, const char *options)
{
	_cleanup_(unref_kmod) struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	_cleanup_(unref_list) struct kmod_list *list = NULL;
	_cleanup_free_ char *module_name = module_of_driver(name);
	struct kmod_module *module;
	int r;

	if (!ctx)
		return -ENOMEM;
	r = kmod_module_new_from_lookup(ctx, module_name, &list);
	if (r < 0)
		return r;
	if (!list) /* an unknown name is an empty list, not an error */
		return -ENOENT;
	module = kmod_module_get_module(list);
	/* `install` lines of modprobe.d run a shell: ignored, the module itself is loaded
	 */
	r = kmod_module_probe_insert_module(
		module, KMOD_PROBE_APPLY_BLACKLIST | KMOD_PROBE_IGNORE_COMMAND, options,
		NULL, NULL, NULL);
	kmod_module_unref(module);
	if (r == KMOD_PROBE_APPLY_BLACKLIST)
		return -EPERM;
	return r;
}
