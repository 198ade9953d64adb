/* What goes to the journal: each error says its kind, whoever logs it; also what was
 * meant by a typo. */
#include "log.h"
#include "tap.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

static char *fields[16]; /* of the last message */
static int n_fields;

/* In place of libsystemd's. */
int sd_journal_sendv(const struct iovec *iov, int n)
{
	while (n_fields)
		free(fields[--n_fields]);
	while (n_fields < n) {
		fields[n_fields] =
			xstrndup(iov[n_fields].iov_base, iov[n_fields].iov_len);
		n_fields++;
	}
	return 0;
}

static const char *field(const char *name)
{
	for (int i = 0; i < n_fields; i++)
		if (startswith(fields[i], name))
			return fields[i] + strlen(name);
	return NULL;
}

static void has(const char *name, const char *want, const char *what)
{
	is_string(field(name), want, "%s: %s", what, name);
}

static void test_kinds(void)
{
	log_error("a");
	has("MESSAGE_ID=", MESSAGE_FILES, "an error that names no kind");
	has("PRIORITY=", "3", "an error");
	is_int(log_error_errno(EIO, "a"), -EIO, "returns the error");
	has("MESSAGE_ID=", MESSAGE_FILES, "with an errno");
	has("ERRNO=", "5", "with an errno");
	has("MESSAGE=", "a: Input/output error", "with an errno");
	log_error_kind(MESSAGE_CLAIM, 0, "a");
	has("MESSAGE_ID=", MESSAGE_CLAIM, "one that names its kind");
	log_full(LOG_ERR, &(struct log_subject){ .pci = "0000:01:00.0" }, "a");
	has("MESSAGE_ID=", MESSAGE_FILES, "one of a device");
	has("MESSAGE=", "0000:01:00.0: a", "one of a device");
	log_set_kind(MESSAGE_KARGS);
	log_error("a");
	has("MESSAGE_ID=", MESSAGE_KARGS, "after the kind was set");
	log_config("/etc/sriov.conf", 3, "a");
	has("MESSAGE_ID=", MESSAGE_CONFIG, "a mistake in the config");
	has("CONFIG_LINE=", "3", "a mistake in the config");
	log_warning("a");
	has("MESSAGE_ID=", NULL, "a warning has none");
	log_info("a");
	has("MESSAGE_ID=", NULL, "a change has none");
}

static void test_nearest(void)
{
	struct strings names = {};

	strings_add(&names, "status");
	strings_add(&names, "plan");
	strings_add(&names, "claim");
	strings_add(&names, "claims");
	is_string(strings_nearest(&names, "stauts"), "status",
		  "two letters changed places");
	is_string(strings_nearest(&names, "pln"), "plan", "one is missing");
	is_string(strings_nearest(&names, "cliams"), "claims", "the nearer of two");
	is_string(strings_nearest(&names, "claim"), "claim", "the same");
	is_string(strings_nearest(&names, "x"), NULL, "nothing is near");
	is_string(strings_nearest(&names, ""), NULL, "nor to nothing");
	strings_done(&names);
}

int main(void)
{
	_cleanup_free_ char *stream = NULL;
	struct stat st;

	if (fstat(STDERR_FILENO, &st) < 0)
		abort();
	stream = xasprintf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	test_kinds();
	test_nearest();
	return done();
}
