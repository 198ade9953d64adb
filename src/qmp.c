#include "qmp.h"

#include "json.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

/* query-pci of a machine with hundreds of functions is some 100 KiB */
#define MESSAGE_MAX (1024 * 1024)
#define PIECE 4096

unsigned qmp_time_left(const struct qmp *qmp)
{
	long long left = qmp->deadline - now_ms();

	return left > 0 ? (unsigned)left : 0;
}

/* Sets the fault, as one printable line of limited length; returns the error. */
PRINTF(3, 4) static int fail(struct qmp *qmp, int error, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	if (strlen(text) > 200)
		text[200] = '\0';
	free(qmp->fault);
	qmp->fault = document_line(text);
	return error;
}

/* Until the socket is ready, at most until `end`: -ETIMEDOUT. */
static int wait_until(const struct qmp *qmp, short events, long long end)
{
	struct pollfd p = { .fd = qmp->fd, .events = events };
	long long left = end - now_ms();
	int r;

	if (left <= 0)
		return -ETIMEDOUT;
	r = poll(&p, 1, (int)left);
	return r < 0 && errno != EINTR ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int send_all(struct qmp *qmp, const char *text)
{
	for (size_t left = strlen(text); left;) {
		ssize_t n = send(qmp->fd, text, left, MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			text += n;
			left -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return fail(qmp, -errno, "the connection broke: %s",
				    strerror(errno));
		r = wait_until(qmp, POLLOUT, qmp->deadline);
		if (r < 0)
			return fail(qmp, r, "it takes no commands: %s", strerror(-r));
	}
	return 0;
}

/* The next line without its end, for the caller to free. */
static int receive_line(struct qmp *qmp, long long end, char **ret)
{
	size_t seen = 0;

	for (;;) {
		char *newline = memchr(qmp->text + seen, '\n', qmp->n - seen);
		ssize_t n;
		int r;

		if (newline) {
			*ret = xstrndup(qmp->text, (size_t)(newline - qmp->text));
			qmp->n -= (size_t)(newline + 1 - qmp->text);
			memmove(qmp->text, newline + 1, qmp->n);
			return 0;
		}
		seen = qmp->n;
		if (seen > MESSAGE_MAX)
			return fail(qmp, -EMSGSIZE, "it sent a line without end");
		r = wait_until(qmp, POLLIN, end);
		if (r < 0)
			return fail(qmp, r, "it does not answer: %s", strerror(-r));
		n = recv(qmp->fd, qmp->text + seen, PIECE, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return fail(qmp, -ECONNRESET, "the connection ended");
		if (n > 0)
			qmp->n += (size_t)n;
	}
}

static const struct document *at(const struct document *map, const char *key)
{
	return document_at(map, (const char *const[]){ key, NULL });
}

static void keep_event(struct qmp *qmp, const struct document *message)
{
	const struct document *data = at(message, "data");
	const char *event = document_text(message, "event");

	if (!data || !qmp->device || !streq(document_text(data, "device"), qmp->device))
		return;
	qmp->deleted |= streq(event, "DEVICE_DELETED");
	qmp->refused |= streq(event, "DEVICE_UNPLUG_GUEST_ERROR");
}

/* The next message; an event is noted, and returned as well. */
static int receive(struct qmp *qmp, long long end, struct document **ret)
{
	_cleanup_free_ char *line = NULL;
	const char *fault;
	int r = receive_line(qmp, end, &line);

	if (r < 0)
		return r;
	if (json_parse(line, ret, &fault) < 0)
		return fail(qmp, -EBADMSG, "it sent no JSON (%s)", fault);
	if ((*ret)->kind != DOCUMENT_MAP) {
		document_free(ret);
		return fail(qmp, -EBADMSG, "it does not speak QMP");
	}
	if (at(*ret, "event"))
		keep_event(qmp, *ret);
	return 0;
}

int qmp_listen(struct qmp *qmp, unsigned milliseconds)
{
	long long end = now_ms() + milliseconds;

	if (end > qmp->deadline)
		end = qmp->deadline;
	while (!qmp->deleted && !qmp->refused) {
		_cleanup_(document_free) struct document *message = NULL;
		int r = receive(qmp, end, &message);

		if (r < 0)
			return r == -ETIMEDOUT ? 0 : r;
	}
	return 0;
}

/* Is it the answer to our last command? */
static bool is_answer(const struct qmp *qmp, const struct document *message)
{
	const struct document *id = at(message, "id");
	unsigned long serial;

	return id && id->kind == DOCUMENT_NUMBER &&
	       parse_unsigned(id->text, ULONG_MAX, &serial) == 0 && serial == qmp->serial;
}

static int take_answer(struct qmp *qmp, const struct document *message,
		       struct document **ret)
{
	const struct document *error = at(message, "error"),
			      *value = at(message, "return");

	if (error) {
		const char *text = document_text(error, "desc");

		return fail(qmp,
			    streq(document_text(error, "class"), "DeviceNotFound") ?
				    -ENODEV :
				    -EREMOTEIO,
			    "%s", text ? text : "it gave no reason");
	}
	if (!value)
		return fail(qmp, -EBADMSG, "it does not speak QMP");
	if (ret)
		*ret = document_copy(value);
	return 0;
}

int qmp_run(struct qmp *qmp, const char *command, struct document *arguments,
	    struct document **ret)
{
	_cleanup_(document_free) struct document *request = document_new(DOCUMENT_MAP);
	_cleanup_free_ char *json = NULL, *line = NULL;
	int r;

	document_put_string(request, "execute", command);
	if (arguments)
		document_put(request, "arguments", arguments);
	document_put_number(request, "id", (long)++qmp->serial);
	json = json_text(request);
	line = xasprintf("%s\n", json);
	r = send_all(qmp, line);
	while (r == 0) {
		_cleanup_(document_free) struct document *message = NULL;

		r = receive(qmp, qmp->deadline, &message);
		if (r == 0 && is_answer(qmp, message))
			return take_answer(qmp, message, ret);
		if (r == 0 && !at(message, "event"))
			return fail(qmp, -EBADMSG, "it answered what was not asked");
	}
	return r;
}

/* A socket that is not blocking says EAGAIN while the queue of listen(2) is full. */
static int connect_to(struct qmp *qmp, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(qmp, -ENAMETOOLONG, "%s", strerror(ENAMETOOLONG));
	strcpy(address.sun_path, path);
	qmp->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (qmp->fd < 0)
		return fail(qmp, -errno, "%s", strerror(errno));
	while (connect(qmp->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return fail(qmp, -errno, "%s", strerror(errno));
		if (qmp_time_left(qmp) == 0)
			return fail(qmp, -ETIMEDOUT, "too many wait for it");
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	return 0;
}

static int greet(struct qmp *qmp)
{
	_cleanup_(document_free) struct document *greeting = NULL;
	struct ucred peer = {};
	socklen_t size = sizeof(peer);
	int r = receive(qmp, qmp->deadline, &greeting);

	if (r == -ETIMEDOUT)
		return fail(qmp, r,
			    "no greeting: QEMU hangs, or another program is "
			    "connected, and it serves one at a time");
	if (r < 0)
		return r;
	if (!at(greeting, "QMP"))
		return fail(qmp, -EBADMSG, "it does not speak QMP");
	if (getsockopt(qmp->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		qmp->pid = peer.pid;
	return qmp_run(qmp, "qmp_capabilities", NULL, NULL);
}

int qmp_open(struct qmp *ret, const char *path, const char *device, unsigned seconds)
{
	int r;

	*ret = (struct qmp){ .fd = -1,
			     .deadline = now_ms() + 1000LL * seconds,
			     .text = xcalloc(MESSAGE_MAX + PIECE + 1, 1),
			     .device = device };
	r = connect_to(ret, path);
	return r < 0 ? r : greet(ret);
}

void qmp_done(struct qmp *qmp)
{
	closep(&qmp->fd);
	free(qmp->text);
	free(qmp->fault);
	*qmp = (struct qmp){ .fd = -1 };
}
