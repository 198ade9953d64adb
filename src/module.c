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

struct request {
	const char *module, *options;
};

/*
 * Stands in for an `install` line of modprobe.d, which is a shell command: the module
 * itself is inserted, with modprobe.d's options. KMOD_PROBE_IGNORE_COMMAND would not do:
 * it also leaves out the module's soft dependencies, and lets the dependencies' commands
 * run (libkmod-module.c, __kmod_module_get_probe_list()).
 */
static int insert_itself(struct kmod_module *module, const char *command, void *data)
{
	const struct request *request = data;
	bool ours = streq(kmod_module_get_name(module), request->module);
	const char *usual = kmod_module_get_options(module);
	const char *added = ours ? request->options : NULL;
	_cleanup_free_ char *options =
		xasprintf("%s%s%s", usual ? usual : "", usual && added ? " " : "",
			  added ? added : "");

	(void)command;
	return kmod_module_insert_module(module, 0, options);
}

/* Built in or loaded, where there is no index to look it up: an initrd may have none. */
static bool is_there(struct kmod_ctx *ctx, const char *name)
{
	struct kmod_module *module;
	int state;

	if (kmod_module_new_from_name(ctx, name, &module) < 0)
		return false;
	state = kmod_module_get_initstate(module);
	kmod_module_unref(module);
	return state >= 0 && state != KMOD_MODULE_GOING;
}

int module_load(const char *name, const char *options)
{
	_cleanup_(unref_kmod) struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	_cleanup_(unref_list) struct kmod_list *list = NULL;
	_cleanup_free_ char *module_name = module_of_driver(name);
	const struct request request = { module_name, options };
	struct kmod_module *module;
	int r;

	if (!ctx)
		return -ENOMEM;
	r = kmod_module_new_from_lookup(ctx, module_name, &list);
	if (r < 0 || !list) { /* an unknown name is an empty list, not an error */
		if (is_there(ctx, module_name))
			return 0;
		return r < 0 ? r : -ENOENT;
	}
	module = kmod_module_get_module(list);
	r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, options,
					    insert_itself, &request, NULL);
	kmod_module_unref(module);
	if (r == KMOD_PROBE_APPLY_BLACKLIST)
		return -EPERM;
	return r;
}
