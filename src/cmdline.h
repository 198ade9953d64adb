/*
 * cmdline.h: a kernel command line as a value. Pure: no I/O, no logging.
 *
 * Words are separated by white space; double quotes group (kernel: lib/cmdline.c,
 * next_arg()). Parsing stops at a bare "--": what follows belongs to init. In names '-'
 * equals '_' (kernel/params.c, dash2underscore()).
 */
#pragma once

#include "util.h"

/* The words in order. Zeroed is empty. */
struct cmdline {
	struct strings words;
};

void cmdline_done(struct cmdline *cmdline);
void cmdline_parse(struct cmdline *ret, const char *text);
/* Adds the words of every "options" line of a boot loader entry (the UAPI group's boot
 * loader specification, type #1). */
void cmdline_parse_entry(struct cmdline *ret, const char *text);
/* Adds those of every assignment to a variable of a shell script; one that needs a shell
 * is left out. */
void cmdline_parse_shell(struct cmdline *ret, const char *text, const char *variable);
/* The words joined by one space; the caller frees it. */
char *cmdline_print(const struct cmdline *cmdline);
void cmdline_add(struct cmdline *cmdline, const char *word);
void cmdline_append(struct cmdline *cmdline, const struct cmdline *more);
/* The same word, '-' and '_' being equal in the name. */
bool cmdline_has(const struct cmdline *cmdline, const char *word);
bool cmdline_equal(const struct cmdline *a, const struct cmdline *b);

/*
 * What the value list of a key says at the end: for every occurrence of key= in order,
 * every comma-separated part; true when `part` is among them. cmdline_has_value(c,
 * "intel_iommu", "on") is true for "intel_iommu=on,sm_on".
 */
bool cmdline_has_value(const struct cmdline *cmdline, const char *key, const char *part);

/*
 * May this word be written by us? Letters, digits and _.,:=@+/- only, starting with a
 * letter, with a name: a GRUB drop-in is a shell script and ';' cuts GRUB's line
 * (research: kargs §A.3). *ret_why names the first bad character or fault, static text.
 */
bool cmdline_word_is_safe(const char *word, const char **ret_why);

/*
 * The word among `words` that makes one of `wanted` impossible or that would be overruled
 * by it: iommu=off, amd_iommu=off (sticky in the kernel), intel_iommu=off, iommu=nopt,
 * iommu.passthrough=0, pci=realloc=off, any hugepage word when ours are wanted. NULL:
 * none. *ret_wanted is the wanted word. Both point into the arguments.
 */
const char *cmdline_conflict(const struct cmdline *words, const struct cmdline *wanted,
			     const char **ret_wanted);
