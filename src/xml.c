#include "xml.h"

static const char *entity(unsigned char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\'':
		return "&apos;";
	case '"':
		return "&quot;";
	default:
		return NULL;
	}
}

char *xml_escape(const char *text)
{
	/* a document's string is UTF-8 */
	_cleanup_(document_free) struct document *clean = document_string(text);
	char *escaped = xcalloc(strlen(clean->text) + 1, strlen("&quot;")), *to = escaped;

	for (const char *c = clean->text; *c; c++) {
		const char *name = entity((unsigned char)*c);

		if (name)
			to = stpcpy(to, name);
		else
			*to++ = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
	}
	return escaped;
}
