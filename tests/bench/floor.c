/*
 * floor: only the writes without which no VF is on vfio-pci, and nothing else: no reading
 * of configs or devices, no check, no message. What any tool is measured against.
 *
 * floor [--resize] PF COUNT [PF COUNT…]
 *
 * --resize: the PF has VFs already, with drivers and idle. All are unbound side by side,
 * since sriov_numvfs = 0 would do it one after the other.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_VFS 256

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

/* The name of what the link leads to; the caller frees it. */
static char *target_name(const char *link)
{
	char target[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	return strdup(basename(target));
}

static void *unbind(void *index)
{
	char path[32];

	snprintf(path, sizeof(path), "virtfn%d", (int)(intptr_t)index);
	char *vf = target_name(path);

	strcat(path, "/driver/unbind");
	put(path, vf);
	free(vf);
	return NULL;
}

static void clear(void)
{
	pthread_t threads[MAX_VFS];
	int n = 0;

	for (char path[32]; n < MAX_VFS; n++) {
		snprintf(path, sizeof(path), "virtfn%d", n);
		if (access(path, F_OK) < 0 ||
		    pthread_create(&threads[n], NULL, unbind, (void *)(intptr_t)n) != 0)
			break;
	}
	while (n > 0)
		pthread_join(threads[--n], NULL);
	put("sriov_numvfs", "0");
}

static int make(const char *pf, const char *count, int resize)
{
	char path[PATH_MAX];

	if (chdir("/sys/bus/pci/devices") < 0 || chdir(pf) < 0)
		return 2;
	if (resize)
		clear();
	put("sriov_drivers_autoprobe", "0");
	put("sriov_numvfs", count);
	for (int i = 0; i < atoi(count); i++) {
		snprintf(path, sizeof(path), "virtfn%d/driver_override", i);
		put(path, "vfio-pci");
	}
	put("sriov_drivers_autoprobe", "1");
	for (int i = 0; i < atoi(count); i++) {
		snprintf(path, sizeof(path), "virtfn%d", i);
		char *vf = target_name(path);

		if (!vf)
			return 1;
		put("/sys/bus/pci/drivers/vfio-pci/bind", vf);
		free(vf);
	}
	return 0;
}

int main(int argc, char *argv[])
{
	int resize = argc > 1 && strcmp(argv[1], "--resize") == 0;
	int r = argc < 3 + resize ? 2 : 0;

	for (int i = 1 + resize; r == 0 && i + 1 < argc; i += 2)
		r = make(argv[i], argv[i + 1], resize);
	return r;
}
