/*
 * yaml-out.h: a document as YAML. libyaml lives in yaml-out.c.
 *
 * Strings are always quoted. Running out of memory aborts; whether `out` took it all is
 * for ferror() to say.
 */
#pragma once

#include "document.h"

void yaml_print(FILE *out, const struct document *document);
