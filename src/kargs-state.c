#include "kargs-state.h"

#include "log.h"

#include <errno.h>

#define BOOT_ID "proc/sys/kernel/random/boot_id"

void kargs_state_done(struct kargs_state *state)
{
	cmdline_done(&state->words);
	cmdline_done(&state->previous);
	cmdline_done(&state->rejected);
	free(state->loader);
	free(state->certificate);
	free(state->boot_id);
	*state = (struct kargs_state){};
}

static void take_line(struct kargs_state *state, const char *key, const char *value)
{
	if (streq(key, "generation"))
		state->generation = (unsigned)strtoul(value, NULL, 10);
	else if (streq(key, "words"))
		cmdline_parse(&state->words, value);
	else if (streq(key, "previous"))
		cmdline_parse(&state->previous, value);
	else if (streq(key, "rejected"))
		cmdline_parse(&state->rejected, value);
	else if (streq(key, "loader"))
		state->loader = xstrdup(value);
	else if (streq(key, "certificate"))
		state->certificate = xstrdup(value);
	else if (streq(key, "boot_id"))
		state->boot_id = xstrdup(value);
	else if (streq(key, "trial"))
		state->trial = streq(value, "1");
	else if (streq(key, "told"))
		state->told = streq(value, "1");
}

int kargs_state_read(const struct root *root, struct kargs_state *ret)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int r = root_read(root, &text, KARGS_STATE);

	*ret = (struct kargs_state){};
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return log_error_errno(r, "cannot read /" KARGS_STATE);
	for (rest = text; (line = strsep(&rest, "\n"));) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		take_line(ret, line, value);
	}
	return 0;
}

int kargs_state_write(const struct root *root, const struct kargs_state *state)
{
	_cleanup_free_ char *words = cmdline_print(&state->words);
	_cleanup_free_ char *previous = cmdline_print(&state->previous);
	_cleanup_free_ char *rejected = cmdline_print(&state->rejected);
	_cleanup_free_ char *text = xasprintf(
		"generation=%u\nwords=%s\nprevious=%s\nrejected=%s\nloader=%s\n"
		"certificate=%s\nboot_id=%s\ntrial=%d\ntold=%d\n",
		state->generation, words, previous, rejected,
		state->loader ? state->loader : "",
		state->certificate ? state->certificate : "",
		state->boot_id ? state->boot_id : "", state->trial, state->told);
	int r = root_replace(root, text, 0644, KARGS_STATE);

	return r < 0 ? log_error_errno(r, "cannot write /" KARGS_STATE) : 0;
}

/* FNV-1a: to see a change, not to prove anything */
static uint64_t hash(const char *data, size_t size)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ (unsigned char)data[i]) * 0x100000001b3;
	return sum;
}

char *kargs_state_stamp(const struct signing_key *key)
{
	_cleanup_(root_done) struct root host = { .fd = -1 };
	_cleanup_free_ char *text = NULL;
	size_t size;

	if (!key->certificate)
		return xstrdup("none");
	if (root_open(&host, "/") < 0 ||
	    root_read_bytes(&host, &text, &size, "%s", key->certificate + 1) < 0)
		return NULL;
	return xasprintf("%016llx", (unsigned long long)hash(text, size));
}

bool kargs_state_is_elsewhere(const struct kargs_state *state, const char *loader)
{
	bool none = state->words.words.n == 0 && kargs_state_is_finished(state);

	return !none && state->loader && *state->loader && !streq(state->loader, loader);
}

bool kargs_state_is_stale(const struct kargs_state *state,
			  const struct kernel_config *config)
{
	_cleanup_free_ char *stamp = NULL;

	if (config->bootloader && kargs_state_is_elsewhere(state, config->bootloader))
		return true;
	/* what is signed stays good where the key is not at hand any more */
	if (!config->secure_boot.key || !state->certificate || !*state->certificate)
		return false;
	stamp = kargs_state_stamp(&config->secure_boot);
	return stamp && !streq(state->certificate, stamp);
}

bool kargs_state_is_finished(const struct kargs_state *state)
{
	return state->generation == 0 || (state->boot_id && *state->boot_id);
}

char *kargs_state_boot_id(const struct root *root)
{
	char *id = NULL;

	if (!root->live || root_read(root, &id, BOOT_ID) < 0)
		return xstrdup(KARGS_IMAGE);
	return id;
}
