#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

/*
 * A fixed PATH and the locale of the caller: grub-mkconfig writes translated titles, and
 * what an administrator's own run writes must be the same to the byte.
 */
static char **make_environment(void)
{
	char **ours = NULL;
	size_t n = 0;

	*array_add(ours, n) = xstrdup(
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (char **variable = environ; *variable; variable++)
		if (startswith(*variable, "LANG=") ||
		    startswith(*variable, "LANGUAGE=") || startswith(*variable, "LC_"))
			*array_add(ours, n) = *variable;
	*array_add(ours, n) = NULL;
	return ours;
}

static void child(const char *const argv[], int output)
{
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execve(argv[0], (char *const *)argv, make_environment());
	dprintf(STDERR_FILENO, "%s: %s", argv[0], strerror(errno));
	_exit(127);
}

static int left_ms(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	long long ms = (end->tv_sec - now.tv_sec) * 1000LL +
		       (end->tv_nsec - now.tv_nsec) / 1000000;

	return ms < 0 ? 0 : (int)ms;
}

/* Reads until the other side closes; what is over the room is dropped. */
static int collect(int fd, char *text, size_t room, const struct timespec *end)
{
	size_t size = 0;

	for (;;) {
		struct pollfd input = { .fd = fd, .events = POLLIN };
		char spare[256];
		ssize_t n;
		int r = poll(&input, 1, left_ms(end));

		if (r == 0)
			return -ETIMEDOUT;
		n = size < room ? read(fd, text + size, room - size) :
				  read(fd, spare, sizeof(spare));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		size += size < room ? (size_t)n : 0;
		text[size] = '\0';
	}
	return 0;
}

/* It may run on after it has closed its output. */
static int wait_end(pid_t pid, const struct timespec *end)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { .fd = fd, .events = POLLIN };

	return fd < 0 ? -errno : poll(&ended, 1, left_ms(end)) == 1 ? 0 : -ETIMEDOUT;
}

int process_run(const char *const argv[], int seconds, char **ret_output)
{
	_cleanup_free_ char *text = xcalloc(1, 4096);
	struct timespec end;
	int pipes[2], status, r;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		child(argv, pipes[1]);
	close(pipes[1]);
	if (pid < 0) {
		r = -errno;
		close(pipes[0]);
		return r;
	}
	r = collect(pipes[0], text, 4095, &end);
	if (r == 0)
		r = wait_end(pid, &end);
	if (r < 0)
		kill(-pid, SIGKILL);
	close(pipes[0]);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	*ret_output = strip_end(steal_pointer(&text));
	if (r < 0)
		return r;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPROTO;
}
