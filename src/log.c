#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <systemd/sd-login.h>

static int max_level = LOG_INFO;
static const char *default_kind = MESSAGE_FILES;
static bool progress; /* a line without its end is on the terminal */

void log_set_level(int level)
{
	max_level = level;
}

void log_set_kind(const char *kind)
{
	default_kind = kind;
}

/* systemd sets JOURNAL_STREAM=device:inode of stderr; sd_journal_stream_fd(3),
 * systemd.exec(5). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

static void add_field(struct iovec *fields, int *n, char *field)
{
	fields[(*n)++] = (struct iovec){ field, strlen(field) };
}

/*
 * journald learns the unit of a message from /proc/PID/cgroup, when it reads it. On a
 * busy boot we may have ended by then, and `journalctl -u` would not find it; it does by
 * this field, from root, systemd-journald(8).
 */
static const char *object_unit(void)
{
	static char *unit;

	if (!unit && sd_pid_get_unit(0, &unit) < 0)
		return NULL;
	return unit;
}

static void journal_send(int level, const struct log_subject *subject,
			 const char *message)
{
	const char *unit = object_unit();
	const char *kind = subject->kind    ? subject->kind :
			   level <= LOG_ERR ? default_kind :
					      NULL;
	struct iovec fields[8];
	int n = 0;

	add_field(fields, &n, xasprintf("MESSAGE=%s", message));
	add_field(fields, &n, xasprintf("PRIORITY=%d", level));
	if (kind)
		add_field(fields, &n, xasprintf("MESSAGE_ID=%s", kind));
	if (unit)
		add_field(fields, &n, xasprintf("OBJECT_SYSTEMD_UNIT=%s", unit));
	if (subject->pci)
		add_field(fields, &n, xasprintf("PCI_DEVICE=%s", subject->pci));
	if (subject->file)
		add_field(fields, &n, xasprintf("CONFIG_FILE=%s", subject->file));
	if (subject->line)
		add_field(fields, &n, xasprintf("CONFIG_LINE=%d", subject->line));
	if (subject->error)
		add_field(fields, &n, xasprintf("ERRNO=%d", abs(subject->error)));
	sd_journal_sendv(fields, n);
	while (n--)
		free(fields[n].iov_base);
}

/* The line on the terminal makes way for what stays. */
static void clear_progress(void)
{
	if (progress)
		fputs("\r\033[K", stderr);
	progress = false;
}

static void emit(int level, const struct log_subject *subject, const char *message)
{
	static int journal = -1;

	if (level > max_level)
		return;
	if (journal < 0)
		journal = stderr_is_journal();
	if (journal)
		journal_send(level, subject, message);
	else {
		clear_progress();
		fprintf(stderr, "sriov-setup: %s\n", message);
	}
}

int log_full(int level, const struct log_subject *subject, const char *format, ...)
{
	static const struct log_subject nothing = {};
	_cleanup_free_ char *text = NULL, *message = NULL;
	const char *prefix;
	va_list args;

	if (!subject)
		subject = &nothing;
	if (level > max_level)
		return -abs(subject->error);
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	/* a line of its own names its device; one that does already is not made longer */
	prefix = subject->pci && !strstr(text, subject->pci) ? subject->pci : "";
	message = xasprintf("%s%s%s%s%s", prefix, *prefix ? ": " : "", text,
			    subject->error ? ": " : "",
			    subject->error ? strerror(abs(subject->error)) : "");
	emit(level, subject, message);
	return -abs(subject->error);
}

int log_config(const char *file, int line, const char *format, ...)
{
	const struct log_subject subject = { .kind = MESSAGE_CONFIG,
					     .file = file,
					     .line = line };
	_cleanup_free_ char *text = NULL, *message = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	message = line ? xasprintf("%s:%d: %s", file, line, text) :
			 xasprintf("%s: %s", file, text);
	emit(LOG_ERR, &subject, message);
	return -EINVAL;
}

void log_status(const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	if (!getenv("NOTIFY_SOCKET") && !isatty(STDERR_FILENO))
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	sd_notifyf(0, "STATUS=%s", text);
	if (!isatty(STDERR_FILENO))
		return;
	clear_progress();
	fputs(text, stderr);
	progress = true;
}

void log_status_end(void)
{
	if (progress)
		fputc('\n', stderr);
	progress = false;
}
