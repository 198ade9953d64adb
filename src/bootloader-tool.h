/*
 * bootloader-tool.h: what the back ends share that change the command line through a
 * tool: the tool's run, and the record of what is ours. Such a back end has no file of
 * its own that holds the words, and a word that was there before must outlive ours.
 */
#pragma once

#include "cmdline.h"
#include "root.h"

/* The exit status that "rpm-ostree kargs --unchanged-exit-77" is named after. */
#define TOOL_UNCHANGED 77

/* Is it installed? The path begins with '/', as for tool_run(). */
bool tool_exists(const struct root *root, const char *path);
/*
 * Runs a tool for at most five minutes: a new deployment of ostree copies kernels and
 * flushes. *ret_stdout (may be NULL) belongs to the caller. Returns 0 or a negative errno
 * (-ETIMEDOUT: what it asked of a daemon may still come about), logged with what it
 * printed.
 */
int tool_run_argv(const struct root *root, const char *const argv[], char **ret_stdout);
#define tool_run(root, ret_stdout, ...) \
	tool_run_argv(root, (const char *const[]){ __VA_ARGS__, NULL }, ret_stdout)
/* The same; and TOOL_UNCHANGED when that is its exit status. */
int tool_run_strings(const struct root *root, const struct strings *argv);

/* A file that we wrote, as text; -ENOENT: there is none. Other errors are logged. */
int tool_read_ours(const struct root *root, const char *path, char **ret);

/*
 * The words of ours that the back end `name` has put in, kept in
 * /var/lib/sriov-setup/NAME. -ENOENT: none.
 */
int tool_read_record(const struct root *root, const char *name, struct cmdline *ret);
/* No words: the file goes. 1 changed, 0 was so; errors are logged. */
int tool_write_record(const struct root *root, const char *name,
		      const struct cmdline *words);

/* Adds what `parse` finds in the other files of the folder that has one of ours, by its
 * name. */
void tool_read_others(const struct root *root, const char *folder, const char *ours,
		      void (*parse)(struct cmdline *ret, const char *text),
		      struct cmdline *ret);

/* Adds those of `words` to *ret that it lacks. */
void tool_unite(struct cmdline *ret, const struct cmdline *words);
/* Words that are on a command line and not ours. */
void tool_find_foreign(struct cmdline *ret, const struct cmdline *current,
		       const struct cmdline *ours);

/* A tool that lists the words of the next boot, and changes them one by one or as a
 * whole. */
struct tool_words {
	const char *name; /* of the back end, and so of its record */
	int (*read)(const struct root *root, struct cmdline *ret_current);
	/* `ours` go, `target` come, those of both stay. 1 changed, 0 nothing to do */
	int (*change)(const struct root *root, const struct cmdline *current,
		      const struct cmdline *ours, const struct cmdline *target);
};

/* struct bootloader's install() and refresh() for such a tool. Live only. */
int tool_install(const struct root *root, const struct tool_words *tool,
		 const struct cmdline *words);
int tool_check(const struct root *root, const struct tool_words *tool,
	       const struct cmdline *words);
