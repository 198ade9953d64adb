#include "efi.h"

#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#define VARIABLES "sys/firmware/efi/efivars/"
#define LOADER_VENDOR "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define GLOBAL_VENDOR "8be4df61-93ca-11d2-aa0d-00e098032b8c"
/* a file in efivarfs begins with the attributes: Documentation/filesystems/efivarfs.rst
 */
#define ATTRIBUTES 4

int efi_read_loader(const struct root *root, char **ret, const char *name)
{
	_cleanup_free_ char *data = NULL;
	size_t size, n = 0;
	char *text;
	int r;

	if (!root->live)
		return -ENOENT;
	r = root_read_bytes(root, &data, &size, VARIABLES "%s-" LOADER_VENDOR, name);
	if (r < 0)
		return r;
	text = xcalloc(1, size + 1);
	for (size_t i = ATTRIBUTES; i + 1 < size && (data[i] || data[i + 1]); i += 2)
		text[n++] = data[i + 1] == 0 && data[i] >= ' ' ? data[i] : '?';
	*ret = text;
	return 0;
}

bool efi_secure_boot(const struct root *root)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	return root->live &&
	       root_read_bytes(root, &data, &size,
			       VARIABLES "SecureBoot-" GLOBAL_VENDOR) == 0 &&
	       size == ATTRIBUTES + 1 && data[ATTRIBUTES] == 1;
}

/* The file system that is mounted there; NULL: none. */
static char *mounted_type(const struct root *root, const char *place)
{
	_cleanup_free_ char *mounts = NULL;
	char where[256], type[32], *line, *rest, *end, *found = NULL;
	/* opening, unlike a mere look, sets off an automount */
	_cleanup_close_ int fd = root_openat(root, O_RDONLY | O_DIRECTORY, "%s", place);

	if (fd < 0 || root_read(root, &mounts, "proc/self/mountinfo") < 0)
		return NULL;
	/* proc_pid_mountinfo(5): the fifth field is where, the type follows " - "; the
	 * last one is on top */
	for (rest = mounts; (line = strsep(&rest, "\n"));)
		if (sscanf(line, "%*s %*s %*s %*s /%255s", where) == 1 &&
		    streq(where, place) && (end = strstr(line, " - ")) &&
		    sscanf(end, " - %31s", type) == 1) {
			free(found);
			found = xstrdup(type);
		}
	return found;
}

/* A mount point that nothing is mounted on: what is written there would be below it. */
static bool is_in_fstab(const struct root *root, const char *place)
{
	_cleanup_free_ char *fstab = NULL;
	char device[256], where[256], *line, *rest;

	if (root_read(root, &fstab, "etc/fstab") < 0)
		return false;
	for (rest = fstab; (line = strsep(&rest, "\n"));)
		if (sscanf(line, "%255s /%255s", device, where) == 2 &&
		    device[0] != '#' && streq(where, place))
			return true;
	return false;
}

/*
 * Where the partition is mounted that the boot loader says it came from, for mount points
 * of another name. NULL: it says nothing, or it is not mounted. The caller frees it.
 */
static char *find_named_place(const struct root *root)
{
	_cleanup_free_ char *uuid = NULL, *device = NULL, *mounts = NULL;
	char where[256], source[64], *line, *rest, *end;

	if (efi_read_loader(root, &uuid, "LoaderDevicePartUUID") < 0)
		return NULL;
	for (char *c = uuid; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (root_link_name(root, &device, "dev/disk/by-partuuid/%s", uuid) < 0 ||
	    root_read(root, &mounts, "proc/self/mountinfo") < 0)
		return NULL;
	for (rest = mounts; (line = strsep(&rest, "\n"));)
		if (sscanf(line, "%*s %*s %*s %*s /%255s", where) == 1 &&
		    (end = strstr(line, " - vfat ")) &&
		    sscanf(end, " - vfat /dev/%63s", source) == 1 &&
		    streq(source, device))
			return xstrdup(where);
	return NULL;
}

static int find_places(const struct root *root, struct strings *ret, const char *folder,
		       const char **ret_absent)
{
	_cleanup_free_ char *named = find_named_place(root);
	static const char *const places[] = { "efi", "boot", "boot/efi" };

	*ret_absent = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *type =
			root->live ? mounted_type(root, places[i]) : xstrdup("vfat");

		if (streq(type, "vfat") && root_exists(root, "%s/%s", places[i], folder))
			strings_add(ret, places[i]);
		if ((!type || streq(type, "autofs")) && is_in_fstab(root, places[i]))
			*ret_absent = places[i];
	}
	if (named && !strings_contain(ret, named) &&
	    root_exists(root, "%s/%s", named, folder))
		strings_add(ret, named);
	return ret->n ? 0 : *ret_absent ? -ENODEV : -ENOENT;
}

int efi_find_places(const struct root *root, struct strings *ret, const char *folder)
{
	const char *absent;

	return find_places(root, ret, folder, &absent);
}

int efi_require_places(const struct root *root, struct strings *ret, const char *folder)
{
	const char *absent;
	int r = find_places(root, ret, folder, &absent);

	if (r == -ENODEV)
		return log_error_errno(
			r, "/%s is in /etc/fstab but not mounted: mount it first",
			absent);
	return r < 0 ? log_error_errno(ENODEV,
				       "no boot partition with the folder %s is mounted "
				       "on /efi, /boot or /boot/efi, nor is "
				       "the one that the boot loader came from mounted",
				       folder) :
		       0;
}
