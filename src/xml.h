/*
 * xml.h: text inside an XML document. Pure.
 */
#pragma once

#include "document.h"

/* Fit for an attribute in either kind of quotes, and for an element: &, <, >, ' and " are
 * entities, what XML 1.0 has no way to write is '?'. The caller frees it. */
char *xml_escape(const char *text);
