#include "json.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>

static void *must(void *object)
{
	if (!object)
		abort();
	return object;
}

static void print_string(FILE *out, const char *text)
{
	struct json_object *object = must(json_object_new_string(text));

	fputs(must((char *)json_object_to_json_string_ext(
		      object, JSON_C_TO_STRING_NOSLASHESCAPE)),
	      out);
	json_object_put(object);
}

#define ONE_LINE (-1) /* as the depth */

static void print_break(FILE *out, int depth)
{
	if (depth != ONE_LINE)
		fprintf(out, "\n%*s", 2 * depth, "");
}

/* json-c breaks the lines of an empty list in some versions, and not in others. */
static void print(FILE *out, const struct document *document, int depth)
{
	bool map = document->kind == DOCUMENT_MAP;
	int inner = depth == ONE_LINE ? ONE_LINE : depth + 1;

	switch (document->kind) {
	case DOCUMENT_NULL:
		fputs("null", out);
		break;
	case DOCUMENT_BOOL:
		fputs(document->truth ? "true" : "false", out);
		break;
	case DOCUMENT_NUMBER:
		fputs(document->text, out);
		break;
	case DOCUMENT_STRING:
		print_string(out, document->text);
		break;
	case DOCUMENT_LIST:
	case DOCUMENT_MAP:
		fputc(map ? '{' : '[', out);
		for (size_t i = 0; i < document->n; i++) {
			if (i)
				fputc(',', out);
			print_break(out, inner);
			if (map) {
				print_string(out, document->items[i]->key);
				fputs(depth == ONE_LINE ? ":" : ": ", out);
			}
			print(out, document->items[i], inner);
		}
		if (document->n)
			print_break(out, depth);
		fputc(map ? '}' : ']', out);
		break;
	}
}

char *json_text(const struct document *document)
{
	char *text = NULL;
	size_t size;
	FILE *out = must(open_memstream(&text, &size));

	print(out, document, ONE_LINE);
	fclose(out);
	return text;
}

void json_print(FILE *out, const struct document *document)
{
	print(out, document, 0);
	fputc('\n', out);
}

static struct document *from_json(struct json_object *object)
{
	struct document *document;

	switch (json_object_get_type(object)) {
	case json_type_boolean:
		return document_bool(json_object_get_boolean(object));
	case json_type_int:
	case json_type_double: /* json-c keeps how it was written */
		document = document_new(DOCUMENT_NUMBER);
		document->text = xstrdup(json_object_to_json_string(object));
		return document;
	case json_type_string:
		return document_string(json_object_get_string(object));
	case json_type_array:
		document = document_new(DOCUMENT_LIST);
		for (size_t i = 0; i < json_object_array_length(object); i++)
			document_add(document,
				     from_json(json_object_array_get_idx(object, i)));
		return document;
	case json_type_object:
		document = document_new(DOCUMENT_MAP);
		json_object_object_foreach(object, key, value)
			document_put(document, key, from_json(value));
		return document;
	default:
		return document_new(DOCUMENT_NULL);
	}
}

int json_parse(const char *text, struct document **ret, const char **ret_fault)
{
	struct json_tokener *tokener = must(json_tokener_new_ex(JSON_DEPTH_MAX));
	struct json_object *object;
	size_t end;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	end = json_tokener_get_parse_end(tokener);
	*ret_fault = json_tokener_error_desc(json_tokener_get_error(tokener));
	if (json_tokener_get_error(tokener) == json_tokener_success) {
		while (isspace((unsigned char)text[end]))
			end++;
		*ret_fault = text[end] ? "something follows the value" : NULL;
	}
	json_tokener_free(tokener);
	if (!*ret_fault)
		*ret = from_json(object);
	json_object_put(object);
	return *ret_fault ? -EINVAL : 0;
}
