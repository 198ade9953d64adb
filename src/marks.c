#include "marks.h"

#include <limits.h>
#include <syslog.h>

#define PROBLEM INT_MAX /* in the place of a VF's index: known by its own address */

static char *action_mark(const struct action *a)
{
	_cleanup_free_ char *values = NULL;

	switch (a->verb) {
	case SET_VF:
		values = vf_values_text(&a->values);
		return xasprintf("%s wanted", values);
	case SET_LINK:
	case SET_ESWITCH:
		return xasprintf("%s %s wanted", a->name, a->value);
	case WRITE:
		return streq(a->name, "sriov_drivers_autoprobe") ?
			       NULL :
			       xasprintf("%s %s wanted", a->name, a->value);
	case OVERRIDE:
		return NULL;
	default:
		return xstrdup(a->why);
	}
}

static int compare_target(const struct mark *mark, const char *function, int vf)
{
	int order = strcmp(mark->function, function);

	return order ? order : (mark->vf > vf) - (mark->vf < vf);
}

static int compare(const void *x, const void *y)
{
	const struct mark *a = x, *b = y;
	int order = compare_target(a, b->function, b->vf);

	return order ? order : (a->place > b->place) - (a->place < b->place);
}

struct marks marks_make(const struct plan *plan)
{
	struct marks marks = { .known = plan };

	for (size_t i = 0; plan && i < plan->n_actions; i++) {
		const struct action *a = &plan->actions[i];

		if (a->function)
			*array_add(marks.items, marks.n) =
				(struct mark){ a->function, a->vf, i, action_mark(a) };
	}
	for (size_t i = 0; plan && i < plan->n_problems; i++) {
		const struct problem *p = &plan->problems[i];

		if (p->pci && p->level <= LOG_WARNING)
			*array_add(marks.items, marks.n) =
				(struct mark){ p->pci, PROBLEM, i, xstrdup(p->text) };
	}
	if (marks.n)
		qsort(marks.items, marks.n, sizeof(*marks.items), compare);
	return marks;
}

void marks_done(struct marks *marks)
{
	for (size_t i = 0; i < marks->n; i++)
		free(marks->items[i].text);
	free(marks->items);
	*marks = (struct marks){};
}

/* Whether there is one, be it only a step. */
static bool add_texts(struct strings *found, const struct marks *marks,
		      const char *function, int vf)
{
	size_t first = 0, end = marks->n, i;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (compare_target(&marks->items[middle], function, vf) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	for (i = first; i < marks->n; i++) {
		const struct mark *mark = &marks->items[i];

		if (compare_target(mark, function, vf) != 0)
			break;
		if (mark->text && !strings_contain(found, mark->text))
			strings_add(found, mark->text);
	}
	return i > first;
}

struct strings marks_find(const struct marks *marks, const char *function, int vf,
			  const char *own)
{
	struct strings found = {};

	if (add_texts(&found, marks, function, vf) && found.n == 0)
		strings_add(&found, "not reserved for its driver");
	add_texts(&found, marks, own, PROBLEM);
	return found;
}
