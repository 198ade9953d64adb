/* capability.h: where a PCI Express extended capability is. */
#pragma once

#include "util.h"

#define CAPABILITY_SERIAL 0x0003
#define CAPABILITY_SRIOV 0x0010

/*
 * `fd`: the function's `config` in sysfs, or negative. Returns the offset, 0 where there
 * is none or where it cannot be read.
 */
unsigned capability_find(int fd, unsigned id);
