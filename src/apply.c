#include "apply.h"

#include "apply-link.h"
#include "apply-nvme.h"
#include "attribute.h"
#include "child.h"
#include "failure.h"
#include "inuse.h"
#include "log.h"
#include "made.h"
#include "module.h"
#include "plan-print.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#define DEVICES "sys/bus/pci/devices"
#define DRIVERS "sys/bus/pci/drivers"

/* i40e needs 22 s for 64 VFs, mlx5 on s390 65 s for 125 (vf-mechanics §H.1) */
#define CREATE_DEADLINE 120
#define UNBIND_DEADLINE 20
#define UNBIND_AT_ONCE 128
#define REMOVE_DEADLINE 60
#define PROBE_DEADLINE 60
#define RESET_DEADLINE 90 /* nvme: admin_timeout is 60 s */
#define LINK_DEADLINE 90  /* mlx5: a firmware command may take 60 s */

#define PAUSE_MS 250
#define TELL_MS 100 /* that long nothing is told of what is quick */

/* The device directory of an action's function or VF, below the root. */
static char *device_path(const struct action *a)
{
	if (!a->function)
		return xstrdup("sys");
	return a->vf == NONE ? xasprintf(DEVICES "/%s", a->function) :
			       xasprintf(DEVICES "/%s/virtfn%d", a->function, a->vf);
}

/* The address, which for a VF is known only now that it exists. */
static int device_address(const struct root *root, const struct action *a, char **ret)
{
	if (a->vf == NONE) {
		*ret = xstrdup(a->function);
		return 0;
	}
	return root_link_name(root, ret, DEVICES "/%s/virtfn%d", a->function, a->vf);
}

static int seconds_left(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < end->tv_sec ? (int)(end->tv_sec - now.tv_sec) : 0;
}

static int write_with_deadline(const struct root *root, const char *path,
			       const char *value, int seconds)
{
	pid_t pid = child_start();

	if (pid == 0)
		child_exit(root_write(root, value, "%s", path));
	return pid < 0 ? pid : child_wait(pid, seconds);
}

/* The same for more than one write. */
static int with_deadline(const struct root *root, const struct action *a,
			 int (*act)(const struct root *root, const struct action *a),
			 int seconds)
{
	pid_t pid = child_start();

	if (pid == 0)
		child_exit(act(root, a));
	return pid < 0 ? pid : child_wait(pid, seconds);
}

static int do_load_module(const struct root *root, const struct action *a)
{
	int r;

	(void)root;
	r = module_load(a->name, a->value);
	return r < 0 ? r : 0;
}

static int do_write(const struct root *root, const struct action *a)
{
	_cleanup_(root_done) struct root device = { .fd = -1 };
	_cleanup_free_ char *path = device_path(a);
	int r = root_enter(root, &device, "%s", path);

	return r < 0 ? r : attribute_write(&device, a->name, a->value);
}

/* Negative errno when that cannot be read. */
static int count_vfs(const struct root *root, const char *pf)
{
	struct strings names = {};
	int n = root_list(root, &names, DEVICES "/%s", pf);

	for (size_t i = 0; n >= 0 && i < names.n; i++)
		n += startswith(names.items[i], "virtfn");
	strings_done(&names);
	return n;
}

/*
 * VFs can come after the write: s390 sets no_vf_scan, and they are hot-plugged one by one
 * (4 in 2 s, 125 in 65 s: sriov-network-operator #1015). The count of the driver tells
 * how many. Reading it takes the device lock, so this is for a child with a deadline.
 */
static int create_and_await(const struct root *root, const struct action *a)
{
	unsigned long made;
	int r = root_write(root, a->value, DEVICES "/%s/sriov_numvfs", a->function), n;

	if (r < 0)
		return r;
	n = count_vfs(root, a->function);
	if (n >= atoi(a->value) ||
	    root_read_unsigned(root, &made, DEVICES "/%s/sriov_numvfs", a->function) < 0)
		return 0;
	while (n >= 0 && n < (int)made) {
		poll(NULL, 0, PAUSE_MS);
		n = count_vfs(root, a->function);
	}
	return n < 0 ? n : 0;
}

/* EBUSY also says that others have made VFs meanwhile: then there is nothing to wait for.
 */
static int create_when_ready(const struct root *root, const struct action *a)
{
	int pauses = (int)a->patience * 1000 / PAUSE_MS, r;

	for (;;) {
		r = with_deadline(root, a, create_and_await, CREATE_DEADLINE);
		if ((r != -EAGAIN && r != -EBUSY) || pauses-- == 0 ||
		    count_vfs(root, a->function))
			return r;
		log_status("%s is not ready yet", a->function);
		poll(NULL, 0, PAUSE_MS);
	}
}

static void no_record(const struct action *a)
{
	const struct log_subject subject = { .pci = a->function,
					     .file = a->where.file,
					     .line = a->where.line };

	log_full(LOG_WARNING, &subject,
		 "reset will not know what is made of it: cannot write /" MADE_PATH);
}

/* sriov_numvfs_store(): the write succeeds also when the driver made fewer or none. */
static int do_create(const struct root *root, const struct action *a)
{
	struct log_subject subject = { .pci = a->function,
				       .file = a->where.file,
				       .line = a->where.line };
	unsigned asked = (unsigned)atoi(a->value);
	int have, r;

	if (made_note_vfs(root, a->function, asked, asked) < 0)
		no_record(a);
	r = create_when_ready(root, a);
	if (r == -ETIMEDOUT) /* they may come yet */
		return r;
	/* these say that others made them */
	have = r == -EBUSY || r == -EAGAIN ? 0 : count_vfs(root, a->function);
	if (have < 0) /* what was asked for stays noted */
		return r < 0 ? r : have;
	made_note_vfs(root, a->function, asked, (unsigned)have);
	if (r < 0)
		return r;
	if (have >= (int)asked)
		return 0;
	subject.kind = MESSAGE_NO_VFS;
	log_full(LOG_ERR, &subject, "the driver accepted %s VFs but made %d%s", a->value,
		 have, have ? "" : "; see the kernel log");
	return -EREMOTEIO;
}

/* mdev_device_create() waits for the parent's driver, which may wait for its firmware. */
static int do_create_mdev(const struct root *root, const struct action *a)
{
	_cleanup_free_ char *path = xasprintf(
		DEVICES "/%s/mdev_supported_types/%s/create", a->function, a->name);
	int r;

	if (made_note_mdev(root, a->function, a->value, true) < 0)
		no_record(a);
	r = write_with_deadline(root, path, a->value, PROBE_DEADLINE);
	if (r < 0 && r != -ETIMEDOUT) /* it may come yet */
		made_note_mdev(root, a->function, a->value, false);
	return r;
}

/* With a user mdev_device_remove() waits for him, vfio_unregister_group_dev(). */
static int do_remove_mdev(const struct root *root, const struct action *a)
{
	_cleanup_free_ char *device = xasprintf(DEVICES "/%s/%s", a->function, a->value);
	_cleanup_free_ char *path = xasprintf("%s/remove", device);
	int r = !a->forced && inuse_vfio(root, device) == 1 ?
			-EBUSY :
			write_with_deadline(root, path, "1", UNBIND_DEADLINE);

	return r < 0 ? r : made_note_mdev(root, a->function, a->value, false);
}

/* Is its group with VFIO? Then the kernel may be waiting for who has it open, with the
 * device lock that driver_set_override() needs. */
static bool is_on_vfio(const struct root *root, const char *path)
{
	_cleanup_free_ char *group = NULL;

	return root_link_name(root, &group, "%s/iommu_group", path) == 0 &&
	       root_exists(root, "sys/class/vfio/%s", group);
}

static int do_override(const struct root *root, const struct action *a)
{
	/* driver_override_store() cuts the newline; a line that is empty clears it */
	_cleanup_free_ char *path = device_path(a), *line = xasprintf("%s\n", a->value);
	_cleanup_free_ char *file = xasprintf("%s/driver_override", path);
	int r = is_on_vfio(root, path) ?
			write_with_deadline(root, file, line, UNBIND_DEADLINE) :
			root_write(root, line, "%s", file);

	return r < 0 || *a->value ? r : made_note_driver(root, a->function, NULL, NULL);
}

/* The VF is asked once more, as close to the write as can be. */
static int check_unused(const struct root *root, const struct action *a)
{
	_cleanup_free_ char *device = device_path(a);

	return a->disruptive && !a->forced && inuse_vfio(root, device) == 1 ? -EBUSY : 0;
}

static int write_unbind(const struct root *root, const struct action *a)
{
	_cleanup_free_ char *address = NULL;
	int r = device_address(root, a, &address);

	return r < 0 ? r : root_write(root, address, DRIVERS "/%s/unbind", a->name);
}

static int unbind(const struct root *root, const struct action *a)
{
	int r = check_unused(root, a);

	return r < 0 ? r : write_unbind(root, a);
}

static int do_unbind(const struct root *root, const struct action *a)
{
	return with_deadline(root, a, unbind, UNBIND_DEADLINE);
}

/* 0 when none of its VFs has a driver, -EBUSY when one has. */
static int check_no_driver(const struct root *root, const char *pf)
{
	int n = count_vfs(root, pf);

	for (int i = 0; i < n; i++)
		if (root_exists(root, DEVICES "/%s/virtfn%d/driver", pf, i))
			return -EBUSY;
	return n < 0 ? n : 0;
}

/*
 * With a VF that has a driver the write would unbind it, and if somebody has it open wait
 * for him with locks that all other PFs need: pci_iov_remove_virtfn().
 */
static int do_remove(const struct root *root, const struct action *a)
{
	_cleanup_free_ char *path = xasprintf(DEVICES "/%s/sriov_numvfs", a->function);
	int r = check_no_driver(root, a->function);

	if (r == 0)
		r = write_with_deadline(root, path, "0", REMOVE_DEADLINE);
	if (r == 0 && count_vfs(root, a->function) != 0)
		r = -EIO;
	return r < 0 ? r : made_note_vfs(root, a->function, 0, 0);
}

/* vfio drivers only take note of the device, vfio_pci_core_register_device(); any other
 * talks to the hardware, which can hang. */
static bool only_takes_note(const char *driver)
{
	return strstr(driver, "vfio");
}

/*
 * Through bind, not drivers_probe: that one returns success also when nothing was bound.
 * A child for each of hundreds of VFs would be felt.
 */
static int do_bind(const struct root *root, const struct action *a)
{
	_cleanup_free_ char *address = NULL, *bound = NULL, *path = device_path(a),
			    *bind = xasprintf(DRIVERS "/%s/bind", a->name);
	int r = device_address(root, a, &address);

	if (r < 0)
		return r;
	r = only_takes_note(a->name) ?
		    root_write(root, address, "%s", bind) :
		    write_with_deadline(root, bind, address, PROBE_DEADLINE);
	/* EBUSY: bound already; by whom? The kernel may have been faster, with our
	 * override. */
	if (r == -EBUSY && root_link_name(root, &bound, "%s/driver", path) == 0 &&
	    streq(bound, a->name))
		return 0;
	return r;
}

static int do_probe(const struct root *root, const struct action *a)
{
	_cleanup_free_ char *address = NULL;
	int r = device_address(root, a, &address);

	return r < 0 ? r :
		       write_with_deadline(root, "sys/bus/pci/drivers_probe", address,
					   PROBE_DEADLINE);
}

static void tell_refusals(const struct action *a, int fd)
{
	const struct log_subject subject = { .pci = a->function,
					     .kind = MESSAGE_NOT_SET,
					     .file = a->where.file,
					     .line = a->where.line };
	_cleanup_fclose_ FILE *in = fdopen(fd, "r");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (in && getline(&line, &size, in) > 0)
		log_full(LOG_ERR, &subject, "%s", strip_end(line));
}

/* rtnetlink works inside our own sendmsg(), which waits for driver and firmware. */
static int do_by_child(const struct root *root, const struct action *a,
		       int (*act)(const struct root *root, const struct action *a,
				  struct strings *refusals))
{
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	pid = child_start();
	if (pid == 0) {
		struct strings refusals = {};

		r = act(root, a, &refusals);
		for (size_t i = 0; i < refusals.n; i++)
			dprintf(fds[1], "%s\n", refusals.items[i]);
		_exit(-r);
	}
	r = pid < 0 ? pid : child_wait(pid, LINK_DEADLINE);
	close(fds[1]);
	tell_refusals(a, fds[0]); /* a pipe's 64 KiB hold them all */
	return r;
}

static int do_set_eswitch(const struct root *root, const struct action *a)
{
	return do_by_child(root, a, apply_set_eswitch);
}

static int do_set_link(const struct root *root, const struct action *a)
{
	return do_by_child(root, a, apply_set_link);
}

static int do_set_vf(const struct root *root, const struct action *a)
{
	return do_by_child(root, a, apply_set_vf);
}

static int do_set_nvme(const struct root *root, const struct action *a)
{
	return do_by_child(root, a, apply_set_nvme);
}

static int do_reset(const struct root *root, const struct action *a)
{
	return with_deadline(root, a, apply_reset, RESET_DEADLINE);
}

static int (*const verbs[N_VERBS])(const struct root *root, const struct action *a) = {
	[LOAD_MODULE] = do_load_module,
	[WRITE] = do_write,
	[REMOVE_VFS] = do_remove,
	[CREATE_VFS] = do_create,
	[CREATE_MDEV] = do_create_mdev,
	[REMOVE_MDEV] = do_remove_mdev,
	[OVERRIDE] = do_override,
	[UNBIND] = do_unbind,
	[BIND] = do_bind,
	[PROBE] = do_probe,
	[SET_ESWITCH] = do_set_eswitch,
	[SET_LINK] = do_set_link,
	[SET_VF] = do_set_vf,
	[SET_NVME] = do_set_nvme,
	[RESET] = do_reset,
};

/* Does the failure of `before` make `a` pointless? Not where a VF came all the same. */
static bool depends(const struct root *root, const struct action *a,
		    const struct action *before, int error)
{
	if (before->verb == LOAD_MODULE)
		return a->verb == BIND && streq(a->name, before->name);
	if (!streq(a->function, before->function))
		return false;
	if (a->verb == REMOVE_VFS) /* never while one of them would not go */
		return true;
	if (error == -EREMOTEIO && (a->vf != NONE || before->verb == CREATE_VFS))
		return a->vf != NONE &&
		       !root_exists(root, DEVICES "/%s/virtfn%d", a->function, a->vf);
	return before->vf == NONE || before->vf == a->vf;
}

/* One line for a run of equal actions on the VFs of one PF: "bound VFs 0-6 to vfio-pci".
 */
static void log_group(const struct plan *plan, size_t first, size_t last)
{
	const struct action *a = &plan->actions[first], *b = &plan->actions[last];
	const struct log_subject subject = { .pci = a->function,
					     .file = a->where.file,
					     .line = a->where.line };
	_cleanup_free_ char *text = action_text(a, true);

	if (first == last)
		log_full(LOG_INFO, &subject, "%s", text);
	else
		log_full(LOG_INFO, &subject, "%s, and so on up to VF %d", text, b->vf);
}

static bool same_group(const struct action *a, const struct action *b)
{
	return a->verb == b->verb && a->vf != NONE && b->vf == a->vf + 1 &&
	       streq(a->function, b->function) && streq(a->name, b->name) &&
	       vf_values_alike(&a->values, &b->values);
}

static void log_done(const struct plan *plan, const bool *done)
{
	for (size_t i = 0; i < plan->n_actions; i++) {
		size_t first = i;

		if (!done[i] || plan->actions[i].verb == OVERRIDE ||
		    plan->actions[i].verb == WRITE)
			continue;
		while (i + 1 < plan->n_actions && done[i + 1] &&
		       same_group(&plan->actions[i], &plan->actions[i + 1]))
			i++;
		log_group(plan, first, i);
	}
}

/* One plan being done. */
struct work {
	const struct plan *plan;
	const struct root *root;
	int *errors; /* by action; -ECANCELED: not tried */
	bool *done;
	int first_error;
	const char *gone; /* the function that was last said to have vanished */
	long long told;   /* now_ms() when the status was last set */
};

static bool is_gone(const struct root *root, const struct action *a)
{
	_cleanup_free_ char *path = device_path(a);

	return a->function && !root_exists(root, "%s", path);
}

/* Puts back what this run has not changed: the action that did was not tried, or failed
 * to take a driver away. */
static bool is_needless(const struct work *w, size_t index)
{
	const struct action *a = &w->plan->actions[index];

	for (size_t i = index; a->always && i-- > 0;) {
		const struct action *b = &w->plan->actions[i];

		if (!streq(a->function, b->function) || a->vf != b->vf ||
		    !streq(a->name, b->name))
			continue;
		if (b->verb == a->verb)
			return w->errors[i] == -ECANCELED;
		if (b->verb == UNBIND)
			return w->errors[i] < 0 && w->errors[i] != -ETIMEDOUT;
	}
	return false;
}

static bool blocked(const struct work *w, size_t index)
{
	const struct action *a = &w->plan->actions[index];

	if (is_needless(w, index) || (streq(w->gone, a->function) && is_gone(w->root, a)))
		return true;
	if (!w->first_error)
		return false;
	for (size_t i = 0; i < index && !a->always; i++)
		if (w->errors[i] < 0 &&
		    depends(w->root, a, &w->plan->actions[i], w->errors[i]))
			return true;
	return false;
}

/* Whatever the errno, one line for all that is left to do with it. */
static void report_gone(struct work *w, const struct action *a)
{
	const struct log_subject subject = { .pci = a->function,
					     .kind = MESSAGE_NO_VFS,
					     .file = a->where.file,
					     .line = a->where.line };

	if (streq(w->gone, a->function))
		return;
	w->gone = a->function;
	if (root_exists(w->root, DEVICES "/%s", a->function))
		log_full(LOG_ERR, &subject,
			 "the VFs of %s have vanished: was its driver unloaded?",
			 a->function);
	else
		log_full(LOG_ERR, &subject,
			 "%s has vanished; its unit sets it up when it is back",
			 a->function);
}

static void finish(struct work *w, size_t i, int error)
{
	w->errors[i] = error;
	w->done[i] = error >= 0;
	if (error >= 0 || error == -ECANCELED)
		return;
	if (is_gone(w->root, &w->plan->actions[i]))
		report_gone(w, &w->plan->actions[i]);
	else
		failure_report(&w->plan->actions[i], error);
	w->first_error = w->first_error ? w->first_error : error;
}

/* The unbinding of several VFs of one PF to change its count; what follows `first`. */
static size_t unbind_group(const struct plan *plan, size_t first)
{
	const struct action *a = &plan->actions[first];
	size_t end = first;

	while (end < plan->n_actions && plan->actions[end].verb == UNBIND &&
	       plan->actions[end].disruptive && plan->actions[end].vf != NONE &&
	       streq(plan->actions[end].function, a->function))
		end++;
	return end;
}

struct unbinding {
	const struct root *root;
	const struct action *action;
	volatile int result; /* -ECANCELED: not tried */
};

static void *unbind_thread(void *data)
{
	struct unbinding *u = data;

	u->result = write_unbind(u->root, u->action);
	return NULL;
}

/*
 * Threads, because a process for each costs more than the kernel's own work; in a child,
 * because a process one of whose threads the kernel holds never ends. A VF is asked by
 * one thread only: asking opens its group, which others may be in.
 */
static int unbind_in_child(struct unbinding *all, size_t n)
{
	pthread_t threads[UNBIND_AT_ONCE];
	pid_t pid = child_start();
	size_t begun = 0;
	int r = 0;

	if (pid != 0)
		return pid < 0 ? pid : child_wait(pid, UNBIND_DEADLINE);
	for (; begun < n; begun++) {
		struct unbinding *u = &all[begun];

		r = check_unused(u->root, u->action);
		u->result = -ETIMEDOUT; /* until it has ended */
		if (r == 0)
			r = -pthread_create(&threads[begun], NULL, unbind_thread, u);
		if (r < 0) {
			u->result = r;
			break;
		}
	}
	for (size_t i = 0; i < begun; i++) {
		pthread_join(threads[i], NULL);
		r = r < 0 ? r : all[i].result;
	}
	_exit(r < 0);
}

/*
 * All at once, because most of the time each only waits for the kernel's grace periods
 * (vf-mechanics §F: 64 VFs 24 times faster). After a failure no more are begun.
 */
static void unbind_together(struct work *w, size_t first, size_t end)
{
	const size_t size = UNBIND_AT_ONCE * sizeof(struct unbinding);
	struct unbinding *all = mmap(NULL, size, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r = 0; /* of the child */

	if (all == MAP_FAILED)
		abort(); /* as any allocation */
	for (size_t i = first, n; i < end; i += n) {
		n = end - i < UNBIND_AT_ONCE ? end - i : UNBIND_AT_ONCE;
		for (size_t j = 0; j < n; j++)
			all[j] = (struct unbinding){ w->root, &w->plan->actions[i + j],
						     -ECANCELED };
		if (r == 0 && (r = unbind_in_child(all, n)) < 0 &&
		    all[0].result == -ECANCELED)
			all[0].result = r; /* there is no child */
		for (size_t j = 0; j < n; j++)
			finish(w, i + j, all[j].result);
	}
	munmap(all, size);
}

/* The count does not change after all: VFs that were unbound for it go back. */
static void bind_back(struct work *w, size_t failed)
{
	const char *pf = w->plan->actions[failed].function;

	for (size_t i = 0; i < failed; i++) {
		const struct action *a = &w->plan->actions[i];

		if (a->verb != UNBIND || !a->disruptive || !w->done[i] ||
		    !streq(a->function, pf))
			continue;
		w->done[i] = false;
		if (do_bind(w->root, a) < 0)
			log_warning("%s VF %d is left without its driver %s", pf, a->vf,
				    a->name);
	}
}

/* A failed run leaves no PF without VFs that had some: as many as before, for the next
 * look to bind. Autoprobe is as it was by now. */
static void create_again(struct work *w)
{
	for (size_t i = 0; i < w->plan->n_actions; i++) {
		const struct action *a = &w->plan->actions[i];
		struct action before = *a;

		for (size_t j = i + 1;
		     a->verb == REMOVE_VFS && w->done[i] && j < w->plan->n_actions; j++) {
			const struct action *b = &w->plan->actions[j];

			if (b->verb != CREATE_VFS || w->errors[j] >= 0 ||
			    !streq(a->function, b->function) ||
			    count_vfs(w->root, a->function))
				continue;
			before.verb = CREATE_VFS;
			if (do_create(w->root, &before) == 0)
				log_warning("%s has its %s VFs again", a->function,
					    a->value);
			else
				log_error_kind(MESSAGE_NO_VFS, 0,
					       "%s is left without VFs", a->function);
		}
	}
}

/* The action of this verb before that one, of the same VF or device; NULL: none. The
 * actions of a PF stand together. */
static const struct action *action_before(const struct plan *plan, enum verb verb,
					  size_t index)
{
	const struct action *a = &plan->actions[index];

	for (const struct action *b = a;
	     b > plan->actions && streq(b[-1].function, a->function);)
		if ((--b)->verb == verb && b->vf == a->vf)
			return b;
	return NULL;
}

/*
 * A driver that is given to what others had made; VFs of our own go as a whole. Noted
 * `ahead`, so that a run that is killed leaves nothing that nobody knows of; afterwards
 * the notes of what was not tried are taken back.
 */
static void note_drivers(const struct work *w, bool ahead)
{
	const struct plan *plan = w->plan;
	_cleanup_(made_done) struct made made = made_read(w->root);
	const char *created = NULL;

	for (size_t i = 0; i < plan->n_actions; i++) {
		const struct action *a = &plan->actions[i];
		const struct action *reserved, *unbound;
		_cleanup_free_ char *address = NULL;

		if (a->verb == CREATE_VFS)
			created = a->function;
		if (a->verb != BIND || a->when != NOW ||
		    (a->vf != NONE &&
		     (streq(created, a->function) || made_vfs(&made, a->function))) ||
		    device_address(w->root, a, &address) < 0)
			continue;
		reserved = action_before(plan, OVERRIDE, i);
		if (!reserved || !*reserved->value)
			continue;
		unbound = action_before(plan, UNBIND, i);
		if (!ahead && !w->done[reserved - plan->actions])
			made_note_driver(w->root, address, NULL, NULL);
		else if (ahead && (!unbound || !streq(unbound->name, a->name)))
			made_note_driver(w->root, address, a->name,
					 unbound ? unbound->name : NULL);
	}
}

static bool is_quick(const struct action *a)
{
	return a->verb == WRITE || a->verb == OVERRIDE ||
	       (a->verb == BIND && only_takes_note(a->name));
}

/* "12 of 40: bind 0000:01:00.0 VF 3 to vfio-pci". Each status is work for PID 1, which
 * for hundreds of VFs would be felt. */
static void tell(struct work *w, size_t i)
{
	const struct action *a = &w->plan->actions[i];
	_cleanup_free_ char *text = NULL;
	long long now = now_ms();

	if (is_quick(a) && now - w->told < TELL_MS)
		return;
	w->told = now;
	text = action_text(a, false);
	log_status("%zu of %zu: %s", i + 1, w->plan->n_actions, text);
}

int plan_apply(const struct plan *plan, const struct root *root,
	       const struct timespec *end, unsigned *ret_done)
{
	_cleanup_free_ int *errors = xcalloc(plan->n_actions, sizeof(int));
	_cleanup_free_ bool *done = xcalloc(plan->n_actions, sizeof(bool));
	struct work w = { .plan = plan, .root = root, .errors = errors, .done = done };
	size_t next, late = 0;

	note_drivers(&w, true);
	for (size_t i = 0; i < plan->n_actions; i = next) {
		const struct action *a = &plan->actions[i];
		size_t group = unbind_group(plan, i);

		next = i + 1;
		if (a->when != NOW)
			continue;
		if (blocked(&w, i)) {
			if (a->verb == REMOVE_VFS)
				bind_back(&w, i);
			finish(&w, i, -ECANCELED);
		} else if (!a->always && seconds_left(end) == 0) {
			finish(&w, i, -ECANCELED);
			late++;
		} else if (group > i + 1) {
			tell(&w, i);
			unbind_together(&w, i, group);
			next = group;
		} else {
			tell(&w, i);
			finish(&w, i, verbs[a->verb](root, a));
			if (a->verb == REMOVE_VFS && !done[i] && errors[i] != -ETIMEDOUT)
				bind_back(&w, i);
		}
	}
	if (w.first_error)
		create_again(&w);
	if (late)
		w.first_error = log_error_kind(
			MESSAGE_UNFINISHED, ETIME,
			"%zu actions were not tried: the run took too long", late);
	note_drivers(&w, false);
	*ret_done = 0;
	for (size_t i = 0; i < plan->n_actions; i++)
		*ret_done += done[i];
	log_done(plan, done);
	return w.first_error;
}
