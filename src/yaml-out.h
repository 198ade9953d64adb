/*
 * yaml-out.h: a YAML document, written node by node. libyaml lives in yaml-out.c.
 *
 * Any failure (out of memory) aborts; whether `out` took it all is for ferror() to say.
 */
#pragma once

#include "util.h"

struct yaml; /* an open document */

struct yaml *yaml_open(FILE *out);
void yaml_close(struct yaml *yaml);
void yaml_map(struct yaml *yaml);      /* { … */
void yaml_map_end(struct yaml *yaml);  /* … } */
void yaml_list(struct yaml *yaml);     /* [ … */
void yaml_list_end(struct yaml *yaml); /* … ] */
void yaml_key(struct yaml *yaml, const char *key);
void yaml_string(struct yaml *yaml, const char *value); /* always quoted */
void yaml_bool(struct yaml *yaml, bool value);
