/*
 * plan.h: the difference between config and system as an ordered list of values. Pure.
 *
 * The order of the list is the order of doing. `apply` walks the list that `plan` prints.
 */
#pragma once

#include "config.h"
#include "made.h"
#include "system.h"

enum verb {
	LOAD_MODULE, /* name: module, value: its options or NULL */
	WRITE,      /* name: attribute of the function, or path below /sys; value: text */
	REMOVE_VFS, /* all of them, none of which has a driver any more; value: how many
		     */
	CREATE_VFS, /* value: count, which is read back; patience */
	OVERRIDE,   /* value: driver, "" clears driver_override */
	UNBIND,     /* name: driver that is bound */
	BIND,       /* name: driver */
	PROBE,      /* let the kernel choose a driver */
	CREATE_MDEV, /* name: its type's folder in mdev_supported_types; value: UUID */
	REMOVE_MDEV, /* value: UUID */
	SET_ESWITCH, /* name: the config's key; value: its word */
	SET_LINK,  /* name: "mtu" or "link" of the PF's netdev; value: a number; "up", or
		      "running": wait some seconds for a carrier */
	SET_VF,    /* values: all at once, each alone where that fails */
	SET_NVME,  /* name: "queues", "interrupts" or "state"; value: a number; "online",
		      "offline" */
	RESET,     /* the function, for which nobody may have a use */
	BOOT_ARGS, /* value: the words that should be ours on the next kernel command line
		    */
	MODPROBE,  /* value: the content that our file in modprobe.d should have, "" for
		      none */
	MEMLOCK,   /* name: a service; value: "infinity", "" to take our drop-in away */
	N_VERBS
};

enum when { NOW, NEXT_BOOT };

struct action {
	enum verb verb;
	enum when when;
	bool disruptive; /* takes something away from who may be using it */
	bool forced;     /* --force-in-use: also from who does use it */
	bool always;     /* puts something back: also when an earlier action failed, but
			    for the one that it undoes */
	char *function;  /* address; NULL: the machine */
	int vf; /* index of a VF of `function`, NONE: the function itself. A VF's address
		   is not known before it exists: pci_iov_set_numvfs() rereads offset and
		   stride */
	char *name, *value;
	unsigned patience; /* seconds: so long it may refuse as not ready */
	struct vf_values values;
	char *why;          /* "7 VFs wanted, found 0" */
	struct where where; /* the rule that asks for it; borrowed from the config */
};

/* Something that no action can put right. */
struct problem {
	int level; /* LOG_ERR: the run fails; LOG_WARNING, LOG_INFO: said only */
	char *pci; /* NULL: about a rule */
	char *pf;  /* of the VF that it is about; NULL: it is about no VF */
	char *text;
	struct where where;
};

struct plan {
	struct action *actions;
	size_t n_actions;
	struct problem *problems;
	size_t n_problems;
};

struct plan plan_make(const struct config *config, const struct system *system);
/* What takes away what was made, and only that: what is used, or was changed by others
 * since, is a problem instead. `only`: of this function and its VFs; NULL: all.
 * `config`: for force_in_use. */
struct plan plan_reset(const struct config *config, const struct system *system,
		       const struct made *made, const char *only);
void plan_done(struct plan *plan);

/* The rule that governs a PF or a device, by index into the config's arrays; NONE: none.
 */
int plan_pf_rule(const struct config *config, const struct function *pf);
int plan_device_rule(const struct config *config, const struct function *function);
/* What the config wants for one VF of a governed PF, or for a device; "auto-vfio" is
 * resolved. Never NULL. */
const char *pf_rule_driver(const struct pf_rule *rule, const struct function *pf,
			   unsigned vf_index);
const char *device_rule_driver(const struct device_rule *rule,
			       const struct function *function);
/* What is said where a driver is "leave" because the node is Harvester's. */
extern const char plan_left[];
const char *pf_rule_resource(const struct pf_rule *rule,
			     unsigned vf_index); /* NULL: default */
/* How many VFs the rule wants of this PF, whose driver may have made more (QAT). Pure. */
unsigned pf_rule_count(const struct pf_rule *rule, const struct function *pf);

/* What our file in modprobe.d should hold, "" for no file; the caller frees it. */
char *plan_modprobe(const struct config *config, const struct system *system);

/* Forgets the actions and problems that are about others than this function and its VFs.
 */
void plan_keep(struct plan *plan, const char *address);
