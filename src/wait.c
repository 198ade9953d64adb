#include "wait.h"

#include "log.h"
#include "plan.h"

#include <errno.h>
#include <libudev.h>
#include <poll.h>
#include <time.h>

#define LOOK_AGAIN_MS 500
#define BURST_MS 10 /* events come in bursts: one look for all */

static void unref_udev(struct udev **udev)
{
	udev_unref(*udev);
}

static void unref_monitor(struct udev_monitor **monitor)
{
	udev_monitor_unref(*monitor);
}

static bool is_initialized(struct udev *udev, const char *subsystem, const char *name)
{
	struct udev_device *device =
		udev_device_new_from_subsystem_sysname(udev, subsystem, name);
	bool done = device && udev_device_get_is_initialized(device);

	udev_device_unref(device);
	return done;
}

static bool needs_netdev(const struct match *match)
{
	return match->interface || match->mac;
}

/* Network controllers, and InfiniBand ones of the old class, may get netdevs. */
static bool may_get_netdev(const struct function *f)
{
	return f->class >> 16 == 0x02 || f->class >> 8 == 0x0c06;
}

/* Could the rule govern it, as far as can be told while its driver and netdevs may still
 * come? A driver that it has is not going to become another one. */
static bool may_govern(const struct match *match, const struct function *f)
{
	const struct match lasting = {
		.address = match->address,
		.vendor = match->vendor,
		.device = match->device,
		.slot = match->slot,
		.serial = match->serial,
	};

	if (match->driver && f->driver && !streq(match->driver, f->driver))
		return false;
	if (needs_netdev(match) && f->n_netdevs == 0 && !may_get_netdev(f))
		return false;
	return match_agrees(&lasting, f);
}

/*
 * udevd keeps no record of a device that no rule gave a property (device_update_db()), as
 * may be in an initrd without hwdb: for those an idle udevd, which has seen all, is as
 * good.
 */
static bool is_processed(struct udev *udev, const struct function *f)
{
	struct udev_queue *queue;
	bool idle;

	if (is_initialized(udev, "pci", f->address))
		return true;
	queue = udev_queue_new(udev);
	idle = queue && udev_queue_get_udev_is_active(queue) &&
	       udev_queue_get_queue_is_empty(queue);
	udev_queue_unref(queue);
	return idle;
}

/* What is missing, for the message; NULL: the function is complete. */
static const char *incomplete(struct udev *udev, const struct function *f,
			      bool with_netdev)
{
	if (!f->driver)
		return "it has no driver yet";
	if (!is_processed(udev, f))
		return "udev has not processed it yet";
	/* a name is true only once udev has renamed it */
	for (size_t i = 0; i < f->n_netdevs; i++)
		if (!is_initialized(udev, "net", f->netdevs[i].name))
			return "udev has not named its interface yet";
	/* one on vfio-pci will never have a netdev */
	if (with_netdev && f->n_netdevs == 0 && !strstr(f->driver, "vfio"))
		return "its driver has not made an interface yet";
	return NULL;
}

static void tell(bool say, const struct function *f, const struct where *where,
		 const char *what)
{
	const struct log_subject subject = { .pci = f ? f->address : NULL,
					     .file = where->file,
					     .line = where->line };

	if (say)
		log_full(LOG_WARNING, &subject, "waited for it (%s:%d) in vain: %s",
			 where->file, where->line, what);
}

/* Is the PF awaited? The first rule that matches governs, so what comes behind it has no
 * say. */
static bool pf_is_missing(struct udev *udev, const struct config *config,
			  const struct function *pf, bool say)
{
	for (size_t i = 0; i < config->n_pfs; i++) {
		const struct pf_rule *rule = &config->pfs[i];
		const struct match *match = &rule->match;
		const char *what;

		if (!may_govern(match, pf))
			continue;
		/* one that is to get another driver need not have any */
		what = rule->pf_driver && !pf->driver ?
			       NULL :
			       incomplete(udev, pf,
					  needs_netdev(match) ||
						  pf_rule_needs_link(rule));
		if (what && rule->vfs != 0) {
			tell(say, pf, &rule->where, what);
			return true;
		}
		/* nothing in the match can change any more */
		if (!what || (!needs_netdev(match) && !match->driver)) {
			if (match_agrees(match, pf))
				return false;
		}
	}
	return false;
}

static bool pf_is_there(const struct system *system, const struct match *match)
{
	for (size_t i = 0; i < system->n_functions; i++)
		if (system->functions[i].total_vfs &&
		    match_agrees(match, &system->functions[i]))
			return true;
	return false;
}

/* A device needs no driver of its own to be bound: it is enough that it is there. */
static bool device_is_there(struct udev *udev, const struct system *system,
			    const struct match *match)
{
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];

		if (f->pf == NONE && match_agrees(match, f) &&
		    (!needs_netdev(match) || !incomplete(udev, f, true)))
			return true;
	}
	return false;
}

/* The number of functions that are still awaited; `say`: names each. */
static size_t count_missing(struct udev *udev, const struct config *config,
			    const struct system *system, bool say)
{
	size_t missing = 0;

	for (size_t i = 0; i < system->n_functions; i++)
		if (system->functions[i].total_vfs)
			missing +=
				pf_is_missing(udev, config, &system->functions[i], say);
	for (size_t i = 0; i < config->n_pfs; i++) {
		const struct pf_rule *rule = &config->pfs[i];

		if (rule->vfs == 0 || !rule->required ||
		    pf_is_there(system, &rule->match))
			continue;
		missing++;
		tell(say, NULL, &rule->where, "no such PF");
	}
	for (size_t i = 0; i < config->n_devices; i++) {
		const struct device_rule *rule = &config->devices[i];

		if (!rule->required || device_is_there(udev, system, &rule->match))
			continue;
		missing++;
		tell(say, NULL, &rule->where, "no such device");
	}
	return missing;
}

static int arm(struct udev *udev, struct udev_monitor **ret)
{
	struct udev_monitor *monitor = udev_monitor_new_from_netlink(udev, "udev");
	int r;

	if (!monitor)
		return -ENOMEM;
	r = udev_monitor_filter_add_match_subsystem_devtype(monitor, "pci", NULL);
	if (r >= 0)
		r = udev_monitor_filter_add_match_subsystem_devtype(monitor, "net", NULL);
	if (r >= 0)
		r = udev_monitor_enable_receiving(monitor);
	if (r < 0)
		udev_monitor_unref(monitor);
	else
		*ret = monitor;
	return r;
}

static int left_ms(const struct timespec *end)
{
	struct timespec now;
	long long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (end->tv_sec - now.tv_sec) * 1000LL + (end->tv_nsec - now.tv_nsec) / 1000000;
	return ms < 0 ? 0 : (int)ms;
}

/* Takes all events that are there: their content does not matter, the state is looked at
 * again. */
static void drain(struct udev_monitor *monitor)
{
	struct udev_device *device;

	while ((device = udev_monitor_receive_device(monitor)))
		udev_device_unref(device);
}

int wait_for_pfs(const struct config *config, const struct root *root, unsigned seconds)
{
	_cleanup_(unref_udev) struct udev *udev = udev_new();
	_cleanup_(unref_monitor) struct udev_monitor *monitor = NULL;
	struct timespec end;
	int r = udev ? arm(udev, &monitor) : -ENOMEM;

	if (r < 0)
		return log_error_errno(r, "cannot listen to udev");
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	for (;;) {
		_cleanup_(system_done) struct system system = {};
		struct pollfd events = { .fd = udev_monitor_get_fd(monitor),
					 .events = POLLIN };
		size_t missing;
		int left = left_ms(&end);

		r = system_glance(&system, root, config);
		if (r < 0)
			return log_error_errno(r, "cannot read the PCI devices");
		missing = count_missing(udev, config, &system, left == 0);
		if (missing == 0)
			return 0;
		if (left == 0)
			return -ETIME;
		log_status("waiting for %zu devices", missing);
		/* not all has an event: the record and the queue of udevd are looked at
		 * again */
		r = poll(&events, 1, left < LOOK_AGAIN_MS ? left : LOOK_AGAIN_MS);
		if (r < 0 && errno != EINTR)
			return log_error_errno(errno, "cannot wait for udev");
		if (r > 0)
			poll(NULL, 0, BURST_MS);
		drain(monitor);
	}
}
