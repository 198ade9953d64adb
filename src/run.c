#include "run.h"

#include "apply.h"
#include "export.h"
#include "inuse.h"
#include "kargs.h"
#include "links.h"
#include "log.h"
#include "made.h"
#include "memlock.h"
#include "modprobe.h"
#include "moved.h"
#include "names.h"
#include "plan.h"
#include "rules.h"
#include "wait.h"

#include <errno.h>
#include <time.h>

#define EXPORT_DIR RUN_DIR "/export"
#define GATE RUN_DIR "/busy" /* the udev rule is off while there is this file */
#define LOCK_DEADLINE 180    /* seconds: another run may be creating VFs */
#define RUN_DEADLINE 300     /* from then on no action is begun that is not begun yet */

static int lock(const struct root *root, int *ret)
{
	int fd = root_lock(root, LOCK_DEADLINE, RUN_DIR "/lock");

	if (fd < 0)
		return fd == -EAGAIN ?
			       log_error_kind(MESSAGE_UNFINISHED, fd,
					      "another run holds /" RUN_DIR "/lock") :
			       log_error_errno(fd, "cannot lock /" RUN_DIR "/lock");
	*ret = fd;
	return 0;
}

static const char *export_dir(const struct exporter *e, const struct config *config)
{
	return e->dir ? e->dir : config->export.dir ? config->export.dir + 1 : EXPORT_DIR;
}

static int remove_export(const struct exporter *e, const struct config *config,
			 const struct root *root)
{
	const char *dir = export_dir(e, config);
	int r = root_remove(root, "%s/%s", dir, e->file);

	if (r < 0)
		return log_error_errno(r, "cannot remove /%s/%s", dir, e->file);
	if (r > 0)
		log_info("removed /%s/%s", dir, e->file);
	return 0;
}

/* Each warning of an exporter is one journal line. What clashes is not written. */
static int write_export(const struct exporter *e, const struct root *root,
			const struct export_input *input)
{
	_cleanup_(export_notes_done) struct export_notes notes = {};
	_cleanup_free_ char *text = export_document(e, input, &notes);
	const char *dir = export_dir(e, input->config);
	int r;

	for (size_t i = 0; i < notes.warnings.n; i++)
		log_warning("%s: %s", e->file, notes.warnings.items[i]);
	for (size_t i = 0; i < notes.errors.n; i++)
		log_error_kind(MESSAGE_EXPORT, 0, "%s is not written: %s", e->file,
			       notes.errors.items[i]);
	if (notes.errors.n) {
		/* an old one would offer what the config does not any more */
		remove_export(e, input->config, root);
		return -EINVAL;
	}
	if (!*text)
		return remove_export(e, input->config, root);
	r = root_replace(root, text, 0644, "%s/%s", dir, e->file);
	if (r < 0)
		return log_error_errno(r, "cannot write /%s/%s", dir, e->file);
	if (r > 0)
		log_info("wrote /%s/%s", dir, e->file);
	return 0;
}

/* Itself, or what a crash has left of writing it. */
static bool is_there(const struct strings *names, const char *file)
{
	for (size_t i = 0; i < names->n; i++)
		if (strstr(names->items[i], file))
			return true;
	return false;
}

/* In a folder of its own choice the administrator may have files of these names. */
static int write_exports(const struct config *config, const struct root *root,
			 const struct system *system)
{
	_cleanup_(names_close) struct names *names = names_open();
	const struct export_input input = { config, system, names, NULL };
	struct strings ours = {};
	int first_error = 0,
	    r = config->export.dir ? 0 : root_list(root, &ours, EXPORT_DIR);

	if (r < 0 && r != -ENOENT)
		first_error = log_error_errno(r, "cannot list /" EXPORT_DIR);
	for (size_t i = 0; exporters[i]; i++) {
		const struct exporter *e = exporters[i];

		r = 0;
		if (export_wanted(e, &config->export))
			r = write_export(e, root, &input);
		else if (e->file && (e->dir || is_there(&ours, e->file)))
			r = remove_export(e, config, root);
		if (r < 0 && first_error == 0)
			first_error = r;
	}
	strings_done(&ours);
	if (links_write(root, &input) < 0 && first_error == 0)
		first_error = -EIO;
	return first_error;
}

static int remove_exports(const struct config *config, const struct root *root)
{
	int first_error = 0;

	for (size_t i = 0; exporters[i]; i++) {
		int r = exporters[i]->file ? remove_export(exporters[i], config, root) :
					     0;

		if (r < 0 && first_error == 0)
			first_error = r;
	}
	return first_error;
}

static int write_rules(const struct config *config, const struct root *root,
		       const struct system *system)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		abort();
	rules_write(out, config, system);
	fclose(out);
	r = root_replace(root, text, 0644, RULES_PATH);
	return r < 0 ? log_error_errno(r, "cannot write /" RULES_PATH) : 0;
}

static size_t count_now(const struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_actions; i++)
		n += plan->actions[i].when == NOW;
	return n;
}

/* `notes`: only what is worth knowing while something is done; else what stays wrong. */
static int log_problems(const struct plan *plan, bool notes)
{
	int worst = LOG_DEBUG;

	for (size_t i = 0; i < plan->n_problems; i++) {
		const struct problem *p = &plan->problems[i];
		const struct log_subject subject = { .pci = p->pci,
						     .kind = p->level <= LOG_ERR ?
								     MESSAGE_PROBLEM :
								     NULL,
						     .file = p->where.file,
						     .line = p->where.line };

		if ((p->level > LOG_WARNING) != notes)
			continue;
		if (p->where.file)
			log_full(p->level, &subject, "%s (%s:%d)", p->text, p->where.file,
				 p->where.line);
		else
			log_full(p->level, &subject, "%s", p->text);
		worst = p->level < worst ? p->level : worst;
	}
	return worst;
}

static int open_gate(const struct root *root)
{
	int r = root_remove(root, GATE);

	return r < 0 ? log_error_errno(r, "cannot remove /" GATE) : 0;
}

/* The record has what a killed run owes. */
static int begin_work(const struct plan *plan, const struct root *root)
{
	_cleanup_free_ char *record = xstrdup("");
	int r = root_replace(root, "", 0644, GATE);

	for (size_t i = 0; i < plan->n_actions; i++) {
		const struct action *a = &plan->actions[i];
		char *more;

		if (!a->always || !streq(a->name, "sriov_drivers_autoprobe"))
			continue;
		more = xasprintf("%s%s %s\n", record, a->function, a->value);
		free(record);
		record = more;
	}
	if (r >= 0 && *record)
		r = root_replace(root, record, 0644, AUTOPROBE_RECORD);
	return r;
}

static int end_work(const struct root *root, bool failed)
{
	int r = open_gate(root);

	if (r < 0 || failed)
		return r;
	r = root_remove(root, AUTOPROBE_RECORD);
	return r < 0 ? log_error_errno(r, "cannot remove /" AUTOPROBE_RECORD) : 0;
}

/* What one round of observe, plan and do came to. */
struct outcome {
	unsigned done;
	size_t left; /* actions that the last plan still had */
	int problems, error;
	bool acted;  /* in this round */
	bool repair; /* what failed took something away: look what can be put right */
	struct timespec end;
};

static bool takes_away(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_actions; i++)
		if (plan->actions[i].disruptive)
			return true;
	return false;
}

/* `busy` gates the udev rule off while we bind by ourselves. */
static int round_of_actions(const struct config *config, const struct root *root,
			    const struct run_options *options, struct system *system,
			    struct outcome *outcome)
{
	_cleanup_(plan_done) struct plan plan = {};
	unsigned done;
	int r;

	system_done(system);
	r = system_observe(system, root, config);
	if (r < 0)
		return log_error_errno(r, "cannot read the PCI devices");
	plan = plan_make(config, system);
	if (options->device)
		plan_keep(&plan, options->device);
	outcome->left = count_now(&plan);
	outcome->acted = false;
	if (outcome->left == 0 || (outcome->error < 0 && !outcome->repair)) {
		outcome->problems = log_problems(&plan, false);
		return end_work(root, outcome->error < 0);
	}
	r = begin_work(&plan, root);
	if (r >= 0)
		r = write_rules(config, root, system);
	if (r < 0)
		return log_error_errno(r, "cannot write below /run");
	log_problems(&plan, true);
	outcome->acted = true;
	r = plan_apply(&plan, root, &outcome->end, &done);
	outcome->error = outcome->error ? outcome->error : r;
	outcome->repair = r < 0 && !config->keep_counts && takes_away(&plan);
	outcome->done += done;
	return end_work(root, outcome->error < 0);
}

/*
 * The plan that is empty after doing is the verification. A second round is for VFs that
 * appeared while the udev rule was gated off, and for a machine that changed meanwhile.
 */
static int converge(const struct config *config, const struct root *root,
		    const struct run_options *options, struct system *system,
		    struct outcome *outcome)
{
	struct config own = *config; /* owns nothing */

	for (int rounds = 0; rounds < 3; rounds++) {
		int r = round_of_actions(&own, root, options, system, outcome);

		if (r < 0 || outcome->left == 0)
			return r;
		if (!outcome->acted)
			break;
		own.keep_counts |= outcome->repair;
	}
	log_error_kind(
		MESSAGE_UNFINISHED, 0,
		"%zu actions are still to do after doing them; see sriov-setup plan",
		outcome->left);
	return -EAGAIN;
}

int run_apply(const struct config *config, const struct root *root,
	      const struct run_options *options)
{
	_cleanup_(system_done) struct system system = {};
	_cleanup_close_ int lock_fd = -1;
	struct outcome outcome = { .problems = LOG_DEBUG };
	struct config own = *config; /* owns nothing */
	bool failed;
	int r;

	if (!root->live)
		return run_kargs(config, root) < 0 ? 1 : 0;
	if (geteuid() != 0) {
		log_error_kind(MESSAGE_USAGE, 0,
			       "apply changes the machine: run it as root");
		return 1;
	}
	if (lock(root, &lock_fd) < 0)
		return 1;
	own.gentle |= options->boot;
	if (options->wait)
		wait_for_pfs(&own, root,
			     options->wait); /* what is missing fails in the plan */
	clock_gettime(CLOCK_MONOTONIC, &outcome.end);
	outcome.end.tv_sec += RUN_DEADLINE;
	/* before looking: the rule then starts a unit for each PF that appears after our
	 * look */
	r = root_replace(root, "", 0644, RUN_DIR "/done");
	r = r < 0 ? log_error_errno(r, "cannot make /" RUN_DIR "/done") :
		    converge(&own, root, options, &system, &outcome);
	failed = r < 0 || outcome.error < 0 || outcome.problems <= LOG_ERR;
	/* what was not seen whole must not take the place of what is true */
	failed |= root_trouble(root) < 0 || write_rules(config, root, &system) < 0;
	failed |= root_trouble(root) < 0 || write_exports(config, root, &system) < 0;
	if (!options->boot && !options->device)
		failed |= run_kargs(config, root) < 0;
	log_status("%s, %u changes made", failed ? "failed" : "done", outcome.done);
	return !failed ? 0 : outcome.done ? 3 : 1;
}

static int write_modprobe(const struct config *config, const struct root *root)
{
	_cleanup_(system_done) struct system system = {};
	_cleanup_free_ char *text = NULL;
	int r = system_observe(&system, root, config);

	if (r < 0)
		return log_error_errno(r, "cannot read the PCI devices");
	if (root->live)
		moved_check(root, config, &system);
	text = plan_modprobe(config, &system);
	r = *text ? root_replace(root, text, 0644, MODPROBE_CONF) :
		    root_remove(root, MODPROBE_CONF);
	if (r < 0)
		return log_error_errno(r, "cannot write /" MODPROBE_CONF);
	if (r > 0)
		log_info("%s /" MODPROBE_CONF
			 "; the initrd has it after its next rebuild",
			 *text ? "wrote" : "removed");
	return 0;
}

int run_kargs(const struct config *config, const struct root *root)
{
	_cleanup_(cmdline_done) struct cmdline wanted = {}, missing = {};
	_cleanup_(kernel_facts_done) struct kernel_facts facts = {};
	int options = write_modprobe(config, root),
	    limits = memlock_apply(root, &config->memlock),
	    r = kernel_facts_read(root, &facts);

	if (r < 0)
		return log_error_errno(r, "cannot read what the kernel runs with");
	kargs_wanted(&config->kernel, &facts, &wanted, &missing);
	log_set_kind(MESSAGE_KARGS);
	r = kargs_apply(root, &config->kernel, &facts, &wanted, &missing);
	log_set_kind(MESSAGE_FILES);
	return options < 0 ? options : limits < 0 ? limits : r;
}

static const struct function *find(const struct system *system, const char *address)
{
	for (size_t i = 0; i < system->n_functions; i++)
		if (streq(system->functions[i].address, address))
			return &system->functions[i];
	return NULL;
}

/* As system_observe(), and who has open what was made. */
static int observe_made(const struct config *config, const struct root *root,
			struct made *made, struct system *ret)
{
	_cleanup_free_ bool *which = NULL;
	int r = system_observe(ret, root, config);

	if (r < 0)
		return log_error_errno(r, "cannot read the PCI devices");
	which = xcalloc(ret->n_functions, sizeof(bool));
	for (size_t i = 0; i < made->n; i++) {
		const struct function *f = find(ret, made->items[i].address);

		if (f && made->items[i].driver)
			which[f - ret->functions] = true;
		for (size_t j = 0; f && j < f->n_vfs; j++)
			if (f->vfs[j] != NONE)
				which[f->vfs[j]] = true;
	}
	inuse_observe_open(ret, root, which, false);
	inuse_observe_made(made, root);
	return 0;
}

/* Gated: the udev rule would bind VFs whose events udevd still has. */
static int apply_gated(const struct plan *plan, const struct root *root)
{
	struct timespec end;
	unsigned done;
	int r = root_replace(root, "", 0644, GATE), opened;

	if (r < 0)
		return log_error_errno(r, "cannot write /" GATE);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += RUN_DEADLINE;
	r = plan_apply(plan, root, &end, &done);
	opened = open_gate(root);
	return r < 0 ? r : opened;
}

/* As with apply, the plan that is empty afterwards is the verification. */
static int take_back(const struct config *config, const struct root *root,
		     const char *only)
{
	for (int rounds = 0;; rounds++) {
		_cleanup_(made_done) struct made made = made_read(root);
		_cleanup_(system_done) struct system system = {};
		_cleanup_(plan_done) struct plan plan = {};
		int r = observe_made(config, root, &made, &system);

		if (r < 0)
			return r;
		plan = plan_reset(config, &system, &made, only);
		if (plan.n_actions == 0 && log_problems(&plan, false) <= LOG_ERR)
			return -EBUSY;
		if (plan.n_actions == 0) {
			r = only ? 0 : root_remove(root, MADE_PATH);
			if (r < 0)
				return log_error_errno(r, "cannot remove /" MADE_PATH);
			return open_gate(root); /* which a killed run has left shut */
		}
		if (rounds > 1) /* what carried mediated devices goes in the second */
			return log_error_kind(MESSAGE_UNFINISHED, EAGAIN,
					      "not all is taken back");
		r = apply_gated(&plan, root);
		if (r < 0)
			return r;
	}
}

static int remove_files(const struct config *config, const struct root *root)
{
	int r = kargs_remove(root, &config->kernel), first_error = r < 0 ? r : 0;
	const char *const files[] = { MODPROBE_CONF, RULES_PATH, MOVED_STATE };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		r = root_remove(root, "%s", files[i]);
		if (r > 0)
			log_info("removed /%s", files[i]);
		else if (r < 0)
			first_error = log_error_errno(r, "cannot remove /%s", files[i]);
	}
	r = memlock_apply(root, &(struct strings){});
	if (r < 0)
		first_error = r;
	r = links_remove(root);
	if (r < 0)
		first_error = r;
	r = remove_exports(config, root);
	return first_error ? first_error : r;
}

int run_reset(const struct config *config, const struct root *root, const char *only)
{
	_cleanup_close_ int lock_fd = -1;
	int r = root->live ? lock(root, &lock_fd) : 0, files;

	if (r < 0)
		return r;
	if (root->live)
		r = take_back(config, root, only);
	files = only ? 0 : remove_files(config, root);
	return r < 0 ? r : files;
}
