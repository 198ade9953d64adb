/*
 * config-text.h: what must be known of a config's text before libconfig sees it. Pure.
 *
 * libconfig 1.5 silently corrupts numbers that do not fit an int, its versions disagree
 * on octal, and @include reads other files and ends the process when it cannot.
 */
#pragma once

#include "util.h"

/* One mistake; `text` is owned. */
struct text_mistake {
	int line;
	char *text;
};

/* All mistakes of the text, in order; returns their number. The caller frees text and
 * array. */
size_t config_text_check(const char *text, struct text_mistake **ret);
