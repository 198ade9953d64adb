#include "yaml-out.h"

#include <yaml.h>

static void must(int ok)
{
	if (!ok)
		abort();
}

/* yaml_emitter_emit() takes ownership of the event, also when it fails */
static void emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
	must(yaml_emitter_emit(emitter, event));
}

static int write_out(void *out, unsigned char *text, size_t size)
{
	fwrite(text, 1, size, out);
	return 1; /* ferror() remembers */
}

static void scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	must(yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
					  (int)strlen(text), 1, 1, style));
	emit(emitter, &event);
}

static void print(yaml_emitter_t *emitter, const struct document *document);

static void print_list(yaml_emitter_t *emitter, const struct document *list)
{
	yaml_event_t event;

	must(yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						  YAML_BLOCK_SEQUENCE_STYLE));
	emit(emitter, &event);
	for (size_t i = 0; i < list->n; i++)
		print(emitter, list->items[i]);
	must(yaml_sequence_end_event_initialize(&event));
	emit(emitter, &event);
}

static void print_map(yaml_emitter_t *emitter, const struct document *map)
{
	yaml_event_t event;

	must(yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
						 YAML_BLOCK_MAPPING_STYLE));
	emit(emitter, &event);
	for (size_t i = 0; i < map->n; i++) {
		/* libyaml quotes a key where it must */
		scalar(emitter, map->items[i]->key, YAML_PLAIN_SCALAR_STYLE);
		print(emitter, map->items[i]);
	}
	must(yaml_mapping_end_event_initialize(&event));
	emit(emitter, &event);
}

static void print(yaml_emitter_t *emitter, const struct document *document)
{
	switch (document->kind) {
	case DOCUMENT_NULL:
		scalar(emitter, "null", YAML_PLAIN_SCALAR_STYLE);
		break;
	case DOCUMENT_BOOL:
		scalar(emitter, document->truth ? "true" : "false",
		       YAML_PLAIN_SCALAR_STYLE);
		break;
	case DOCUMENT_NUMBER:
		scalar(emitter, document->text, YAML_PLAIN_SCALAR_STYLE);
		break;
	case DOCUMENT_STRING:
		scalar(emitter, document->text, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
		break;
	case DOCUMENT_LIST:
		print_list(emitter, document);
		break;
	case DOCUMENT_MAP:
		print_map(emitter, document);
		break;
	}
}

void yaml_print(FILE *out, const struct document *document)
{
	yaml_emitter_t emitter;
	yaml_event_t event;

	must(yaml_emitter_initialize(&emitter));
	yaml_emitter_set_output(&emitter, write_out, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	must(yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(&emitter, &event);
	must(yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	emit(&emitter, &event);
	print(&emitter, document);
	must(yaml_document_end_event_initialize(&event, 1));
	emit(&emitter, &event);
	must(yaml_stream_end_event_initialize(&event));
	emit(&emitter, &event);
	yaml_emitter_delete(&emitter);
}
