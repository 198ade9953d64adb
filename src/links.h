/*
 * links.h: names that stay when PCI addresses change: /run/sriov-setup/by-resource/
 * RESOURCE/N is a link to the function's folder in /sys.
 */
#pragma once

#include "export.h"
#include "root.h"

#define LINKS_DIR "run/sriov-setup/by-resource"

/* Makes the links what is offered now; all others there go. Logs what fails. */
int links_write(const struct root *root, const struct export_input *input);
int links_remove(const struct root *root);
