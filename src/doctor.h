/*
 * doctor.h: is this host able to do what the config asks, and if not, what to change
 * where. doctor.c judges and is pure; doctor-facts.c reads.
 */
#pragma once

#include "config.h"
#include "owners.h"
#include "system.h"

/* What only the doctor wants to know of a PF. */
struct doctor_pf {
	int function;       /* index into system.functions */
	int in_card;        /* TotalVFs of its SR-IOV capability; NONE: unknown */
	long last_bus;      /* of the bridge above it; NONE: unknown */
	uint64_t vf_memory; /* bytes that the BARs of all its VFs have; 0: none or no
			       window */
	uint64_t window; /* bytes of memory that the bridge above passes on; 0: unknown */
	bool ari_unknown; /* the attribute is missing */
	bool ari;
};

struct doctor_facts {
	struct kernel_facts kernel;
	char *release;   /* of the running kernel */
	bool kvm;        /* there is /dev/kvm */
	bool vfio_there; /* vfio-pci is loaded, built in or installed */
	bool remapping;  /* interrupts go through the IOMMU; x86 only */
	char *lockdown;  /* "[none] integrity confidentiality"; NULL: not built in */
	bool secure_boot;
	char *build_config; /* /boot/config-RELEASE; NULL: not there */
	struct doctor_pf *pfs;
	size_t n_pfs;
	bool replaced; /* a unit in /etc takes the place of ours */
};

/* Returns 0 or a negative errno. */
int doctor_facts_read(const struct root *root, const struct system *system,
		      struct doctor_facts *ret);
void doctor_facts_done(struct doctor_facts *facts);

enum finding_level { FINDING_OK, FINDING_ATTENTION, FINDING_BROKEN };

struct finding {
	enum finding_level level;
	char *text;
	char *next; /* what to do; NULL where it is ok */
};

struct findings {
	struct finding *items;
	size_t n;
};

/* Pure. */
struct findings doctor_judge(const struct config *config, const struct system *system,
			     const struct doctor_facts *facts);
void findings_done(struct findings *findings);
/* Prints them; returns the worst. */
enum finding_level findings_print(const struct findings *findings, FILE *out);
