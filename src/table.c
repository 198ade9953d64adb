#include "table.h"

#include <libsmartcols/libsmartcols.h>
#include <locale.h>

struct table {
	struct libscols_table *scols;
	bool colour;
};

/* libsmartcols returns errors only where memory is out */
static void need(int r)
{
	if (r != 0)
		abort();
}

struct table *table_new(const char *const columns[], size_t n, bool colour)
{
	struct table *table = xcalloc(1, sizeof(*table));

	setlocale(LC_CTYPE, "");
	scols_init_debug(0);
	table->colour = colour;
	table->scols = scols_new_table();
	if (!table->scols)
		abort();
	need(scols_table_enable_colors(table->scols, colour));
	/* a terminal breaks a line that is too long, which is better than half of it */
	need(scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_NEVER));
	for (size_t i = 0; i < n; i++)
		if (!scols_table_new_column(table->scols, columns[i], 0,
					    i == 0 ? SCOLS_FL_TREE : 0))
			abort();
	return table;
}

struct table_row *table_add(struct table *table, struct table_row *parent)
{
	struct libscols_line *line =
		scols_table_new_line(table->scols, (struct libscols_line *)parent);

	if (!line)
		abort();
	return (struct table_row *)line;
}

void table_set(struct table_row *row, size_t column, const char *text)
{
	need(scols_line_set_data((struct libscols_line *)row, column, text));
}

void table_colour(struct table_row *row, const char *colour)
{
	need(scols_line_set_color((struct libscols_line *)row, colour));
}

/* By an iterator: the lines are a list, and scols_table_get_line() counts from its head.
 */
static bool is_empty(struct libscols_table *scols, size_t column)
{
	struct libscols_iter *iter = scols_new_iter(SCOLS_ITER_FORWARD);
	struct libscols_line *line;
	bool empty = true;

	if (!iter)
		abort();
	while (empty && scols_table_next_line(scols, iter, &line) == 0) {
		const char *text = scols_cell_get_data(scols_line_get_cell(line, column));

		empty = !text || !*text;
	}
	scols_free_iter(iter);
	return empty;
}

void table_print(struct table *table, FILE *out)
{
	_cleanup_free_ char *text = NULL;
	char *line, *end;

	for (size_t i = 0; i < scols_table_get_ncols(table->scols); i++)
		if (is_empty(table->scols, i))
			need(scols_column_set_flags(
				scols_table_get_column(table->scols, i),
				SCOLS_FL_HIDDEN));
	need(scols_print_table_to_string(table->scols, &text));
	/* what only fills up would make a terminal break the line */
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		fprintf(out, "%s\n", strip_end(line));
	}
	fprintf(out, "%s\n", strip_end(line));
}

void table_free(struct table **table)
{
	if (*table)
		scols_unref_table((*table)->scols);
	free(*table);
}
