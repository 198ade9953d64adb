#include "yaml-out.h"

#include <yaml.h>

struct yaml {
	yaml_emitter_t emitter;
};

static void must(int ok)
{
	if (!ok)
		abort();
}

/* yaml_emitter_emit() takes ownership of the event, also when it fails */
static void emit(struct yaml *yaml, yaml_event_t *event)
{
	must(yaml_emitter_emit(&yaml->emitter, event));
}

static int write_out(void *out, unsigned char *text, size_t size)
{
	fwrite(text, 1, size, out);
	return 1; /* ferror() remembers */
}

struct yaml *yaml_open(FILE *out)
{
	struct yaml *yaml = xcalloc(1, sizeof(*yaml));
	yaml_event_t event;

	must(yaml_emitter_initialize(&yaml->emitter));
	yaml_emitter_set_output(&yaml->emitter, write_out, out);
	yaml_emitter_set_unicode(&yaml->emitter, 1);
	yaml_emitter_set_width(&yaml->emitter, -1);
	must(yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(yaml, &event);
	must(yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	emit(yaml, &event);
	return yaml;
}

void yaml_close(struct yaml *yaml)
{
	yaml_event_t event;

	must(yaml_document_end_event_initialize(&event, 1));
	emit(yaml, &event);
	must(yaml_stream_end_event_initialize(&event));
	emit(yaml, &event);
	yaml_emitter_delete(&yaml->emitter);
	free(yaml);
}

void yaml_map(struct yaml *yaml)
{
	yaml_event_t event;

	must(yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
						 YAML_BLOCK_MAPPING_STYLE));
	emit(yaml, &event);
}

void yaml_map_end(struct yaml *yaml)
{
	yaml_event_t event;

	must(yaml_mapping_end_event_initialize(&event));
	emit(yaml, &event);
}

void yaml_list(struct yaml *yaml)
{
	yaml_event_t event;

	must(yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						  YAML_BLOCK_SEQUENCE_STYLE));
	emit(yaml, &event);
}

void yaml_list_end(struct yaml *yaml)
{
	yaml_event_t event;

	must(yaml_sequence_end_event_initialize(&event));
	emit(yaml, &event);
}

static void scalar(struct yaml *yaml, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	must(yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
					  (int)strlen(text), 1, 1, style));
	emit(yaml, &event);
}

void yaml_key(struct yaml *yaml, const char *key)
{
	scalar(yaml, key, YAML_PLAIN_SCALAR_STYLE);
}

void yaml_string(struct yaml *yaml, const char *value)
{
	scalar(yaml, value, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

void yaml_bool(struct yaml *yaml, bool value)
{
	scalar(yaml, value ? "true" : "false", YAML_PLAIN_SCALAR_STYLE);
}
