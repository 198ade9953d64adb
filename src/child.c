#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int child_wait(pid_t pid, int seconds)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd child = { .fd = fd, .events = POLLIN };
	int status, r;

	do
		r = fd < 0 ? -1 : poll(&child, 1, seconds * 1000);
	while (fd >= 0 && r < 0 && errno == EINTR);
	if (r <= 0) {
		r = r < 0 ? -errno : -ETIMEDOUT;
		/* ends it unless the kernel holds it in D state; then it stays behind,
		 * not us */
		kill(pid, SIGKILL);
		return r;
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* errno values fit the exit status (below 256) but for ENOTSUPP, 524, that cxgb4 returns.
 */
void child_exit(int r)
{
	_exit(r == -524 ? EOPNOTSUPP : -r);
}

pid_t child_start(void)
{
	pid_t pid = fork();
	int null;

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	null = open("/dev/null", O_RDWR);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	return 0;
}
