#include "root.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define FORMAT_PATH(path, format)                                  \
	char path[PATH_MAX];                                       \
	do {                                                       \
		va_list args_;                                     \
		int n_;                                            \
		va_start(args_, format);                           \
		n_ = vsnprintf(path, sizeof(path), format, args_); \
		va_end(args_);                                     \
		if (n_ < 0 || (size_t)n_ >= sizeof(path))          \
			abort();                                   \
	} while (0)

/*
 * Others say that it is not there, or not of that kind. What /proc tells of another
 * process is a matter of ptrace_may_access(), which the units' sandbox has no right to.
 */
static bool is_trouble(const char *path, int error)
{
	static const int troubles[] = {
		EIO, EINTR, ENOMEM, EMFILE, ENFILE, EROFS, ENOSPC
	};

	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++)
		if (error == -troubles[i])
			return true;
	return error == -EACCES && geteuid() == 0 &&
	       !(startswith(path, "proc/") && isdigit((unsigned char)path[5]));
}

/* Takes note of a failed read; returns its error. */
static int failed(const struct root *root, const char *path, int error)
{
	struct root_trouble *trouble = root->trouble;

	if (trouble && !trouble->error && is_trouble(path, error)) {
		trouble->error = error;
		trouble->path = xasprintf(
			"%s%s%s/%s", streq(root->path, "/") ? "" : root->path,
			root->below ? "/" : "", root->below ? root->below : "", path);
	}
	return error;
}

int root_trouble(const struct root *root)
{
	return root->trouble ? root->trouble->error : 0;
}

static int open_below(const struct root *root, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* openat2(2): EAGAIN when a rename raced with the walk; EINTR from slow files */
	do
		fd = syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd < 0 ? -errno : (int)fd;
}

static bool is_device(const struct root *root, const char *path)
{
	_cleanup_close_ int fd = open_below(root, path, O_PATH, 0);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 &&
	       (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

static int open_quietly(const struct root *root, const char *path, int flags, mode_t mode)
{
	int fd;

	/*
	 * On the running machine nothing can lead outside; and RestrictSUIDSGID= of our
	 * units makes openat2() fail with ENOSYS, since systemd cannot filter its mode.
	 */
	if (root->live) {
		fd = openat(root->fd, path, flags | O_CLOEXEC, mode);
		return fd < 0 ? -errno : fd;
	}
	if (flags & O_PATH)
		return open_below(root, path, flags, mode);
	/* a device belongs to the machine that runs us, and may do something when it is
	 * opened: a tape rewinds, a watchdog starts; and a FIFO must not hang us */
	return is_device(root, path) ? -EINVAL :
				       open_below(root, path, flags | O_NONBLOCK, mode);
}

static int open_in(const struct root *root, const char *path, int flags, mode_t mode)
{
	int fd = open_quietly(root, path, flags, mode);

	return fd < 0 ? failed(root, path, fd) : fd;
}

int root_open(struct root *root, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat ours, real;

	if (fd < 0 || fstat(fd, &ours) < 0 || stat("/", &real) < 0)
		return -errno;
	*root = (struct root){ .fd = fd, .path = path };
	root->live = ours.st_dev == real.st_dev && ours.st_ino == real.st_ino;
	fd = -1;
	return 0;
}

int root_enter(const struct root *root, struct root *ret, const char *format, ...)
{
	int fd;

	FORMAT_PATH(path, format);
	fd = open_in(root, path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	*ret = (struct root){ .fd = fd,
			      .path = root->path,
			      .live = root->live,
			      .below = xstrdup(path),
			      .trouble = root->trouble };
	return 0;
}

void root_done(struct root *root)
{
	closep(&root->fd);
	free(root->below);
	root->fd = -1;
	root->below = NULL;
}

int root_openat(const struct root *root, int flags, const char *format, ...)
{
	FORMAT_PATH(path, format);
	return open_in(root, path, flags, 0);
}

static int read_all(int fd, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0, room = 256;

	for (;;) {
		ssize_t n;

		data = xrealloc_array(data, room + 1, 1);
		n = read(fd, data + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
		if (size > ROOT_FILE_MAX)
			return -EFBIG;
		if (size == room)
			room *= 4;
	}
	data[size] = '\0';
	*ret = steal_pointer(&data);
	*ret_size = size;
	return 0;
}

static int read_bytes(const struct root *root, const char *path, char **ret,
		      size_t *ret_size)
{
	/* O_NONBLOCK: a FIFO must not hang us */
	_cleanup_close_ int fd = open_in(root, path, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return failed(root, path, -errno);
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	r = read_all(fd, ret, ret_size);
	return r < 0 ? failed(root, path, r) : 0;
}

static int read_path(const struct root *root, const char *path, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_bytes(root, path, &text, &size);

	if (r < 0)
		return r;
	if (strlen(text) != size)
		return -EINVAL;
	*ret = strip_end(steal_pointer(&text));
	return 0;
}

int root_read(const struct root *root, char **ret, const char *format, ...)
{
	FORMAT_PATH(path, format);
	return read_path(root, path, ret);
}

int root_read_bytes(const struct root *root, char **ret, size_t *ret_size,
		    const char *format, ...)
{
	FORMAT_PATH(path, format);
	return read_bytes(root, path, ret, ret_size);
}

int root_read_unsigned(const struct root *root, unsigned long *ret, const char *format,
		       ...)
{
	_cleanup_free_ char *text = NULL;
	int r;

	FORMAT_PATH(path, format);
	r = read_path(root, path, &text);
	if (r < 0)
		return r;
	return parse_unsigned(text, ULONG_MAX, ret);
}

int root_link_name(const struct root *root, char **ret, const char *format, ...)
{
	_cleanup_close_ int fd = -1;
	char target[PATH_MAX];
	ssize_t n;

	FORMAT_PATH(path, format);
	/* readlinkat(2) has no RESOLVE_IN_ROOT */
	if (!root->live && strchr(path, '/')) {
		fd = open_in(root, path, O_PATH | O_NOFOLLOW, 0);
		if (fd < 0)
			return fd;
		n = readlinkat(fd, "", target, sizeof(target) - 1);
	} else {
		n = readlinkat(root->fd, path, target, sizeof(target) - 1);
	}
	if (n < 0)
		return failed(root, path, -errno);
	target[n] = '\0';
	*ret = xstrdup(basename(target));
	return 0;
}

int root_list(const struct root *root, struct strings *ret, const char *format, ...)
{
	struct dirent *entry;
	DIR *dir;
	int fd, r;

	FORMAT_PATH(path, format);
	fd = open_in(root, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		r = failed(root, path, -errno);
		close(fd);
		return r;
	}
	while (errno = 0, entry = readdir(dir))
		if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
			strings_add(ret, entry->d_name);
	r = errno ? failed(root, path, -errno) : 0;
	closedir(dir);
	strings_sort(ret);
	return r;
}

bool root_exists(const struct root *root, const char *format, ...)
{
	_cleanup_close_ int fd = -1;

	FORMAT_PATH(path, format);
	fd = open_in(root, path, O_PATH, 0);
	return fd >= 0;
}

int root_write(const struct root *root, const char *value, const char *format, ...)
{
	_cleanup_close_ int fd = -1;
	ssize_t n;

	FORMAT_PATH(path, format);
	fd = open_quietly(root, path, O_WRONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	/* an attribute takes its value in one call: kernfs_fop_write_iter() */
	n = write(fd, value, strlen(value));
	return n < 0 ? -errno : (size_t)n < strlen(value) ? -EIO : 0;
}

/* Opens the directory that holds path, making it where it is missing; *ret_name points
 * into path. */
static int open_parent(const struct root *root, char *path, bool make,
		       const char **ret_name)
{
	char *slash = strrchr(path, '/');
	int fd;

	if (!slash) {
		*ret_name = path;
		return open_in(root, ".", O_RDONLY | O_DIRECTORY, 0);
	}
	*slash = '\0';
	*ret_name = slash + 1;
	fd = open_in(root, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -ENOENT && make) {
		_cleanup_free_ char *above = xstrdup(path);
		_cleanup_close_ int parent = -1;
		const char *name;

		parent = open_parent(root, above, true, &name);
		if (parent < 0)
			return parent;
		/* the mode does not hang on the caller's umask */
		if (mkdirat(parent, name, 0755) == 0)
			fchmodat(parent, name, 0755, 0);
		else if (errno != EEXIST)
			return -errno;
		fd = open_in(root, path, O_RDONLY | O_DIRECTORY, 0);
	}
	return fd;
}

int root_link(const struct root *root, const char *target, const char *format, ...)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int parent = -1;
	char found[PATH_MAX];
	const char *name;
	ssize_t n;

	FORMAT_PATH(path, format);
	parent = open_parent(root, path, true, &name);
	if (parent < 0)
		return parent;
	n = readlinkat(parent, name, found, sizeof(found) - 1);
	if (n >= 0) {
		found[n] = '\0';
		if (streq(found, target))
			return 0;
	}
	if (symlinkat(target, parent, name) == 0)
		return 1;
	if (errno != EEXIST)
		return -errno;
	temporary = xasprintf(".%s.new", name);
	unlinkat(parent, temporary, 0);
	if (symlinkat(target, parent, temporary) < 0 ||
	    renameat(parent, temporary, parent, name) < 0)
		return -errno;
	return 1;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int write_durably(int parent, const char *name, const char *temporary,
			 const char *data, size_t size, mode_t mode)
{
	_cleanup_close_ int fd =
		openat(parent, temporary,
		       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
		       renameat(parent, temporary, parent, name) < 0))
		r = -errno;
	if (r < 0)
		unlinkat(parent, temporary, 0);
	else if (fsync(parent) < 0)
		r = -errno;
	return r;
}

/* Compares to the byte, unlike root_read(), which trims. */
static bool holds_already(int parent, const char *name, const char *data, size_t size)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *found = NULL;
	size_t found_size;
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && read_all(fd, &found, &found_size) == 0 && found_size == size &&
	       memcmp(found, data, size) == 0;
}

/* The leading dot keeps it out of *.cfg and *.rules globs. What a crash leaves goes when
 * the file is written again, or removed. */
static char *temporary_name(const char *name)
{
	return xasprintf(".%s.sriov-setup", name);
}

static int replace(const struct root *root, char *path, const char *data, size_t size,
		   mode_t mode)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int parent = -1;
	const char *name;
	int r;

	parent = open_parent(root, path, true, &name);
	if (parent < 0)
		return parent;
	if (holds_already(parent, name, data, size))
		return 0;
	temporary = temporary_name(name);
	if (unlinkat(parent, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	r = write_durably(parent, name, temporary, data, size, mode);
	return r < 0 ? r : 1;
}

int root_replace(const struct root *root, const char *data, mode_t mode,
		 const char *format, ...)
{
	FORMAT_PATH(path, format);
	return replace(root, path, data, strlen(data), mode);
}

int root_replace_bytes(const struct root *root, const char *data, size_t size,
		       mode_t mode, const char *format, ...)
{
	FORMAT_PATH(path, format);
	return replace(root, path, data, size, mode);
}

int root_move(const struct root *root, const char *from, const char *to)
{
	_cleanup_free_ char *from_path = xstrdup(from), *to_path = xstrdup(to);
	_cleanup_close_ int parent = -1, new = open_in(root, from, O_RDONLY, 0);
	const char *from_name, *to_name;
	struct stat st;
	int r;

	if (new < 0)
		return new;
	parent = open_parent(root, from_path, false, &from_name);
	if (parent < 0)
		return parent;
	to_name = strrchr(to_path, '/') + 1;
	r = fstatat(parent, to_name, &st, AT_SYMLINK_NOFOLLOW);
	if (r == 0 && S_ISLNK(st.st_mode))
		return -ELOOP; /* the link would be lost, and its target stay old */
	if (r == 0 && (fchmod(new, st.st_mode & 07777) < 0 ||
		       fchown(new, st.st_uid, st.st_gid) < 0))
		return -errno;
	if (fsync(new) < 0 || renameat(parent, from_name, parent, to_name) < 0 ||
	    fsync(parent) < 0 || syncfs(parent) < 0)
		return -errno;
	return 0;
}

/*
 * Not flock(2): a child that the kernel holds for ever has all that its parent has open.
 * This kind of lock is the process's own.
 */
int root_lock(const struct root *root, unsigned seconds, const char *path)
{
	struct flock whole = { .l_type = F_WRLCK };
	_cleanup_free_ char *copy = xstrdup(path);
	_cleanup_close_ int parent = -1;
	const char *name;
	int fd;

	parent = open_parent(root, copy, true, &name);
	if (parent < 0)
		return parent;
	fd = openat(parent, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	for (unsigned pauses = seconds * 50; fcntl(fd, F_SETLK, &whole) < 0; pauses--) {
		int error = errno == EACCES ? EAGAIN : errno;

		if (error != EAGAIN || pauses == 0) {
			close(fd);
			return -error;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	return fd;
}

static int remove_at(const struct root *root, char *path, int flags)
{
	_cleanup_free_ char *leftover = NULL;
	_cleanup_close_ int parent = -1;
	const char *name;

	parent = open_parent(root, path, false, &name);
	if (parent == -ENOENT || parent == -ENOTDIR)
		return 0;
	if (parent < 0)
		return parent;
	leftover = temporary_name(name);
	if (!flags && unlinkat(parent, leftover, 0) < 0 && errno != ENOENT)
		return -errno;
	if (unlinkat(parent, name, flags) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(parent) < 0 ? -errno : 1;
}

int root_remove(const struct root *root, const char *format, ...)
{
	FORMAT_PATH(path, format);
	return remove_at(root, path, 0);
}

int root_remove_folder(const struct root *root, const char *format, ...)
{
	FORMAT_PATH(path, format);
	return remove_at(root, path, AT_REMOVEDIR);
}
