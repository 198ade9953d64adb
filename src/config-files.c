/*
 * config-files.c: which files the config is made of, and may be.
 */
#include "config.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/*
 * Root does what the file says, so it must be root's. An image's files are judged by the
 * machine that boots it.
 */
static bool is_foreign(const struct root *root, const struct stat *st)
{
	return root->live && geteuid() == 0 &&
	       (st->st_uid != 0 || st->st_mode & S_IWOTH ||
		(st->st_mode & S_IWGRP && st->st_gid != 0));
}

/* The text of a regular file; what is wrong with any other is said, as of `shown`. */
static char *read_text(const struct root *root, const char *path, const char *shown)
{
	/* O_NONBLOCK: opening a FIFO must not wait for its writer */
	_cleanup_close_ int fd = root_openat(root, O_RDONLY | O_NONBLOCK, "%s", path);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	char *nul;
	ssize_t n;
	int line = 0;

	if (fd < 0 || fstat(fd, &st) < 0) {
		log_config(shown, 0, "cannot be read: %s",
			   strerror(fd < 0 ? -fd : errno));
	} else if (!S_ISREG(st.st_mode)) {
		log_config(shown, 0, "is no regular file, expected a text file");
	} else if (is_foreign(root, &st)) {
		log_config(shown, 0,
			   "others than root may change it: expected owner root and mode "
			   "0644");
	} else if (st.st_size >= ROOT_FILE_MAX) {
		log_config(shown, 0, "is too large, expected less than 1 MiB");
	} else {
		text = xcalloc((size_t)st.st_size + 1, 1);
		n = pread(fd, text, (size_t)st.st_size, 0);
		nul = n < 0 ? NULL : memchr(text, '\0', (size_t)n);
		if (n == st.st_size && !nul)
			return steal_pointer(&text);
		if (!nul)
			log_config(shown, 0, "cannot be read whole: %s",
				   n < 0 ? strerror(errno) : "it is shorter now");
		for (char *c = text; nul && c <= nul; c++)
			line += c == text || c[-1] == '\n';
		if (nul)
			log_config(shown, line, "holds a NUL byte, expected text");
	}
	return NULL;
}

/* Adds a file; the number of its mistakes. */
static size_t add_file(struct config *config, const struct root *root, const char *path)
{
	_cleanup_free_ char *shown = xasprintf("/%s", path);
	_cleanup_free_ char *text = read_text(root, path, shown);

	strings_add(&config->files, shown);
	return text ? config_parse(config, config->files.items[config->files.n - 1],
				   text) :
		      1;
}

static size_t add_folder(struct config *config, const struct root *root,
			 const char *folder)
{
	struct strings names = {};
	size_t mistakes = 0;

	root_list(root, &names, "%s", folder);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", folder, names.items[i]);
		size_t n = strlen(path);

		if (names.items[i][0] != '.' && n > 5 && streq(path + n - 5, ".conf"))
			mistakes += add_file(config, root, path);
	}
	strings_done(&names);
	return mistakes;
}

/* The image's rules come last, its settings give way: it is read alone, then taken apart.
 */
static size_t add_image(struct config *config, const struct root *root)
{
	struct config image = { .export = config->export };
	size_t mistakes = add_folder(&image, root, CONFIG_IMAGE_DIR);

	config->kernel = image.kernel;
	config->export = image.export;
	image.kernel = (struct kernel_config){};
	image.export.dir = image.export.node = image.export.namespace = NULL;
	/* kept aside until the administrator's files are read */
	config->pfs = image.pfs;
	config->n_pfs = image.n_pfs;
	config->devices = image.devices;
	config->n_devices = image.n_devices;
	config->mdevs = image.mdevs;
	config->n_mdevs = image.n_mdevs;
	config->files = image.files;
	config->memlock = image.memlock;
	return mistakes;
}

/* Moves the first `n` elements of an array behind the rest: the image's rules were read
 * first. */
#define ROTATE(array, count, n)                                               \
	do {                                                                  \
		__typeof__(array) new_ = NULL;                                \
		size_t m_ = 0;                                                \
		for (size_t i_ = 0; i_ < (count); i_++)                       \
			*array_add(new_, m_) = (array)[(i_ + (n)) % (count)]; \
		free(array);                                                  \
		(array) = new_;                                               \
	} while (0)

static void fill_drivers(struct config *config)
{
	const char *usual = config->harvester ? DRIVER_LEAVE : DRIVER_VFIO;

	for (size_t i = 0; i < config->n_pfs; i++)
		if (!config->pfs[i].driver)
			config->pfs[i].driver = xstrdup(usual);
	for (size_t i = 0; i < config->n_devices; i++)
		if (!config->devices[i].driver)
			config->devices[i].driver = xstrdup(usual);
}

int config_load(struct config *ret, const struct root *root, const char *path)
{
	struct config config = { .export = { .kubevirt = true },
				 .harvester = root_exists(root, HARVESTER_RELEASE) };
	size_t mistakes = 0, pfs, devices, mdevs;
	_cleanup_free_ char *folder = NULL;
	const char *main_path = path ? path + strspn(path, "/") : CONFIG_PATH;

	if (!path)
		mistakes += add_image(&config, root);
	pfs = config.n_pfs;
	devices = config.n_devices;
	mdevs = config.n_mdevs;
	if (path || root_exists(root, "%s", main_path))
		mistakes += add_file(&config, root, main_path);
	folder = xasprintf("%s.d", main_path);
	mistakes += add_folder(&config, root, folder);
	ROTATE(config.pfs, config.n_pfs, pfs);
	ROTATE(config.devices, config.n_devices, devices);
	ROTATE(config.mdevs, config.n_mdevs, mdevs);
	fill_drivers(&config);
	if (mistakes || root_trouble(root)) {
		config_done(&config);
		return -EINVAL;
	}
	*ret = config;
	return 0;
}
