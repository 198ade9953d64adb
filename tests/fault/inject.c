/*
 * inject [--chroot=DIR] [--from=PATH] [--limit=SECONDS] MODE… COMMAND…: runs a command
 *whose system calls are watched by a seccomp listener, and lets one of them go wrong:
 *
 *	trace FILE VERSIONS	none; FILE gets "name occurrence path" for each call, and
 *the folder VERSIONS a copy of each file that is renamed kill NAME N		SIGKILL
 *for all processes when the Nth call of that name begins error NAME N ERRNO	it fails;
 *ERRNO is a number short NAME N		a read or write moves one byte only
 *
 * Counted are the calls of the program and of its forks, from the one on, with --from,
 *that names PATH; what a fork executes is not. The exit status is the command's, 137 when
 *it was killed, 124 when it hangs, 125 for mistakes in the use of this program, 126 when
 *the Nth call never came.
 */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

enum shape { PLAIN, PATH_FIRST, PATH_SECOND, DESCRIPTOR };

/* Arguments: where is the path? A call that is missing here is neither counted nor hit.
 */
static const struct call {
	int number;
	const char *name;
	enum shape shape;
} calls[] = {
#define CALL(name_, shape_)                 \
	{                                   \
		SYS_##name_, #name_, shape_ \
	}
	CALL(bind, DESCRIPTOR),
	CALL(brk, PLAIN),
	CALL(clock_nanosleep, PLAIN),
	CALL(clone, PLAIN),
	CALL(close, DESCRIPTOR),
	CALL(connect, DESCRIPTOR),
	CALL(execve, PATH_FIRST),
	CALL(faccessat, PATH_SECOND),
	CALL(fchmod, DESCRIPTOR),
	CALL(fchmodat, PATH_SECOND),
	CALL(fchown, DESCRIPTOR),
	CALL(fcntl, DESCRIPTOR),
	CALL(finit_module, DESCRIPTOR),
	CALL(flock, DESCRIPTOR),
	CALL(fsync, DESCRIPTOR),
	CALL(ftruncate, DESCRIPTOR),
	CALL(getdents64, DESCRIPTOR),
	CALL(init_module, PLAIN),
	CALL(linkat, PATH_SECOND),
	CALL(lseek, DESCRIPTOR),
	CALL(memfd_create, PLAIN),
	CALL(mkdirat, PATH_SECOND),
	CALL(mmap, PLAIN),
	CALL(munmap, PLAIN),
	CALL(newfstatat, PATH_SECOND),
	CALL(openat, PATH_SECOND),
	CALL(openat2, PATH_SECOND),
	CALL(pidfd_open, PLAIN),
	CALL(pipe2, PLAIN),
	CALL(ppoll, PLAIN),
	CALL(pread64, DESCRIPTOR),
	CALL(pwrite64, DESCRIPTOR),
	CALL(read, DESCRIPTOR),
	CALL(readlinkat, PATH_SECOND),
	CALL(recvmsg, DESCRIPTOR),
	CALL(renameat, PATH_SECOND),
	CALL(sendmsg, DESCRIPTOR),
	CALL(sendto, DESCRIPTOR),
	CALL(socket, PLAIN),
	CALL(statfs, PATH_FIRST),
	CALL(statx, PATH_SECOND),
	CALL(symlinkat, PLAIN),
	CALL(syncfs, DESCRIPTOR),
	CALL(uname, PLAIN),
	CALL(unlinkat, PATH_SECOND),
	CALL(wait4, PLAIN),
	CALL(write, DESCRIPTOR),
#ifdef SYS_open /* not on arm64 */
	CALL(access, PATH_FIRST),
	CALL(open, PATH_FIRST),
	CALL(poll, PLAIN),
	CALL(readlink, PATH_FIRST),
	CALL(stat, PATH_FIRST),
	CALL(unlink, PATH_FIRST),
#endif
};

enum mode { TRACE, KILL, ERROR, SHORT };

struct watch {
	enum mode mode;
	const char *name, *from, *versions, *chroot;
	unsigned nth, seen[ARRAY_SIZE(calls)], n_versions;
	int error, listener;
	FILE *trace;
	bool begun, hit;
	pid_t program, others[4096]; /* others: processes that run something else */
	size_t n_others;
};

static void fail(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(125);
}

static const struct call *find_call(int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

/* Everything in the table waits for the listener; the rest is allowed. */
static int install_filter(void)
{
	struct sock_filter filter[ARRAY_SIZE(calls) * 2 + 2];
	size_t n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						   offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		filter[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							   SECCOMP_RET_USER_NOTIF);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = (unsigned short)n, .filter = filter };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/*
 * The child cannot send its listener: the sending itself would wait for it. So it leaves
 * the number in shared memory, and the parent fetches the descriptor.
 */
static int start(struct watch *watch, char *argv[])
{
	_Atomic int *number = mmap(NULL, sizeof(*number), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int pidfd;

	if (number == MAP_FAILED)
		fail("mmap");
	*number = -1;
	/* a PID namespace: when its first process is killed, so are all */
	if (unshare(CLONE_NEWPID) < 0)
		fail("unshare");
	watch->program = fork();
	if (watch->program < 0)
		fail("fork");
	if (watch->program == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (watch->chroot && (chroot(watch->chroot) < 0 || chdir("/") < 0))
			_exit(125);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		*number = install_filter();
		execv(argv[0], argv);
		_exit(125);
	}
	while (*number < 0 && waitpid(watch->program, NULL, WNOHANG) == 0)
		usleep(100);
	pidfd = (int)syscall(SYS_pidfd_open, watch->program, 0);
	watch->listener = (int)syscall(SYS_pidfd_getfd, pidfd, *number, 0);
	if (watch->listener < 0)
		fail("seccomp listener");
	return pidfd;
}

static pid_t parent_of(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", pid);
	_cleanup_fclose_ FILE *in = fopen(path, "re");
	int parent = 0;

	return in && fscanf(in, "%*d %*s %*c %d", &parent) == 1 ? parent : 0;
}

static bool is_other(const struct watch *watch, pid_t pid)
{
	for (; pid > 1 && pid != watch->program; pid = parent_of(pid))
		for (size_t i = 0; i < watch->n_others; i++)
			if (watch->others[i] == pid)
				return true;
	return pid != watch->program;
}

static void read_string(pid_t pid, uint64_t address, char *ret, size_t size)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/mem", pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = pread(fd, ret, size - 1, (off_t)address);

	ret[n < 0 ? 0 : n] = '\0';
}

static void describe(const struct seccomp_notif *call, const struct call *what, char *ret,
		     size_t size)
{
	char link[64], name[2048] = "";
	int fd = -1, n = 0;

	*ret = '\0';
	if (what->shape == PATH_FIRST)
		read_string(call->pid, call->data.args[0], name, sizeof(name));
	if (what->shape == PATH_SECOND)
		read_string(call->pid, call->data.args[1], name, sizeof(name));
	if (what->shape == DESCRIPTOR || (what->shape == PATH_SECOND && *name != '/'))
		fd = (int)call->data.args[0];
	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/%u/fd/%d", call->pid, fd);
		n = (int)readlink(link, ret, size - 1);
		ret[n < 0 ? 0 : n] = '\0';
	}
	snprintf(ret + (n < 0 ? 0 : n), size - (size_t)(n < 0 ? 0 : n), "%s%s",
		 fd >= 0 && *name ? "/" : "", name);
}

/* What is renamed is a whole version of the file. */
static void keep_version(struct watch *watch, const char *path)
{
	_cleanup_free_ char *copy =
		xasprintf("%s/%u", watch->versions, watch->n_versions++);
	_cleanup_close_ int in = open(path, O_RDONLY | O_CLOEXEC),
			    out = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char text[65536];
	ssize_t n;

	if (in < 0) /* a link has no content */
		return;
	n = read(in, text, sizeof(text));

	if (n < 0 || write(out, text, (size_t)n) != n)
		fail(path);
}

/* One byte moves, by a duplicate of the descriptor, which shares its position. */
static int64_t move_a_byte(const struct seccomp_notif *call)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, call->pid, 0);
	_cleanup_close_ int fd =
		(int)syscall(SYS_pidfd_getfd, pidfd, call->data.args[0], 0);
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)call->data.args[1], 1 };
	bool reads = call->data.nr == SYS_read || call->data.nr == SYS_pread64;
	off_t at = (off_t)call->data.args[3];
	ssize_t n;

	if (call->data.args[2] == 0)
		return 0;
	if (!reads && process_vm_readv((pid_t)call->pid, &here, 1, &there, 1, 0) < 0)
		return -errno;
	n = call->data.nr == SYS_pread64  ? pread(fd, &byte, 1, at) :
	    call->data.nr == SYS_pwrite64 ? pwrite(fd, &byte, 1, at) :
	    reads                         ? read(fd, &byte, 1) :
					    write(fd, &byte, 1);
	if (n < 0)
		return -errno;
	if (reads && n && process_vm_writev((pid_t)call->pid, &here, 1, &there, 1, 0) < 0)
		return -errno;
	return n;
}

/* Is this the call that is to go wrong? Counts, and traces. */
static bool is_due(struct watch *watch, const struct seccomp_notif *call)
{
	const struct call *what = find_call(call->data.nr);
	char path[4096];
	unsigned n;

	if (is_other(watch, (pid_t)call->pid))
		return false;
	if (call->data.nr == SYS_execve && (pid_t)call->pid != watch->program &&
	    watch->n_others < ARRAY_SIZE(watch->others))
		watch->others[watch->n_others++] = (pid_t)call->pid;
	if (!watch->begun || watch->mode == TRACE)
		describe(call, what, path, sizeof(path));
	watch->begun = watch->begun || streq(path, watch->from);
	if (!watch->begun)
		return false;
	n = ++watch->seen[what - calls];
	if (watch->mode == TRACE) {
		fprintf(watch->trace, "%s %u %s\n", what->name, n, path);
		if (call->data.nr == SYS_renameat)
			keep_version(watch, path);
		return false;
	}
	return n == watch->nth && streq(what->name, watch->name);
}

static void answer(struct watch *watch, const struct seccomp_notif *call)
{
	struct seccomp_notif_resp reply = { .id = call->id,
					    .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	if (is_due(watch, call)) {
		int64_t moved = watch->mode == SHORT ? move_a_byte(call) : 0;

		watch->hit = true;
		if (watch->mode == KILL) {
			kill(watch->program, SIGKILL);
			return;
		}
		reply.flags = 0;
		reply.error = watch->mode == ERROR ? -watch->error :
			      moved < 0            ? (int)moved :
						     0;
		reply.val = moved < 0 ? 0 : moved;
	}
	ioctl(watch->listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

static int serve(struct watch *watch, int pidfd, int seconds)
{
	struct timespec now, end;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	for (;;) {
		struct pollfd events[] = { { .fd = pidfd, .events = POLLIN },
					   { .fd = watch->listener, .events = POLLIN } };
		struct seccomp_notif call = {};

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= end.tv_sec || poll(events, 2, 1000) < 0) {
			kill(watch->program, SIGKILL);
			return 124;
		}
		if (events[0].revents)
			break;
		/* fails when the caller was killed meanwhile */
		if (events[1].revents & POLLIN &&
		    ioctl(watch->listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0)
			answer(watch, &call);
	}
	if (waitpid(watch->program, &status, 0) < 0)
		fail("waitpid");
	if (watch->mode != TRACE && !watch->hit)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int parse(struct watch *watch, int argc, char *argv[], int *ret_seconds)
{
	static const char *const modes[] = { "trace", "kill", "error", "short" };
	static const int arguments[] = { 2, 2, 3, 2 };
	int at = 1;

	*ret_seconds = 60;
	for (; at < argc && startswith(argv[at], "--"); at++) {
		if (startswith(argv[at], "--from="))
			watch->from = argv[at] + strlen("--from=");
		else if (startswith(argv[at], "--chroot="))
			watch->chroot = argv[at] + strlen("--chroot=");
		else if (startswith(argv[at], "--limit="))
			*ret_seconds = atoi(argv[at] + strlen("--limit="));
	}
	watch->begun = !watch->from;
	for (size_t i = 0; at < argc && i < ARRAY_SIZE(modes); i++) {
		if (!streq(argv[at], modes[i]) || at + arguments[i] + 1 >= argc)
			continue;
		watch->mode = (enum mode)i;
		watch->name = argv[at + 1];
		watch->versions = argv[at + 2];
		watch->nth = (unsigned)atoi(argv[at + 2]);
		watch->error = watch->mode == ERROR ? atoi(argv[at + 3]) : 0;
		return at + 1 + arguments[i];
	}
	fputs("usage: see the head of inject.c\n", stderr);
	exit(125);
}

int main(int argc, char *argv[])
{
	static struct watch watch;
	int seconds, first = parse(&watch, argc, argv, &seconds), pidfd;

	if (watch.mode == TRACE) {
		watch.trace = fopen(watch.name, "we");
		if (!watch.trace)
			fail(watch.name);
	}
	pidfd = start(&watch, argv + first);
	return serve(&watch, pidfd, seconds);
}
