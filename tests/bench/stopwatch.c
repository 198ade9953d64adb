/*
 * stopwatch COMMAND [ARG…]: runs it, prints "microseconds exit-status" of the whole
 * process.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

int main(int argc, char *argv[])
{
	long long start = now();
	int status = 0;
	pid_t pid = argc > 1 ? fork() : -1;

	if (pid < 0)
		return 2;
	if (pid == 0) {
		execv(argv[1], argv + 1);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	printf("%lld %d\n", now() - start, WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	return 0;
}
