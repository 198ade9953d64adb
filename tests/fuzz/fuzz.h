/*
 * fuzz.h: what the fuzz targets share: a folder that stands for "/", which they fill by
 * each input.
 *
 * A target is FUZZ(name) { …; return 0; }. For libFuzzer (-DFUZZER) it is the one entry
 * point of its program; without, replay.c calls all of them.
 */
#pragma once

#include "log.h"
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#ifdef FUZZER
#define FUZZ(name_)                                                   \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
#else
#define FUZZ(name_)                                         \
	int fuzz_##name_(const uint8_t *data, size_t size); \
	int fuzz_##name_(const uint8_t *data, size_t size)
#endif

/* What must hold for any input; ends the process, which the fuzzer reports. */
static inline void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

/* The folder of this process: made once, below that of tests/fuzz/run, which removes it.
 */
static inline struct root *fuzz_root(void)
{
	static struct root root = { .fd = -1 };

	if (root.fd < 0) {
		const char *above = getenv("TMPDIR");
		char *path = xasprintf("%s/sriov-setup-fuzz.XXXXXX",
				       above ? above : "/dev/shm");

		log_set_level(LOG_EMERG - 1);
		must(mkdtemp(path) && root_open(&root, path) == 0, "the folder");
	}
	return &root;
}

/* Not root_replace(): no fsync, and thousands of these a second. */
static inline void fuzz_put(const char *path, const void *data, size_t size)
{
	int top = fuzz_root()->fd;
	_cleanup_free_ char *copy = xstrdup(path);
	_cleanup_close_ int fd =
		openat(top, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	for (char *slash = strchr(copy, '/'); fd < 0 && slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdirat(top, copy, 0755);
		*slash = '/';
	}
	if (fd < 0)
		fd = openat(top, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size, path);
}

/* A link, whatever was there. */
static inline void fuzz_link(const char *path, const char *target)
{
	unlinkat(fuzz_root()->fd, path, 0);
	fuzz_put(path, "", 0);
	unlinkat(fuzz_root()->fd, path, 0);
	must(symlinkat(target, fuzz_root()->fd, path) == 0, path);
}

/* The input as a string; what is behind a NUL byte is lost. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	return xstrndup((const char *)data, size);
}
