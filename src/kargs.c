#include "kargs.h"

#include "kargs-state.h"
#include "log.h"

#include <errno.h>

#define LOCK "run/sriov-setup/kargs.lock"
#define LOCK_DEADLINE 10 /* seconds */
#define MARKER "sriov_setup.gen="
/* of COMMAND_LINE_SIZE, 2048 on x86 and arm64: others want room too */
#define WORDS_MAX 1500

/* What every verb works on. */
struct kargs {
	const struct root *root;
	const struct kernel_config *config;
	const struct bootloader *loader;
	struct kargs_state state;
	int lock; /* -1: none is needed, an image has one builder */
};

static int lock(const struct root *root, int *ret)
{
	int fd = root->live ? root_lock(root, LOCK_DEADLINE, LOCK) : -1;

	if (root->live && fd < 0)
		return log_error_errno(fd, fd == -EAGAIN ?
						   "another run that changes kernel "
						   "arguments holds /" LOCK :
						   "cannot lock /" LOCK);
	*ret = fd;
	return 0;
}

/* Policy of Debian and Ubuntu: the flag, and who asked, one package per line. */
static int signal_reboot(const struct root *root)
{
	_cleanup_free_ char *packages = NULL, *more = NULL;
	int r;

	if (!root->live)
		return 0;
	r = root_replace(root, "", 0644, "run/sriov-setup/reboot-required");
	if (r >= 0 && !root_exists(root, "run/reboot-required"))
		r = root_replace(root, "*** System restart required ***\n", 0644,
				 "run/reboot-required");
	root_read(root, &packages, "run/reboot-required.pkgs");
	/* no other package's name has ours in it */
	if (r >= 0 && !(packages && strstr(packages, "sriov-setup"))) {
		more = xasprintf("%s%ssriov-setup\n", packages ? packages : "",
				 packages && *packages ? "\n" : "");
		r = root_replace(root, more, 0644, "run/reboot-required.pkgs");
	}
	return r < 0 ? log_error_errno(r, "cannot write /run/reboot-required") : 0;
}

static void kargs_close(struct kargs *k)
{
	kargs_state_done(&k->state);
	closep(&k->lock);
}

/* The record is lost but the boot loader has words of ours: numbers go on after theirs */
static int find_orphan(struct kargs *k)
{
	_cleanup_(cmdline_done) struct cmdline words = {};
	int r = k->loader->read(k->root, &words);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	k->state.generation = 1;
	for (size_t i = 0; i < words.words.n; i++)
		if (startswith(words.words.items[i], MARKER))
			k->state.generation = (unsigned)strtoul(
				words.words.items[i] + strlen(MARKER), NULL, 10);
	return 0;
}

static int kargs_open(struct kargs *ret, const struct root *root,
		      const struct kernel_config *config)
{
	int r;

	*ret = (struct kargs){ .root = root, .config = config, .lock = -1 };
	r = lock(root, &ret->lock);
	if (r == 0)
		r = kargs_state_read(root, &ret->state);
	if (r == 0)
		r = bootloader_find(&ret->loader, root, config->bootloader);
	if (r == 0 && ret->state.generation == 0)
		r = find_orphan(ret);
	return r;
}

static struct cmdline with_marker(const struct cmdline *words, unsigned generation)
{
	_cleanup_free_ char *marker = xasprintf(MARKER "%u", generation);
	struct cmdline all = {};

	if (words->words.n == 0)
		return all;
	cmdline_append(&all, words);
	cmdline_add(&all, marker);
	return all;
}

static bool is_booted(const struct kargs_state *state, const struct kernel_facts *facts)
{
	_cleanup_free_ char *marker = xasprintf(MARKER "%u", state->generation);

	return cmdline_has(&facts->running, marker);
}

static int install_words(const struct kargs *k, const struct cmdline *words)
{
	return k->loader->install(k->root, words, &k->config->secure_boot);
}

/* install and refresh, or arm; what was there before comes back when one fails */
static int install(const struct kargs *k, const struct kargs_state *state)
{
	_cleanup_(cmdline_done) struct cmdline before = {};
	_cleanup_(cmdline_done) struct cmdline words =
		with_marker(&state->words, state->generation);
	int changed, r = k->loader->read(k->root, &before);

	if (r < 0 && r != -ENOENT)
		return r;
	if (state->trial)
		return k->loader->arm(k->root, &before, &words, state->generation);
	log_status("kernel arguments of the next boot, by %s", k->loader->name);
	changed = install_words(k, &words);
	if (changed < 0 || !k->loader->refresh || !k->root->live)
		return changed;
	r = k->loader->refresh(k->root, &words);
	if (r < 0) {
		install_words(k, &before);
		return r;
	}
	return 1;
}

static bool is_elsewhere(const struct kargs *k)
{
	return kargs_state_is_elsewhere(&k->state, k->loader->name);
}

/* What an image was built with stays the image's, whatever boots it: bootc-kargsd's file
 * is even out of reach. */
static bool is_of_image(const struct kargs *k)
{
	return k->root->live && streq(k->state.boot_id, KARGS_IMAGE);
}

/* Nothing boots from there any more, so what its tools say is only worth a warning. */
static int clean_up(const struct kargs *k)
{
	const struct cmdline none = {};
	const struct bootloader *old;
	int r = bootloader_find(&old, k->root, k->state.loader);

	if (r < 0)
		return r;
	r = old->install(k->root, &none, &k->config->secure_boot);
	if (r < 0)
		return log_error_errno(
			r,
			"the words that %s has are still there, and this machine now "
			"boots by %s: make \"sriov-setup kargs remove\" work with "
			"kernel.bootloader = \"%s\", or take them out by hand and remove "
			"/" KARGS_STATE,
			old->name, k->loader->name, old->name);
	if (old->refresh && k->root->live && old->refresh(k->root, &none) < 0)
		log_warning("%s could not be refreshed; it does not boot this machine",
			    old->name);
	log_info("this machine now boots by %s: our words are gone from %s",
		 k->loader->name, old->name);
	return 1;
}

/* Says once how the installed generation came out in a later boot; it is never tried
 * again. */
static int judge(struct kargs *k, const struct kernel_facts *facts,
		 const struct cmdline *missing)
{
	_cleanup_free_ char *now = kargs_state_boot_id(k->root);
	const struct log_subject not_taken = { .kind = MESSAGE_NOT_TAKEN };
	_cleanup_free_ char *words = NULL;

	if (facts->offline || k->state.told || streq(now, k->state.boot_id) ||
	    k->state.words.words.n == 0)
		return 0;
	words = cmdline_print(missing);
	if (!is_booted(&k->state, facts))
		log_full(LOG_WARNING, &not_taken,
			 "this boot did not take our kernel arguments (" MARKER
			 "%u is not on the command line): another boot entry or boot "
			 "loader "
			 "was used; not tried again",
			 k->state.generation);
	else if (missing->words.n)
		log_full(LOG_WARNING, &not_taken,
			 "kernel arguments arrived but have no effect: %s; look at the "
			 "firmware (VT-d/AMD-Vi, SR-IOV, Above 4G decoding); not tried "
			 "again",
			 words);
	else
		log_info("kernel arguments of generation %u are in effect",
			 k->state.generation);
	k->state.told = true;
	return kargs_state_write(k->root, &k->state);
}

/* A word that breaks GRUB's shell would break every later kernel upgrade too. */
static int refuse_unsafe(const struct cmdline *wanted)
{
	_cleanup_free_ char *text = cmdline_print(wanted);
	const char *why;

	for (size_t i = 0; i < wanted->words.n; i++)
		if (!cmdline_word_is_safe(wanted->words.items[i], &why))
			return log_error_errno(EINVAL, "kernel argument %s: %s",
					       wanted->words.items[i], why);
	if (strlen(text) > WORDS_MAX)
		return log_error_errno(E2BIG, "kernel arguments of %zu characters",
				       strlen(text));
	return 0;
}

/*
 * Each driver reads its own switch: intel_iommu=off says nothing to an AMD machine. And
 * pci_realloc = "on" is the administrator's later word; the last one wins, pci_setup().
 */
static bool concerns(const struct kernel_config *config, const struct kernel_facts *facts,
		     const char *word)
{
	if (config->pci_realloc == REALLOC_ON && streq(word, "pci=realloc=off"))
		return false;
	return facts->offline ||
	       !startswith(word, facts->cpu == CPU_INTEL ? "amd_iommu=" : "intel_iommu=");
}

/* What others say: to the running kernel, and to the next one. */
static int refuse_conflict(const struct kargs *k, const struct kernel_facts *facts,
			   const struct cmdline *wanted)
{
	_cleanup_(cmdline_done) struct cmdline all = {}, foreign = {};
	const char *ours, *theirs;
	int r = 0;

	cmdline_append(&all, &facts->running);
	if (k->loader->foreign)
		r = k->loader->foreign(k->root, &all);
	if (r < 0)
		return r;
	/* what an earlier generation of ours says is about to be replaced */
	for (size_t i = 0; i < all.words.n; i++)
		if (!strings_contain(&facts->ours.words, all.words.items[i]) &&
		    concerns(k->config, facts, all.words.items[i]))
			cmdline_add(&foreign, all.words.items[i]);
	theirs = cmdline_conflict(&foreign, wanted, &ours);
	if (!theirs)
		return 0;
	return log_error_errno(EEXIST,
			       "the kernel command line has %s, which contradicts %s; "
			       "remove one of them",
			       theirs, ours);
}

/* The old words are back: the record says so too, or the plan would think us done */
static void forget_attempt(const struct root *root, const struct kargs_state *old)
{
	if (old->generation)
		kargs_state_write(root, old);
	else
		root_remove(root, KARGS_STATE);
}

/* "": this back end signs nothing */
static char *stamp(const struct kargs *k)
{
	return k->loader->signs ? kargs_state_stamp(&k->config->secure_boot) :
				  xstrdup("");
}

/* Takes `new`, whose words are the wish; fills in the rest. */
static int change(struct kargs *k, struct kargs_state *new)
{
	_cleanup_free_ char *text = cmdline_print(&new->words);
	int r;

	r = is_elsewhere(k) && !is_of_image(k) ? clean_up(k) : 0;
	if (r < 0)
		return r;
	new->generation = k->state.generation + 1;
	new->loader = xstrdup(k->loader->name);
	new->certificate = stamp(k);
	/* written first: an interrupted attempt is finished by the next run, boot_id is
	 * empty then */
	r = kargs_state_write(k->root, new);
	if (r < 0)
		return r;
	r = install(k, new);
	if (r < 0) {
		forget_attempt(k->root, &k->state);
		return r;
	}
	new->boot_id = kargs_state_boot_id(k->root);
	r = root_trouble(k->root);
	/* before the record, which says that nothing is left to do */
	if (r == 0 && k->loader->refresh)
		r = signal_reboot(k->root);
	if (r == 0)
		r = kargs_state_write(k->root, new);
	if (r < 0)
		return r;
	log_info("kernel arguments of the next boot%s, by %s: %s",
		 new->trial ? " only" : "", k->loader->name,
		 *text ? text : "(none of ours)");
	if (k->loader->refresh)
		log_info("they take effect with the next reboot");
	return 1;
}

/* An interrupted change, done again. */
static int finish(struct kargs *k)
{
	_cleanup_(kargs_state_done) struct kargs_state new = {};

	cmdline_append(&new.words, &k->state.words);
	cmdline_append(&new.previous, &k->state.previous);
	cmdline_append(&new.rejected, &k->state.rejected);
	return change(k, &new);
}

/* After the one boot that was armed: it came up with the words, so they stay; or they go.
 */
static int settle_trial(struct kargs *k, const struct kernel_facts *facts,
			const struct cmdline *missing)
{
	_cleanup_free_ char *now = kargs_state_boot_id(k->root);
	bool good = is_booted(&k->state, facts);
	int r;

	if (streq(now, k->state.boot_id))
		return 0; /* not rebooted yet */
	if (!good) {
		cmdline_done(&k->state.rejected);
		k->state.rejected = k->state.words;
		k->state.words = k->state.previous;
		k->state.previous = (struct cmdline){};
		k->state.told = true;
	}
	k->state.trial = false;
	r = install(k, &k->state);
	if (r >= 0)
		r = kargs_state_write(k->root, &k->state);
	if (r < 0)
		return r;
	if (!good)
		log_warning(
			"the trial boot of our kernel arguments did not come up, or "
			"another "
			"boot entry was used: they are taken back and not tried again");
	else
		log_info("the trial boot came up: the kernel arguments stay");
	return good ? judge(k, facts, missing) : 1;
}

/* The same words with another signature: the next boot is as it would have been. */
static int sign_again(struct kargs *k)
{
	int r = install(k, &k->state);

	if (r < 0)
		return r;
	free(k->state.certificate);
	k->state.certificate = stamp(k);
	r = kargs_state_write(k->root, &k->state);
	if (r < 0)
		return r;
	log_info("the kernel arguments are signed with another key now");
	return 1;
}

static int apply(struct kargs *k, const struct kernel_facts *facts,
		 const struct cmdline *wanted, const struct cmdline *missing)
{
	_cleanup_(kargs_state_done) struct kargs_state new = {};
	bool finished = kargs_state_is_finished(&k->state);
	/* words that arrive are where they belong, unless the config names another place
	 */
	bool moved = is_elsewhere(k) &&
		     (k->config->bootloader || !is_booted(&k->state, facts));
	int r;

	if (finished && !moved && cmdline_equal(wanted, &k->state.words)) {
		if (k->state.trial)
			return settle_trial(k, facts, missing);
		return kargs_state_is_stale(&k->state, k->config) ?
			       sign_again(k) :
			       judge(k, facts, missing);
	}
	if (wanted->words.n && cmdline_equal(wanted, &k->state.rejected))
		return finished ? 0 : finish(k); /* a rollback */
	r = refuse_unsafe(wanted);
	if (r == 0)
		r = refuse_conflict(k, facts, wanted);
	if (r < 0)
		return r;
	cmdline_append(&new.words, wanted);
	/* the words of an interrupted attempt were never in effect */
	cmdline_append(&new.previous, finished ? &k->state.words : &k->state.previous);
	new.trial =
		k->config->trial && wanted->words.n && k->root->live && k->loader->arm;
	if (k->config->trial && !k->loader->arm)
		log_warning("%s cannot try kernel arguments for one boot: they stay",
			    k->loader->name);
	return change(k, &new);
}

int kargs_apply(const struct root *root, const struct kernel_config *config,
		const struct kernel_facts *facts, const struct cmdline *wanted,
		const struct cmdline *missing)
{
	_cleanup_(kargs_close) struct kargs k = { .lock = -1 };
	int r;

	/* in a container nothing is asked for, and nothing is wrong */
	if (wanted->words.n == 0 && facts->ours.words.n == 0 && !config->bootloader &&
	    bootloader_refusal(root))
		return 0;
	r = kargs_open(&k, root, config);
	return r < 0 ? r : apply(&k, facts, wanted, missing);
}

int kargs_remove(const struct root *root, const struct kernel_config *config)
{
	_cleanup_(kargs_close) struct kargs k;
	const struct kargs_state none = {};
	int r = kargs_open(&k, root, config);

	if (r < 0)
		return r;
	if (k.state.generation == 0)
		return 0;
	r = is_elsewhere(&k) && !is_of_image(&k) ? clean_up(&k) : install(&k, &none);
	if (r < 0)
		return r;
	r = signal_reboot(root);
	if (r < 0)
		return r;
	r = root_remove(root, KARGS_STATE);
	if (r < 0)
		return log_error_errno(r, "cannot remove /" KARGS_STATE);
	log_info("our kernel arguments are gone from %s", k.loader->name);
	return 1;
}

int kargs_rollback(const struct root *root, const struct kernel_config *config)
{
	_cleanup_(kargs_close) struct kargs k;
	_cleanup_(kargs_state_done) struct kargs_state new = {};
	int r = kargs_open(&k, root, config);

	if (r < 0)
		return r;
	if (!kargs_state_is_finished(&k.state) && k.state.rejected.words.n)
		return finish(&k);
	if (cmdline_equal(&k.state.words, &k.state.previous)) {
		log_info("no generation of kernel arguments to go back to");
		return 0;
	}
	cmdline_append(&new.words, &k.state.previous);
	cmdline_append(&new.rejected, &k.state.words);
	r = change(&k, &new);
	if (r > 0)
		log_info("what was taken back is not tried again until the config asks "
			 "for "
			 "something else");
	return r;
}

static const char *state_text(const struct root *root, const struct kargs_state *state,
			      const struct kernel_facts *facts,
			      const struct cmdline *missing)
{
	_cleanup_free_ char *now = kargs_state_boot_id(root);

	if (!kargs_state_is_finished(state))
		return "interrupted; the next \"kargs apply\" finishes it";
	if (state->words.words.n == 0)
		return state->rejected.words.n ? "rolled back" : "none of ours";
	if (streq(now, state->boot_id) || facts->offline)
		return state->trial ? "armed for one boot, the next" :
				      "installed, take effect with the next reboot";
	if (!is_booted(state, facts))
		return "not booted: another boot entry or boot loader was used";
	return missing->words.n ? "booted, but without effect" : "active";
}

int kargs_status(const struct root *root, const struct kernel_config *config,
		 const struct kernel_facts *facts, const struct cmdline *wanted,
		 const struct cmdline *missing)
{
	_cleanup_(kargs_state_done) struct kargs_state state = {};
	const struct bootloader *loader;
	int r = kargs_state_read(root, &state);

	if (r == 0)
		r = bootloader_find(&loader, root, config->bootloader);
	if (r < 0)
		return r;
	printf("boot loader:  %s\n", loader->name);
	if (kargs_state_is_elsewhere(&state, loader->name))
		printf("our words:    are with %s\n", state.loader);
	printf("generation:   %u\n", state.generation);
	printf("state:        %s\n", state_text(root, &state, facts, missing));
	printf("reboot:       %s\n",
	       root->live && root_exists(root, "run/sriov-setup/reboot-required") ?
		       "needed" :
		       "not needed");
	for (size_t i = 0; i < wanted->words.n; i++)
		printf("asked for:    %-24s %s\n", wanted->words.items[i],
		       facts->offline                               ? "" :
		       cmdline_has(missing, wanted->words.items[i]) ? "not in effect" :
								      "in effect");
	if (wanted->words.n == 0)
		printf("asked for:    nothing that is not in effect already\n");
	return 0;
}
