/*
 * Every machine with its own config: what the program says is what NAME.said expects.
 * Every machine with some configs, with FULL=yes all: the promises hold.
 */
#include "promise.h"

#include "export.h"
#include "plan.h"

#include <syslog.h>

/* "exit status N" and the messages, as one text. */
static char *outcome(const struct trial *trial)
{
	return xasprintf("%sexit status %d\n", trial->said, trial->status);
}

static bool is_faulty(const char *machine)
{
	_cleanup_free_ char *name = xasprintf("%s.machine", machine);
	_cleanup_free_ char *text = machine_read(name);

	return strstr(text, "\nfault ") != NULL;
}

static void load(struct host *host, struct config *config, const char *machine,
		 const char *config_name)
{
	_cleanup_free_ char *name = xasprintf("%s.machine", machine);
	_cleanup_free_ char *conf = xasprintf("%s.conf", config_name);
	_cleanup_free_ char *path = machine_path(name), *text = machine_read(conf);

	host_start(host, path, text);
	if (config_load(config, &host->root, NULL) < 0)
		abort();
}

/* What "export config" prints, with which there is nothing to do. */
static void check_export(const char *machine, const char *when, struct host *host)
{
	_cleanup_(config_done) struct config none = {}, config = {};
	_cleanup_(system_done) struct system system = {}, again = {};
	_cleanup_(plan_done) struct plan plan = {};
	_cleanup_free_ char *text = NULL;
	const struct export_input input = { .config = &none, .system = &system };
	struct export_notes notes = {};
	size_t size, errors = 0;
	FILE *out = open_memstream(&text, &size);

	if (system_observe(&system, &host->root, &none) < 0)
		abort();
	export_config.write(out, &input, &notes);
	fclose(out);
	if (root_replace(&host->root, text, 0644, "etc/exported.conf") < 0)
		abort();
	is_int(config_load(&config, &host->root, "etc/exported.conf"), 0,
	       "%s, %s: export config is a config", machine, when);
	if (system_observe(&again, &host->root, &config) < 0)
		abort();
	plan = plan_make(&config, &again);
	for (size_t i = 0; i < plan.n_problems; i++)
		errors += plan.problems[i].level <= LOG_ERR;
	if (!ok(plan.n_actions == 0 && errors == 0,
		"%s, %s: with it there is nothing to do", machine, when))
		tap_show("config", text);
	export_notes_done(&notes);
}

static void check_untouched(const char *machine)
{
	_cleanup_free_ char *name = xasprintf("%s.machine", machine);
	_cleanup_free_ char *path = machine_path(name);
	struct host host;

	host_start(&host, path, NULL);
	check_export(machine, "untouched", &host);
	host_stop(&host);
}

static void check(const char *machine, const char *config_name)
{
	_cleanup_(config_done) struct config config = {};
	_cleanup_free_ char *why = NULL;
	struct trial trial;
	struct host host;

	load(&host, &config, machine, config_name);
	trial_run(&trial, &host, &config, NULL);
	if (streq(machine, config_name)) {
		_cleanup_free_ char *name = xasprintf("%s.said", machine);
		_cleanup_free_ char *want = machine_read(name), *got = outcome(&trial);

		is_string(got, want, "%s: says what %s expects", machine, name);
	}
	why = trial_broken(&trial);
	if (!why && !(is_faulty(machine) && trial.status))
		why = trial_broken_twice(&host, &config);
	if (!ok(!why, "%s with %s.conf", machine, config_name)) {
		tap_show("broken", why);
		tap_show("said", trial.said);
	}
	if (streq(machine, config_name) && !is_faulty(machine))
		check_export(machine, "with its VFs", &host);
	trial_done(&trial);
	host_stop(&host);
}

/* Its own, the one that has a rule for most, and a strange one. */
static bool is_chosen(const char *machine, size_t index, const struct strings *configs,
		      size_t config)
{
	const char *name = configs->items[config];

	return streq(name, machine) || streq(name, "fleet") ||
	       config == (index + 1) % configs->n;
}

int main(void)
{
	const char *missing = host_missing();
	struct strings machines, configs;

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	machines = machine_list(".machine");
	configs = machine_list(".conf");
	ok(machines.n > 12 && configs.n > 12, "there are machines");
	for (size_t i = 0; i < machines.n; i++) {
		check_untouched(machines.items[i]);
		for (size_t j = 0; j < configs.n; j++)
			if (getenv("FULL") ||
			    is_chosen(machines.items[i], i, &configs, j))
				check(machines.items[i], configs.items[j]);
	}
	strings_done(&machines);
	strings_done(&configs);
	return done();
}
