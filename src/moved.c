#include "moved.h"

#include "log.h"
#include "plan.h"

#include <errno.h>

/* "mac 52:54:00:12:34:56", "serial 00-11-…"; NULL: it has nothing that is its own. */
static char *identity(const struct function *f)
{
	for (size_t i = 0; i < f->n_netdevs; i++)
		if (f->netdevs[i].mac)
			return xasprintf("mac %s", f->netdevs[i].mac);
	return f->serial ? xasprintf("serial %s", f->serial) : NULL;
}

/* " /etc/sriov.conf:3" for each rule that matches by one of the addresses. */
static char *rules_by_address(const struct config *config, const char *a, const char *b)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < config->n_pfs + config->n_devices; i++) {
		const bool pf = i < config->n_pfs;
		const struct match *match =
			pf ? &config->pfs[i].match :
			     &config->devices[i - config->n_pfs].match;
		const struct where *where =
			pf ? &config->pfs[i].where :
			     &config->devices[i - config->n_pfs].where;
		_cleanup_free_ char *before = NULL;

		if (!streq(match->address, a) && !streq(match->address, b))
			continue;
		before = all;
		all = xasprintf("%s %s:%d", before, where->file, where->line);
	}
	return all;
}

static void tell(const struct config *config, const struct function *f, const char *who,
		 const char *before)
{
	const struct log_subject subject = { .pci = f->address };
	_cleanup_free_ char *rules = rules_by_address(config, before, f->address);

	log_full(LOG_WARNING, &subject, "was at %s when it was last seen (%s)%s%s",
		 before, who, *rules ? "; look at the rules that go by address:" : "",
		 rules);
}

/* The address in a line of the file, "IDENTITY ADDRESS"; NULL: it is about another. */
static const char *address_of(const char *line, const char *who)
{
	size_t n = strlen(who);

	return startswith(line, who) && line[n] == ' ' ? line + n + 1 : NULL;
}

static bool is_seen(const struct strings *seen, const char *line)
{
	for (size_t i = 0; i < seen->n; i++)
		if (address_of(line, seen->items[i]))
			return true;
	return false;
}

/* Tells of what moved, and writes what is seen now. */
static void look(FILE *out, const struct config *config, const struct system *system,
		 const struct strings *lines, struct strings *seen)
{
	for (size_t i = 0; i < system->n_functions; i++) {
		const struct function *f = &system->functions[i];
		bool governed = plan_pf_rule(config, f) != NONE ||
				plan_device_rule(config, f) != NONE;
		_cleanup_free_ char *who = governed ? identity(f) : NULL;

		if (!who || strings_contain(seen, who))
			continue;
		strings_add(seen, who);
		for (size_t j = 0; j < lines->n; j++) {
			const char *before = address_of(lines->items[j], who);

			if (before && !streq(before, f->address))
				tell(config, f, who, before);
		}
		fprintf(out, "%s %s\n", who, f->address);
	}
}

int moved_check(const struct root *root, const struct config *config,
		const struct system *system)
{
	_cleanup_free_ char *kept = NULL, *text = NULL;
	struct strings lines = {}, seen = {};
	char *rest, *line;
	int r = root_read(root, &kept, MOVED_STATE);
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	for (rest = kept; rest && (line = strsep(&rest, "\n"));)
		strings_add(&lines, line);
	look(out, config, system, &lines, &seen);
	for (size_t i = 0; i < lines.n; i++)
		if (*lines.items[i] && !is_seen(&seen, lines.items[i]))
			fprintf(out, "%s\n", lines.items[i]);
	fclose(out);
	strings_done(&lines);
	strings_done(&seen);
	if (r < 0 && r != -ENOENT)
		return log_error_errno(r, "cannot read /" MOVED_STATE);
	r = *text ? root_replace(root, text, 0644, MOVED_STATE) :
		    root_remove(root, MOVED_STATE);
	return r < 0 ? log_error_errno(r, "cannot write /" MOVED_STATE) : 0;
}
