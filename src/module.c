#include "module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <libkmod.h>
#include <limits.h>

/*
 * Loaded when a module is to be loaded, which is once in a boot: libcrypto, which comes
 * along, makes four fifths of what starting the program would cost otherwise.
 */
#define LIBRARY "libkmod.so.2"
#define FUNCTIONS(X)                       \
	X(kmod_list_next)                  \
	X(kmod_new)                        \
	X(kmod_unref)                      \
	X(kmod_module_get_info)            \
	X(kmod_module_get_initstate)       \
	X(kmod_module_get_module)          \
	X(kmod_module_get_name)            \
	X(kmod_module_get_options)         \
	X(kmod_module_info_free_list)      \
	X(kmod_module_info_get_key)        \
	X(kmod_module_info_get_value)      \
	X(kmod_module_insert_module)       \
	X(kmod_module_new_from_lookup)     \
	X(kmod_module_new_from_name)       \
	X(kmod_module_probe_insert_module) \
	X(kmod_module_unref)               \
	X(kmod_module_unref_list)

struct library {
	struct kmod_ctx *ctx;
#define MEMBER(function) __typeof__(&(function)) function;
	FUNCTIONS(MEMBER)
#undef MEMBER
};

/* The caller gives the context back by kmod_unref(). */
static int library_open(struct library *ret)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW);
	struct library library;

	if (!handle)
		return -ELIBACC;
#define FIND(function)                                          \
	*(void **)&library.function = dlsym(handle, #function); \
	if (!library.function)                                  \
		return -ELIBBAD;
	FUNCTIONS(FIND)
#undef FIND
	library.ctx = library.kmod_new(NULL, NULL);
	if (!library.ctx)
		return -ENOMEM;
	*ret = library;
	return 0;
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
	const struct library *kmod;
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
	const struct library *kmod = request->kmod;
	bool ours = streq(kmod->kmod_module_get_name(module), request->module);
	const char *usual = kmod->kmod_module_get_options(module);
	const char *added = ours ? request->options : NULL;
	_cleanup_free_ char *options =
		xasprintf("%s%s%s", usual ? usual : "", usual && added ? " " : "",
			  added ? added : "");

	(void)command;
	return kmod->kmod_module_insert_module(module, 0, options);
}

/* Built in or loaded, where there is no index to look it up: an initrd may have none. */
static bool is_there(const struct library *kmod, const char *name)
{
	struct kmod_module *module;
	int state;

	if (kmod->kmod_module_new_from_name(kmod->ctx, name, &module) < 0)
		return false;
	state = kmod->kmod_module_get_initstate(module);
	kmod->kmod_module_unref(module);
	return state >= 0 && state != KMOD_MODULE_GOING;
}

static int load(const struct request *request)
{
	const struct library *kmod = request->kmod;
	struct kmod_list *list = NULL;
	struct kmod_module *module;
	int r = kmod->kmod_module_new_from_lookup(kmod->ctx, request->module, &list);

	if (r < 0 || !list) { /* an unknown name is an empty list, not an error */
		if (is_there(kmod, request->module))
			return 0;
		return r < 0 ? r : -ENOENT;
	}
	module = kmod->kmod_module_get_module(list);
	r = kmod->kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST,
						  request->options, insert_itself,
						  request, NULL);
	kmod->kmod_module_unref(module);
	kmod->kmod_module_unref_list(list);
	if (r == KMOD_PROBE_APPLY_BLACKLIST)
		return -EPERM;
	return r;
}

int module_load(const char *name, const char *options)
{
	_cleanup_free_ char *module = module_of_driver(name);
	struct library kmod;
	int r = library_open(&kmod);

	if (r < 0)
		return r;
	r = load(&(struct request){ &kmod, module, options });
	kmod.kmod_unref(kmod.ctx);
	return r;
}

/* The wildcards of the module's best alias; INT_MAX: it tells none that fits. */
static int count_wildcards(const struct library *kmod, struct kmod_module *module,
			   const char *alias)
{
	struct kmod_list *info = NULL, *item;
	int fewest = INT_MAX;

	if (kmod->kmod_module_get_info(module, &info) < 0)
		return fewest;
	for (item = info; item; item = kmod->kmod_list_next(info, item)) {
		const char *pattern = kmod->kmod_module_info_get_value(item);
		int n = 0;

		if (!streq(kmod->kmod_module_info_get_key(item), "alias") ||
		    fnmatch(pattern, alias, 0) != 0)
			continue;
		for (const char *c = pattern; *c; c++)
			n += *c == '*';
		fewest = n < fewest ? n : fewest;
	}
	kmod->kmod_module_info_free_list(info);
	return fewest;
}

static int find_best(const struct library *kmod, const char *alias, char **ret)
{
	struct kmod_list *list = NULL, *item;
	int best = INT_MAX,
	    r = kmod->kmod_module_new_from_lookup(kmod->ctx, alias, &list);
	char *name = NULL;

	for (item = list; r >= 0 && item; item = kmod->kmod_list_next(list, item)) {
		struct kmod_module *module = kmod->kmod_module_get_module(item);
		int n = count_wildcards(kmod, module, alias);

		if (!name || n < best) {
			free(name);
			name = xstrdup(kmod->kmod_module_get_name(module));
			best = n;
		}
		kmod->kmod_module_unref(module);
	}
	kmod->kmod_module_unref_list(list);
	if (!name)
		return r < 0 ? r : -ENOENT;
	*ret = name;
	return 0;
}

int module_best(const char *alias, char **ret)
{
	struct library kmod;
	int r = library_open(&kmod);

	if (r < 0)
		return r;
	r = find_best(&kmod, alias, ret);
	kmod.kmod_unref(kmod.ctx);
	return r;
}
