/*
 * export.h: documents for those who take the VFs. Pure: config × system → text.
 *
 * One const struct and one file per format.
 */
#pragma once

#include "config.h"
#include "names.h"
#include "system.h"

/* One VF or device that is offered to a consumer. */
struct offer {
	const struct function *function;
	char *resource;     /* "intel.com/82576_Virtual_Function" */
	struct where where; /* the rule */
};

/*
 * What the config offers of what exists now: functions that a rule wants on vfio-pci or a
 * variant driver, and that are bound to it. In order of address.
 */
struct offers {
	struct offer *items;
	size_t n;
};
void offers_make(struct offers *ret, const struct config *config,
		 const struct system *system, const struct names *names);
void offers_done(struct offers *offers);

struct exporter {
	const char *name; /* export NAME */
	const char *help;
	const char *file; /* below export.dir; NULL: printed only */
	/* Does the config ask for its file? */
	bool (*wanted)(const struct export_config *config);
	/* Appends warnings (one line each, for comment and journal) to `warnings`. */
	void (*write)(FILE *out, const struct config *config, const struct system *system,
		      const struct names *names, struct strings *warnings);
};

extern const struct exporter export_config, export_kubevirt, export_udev;

/* The formats, ended by NULL; export_find: NULL when there is none of that name. */
extern const struct exporter *const exporters[];
const struct exporter *export_find(const char *name);
