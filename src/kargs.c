#include "kargs.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#define STATE "var/lib/sriov-setup/kargs"
#define BOOT_ID "proc/sys/kernel/random/boot_id"
#define MARKER "sriov_setup.gen="
/* of COMMAND_LINE_SIZE, 2048 on x86 and arm64: others want room too */
#define WORDS_MAX 1500

struct state {
	unsigned generation; /* 0: never anything */
	struct cmdline words;
	char *boot_id; /* in which they were installed; "" while that is not finished */
	bool told;     /* how it came out has been said once */
};

static void state_done(struct state *state)
{
	cmdline_done(&state->words);
	free(state->boot_id);
}

static int state_read(const struct root *root, struct state *ret)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int r = root_read(root, &text, STATE);

	*ret = (struct state){};
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return log_error_errno(r, "cannot read /" STATE);
	for (rest = text; (line = strsep(&rest, "\n"));) {
		if (startswith(line, "generation="))
			ret->generation =
				(unsigned)strtoul(line + strlen("generation="), NULL, 10);
		else if (startswith(line, "words="))
			cmdline_parse(&ret->words, line + strlen("words="));
		else if (startswith(line, "boot_id="))
			ret->boot_id = xstrdup(line + strlen("boot_id="));
		else if (streq(line, "told=1"))
			ret->told = true;
	}
	return 0;
}

static int state_write(const struct root *root, const struct state *state)
{
	_cleanup_free_ char *words = cmdline_print(&state->words);
	_cleanup_free_ char *text = xasprintf(
		"generation=%u\nwords=%s\nboot_id=%s\ntold=%d\n", state->generation,
		words, state->boot_id ? state->boot_id : "", state->told);
	int r = root_replace(root, text, 0644, STATE);

	return r < 0 ? log_error_errno(r, "cannot write /" STATE) : 0;
}

int kargs_read_ours(const struct root *root, struct cmdline *ret)
{
	struct state state;
	int r = state_read(root, &state);

	if (r < 0)
		return r;
	for (size_t i = 0; i < state.words.words.n; i++)
		cmdline_add(ret, state.words.words.items[i]);
	state_done(&state);
	return 0;
}

static char *boot_id(const struct root *root)
{
	char *id = NULL;

	if (!root->live || root_read(root, &id, BOOT_ID) < 0)
		return xstrdup("image");
	return id;
}

static int lock(const struct root *root, int *ret)
{
	int fd, r;

	if (!root->live) {
		*ret = -1;
		return 0;
	}
	r = root_replace(root, "", 0600, "run/sriov-setup/kargs.lock");
	fd = r < 0 ? r : root_openat(root, O_RDWR, "run/sriov-setup/kargs.lock");
	if (fd < 0)
		return log_error_errno(fd, "cannot open /run/sriov-setup/kargs.lock");
	for (int tries = 100; flock(fd, LOCK_EX | LOCK_NB) < 0; tries--) {
		if (errno != EWOULDBLOCK || tries == 0) {
			r = log_error_errno(errno,
					    "another run changes the kernel arguments");
			close(fd);
			return r;
		}
		usleep(100000);
	}
	*ret = fd;
	return 0;
}

/* Policy of Debian and Ubuntu: the flag, and who asked, one package per line. */
static void signal_reboot(const struct root *root)
{
	_cleanup_free_ char *packages = NULL, *more = NULL;

	if (!root->live)
		return;
	root_replace(root, "", 0644, "run/sriov-setup/reboot-required");
	if (!root_exists(root, "run/reboot-required"))
		root_replace(root, "*** System restart required ***\n", 0644,
			     "run/reboot-required");
	root_read(root, &packages, "run/reboot-required.pkgs");
	if (packages && strstr(packages, "sriov-setup"))
		return; /* no other package's name has ours in it */
	more = xasprintf("%s%ssriov-setup\n", packages ? packages : "",
			 packages && *packages ? "\n" : "");
	root_replace(root, more, 0644, "run/reboot-required.pkgs");
}

static struct cmdline with_marker(const struct cmdline *words, unsigned generation)
{
	_cleanup_free_ char *marker = xasprintf(MARKER "%u", generation);
	struct cmdline all = {};

	if (words->words.n == 0)
		return all;
	for (size_t i = 0; i < words->words.n; i++)
		cmdline_add(&all, words->words.items[i]);
	cmdline_add(&all, marker);
	return all;
}

static int install_words(const struct root *root, const struct bootloader *loader,
			 const struct cmdline *words, const struct signing_key *key)
{
	return loader->install_signed ? loader->install_signed(root, words, key) :
					loader->install(root, words);
}

/* install, refresh; what was there before comes back when either fails */
static int install(const struct root *root, const struct bootloader *loader,
		   const struct cmdline *words, const struct signing_key *key)
{
	_cleanup_(cmdline_done) struct cmdline before = {};
	int changed, r = loader->read(root, &before);

	if (r < 0 && r != -ENOENT)
		return r;
	changed = install_words(root, loader, words, key);
	if (changed < 0 || !loader->refresh || !root->live)
		return changed;
	r = loader->refresh(root, words);
	if (r < 0) {
		install_words(root, loader, &before, key);
		return r;
	}
	return 1;
}

/* Says once how the installed generation came out in a later boot; it is never tried
 * again. */
static int judge(const struct root *root, struct state *state,
		 const struct kernel_facts *facts, const struct cmdline *missing)
{
	_cleanup_free_ char *now = boot_id(root), *words = NULL;
	_cleanup_free_ char *marker = xasprintf(MARKER "%u", state->generation);

	if (facts->offline || state->told || streq(now, state->boot_id) ||
	    state->words.words.n == 0)
		return 0;
	words = cmdline_print(missing);
	if (!cmdline_has(&facts->running, marker))
		log_warning("this boot did not take our kernel arguments (%s is not on "
			    "the command line): "
			    "another boot entry or boot loader was used; not tried again",
			    marker);
	else if (missing->words.n)
		log_warning("kernel arguments arrived but have no effect: %s; look at "
			    "the firmware "
			    "(VT-d/AMD-Vi, SR-IOV, Above 4G decoding); not tried again",
			    words);
	else
		log_info("kernel arguments of generation %u are in effect",
			 state->generation);
	state->told = true;
	return state_write(root, state);
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

static int refuse_conflict(const struct kernel_facts *facts, const struct cmdline *wanted)
{
	_cleanup_(cmdline_done) struct cmdline foreign = {};
	const char *ours, *theirs;

	/* what an earlier generation of ours says is about to be replaced */
	for (size_t i = 0; i < facts->running.words.n; i++)
		if (!strings_contain(&facts->ours.words, facts->running.words.items[i]))
			cmdline_add(&foreign, facts->running.words.items[i]);
	theirs = cmdline_conflict(&foreign, wanted, &ours);
	if (!theirs)
		return 0;
	return log_error_errno(EEXIST,
			       "the kernel command line has %s, which contradicts %s; "
			       "remove one of them",
			       theirs, ours);
}

/* The old words are back: the record says so too, or the plan would think us done */
static void forget_attempt(const struct root *root, const struct state *old)
{
	if (old->generation)
		state_write(root, old);
	else
		root_remove(root, STATE);
}

static int change(const struct root *root, const struct bootloader *loader,
		  const struct state *old, const struct cmdline *wanted,
		  const struct signing_key *key)
{
	_cleanup_(state_done) struct state new = { .generation = old->generation + 1 };
	_cleanup_(cmdline_done) struct cmdline words =
		with_marker(wanted, new.generation);
	_cleanup_free_ char *text = cmdline_print(wanted);
	int r;

	/* written first: an interrupted attempt is finished by the next run, boot_id is
	 * empty then */
	cmdline_parse(&new.words, text);
	r = state_write(root, &new);
	if (r < 0)
		return r;
	r = install(root, loader, &words, key);
	if (r < 0) {
		forget_attempt(root, old);
		return r;
	}
	new.boot_id = boot_id(root);
	r = state_write(root, &new);
	if (r < 0)
		return r;
	log_info("kernel arguments of the next boot, by %s: %s", loader->name,
		 *text ? text : "(none of ours)");
	if (loader->refresh) {
		signal_reboot(root);
		log_info("they take effect with the next reboot");
	}
	return 1;
}

/* The record is lost but the boot loader has words of ours: numbers go on after theirs */
static int find_orphan(const struct root *root, const struct bootloader *loader,
		       struct state *state)
{
	_cleanup_(cmdline_done) struct cmdline words = {};
	int r = loader->read(root, &words);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	state->generation = 1;
	for (size_t i = 0; i < words.words.n; i++)
		if (startswith(words.words.items[i], MARKER))
			state->generation = (unsigned)strtoul(
				words.words.items[i] + strlen(MARKER), NULL, 10);
	return 0;
}

int kargs_apply(const struct root *root, const struct kernel_config *config,
		const struct kernel_facts *facts, const struct cmdline *wanted,
		const struct cmdline *missing)
{
	_cleanup_(state_done) struct state state = {};
	_cleanup_close_ int lock_fd = -1;
	const struct bootloader *loader;
	bool finished;
	int r = lock(root, &lock_fd);

	if (r < 0)
		return r;
	r = state_read(root, &state);
	/* in a container nothing is asked for, and nothing is wrong */
	if (r == 0 && wanted->words.n == 0 && state.generation == 0 &&
	    !config->bootloader && bootloader_refusal(root))
		return 0;
	if (r == 0)
		r = bootloader_find(&loader, root, config->bootloader);
	if (r == 0 && state.generation == 0)
		r = find_orphan(root, loader, &state);
	if (r < 0)
		return r;
	finished = state.generation == 0 || (state.boot_id && *state.boot_id);
	if (finished && cmdline_equal(wanted, &state.words))
		return judge(root, &state, facts, missing);
	r = refuse_unsafe(wanted);
	if (r == 0)
		r = refuse_conflict(facts, wanted);
	if (r < 0)
		return r;
	return change(root, loader, &state, wanted, &config->secure_boot);
}

int kargs_remove(const struct root *root, const char *name)
{
	_cleanup_(state_done) struct state state = {};
	_cleanup_close_ int lock_fd = -1;
	const struct bootloader *loader;
	int r = lock(root, &lock_fd);

	if (r == 0)
		r = state_read(root, &state);
	if (r < 0)
		return r;
	r = bootloader_find(&loader, root, name);
	if (r < 0)
		return r;
	if (state.generation == 0 && loader->read(root, &state.words) == -ENOENT)
		return 0;
	r = install(root, loader, &(struct cmdline){}, &(struct signing_key){});
	if (r < 0)
		return r;
	r = root_remove(root, STATE);
	if (r < 0)
		return log_error_errno(r, "cannot remove /" STATE);
	log_info("our kernel arguments are gone from %s", loader->name);
	signal_reboot(root);
	return 1;
}

static const char *state_text(const struct root *root, const struct state *state,
			      const struct kernel_facts *facts,
			      const struct cmdline *missing)
{
	_cleanup_free_ char *now = boot_id(root);
	_cleanup_free_ char *marker = xasprintf(MARKER "%u", state->generation);

	if (state->words.words.n == 0)
		return "none of ours";
	if (!state->boot_id || !*state->boot_id)
		return "interrupted; the next \"kargs apply\" finishes it";
	if (streq(now, state->boot_id) || facts->offline)
		return "installed, take effect with the next reboot";
	if (!cmdline_has(&facts->running, marker))
		return "not booted: another boot entry or boot loader was used";
	return missing->words.n ? "booted, but without effect" : "active";
}

int kargs_status(const struct root *root, const char *name,
		 const struct kernel_facts *facts, const struct cmdline *wanted,
		 const struct cmdline *missing)
{
	_cleanup_(state_done) struct state state = {};
	const struct bootloader *loader;
	int r = state_read(root, &state);

	if (r == 0)
		r = bootloader_find(&loader, root, name);
	if (r < 0)
		return r;
	printf("boot loader:  %s\n", loader->name);
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
