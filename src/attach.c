#include "attach.h"

#include "ledger.h"
#include "log.h"
#include "qmp.h"

#include <ctype.h>
#include <errno.h>
#include <time.h>

#define PERIPHERAL "/machine/peripheral" /* what has an ID */

/* What is wrong is in the text; returns `error`. */
static int log_vf(const char *address, int error, const char *text)
{
	log_full(LOG_ERR, &(struct log_subject){ .pci = address }, "%s", text);
	return error;
}

static int log_qmp(const char *address, int error, const char *socket,
		   const struct qmp *qmp)
{
	log_full(LOG_ERR, &(struct log_subject){ .pci = address }, "QEMU at %s: %s",
		 socket, qmp->fault);
	return error;
}

/* "vf-0000-01-10-0", as export qemu names it */
static char *device_id(const char *address)
{
	char *id = xasprintf("vf-%s", address);

	for (char *c = id; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '-';
	return id;
}

/* Opens the ledger and finds the claim. */
static int open_claim(struct ledger *ledger, const struct root *root, const char *address,
		      struct claim **ret)
{
	int r = ledger_open(ledger, root);

	if (r < 0)
		return log_error_errno(r, "cannot use the ledger in /" LEDGER_DIR);
	*ret = ledger_find(ledger, address);
	return *ret ? 0 :
		      log_vf(address, -ENOENT,
			     "nobody has claimed it; see sriov-setup claims");
}

static int write_ledger(const struct ledger *ledger, const struct root *root)
{
	int r = ledger_write(ledger, root);

	return r < 0 ? log_error_errno(r, "cannot write the ledger in /" LEDGER_DIR) : 0;
}

static int note(const struct root *root, const char *address, enum claim_state state,
		pid_t qemu)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };
	struct claim *claim;
	int r = open_claim(&ledger, root, address, &claim);

	if (r < 0)
		return r;
	claim->state = state;
	claim->qemu = (struct life){};
	if (qemu > 0)
		life_read(&claim->qemu, root, (unsigned long)qemu);
	return write_ledger(&ledger, root);
}

/* What the ledger says it was is of no interest where the kernel says that it is free;
 * but for another attach that has not come to an end. */
static int begin_attach(const struct root *root, const char *address, const char *socket)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };
	struct claim *claim;
	int r = open_claim(&ledger, root, address, &claim);

	if (r < 0)
		return r;
	if (claim->state == CLAIM_ATTACHING && !life_has_ended(&claim->qemu, root))
		return log_vf(address, -EALREADY, "another attach is at it");
	r = vf_probe(root, address);
	if (r == -EBUSY)
		return log_vf(address, r, "a VM has it already");
	if (r < 0)
		return log_full(LOG_ERR,
				&(struct log_subject){ .pci = address, .error = r },
				"it cannot be given to a VM");
	claim->state = CLAIM_ATTACHING;
	life_read(&claim->qemu, root, (unsigned long)getpid());
	free(claim->qmp);
	claim->qmp = xstrdup(socket);
	return write_ledger(&ledger, root);
}

static struct document *path_argument(const char *path)
{
	struct document *arguments = document_new(DOCUMENT_MAP);

	document_put_string(arguments, "path", path);
	return arguments;
}

/* A bus has a link child[N] for each device on it, bus_add_child(); what the guest has
 * made of its bus numbers does not matter here, as it would for query-pci. */
static bool port_is_free(struct qmp *qmp, const char *port)
{
	_cleanup_free_ char *path = xasprintf(PERIPHERAL "/%s/%s", port, port);
	_cleanup_(document_free) struct document *list = NULL;

	if (qmp_run(qmp, "qom-list", path_argument(path), &list) < 0)
		return false;
	for (size_t i = 0; i < list->n; i++) {
		const char *name = document_text(list->items[i], "name");

		if (name && startswith(name, "child["))
			return false;
	}
	return true;
}

static int plug_into(struct qmp *qmp, const char *address, const char *port)
{
	struct document *arguments = document_new(DOCUMENT_MAP);

	document_put_string(arguments, "driver", "vfio-pci");
	document_put_string(arguments, "id", qmp->device);
	document_put_string(arguments, "host", address);
	document_put_string(arguments, "bus", port);
	return qmp_run(qmp, "device_add", arguments, NULL);
}

/* A port that takes nothing (hotplug=off, taken meanwhile) is no reason to give up. */
static bool is_the_ports_fault(const struct qmp *qmp)
{
	return strstr(qmp->fault, "hotplug") || strstr(qmp->fault, "slot 0");
}

static int plug(struct qmp *qmp, const char *address, const char *socket)
{
	_cleanup_(document_free) struct document *list = NULL;
	bool tried = false;
	int r = qmp_run(qmp, "qom-list", path_argument(PERIPHERAL), &list);

	if (r < 0)
		return log_qmp(address, r, socket, qmp);
	for (size_t i = 0; i < list->n; i++) {
		const char *name = document_text(list->items[i], "name");

		if (!name ||
		    !streq(document_text(list->items[i], "type"),
			   "child<pcie-root-port>") ||
		    !port_is_free(qmp, name))
			continue;
		tried = true;
		r = plug_into(qmp, address, name);
		if (r != -EREMOTEIO || !is_the_ports_fault(qmp))
			return r < 0 ? log_qmp(address, r, socket, qmp) : 0;
	}
	if (tried)
		return log_qmp(address, r, socket, qmp);
	return log_vf(address, -ENOSPC,
		      "the VM has no free pcie-root-port with an ID: give QEMU one for "
		      "each VF, -device pcie-root-port,id=hp0,chassis=1");
}

/* A BAR has an address while the guest decodes memory: pci_update_mappings(); before it
 * is PCI_BAR_UNMAPPED, all ones. */
static bool is_mapped(const struct document *device)
{
	const struct document *regions =
		document_at(device, (const char *const[]){ "regions", NULL });

	for (size_t i = 0; regions && i < regions->n; i++) {
		const struct document *address = document_at(
			regions->items[i], (const char *const[]){ "address", NULL });

		if (address && address->text && !streq(address->text, "-1") &&
		    !streq(address->text, "18446744073709551615"))
			return true;
	}
	return false;
}

/* Anywhere in what query-pci returned: the device has its ID there, on whatever bus. */
static bool is_on(const struct document *document, const char *id)
{
	if (streq(document_text(document, "qdev_id"), id))
		return is_mapped(document);
	for (size_t i = 0; i < document->n; i++)
		if (is_on(document->items[i], id))
			return true;
	return false;
}

/* -ETIMEDOUT: it did not. */
static int wait_for_guest(struct qmp *qmp)
{
	for (;;) {
		_cleanup_(document_free) struct document *buses = NULL;
		int r = qmp_run(qmp, "query-pci", NULL, &buses);

		if (r < 0)
			return r;
		if (is_on(buses, qmp->device))
			return 0;
		if (qmp_time_left(qmp) == 0)
			return -ETIMEDOUT;
		r = qmp_listen(qmp, 250);
		if (r < 0)
			return r;
	}
}

int attach(const struct root *root, const char *address, const char *socket,
	   unsigned seconds)
{
	_cleanup_free_ char *id = device_id(address);
	_cleanup_(qmp_done) struct qmp qmp = { .fd = -1 };
	int r;

	if (begin_attach(root, address, socket) < 0)
		return 1;
	r = qmp_open(&qmp, socket, id, seconds);
	r = r < 0 ? log_qmp(address, r, socket, &qmp) : plug(&qmp, address, socket);
	if (r < 0) {
		/* half-dead, it may have taken the VF and not said so */
		if (vf_probe(root, address) == 0)
			note(root, address, CLAIM_CLAIMED, 0);
		return 1;
	}
	if (note(root, address, CLAIM_ATTACHED, qmp.pid) < 0)
		return 1;
	r = wait_for_guest(&qmp);
	if (r == 0) {
		log_info("%s: attached as %s, and the guest uses it", address, id);
		return 0;
	}
	log_warning("%s: attached as %s, but no driver in the guest took it in %u s%s%s",
		    address, id, seconds, r == -ETIMEDOUT ? "" : ": ",
		    r == -ETIMEDOUT ? "" : qmp.fault);
	return 3;
}

/* The socket to ask, for the caller to free. */
static int begin_detach(const struct root *root, const char *address, const char *socket,
			char **ret)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };
	struct claim *claim;
	int r = open_claim(&ledger, root, address, &claim);

	if (r < 0)
		return r;
	if (!socket && (claim->state == CLAIM_CLAIMED || !claim->qmp))
		return log_vf(address, -EINVAL,
			      "it was not attached; sriov-setup release gives it back");
	claim->state = CLAIM_DETACHING;
	*ret = xstrdup(socket ? socket : claim->qmp);
	return write_ledger(&ledger, root);
}

/*
 * device_del only presses the attention button; a guest that is busy with the slot does
 * not see it, so it is pressed again, but for the five seconds that the guest waits for
 * a second press, which cancels (PCIe 6.7.1.5, pciehp's blinking state). While one is
 * under way QEMU refuses another by itself.
 */
static int unplug(struct qmp *qmp)
{
	for (;;) {
		struct document *arguments = document_new(DOCUMENT_MAP);
		int r;

		document_put_string(arguments, "id", qmp->device);
		r = qmp_run(qmp, "device_del", arguments, NULL);
		if (r == -ENODEV)
			return 0;
		if (r < 0 && r != -EREMOTEIO)
			return r;
		r = qmp_listen(qmp, 7000);
		if (r < 0 || qmp->deleted)
			return r;
		if (qmp->refused || qmp_time_left(qmp) == 0)
			return qmp->refused ? -EREMOTEIO : -ETIMEDOUT;
	}
}

/* QEMU closes the group some time after it has said that the device is gone. */
static int wait_until_free(const struct root *root, const char *address,
			   const struct qmp *qmp)
{
	int r;

	while ((r = vf_probe(root, address)) == -EBUSY && qmp_time_left(qmp))
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	return r == -EBUSY ? r : 0;
}

static int end_claim(const struct root *root, const char *address)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };
	struct claim *claim;
	int r = open_claim(&ledger, root, address, &claim);

	if (r < 0)
		return r;
	ledger_remove(&ledger, claim);
	return write_ledger(&ledger, root);
}

int detach(const struct root *root, const char *address, const char *socket,
	   unsigned seconds)
{
	_cleanup_free_ char *id = device_id(address), *where = NULL;
	_cleanup_(qmp_done) struct qmp qmp = { .fd = -1 };
	int r;

	if (begin_detach(root, address, socket, &where) < 0)
		return 1;
	r = qmp_open(&qmp, where, id, seconds);
	if (r == 0)
		r = unplug(&qmp);
	if (r == -EREMOTEIO)
		log_vf(address, 0,
		       "the guest does not let go of it; detach may be tried again");
	else if (r == -ETIMEDOUT && qmp.pid)
		log_vf(address, r,
		       "the guest has not let go of it; detach may be tried again");
	else if (r < 0 && vf_probe(root, address) == -EBUSY)
		log_qmp(address, r, where, &qmp);
	else /* a QEMU that is gone has given it back */
		r = 0;
	if (r == 0 && wait_until_free(root, address, &qmp) < 0)
		r = log_vf(address, -EBUSY,
			   "its device is gone from the VM, but somebody has it open");
	if (r < 0 || end_claim(root, address) < 0)
		return 1;
	log_info("%s: detached and released", address);
	return 0;
}
