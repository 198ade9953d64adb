#include "kargs-state.h"

#include "log.h"

#include <errno.h>

#define BOOT_ID "proc/sys/kernel/random/boot_id"

void kargs_state_done(struct kargs_state *state)
{
	cmdline_done(&state->words);
	cmdline_done(&state->previous);
	cmdline_done(&state->rejected);
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
		"generation=%u\nwords=%s\nprevious=%s\nrejected=%s\nboot_id=%s\ntrial=%"
		"d\ntold=%d\n",
		state->generation, words, previous, rejected,
		state->boot_id ? state->boot_id : "", state->trial, state->told);
	int r = root_replace(root, text, 0644, KARGS_STATE);

	return r < 0 ? log_error_errno(r, "cannot write /" KARGS_STATE) : 0;
}

bool kargs_state_is_finished(const struct kargs_state *state)
{
	return state->generation == 0 || (state->boot_id && *state->boot_id);
}

char *kargs_state_boot_id(const struct root *root)
{
	char *id = NULL;

	if (!root->live || root_read(root, &id, BOOT_ID) < 0)
		return xstrdup("image");
	return id;
}
