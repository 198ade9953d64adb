#include "generator.h"

#include "log.h"

#define DROPIN "sriov-setup.service.d/50-export-dir.conf"

/* export.dir holds only letters, digits and /._-: nothing that a unit file would take apart */
int generator_write(const struct config *config, const struct root *root, const char *dir)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (!config->export.dir)
		return 0;
	text = xasprintf("# Written by sriov-setup-generator: export.dir of /etc/sriov.conf\n"
			 "[Unit]\nRequiresMountsFor=%s\n[Service]\nReadWritePaths=-%s\n"
			 "ExecStartPre=+-/bin/mkdir -p %s\n",
			 config->export.dir, config->export.dir, config->export.dir);
	r = root_replace(root, text, 0644, "%s/" DROPIN, dir + strspn(dir, "/"));
	return r < 0 ? log_error_errno(r, "cannot write %s/" DROPIN, dir) : 0;
}
