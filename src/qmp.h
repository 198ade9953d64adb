/*
 * qmp.h: QEMU's monitor on a Unix socket:
 * https://www.qemu.org/docs/master/interop/qmp-spec.html
 *
 * The peer may be anything: what it says is limited in length and time, and shown as one
 * printable line. Nothing here logs.
 */
#pragma once

#include "document.h"

#include <sys/types.h>

struct qmp {
	int fd;
	long long
		deadline; /* CLOCK_MONOTONIC, milliseconds; of all that is done with it */
	unsigned long serial; /* of the last command */
	char *text;           /* received and not looked at yet */
	size_t n;
	pid_t pid;          /* who listens, SO_PEERCRED; 0: not told */
	const char *device; /* borrowed: whose events are kept */
	bool deleted;       /* DEVICE_DELETED came */
	bool refused;       /* DEVICE_UNPLUG_GUEST_ERROR came */
	char *fault;        /* why the last call failed */
};

/*
 * Connects and enters command mode. `device`: the ID that is of interest, NULL: none. All
 * calls together end `seconds` from now (-ETIMEDOUT). -ENOENT, -ECONNREFUSED: nobody is
 * there. What is in *ret on failure is the fault, for qmp_done() too.
 */
int qmp_open(struct qmp *ret, const char *path, const char *device, unsigned seconds);
void qmp_done(struct qmp *qmp);

/*
 * Runs a command, whose arguments (NULL: none) it takes; *ret (NULL: not wanted) is what
 * it returned. -EREMOTEIO: QEMU refused, -ENODEV: it knows no such device or object.
 */
int qmp_run(struct qmp *qmp, const char *command, struct document *arguments,
	    struct document **ret);

/* Reads events for so many milliseconds, or until one is kept; 0 also when none came. */
int qmp_listen(struct qmp *qmp, unsigned milliseconds);

/* Milliseconds until the deadline, 0 when it is over. */
unsigned qmp_time_left(const struct qmp *qmp);
