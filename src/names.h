/*
 * names.h: names of devices from pci.ids. libpci lives in names.c.
 */
#pragma once

#include "util.h"

struct names; /* an open pci.ids; NULL is allowed everywhere and knows no names */

/* NULL when there is no pci.ids. */
struct names *names_open(void);
void names_close(struct names **names);
/* "82576 Virtual Function"; NULL: unknown. The caller frees it. */
char *names_device(const struct names *names, unsigned vendor, unsigned device);
