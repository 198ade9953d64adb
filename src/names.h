/*
 * names.h: names of devices from pci.ids. libpci lives in names.c.
 */
#pragma once

#include "util.h"

struct names; /* an open pci.ids; NULL is allowed everywhere and knows no names */

/* Never NULL; the list is read at the first question. Without one all names are unknown.
 */
struct names *names_open(void);
void names_close(struct names **names);
/* "82576 Virtual Function"; NULL: unknown. The caller frees it. */
char *names_device(const struct names *names, unsigned vendor, unsigned device);
