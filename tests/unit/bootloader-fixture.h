/* bootloader-fixture.h: a machine in a temporary folder, with tools that stand in for the
 * real ones, and what a back end must do whatever it is made of. */
#pragma once

#include "bootloader.h"
#include "fixture.h"
#include "log.h"

#include <errno.h>
#include <sys/wait.h>
#include <syslog.h>

#define FIRST "iommu=pt pci=realloc sriov_setup.gen=1"
#define SECOND "iommu=pt sriov_setup.gen=2"

/* A running machine: its tools are below its root, see process.h. */
static inline void machine(struct fixture *f)
{
	log_set_level(LOG_EMERG);
	fixture_open(f);
	f->root.live = true;
}

static inline void install_tool(struct fixture *f, const char *folder, const char *name)
{
	const char *srcdir = getenv("srcdir");
	_cleanup_free_ char *command = xasprintf(
		"mkdir -p '%s/%s' && cp '%s/tests/unit/stand-in/'{common.sh,%s} '%s/%s'",
		f->path, folder, srcdir ? srcdir : ".", name, f->path, folder);
	_cleanup_free_ char *shell = xasprintf("bash -c \"%s\"", command);

	if (system(shell) != 0)
		abort();
}

/* What systemd-boot or GRUB say of themselves in the variable LoaderInfo */
static inline void write_loader(struct fixture *f, const char *name)
{
	char variable[128] = { 7 };
	size_t size = 4;

	for (; *name; name++, size += 2)
		variable[size] = *name;
	if (root_replace_bytes(&f->root, variable, size + 2, 0644,
			       "sys/firmware/efi/efivars/"
			       "LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f") < 0)
		abort();
}

/* Calls with this among their arguments fail, half-way where they can; NULL: none do. */
static inline void set_failing(struct fixture *f, const char *arguments)
{
	if (arguments)
		fixture_write(f, "fail", arguments);
	else
		root_remove(&f->root, "fail");
}

/* As often as a tool was asked to change something. */
static inline size_t count_calls(struct fixture *f)
{
	_cleanup_free_ char *calls = NULL;
	size_t n = 0;

	if (root_read(&f->root, &calls, "calls") < 0)
		return 0;
	for (const char *at = calls; at; at = strchr(at + 1, '\n'))
		n++;
	return n;
}

/* Everything below the root but the tools and their log, as one text; the caller frees
 * it. */
static inline char *take_picture(struct fixture *f)
{
	_cleanup_free_ char *command = xasprintf(
		"cd '%s' && find . -path ./usr/bin -prune -o -path ./usr/sbin -prune -o "
		"-type f ! -name calls ! -name fail ! -name power-cut ! -path ./proc/\\* "
		"-print | sort | "
		"xargs head -v -c -0",
		f->path);
	char *text = xcalloc(1, 65536);
	FILE *out = popen(command, "r");

	if (!out || fread(text, 1, 65535, out) == 0)
		abort();
	pclose(out);
	return text;
}

/* As kargs.c does it. */
static inline int put(struct fixture *f, const struct bootloader *loader,
		      const char *words)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, before = {};
	int changed, r;

	cmdline_parse(&wanted, words);
	r = loader->read(&f->root, &before);
	if (r < 0 && r != -ENOENT)
		return r;
	changed = loader->install(&f->root, &wanted, &(struct signing_key){});
	if (changed < 0 || !loader->refresh || !f->root.live)
		return changed;
	r = loader->refresh(&f->root, &wanted);
	if (r < 0)
		loader->install(&f->root, &before, &(struct signing_key){});
	return r < 0 ? r : changed;
}

static inline void ours_are(struct fixture *f, const struct bootloader *loader,
			    const char *want)
{
	_cleanup_(cmdline_done) struct cmdline ours = {};
	_cleanup_free_ char *text = NULL;

	if (loader->read(&f->root, &ours) == 0)
		text = cmdline_print(&ours);
	is_string(text, want, "%s: ours", loader->name);
}

static inline void is_as_before(struct fixture *f, const struct bootloader *loader,
				const char *before, const char *when)
{
	_cleanup_free_ char *now = take_picture(f);

	is_string(now, before, "%s: %s, byte for byte", loader->name, when);
}

/* put(), but the machine stops while the tool runs (early) or when it is done (late). */
static inline void put_without_power(struct fixture *f, const struct bootloader *loader,
				     const char *words, const char *when)
{
	int status = 0;
	pid_t child;

	fixture_write(f, "power-cut", when);
	child = fork();
	if (child == 0) {
		put(f, loader, words);
		_exit(0);
	}
	waitpid(child, &status, 0);
	ok(WIFSIGNALED(status), "%s: the power is cut", loader->name);
	root_remove(&f->root, "power-cut");
}

/* The next run finishes, and removal still works. */
static inline void cut_power(struct fixture *f, const struct bootloader *loader,
			     const char *when, const char *from, const char *to,
			     const char *before)
{
	if (*from)
		put(f, loader, from);
	put_without_power(f, loader, to, when);
	ok(put(f, loader, FIRST) >= 0, "%s: the power was cut: finished", loader->name);
	is_int(put(f, loader, ""), 1, "%s: and removed", loader->name);
	is_as_before(f, loader, before, "after the power cut");
}

/*
 * Install, again, other words, removal, and a tool that fails on the way in and from
 * generation to generation. `first` and `second` are the words of FIRST and SECOND that
 * were not there before.
 */
static inline void lead_life(struct fixture *f, const struct bootloader *loader,
			     const char *first, const char *second)
{
	_cleanup_free_ char *before = take_picture(f), *installed = NULL;
	size_t calls;

	is_int(put(f, loader, ""), 0, "%s: nothing of ours, nothing to remove",
	       loader->name);
	is_as_before(f, loader, before, "untouched");
	is_int(put(f, loader, FIRST), 1, "%s: install", loader->name);
	ours_are(f, loader, first);
	installed = take_picture(f);
	calls = count_calls(f);
	is_int(put(f, loader, FIRST), 0, "%s: again", loader->name);
	is_as_before(f, loader, installed, "the second install writes nothing");
	ok(count_calls(f) - calls <= 1, "%s: no more than a refresh", loader->name);
	if (f->root.live) {
		set_failing(f, "");
		ok(put(f, loader, SECOND) < 0, "%s: the tool fails", loader->name);
		set_failing(f, NULL);
		is_as_before(f, loader, installed, "the old words are back");
	}
	is_int(put(f, loader, SECOND), 1, "%s: other words", loader->name);
	ours_are(f, loader, second);
	is_int(put(f, loader, ""), 1, "%s: remove", loader->name);
	ours_are(f, loader, NULL);
	is_as_before(f, loader, before, "removed");
	if (!f->root.live)
		return;
	set_failing(f, "");
	ok(put(f, loader, FIRST) < 0, "%s: the tool fails at once", loader->name);
	set_failing(f, NULL);
	ours_are(f, loader, NULL);
	is_as_before(f, loader, before, "after the failure");
	for (int late = 0; late < 2; late++) {
		const char *when = late ? "late" : "early";

		cut_power(f, loader, when, "", FIRST, before);
		cut_power(f, loader, when, SECOND, FIRST, before);
		cut_power(f, loader, when, FIRST, "", before);
	}
}
