/*
 * stopwatch COMMAND [ARG…]: runs it, prints of the whole process "microseconds
 * exit-status KiB CPU-microseconds"; KiB is its peak of memory.
 */
#include <stdio.h>
#include <sys/resource.h>
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
	struct rusage usage = {};
	int status = 0;
	pid_t pid = argc > 1 ? fork() : -1;

	if (pid < 0)
		return 2;
	if (pid == 0) {
		execv(argv[1], argv + 1);
		_exit(127);
	}
	wait4(pid, &status, 0, &usage);
	start = now() - start;
	printf("%lld %d %ld %lld\n", start, WIFEXITED(status) ? WEXITSTATUS(status) : 255,
	       usage.ru_maxrss,
	       (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL +
		       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	return 0;
}
