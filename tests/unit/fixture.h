/* fixture.h: a temporary folder that stands for "/", and what the program says about it.
 */
#pragma once

#include "root.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>

struct fixture {
	char path[64];
	struct root root;
};

static inline void fixture_open(struct fixture *f)
{
	strcpy(f->path, "/tmp/sriov-setup-test.XXXXXX");
	if (!mkdtemp(f->path) || root_open(&f->root, f->path) < 0)
		abort();
}

static inline void fixture_close(struct fixture *f)
{
	_cleanup_free_ char *command = xasprintf("rm -rf '%s'", f->path);

	root_done(&f->root);
	if (system(command) != 0)
		abort();
}

static inline void fixture_write(struct fixture *f, const char *path, const char *text)
{
	if (root_replace(&f->root, text, 0644, "%s", path) < 0)
		abort();
}

/* stderr goes into a file from capture_start() to capture_end(), which returns it. */
static int captured_fd = -1, real_stderr = -1;

static inline void capture_start(void)
{
	fflush(stderr);
	real_stderr = dup(2);
	captured_fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	dup2(captured_fd, 2);
}

static inline char *capture_end(void)
{
	char *text = xcalloc(1, 65536);

	fflush(stderr);
	dup2(real_stderr, 2);
	close(real_stderr);
	if (pread(captured_fd, text, 65535, 0) < 0)
		abort();
	close(captured_fd);
	return text;
}
