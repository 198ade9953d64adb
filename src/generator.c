#include "generator.h"

#include "driver.h"
#include "log.h"
#include "system.h"

#define DROPIN "50-config.conf"

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

/* Only these need the capability: the unit has it where the config asks for them, or may
 * govern a PF whose driver wants its link up. */
static bool sets_links(const struct config *config)
{
	for (size_t i = 0; i < config->n_pfs; i++) {
		const struct pf_rule *rule = &config->pfs[i];

		if (pf_rule_needs_link(rule) || pf_rule_names_eswitch(rule) ||
		    (rule->vfs != 0 && rule->vfs != VFS_UNSET &&
		     driver_may_need_link(rule->match.driver, rule->match.vendor)))
			return true;
	}
	return false;
}

/* Their controllers are asked and told through /dev. */
static bool shares_nvme(const struct config *config)
{
	for (size_t i = 0; i < config->n_pfs; i++)
		if (config->pfs[i].nvme.count[NVME_QUEUES])
			return true;
	return false;
}

static char *dropin(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	fputs("# Written by sriov-setup-generator from /etc/sriov.conf\n[Unit]\n", out);
	if (config->export.dir)
		print_mounts(out, config->export.dir);
	fputs("[Service]\n", out);
	if (config->export.dir)
		fprintf(out, "ReadWritePaths=-%s\nExecStartPre=+-/bin/mkdir -p %s\n",
			config->export.dir, config->export.dir);
	if (sets_links(config))
		fputs("CapabilityBoundingSet=CAP_NET_ADMIN\n", out);
	if (shares_nvme(config))
		fputs("PrivateDevices=no\n", out);
	fclose(out);
	return text;
}

int generator_write(const struct config *config, const struct root *root, const char *dir)
{
	static const char *const units[] = { "sriov-setup.service",
					     "sriov-setup@.service" };
	_cleanup_free_ char *text = NULL;

	if (!config->export.dir && !sets_links(config) && !shares_nvme(config))
		return 0;
	text = dropin(config);
	dir += strspn(dir, "/");
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		int r = root_replace(root, text, 0644, "%s/%s.d/" DROPIN, dir, units[i]);

		if (r < 0)
			return log_error_errno(r, "cannot write /%s/%s.d/" DROPIN, dir,
					       units[i]);
	}
	return 0;
}
