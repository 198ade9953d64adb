/*
 * table.h: rows in columns, some below others. libsmartcols lives in table.c.
 */
#pragma once

#include "util.h"

struct table;
struct table_row; /* belongs to its table */

/*
 * The first of `n` columns is the tree. A column that stays empty is not shown. Draws
 * lines as far as the locale's characters go; `colour`: for a terminal.
 */
struct table *table_new(const char *const columns[], size_t n, bool colour);
/* `parent` NULL: a row of its own. */
struct table_row *table_add(struct table *table, struct table_row *parent);
/* The text is copied; NULL leaves it empty. */
void table_set(struct table_row *row, size_t column, const char *text);
/* The row in that colour: a name of terminal-colors.d(5), "red", "brown". */
void table_colour(struct table_row *row, const char *colour);
void table_print(struct table *table, FILE *out);
void table_free(struct table **table);
