/*
 * json.h: documents as JSON, out and in. json-c lives in json.c.
 */
#pragma once

#include "document.h"

#define JSON_DEPTH_MAX 64

/* On one line; the caller frees it. */
char *json_text(const struct document *document);
/* Indented, with a newline at the end. Whether `out` took it all is for ferror() to say.
 */
void json_print(FILE *out, const struct document *document);
/*
 * One JSON value, and nothing behind it but white space. Returns 0, or -EINVAL and in
 * *ret_fault what is wrong (borrowed).
 */
int json_parse(const char *text, struct document **ret, const char **ret_fault);
