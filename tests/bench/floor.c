/*
 * floor: only the writes without which no VF is on vfio-pci, and nothing else: no reading
 * of configs or devices, no check, no message. What any tool is measured against.
 *
 * floor PF COUNT [PF COUNT…]
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

static int make(const char *pf, const char *count)
{
	char path[PATH_MAX], target[PATH_MAX];

	if (chdir("/sys/bus/pci/devices") < 0 || chdir(pf) < 0)
		return 2;
	put("sriov_drivers_autoprobe", "0");
	put("sriov_numvfs", count);
	for (int i = 0; i < atoi(count); i++) {
		snprintf(path, sizeof(path), "virtfn%d/driver_override", i);
		put(path, "vfio-pci");
	}
	put("sriov_drivers_autoprobe", "1");
	for (int i = 0; i < atoi(count); i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "virtfn%d", i);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			return 1;
		target[n] = '\0';
		put("/sys/bus/pci/drivers/vfio-pci/bind", basename(target));
	}
	return 0;
}

int main(int argc, char *argv[])
{
	int r = argc < 3 ? 2 : 0;

	for (int i = 1; r == 0 && i + 1 < argc; i += 2)
		r = make(argv[i], argv[i + 1]);
	return r;
}
