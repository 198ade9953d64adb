/*
 * floor: only the writes without which no VF is on vfio-pci, and nothing else: no reading
 * of configs or devices, no check, no message. What any tool is measured against.
 *
 * floor PF COUNT
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

int main(int argc, char *argv[])
{
	char path[PATH_MAX], target[PATH_MAX];

	if (argc != 3 || chdir("/sys/bus/pci/devices") < 0 || chdir(argv[1]) < 0)
		return 2;
	put("sriov_drivers_autoprobe", "0");
	put("sriov_numvfs", argv[2]);
	for (int i = 0; i < atoi(argv[2]); i++) {
		snprintf(path, sizeof(path), "virtfn%d/driver_override", i);
		put(path, "vfio-pci");
	}
	put("sriov_drivers_autoprobe", "1");
	for (int i = 0; i < atoi(argv[2]); i++) {
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
