/*
 * attribute.h: a file below a PCI function's own folder, which the config names freely.
 *
 * No part of the name may be a symbolic link (-ELOOP): driver/, subsystem/ and virtfn0/
 * lead out of the folder.
 */
#pragma once

#include "root.h"

/* `device` is the function's folder as a root of its own. -EACCES: it is write-only. */
int attribute_read(const struct root *device, const char *name, char **ret);
int attribute_write(const struct root *device, const char *name, const char *value);
