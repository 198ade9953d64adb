/*
 * nvme.h: what an NVMe PF shares out to its VFs: queues and interrupts.
 *
 * A VF of NVMe is a secondary controller, which stays offline until it has flexible
 * resources of its primary controller (NVMe base specification 2.0 §8.26, Virtualization
 * Management). Its driver waits half a minute for one that is offline (nvme-cli #1126).
 */
#pragma once

#include "root.h"

enum nvme_resource { NVME_QUEUES, NVME_INTERRUPTS, N_NVME_RESOURCES };

/* What the config asks for each VF; queues 0: it does not ask. */
struct nvme_share {
	unsigned count[N_NVME_RESOURCES]; /* queue pairs, the one for administration
					     included; interrupt vectors */
};

struct nvme_vf {
	bool exists; /* the PF lists such a secondary controller */
	bool online;
	unsigned count[N_NVME_RESOURCES];
};

struct nvme {
	unsigned flexible[N_NVME_RESOURCES]; /* all that can be shared out */
	unsigned own[N_NVME_RESOURCES];      /* of these the PF's, since its last reset */
	unsigned most[N_NVME_RESOURCES];     /* that one VF can have */
	struct nvme_vf *vfs;                 /* by VF index, also of those not made yet */
	size_t n_vfs;
};

void nvme_done(struct nvme *nvme);

/* Identify, CNS 14h and 15h, of the PF's controller. -ENODEV: it has none. Needs root.
 * Each command has a deadline of some seconds. */
int nvme_read(const struct root *root, const char *pf, struct nvme *ret);

/*
 * Virtualization Management (opcode 1Ch): gives the PF itself (vf -1; from its next reset
 * on) or a VF so many; takes a VF online or offline. Beside negative errno -EPROTO: the
 * controller refuses; *ret_status is then its status code.
 */
int nvme_assign(const struct root *root, const char *pf, int vf,
		enum nvme_resource resource, unsigned count, unsigned *ret_status);
int nvme_set_online(const struct root *root, const char *pf, int vf, bool online,
		    unsigned *ret_status);
/* "live": it takes commands. -ENODEV: it has no controller now. */
int nvme_state(const struct root *root, const char *pf, char **ret);
