/*
 * An administrator changes the count of VFs or takes all back: what is used stays and is
 * named, and what goes wrong on the way leaves no PF without its VFs.
 */
#include "promise.h"

#include "ledger.h"
#include "made.h"
#include "run.h"

#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define PF "0000:01:00.0"
#define VF(n) "0000:01:10." #n /* of VF 0 to 3: 0, 2, 4, 6 */

struct scene {
	struct host host;
	struct config config;
	struct trial trial;
};

static void load(struct scene *s, const char *rules)
{
	if (root_replace(&s->host.root, rules, 0644, CONFIG_PATH) < 0)
		abort();
	config_done(&s->config);
	s->config = (struct config){};
	if (config_load(&s->config, &s->host.root, NULL) < 0)
		abort();
}

static void load_count(struct scene *s, unsigned vfs)
{
	_cleanup_free_ char *rules =
		xasprintf("pf = ( { match = { address = \"" PF "\"; }; vfs = %u; } );\n"
			  "export = { kubevirt = false; };\n",
			  vfs);

	load(s, rules);
}

/* With four VFs of ours on vfio-pci. */
static void open_scene(struct scene *s)
{
	_cleanup_free_ char *path = machine_path("igb.machine");

	*s = (struct scene){};
	host_start(&s->host, path, NULL);
	s->host.by_hand = true;
	load_count(s, 4);
	trial_run(&s->trial, &s->host, &s->config, NULL);
	if (s->trial.status != 0)
		printf("# %s\n", s->trial.said);
}

static void close_scene(struct scene *s)
{
	trial_done(&s->trial);
	config_done(&s->config);
	host_stop(&s->host);
}

static void control(struct scene *s, const char *line)
{
	if (host_control(&s->host, line) < 0)
		abort();
}

static void run(struct scene *s)
{
	trial_done(&s->trial);
	trial_run(&s->trial, &s->host, &s->config, NULL);
}

/* Which line of the audit has it; -1: none. */
static long find_write(const struct scene *s, const char *part)
{
	for (size_t i = 0; i < s->trial.audit.n; i++)
		if (strstr(s->trial.audit.items[i], part))
			return (long)i;
	return -1;
}

static unsigned on_vfio(const struct scene *s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->trial.after.n; i++) {
		const struct view *v = &s->trial.after.items[i];

		n += streq(v->pf, PF) && streq(v->driver, "vfio-pci");
	}
	return n;
}

static unsigned vfs(const struct scene *s)
{
	return views_find(&s->trial.after, PF)->vfs;
}

static void says(const struct scene *s, const char *part, const char *what)
{
	if (!ok(strstr(s->trial.said, part) != NULL, "%s", what))
		tap_show("said", s->trial.said);
}

static void test_counts(void)
{
	static const unsigned counts[] = { 6, 2, 0, 3 };
	struct scene s;

	open_scene(&s);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		load_count(&s, counts[i]);
		run(&s);
		if (!ok(s.trial.status == 0 && vfs(&s) == counts[i] &&
				on_vfio(&s) == counts[i],
			"to %u VFs", counts[i]))
			tap_show("said", s.trial.said);
		if (i == 0)
			ok(find_write(&s, "unbind " VF(6)) >= 0 &&
				   find_write(&s, "unbind " VF(6)) <
					   find_write(&s, "/sriov_numvfs 0"),
			   "each was unbound before the count went to 0");
	}
	run(&s);
	is_int((long)s.trial.audit.n, 0, "a second run writes nothing");
	close_scene(&s);
}

/* Opens VF 2 as a VM does; and as /proc shows a process that has it. */
static int hold(struct scene *s)
{
	_cleanup_free_ char *group = NULL, *link = NULL, *fd = NULL;
	int held;

	if (root_link_name(&s->host.root, &group,
			   "sys/bus/pci/devices/" VF(4) "/iommu_group") < 0 ||
	    root_replace(&s->host.root, "qemu-system-x86\n", 0644, "proc/412/comm") < 0 ||
	    root_replace(&s->host.root, "", 0644, "proc/412/fd/0") < 0)
		abort();
	held = root_openat(&s->host.root, O_RDWR, "dev/vfio/%s", group);
	link = xasprintf("/dev/vfio/%s", group);
	fd = xasprintf("%s/proc/412/fd/7", s->host.path);
	if (held < 0 || symlink(link, fd) < 0)
		abort();
	return held;
}

static int reset_of(struct scene *s, const char *address, char **ret_said)
{
	int r;

	capture_start();
	r = run_reset(&s->config, &s->host.root, address);
	*ret_said = capture_end();
	return r;
}

static int reset(struct scene *s, char **ret_said)
{
	return reset_of(s, PF, ret_said);
}

static void test_held(void)
{
	static const unsigned counts[] = { 6, 2, 0 };
	_cleanup_free_ char *said = NULL;
	struct scene s;
	int held;

	open_scene(&s);
	held = hold(&s);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		load_count(&s, counts[i]);
		run(&s);
		ok(s.trial.status == 1 && s.trial.audit.n == 0,
		   "a VM has one: nothing is written for %u", counts[i]);
		says(&s,
		     "they stay: VF 2 (" VF(4) ") is in use: qemu-system-x86 (process "
					       "412) has it open in VFIO",
		     "who has it is named");
	}
	is_int(reset(&s, &said), -EBUSY, "reset takes nothing either");
	ok(strstr(said, "qemu-system-x86 (process 412)") != NULL, "and names it");
	close(held);
	load_count(&s, 6);
	run(&s);
	ok(s.trial.status == 0 && on_vfio(&s) == 6, "when it is let go, the count grows");
	close_scene(&s);
}

/* Promised, but not opened yet. */
static void claim(struct scene *s, bool take)
{
	_cleanup_(ledger_done) struct ledger ledger = { .lock = -1 };

	if (ledger_open(&ledger, &s->host.root) < 0)
		abort();
	if (take)
		*ledger_add(&ledger) = (struct claim){ .address = xstrdup(VF(4)),
						       .resource = xstrdup("a.b/c"),
						       .owner = xstrdup("vm-a") };
	else
		ledger_remove(&ledger, ledger_find(&ledger, VF(4)));
	if (ledger_write(&ledger, &s->host.root) < 0)
		abort();
}

static void test_claimed(void)
{
	static const char part[] = "VF 2 (" VF(4) ") is in use: claimed by vm-a";
	static const unsigned counts[] = { 6, 2, 0 };
	_cleanup_free_ char *said = NULL;
	struct scene s;

	open_scene(&s);
	claim(&s, true);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		load_count(&s, counts[i]);
		run(&s);
		ok(s.trial.status == 1 && s.trial.audit.n == 0,
		   "one is claimed: nothing is written for %u", counts[i]);
		says(&s, part, "the claim is named");
	}
	is_int(reset(&s, &said), -EBUSY, "reset takes nothing either");
	ok(strstr(said, part) != NULL, "and names it");
	load(&s, "pf = ( { match = { address = \"" PF "\"; }; vfs = 4; driver = "
		 "\"none\"; } );");
	run(&s);
	is_int(on_vfio(&s), 1, "another driver is wanted: only the others lose theirs");
	strings_add(&s.config.force_in_use, VF(4));
	run(&s);
	is_int(on_vfio(&s), 0, "forced, it does too");
	strings_done(&s.config.force_in_use);
	claim(&s, false);
	load_count(&s, 6);
	run(&s);
	ok(s.trial.status == 0 && on_vfio(&s) == 6, "released, the count grows");
	close_scene(&s);
}

/* It does not let go, and nothing of the kernel's tells in time. */
static void test_stuck(void)
{
	time_t start = time(NULL);
	struct scene s;
	int held;

	open_scene(&s);
	held = hold(&s);
	control(&s, "fault */unbind value=" VF(4) " hang");
	strings_add(&s.config.force_in_use, VF(4));
	load_count(&s, 6);
	strings_add(&s.config.force_in_use, VF(4));
	run(&s);
	is_int(s.trial.status, 1, "forced, and the user does not let go: a failure");
	says(&s, "cannot unbind " PF " VF 2 from vfio-pci (somebody uses it)",
	     "that is said");
	is_int(find_write(&s, "/sriov_numvfs"), -1, "the count is not touched");
	is_int((long)vfs(&s), 4, "no VF is gone");
	strings_done(&s.config.force_in_use);
	run(&s); /* a lock that the stuck child kept would hold it up */
	ok(s.trial.status != 0 && time(NULL) - start < 30, "and the next run can start");
	close(held);
	close_scene(&s);
}

static void test_refused(void)
{
	struct scene s;

	open_scene(&s);
	control(&s, "fault */sriov_numvfs value=6 errno=ENOMEM");
	load_count(&s, 6);
	run(&s);
	is_int(s.trial.status, 3, "the new count cannot be: a failure");
	ok(vfs(&s) == 4 && on_vfio(&s) == 4, "the old one is back, with its drivers");
	says(&s, PF " has its 4 VFs again", "that is said");
	control(&s, "clear");

	control(&s, "fault */sriov_numvfs value=0 errno=EPERM");
	run(&s);
	ok(vfs(&s) == 4 && on_vfio(&s) == 4, "a driver that removes none: all are bound");
	control(&s, "clear");

	control(&s, "fault */unbind value=" VF(2) " errno=EIO");
	run(&s);
	ok(vfs(&s) == 4 && on_vfio(&s) == 4, "one that cannot be unbound: all stay");
	is_int(find_write(&s, "/sriov_numvfs"), -1, "and the count is not touched");
	close_scene(&s);
}

static bool is_gated(const struct scene *s)
{
	return root_exists(&s->host.root, "run/sriov-setup/busy");
}

/* True when that was ever so while it watched, at most ten seconds. */
static void *watch_gate(void *scene)
{
	bool gated = false;

	for (int i = 0; !gated && i < 10000; i++) {
		usleep(1000);
		gated = is_gated(scene);
	}
	return gated ? scene : NULL;
}

/* udevd may be behind with the events of the VFs that apply has just made. */
static void test_reset_gate(void)
{
	_cleanup_free_ char *said = NULL;
	pthread_t watcher;
	struct scene s;
	void *gated;

	open_scene(&s);
	control(&s, "fault */unbind value=" VF(0) " delay=200");
	if (is_gated(&s) || pthread_create(&watcher, NULL, watch_gate, &s) != 0)
		abort();
	if (!is_int(reset(&s, &said), 0, "a slow reset"))
		tap_show("said", said);
	pthread_join(watcher, &gated);
	ok(gated != NULL, "the udev rule binds nothing meanwhile");
	ok(!is_gated(&s), "afterwards it may");
	close_scene(&s);
}

static void test_reset(void)
{
	_cleanup_free_ char *first = NULL, *second = NULL;
	_cleanup_(views_done) struct views after = {};
	struct scene s;

	open_scene(&s);
	is_int(reset(&s, &first), 0, "reset");
	after = views_read(&s.host.root, &s.config);
	is_int(views_find(&after, PF)->vfs, 0, "takes its VFs away");
	control(&s, "clear");
	root_write(&s.host.root, "3", "sys/bus/pci/devices/" PF "/sriov_numvfs");
	is_int(reset(&s, &second), 0, "reset again");
	views_done(&after);
	after = views_read(&s.host.root, &s.config);
	is_int(views_find(&after, PF)->vfs, 3, "leaves those of others");
	close_scene(&s);
}

/* VFs of others that were given another driver. */
static void test_reset_drivers(void)
{
	_cleanup_free_ char *path = machine_path("existing.machine"), *said = NULL;
	_cleanup_(views_done) struct views after = {};
	struct scene s = {};

	host_start(&s.host, path, NULL);
	s.host.by_hand = true;
	load(&s, "pf = ( { match = { address = \"" PF "\"; }; } );");
	run(&s);
	is_int((long)on_vfio(&s), 4, "VFs of others go to vfio-pci");
	is_int(reset(&s, &said), 0, "reset");
	after = views_read(&s.host.root, &s.config);
	is_string(views_find(&after, VF(2))->driver, "igbvf", "gives them back");
	is_string(views_find(&after, VF(2))->override, "(null)", "without a trace");
	is_int(views_find(&after, PF)->vfs, 4, "and takes none away");
	close_scene(&s);
}

#define GPU "0000:3b:00.0"
#define MDEVS "sys/bus/mdev/devices"

static size_t count_mdevs(const struct scene *s)
{
	struct strings all = {};
	size_t n;

	root_list(&s->host.root, &all, MDEVS);
	n = all.n;
	strings_done(&all);
	return n;
}

/* As a VM has it; the first in the order of names. */
static int hold_mdev(struct scene *s, char **ret_uuid)
{
	_cleanup_free_ char *group = NULL;
	struct strings all = {};
	int held;

	if (root_list(&s->host.root, &all, MDEVS) < 0 ||
	    root_link_name(&s->host.root, &group, MDEVS "/%s/iommu_group", all.items[0]) <
		    0)
		abort();
	*ret_uuid = xstrdup(all.items[0]);
	held = root_openat(&s->host.root, O_RDWR, "dev/vfio/%s", group);
	strings_done(&all);
	return held;
}

static void test_reset_mdevs(void)
{
	static const char other[] = "ffffffff-2222-3333-4444-555555555555";
	_cleanup_free_ char *path = machine_path("mdev.machine"), *uuid = NULL,
			    *said = NULL, *again = NULL;
	struct scene s = {};
	int held;

	host_start(&s.host, path, NULL);
	s.host.by_hand = true;
	load(&s, "mdev = ( { match = { address = \"" GPU "\"; }; type = \"GRID-T4-1Q\"; "
		 "count = 1; resource = \"a.b/c\"; } );");
	run(&s);
	is_int(s.trial.status, 0, "a mediated device is made");
	root_write(&s.host.root, other,
		   "sys/bus/pci/devices/" GPU "/mdev_supported_types/nvidia-222/create");
	is_int((long)count_mdevs(&s), 2, "somebody else makes one more");
	held = hold_mdev(&s, &uuid);
	ok(held >= 0, "a VM has ours");
	is_int(reset_of(&s, GPU, &said), -EBUSY, "reset");
	ok(strstr(said, uuid) && strstr(said, "stays because a process has it open"),
	   "names what is used");
	is_int((long)count_mdevs(&s), 2, "and takes nothing");
	close(held);
	is_int(reset_of(&s, GPU, &again), 0, "reset when it is let go");
	is_int((long)count_mdevs(&s), 1, "leaves the one that is not ours");
	ok(root_exists(&s.host.root, MDEVS "/%s", other), "and it is that of the others");
	close_scene(&s);
}

int main(void)
{
	const char *missing = host_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	test_counts();
	test_held();
	test_claimed();
	test_stuck();
	test_refused();
	test_reset();
	test_reset_gate();
	test_reset_drivers();
	test_reset_mdevs();
	return done();
}
