/* Document trees: what goes in by JSON, what comes out, text that is no text. */
#include "json.h"
#include "tap.h"
#include "yaml-out.h"

static char *yaml_of(const struct document *document)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	yaml_print(out, document);
	fclose(out);
	return text;
}

static void test_round_trip(void)
{
	static const char text[] =
		"{\"a\":[1,-2,0.50,1e3,true,null,\"x\\ny\\u0000\"],\"b\":{},\"c\":[]}";
	_cleanup_(document_free) struct document *document = NULL, *copy = NULL;
	_cleanup_free_ char *again = NULL, *yaml = NULL;
	const char *fault;

	is_int(json_parse(text, &document, &fault), 0, "JSON is read");
	copy = document_copy(document);
	again = json_text(copy);
	is_string(again, "{\"a\":[1,-2,0.50,1e3,true,null,\"x\\ny\"],\"b\":{},\"c\":[]}",
		  "and printed as it was; a string ends at NUL");
	yaml = yaml_of(copy);
	is_string(yaml,
		  "a:\n- 1\n- -2\n- 0.50\n- 1e3\n- true\n- null\n- \"x\\ny\"\nb: {}\n"
		  "c: []\n",
		  "as YAML");
}

static void test_refused(void)
{
	static const char *const bad[] = { "",     "{",   "{} {}",   "{\"a\":}",
					   "[1,]", "nul", "\"\xff\"" };
	char deep[2 * JSON_DEPTH_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct document *document = NULL;
		const char *fault = NULL;

		ok(json_parse(bad[i], &document, &fault) < 0 && fault && !document,
		   "refused, with a reason: %zu", i);
		document_free(&document);
	}
	memset(deep, '[', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	struct document *document = NULL;
	const char *fault = NULL;

	ok(json_parse(deep, &document, &fault) < 0 && !document, "too deep");
}

static void test_text(void)
{
	static const struct {
		const char *text, *kept;
	} cases[] = {
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "\xff\x80", "??" },
		{ "\xc0\xaf", "??" },      /* overlong */
		{ "\xed\xa0\x80", "???" }, /* a surrogate */
		{ "a\xc2\x85"
		  "b",
		  "a??b" },                /* NEL: the end of a line in YAML 1.1 */
		{ "\xe2\x80\xa8", "???" }, /* LINE SEPARATOR */
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
		{ "\xf0\x9f\x98", "???" }, /* cut off */
		{ "\xf5\x80\x80\x80", "????" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *kept = document_clean(cases[i].text);

		is_string(kept, cases[i].kept, "text %zu", i);
	}
}

int main(void)
{
	test_round_trip();
	test_refused();
	test_text();
	return done();
}
