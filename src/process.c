#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define STDOUT_MAX (64 * 1024)
#define STDERR_MAX 4096

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

static void child(const char *path, const char *const argv[], int output, int errors)
{
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	dup2(output < 0 ? null : output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	execve(path, (char *const *)argv, make_environment());
	dprintf(STDERR_FILENO, "%s: %s", path, strerror(errno));
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

static int wait_input(struct pollfd *input, const struct timespec *end)
{
	int r;

	do
		r = poll(input, 1, left_ms(end));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

/* Reads until the other side closes; what is over the room is dropped. */
static int collect(int fd, char *text, size_t room, const struct timespec *end)
{
	size_t size = 0;

	for (;;) {
		struct pollfd input = { .fd = fd, .events = POLLIN };
		char spare[256];
		ssize_t n;
		int r = wait_input(&input, end);

		if (r < 0)
			return r;
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

	return fd < 0 ? -errno : wait_input(&ended, end);
}

/* Collects stderr while it runs; the exit status, or a negative errno. */
static int wait_for(pid_t pid, int errors, char *text, const struct timespec *end)
{
	int status, r = collect(errors, text, STDERR_MAX - 1, end);

	if (r == 0)
		r = wait_end(pid, end);
	if (r < 0)
		kill(-pid, SIGKILL);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EPROTO;
}

/* A file in memory, not a pipe: what is longer than we want never makes the tool wait. */
static char *read_output(int fd)
{
	char *text = xcalloc(1, STDOUT_MAX);
	ssize_t n = pread(fd, text, STDOUT_MAX - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return strip_end(text);
}

int process_run(const struct root *root, const char *const argv[], int seconds,
		char **ret_stdout, char **ret_stderr)
{
	_cleanup_free_ char *path = xasprintf(
		"%s%s", !root || streq(root->path, "/") ? "" : root->path, argv[0]);
	_cleanup_close_ int output =
		ret_stdout ? memfd_create("stdout", MFD_CLOEXEC) : -1;
	struct timespec end;
	int pipes[2], r;
	pid_t pid;

	if (ret_stdout && output < 0)
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		child(path, argv, output, pipes[1]);
	close(pipes[1]);
	r = pid < 0 ? -errno : 0;
	*ret_stderr = xcalloc(1, STDERR_MAX);
	if (r == 0)
		r = wait_for(pid, pipes[0], *ret_stderr, &end);
	close(pipes[0]);
	strip_end(*ret_stderr);
	if (ret_stdout)
		*ret_stdout = read_output(output);
	return r;
}

int process_guard(int seconds, int (*work)(const void *data, int ready), const void *data)
{
	int pipes[2], status, r;
	struct timespec end;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	fflush(NULL); /* or both would write what is in the buffers */
	pid = fork();
	if (pid == 0) {
		status = work(data, pipes[1]);
		_exit(fflush(NULL) == 0 ? status : 1);
	}
	r = pid < 0 ? -errno : 0;
	close(pipes[1]);
	/* the end of the pipe is an answer too: it has ended */
	if (r == 0 && poll(&(struct pollfd){ .fd = pipes[0], .events = POLLIN }, 1,
			   left_ms(&end)) == 0) {
		kill(pid, SIGKILL);
		r = -ETIMEDOUT;
	} else if (r == 0 && waitpid(pid, &status, 0) != pid)
		r = -errno;
	close(pipes[0]);
	return r < 0 ? r : WIFEXITED(status) ? WEXITSTATUS(status) : -EPROTO;
}
