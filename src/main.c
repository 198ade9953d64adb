#include "attach.h"
#include "doctor.h"
#include "explain.h"
#include "export.h"
#include "generator.h"
#include "inuse.h"
#include "json.h"
#include "kargs-print.h"
#include "kargs.h"
#include "names.h"
#include "options.h"
#include "plan-print.h"
#include "process.h"
#include "report.h"
#include "rules.h"
#include "status.h"
#include "status-facts.h"

#include <errno.h>
#include <getopt.h>

/* Exit status: what scripts and units go by; sriov-setup --help names them. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_TO_DO = 2 };

struct command {
	const char *name, *argument, *help; /* "[…]": may be left out */
	int (*run)(const struct options *options, const struct config *config);
};

static int observe(struct system *ret, const struct options *options,
		   const struct config *config)
{
	int r = system_observe(ret, &options->root, config);

	return r < 0 ? log_error_errno(r, "cannot read the PCI devices") : 0;
}

static int cmd_plan(const struct options *options, const struct config *config)
{
	_cleanup_(system_done) struct system system = {};
	_cleanup_(plan_done) struct plan plan = {};

	if (observe(&system, options, config) < 0)
		return EXIT_FAILED;
	if (system.live)
		system.owners = owners_read(&options->root, &system);
	plan = plan_make(config, &system);
	if (plan_print(&plan, stdout, isatty(STDOUT_FILENO)) < 0)
		return EXIT_FAILED;
	for (size_t i = 0; i < plan.n_problems; i++)
		if (plan.problems[i].level <= LOG_ERR)
			return EXIT_FAILED;
	return plan.n_actions ? EXIT_TO_DO : EXIT_DONE;
}

static int cmd_apply(const struct options *options, const struct config *config)
{
	return run_apply(config, &options->root, &options->run);
}

static int cmd_check(const struct options *options, const struct config *config)
{
	const struct bootloader *bootloader;

	if (config->kernel.bootloader &&
	    bootloader_find(&bootloader, &options->root, config->kernel.bootloader) < 0)
		return EXIT_FAILED;
	if (config->files.n == 0)
		puts("no config: nothing is configured");
	for (size_t i = 0; i < config->files.n; i++)
		printf("%s: ok\n", config->files.items[i]);
	return EXIT_DONE;
}

static int print_status(const struct options *options, const struct config *config,
			struct system *system, const struct plan *plan)
{
	_cleanup_(names_close) struct names *names = names_open();
	const struct status_input input = { config, system, names, plan,
					    isatty(STDOUT_FILENO) };
	_cleanup_(document_free) struct document *report = NULL;

	if (options->json) {
		report = report_make(
			&(struct export_input){ config, system, names, NULL }, plan);
		json_print(stdout, report);
	} else if (options->format)
		status_dot(stdout, &input);
	else
		status_print(stdout, &input);
	return EXIT_DONE;
}

struct status_request {
	const struct options *options;
	const struct config *config;
};

static int show_all(const void *data, int ready)
{
	const struct status_request *q = data;
	_cleanup_(system_done) struct system system = {};
	_cleanup_(plan_done) struct plan plan = {};

	if (observe(&system, q->options, q->config) < 0)
		return EXIT_FAILED;
	plan = plan_make(q->config, &system);
	if (system.live) {
		inuse_observe_disks(&system, &q->options->root);
		status_facts_read(&system, &q->options->root);
	}
	if (write(ready, "", 1) != 1)
		return EXIT_FAILED;
	return print_status(q->options, q->config, &system, &plan);
}

/* Without rules no network interface and no driver's attribute is asked. */
static int show_without_locks(const struct options *options, const struct config *config)
{
	_cleanup_(system_done) struct system system = {};
	const struct config nothing = {};

	log_warning("the kernel does not answer, as while a device is stuck: MAC, VLAN, "
		    "users and what differs from the config are left out");
	if (observe(&system, options, &nothing) < 0)
		return EXIT_FAILED;
	return print_status(options, config, &system, NULL);
}

#define STATUS_DEADLINE 5 /* seconds */

static int cmd_status(const struct options *options, const struct config *config)
{
	const struct status_request request = { options, config };
	int r;

	if (options->format && (options->json || !streq(options->format, "dot"))) {
		log_usage("status --format=%s: expected dot, without --json",
			  options->format);
		return EXIT_FAILED;
	}
	r = process_guard(STATUS_DEADLINE, show_all, &request);
	if (r == -ETIMEDOUT)
		return show_without_locks(options, config);
	return r < 0 ? (log_error_errno(r, "cannot look at the machine"), EXIT_FAILED) :
		       r;
}

/* Its exit status has a meaning of its own. */
static int cmd_doctor(const struct options *options, const struct config *config)
{
	static const int statuses[] = { [FINDING_OK] = EXIT_DONE,
					[FINDING_ATTENTION] = EXIT_TO_DO,
					[FINDING_BROKEN] = EXIT_FAILED };
	_cleanup_(system_done) struct system system = {};
	_cleanup_(doctor_facts_done) struct doctor_facts facts = {};
	_cleanup_(findings_done) struct findings findings = {};
	int r;

	if (!options->root.live) {
		log_usage("doctor looks at the running machine: leave --root out");
		return EXIT_FAILED;
	}
	if (observe(&system, options, config) < 0)
		return EXIT_FAILED;
	system.owners = owners_read(&options->root, &system);
	r = doctor_facts_read(&options->root, &system, &facts);
	if (r < 0) {
		log_error_errno(r, "cannot read what the kernel runs with");
		return EXIT_FAILED;
	}
	findings = doctor_judge(config, &system, &facts);
	return statuses[findings_print(&findings, stdout)];
}

/* By address or network interface; NULL, said: none. */
static const struct function *find_function(const struct system *system, const char *name)
{
	const struct function *function = explain_find(system, name);

	if (!function)
		log_usage("%s: no PCI function has that address or network interface",
			  name);
	return function;
}

static int cmd_explain(const struct options *options, const struct config *config)
{
	_cleanup_(system_done) struct system system = {};
	const struct function *function;

	if (observe(&system, options, config) < 0)
		return EXIT_FAILED;
	function = find_function(&system, options->argument);
	if (!function)
		return EXIT_FAILED;
	explain_print(stdout, config, &system, function);
	return EXIT_DONE;
}

static int export_unknown(const char *name)
{
	struct strings known = {};

	for (size_t i = 0; exporters[i]; i++)
		strings_add(&known, exporters[i]->name);
	options_unknown("format", name, &known);
	strings_done(&known);
	return EXIT_FAILED;
}

/* Standard input, at most ROOT_FILE_MAX bytes, as a document. */
static int read_current(const struct exporter *exporter, struct document **ret)
{
	_cleanup_free_ char *text = xcalloc(ROOT_FILE_MAX + 1, 1);
	const char *fault;
	size_t n;

	if (isatty(STDIN_FILENO))
		return log_error_errno(EINVAL, "export %s reads stdin, expected: %s",
				       exporter->name, exporter->current);
	n = fread(text, 1, ROOT_FILE_MAX + 1, stdin);
	if (ferror(stdin) || n > ROOT_FILE_MAX)
		return log_error_errno(n > ROOT_FILE_MAX ? EFBIG : EIO,
				       "cannot read stdin");
	text[n] = '\0';
	if (strlen(text) < n || json_parse(text, ret, &fault) < 0)
		return log_error_errno(EINVAL, "stdin is no JSON (%s), expected: %s",
				       strlen(text) < n ? "a NUL byte" : fault,
				       exporter->current);
	return 0;
}

static int print_export(const struct exporter *exporter, const struct export_input *input)
{
	_cleanup_(export_notes_done) struct export_notes notes = {};
	_cleanup_free_ char *text = export_document(exporter, input, &notes);

	for (size_t i = 0; i < notes.warnings.n; i++)
		log_warning("%s", notes.warnings.items[i]);
	for (size_t i = 0; i < notes.errors.n; i++)
		log_error("%s", notes.errors.items[i]);
	if (notes.errors.n)
		return EXIT_FAILED;
	if (!*text)
		log_info("nothing here is for %s, which takes no empty document",
			 exporter->name);
	fputs(text, stdout);
	return EXIT_DONE;
}

/* A format that the config does not ask for is shown as if it were the only one. */
static void prefer(struct config *config, const struct exporter *exporter)
{
	struct export_config *e = &config->export;

	if (!exporter->file || export_wanted(exporter, e))
		return;
	e->kubevirt = e->device_plugin = e->nad = e->sriov_network = e->libvirt = false;
	*(bool *)((char *)e + exporter->key) = true;
}

static int cmd_export(const struct options *options, const struct config *config)
{
	const struct exporter *exporter = export_find(options->argument);
	_cleanup_(document_free) struct document *current = NULL;
	_cleanup_(names_close) struct names *names = NULL;
	_cleanup_(system_done) struct system system = {};
	struct config preferred = *config; /* owns nothing */

	if (!exporter)
		return export_unknown(options->argument);
	log_set_kind(MESSAGE_EXPORT);
	if (exporter->current && read_current(exporter, &current) < 0)
		return EXIT_FAILED;
	if (observe(&system, options, config) < 0)
		return EXIT_FAILED;
	prefer(&preferred, exporter);
	names = names_open();
	return print_export(
		exporter, &(struct export_input){ &preferred, &system, names, current });
}

/* For an image that boots anywhere: not what this machine lacks. */
static int kargs_print_all(const struct options *options, const struct config *config)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	const char *format = options->format ? options->format : "cmdline";
	struct kernel_facts facts = { .offline = true,
				      .cpu = kernel_facts_image_cpu(&options->root) };
	int r;

	kargs_wanted(&config->kernel, &facts, &wanted, &missing);
	r = kargs_print(stdout, format, &wanted);
	if (r < 0)
		log_usage("--format=%s: expected %s", format, kargs_formats);
	return r;
}

static int kargs_show(const struct options *options, const struct config *config)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	_cleanup_(kernel_facts_done) struct kernel_facts facts = {};
	int r = kernel_facts_read(&options->root, &facts);

	if (r < 0)
		return log_error_errno(r, "cannot read what the kernel runs with");
	kargs_wanted(&config->kernel, &facts, &wanted, &missing);
	return kargs_status(&options->root, &config->kernel, &facts, &wanted, &missing);
}

#define KARGS_VERBS "status|print|apply|remove|rollback"

static int cmd_kargs(const struct options *options, const struct config *config)
{
	const char *verb = options->argument;
	int r = -EINVAL;

	log_set_kind(MESSAGE_KARGS);
	if (streq(verb, "status"))
		r = kargs_show(options, config);
	else if (streq(verb, "print"))
		r = kargs_print_all(options, config);
	else if (options->root.live && geteuid() != 0)
		log_usage("kargs %s changes the boot loader: run it as root", verb);
	else if (streq(verb, "apply"))
		r = run_kargs(config, &options->root);
	else if (streq(verb, "remove"))
		r = kargs_remove(&options->root, &config->kernel);
	else if (streq(verb, "rollback"))
		r = kargs_rollback(&options->root, &config->kernel);
	else
		log_usage("kargs %s: expected " KARGS_VERBS, verb);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int cmd_reset(const struct options *options, const struct config *config)
{
	_cleanup_(system_done) struct system system = {};
	const char *only = NULL;

	if (options->root.live && geteuid() != 0) {
		log_usage("reset takes VFs and files away: run it as root");
		return EXIT_FAILED;
	}
	if (options->argument) {
		const struct function *pf;

		if (observe(&system, options, config) < 0)
			return EXIT_FAILED;
		pf = find_function(&system, options->argument);
		if (!pf)
			return EXIT_FAILED;
		only = pf->address;
	}
	return run_reset(config, &options->root, only) < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* They are about this machine, and open what only root may. */
static bool may_claim(const struct options *options)
{
	if (!options->root.live)
		log_usage("claims are about the running machine: leave --root out");
	else if (geteuid() != 0)
		log_usage("claims are root's: run it as root");
	else {
		log_set_kind(MESSAGE_CLAIM);
		return true;
	}
	return false;
}

static int cmd_claim(const struct options *options, const struct config *config)
{
	struct claim_request request = options->claim;

	request.resource = options->argument;
	if (!request.owner) {
		log_usage("claim: --owner=NAME is missing: for whom?");
		return EXIT_FAILED;
	}
	return may_claim(options) ?
		       claim_take(config, &options->root, &request, options->json) :
		       EXIT_FAILED;
}

static int cmd_release(const struct options *options, const struct config *config)
{
	(void)config;
	return may_claim(options) ? claim_release(&options->root, options->argument,
						  options->claim.owner, options->dead) :
				    EXIT_FAILED;
}

static int cmd_claims(const struct options *options, const struct config *config)
{
	(void)config;
	return may_claim(options) ? claim_list(&options->root, options->json) :
				    EXIT_FAILED;
}

#define GUEST_DEADLINE 60 /* seconds; pciehp alone waits five */

static unsigned guest_wait(const struct options *options)
{
	return options->run.wait ? options->run.wait : GUEST_DEADLINE;
}

static int cmd_attach(const struct options *options, const struct config *config)
{
	(void)config;
	if (!options->qmp) {
		log_usage("attach: --qmp=SOCKET is missing: into which QEMU?");
		return EXIT_FAILED;
	}
	return may_claim(options) ? attach(&options->root, options->argument,
					   options->qmp, guest_wait(options)) :
				    EXIT_FAILED;
}

static int cmd_detach(const struct options *options, const struct config *config)
{
	(void)config;
	return may_claim(options) ? detach(&options->root, options->argument,
					   options->qmp, guest_wait(options)) :
				    EXIT_FAILED;
}

static const struct command commands[] = {
	{ "plan", NULL, "show what apply would do; exit status 2 when there is something",
	  cmd_plan },
	{ "apply", NULL,
	  "create VFs, bind them, write the snippets, set kernel arguments", cmd_apply },
	{ "check", NULL, "read the config and report each mistake", cmd_check },
	{ "status", NULL, "show PFs and VFs with drivers, IOMMU groups and resources",
	  cmd_status },
	{ "doctor", NULL, "is this host able, and if not, what to change where",
	  cmd_doctor },
	{ "explain", "PF", "show which rule governs it, and why the others do not",
	  cmd_explain },
	{ "export", "FORMAT", "print the document for a consumer", cmd_export },
	{ "kargs", KARGS_VERBS, "kernel arguments of the next boot", cmd_kargs },
	{ "claim", "RESOURCE", "take VFs for --owner that nobody else hands out",
	  cmd_claim },
	{ "release", "[ADDRESS]",
	  "give back a VF, all of --owner, or those of the --dead", cmd_release },
	{ "claims", NULL, "show who has claimed which VF", cmd_claims },
	{ "attach", "ADDRESS", "hot-plug a claimed VF into the QEMU at --qmp",
	  cmd_attach },
	{ "detach", "ADDRESS", "take it out again, and release it", cmd_detach },
	{ "reset", "[PF]", "take back what was made and is not used; all: also files",
	  cmd_reset },
};

static void help(void)
{
	puts("sriov-setup [OPTION…] COMMAND\n\n"
	     "Creates SR-IOV virtual functions at boot and binds them, as "
	     "/etc/sriov.conf says.\n\n"
	     "Commands:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		_cleanup_free_ char *words =
			xasprintf("%s %s", commands[i].name,
				  commands[i].argument ? commands[i].argument : "");

		printf("  %-26s %s\n", words, commands[i].help);
	}
	puts("\nFormats of export:");
	for (size_t i = 0; exporters[i]; i++)
		printf("  %-26s %s\n", exporters[i]->name, exporters[i]->help);
	options_help();
	puts("Exit status: 0 done or nothing to do, 1 failure, 2 something to do "
	     "(plan),\n"
	     "needs attention (doctor), 3 some things done and others failed.");
}

static void command_unknown(const char *name)
{
	struct strings known = {};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		strings_add(&known, commands[i].name);
	options_unknown("command", name, &known);
	strings_done(&known);
}

/* The command and its one argument; logs what was expected. */
static const struct command *parse_command(struct options *options, int argc,
					   char *argv[])
{
	const struct command *command = NULL;
	int n = argc - optind;

	if (n == 0) {
		log_usage("a command is missing; sriov-setup --help lists them");
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(argv[optind], commands[i].name))
			command = &commands[i];
	if (!command)
		command_unknown(argv[optind]);
	else if (n != (command->argument ? 2 : 1) &&
		 !(n == 1 && command->argument && *command->argument == '[')) {
		log_usage("usage: sriov-setup %s %s", command->name,
			  command->argument ? command->argument : "(no argument)");
		return NULL;
	}
	if (command && options->json && command->run != cmd_status &&
	    command->run != cmd_claim && command->run != cmd_claims) {
		log_usage("--json is for status, claim and claims, not for %s",
			  command->name);
		return NULL;
	}
	if (command && options->force_in_use.n && options->run.boot) {
		log_usage("--force-in-use is not for a boot");
		return NULL;
	}
	options->argument = n > 1 ? argv[optind + 1] : NULL;
	return command;
}

static int check_forced(const struct options *options)
{
	for (size_t i = 0; i < options->force_in_use.n; i++) {
		const char *address = options->force_in_use.items[i];

		if (!*address ||
		    !root_exists(&options->root, "sys/bus/pci/devices/%s", address))
			return log_error_kind(
				MESSAGE_USAGE, ENODEV,
				"--force-in-use=%s: expected as 0000:01:10.0", address);
	}
	return 0;
}

/* A relative path is meant from here; below --root there is no here. */
static int load_config(struct config *ret, const struct options *options,
		       const struct command *command)
{
	const char *path = options->config_path;
	_cleanup_free_ char *here = NULL, *whole = NULL;
	int r;

	if (path && *path != '/' && options->root.live) {
		here = getcwd(NULL, 0);
		whole = xasprintf("%s/%s", here ? here : "", path);
	}
	r = config_load(ret, &options->root, whole ? whole : path);
	/* a mistake in the config must not keep our files there for ever */
	if (r < 0 && command->run == cmd_reset) {
		log_warning("reset goes on without the config: a boot loader or folder "
			    "that it names is not known");
		return 0;
	}
	return r;
}

static int run(int argc, char *argv[])
{
	_cleanup_(config_done) struct config config = {};
	struct root_trouble trouble = {};
	struct options options = { .root_path = "/", .claim.count = 1 };
	const struct command *command;
	int r;

	if (options_parse(&options, argc, argv) < 0)
		return EXIT_FAILED;
	if (options.help)
		help();
	if (options.version)
		puts("sriov-setup " PACKAGE_VERSION);
	if (options.help || options.version)
		return EXIT_DONE;
	command = parse_command(&options, argc, argv);
	if (!command)
		return EXIT_FAILED;
	r = root_open(&options.root, options.root_path);
	if (r < 0) {
		log_error_kind(MESSAGE_USAGE, r, "--root=%s", options.root_path);
		return EXIT_FAILED;
	}
	options.root.trouble = &trouble;
	r = check_forced(&options);
	if (r == 0)
		r = load_config(&config, &options, command);
	config.gentle = options.run.boot;
	config.force_in_use = options.force_in_use; /* which config_done() frees */
	r = r < 0 ? EXIT_FAILED : command->run(&options, &config);
	if (trouble.error)
		log_error_errno(trouble.error, "cannot read %s", trouble.path);
	free(trouble.path);
	root_done(&options.root);
	return trouble.error && r == EXIT_DONE ? EXIT_FAILED : r;
}

static bool is_generator(const char *program)
{
	static const char suffix[] = "-generator";
	size_t n = strlen(program), m = strlen(suffix);

	return n > m && streq(program + n - m, suffix);
}

/* Called by systemd with three folders, systemd.generator(7). A mistake is for the
 * service to say. */
static int run_generator(int argc, char *argv[])
{
	_cleanup_(config_done) struct config config = {};
	_cleanup_(root_done) struct root root = { .fd = -1 };
	int r;

	if (argc != 4 || root_open(&root, "/") < 0)
		return EXIT_FAILED;
	log_set_level(LOG_EMERG);
	r = config_load(&config, &root, NULL);
	return r < 0 || generator_write(&config, &root, argv[1]) < 0 ? EXIT_FAILED :
								       EXIT_DONE;
}

int main(int argc, char *argv[])
{
	int r = is_generator(argv[0]) ? run_generator(argc, argv) : run(argc, argv);

	log_status_end();
	/* a full disk or a closed pipe must not pass for success */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_error_errno(errno, "cannot write to /dev/stdout");
		r = EXIT_FAILED;
	}
	return r;
}
