/*
 * ledger.h: who has claimed which VF of this boot: one file below /run, read and written
 * under a lock that the kernel drops with its holder.
 *
 * A claim of several VFs is one write of the file, so whoever is killed leaves all of
 * them or none. The ledger only says what was promised; whether a VF is in use is for the
 * kernel to say, and it wins. Nothing here logs.
 */
#pragma once

#include "document.h"
#include "root.h"

#define LEDGER_DIR "run/sriov-setup/claims"

/* A process that may be gone, and its number given to another. */
struct life {
	unsigned long pid;   /* 0: none is known */
	unsigned long start; /* proc_pid_stat(5), starttime: clock ticks since the boot */
};

enum claim_state {
	CLAIM_CLAIMED,
	CLAIM_ATTACHING, /* about to be given to a QEMU */
	CLAIM_ATTACHED,
	CLAIM_DETACHING, /* that QEMU was asked to give it back */
	N_CLAIM_STATES
};

struct claim {
	char *address, *resource, *owner;
	unsigned group; /* of the IOMMU */
	enum claim_state state;
	struct life life; /* whose end is the owner's end */
	char *qmp;        /* socket of the QEMU that has it; NULL: none had it yet */
	struct life qemu;
};

struct ledger {
	int lock;
	struct claim *claims; /* in the order of claiming */
	size_t n;
};

/*
 * Waits at most a minute for the lock, which is held until ledger_done(). -EAGAIN:
 * it was not free; -EBADMSG: the file is damaged.
 */
int ledger_open(struct ledger *ret, const struct root *root);
/* As it was at some moment, to be shown only: without the lock, so nothing is waited for.
 */
int ledger_read(struct ledger *ret, const struct root *root);
int ledger_write(const struct ledger *ledger, const struct root *root);
void ledger_done(struct ledger *ledger);

/* NULL: nobody has it. */
struct claim *ledger_find(const struct ledger *ledger, const char *address);
/* Both stay valid until the next of either. */
struct claim *ledger_add(struct ledger *ledger);
void ledger_remove(struct ledger *ledger, struct claim *claim);

/*
 * Is a VF free? vfio_group_fops_open() lets one at a time into its group: 0, -EBUSY (also
 * for a cdev of it), -ENODEV (the VF is gone), -ENOENT (it is on no vfio driver). A VM
 * that is about to open it would be refused in that moment, so it is asked only of VFs
 * that nobody may be taking.
 */
int vf_probe(const struct root *root, const char *address);

/* -ESRCH: there is no such process. */
int life_read(struct life *ret, const struct root *root, unsigned long pid);
bool life_has_ended(const struct life *life, const struct root *root);
/* Has the claim's owner ended, or, where it named no process, the QEMU that had it? */
bool claim_is_dead(const struct claim *claim, const struct root *root);

/* For programs: claims --json says what its members are. */
void claim_put(struct document *map, const struct claim *claim);
extern const char *const claim_states[N_CLAIM_STATES];
