/*
 * kargs-state.h: what was done to the kernel arguments, /var/lib/sriov-setup/kargs.
 *
 * One key=value per line. It is written before the boot loader is touched, so that an
 * attempt that was interrupted is finished by the next run.
 */
#pragma once

#include "cmdline.h"
#include "config.h"
#include "root.h"

#define KARGS_STATE "var/lib/sriov-setup/kargs"
/* boot_id of what an image was built with */
#define KARGS_IMAGE "image"

struct kargs_state {
	unsigned generation;     /* 0: never anything */
	struct cmdline words;    /* asked of the boot loader, without the marker */
	struct cmdline previous; /* those of the generation before */
	struct cmdline rejected; /* rolled back: not tried again until the wish changes */
	char *loader;      /* the back end that has the words; NULL or "": unknown */
	char *certificate; /* a stamp of the one they are signed with; NULL or "": not
			    * signed
			    */
	char *boot_id; /* in which they were installed; NULL or "": that is not finished
			*/
	bool trial;    /* armed for one boot, not installed yet */
	bool told;     /* how it came out has been said once */
};

/* Zeroed when there is none. Logs; returns 0 or a negative errno. */
int kargs_state_read(const struct root *root, struct kargs_state *ret);
int kargs_state_write(const struct root *root, const struct kargs_state *state);
void kargs_state_done(struct kargs_state *state);
/* What `certificate` is with this key; "none" without one, NULL when it cannot be read.
 * The caller frees it. */
char *kargs_state_stamp(const struct signing_key *key);
/* Does another back end than this one have words of ours? */
bool kargs_state_is_elsewhere(const struct kargs_state *state, const char *loader);
/*
 * Have these words to be written again although they are the wished ones, because the
 * config names another boot loader or another certificate? Reads the latter.
 */
bool kargs_state_is_stale(const struct kargs_state *state,
			  const struct kernel_config *config);
/* Has the attempt come to its end? True where there was none. */
bool kargs_state_is_finished(const struct kargs_state *state);
/* The boot that runs, KARGS_IMAGE below --root; the caller frees it. */
char *kargs_state_boot_id(const struct root *root);
