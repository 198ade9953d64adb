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

/* A null is NULL to json-c. */
static struct json_object *to_json(const struct document *document)
{
	struct json_object *object;

	switch (document->kind) {
	case DOCUMENT_BOOL:
		return must(json_object_new_boolean(document->truth));
	case DOCUMENT_NUMBER: /* as it is written */
		return must(json_object_new_double_s(0, document->text));
	case DOCUMENT_STRING:
		return must(json_object_new_string(document->text));
	case DOCUMENT_LIST:
		object = must(json_object_new_array());
		for (size_t i = 0; i < document->n; i++)
			if (json_object_array_add(object, to_json(document->items[i])) <
			    0)
				abort();
		return object;
	case DOCUMENT_MAP:
		object = must(json_object_new_object());
		for (size_t i = 0; i < document->n; i++)
			if (json_object_object_add(object, document->items[i]->key,
						   to_json(document->items[i])) < 0)
				abort();
		return object;
	default:
		return NULL;
	}
}

static char *print(const struct document *document, int flags)
{
	struct json_object *object = to_json(document);
	char *text = xstrdup(must((char *)json_object_to_json_string_ext(
		object, flags | JSON_C_TO_STRING_NOSLASHESCAPE)));

	json_object_put(object);
	return text;
}

char *json_text(const struct document *document)
{
	return print(document, JSON_C_TO_STRING_PLAIN);
}

void json_print(FILE *out, const struct document *document)
{
	_cleanup_free_ char *text =
		print(document, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);

	fprintf(out, "%s\n", text);
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

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
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
