#include "plan-print.h"

#include "modprobe.h"

#include <syslog.h>

static char *action_target(const struct action *a)
{
	if (!a->function)
		return xstrdup("");
	return a->vf == NONE ? xstrdup(a->function) :
			       xasprintf("%s VF %d", a->function, a->vf);
}

char *action_text(const struct action *a, bool done)
{
	_cleanup_free_ char *target = action_target(a), *values = NULL;

	switch (a->verb) {
	case LOAD_MODULE:
		return xasprintf("%s %s%s%s", done ? "loaded" : "load", a->name,
				 a->value ? " " : "", a->value ? a->value : "");
	case WRITE:
		return xasprintf("%s %s%s%s %s", done ? "wrote" : "write", target,
				 *target ? "/" : "", a->name, a->value);
	case REMOVE_VFS:
		return xasprintf("%s the %s VFs of %s", done ? "removed" : "remove",
				 a->value, target);
	case CREATE_VFS:
		return xasprintf("%s %s VFs on %s", done ? "created" : "create", a->value,
				 target);
	case CREATE_MDEV:
		return xasprintf("%s mediated device %s/%s on %s",
				 done ? "created" : "create", a->name, a->value, target);
	case REMOVE_MDEV:
		return xasprintf("%s mediated device %s of %s",
				 done ? "removed" : "remove", a->value, target);
	case OVERRIDE:
		return *a->value ?
			       xasprintf("%s %s for %s", done ? "reserved" : "reserve",
					 target, a->value) :
			       xasprintf("%s %s for any driver", done ? "freed" : "free",
					 target);
	case UNBIND:
		return xasprintf("%s %s from %s", done ? "unbound" : "unbind", target,
				 a->name);
	case BIND:
		return xasprintf("%s %s to %s", done ? "bound" : "bind", target, a->name);
	case PROBE:
		return xasprintf("%s %s", done ? "probed" : "probe", target);
	case SET_ESWITCH:
	case SET_LINK:
	case SET_NVME:
		return xasprintf("set %s of %s to %s", a->name, target, a->value);
	case SET_VF:
		values = vf_values_text(&a->values);
		return xasprintf("set %s: %s", target, values);
	case RESET:
		return xasprintf("reset %s", target);
	case BOOT_ARGS:
		return xasprintf("kernel arguments: %s", *a->value ? a->value : "(none)");
	case MODPROBE:
		return xasprintf("%s /" MODPROBE_CONF, *a->value ? "write" : "remove");
	case MEMLOCK:
		return xasprintf("%s of %s",
				 *a->value ? "lift the locked-memory limit" :
					     "restore the locked-memory limit",
				 a->name);
	case N_VERBS:
		break;
	}
	abort();
}

/* Actions that differ in nothing but the VF. */
struct line {
	const struct action *action; /* the first of them */
	int *vfs;
	size_t n_vfs;
};

struct lines {
	struct line *items;
	size_t n;
};

static bool has_vf(const struct line *line, int vf)
{
	for (size_t i = 0; i < line->n_vfs; i++)
		if (line->vfs[i] == vf)
			return true;
	return false;
}

static bool same_where(const struct where *a, const struct where *b)
{
	return a->line == b->line && streq(a->file, b->file);
}

static bool alike(const struct action *a, const struct action *b)
{
	return a->verb == b->verb && a->when == b->when &&
	       a->disruptive == b->disruptive && streq(a->name, b->name) &&
	       streq(a->value, b->value) && streq(a->why, b->why) &&
	       vf_values_alike(&a->values, &b->values) &&
	       same_where(&a->where, &b->where);
}

/* The line that an action on a VF may join: none behind one about the PF itself or about
 * the same VF. */
static struct line *find_line(const struct lines *lines, const struct action *action)
{
	for (size_t i = lines->n; action->vf != NONE && i-- > 0;) {
		struct line *line = &lines->items[i];

		if (line->action->vf == NONE || has_vf(line, action->vf) ||
		    !streq(line->action->function, action->function))
			return NULL;
		if (alike(line->action, action))
			return line;
	}
	return NULL;
}

static struct lines lines_make(const struct plan *plan)
{
	struct lines lines = {};

	for (size_t i = 0; i < plan->n_actions; i++) {
		const struct action *action = &plan->actions[i];
		struct line *line = find_line(&lines, action);

		if (!line) {
			line = array_add(lines.items, lines.n);
			*line = (struct line){ .action = action };
		}
		*array_add(line->vfs, line->n_vfs) = action->vf;
	}
	return lines;
}

static void lines_done(struct lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		free(lines->items[i].vfs);
	free(lines->items);
}

/* "VFs 0-3,5 of 0000:01:00.0" */
static char *vfs_text(const struct line *line)
{
	char *text = xstrdup("VFs ");

	for (size_t i = 0, last; i < line->n_vfs; i = last + 1) {
		char *more;

		for (last = i;
		     last + 1 < line->n_vfs && line->vfs[last + 1] == line->vfs[last] + 1;
		     last++)
			;
		more = last == i ? xasprintf("%s%s%d", text, i ? "," : "", line->vfs[i]) :
				   xasprintf("%s%s%d-%d", text, i ? "," : "",
					     line->vfs[i], line->vfs[last]);
		free(text);
		text = more;
	}
	char *all = xasprintf("%s of %s", text, line->action->function);
	free(text);
	return all;
}

/* Values that no two VFs share are those of the first. */
static char *line_text(const struct line *line)
{
	struct action shown = *line->action;
	_cleanup_free_ char *vfs = NULL, *text = NULL;

	if (line->n_vfs == 1)
		return action_text(line->action, false);
	vfs = vfs_text(line);
	shown.function = vfs;
	shown.vf = NONE;
	text = action_text(&shown, false);
	return xasprintf("%s%s", text,
			 shown.values.known & VF_UNIQUE ? ", and so on" : "");
}

static char line_sign(const struct action *a)
{
	if (a->disruptive)
		return '!';
	switch (a->verb) {
	case UNBIND:
	case REMOVE_VFS:
	case REMOVE_MDEV:
		return '-';
	case OVERRIDE:
	case MEMLOCK:
	case BOOT_ARGS:
	case MODPROBE:
		return *a->value ? '+' : '-';
	case WRITE:
	case SET_ESWITCH:
	case SET_LINK:
	case SET_VF:
	case SET_NVME:
	case RESET:
		return '~';
	case LOAD_MODULE:
	case CREATE_VFS:
	case CREATE_MDEV:
	case BIND:
	case PROBE:
	case N_VERBS:
		break;
	}
	return '+';
}

static const char *sign_colour(char sign)
{
	return sign == '+' ? "\033[32m" : sign == '~' ? "\033[33m" : "\033[31m";
}

static void print_line(FILE *out, const struct line *line, bool colour)
{
	const struct action *a = line->action;
	_cleanup_free_ char *text = line_text(line);
	const char *reboot = a->verb == BOOT_ARGS ? "needs a reboot" :
			     a->verb == MEMLOCK   ? "from the service's next start on" :
			     a->when == NEXT_BOOT ? "from the module's next load on" :
						    NULL;
	const char *separator = "  # ";
	char sign = line_sign(a);

	bool reasons = a->why || a->disruptive || reboot || a->where.file;

	fprintf(out, "%s%c %-*s%s", colour ? sign_colour(sign) : "", sign,
		reasons ? 52 : 0, text, colour ? "\033[0m" : "");
	bool takes = a->disruptive && (a->verb == UNBIND || a->verb == REMOVE_VFS);
	const char *parts[] = { takes ? "takes it from who may use it" : NULL, a->why,
				reboot };
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i]) {
			fprintf(out, "%s%s", separator, parts[i]);
			separator = "; ";
		}
	if (a->where.file)
		fprintf(out, "%s(%s:%d)", *separator == ';' ? " " : separator,
			a->where.file, a->where.line);
	fputc('\n', out);
}

static void print_problem(FILE *out, const struct problem *p, bool colour)
{
	const char *level = p->level <= LOG_ERR     ? "error:" :
			    p->level == LOG_WARNING ? "warning:" :
						      "note:";
	bool red = colour && p->level <= LOG_ERR;

	fprintf(out, "%s%s%s %s%s%s", red ? "\033[31m" : "", level, red ? "\033[0m" : "",
		p->pci ? p->pci : "", p->pci ? ": " : "", p->text);
	if (p->where.file)
		fprintf(out, "  # (%s:%d)", p->where.file, p->where.line);
	fputc('\n', out);
}

static void count(FILE *out, const char **separator, size_t n, const char *what)
{
	if (n)
		fprintf(out, "%s%zu %s", *separator, n, what);
	if (n)
		*separator = ", ";
}

static void print_counts(FILE *out, const struct plan *plan)
{
	size_t now = 0, later = 0, disruptive = 0, errors = 0, warnings = 0;
	const char *separator = "";

	for (size_t i = 0; i < plan->n_actions; i++) {
		const struct action *a = &plan->actions[i];

		*(a->disruptive ? &disruptive : a->when == NOW ? &now : &later) += 1;
	}
	for (size_t i = 0; i < plan->n_problems; i++) {
		errors += plan->problems[i].level <= LOG_ERR;
		warnings += plan->problems[i].level == LOG_WARNING;
	}
	count(out, &separator, now, "to do now");
	count(out, &separator, later, "for later");
	count(out, &separator, disruptive, "disruptive");
	count(out, &separator, errors, errors == 1 ? "error" : "errors");
	count(out, &separator, warnings, warnings == 1 ? "warning" : "warnings");
	if (*separator)
		fputc('\n', out);
}

int plan_print(const struct plan *plan, FILE *out, bool colour)
{
	struct lines lines = lines_make(plan);

	for (size_t i = 0; i < plan->n_problems; i++)
		print_problem(out, &plan->problems[i], colour);
	for (size_t i = 0; i < lines.n; i++) {
		const struct action *a = lines.items[i].action;

		if (i && !streq(a->function, lines.items[i - 1].action->function))
			fputc('\n', out);
		print_line(out, &lines.items[i], colour);
	}
	lines_done(&lines);
	if (plan->n_actions == 0 && plan->n_problems == 0)
		fputs("nothing to do\n", out);
	print_counts(out, plan);
	return ferror(out) ? -1 : 0;
}
