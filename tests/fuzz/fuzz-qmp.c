/* A QEMU, or who pretends to be one: everything that it says, until it hangs up. */
#include "fuzz.h"

#include "qmp.h"

#include <sys/socket.h>
#include <time.h>

FUZZ(qmp)
{
	_cleanup_(document_free) struct document *answer = NULL;
	_cleanup_(qmp_done) struct qmp qmp = { .fd = -1, .device = "vf0" };
	_cleanup_close_ int peer = -1;
	struct timespec now;
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0, "sockets");
	qmp.fd = pair[0];
	peer = pair[1];
	clock_gettime(CLOCK_MONOTONIC, &now);
	qmp.deadline = now.tv_sec * 1000LL + 5000;
	/* qmp_open() makes a MiB, which takes longer than all else; it reads 4 KiB a time
	 */
	qmp.text = xcalloc(size + 8192, 1);
	must(write(peer, data, size) == (ssize_t)size, "said");
	shutdown(peer, SHUT_WR);
	if (qmp_run(&qmp, "query-pci", NULL, &answer) == 0)
		qmp_listen(&qmp, 100);
	for (const char *c = qmp.fault; c && *c; c++)
		must((unsigned char)*c >= 0x20 && *c != 0x7f, "a fault is printable");
	return 0;
}
