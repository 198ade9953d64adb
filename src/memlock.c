#include "memlock.h"

#include "log.h"

#include <errno.h>

#define UNITS "etc/systemd/system"
#define DROPIN "50-sriov-setup-memlock.conf"

static const char text[] =
	"# Written by sriov-setup from /etc/sriov.conf; changes are lost. "
	"\"sriov-setup reset\" takes it away.\n"
	"[Service]\n"
	"LimitMEMLOCK=infinity\n";

int memlock_list(const struct root *root, struct strings *ret)
{
	static const char suffix[] = ".d";
	struct strings names = {};
	int r = root_list(root, &names, UNITS);

	for (size_t i = 0; i < names.n; i++) {
		size_t n = strlen(names.items[i]), m = strlen(suffix);

		if (n <= m || !streq(names.items[i] + n - m, suffix) ||
		    !root_exists(root, UNITS "/%s/" DROPIN, names.items[i]))
			continue;
		names.items[i][n - m] = '\0';
		strings_add(ret, names.items[i]);
	}
	strings_done(&names);
	return r == -ENOENT ? 0 : r;
}

static int remove_dropin(const struct root *root, const char *unit)
{
	int r = root_remove(root, UNITS "/%s.d/" DROPIN, unit);

	if (r < 0)
		return log_error_errno(r, "cannot remove /" UNITS "/%s.d/" DROPIN, unit);
	/* the folder may have been made for our file; others' files keep it */
	r = root_remove_folder(root, UNITS "/%s.d", unit);
	if (r < 0 && r != -ENOTEMPTY)
		return log_error_errno(r, "cannot remove /" UNITS "/%s.d", unit);
	log_info("removed /" UNITS "/%s.d/" DROPIN, unit);
	return 0;
}

static int write_dropin(const struct root *root, const char *unit)
{
	int r = root_replace(root, text, 0644, UNITS "/%s.d/" DROPIN, unit);

	if (r < 0)
		return log_error_errno(r, "cannot write /" UNITS "/%s.d/" DROPIN, unit);
	if (r > 0)
		log_info("wrote /" UNITS "/%s.d/" DROPIN
			 "; it acts after the next boot, or "
			 "systemctl daemon-reload && systemctl restart %s",
			 unit, unit);
	return 0;
}

int memlock_apply(const struct root *root, const struct strings *units)
{
	struct strings present = {};
	int first_error = memlock_list(root, &present);

	for (size_t i = 0; i < present.n; i++) {
		int r = strings_contain(units, present.items[i]) ?
				0 :
				remove_dropin(root, present.items[i]);

		if (r < 0 && first_error == 0)
			first_error = r;
	}
	for (size_t i = 0; i < units->n; i++) {
		int r = write_dropin(root, units->items[i]);

		if (r < 0 && first_error == 0)
			first_error = r;
	}
	strings_done(&present);
	return first_error;
}
