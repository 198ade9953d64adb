/*
 * export.h: documents for those who take the VFs. Pure: config × system → text.
 *
 * One const struct and one file per format.
 */
#pragma once

#include "config.h"
#include "document.h"
#include "names.h"
#include "system.h"

/* One VF or device that is offered to a consumer. */
struct offer {
	const struct function *function;
	const struct function *pf;     /* NULL: no VF of this host */
	const struct pf_rule *pf_rule; /* NULL: a device rule's */
	char *resource;                /* "intel.com/82576_Virtual_Function" */
	struct where where;            /* the rule */
	enum advertise path;           /* who hands it out; ADVERTISE_AUTO: nobody */
	bool ambiguous; /* the rule does not say, and several would hand it out */
	size_t kind;    /* index in struct offers' kinds */
	/* its place among all that the config gives this resource, in order of address,
	 * whether they have their driver now or not: one that fails renumbers no other */
	unsigned number;
};

/*
 * What the config offers of what exists now: functions that a rule wants on vfio-pci or a
 * variant driver, and that are bound to it. In order of address. One function has one
 * path: the rule's; else the SR-IOV device plugin's for network and accelerator functions
 * where that is on (it serves no others), then KubeVirt's, then libvirt's.
 */
struct offers {
	struct offer *items;
	size_t n;
	/* The first of each kind, by index: offers of one kind differ in the function
	 * only, not in its IDs and driver. Thousands of VFs are a few kinds. */
	size_t *kinds;
	size_t n_kinds;
};
void offers_make(struct offers *ret, const struct config *config,
		 const struct system *system, const struct names *names);
void offers_done(struct offers *offers);
/* The function's offer; NULL: it is not offered. */
const struct offer *offers_find(const struct offers *offers, const struct function *f);
/*
 * Why two consumers would hand out the same function, one line each, with both rules.
 * KubeVirt selects by vendor and device only, so its entries reach across rules.
 */
void offers_check(const struct offers *offers, const struct config *config,
		  struct strings *errors);

/* As the config says them; ADVERTISE_AUTO is "nobody". */
extern const char *const advertise_names[N_ADVERTISE];

struct export_input {
	const struct config *config;
	const struct system *system;
	const struct names *names;
	const struct document *current; /* what the consumer has now; NULL: unknown */
};

/* One line each, for the journal; with errors the document is not to be used. */
struct export_notes {
	struct strings warnings, errors;
};
void export_notes_done(struct export_notes *notes);
PRINTF(2, 3) void export_note(struct strings *notes, const char *format, ...);
/* A line "# …"; control characters become '?', so that it stays one line. */
void export_comment(FILE *out, const char *text);
/* This node's name in Kubernetes: export.node or the host's own, lower case. NULL: none.
 */
char *export_node(const struct export_input *input);

struct exporter {
	const char *name; /* export NAME */
	const char *help;
	const char *file;    /* NULL: printed only */
	const char *dir;     /* where the file must be; NULL: export.dir */
	size_t key;          /* offset of its bool in struct export_config */
	bool hands_out;      /* its consumer gives functions away: nothing may clash */
	const char *current; /* what it needs on stdin: "the KubeVirt CR as JSON" */
	void (*write)(FILE *out, const struct export_input *input,
		      struct export_notes *notes);
};

extern const struct exporter export_cdi, export_config, export_device_plugin,
	export_harvester, export_kubevirt, export_kubevirt_patch, export_libvirt,
	export_nad, export_qemu, export_sriov_network, export_udev;

/* The formats, ended by NULL; export_find: NULL when there is none of that name. */
extern const struct exporter *const exporters[];
const struct exporter *export_find(const char *name);
/* Does the config ask for its file? */
bool export_wanted(const struct exporter *exporter, const struct export_config *config);
/* The whole document, clashes gathered as well; "": there is nothing for a consumer that
 * takes no empty one. The caller frees it. */
char *export_document(const struct exporter *exporter, const struct export_input *input,
		      struct export_notes *notes);
