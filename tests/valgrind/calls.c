/*
 * openat2(2) and pidfd_open(2) for valgrind 3.19, which answers ENOSYS: to be loaded
 * before libc. The first only with RESOLVE_IN_ROOT, and only for root: the call is made
 * where the root is the directory. The second only for children, and to be polled only.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int openat2(int dir, const char *path, const struct open_how *how)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int fd, error, root, here;

	pthread_mutex_lock(&lock);
	root = open("/", O_PATH | O_CLOEXEC);
	here = open(".", O_PATH | O_CLOEXEC);
	if (root < 0 || here < 0 || fchdir(dir) < 0 || chroot(".") < 0)
		abort();
	fd = open(path, (int)how->flags, (mode_t)how->mode);
	error = errno;
	if (fchdir(root) < 0 || chroot(".") < 0 || fchdir(here) < 0)
		abort();
	close(root);
	close(here);
	pthread_mutex_unlock(&lock);
	errno = error;
	return fd;
}

struct waiter {
	pid_t child;
	int end; /* an eventfd that becomes readable when it has ended */
};

static void *wait_for(void *argument)
{
	struct waiter *waiter = argument;
	siginfo_t info;

	while (waitid(P_PID, (id_t)waiter->child, &info, WEXITED | WNOWAIT) < 0 &&
	       errno == EINTR)
		;
	eventfd_write(waiter->end, 1);
	close(waiter->end);
	free(waiter);
	return NULL;
}

static int pidfd_open(pid_t child)
{
	struct waiter *waiter = malloc(sizeof(*waiter));
	int fd = eventfd(0, EFD_CLOEXEC);
	pthread_t thread;

	if (!waiter || fd < 0)
		abort();
	/* the thread's own: the caller may close his before the end */
	*waiter = (struct waiter){ child, fcntl(fd, F_DUPFD_CLOEXEC, 0) };
	if (waiter->end < 0 || pthread_create(&thread, NULL, wait_for, waiter) != 0)
		abort();
	pthread_detach(thread);
	return fd;
}

long syscall(long number, ...)
{
	long (*next)(long number, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_pidfd_open)
		return pidfd_open((pid_t)a[0]);
	if (number == SYS_openat2)
		return openat2((int)a[0], (const char *)a[1],
			       (const struct open_how *)a[2]);
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
