#include "generator.h"

#include "log.h"

#define DROPIN "sriov-setup.service.d/50-export-dir.conf"

/* systemd-escape -p, for the characters that export.dir may hold: letters, digits, /._-
 */
static char *mount_unit(const char *path, size_t n)
{
	char *unit = xcalloc(4 * n + sizeof(".mount"), 1), *at = unit;

	for (size_t i = 1; i < n; i++) {
		if (path[i] == '-' || (path[i] == '.' && i == 1))
			at += sprintf(at, "\\x%02x", (unsigned)path[i]);
		else
			*at++ = path[i] == '/' ? '-' : path[i];
	}
	strcpy(at, ".mount");
	return unit;
}

/*
 * Wants= and After= for each folder above that could be a mount point, not
 * RequiresMountsFor=: a mount that fails must not stop the VFs.
 */
static void print_mounts(FILE *out, const char *dir)
{
	for (size_t i = 1; i <= strlen(dir); i++) {
		_cleanup_free_ char *unit = NULL;

		if ((dir[i] != '/' && dir[i] != '\0') || dir[i - 1] == '/')
			continue;
		unit = mount_unit(dir, i);
		fprintf(out, "Wants=%s\nAfter=%s\n", unit, unit);
	}
}

int generator_write(const struct config *config, const struct root *root, const char *dir)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out;
	int r;

	if (!config->export.dir)
		return 0;
	out = open_memstream(&text, &size);
	if (!out)
		abort();
	fputs("# Written by sriov-setup-generator: export.dir of "
	      "/etc/sriov.conf\n[Unit]\n",
	      out);
	print_mounts(out, config->export.dir);
	fprintf(out, "[Service]\nReadWritePaths=-%s\nExecStartPre=+-/bin/mkdir -p %s\n",
		config->export.dir, config->export.dir);
	fclose(out);
	r = root_replace(root, text, 0644, "%s/" DROPIN, dir + strspn(dir, "/"));
	return r < 0 ? log_error_errno(r, "cannot write %s/" DROPIN, dir) : 0;
}
