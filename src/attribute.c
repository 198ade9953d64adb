#include "attribute.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Not openat2(): see open_in() in root.c. Only root makes entries in /sys, so nobody
 * races. */
static int check_parts(const struct root *device, const char *name)
{
	for (const char *end = name; *end; end += *end == '/') {
		_cleanup_close_ int fd = -1;
		struct stat st;

		end += strcspn(end, "/");
		fd = root_openat(device, O_PATH | O_NOFOLLOW, "%.*s", (int)(end - name),
				 name);
		if (fd < 0)
			return fd;
		if (fstat(fd, &st) < 0)
			return -errno;
		if (S_ISLNK(st.st_mode))
			return -ELOOP;
	}
	return 0;
}

int attribute_read(const struct root *device, const char *name, char **ret)
{
	/* a driver's own attribute may answer with any errno: that is part of the plan */
	const struct root quiet = { .fd = device->fd,
				    .path = device->path,
				    .live = device->live };
	int r = check_parts(&quiet, name);

	return r < 0 ? r : root_read(&quiet, ret, "%s", name);
}

int attribute_write(const struct root *device, const char *name, const char *value)
{
	int r = check_parts(device, name);

	return r < 0 ? r : root_write(device, value, "%s", name);
}
