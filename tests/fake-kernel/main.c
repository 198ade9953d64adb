/*
 * fake-kernel MACHINE DIRECTORY: serves DIRECTORY/sys until it is ended.
 *
 * DIRECTORY/audit gets a line for each write. "ready" on stdout says that the tree is
 * there. Lines of a machine's description may also be written to sys/fake-kernel.
 */
#define FUSE_USE_VERSION 312

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <sys/stat.h>

static struct kernel *the_kernel(void)
{
	return fuse_get_context()->private_data;
}

static void fill_stat(const struct node *node, struct stat *st)
{
	static const mode_t modes[] = {
		[DIRECTORY] = S_IFDIR | 0755,
		[LINK] = S_IFLNK | 0777,
		[ATTRIBUTE] = S_IFREG | 0444,
	};

	*st = (struct stat){ .st_mode = modes[node->kind] | (node->writable ? 0200 : 0),
			     .st_nlink = 1,
			     .st_size = node->kind == DIRECTORY ? 0 : 4096 };
	if (node->kind == LINK)
		st->st_size = (off_t)node->size;
}

static int op_getattr(const char *path, struct stat *st, struct fuse_file_info *file)
{
	struct kernel *kernel = the_kernel();
	struct node *node;

	(void)file;
	pthread_mutex_lock(&kernel->lock);
	kernel_make_due(kernel);
	node = tree_find(&kernel->root, path);
	if (node)
		fill_stat(node, st);
	pthread_mutex_unlock(&kernel->lock);
	return node ? 0 : -ENOENT;
}

static int op_readlink(const char *path, char *target, size_t size)
{
	struct kernel *kernel = the_kernel();
	struct node *node;

	pthread_mutex_lock(&kernel->lock);
	node = tree_find(&kernel->root, path);
	if (node && node->kind == LINK)
		snprintf(target, size, "%s", node->text);
	pthread_mutex_unlock(&kernel->lock);
	return !node ? -ENOENT : node->kind == LINK ? 0 : -EINVAL;
}

static int op_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
		      struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
	struct kernel *kernel = the_kernel();
	struct node *node;

	(void)offset;
	(void)file;
	(void)flags;
	pthread_mutex_lock(&kernel->lock);
	kernel_make_due(kernel);
	node = tree_find(&kernel->root, path);
	for (size_t i = 0; node && i < node->n_children; i++)
		fill(buffer, node->children[i]->name, NULL, 0, 0);
	pthread_mutex_unlock(&kernel->lock);
	return node ? 0 : -ENOENT;
}

static int op_open(const char *path, struct fuse_file_info *file)
{
	file->direct_io = 1; /* the size is not known before it is read, as in sysfs */
	return kernel_open(the_kernel(), path);
}

/* With close(2), unlike release, which comes some time later. */
static int op_flush(const char *path, struct fuse_file_info *file)
{
	(void)file;
	kernel_close(the_kernel(), path);
	return 0;
}

static int op_read(const char *path, char *buffer, size_t size, off_t offset,
		   struct fuse_file_info *file)
{
	size_t length, start = (size_t)offset;
	_cleanup_free_ char *text = kernel_read(the_kernel(), path, &length);

	(void)file;
	if (!text)
		return -ENODEV;
	if (start >= length)
		return 0;
	if (size > length - start)
		size = length - start;
	memcpy(buffer, text + start, size);
	return (int)size;
}

static int op_write(const char *path, const char *data, size_t size, off_t offset,
		    struct fuse_file_info *file)
{
	_cleanup_free_ char *value = xstrndup(data, size);
	int r = kernel_write(the_kernel(), path, value);

	(void)offset;
	(void)file;
	return r < 0 ? r : (int)size;
}

/* the shell opens with O_TRUNC, which an attribute ignores */
static int op_truncate(const char *path, off_t size, struct fuse_file_info *file)
{
	(void)path;
	(void)size;
	(void)file;
	return 0;
}

/* Nothing is remembered: every look is at the state of that moment. */
static void *op_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
	config->hard_remove = 1;
	puts("ready");
	fflush(stdout);
	return the_kernel();
}

static const struct fuse_operations operations = {
	.getattr = op_getattr,
	.readlink = op_readlink,
	.readdir = op_readdir,
	.open = op_open,
	.flush = op_flush,
	.read = op_read,
	.write = op_write,
	.truncate = op_truncate,
	.init = op_init,
};

static int read_machine(struct kernel *kernel, const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!file) {
		perror(path);
		return -errno;
	}
	for (int n = 1; getline(&line, &size, file) >= 0; n++) {
		int r = machine_line(kernel, line);

		if (r < 0) {
			fprintf(stderr, "%s:%d: %s\n", path, n, strerror(-r));
			return r;
		}
	}
	return 0;
}

static int write_file(int directory, const char *path, const char *text)
{
	_cleanup_close_ int fd =
		openat(directory, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* The few files of /proc and /dev that go with the machine. */
static int write_proc(const struct kernel *kernel, int directory)
{
	int r;

	mkdirat(directory, "sys", 0755);
	mkdirat(directory, "proc", 0755);
	mkdirat(directory, "proc/self", 0755);
	mkdirat(directory, "dev", 0755);
	if (symlinkat("../sys/" GROUPS, directory, "dev/vfio") < 0)
		return -errno;
	r = write_file(directory, "proc/cmdline", "root=/dev/vda1\n");
	return r < 0 ? r : write_file(directory, "proc/self/mountinfo", kernel->mounts);
}

int main(int argc, char *argv[])
{
	static struct kernel kernel;
	_cleanup_free_ char *mountpoint = NULL;
	int directory, audit;

	if (argc != 3) {
		fputs("usage: fake-kernel MACHINE DIRECTORY\n", stderr);
		return 2;
	}
	directory = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
	audit = openat(directory, "audit", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
		       0644);
	if (audit < 0) {
		perror(argv[2]);
		return 1;
	}
	kernel_init(&kernel, audit);
	if (read_machine(&kernel, argv[1]) < 0)
		return 1;
	if (write_proc(&kernel, directory) < 0) {
		perror(argv[2]);
		return 1;
	}
	mountpoint = xasprintf("%s/sys", argv[2]);
	struct fuse_args no_options = FUSE_ARGS_INIT(1, argv);
	struct fuse *fuse =
		fuse_new(&no_options, &operations, sizeof(operations), &kernel);

	if (!fuse || fuse_mount(fuse, mountpoint) < 0)
		return 1;
	return fuse_loop_mt(fuse, fuse_loop_cfg_create()) < 0;
}
