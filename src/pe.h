/*
 * pe.h: sections of a PE image, the format of EFI programs. Pure.
 *
 * Offsets are those of Microsoft's "PE Format", which the UEFI specification takes over.
 * A damaged image is no error of ours: nothing outside `size` is touched.
 */
#pragma once

#include "util.h"

/* Where the section's content is within `image`; -ENOENT, or -EBADMSG: no PE image. */
int pe_find_section(const char *image, size_t size, const char *name,
		    const char **ret_content, size_t *ret_size);
/*
 * Appends a section of initialised data, as ukify does. *image is reallocated.
 * -EBADMSG: no PE image; -ENOSPC: its headers have no room for one more section.
 * One of that name that is there already stays, and stays the first.
 */
int pe_add_section(char **image, size_t *size, const char *name, const char *content);
