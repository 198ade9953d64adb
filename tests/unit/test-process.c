/* What a tool prints, how it ends, and that it is not waited for without end. */
#include "fixture.h"
#include "process.h"

#include <errno.h>
#include <time.h>

/* Runs /tool, a script, below the fixture's root. */
static int run(struct fixture *f, const char *script, int seconds, char **out,
	       char **errors)
{
	static const char *const argv[] = { "/tool", "one", NULL };
	_cleanup_free_ char *text = xasprintf("#!/bin/sh\n%s\n", script);

	root_remove(&f->root, "tool");
	if (root_replace(&f->root, text, 0755, "tool") < 0)
		abort();
	return process_run(&f->root, argv, seconds, out, errors);
}

static void ends(struct fixture *f, const char *script, int status, const char *want_out,
		 const char *want_errors)
{
	_cleanup_free_ char *out = NULL, *errors = NULL;

	/* a busy machine is slow to start a shell */
	is_int(run(f, script, status == -ETIMEDOUT ? 3 : 60, &out, &errors), status, "%s",
	       script);
	is_string(out, want_out, "stdout");
	is_string(errors, want_errors, "stderr");
}

static int work(const void *data, int ready)
{
	const char *what = data;

	if (streq(what, "hangs"))
		pause();
	if (streq(what, "dies"))
		abort();
	if (!streq(what, "forgets") && write(ready, "", 1) != 1)
		return 1;
	if (streq(what, "is slow later"))
		sleep(3);
	return 7;
}

static void guard(void)
{
	time_t start = time(NULL);

	is_int(process_guard(60, work, "is well"), 7, "a guarded exit status");
	is_int(process_guard(60, work, "forgets"), 7, "of one that has ended");
	is_int(process_guard(60, work, "dies"), -EPROTO, "a signal ends it");
	is_int(process_guard(1, work, "is slow later"), 7,
	       "when it is past what may hang it has time");
	is_int(process_guard(1, work, "hangs"), -ETIMEDOUT, "what hangs is left");
	ok(time(NULL) - start < 50, "in time");
}

int main(void)
{
	_cleanup_free_ char *out = NULL, *errors = NULL;
	struct fixture f;
	time_t start;

	fixture_open(&f);
	ends(&f, "echo out $1; echo why >&2", 0, "out one", "why");
	ends(&f, "exit 77", 77, "", "");
	ends(&f, "kill -9 $$", -EPROTO, "", "");
	ends(&f, "echo $PATH", 0,
	     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "");
	start = time(NULL);
	ends(&f, "echo slow; sleep 30 & wait", -ETIMEDOUT, "slow", "");
	ok(time(NULL) - start < 25, "killed with its children");
	is_int(run(&f, "head -c 200000 /dev/zero | tr '\\0' x; echo", 60, &out, &errors),
	       0, "more than there is room for");
	is_int((long)strlen(out), 64 * 1024 - 1, "is cut off");
	fixture_close(&f);
	guard();
	return done();
}
