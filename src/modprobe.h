/*
 * modprobe.h: what needs no reboot but must hold for each later load of a module, also by
 * others: our file in modprobe.d. Pure.
 */
#pragma once

#include "config.h"

#define MODPROBE_CONF "etc/modprobe.d/sriov-setup.conf"

/*
 * The whole file; "" when nothing is asked for, which means no file. `ids`: those that
 * vfio-pci may take as a whole model, "" or NULL for none. The caller frees it.
 */
char *modprobe_text(const struct kernel_config *config, const char *ids);
