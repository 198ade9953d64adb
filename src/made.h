/*
 * made.h: what the runs of this boot made, so that `reset` takes away only that. One line
 * for each in /run, which a boot empties as it does the devices. Nothing here logs.
 */
#pragma once

#include "root.h"

#define MADE_PATH "run/sriov-setup/made"

struct made_item {
	char *address;
	unsigned asked, made; /* VFs of a PF */
	char *driver;         /* what the function was bound to; NULL: not about that */
	char *before;         /* what it was bound to before that; NULL: nothing */
	char *uuid;           /* a mediated device of the function; NULL: not about one */
	/* as inuse_observe_made() sees a mediated device */
	bool here;
	char *in_use; /* by whom; NULL: free */
};

struct made {
	struct made_item *items;
	size_t n;
};

/* What is not understood is left out; no file: nothing was made. */
struct made made_read(const struct root *root);
void made_done(struct made *made);
/* The VFs that were made on a PF; NULL: none by us. */
const struct made_item *made_vfs(const struct made *made, const char *address);

/*
 * Noted before they are made, so that a run that is killed leaves nothing that nobody
 * knows of. `made` 0: they are gone. 0 or more, or a negative errno, as the next.
 */
int made_note_vfs(const struct root *root, const char *address, unsigned asked,
		  unsigned made);
/* Of several the first `before` (NULL: none) counts. `driver` NULL: as it was again. */
int made_note_driver(const struct root *root, const char *address, const char *driver,
		     const char *before);
int made_note_mdev(const struct root *root, const char *address, const char *uuid,
		   bool made);
