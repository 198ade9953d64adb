/*
 * What goes wrong in the kernel: each write of a run fails in turn, PFs are pulled out,
 * drivers refuse, are slow, or hang.
 */
#include "promise.h"

#include <errno.h>
#include <time.h>

/* A host with its config, and one run on it. */
struct scene {
	struct host host;
	struct config config;
	struct trial trial;
};

static void scene_open(struct scene *scene, const char *machine)
{
	_cleanup_free_ char *name = xasprintf("%s.machine", machine);
	_cleanup_free_ char *conf = xasprintf("%s.conf", machine);
	_cleanup_free_ char *path = machine_path(name), *text = machine_read(conf);

	*scene = (struct scene){};
	host_start(&scene->host, path, text);
	if (config_load(&scene->config, &scene->host.root, NULL) < 0)
		abort();
}

static void scene_close(struct scene *scene)
{
	trial_done(&scene->trial);
	config_done(&scene->config);
	host_stop(&scene->host);
}

static void scene_run(struct scene *scene)
{
	trial_done(&scene->trial);
	trial_run(&scene->trial, &scene->host, &scene->config, NULL);
}

PRINTF(2, 3) static void control(struct scene *scene, const char *format, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&line, format, args) < 0 || host_control(&scene->host, line) < 0)
		abort();
	va_end(args);
}

static bool report(const struct scene *scene, const char *why, const char *format, ...)
	PRINTF(3, 4);

static bool report(const struct scene *scene, const char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_line(!why, format, args);
	va_end(args);
	if (why) {
		tap_show("broken", why);
		tap_show("said", scene->trial.said);
	}
	return !why;
}

/* The line of the audit that did not end well; NULL: none. */
static const char *failed_write(const struct trial *trial)
{
	for (size_t i = 0; i < trial->audit.n; i++)
		if (!startswith(trial->audit.items[i], "ok "))
			return trial->audit.items[i];
	return NULL;
}

/* A PF that is not ready yet is asked again. */
static bool may_pass(const char *line)
{
	return startswith(line, "EBUSY ") && strstr(line, "/sriov_numvfs ");
}

/* One failure, then a run without: what the fault took away must be there, no more. */
static char *fails_and_heals(struct scene *scene, int clean_status)
{
	const char *failed;
	char *why;

	scene_run(scene);
	failed = failed_write(&scene->trial);
	why = trial_broken(&scene->trial);
	if (why)
		return why;
	if (failed && scene->trial.status == 0 && !may_pass(failed))
		return xasprintf("exit status 0 after: %s", failed);
	why = trial_untouched_by(&scene->trial, failed);
	if (why)
		return why;
	control(scene, "clear");
	scene_run(scene);
	if (clean_status == 0 && scene->trial.status)
		return xasprintf("exit status %d of the run after", scene->trial.status);
	why = trial_broken(&scene->trial);
	return why ? why : trial_broken_twice(&scene->host, &scene->config);
}

/* How many writes a run makes, and what its exit status should be from then on. */
static size_t measure(const char *machine, int *ret_status)
{
	struct scene scene;
	size_t n;

	scene_open(&scene, machine);
	scene_run(&scene);
	n = scene.trial.audit.n;
	scene_run(&scene);
	*ret_status = scene.trial.status;
	scene_close(&scene);
	return n;
}

static void sweep(const char *machine, const char *what, size_t step)
{
	_cleanup_free_ char *why = NULL;
	struct scene scene = {};
	int status;
	size_t n = measure(machine, &status), i = 1;

	for (; i <= n && !why; i += step) {
		if (i > 1)
			scene_close(&scene);
		scene_open(&scene, machine);
		control(&scene, "fault * nth=%zu times=1 %s", i, what);
		why = fails_and_heals(&scene, status);
	}
	report(&scene, why, "%s: %s at each of %zu writes%s", machine, what, n,
	       why ? "" : ", one after the other");
	if (why)
		printf("# at write %zu\n", i - step);
	scene_close(&scene);
}

static size_t count_lines(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

/* Each errno of sriov_numvfs is one line with the PF, the errno's text and what to do. */
static void refuse(const char *name, int error, const char *hint)
{
	struct scene scene;
	const char *said;
	bool good;

	scene_open(&scene, "mixed");
	control(&scene, "fault */0000:01:00.0/sriov_numvfs errno=%s", name);
	scene_run(&scene);
	said = scene.trial.said;
	good = scene.trial.status != 0 && strstr(said, hint) &&
	       count_lines(said, strerror(error)) == 1 &&
	       count_lines(said, "cannot create 7 VFs") == 1 &&
	       strstr(said, "created 2 VFs on 0000:01:00.1");
	report(&scene, good ? trial_broken(&scene.trial) : "the messages", "%s", name);
	scene_close(&scene);
}

/*
 * The kernel does not come back from a write: the deadline does. It is the last write to
 * its file: FUSE, unlike kernfs, lets one write at a time into a file.
 */
static void hang(const char *machine, const char *fault, const char *address,
		 const char *others)
{
	struct scene scene;
	const char *said;
	char *why = NULL;
	long long begin;

	scene_open(&scene, machine);
	control(&scene, "fault %s", fault);
	host_longest_wait = 0;
	begin = now_ms();
	scene_run(&scene);
	said = scene.trial.said;
	if (now_ms() - begin > 8000)
		why = xasprintf("it took %lld ms", now_ms() - begin);
	else if (host_longest_wait < 10000 || host_longest_wait > 120000)
		why = xasprintf("its deadline is %d ms", host_longest_wait);
	else if (scene.trial.status == 0 || count_lines(said, strerror(ETIMEDOUT)) != 1 ||
		 !strstr(said, address) || !strstr(said, others))
		why = xstrdup("the messages");
	else
		why = trial_broken(&scene.trial);
	report(&scene, why, "%s: %s", machine, fault);
	free(why);
	control(&scene, "release");
	scene_close(&scene);
}

static void late_netdev(void)
{
	struct scene scene;

	scene_open(&scene, "mlx5");
	control(&scene, "remove 0000:41:00.0");
	control(&scene, "function 0000:41:00.0 id=15b3:101d vfs=8 vf_id=101e offset=2 "
			"net=enp65s0f0np0 late=600");
	scene_run(&scene);
	ok(!strstr(scene.trial.said, "0000:41:00.0") && scene.trial.status == 0,
	   "an interface that is not there yet: its PF is left alone");
	nanosleep(&(struct timespec){ .tv_nsec = 700000000 }, NULL);
	scene_run(&scene);
	report(&scene,
	       strstr(scene.trial.said, "created 8 VFs on 0000:41:00.0") ?
		       trial_broken(&scene.trial) :
		       "no VFs",
	       "the same when its interface is there");
	scene_close(&scene);
}

static void slow_driver(void)
{
	struct scene scene;
	long long begin = now_ms();

	scene_open(&scene, "mixed");
	control(&scene, "fault */sriov_numvfs delay=400");
	scene_run(&scene);
	report(&scene,
	       scene.trial.status == 0 && now_ms() - begin >= 800 ?
		       trial_broken(&scene.trial) :
		       "exit status or time",
	       "a driver that is slow, but within the deadline");
	scene_close(&scene);
}

static void not_ready_yet(const char *name)
{
	struct scene scene;

	scene_open(&scene, "mixed");
	control(&scene, "fault */sriov_numvfs errno=%s times=3", name);
	scene_run(&scene);
	report(&scene, scene.trial.status ? "exit status" : trial_broken(&scene.trial),
	       "a PF that is ready only at the fourth time of asking (%s)", name);
	scene_close(&scene);
}

static void one_vf_refused(void)
{
	struct scene scene;
	const struct view *vf;

	scene_open(&scene, "igb");
	control(&scene, "fault */vfio-pci/bind value=0000:01:10.4 errno=EINVAL");
	scene_run(&scene);
	vf = views_find(&scene.trial.after, "0000:01:11.4");
	report(&scene,
	       scene.trial.status == 3 &&
			       count_lines(scene.trial.said, strerror(EINVAL)) == 1 &&
			       strstr(scene.trial.said, "VF 2 to vfio-pci") &&
			       streq(vf->driver, "vfio-pci") ?
		       trial_broken(&scene.trial) :
		       "exit status, message or driver",
	       "one VF is refused: the others are bound, its number is said");
	scene_close(&scene);
}

/* What comes before the VFs fails: nothing is put back that was not changed. */
static void not_begun(int autoprobe)
{
	static const char rules[] =
		"pf = ( { match = { address = \"0000:01:00.0\"; }; vfs = 2; "
		"sysfs = ( { attribute = \"vendor\"; value = \"1\"; } ); "
		"vf = ( { index = \"0\"; driver = \"native\"; } ); } );";
	struct scene scene;

	scene_open(&scene, "mixed");
	control(&scene, "remove 0000:01:00.0");
	control(&scene,
		"function 0000:01:00.0 id=8086:10c9 vfs=7 vf_id=10ca offset=128 stride=2 "
		"autoprobe=%d",
		autoprobe);
	config_done(&scene.config);
	scene.config = (struct config){};
	if (root_replace(&scene.host.root, rules, 0644, CONFIG_PATH) < 0 ||
	    config_load(&scene.config, &scene.host.root, NULL) < 0)
		abort();
	scene_run(&scene);
	report(&scene,
	       scene.trial.status != 1 || count_lines(scene.trial.said, "cannot") != 1 ||
			       scene.trial.audit.n != 1 ?
		       "exit status, messages or writes" :
		       NULL,
	       "what comes before the VFs fails, autoprobe is %d: nothing else is "
	       "written",
	       autoprobe);
	scene_close(&scene);
}

/* Pulled out while it is being set up, and put in again. */
static void pulled_out(const char *where)
{
	_cleanup_free_ char *why = NULL;
	struct scene scene;
	const char *said;

	scene_open(&scene, "mixed");
	control(&scene, "fault %s vanish=0000:01:00.0", where);
	scene_run(&scene);
	said = scene.trial.said;
	report(&scene,
	       scene.trial.status == 3 &&
			       count_lines(said, "0000:01:00.0 has vanished") == 1 &&
			       !strstr(said, "cannot") &&
			       strstr(said, "created 2 VFs on 0000:01:00.1") ?
		       trial_broken(&scene.trial) :
		       "exit status or messages",
	       "pulled out at %s: said once, the others are done", where);
	control(&scene, "clear");
	control(&scene, "function 0000:01:00.0 id=8086:10c9 vfs=7 vf_id=10ca offset=128 "
			"stride=2 net=eno1 mac=52:54:00:00:00:01");
	scene_run(&scene);
	why = trial_broken(&scene.trial);
	report(&scene,
	       scene.trial.status || !strstr(scene.trial.said,
					     "created 7 VFs on 0000:01:00.0") ?
		       "exit status or messages" :
	       why ? why :
		     trial_broken_twice(&scene.host, &scene.config),
	       "put in again, it is set up");
	scene_close(&scene);
}

static void refusals(void)
{
	refuse("EINVAL", EINVAL, "kernel log");
	refuse("ERANGE", ERANGE, "more than the device");
	refuse("ENOENT", ENOENT, "cannot create VFs through sysfs");
	refuse("EBUSY", EBUSY, "resetting");
	refuse("EAGAIN", EAGAIN, "not ready");
	refuse("EPERM", EPERM, "try fewer");
	refuse("EOPNOTSUPP", EOPNOTSUPP, "DDP");
	refuse("ENOSPC", ENOSPC, "interrupt vectors");
	refuse("ENOMEM", ENOMEM, "Above 4G");
	refuse("EIO", EIO, "kernel log");
}

int main(void)
{
	const char *missing = host_missing();
	size_t step = getenv("FULL") ? 1 : 4;

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	refusals();
	one_vf_refused();
	not_ready_yet("EBUSY");
	not_ready_yet("EAGAIN");
	late_netdev();
	not_begun(0);
	not_begun(1);
	pulled_out("*/0000:01:00.0/sriov_numvfs");
	pulled_out("*/driver_override value=vfio-pci");
	pulled_out("*/vfio-pci/bind value=0000:01:10.4");
	slow_driver();
	hang("mixed", "*/0000:01:00.0/sriov_numvfs hang", "0000:01:00.0",
	     "created 2 VFs on 0000:01:00.1");
	hang("existing", "*/igbvf/unbind value=0000:03:11.4 hang", "0000:03:00.0",
	     "0000:01:00.0 VF 3 to vfio-pci");
	hang("mixed", "*/drivers_probe value=0000:01:11.2 hang", "0000:01:00.0",
	     "created 2 VFs on 0000:01:00.1");
	hang("noiommu", "*/igbvf/bind value=0000:01:10.3 delay=9000", "0000:01:00.1",
	     "0000:01:00.1 VF 0 to igbvf");
	sweep("mixed", "errno=EIO", 1);
	sweep("mixed", "errno=EBUSY", step);
	sweep("mixed", "errno=ENODEV", step);
	sweep("existing", "errno=EINVAL", step);
	sweep("gpu", "errno=EIO", 1);
	sweep("mixed", "vanish=0000:01:00.0", 1);
	sweep("mixed", "vanish=0000:01:00.1", step);
	sweep("existing", "vanish=0000:02:00.0", step);
	return done();
}
