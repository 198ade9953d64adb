/*
 * sequences NAME PF COUNT [PF COUNT…]: the writes by which another tool gets COUNT VFs of
 * each PF onto vfio-pci, and nothing else of that tool: no reading, no language runtime,
 * no pauses. So what differs is the order of the writes alone.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PCI "/sys/bus/pci/"
#define PATH_ROOM 128

static int try(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static void put(const char *path, const char *text)
{
	if (try(path, text) < 0) {
		perror(path);
		exit(1);
	}
}

static void put_pf(const char *pf, const char *attribute, const char *text)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), PCI "devices/%s/%s", pf, attribute);
	put(path, text);
}

/* An attribute of a VF, which its driver may lack. */
static void try_vf(const char *vf, const char *attribute, const char *text)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), PCI "devices/%s/%s", vf, attribute);
	try(path, text);
}

struct address {
	char text[16];
};

static struct address vf_address(const char *pf, int i)
{
	char path[PATH_ROOM], target[PATH_MAX];
	struct address vf;
	ssize_t n;

	snprintf(path, sizeof(path), PCI "devices/%s/virtfn%d", pf, i);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0) {
		perror(path);
		exit(1);
	}
	target[n] = '\0';
	snprintf(vf.text, sizeof(vf.text), "%s", basename(target));
	return vf;
}

/* create, driver by driver: unbind, override, ask the kernel to look again */
static void naive(const char *pf, const char *count)
{
	put_pf(pf, "sriov_numvfs", count);
	for (int i = 0; i < atoi(count); i++) {
		struct address vf = vf_address(pf, i);

		try_vf(vf.text, "driver/unbind", vf.text);
		try_vf(vf.text, "driver_override", "vfio-pci");
		put(PCI "drivers_probe", vf.text);
	}
}

static void bind_by_override(const char *vf)
{
	try_vf(vf, "driver_override", "vfio-pci");
	put(PCI "drivers/vfio-pci/bind", vf);
	try_vf(vf, "driver_override", "\n");
}

/* pkg/host/internal/sriov/sriov.go, kernel.go: 0, N; unbind, override, bind, clear */
static void operator_daemon(const char *pf, const char *count)
{
	put_pf(pf, "sriov_numvfs", "0");
	put_pf(pf, "sriov_numvfs", count);
	for (int i = 0; i < atoi(count); i++) {
		struct address vf = vf_address(pf, i);

		try_vf(vf.text, "driver/unbind", vf.text);
		bind_by_override(vf.text);
	}
}

/* two phases: all VFs are unbound, then each is given its native driver again first */
static void operator_systemd(const char *pf, const char *count)
{
	put_pf(pf, "sriov_numvfs", "0");
	put_pf(pf, "sriov_numvfs", count);
	for (int i = 0; i < atoi(count); i++) {
		struct address vf = vf_address(pf, i);

		try_vf(vf.text, "driver/unbind", vf.text);
	}
	for (int i = 0; i < atoi(count); i++) {
		struct address vf = vf_address(pf, i);

		try_vf(vf.text, "driver_override", "\n");
		try(PCI "drivers_probe", vf.text);
		try_vf(vf.text, "driver/unbind", vf.text);
		bind_by_override(vf.text);
	}
}

static const struct sequence {
	const char *name;
	void (*run)(const char *pf, const char *count);
} sequences[] = { { "naive", naive },
		  { "operator-daemon", operator_daemon },
		  { "operator-systemd", operator_systemd } };

int main(int argc, char *argv[])
{
	for (size_t s = 0; s < sizeof(sequences) / sizeof(*sequences); s++) {
		if (argc < 4 || strcmp(argv[1], sequences[s].name) != 0)
			continue;
		for (int i = 2; i + 1 < argc; i += 2)
			sequences[s].run(argv[i], argv[i + 1]);
		return 0;
	}
	return 2;
}
