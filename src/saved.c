#include "saved.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Before each file's text */
#define HEADER "sriov-setup-saved %o %zu %s\n"

void saved_done(struct saved *saved)
{
	for (size_t i = 0; i < saved->n; i++) {
		free(saved->files[i].path);
		free(saved->files[i].text);
	}
	free(saved->files);
}

int saved_add(struct saved *saved, const struct root *root, const char *path)
{
	_cleanup_close_ int fd = root_openat(root, O_PATH | O_NOFOLLOW, "%s", path);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t size;
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	r = root_read_bytes(root, &text, &size, "%s", path);
	if (r < 0)
		return r;
	if (strlen(text) != size)
		return -EINVAL;
	*array_add(saved->files, saved->n) = (struct saved_file){
		.path = xstrdup(path),
		.text = steal_pointer(&text),
		.mode = st.st_mode & 07777,
	};
	return 0;
}

void saved_add_text(struct saved *saved, const char *name, const char *text)
{
	*array_add(saved->files, saved->n) = (struct saved_file){
		.path = xstrdup(name),
		.text = xstrdup(text),
	};
}

const struct saved_file *saved_find(const struct saved *saved, const char *path)
{
	for (size_t i = 0; i < saved->n; i++)
		if (streq(saved->files[i].path, path))
			return &saved->files[i];
	return NULL;
}

int saved_restore(const struct saved_file *file, const struct root *root)
{
	return root_replace(root, file->text, file->mode, "%s", file->path);
}

int saved_write(const struct saved *saved, const struct root *root, const char *path)
{
	_cleanup_free_ char *all = xstrdup("");

	for (size_t i = 0; i < saved->n; i++) {
		const struct saved_file *file = &saved->files[i];
		char *more = xasprintf("%s" HEADER "%s", all, file->mode,
				       strlen(file->text), file->path, file->text);

		free(all);
		all = more;
	}
	return root_replace(root, all, 0600, "%s", path);
}

int saved_read(struct saved *ret, const struct root *root, const char *path)
{
	_cleanup_free_ char *all = NULL;
	size_t size;
	int r = root_read_bytes(root, &all, &size, "%s", path);

	if (r < 0)
		return r;
	for (const char *at = all; *at;) {
		char name[256];
		unsigned mode;
		size_t length;
		int header = 0;

		if (sscanf(at, "sriov-setup-saved %o %zu %255s%n", &mode, &length, name,
			   &header) != 3 ||
		    at[header] != '\n' || strlen(at + header + 1) < length)
			return -EBADMSG;
		*array_add(ret->files, ret->n) = (struct saved_file){
			.path = xstrdup(name),
			.text = xstrndup(at + header + 1, length),
			.mode = mode,
		};
		at += (size_t)header + 1 + length;
	}
	return 0;
}
