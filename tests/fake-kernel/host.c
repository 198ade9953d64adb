#include "host.h"

#include "fixture.h"
#include "module.h"
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const struct host *running; /* whose modules module_load() loads */

static const char *folder(const char *variable)
{
	const char *value = getenv(variable);

	return value ? value : ".";
}

static char *server_path(void)
{
	return xasprintf("%s/tests/fake-kernel/fake-kernel", folder("builddir"));
}

const char *host_missing(void)
{
	_cleanup_free_ char *server = server_path();

	unsetenv("JOURNAL_STREAM"); /* messages go where they are looked at */
	if (geteuid() != 0)
		return "mounting needs root";
	if (access(server, X_OK) < 0)
		return "built without libfuse3";
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		return "there is no /dev/fuse";
	/* so that no mount is left, whatever happens */
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", "", MS_REC | MS_PRIVATE, NULL) < 0)
		return "mount namespaces are not allowed";
	return NULL;
}

static void serve(const char *server, const char *machine, const char *path, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(ready, STDOUT_FILENO);
	execl(server, server, machine, path, NULL);
	_exit(127);
}

void host_start(struct host *host, const char *machine, const char *config)
{
	_cleanup_free_ char *server = server_path();
	int ready[2];
	char word[8];

	*host = (struct host){ .path = "/tmp/sriov-setup-test.XXXXXX" };
	/* a file system of its own: nothing has to be flushed, nothing is left behind */
	if (!mkdtemp(host->path) || mount("host", host->path, "tmpfs", 0, NULL) < 0 ||
	    pipe2(ready, O_CLOEXEC) < 0)
		abort();
	fflush(NULL);
	host->server = fork();
	if (host->server < 0)
		abort();
	if (host->server == 0)
		serve(server, machine, host->path, ready[1]);
	close(ready[1]);
	if (read(ready[0], word, sizeof(word)) <= 0) {
		printf("Bail out! no fake kernel for %s\n", machine);
		exit(1);
	}
	close(ready[0]);
	if (root_open(&host->root, host->path) < 0 ||
	    root_replace(&host->root, config ? config : "", 0644, CONFIG_PATH) < 0)
		abort();
	host->root.live = true;
	host->root.path = "/";
	running = host;
}

void host_stop(struct host *host)
{
	_cleanup_free_ char *sys = xasprintf("%s/sys", host->path);

	host_control(host, "release");
	kill(host->server, SIGKILL);
	waitpid(host->server, NULL, 0);
	root_done(&host->root);
	umount2(sys, MNT_DETACH);
	umount2(host->path, MNT_DETACH);
	rmdir(host->path);
	/* writers that the product left behind */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int host_control(const struct host *host, const char *line)
{
	return root_write(&host->root, line, "sys/fake-kernel");
}

struct strings host_audit(struct host *host)
{
	_cleanup_close_ int fd = root_openat(&host->root, O_RDONLY, "audit");
	size_t size = (size_t)lseek(fd, 0, SEEK_END) - host->audited;
	_cleanup_free_ char *text = xcalloc(1, size + 1);
	char *rest = text, *line;
	struct strings lines = {};

	if (pread(fd, text, size, (off_t)host->audited) != (ssize_t)size)
		abort();
	host->audited += size;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			strings_add(&lines, line);
	return lines;
}

int host_apply(struct host *host, const struct config *config, const char *device,
	       char **ret_said)
{
	const struct run_options options = { .boot = !host->by_hand, .device = device };
	int status;

	capture_start();
	status = run_apply(config, &host->root, &options);
	*ret_said = capture_end();
	return status;
}

/*
 * Stands in for module.c, which the linker then leaves out of its archive: libkmod would
 * load into the kernel that runs the tests.
 */
int module_load(const char *name, const char *options)
{
	_cleanup_free_ char *line = xasprintf("load %s %s", name, options ? options : "");

	for (char *c = line; *c && *c != '='; c++)
		if (*c == '-')
			*c = '_';
	return host_control(running, line);
}

/* One module in the machines is made for a device. */
int module_best(const char *alias, char **ret)
{
	*ret = xstrdup(startswith(alias, "vfio_pci:v000015B3d0000101Esv00000000") ?
			       "mlx5_vfio_pci" :
			       "vfio_pci");
	return 0;
}

int __wrap_netlink_set_up(unsigned ifindex, char **ret_why);

/* In the place of netlink_set_up(): the netdevs are pretended ones too. */
int __wrap_netlink_set_up(unsigned ifindex, char **ret_why)
{
	_cleanup_free_ char *line = xasprintf("up %u", ifindex);

	(void)ret_why;
	return host_control(running, line);
}

/* Deadlines of the product pass so many times faster; under valgrind that is too much. */
static int hurry(void)
{
	const char *said = getenv("HURRY");

	return said ? atoi(said) : 40;
}

int host_longest_wait;

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

/* The linker puts it into the place of poll(2), by which the product waits. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	host_longest_wait = timeout > host_longest_wait ? timeout : host_longest_wait;
	return __real_poll(fds, n, timeout < 0 ? timeout : timeout / hurry());
}

char *machine_path(const char *name)
{
	return xasprintf("%s/tests/fake-kernel/machines/%s", folder("srcdir"), name);
}

char *machine_read(const char *name)
{
	_cleanup_free_ char *path = machine_path(name);
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file || getdelim(&text, &size, '\0', file) < 0)
		return NULL;
	return text;
}

struct strings machine_list(const char *suffix)
{
	_cleanup_free_ char *path = machine_path("");
	struct strings names = {};
	struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir))) {
		char *dot = strrchr(entry->d_name, '.');

		if (!dot || !streq(dot, suffix))
			continue;
		*dot = '\0';
		strings_add(&names, entry->d_name);
	}
	closedir(dir);
	strings_sort(&names);
	return names;
}
